"""Show: what a network learned, as figures and as one page."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.bundle import Bundle, load_bundle, load_features
from tenfold.classifiers.features import FeatureClassifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import MissingExtraError, PictureError
from tenfold.evaluation.metrics import Evaluation, evaluate, hardest_images
from tenfold.explaining.figures import (
    draw_excitement,
    draw_filters,
    draw_map,
    draw_way,
)
from tenfold.explaining.gradients import GROWING_STEPS, load_slopes
from tenfold.explaining.map import embed
from tenfold.explaining.receptive_field import convolutions
from tenfold.explaining.top_patches import Excitement, excite, survey
from tenfold.imaging.decoding import PictureSource, picture_name
from tenfold.reading.reader import Reader
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import Section, render_sections
from tenfold.reporting.saving import save_page
from tenfold.reporting.sheets import draw_confusion, draw_hardest

MOST_DIGITS = 3
"""So many digits of a picture are followed through the network."""

HARDEST = 24

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Look:
    """What a look inside a network gave.

    Attributes:
        figures: Drawings by name, as the files are called.
        page: All of it as one HTML page.
        evaluation: Its figures on the test images.
        notes: What was left out, and why.
    """

    figures: dict[str, Drawing]
    page: str
    evaluation: Evaluation
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Let notebooks show the figures."""
        return "".join(figure.svg() for figure in self.figures.values())

    def save(self, folder: str | Path) -> list[Path]:
        """Write the page, and every figure as PNG and as SVG; return what was written."""
        return save_page(self.page, self.figures, Path(folder))


def show(
    model: str | Path = "standard",
    *,
    picture: PictureSource | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> Look:
    """Look inside a network: what its filters are, what it makes of a picture, what excites it.

    Args:
        model: Shipped name or bundle folder.
        picture: Whose digits to follow through the network; the first test image if left out.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw progress bars on stderr.

    Raises:
        TenfoldError: No such model, no data, or no digit in the picture.
    """
    bundle = load_bundle(model)
    features = load_features(model)
    images, labels = load_mnist("test", data_dir)
    figures: dict[str, Drawing] = {}
    sections = [_way(features, picture, images[0], figures)]
    if convolutions(features.recipe):
        sections.append(_filters(features, figures))
    bar = partial(_bar, shown=progress)
    with bar("test images", len(images)) as moved:
        found = survey(features, images, progress=moved)
    evaluation = evaluate(labels, found.probabilities)
    predicted = found.probabilities.argmax(axis=1)
    exciting = excite(features, images, found)
    grown, note = _grown(bundle, exciting, bar) if exciting else ({}, "")
    for one in exciting:
        figures[f"excites-{one.layer}"] = draw_excitement(one, grown.get(one.layer))
    if exciting:
        sections.append(_exciting_section(exciting, note, figures))
    notes = [note] if note else []
    last = features.before_logits
    try:
        points = embed(found.last, np.flatnonzero(labels != predicted).tolist())
        figures["map"] = draw_map(
            points, labels, predicted, f"The test images as {last} tells them apart"
        )
    except MissingExtraError as error:
        notes.append(f"the map of the test images is left out: {error}")
        _log.info("tenfold: %s", notes[-1])
    hardest = hardest_images(labels, found.probabilities, HARDEST)
    figures["confusion"] = draw_confusion(evaluation.confusion)
    figures["hardest"] = draw_hardest(images[[hard.index for hard in hardest]], hardest)
    sections += _test_sections(last, figures)
    recipe = features.recipe
    page = render_sections(
        eyebrow="a look inside",
        name=Path(model).name if isinstance(model, str) else model.name,
        heading="and what it learned",
        facts=f"{bundle.meta['parameters']:,} parameters, {evaluation.accuracy:.2%} of "
        f"{evaluation.n:,} test images read correctly. {_whose(features)}",
        lede=recipe.summary,
        sections=sections,
        mnist=True,
    )
    return Look(figures, page, evaluation, tuple(notes))


@contextmanager
def _bar(name: str, total: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm

    with tqdm(total=total, desc=name, disable=not shown, dynamic_ncols=True, leave=False) as bar:
        yield bar.update


def _whose(features: FeatureClassifier) -> str:
    recipe = features.recipe
    if recipe.members > 1:
        return f"An ensemble of {recipe.members} networks; the layers shown are those of the first."
    if recipe.tta_shifts:
        return "It reads an image shifted every way; the layers are shown for the image unshifted."
    return ""


def _way(
    features: FeatureClassifier,
    picture: PictureSource | None,
    test_image: npt.NDArray[np.uint8],
    figures: dict[str, Drawing],
) -> Section:
    words = (
        "A convolution slides each of its filters over what it is given; a map holds its answers."
    )
    if picture is None:
        chosen = [(test_image, "The first test image")]
    else:
        chosen = _digits(features, picture)
        words += f" The digits of {Path(picture_name(picture)).name} were found as by tenfold read."
        if len(chosen) > MOST_DIGITS:
            words += f" These are the first {MOST_DIGITS} of {len(chosen)}."
    for number, (image, title) in enumerate(chosen[:MOST_DIGITS], 1):
        maps = {name: values[0] for name, values in features.feature_maps(image).items()}
        name = "feature-maps" if number == 1 else f"feature-maps-{number}"
        figures[name] = draw_way(image, maps, features.layers, title)
    shown = [figure for name, figure in figures.items() if name.startswith("feature-maps")]
    return Section("The way of a digit", [words], shown)


def _digits(
    features: FeatureClassifier, picture: PictureSource
) -> list[tuple[npt.NDArray[np.uint8], str]]:
    """Return the canvas of every digit in a picture, with what it was read as."""
    from tenfold.imaging.decoding import load_picture

    reader = Reader(features)
    decoded = load_picture(picture)
    reading = reader.read_picture(decoded)
    if not reading.lines:
        reading = reader.read_picture(decoded, single=True)
    digits = [digit for line in reading.lines for digit in line.digits]
    if not digits:
        raise PictureError(f"no digit was found in {picture_name(picture)}")
    return [(digit.canvas, f"A digit read as {digit.digit}") for digit in digits]


def _filters(features: FeatureClassifier, figures: dict[str, Drawing]) -> Section:
    for name, kernel in features.filters().items():
        figures[f"filters-{name}"] = draw_filters(name, kernel)
    return Section(
        "Filters",
        [
            "The weights of every convolution. Amber asks for ink, blue for none, black does not"
            " care. The first ones look at pixels and can be read: edges, strokes and ends in every"
            " direction. The later ones look at the maps before them; what those ask for is easier"
            " to see from what excites them, below."
        ],
        [figure for name, figure in figures.items() if name.startswith("filters-")],
    )


def _grown(
    bundle: Bundle, exciting: list[Excitement], bar: Any
) -> tuple[dict[str, npt.NDArray[np.uint8]], str]:
    """Return the image grown for each filter shown, by layer; none, and why, without Keras."""
    try:
        slopes = load_slopes(bundle)
    except MissingExtraError as error:
        note = f"images grown for a filter are left out: {error}"
        _log.info("tenfold: %s", note)
        return {}, note
    with bar("images grown for filters", len(exciting) * GROWING_STEPS) as moved:
        return {
            one.layer: slopes.grow(one.layer, one.filters, progress=moved) for one in exciting
        }, ""


def _exciting_section(
    exciting: list[Excitement], note: str, figures: dict[str, Drawing]
) -> Section:
    words = [
        "For each filter, the nine places in the test images to which it answers loudest, each from"
        " another image, cut out as far as it sees. Of each layer, the filters whose answers differ"
        " most between images."
    ]
    words.append(
        note[0].upper() + note[1:] + "."
        if note
        else "The larger picture beside them was grown from noise by gradient ascent: what the"
        " filter would most like to see, smoothed at every step."
    )
    shown = [figures[f"excites-{one.layer}"] for one in exciting]
    return Section("What excites a filter", words, shown)


def _test_sections(last: str, figures: dict[str, Drawing]) -> list[Section]:
    sections = []
    if "map" in figures:
        words = (
            f"Each dot is a test image. Images with similar features in {last}, the last layer"
            " before the logits, are close together (t-SNE; distances between groups mean"
            " nothing). A cross is an image that was read wrongly."
        )
        sections.append(Section("A map of the test images", [words], [figures["map"]]))
    return [
        *sections,
        Section(
            "What it confuses",
            ["The brighter, the more frequent. The gray diagonal is right."],
            [figures["confusion"]],
        ),
        Section(
            "The hardest digits",
            [
                "Errors first, the most confident on top, in amber; then those it was least sure of"
                " though right, in blue. A few labels of MNIST are wrong themselves."
            ],
            [figures["hardest"]],
        ),
    ]
