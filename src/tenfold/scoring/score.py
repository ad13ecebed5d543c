"""The verb score: accuracy on your own labeled pictures, and the errors at each coverage."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tenfold.classifiers.bundle import load_classifier
from tenfold.classifiers.model_file import Model
from tenfold.errors import UsageError
from tenfold.evaluation.significance import wilson_interval
from tenfold.reading.reader import Reader
from tenfold.reading.shipped import DEFAULT_MODEL
from tenfold.scoring.outcomes import Covered, Outcome, accepted, covered, read_pictures
from tenfold.scoring.picture_sets import LabeledPicture, load_pictures

COVERAGES = (1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.5)
"""Coverages in the table: shares of the readings, the most confident first."""


@dataclass(frozen=True)
class LabelScore:
    """The pictures that show one digit, or that belong to one kind.

    Attributes:
        label: The digit, or the kind.
        n: Number of pictures.
        errors: Number read wrong.
    """

    label: str
    n: int
    errors: int


@dataclass(frozen=True)
class Failure:
    """A picture that was read wrong.

    Attributes:
        file: File below the folder, or the number of a row of an array.
        label: The digits that it shows; lines are separated by line breaks.
        read: The best guesses, rejected ones included.
        confidence: Of the least confident digit, 0 to 1.
        accepted: No digit was rejected, so the error would go unnoticed.
        error: Why the picture could not be read; "" if it could.
    """

    file: str
    label: str
    read: str
    confidence: float
    accepted: bool
    error: str


@dataclass(frozen=True)
class Score:
    """What a model reads right of some labeled pictures.

    Rejected digits count by their best guess, except in `accepted`. A number counts as right if all
    of its digits are.

    Attributes:
        source: Folder or file of the pictures.
        model: Shipped name or bundle folder.
        n: Number of pictures.
        errors: Number read wrong.
        accuracy: Share read right.
        accuracy_interval: Wilson's 95% interval of the accuracy.
        accepted: The readings that the model accepts at its own threshold.
        coverages: The most confident readings, for each of `COVERAGES`; of few pictures, coverages
            that accept the same ones count once.
        labels: The pictures of each digit; empty if the pictures show numbers.
        kinds: The pictures of each kind, if labels.csv has the column `kind`.
        failures: All pictures that were read wrong, the most confident first.
        pictures: The pictures.
        outcomes: How each was read.
    """

    source: str
    model: str
    n: int
    errors: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    accepted: Covered
    coverages: tuple[Covered, ...]
    labels: tuple[LabelScore, ...]
    kinds: tuple[LabelScore, ...]
    failures: tuple[Failure, ...]
    pictures: tuple[LabeledPicture, ...] = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold score --json` prints them."""
        figures = asdict(replace(self, pictures=(), outcomes=()))
        return {name: v for name, v in figures.items() if name not in ("pictures", "outcomes")}


def score(source: str | Path, model: Model = DEFAULT_MODEL, *, progress: bool = False) -> Score:
    """Read labeled pictures and count the errors.

    Args:
        source: Folder of pictures, or an .npz file; for the forms of labels see
            `tenfold.scoring.picture_sets.load_pictures`.
        model: Shipped name or bundle folder.
        progress: Draw a progress bar on stderr.

    Raises:
        UsageError: The source is no path.
        TenfoldError: There is no such model, or there are no labeled pictures.
    """
    from tqdm import tqdm

    if not isinstance(source, str | Path):
        raise UsageError(
            f"source is a {type(source).__name__}: give the path of a folder of labeled pictures, "
            "or of an .npz file"
        )
    reader = Reader(load_classifier(model), threads=1)  # several pictures at the same time
    pictures = load_pictures(Path(source))
    with tqdm(total=len(pictures), unit="picture", disable=not progress, dynamic_ncols=True) as bar:
        outcomes = read_pictures(reader, pictures, bar.update)
    n, errors = len(outcomes), sum(not one.correct for one in outcomes)
    single = all(picture.single for picture in pictures)
    return Score(
        source=str(source),
        model=str(model),
        n=n,
        errors=errors,
        accuracy=(n - errors) / n,
        accuracy_interval=wilson_interval(n - errors, n),
        accepted=accepted(outcomes),
        coverages=_coverages(outcomes),
        labels=_grouped([_label(one) if single else "" for one in pictures], outcomes),
        kinds=_grouped([one.kind for one in pictures], outcomes),
        failures=_failures(pictures, outcomes),
        pictures=tuple(pictures),
        outcomes=tuple(outcomes),
    )


def _coverages(outcomes: Sequence[Outcome]) -> tuple[Covered, ...]:
    rows = [covered(outcomes, coverage) for coverage in COVERAGES]
    return tuple({row.n: row for row in rows}.values())


def _label(picture: LabeledPicture) -> str:
    return "\n".join(picture.lines or ())


def _grouped(names: Sequence[str], outcomes: Sequence[Outcome]) -> tuple[LabelScore, ...]:
    """Return n and errors of each name, in their order; pictures without a name are left out."""
    found = []
    for name in sorted(set(names) - {""}):
        group = [one.correct for one, own in zip(outcomes, names, strict=True) if own == name]
        found.append(LabelScore(name, len(group), group.count(False)))
    return tuple(found)


def _failures(
    pictures: Sequence[LabeledPicture], outcomes: Sequence[Outcome]
) -> tuple[Failure, ...]:
    found = [
        Failure(
            picture.name, _label(picture), one.text, round(one.confidence, 4), one.accepted,
            one.error,
        )
        for picture, one in zip(pictures, outcomes, strict=True)
        if not one.correct
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda failure: (-failure.accepted, -failure.confidence)))
