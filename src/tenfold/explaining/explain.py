"""Explain: why the digits of a picture were read as they were."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_bundle, load_classifier
from tenfold.errors import MissingExtraError, PictureError, UsageError
from tenfold.explaining.counterfactual import Change, smallest_change
from tenfold.explaining.explanation_figures import draw_explanation
from tenfold.explaining.occlusion import occlusion
from tenfold.explaining.receptive_field import convolutions
from tenfold.formatting import count, percent
from tenfold.imaging.decoding import Picture, PictureSource, load_picture, picture_name
from tenfold.reading.annotate import annotate
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit, Reading
from tenfold.reading.shipped import DEFAULT_MODEL
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import Section, render_sections
from tenfold.reporting.saving import save_page

OCCLUSION, GRADIENTS, GRAD_CAM, CHANGE = (
    "occlusion", "integrated-gradients", "grad-cam", "change",
)  # fmt: skip
METHODS = (OCCLUSION, GRADIENTS, GRAD_CAM, CHANGE)

WITHOUT_GRADIENTS = (OCCLUSION, CHANGE)
"""What works on every classifier, in the base install."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class DigitExplanation:
    """Why one digit was read as it was.

    Attributes:
        digit: What was read.
        maps: float64 (28, 28) by method: how much the ink there speaks for the digit (above 0)
            or against it (below 0), in powers of ten of the odds; Grad-CAM knows no unit.
        change: What would have to change, or None if that was not asked.
        figure: All of it, drawn.
    """

    digit: Digit
    maps: dict[str, npt.NDArray[np.float64]]
    change: Change | None
    figure: Drawing

    def to_dict(self) -> dict[str, Any]:
        """Return what `tenfold explain --json` tells of a digit."""
        document: dict[str, Any] = self.digit.to_dict()
        document["maps"] = {name: values.round(4).tolist() for name, values in self.maps.items()}
        if self.change is not None:
            document["change"] = {
                "to": self.change.after,
                "turned": self.change.turned,
                "confidence": round(self.change.confidence, 4),
                "ink": round(self.change.ink, 2),
                "strokes": [
                    {"added": stroke.added, "from": list(start), "to": list(end)}
                    for stroke in self.change.strokes
                    for start, end in [stroke.ends]
                ],
            }
        return document


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the digits of a picture were read as they were.

    Attributes:
        picture: The upright picture.
        reading: What was read in it.
        digits: Its digits, explained, top to bottom and left to right.
        name: What the picture is called.
        notes: What was left out, and why.
    """

    picture: Picture
    reading: Reading
    digits: tuple[DigitExplanation, ...]
    name: str
    notes: tuple[str, ...]

    @cached_property
    def figures(self) -> dict[str, Drawing]:
        """Drawings by name, as the files are called."""
        return {f"digit-{number}": one.figure for number, one in enumerate(self.digits, 1)}

    @cached_property
    def page(self) -> str:
        """All of it as one HTML page."""
        return _page(self)

    def _repr_html_(self) -> str:
        """Let notebooks show the figures."""
        return "".join(figure.svg() for figure in self.figures.values())

    def save(self, folder: str | Path) -> list[Path]:
        """Write the page, and every figure as PNG and as SVG; return what was written."""
        return save_page(self.page, self.figures, Path(folder))


def explain(
    picture: PictureSource,
    model: str | Path | Classifier = DEFAULT_MODEL,
    *,
    methods: Sequence[str] = (),
    single: bool = False,
    target: int | None = None,
    progress: bool = False,
) -> Explanation:
    """Tell why the digits of a picture were read as they were.

    Args:
        picture: Whatever `tenfold.Reader` reads.
        model: Shipped name, bundle folder, or any classifier at all.
        methods: Some of `METHODS`; left out, all that can be had: without Keras, and for a
            classifier of another kind, those that need no gradients.
        single: The picture shows one digit.
        target: The digit to turn the answers to in "change"; the runner-up if left out.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: No such model or method, a picture that cannot be read or holds no digit, or
            a method that needs what is not installed.
    """
    from tqdm import tqdm

    strange = [name for name in methods if name not in METHODS]
    if strange:
        raise UsageError(f"no method {strange[0]!r}; there are: {', '.join(METHODS)}")
    if target is not None and not 0 <= target <= 9:
        raise UsageError(f"the digit to turn to is {target}; it must lie between 0 and 9")
    classifier = model if isinstance(model, Classifier) else load_classifier(model)
    name = picture_name(picture)
    decoded = load_picture(picture)
    reading = Reader(classifier).read_picture(decoded, single=single)
    found = [digit for line in reading.lines for digit in line.digits]
    if not found:
        hint = "" if single else "; if it shows one digit, try --single"
        raise PictureError(f"no digit was found in {name}{hint}")
    slopes, notes = _slopes(model, methods)
    chosen = methods or _possible(slopes)
    with tqdm(total=len(found) * len(chosen), disable=not progress, leave=False) as bar:
        explained = tuple(
            _explained(digit, classifier, slopes, chosen, target, bar.update) for digit in found
        )
    return Explanation(decoded, reading, explained, name, notes)


def _slopes(model: str | Path | Classifier, methods: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    """Return the network with its slopes, if it is needed and can be had, or why not."""
    wanted = [name for name in methods or METHODS if name not in WITHOUT_GRADIENTS]
    if not wanted:
        return None, ()
    try:
        if isinstance(model, Classifier):
            raise UsageError("gradients need a model by name or folder, not any classifier")
        from tenfold.explaining.gradients import load_slopes

        return load_slopes(load_bundle(model)), ()
    except (MissingExtraError, UsageError) as error:
        if methods:
            raise
        note = f"{' and '.join(wanted)} are left out: {error}"
        _log.info("tenfold: %s", note)
        return None, (note,)


def _possible(slopes: Any) -> Sequence[str]:
    """Return the methods that can be had."""
    if slopes is None:
        return WITHOUT_GRADIENTS
    return METHODS if convolutions(slopes.recipe) else [m for m in METHODS if m != GRAD_CAM]


def _explained(
    digit: Digit,
    classifier: Classifier,
    slopes: Any,
    methods: Sequence[str],
    target: int | None,
    done: Callable[[int], object],
) -> DigitExplanation:
    image, answer = digit.canvas, digit.digit
    ways: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
        OCCLUSION: lambda: occlusion(classifier, image, answer),
        GRADIENTS: lambda: slopes.integrated_gradients(image, answer),
        GRAD_CAM: lambda: slopes.grad_cam(image, answer),
    }
    maps = {}
    for name, way in ways.items():
        if name in methods:
            maps[name] = way()
            done(1)
    change = None
    if CHANGE in methods:
        change = smallest_change(classifier, image, target)
        done(1)
    words = f"{answer} ({percent(digit.confidence)})"
    words += ", too uncertain to call" if digit.rejected else ""
    return DigitExplanation(digit, maps, change, draw_explanation(image, words, maps, change))


def _page(explanation: Explanation) -> str:
    methods = list(explanation.digits[0].maps)
    words = {
        OCCLUSION: "Occlusion: a black square of 5x5 pixels covers every place in turn. Amber is "
        "ink without which the answer is held less firmly, blue ink without which it is held more "
        "firmly; below, by how much the odds of the answer fall where the most is lost.",
        GRADIENTS: "Integrated gradients: how the answer grows while the ink does, from black to "
        "the picture, shared out among the pixels; all together make up the whole difference. "
        "Drawn a little blurred.",
        GRAD_CAM: "Grad-CAM: where the last convolution sees what speaks for the answer. It is as "
        "coarse as that layer's maps and knows no unit.",
    }
    paragraphs = [words[name] for name in methods]
    if explanation.digits[0].change is not None:
        paragraphs.append(
            "What would change it: a few short strokes, amber to be added and blue to be rubbed "
            "out, after which another digit is read. A greedy search finds them: small, not for "
            "certain the smallest. Where the runner-up cannot be had, another digit is taken."
        )
    paragraphs += [note[0].upper() + note[1:] + "." for note in explanation.notes]
    figures = [one.figure for one in explanation.digits]
    seen = np.asarray(annotate(explanation.picture, explanation.reading))
    return render_sections(
        eyebrow="an explanation",
        name=" ".join(explanation.reading.text.split()),
        heading="and why it was read so",
        facts=f"{count(len(figures), 'digit')} in {Path(explanation.name).name}.",
        lede="An explanation says what the classifier went by, not whether it was right.",
        sections=[
            Section(
                "What was read",
                ["Below the picture, what the network was shown of it."],
                [(seen, "The picture with boxes around its digits")],
            ),
            Section("Digit by digit", paragraphs, figures),
        ],
    )
