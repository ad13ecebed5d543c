"""Explain: why the digits of a picture were read as they were."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_classifier
from tenfold.classifiers.model_file import Model
from tenfold.errors import MissingExtraError, PictureError, UsageError
from tenfold.explaining.counterfactual import Counterfactual, find_counterfactual
from tenfold.explaining.explanation_figures import draw_explanation
from tenfold.explaining.gradients import GradientExplainer, load_gradients
from tenfold.explaining.occlusion import occlusion
from tenfold.explaining.receptive_field import convolutions
from tenfold.exporting.own_files import open_layers
from tenfold.formatting import count, no_such, percent
from tenfold.imaging.decoding import PictureSource, load_picture, picture_name
from tenfold.imaging.picture import Picture
from tenfold.reading.annotate import annotate
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit, Reading
from tenfold.reading.shipped import DEFAULT_MODEL
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import Section, render_sections
from tenfold.reporting.saving import save_page

PARAGRAPHS = {
    "occlusion": "Occlusion: a black square of 5x5 pixels covers every place in turn. Amber ink "
    "speaks for the answer: without it, the answer is less certain. Blue ink speaks against it. "
    "Below: by how much the odds of the answer fall at the most important place.",
    "integrated-gradients": "Integrated gradients: the contribution of each pixel while the ink "
    "grows from black to the picture. The contributions add up to the whole change of the odds. "
    "Drawn slightly blurred.",
    "grad-cam": "Grad-CAM: where the last convolution sees evidence for the answer. As coarse as "
    "the feature maps of that layer, without a unit.",
    "counterfactual": "Counterfactual: a few short strokes, added in amber and erased in blue, "
    "after which another digit is read. A greedy search finds them: they are small, but not "
    "certainly the smallest. If the runner-up cannot be reached, another digit is aimed at.",
}
"""What each method shows, for the page."""

METHODS = tuple(PARAGRAPHS)

WITHOUT_GRADIENTS = ("occlusion", "counterfactual")
"""Methods that work on any classifier, in the base install."""

BESIDE = (
    "A line below an input says which digit the network reads there alone. The answer is another"
    " one because of the digits beside it, which these explanations do not see."
)
"""A paragraph of the page if the network alone gives another answer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class DigitExplanation:
    """Why one digit was read as it was.

    Attributes:
        digit: The digit as it was read.
        alone: The digit that the network reads in `digit.canvas` alone, 0 to 9. It is another one
            if the line was read as a whole. Counterfactuals turn this answer.
        maps: float64 (28, 28) by method: how much the ink speaks for the answer (above 0) or
            against it (below 0), in powers of ten of the odds; Grad-CAM has no unit.
        counterfactual: The change that turns the answer, or None if it was not asked for.
        figure: A drawing of all this.
    """

    digit: Digit
    alone: int
    maps: dict[str, npt.NDArray[np.float64]]
    counterfactual: Counterfactual | None
    figure: Drawing

    def to_dict(self) -> dict[str, Any]:
        """Return an entry of `tenfold explain --json`."""
        document: dict[str, Any] = self.digit.to_dict() | {"alone": self.alone}
        document["maps"] = {name: values.round(4).tolist() for name, values in self.maps.items()}
        if found := self.counterfactual:
            document["counterfactual"] = {
                "digit": found.target,
                "found": found.found,
                "confidence": round(found.confidence, 4),
                "ink": round(found.ink, 2),
                "strokes": [
                    {"added": stroke.added, "from": list(start), "to": list(end)}
                    for stroke in found.strokes
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
        digits: Its digits with explanations, top to bottom and left to right.
        name: Name of the picture.
        notes: What is left out, and why.
    """

    picture: Picture
    reading: Reading
    digits: tuple[DigitExplanation, ...]
    name: str
    notes: tuple[str, ...]

    @cached_property
    def figures(self) -> dict[str, Drawing]:
        """Drawings by file name, without suffix."""
        return {f"digit-{number}": one.figure for number, one in enumerate(self.digits, 1)}

    @cached_property
    def page(self) -> str:
        """The HTML page."""
        first = self.digits[0]
        shown = [*first.maps] + ["counterfactual"] * (first.counterfactual is not None)
        notes = [f"{note[0].upper()}{note[1:]}." for note in self.notes]
        if any(one.alone != one.digit.digit for one in self.digits):
            notes.append(BESIDE)
        annotated = np.asarray(annotate(self.picture, self.reading.digits))
        return render_sections(
            eyebrow="an explanation",
            name=" ".join(self.reading.text.split()),
            heading="and why it was read so",
            facts=f"{count(len(self.digits), 'digit')} in {Path(self.name).name}.",
            lede="An explanation shows what the classifier used, not whether it is right.",
            sections=[
                Section(
                    "What was read",
                    ["Below the picture: its digits as the network sees them."],
                    [(annotated, "The picture with boxes around its digits")],
                ),
                Section(
                    "Digit by digit",
                    [PARAGRAPHS[name] for name in shown] + notes,
                    list(self.figures.values()),
                ),
            ],
        )

    def _repr_html_(self) -> str:
        """Let notebooks show the figures."""
        return "".join(figure.svg() for figure in self.figures.values())

    def save(self, folder: str | Path) -> list[Path]:
        """Write the page, and every figure as PNG and SVG; return the files, the page first."""
        return save_page(self.page, self.figures, Path(folder))


def explain(
    picture: PictureSource,
    model: Model | Classifier = DEFAULT_MODEL,
    *,
    methods: Sequence[str] = (),
    single: bool = False,
    target: int | None = None,
    progress: bool = False,
) -> Explanation:
    """Explain why the digits of a picture were read as they were.

    Args:
        picture: Anything that `tenfold.Reader` reads.
        model: Shipped name, bundle folder, .keras or .onnx file, or any classifier.
        methods: Some of `METHODS`; by default all that are available. Without Keras, and for a
            classifier of another kind, these are the ones without gradients.
        single: The picture shows one digit.
        target: The digit that counterfactuals aim at; by default the runner-up.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: No such model or method, a picture that cannot be read or holds no digit, or
            a method that needs a missing package.
    """
    from tqdm import tqdm

    methods = [methods] if isinstance(methods, str) else methods
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise UsageError(no_such("method", unknown[0], METHODS))
    if target is not None and target not in range(len(DIGITS)):
        raise UsageError(f"the target of the counterfactual is {target!r}; it must be 0 to 9")
    if target is not None and methods and "counterfactual" not in methods:
        raise UsageError("only a counterfactual has a target: leave out --to, or add the method")
    classifier = model if isinstance(model, Classifier) else load_classifier(model)
    name = picture_name(picture)
    decoded = load_picture(picture)
    reading = Reader(classifier).read_picture(decoded, single=single)
    digits = [digit for line in reading.lines for digit in line.digits]
    if not digits:
        hint = "" if single else "; if it shows one digit, try --single"
        raise PictureError(f"no digit was found in {name}{hint}")
    gradients, notes = _load_gradients(model, methods)
    chosen = methods or _available(gradients)
    with tqdm(total=len(digits) * len(chosen), disable=not progress, leave=False) as bar:
        explained = tuple(
            _explain_digit(digit, classifier, gradients, chosen, target, bar.update)
            for digit in digits
        )
    return Explanation(decoded, reading, explained, name, notes)


def _load_gradients(
    model: Model | Classifier, methods: Sequence[str]
) -> tuple[GradientExplainer | None, tuple[str, ...]]:
    """Return the network with its gradients if a method needs it, or the reason why not.

    Raises:
        TenfoldError: A method that was asked for needs gradients, and there are none.
    """
    wanted = [name for name in methods or METHODS if name not in WITHOUT_GRADIENTS]
    if not wanted:
        return None, ()
    try:
        if isinstance(model, Classifier):
            raise UsageError("gradients need a model by name or folder, not any classifier")
        return load_gradients(open_layers(model)), ()
    except (MissingExtraError, UsageError) as error:
        if methods:
            raise
        note = f"{' and '.join(wanted)} are left out: {error}"
        _log.info("tenfold: %s", note)
        return None, (note,)


def _available(gradients: GradientExplainer | None) -> Sequence[str]:
    if gradients is None:
        return WITHOUT_GRADIENTS
    has_convolution = bool(convolutions(gradients.recipe))
    return [name for name in METHODS if name != "grad-cam" or has_convolution]


def _explain_digit(
    digit: Digit,
    classifier: Classifier,
    gradients: Any,
    methods: Sequence[str],
    target: int | None,
    progress: Callable[[int], object],
) -> DigitExplanation:
    image, answer = digit.canvas, digit.digit
    functions: dict[str, Callable[[], Any]] = {
        "occlusion": lambda: occlusion(classifier, image, answer),
        "integrated-gradients": lambda: gradients.integrated_gradients(image, answer),
        "grad-cam": lambda: gradients.grad_cam(image, answer),
        "counterfactual": lambda: find_counterfactual(classifier, image, target),
    }
    found = {}
    for name, function in functions.items():
        if name in methods:
            found[name] = function()
            progress(1)
    counterfactual = found.pop("counterfactual", None)
    words = f"{answer} ({percent(digit.confidence)})"
    words += ", too uncertain to accept" if digit.rejected else ""
    probabilities = classifier.predict_proba(image)[0]
    alone = int(probabilities.argmax())
    below = "" if alone == answer else f"alone: {alone} ({percent(float(probabilities[alone]))})"
    figure = draw_explanation(image, words, found, counterfactual, below)
    return DigitExplanation(digit, alone, found, counterfactual, figure)
