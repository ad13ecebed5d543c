"""Rows of a lattice: every probability is checked against the sum over all paths, one by one."""

from itertools import groupby, product

import numpy as np
import pytest

from tenfold.arrays import DIGITS
from tenfold.reading.automata import Choices, compiled
from tenfold.reading.ctc import CHARACTERS, Steps
from tenfold.reading.field_decoding import likeliest
from tenfold.reading.lattice import ALPHABET, Lattice, Segment, digit_step, lattice_of
from tenfold.reading.patterns import Pattern
from tenfold.reading.row_search import RowSearch
from tenfold.reading.settings import ReaderSettings

SAID = "01."
"""The characters that the steps below say, besides nothing."""


def random_steps(count: int, rng: np.random.Generator) -> Steps:
    steps = np.zeros((count, len(CHARACTERS) + 1), np.float32)
    columns = [0, *(1 + CHARACTERS.index(one) for one in SAID)]
    steps[:, columns] = rng.dirichlet(np.full(len(columns), 0.7), count)
    return steps


def random_lattice(seed: int) -> Lattice:
    """Return a lattice of three segments: of two views, of one, and of one without steps too."""
    rng = np.random.default_rng(seed)
    return Lattice(
        (
            Segment((random_steps(1, rng), random_steps(3, rng)), (0.7, 0.3)),
            Segment((random_steps(2, rng),), (1.0,), after_space=True),
            Segment((random_steps(0, rng), random_steps(2, rng)), (0.4, 0.6)),
        )
    )


def all_rows(lattice: Lattice, *, spaces: bool = False, silent: str = "") -> dict[str, float]:
    """Return every row of a lattice with its probability, path by path."""
    found = {"": 1.0}
    for segment in lattice.segments:
        here: dict[str, float] = {}
        for steps, weight in zip(segment.views, segment.weights, strict=True):
            for path in product(["", *SAID], repeat=len(steps)):
                columns = [1 + CHARACTERS.index(one) if one else 0 for one in path]
                likely = weight * float(np.prod(steps[np.arange(len(steps)), columns]))
                heard = ["" if one in silent else one for one in path]
                row = "".join(one for one, _ in groupby(heard))
                here[row] = here.get(row, 0) + likely
        before = " " if spaces and segment.after_space else ""
        joined: dict[str, float] = {}
        for (one, first), (other, second) in product(found.items(), here.items()):
            row = one + before + other
            joined[row] = joined.get(row, 0) + first * second
        found = joined
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "pattern", ["[01]+", "[01]*[.][01]{2}", "(0|1[.])*", "1{2,4}", "[01]{3}|[01][.][01]"]
)
def test_rows_come_likeliest_first_with_their_shares(pattern: str, seed: int) -> None:
    lattice = random_lattice(seed)
    accepted = compiled(Pattern(pattern))
    search = RowSearch(lattice, accepted)
    rows = {row: p for row, p in all_rows(lattice).items() if accepts(accepted, row) and p > 1e-9}
    total = sum(rows.values())
    assert search.log_likelihood == pytest.approx(np.log(total), rel=1e-3, abs=1e-3)
    found = list(search.rows())
    shares = [one.share for one in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    assert found[0].rest == pytest.approx(1 - found[0].share, abs=1e-6)
    assert found[0].text == max(rows, key=lambda row: rows[row])
    for one in found[: len(rows)]:
        assert one.share == pytest.approx(rows[one.text] / total, rel=1e-2, abs=1e-5)


def accepts(automaton, text: str) -> bool:
    state = 0
    for character in text:
        state = automaton.targets[state, ALPHABET.index(character)]
        if state < 0:
            return False
    return bool(automaton.accepting[state])


@pytest.mark.parametrize("seed", range(4))
def test_silent_signs_leave_nothing(seed: int) -> None:
    lattice = random_lattice(seed)
    rows = all_rows(lattice, silent=".")
    for text, share in likeliest(lattice, 5, numbers=False):
        assert share == pytest.approx(rows[text], rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_spaces_are_kept_where_signs_are(seed: int) -> None:
    lattice = random_lattice(seed)
    rows = all_rows(lattice, spaces=True)
    found = likeliest(lattice, 20, numbers=True)
    assert found[0][0] == max(rows, key=lambda row: rows[row])
    assert sum(share for _, share in found) <= 1 + 1e-9
    for text, share in found:
        assert share == pytest.approx(rows.get(text, 0), rel=1e-2, abs=1e-4)


def test_nothing_can_stand_where_no_row_is_accepted() -> None:
    long = compiled(Choices(["0" * 40]))
    search = RowSearch(random_lattice(0), long)
    assert search.log_likelihood == -np.inf
    assert list(search.rows()) == []
    assert list(RowSearch(Lattice(()), long).rows()) == []


def test_cells_are_independent() -> None:
    rng = np.random.default_rng(1)
    cells = rng.dirichlet(np.full(10, 0.3), 5).astype(np.float32)
    found = likeliest(Lattice.of_digits(list(cells)), 3, numbers=False)
    assert found[0][0] == "".join(DIGITS[one] for one in cells.argmax(axis=1))
    assert found[0][1] == pytest.approx(cells.max(axis=1).prod(), rel=1e-3)


def test_two_pieces_may_be_the_same_digit() -> None:
    one = digit_step(np.eye(10, dtype=np.float32)[1])
    lattice = lattice_of([(0.0, 20.0, one), (24.0, 44.0, one)], (), (), ReaderSettings())
    assert likeliest(lattice, 1, numbers=False)[0] == ("11", pytest.approx(1, abs=0.01))


def test_pieces_and_the_network_are_two_views_of_a_stretch() -> None:
    settings = ReaderSettings()
    steps = np.zeros((9, len(CHARACTERS) + 1), np.float32)
    steps[:, 0] = 1
    for step, digit in ((1, 3), (5, 4), (7, 4)):
        steps[step] = 0
        steps[step, 1 + digit] = 1
    sure = np.eye(10, dtype=np.float32)
    places = [(0.0, 20.0, digit_step(sure[3])), (45.0, 80.0, digit_step(sure[9]))]
    lattice = lattice_of(places, (steps,), (np.arange(5.0, 95.0, 10.0),), settings)
    assert len(lattice.segments) == 2
    found = dict(likeliest(lattice, 5, numbers=False))
    assert found["39"] == pytest.approx(settings.pieces_share, abs=0.01)
    assert found["344"] == pytest.approx(1 - settings.pieces_share, abs=0.01)
    assert len(lattice_of(places, (), (), settings).segments) == 1
    assert lattice_of([], (), (), settings).segments[0].views[0].shape == (0, 23)
