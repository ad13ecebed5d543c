import re
from pathlib import Path

import pytest

import tenfold
from tenfold.formatting import count, duration, no_such, percent, short_percent


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 s"), (1.0, "1.00 s"), (9.99, "9.99 s"), (9.999, "10.0 s"), (36.13, "36.1 s"),
     (59.97, "1 min 00 s"), (236.86, "3 min 57 s"), (1234.5, "20 min 34 s"),
     (3600, "1 h 00 min"), (7262, "2 h 01 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert [count(n, "epoch") for n in (0, 1, 1000)] == ["0 epochs", "1 epoch", "1,000 epochs"]


def test_probabilities_are_not_rounded_to_0_or_1() -> None:
    values = (1.0, 0.9994, 0.982, 0.0004)
    assert [percent(one) for one in values] == ["over 99.9%", "over 99.9%", "98.2%", "under 0.1%"]
    assert [short_percent(one) for one in values] == [">99.9%", ">99.9%", "98.2%", "<0.1%"]


def test_every_confidence_is_written_by_percent() -> None:
    otherwise = re.compile(r"\{[^{}]*(confidence|probability)[^{}]*:\.\d%\}")
    sources = Path(tenfold.__file__).parent.rglob("*.py")
    found = [one.name for one in sources if otherwise.search(one.read_text("utf-8"))]
    assert found == ["formatting.py"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("artikle", " (did you mean article?)"), ("Fast", " (did you mean fast?)"),
     ("tic", " (did you mean article?)"), ("zebra", ""), ("", ""), (7, "")],
)  # fmt: skip
def test_unknown_names(name: object, hint: str) -> None:
    message = no_such("recipe", name, ("article", "fast"), "give a .json file")
    assert message == f"no recipe {name!r}{hint}; there are: article, fast; or give a .json file"
