"""Show: what a network learned, as figures and as one page."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.arrays import DIGITS, Gray, Images, Labels
from tenfold.classifiers.bundle import Bundle, load_features, model_name
from tenfold.classifiers.features import FeatureClassifier
from tenfold.classifiers.model_file import Model
from tenfold.data.data_source import AnyData, load_test, source_for
from tenfold.data.datasets import Dataset
from tenfold.errors import DataError, MissingExtraError, PictureError
from tenfold.evaluation.metrics import Evaluation, evaluate, hardest_images
from tenfold.explaining.figures import (
    draw_feature_maps,
    draw_filters,
    draw_map,
    draw_top_patches,
)
from tenfold.explaining.gradients import ASCENT_STEPS, load_gradients
from tenfold.explaining.map import embed
from tenfold.explaining.receptive_field import convolutions
from tenfold.explaining.top_patches import Activations, collect_activations, top_patches
from tenfold.exporting.own_files import open_layers
from tenfold.formatting import count
from tenfold.imaging.decoding import PictureSource, load_picture, picture_name
from tenfold.reading.reader import Reader
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import Section, render_sections
from tenfold.reporting.saving import save_page
from tenfold.reporting.sheets import draw_confusion, draw_hardest

MAX_DIGITS = 3
"""Digits of a picture whose feature maps are drawn."""

LEAST_IMAGES = 50
"""Least number of test images: t-SNE compares each with some thirty neighbors."""

HARDEST = 24
"""Number of hardest digits that are drawn."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ShowResult:
    """What a network learned.

    Attributes:
        figures: Drawings by file name, without suffix.
        page: The HTML page.
        evaluation: Evaluation on the test images.
        notes: What is left out, and why.
    """

    figures: dict[str, Drawing]
    page: str
    evaluation: Evaluation
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Let notebooks show the figures."""
        return "".join(figure.svg() for figure in self.figures.values())

    def save(self, folder: str | Path) -> list[Path]:
        """Write the page, and every figure as PNG and SVG; return the files, the page first."""
        return save_page(self.page, self.figures, Path(folder))


@dataclass
class _Part:
    """A section of the page, with its figures by name."""

    heading: str
    paragraphs: list[str]
    figures: dict[str, Drawing] = field(default_factory=dict)


def show(
    model: Model = "standard",
    *,
    picture: PictureSource | None = None,
    data: AnyData | None = None,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> ShowResult:
    """Show what a network learned: filters, feature maps, top patches, and a map of test images.

    Args:
        model: Shipped name, bundle folder, or a .keras file whose layers recipes have.
        picture: A picture whose digits' feature maps are drawn; by default the first test image.
        data: The data set whose test images are read; None takes the one trained on.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Folder of the MNIST files, if not in the cache.
        progress: Draw progress bars on stderr.

    Raises:
        TenfoldError: No such model, no data, or no digit in the picture.
    """
    bundle = open_layers(model)
    network = load_features(bundle)
    source = source_for(bundle.meta, data, as_=as_, data_dir=data_dir)
    test = load_test(source, network.classes, bundle.meta, progress=progress)
    images, labels = test.images, test.labels
    if len(images) < LEAST_IMAGES:
        raise DataError(
            f"{source.title} has {count(len(images), 'test image')}; a look inside takes at least "
            f"{LEAST_IMAGES}: give more images"
        )
    bar = partial(_bar, shown=progress)
    notes: list[str] = []
    parts = [_feature_maps(network, picture, images[0]), _filters(network)]
    with bar("test images", len(images)) as update:
        activations = collect_activations(network, images, progress=update)
    evaluation = evaluate(labels, activations.probabilities)
    parts += [
        _top_patches(network, bundle, images, activations, bar, notes),
        _map(network, labels, activations, notes),
        _Part(
            "What it confuses",
            ["The brighter a cell, the more errors. The gray diagonal counts correct answers."],
            {"confusion": draw_confusion(evaluation.confusion, network.classes)},
        ),
        _hardest(test, activations, mnist=source.is_mnist),
    ]
    parts = [part for part in parts if part.figures]
    page = render_sections(
        eyebrow="a look inside",
        name=model_name(model),
        heading="and what it learned",
        facts=f"{bundle.meta['parameters']:,} parameters, {evaluation.accuracy:.2%} of "
        f"{evaluation.n:,} test images read correctly. {_shown_layers(network)}",
        lede=network.recipe.summary,
        sections=[
            Section(part.heading, part.paragraphs, list(part.figures.values())) for part in parts
        ],
        mnist=source.is_mnist,
    )
    figures = {name: figure for part in parts for name, figure in part.figures.items()}
    return ShowResult(figures, page, evaluation, tuple(notes))


@contextmanager
def _bar(name: str, total: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm

    with tqdm(total=total, desc=name, disable=not shown, dynamic_ncols=True, leave=False) as bar:
        yield bar.update


def _shown_layers(network: FeatureClassifier) -> str:
    """Return which layers are shown, where that is not obvious."""
    recipe = network.recipe
    if recipe.members > 1:
        return f"An ensemble of {recipe.members} networks; the layers shown are those of the first."
    if recipe.tta_shifts:
        return "It averages over shifted images; the layers are shown for the image unshifted."
    return ""


def _leave_out(what: str, error: MissingExtraError, notes: list[str]) -> str:
    """Note and log what is left out, and return the note."""
    notes.append(f"{what} left out: {error}")
    _log.info("tenfold: %s", notes[-1])
    return notes[-1]


def _feature_maps(
    network: FeatureClassifier, picture: PictureSource | None, test_image: Gray
) -> _Part:
    words = (
        "A convolution slides each of its filters over its input; the results are its feature maps."
    )
    if picture is None:
        digits = [(test_image, "The first test image")]
    else:
        digits = _digits(network, picture)
        words += f" The digits of {Path(picture_name(picture)).name} are found as by tenfold read."
        if len(digits) > MAX_DIGITS:
            words += f" These are the first {MAX_DIGITS} of {len(digits)}."
    part = _Part("Feature maps", [words])
    for number, (image, title) in enumerate(digits[:MAX_DIGITS], 1):
        maps = {name: values[0] for name, values in network.feature_maps(image).items()}
        name = "feature-maps" if number == 1 else f"feature-maps-{number}"
        part.figures[name] = draw_feature_maps(image, maps, network.layers, title, network.classes)
    return part


def _digits(network: FeatureClassifier, picture: PictureSource) -> list[tuple[Gray, str]]:
    """Return the canvas of every digit in a picture, with a title.

    Raises:
        PictureError: The picture holds no digit, or cannot be read.
    """
    reader, decoded = Reader(network), load_picture(picture)
    reading = reader.read_picture(decoded)
    if not reading.lines:
        reading = reader.read_picture(decoded, single=True)
    digits = [digit for line in reading.lines for digit in line.digits]
    if not digits:
        raise PictureError(f"no digit was found in {picture_name(picture)}")
    return [(digit.canvas, f"A digit read as {digit.digit}") for digit in digits]


def _filters(network: FeatureClassifier) -> _Part:
    kernels = network.filters() if convolutions(network.recipe) else {}
    return _Part(
        "Filters",
        [
            "The weights of every convolution: amber is positive, blue negative, black zero. The"
            " first filters look at pixels and can be understood: edges, strokes and line ends in"
            " every direction. A later filter has a square for each feature map before it; the"
            " filters with the largest weights are shown. The patches below show better what"
            " activates them."
        ],
        {f"filters-{name}": draw_filters(name, kernel) for name, kernel in kernels.items()},
    )


def _top_patches(
    network: FeatureClassifier, bundle: Bundle, images: Images, activations: Activations,
    bar: Any, notes: list[str],
) -> _Part:  # fmt: skip
    part = _Part(
        "What activates a filter",
        [
            "For each filter, the nine patches of test images with the highest activation, each"
            " from another image, as large as the receptive field. Of each layer, the filters"
            " whose highest activations differ most between images."
        ],
    )
    layers = top_patches(network, images, activations)
    if not layers:
        return part
    synthesized: dict[str, Images] = {}
    try:
        explainer = load_gradients(bundle)
    except MissingExtraError as error:
        note = _leave_out("images synthesized for filters are", error, notes)
        part.paragraphs.append(f"{note[0].upper()}{note[1:]}.")
    else:
        part.paragraphs.append(
            "The larger picture beside them is synthesized from noise by gradient ascent: the"
            " image that activates the filter most, smoothed at every step."
        )
        with bar("images synthesized for filters", len(layers) * ASCENT_STEPS) as update:
            for one in layers:
                synthesized[one.layer] = explainer.visualize_features(
                    one.layer, one.filters, progress=update
                )
    for one in layers:
        figure = draw_top_patches(one, synthesized.get(one.layer))
        part.figures[f"top-patches-{one.layer}"] = figure
    return part


def _map(
    network: FeatureClassifier, labels: Labels, activations: Activations, notes: list[str]
) -> _Part:
    layer = network.before_logits
    part = _Part(
        "A map of the test images",
        [
            f"Each dot is a test image. Images with similar features in {layer}, the last layer"
            " before the logits, are close together (t-SNE; distances between groups mean"
            " nothing). A cross is an image that was read wrongly."
        ],
    )
    predicted = activations.probabilities.argmax(axis=1)
    try:
        points = embed(activations.features, np.flatnonzero(labels != predicted).tolist())
    except MissingExtraError as error:
        _leave_out("the map of the test images is", error, notes)
    else:
        title = f"The test images, by their features in {layer}"
        part.figures["map"] = draw_map(points, labels, predicted, title, network.classes)
    return part


def _hardest(test: Dataset, activations: Activations, *, mnist: bool) -> _Part:
    hardest = hardest_images(test.labels, activations.probabilities, HARDEST)
    images = test.images[[hard.index for hard in hardest]]
    doubt = " A few labels of MNIST are wrong themselves." if mnist else ""
    return _Part(
        "The hardest digits" if test.classes == DIGITS else "The hardest images",
        [
            "Errors first, in amber, the most confident on top; then the least certain of the"
            f" correct answers, in blue.{doubt}"
        ],
        {"hardest": draw_hardest(images, hardest, classes=test.classes)},
    )
