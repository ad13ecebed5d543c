"""Counterfactual: a small change, strokes added or erased, that turns the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Gray
from tenfold.classifiers.base import Classifier
from tenfold.explaining.occlusion import log_odds

PEN_WIDTH, ERASER_WIDTH = 2.4, 4.0
"""Widths in pixels. The pen is as wide as MNIST's median stroke
(`tenfold.imaging.canvas.STROKE_WIDTHS`); the eraser is wide enough to cut a stroke."""

LENGTHS = (0.0, 4.0, 9.0)
"""Lengths of the strokes that are tried everywhere, in pixels: from a dot to half a digit."""

DIRECTIONS = 6
"""Number of directions that are tried everywhere."""

GRID_STEP = 3
"""Distance between the centers of the strokes that are tried everywhere, in pixels."""

MARGIN = 3
"""Distance that strokes keep from the edge, in pixels; MNIST's digits leave four free."""

MAX_STROKES = 4
"""Strokes after which the search ends without a counterfactual."""

MAX_STROKES_TO_RUNNER_UP = 2
"""Strokes after which the runner-up is given up, and any other digit is accepted."""

BEAM_WIDTH = 3
"""Candidates that are extended by another stroke."""

MIN_DIFFERENCE = 3.0
"""Least difference between the candidates of the beam, in pixels of ink."""

INK_PER_DECADE = 6.0
"""Cost of the odds that a candidate still lacks, in pixels of ink for a factor of ten. With higher
costs, dots that lead nowhere are extended before long strokes."""

MIN_SAVING = 0.2
"""A counterfactual is made smaller as long as it saves this many pixels of ink."""

_ZOOM = 8


@dataclass(frozen=True)
class Stroke:
    """A straight stroke of the pen or of the eraser.

    Attributes:
        x: Column of its center, in pixels of the image.
        y: Row of its center.
        length: In pixels; 0 for a dot.
        angle: Direction, in radians from the axis of the columns.
        added: Whether ink is added, or erased.
    """

    x: float
    y: float
    length: float
    angle: float
    added: bool

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Column and row of both ends."""
        across = self.length / 2 * float(np.cos(self.angle))
        down = self.length / 2 * float(np.sin(self.angle))
        return (self.x - across, self.y - down), (self.x + across, self.y + down)

    def apply(self, image: Gray) -> Gray:
        """Return an image, uint8 (28, 28), with the stroke applied."""
        cover = _cover(self)
        made = np.maximum(image, cover * 255) if self.added else image * (1 - cover)
        changed: Gray = np.rint(made).astype(np.uint8)
        return changed


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The smallest change found that turns the answer.

    Attributes:
        image: uint8 (28, 28), the image before.
        changed: uint8 (28, 28), the image after.
        strokes: Strokes added and erased.
        answer: The digit read before.
        target: The digit aimed at.
        confidence: Probability of `target` in the changed image, 0 to 1.
        found: Whether `target` is now the answer; otherwise this is the closest change found.
    """

    image: Gray
    changed: Gray
    strokes: tuple[Stroke, ...]
    answer: int
    target: int
    confidence: float
    found: bool

    @property
    def ink(self) -> float:
        """Size of the change, in pixels of full ink."""
        return _difference(self.changed, self.image)


def find_counterfactual(
    classifier: Classifier, image: Gray, target: int | None = None
) -> Counterfactual:
    """Search for a few short strokes that turn the answer to another digit.

    A beam search with the classifier as judge: of short straight strokes, added or erased, those
    that raise the odds of the target most for their ink are kept, then another stroke is added. At
    last strokes are shortened, moved and left out as long as the answer stays turned. The result
    is small, but not certainly the smallest.

    Args:
        classifier: The classifier to explain.
        image: uint8 (28, 28), white ink on black.
        target: The digit to aim at. None, or the answer itself, aims at the runner-up, and if two
            strokes do not reach it, at any other digit: the runner-up of a certain answer means
            little.
    """
    order = np.argsort(-classifier.predict_proba(image)[0], kind="stable")
    answer, runner_up = int(order[0]), int(order[1])
    if target is not None and target != answer:
        searches = [(_Search(classifier, image, (target,)), MAX_STROKES)]
    else:
        others = tuple(map(int, order[1:]))
        searches = [
            (_Search(classifier, image, (runner_up,)), MAX_STROKES_TO_RUNNER_UP),
            (_Search(classifier, image, others), MAX_STROKES),
        ]
    for search, max_strokes in searches:
        best = search.run(max_strokes)
        if best.margin > 0:
            break
    probabilities = classifier.predict_proba(best.image)[0]
    reached = max(search.targets, key=lambda digit: probabilities[digit])
    confidence = float(probabilities[reached])
    return Counterfactual(
        image, best.image, best.strokes, answer, reached, confidence, best.margin > 0
    )


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A changed image: its strokes, the log-odds of the best target, and the ink changed."""

    image: Gray
    strokes: tuple[Stroke, ...]
    margin: float
    ink: float

    @property
    def value(self) -> float:
        """A candidate that turns the answer is best, then the least ink to the end."""
        lacking = max(0.0, -self.margin) * INK_PER_DECADE
        return -self.ink - lacking + (1e6 if self.margin > 0 else 0)


class _Search:
    def __init__(self, classifier: Classifier, image: Gray, targets: tuple[int, ...]) -> None:
        self.classifier, self.image, self.targets = classifier, image, targets

    def run(self, max_strokes: int) -> _Candidate:
        beam = self._candidates([()])
        best = beam[0]
        for _ in range(max_strokes):
            beam = self._extended(beam)
            best = max([*beam, best], key=lambda candidate: candidate.value)
            if best.margin > 0 or not beam:
                break
        return self._reduced(best) if best.margin > 0 else best

    def _extended(self, beam: Sequence[_Candidate]) -> list[_Candidate]:
        """Return the most promising candidates with one more stroke."""
        found: list[_Candidate] = []
        for start in beam:
            coarse = _most_promising(
                self._candidates([(*start.strokes, stroke) for stroke in _coarse_strokes()], start)
            )
            fine = [
                (*start.strokes, near) for one in coarse for near in _neighbors(one.strokes[-1])
            ]
            found += coarse + self._candidates(fine)
        return _most_promising(found)

    def _reduced(self, candidate: _Candidate) -> _Candidate:
        """Make a candidate that turns the answer smaller, as long as it turns the answer."""
        while True:
            variants: list[tuple[Stroke, ...]] = []
            for place, stroke in enumerate(candidate.strokes):
                before, after = candidate.strokes[:place], candidate.strokes[place + 1 :]
                if before + after:
                    variants.append(before + after)
                variants += [(*before, near, *after) for near in _neighbors(stroke)]
            turning = [one for one in self._candidates(variants) if one.margin > 0]
            least = min(turning, key=lambda one: one.ink, default=candidate)
            if least.ink > candidate.ink - MIN_SAVING:
                return candidate
            candidate = least

    def _candidates(
        self, variants: Sequence[tuple[Stroke, ...]], start: _Candidate | None = None
    ) -> list[_Candidate]:
        """Apply strokes to the image and ask the classifier.

        With `start`, which has all but the last stroke, only the last stroke is applied, and
        strokes that change nothing are left out.
        """
        images, kept = [], []
        for strokes in variants:
            image = start.image if start else self.image
            for stroke in strokes[-1:] if start else strokes:
                image = stroke.apply(image)
            if start is None or _difference(image, start.image) >= 1:
                images.append(image)
                kept.append(strokes)
        if not images:
            return []
        probabilities = self.classifier.predict_proba(np.stack(images))
        margins = np.max([log_odds(probabilities, digit) for digit in self.targets], axis=0)
        return [
            _Candidate(image, strokes, float(margin), _difference(image, self.image))
            for image, strokes, margin in zip(images, kept, margins, strict=True)
        ]


def _most_promising(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return the best candidates that differ from each other."""
    chosen: list[_Candidate] = []
    for one in sorted(candidates, key=lambda candidate: candidate.value, reverse=True):
        if all(_difference(one.image, other.image) >= MIN_DIFFERENCE for other in chosen):
            chosen.append(one)
        if len(chosen) == BEAM_WIDTH:
            break
    return chosen


def _difference(one: Gray, other: Gray) -> float:
    """Return the ink by which two images differ, in pixels of full ink."""
    return float(cv2.norm(one, other, cv2.NORM_L1)) / 255


@cache
def _coarse_strokes() -> tuple[Stroke, ...]:
    """Return the strokes that are tried everywhere."""
    places = [float(at) for at in range(MARGIN + 1, SIDE - MARGIN, GRID_STEP)]
    return tuple(
        stroke
        for x in places
        for y in places
        for length in LENGTHS
        for direction in range(DIRECTIONS if length else 1)
        for added in (True, False)
        if _inside(stroke := Stroke(x, y, length, np.pi * direction / DIRECTIONS, added))
    )


def _neighbors(stroke: Stroke) -> Iterator[Stroke]:
    """Yield strokes that differ slightly in place, length or direction."""
    steps = [{"x": stroke.x + dx, "y": stroke.y + dy} for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    steps += [{"length": max(0.0, stroke.length + longer)} for longer in (-3, -1.5, 2)]
    steps += [{"angle": stroke.angle + turn} for turn in (-np.pi / 12, np.pi / 12)]
    for step in steps:
        near = replace(stroke, **step)  # type: ignore[arg-type]
        if near != stroke and _inside(near):
            yield near


def _inside(stroke: Stroke) -> bool:
    low, high = MARGIN, SIDE - 1 - MARGIN
    return all(low <= at <= high for end in stroke.ends for at in end)


@cache
def _cover(stroke: Stroke) -> npt.NDArray[np.float32]:
    """Return float32 (28, 28): the part of each pixel that a stroke covers, 0 to 1."""
    large = np.zeros((SIDE * _ZOOM, SIDE * _ZOOM), np.uint8)
    start, end = ([round((at + 0.5) * _ZOOM) for at in point] for point in stroke.ends)
    width = PEN_WIDTH if stroke.added else ERASER_WIDTH
    cv2.line(large, start, end, 255, round(width * _ZOOM), cv2.LINE_AA)
    small = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)
