"""What would have to change: the smallest strokes that turn the answer to another digit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier
from tenfold.explaining.evidence import log_odds

Images = npt.NDArray[np.uint8]

PEN, RUBBER = 2.4, 4.0
"""Widths in pixels. The pen is as wide as the median stroke of MNIST, the rubber wide enough to cut
a stroke through (`tenfold.imaging.canvas.STROKE_WIDTHS`)."""

LENGTHS = (0.0, 4.0, 9.0)
"""Lengths of the strokes that are tried first, in pixels: from a dot to half a digit."""

TURNS = 6
"""Directions that are tried first."""

STEP = 3
"""Distance between the middles of strokes that are tried first, in pixels."""

MARGIN = 3
"""Strokes stay so many pixels from the edge: MNIST's digits leave four free."""

MOST_STROKES = 4
"""An answer that so many strokes do not turn is given up,"""

MOST_TO_RUNNER_UP = 2
"""and the runner-up after so many, if any other digit will do."""

KEPT = 3
"""So many ways of going on are followed side by side."""

APART = 3.0
"""And they differ by so much ink at least, in pixels."""

INK_A_DECADE = 6.0
"""Ink in pixels that a tenfold change of the odds is taken to cost when ways are compared: dearer,
and long strokes are tried before short ones that lead nowhere."""

_ZOOM = 8
_BATCH = 256


@dataclass(frozen=True)
class Stroke:
    """A straight stroke of the pen, or of the rubber.

    Attributes:
        x: Column of its middle, in pixels of the image.
        y: Row of its middle.
        length: In pixels; 0 for a dot.
        angle: Direction, in radians from the columns' axis.
        added: Whether ink is added along it, or taken away.
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

    def on(self, image: Images) -> Images:
        """Return an image, uint8 (28, 28), with the stroke made on it."""
        cover = _cover(self)
        made = np.maximum(image, cover * 255) if self.added else image * (1 - cover)
        changed: Images = np.rint(made).astype(np.uint8)
        return changed


@dataclass(frozen=True, eq=False)
class Change:
    """The smallest change found that turns an answer.

    Attributes:
        image: uint8 (28, 28), the image before.
        changed: uint8 (28, 28), the image after.
        strokes: What was added and taken away.
        before: The digit read before.
        after: The digit that was aimed at.
        confidence: Probability of `after` in the changed image, 0 to 1.
        turned: Whether `after` is now the answer; if not, this is as near as it came.
    """

    image: Images
    changed: Images
    strokes: tuple[Stroke, ...]
    before: int
    after: int
    confidence: float
    turned: bool

    @property
    def ink(self) -> float:
        """How much was changed, in pixels of full ink."""
        return _difference(self.changed, self.image)


def smallest_change(
    classifier: Classifier,
    image: Images,
    target: int | None = None,
    *,
    progress: Callable[[int], object] = lambda images: None,
) -> Change:
    """Search for the few short strokes that turn the answer to another digit.

    Greedy, with the classifier as judge: of short straight strokes, added or rubbed out, those
    that bring the other digit nearest for their ink are kept, then the next are sought. At last
    strokes are shortened, moved and left out as long as the answer stays turned. What is found is
    small, not for certain the smallest.

    Args:
        classifier: Whom to ask.
        image: uint8 (28, 28), white ink on black.
        target: The digit to turn to. None (and the answer itself) is the runner-up, or whatever
            other digit can be had if the runner-up cannot: where the classifier is certain, who
            comes second means little.
        progress: Called with the number of images judged, now and then.
    """
    order = np.argsort(-classifier.predict_proba(image)[0], kind="stable")
    before = int(order[0])
    if target is not None and target != before:
        aims: list[tuple[int, ...]] = [(target,)]
    else:
        aims = [(int(order[1]),), tuple(map(int, order[1:]))]
    best, after = _State(image, (), -np.inf, 0.0), aims[0][0]
    for targets in aims:
        most = MOST_TO_RUNNER_UP if targets != aims[-1] else MOST_STROKES
        best = _Search(classifier, image, targets, progress).run(most)
        answers = classifier.predict_proba(best.image)[0]
        after = max(targets, key=lambda digit: answers[digit])
        if best.margin > 0:
            break
    return Change(
        image, best.image, best.strokes, before, after, float(answers[after]), best.margin > 0
    )


@dataclass(frozen=True, eq=False)
class _State:
    """An image on the way, the strokes that led there, the log-odds of a target, the ink."""

    image: Images
    strokes: tuple[Stroke, ...]
    margin: float
    ink: float


class _Search:
    def __init__(
        self,
        classifier: Classifier,
        image: Images,
        targets: tuple[int, ...],
        progress: Callable[[int], object],
    ) -> None:
        self.classifier, self.image, self.targets = classifier, image, targets
        self.progress = progress

    def run(self, most: int) -> _State:
        states = self._judged([()])
        best = states[0]
        for _ in range(most):
            states = self.further(states)
            best = max([*states, best], key=self.worth)
            if best.margin > 0 or not states:
                break
        return self.trimmed(best) if best.margin > 0 else best

    def worth(self, state: _State) -> float:
        """Tell how good a state is: any that is turned, and then the least ink to the end."""
        still = max(0.0, -state.margin) * INK_A_DECADE
        return -state.ink - still + (1e6 if state.margin > 0 else 0)

    def further(self, states: Sequence[_State]) -> list[_State]:
        """Return the most promising states one stroke on."""
        found: list[_State] = []
        for state in states:
            first = self._judged([(*state.strokes, stroke) for stroke in _first_strokes()], state)
            first = self._best(first)
            near = [(*state.strokes, near) for one in first for near in _neighbors(one.strokes[-1])]
            found += first + self._judged(near)
        return self._best(found)

    def trimmed(self, state: _State) -> _State:
        """Make a turned state smaller, as long as it stays turned."""
        while True:
            others: list[tuple[Stroke, ...]] = []
            for place, stroke in enumerate(state.strokes):
                before, after = state.strokes[:place], state.strokes[place + 1 :]
                if before + after:
                    others.append(before + after)
                others += [(*before, near, *after) for near in _neighbors(stroke)]
            turned = [other for other in self._judged(others) if other.margin > 0]
            least = min(turned, key=lambda other: other.ink, default=state)
            if least.ink > state.ink - 0.2:
                return state
            state = least

    def _best(self, states: Sequence[_State]) -> list[_State]:
        chosen: list[_State] = []
        for state in sorted(states, key=self.worth, reverse=True):
            if all(_difference(state.image, other.image) >= APART for other in chosen):
                chosen.append(state)
            if len(chosen) == KEPT:
                break
        return chosen

    def _judged(
        self, ways: Sequence[tuple[Stroke, ...]], start: _State | None = None
    ) -> list[_State]:
        """Return what strokes make of the image; those that change nothing are left out.

        Where all but the last stroke have been made in `start`, only that one is made.
        """
        images, kept = [], []
        for strokes in ways:
            image = start.image if start else self.image
            for stroke in strokes[-1:] if start else strokes:
                image = stroke.on(image)
            if start is None or _difference(image, start.image) >= 1:
                images.append(image)
                kept.append(strokes)
        states = []
        for first in range(0, len(images), _BATCH):
            part = np.stack(images[first : first + _BATCH])
            answers = self.classifier.predict_proba(part)
            margins = np.max([log_odds(answers, digit) for digit in self.targets], axis=0)
            self.progress(len(part))
            for image, strokes, margin in zip(
                part, kept[first : first + _BATCH], margins, strict=True
            ):
                ink = _difference(image, self.image)
                states.append(_State(image, strokes, float(margin), ink))
        return states


def _difference(one: Images, other: Images) -> float:
    """Return how much ink two images differ by, in pixels of full ink."""
    return float(cv2.norm(one, other, cv2.NORM_L1)) / 255


@cache
def _first_strokes() -> tuple[Stroke, ...]:
    """Return the strokes that are tried everywhere."""
    places = [float(at) for at in range(MARGIN + 1, 28 - MARGIN, STEP)]
    return tuple(
        stroke
        for x in places
        for y in places
        for length in LENGTHS
        for turn in range(TURNS if length else 1)
        for added in (True, False)
        if _inside(stroke := Stroke(x, y, length, np.pi * turn / TURNS, added))
    )


def _neighbors(stroke: Stroke) -> Iterator[Stroke]:
    """Give strokes that differ a little: in place, length or direction."""
    steps = [{"x": stroke.x + dx, "y": stroke.y + dy} for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    steps += [{"length": max(0.0, stroke.length + longer)} for longer in (-3, -1.5, 2)]
    steps += [{"angle": stroke.angle + turn} for turn in (-np.pi / 12, np.pi / 12)]
    for step in steps:
        near = replace(stroke, **step)  # type: ignore[arg-type]
        if near != stroke and _inside(near):
            yield near


def _inside(stroke: Stroke) -> bool:
    low, high = MARGIN, 27 - MARGIN
    return all(low <= at <= high for end in stroke.ends for at in end)


@cache
def _cover(stroke: Stroke) -> npt.NDArray[np.float32]:
    """Return float32 (28, 28): how much of each pixel a stroke covers, 0 to 1."""
    large = np.zeros((28 * _ZOOM, 28 * _ZOOM), np.uint8)
    start, end = ([round((at + 0.5) * _ZOOM) for at in point] for point in stroke.ends)
    width = PEN if stroke.added else RUBBER
    cv2.line(large, start, end, 255, round(width * _ZOOM), cv2.LINE_AA)
    small = cv2.resize(large, (28, 28), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)
