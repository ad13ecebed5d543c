"""What excites a filter most: the places in images to which it answers loudest."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.features import FeatureClassifier
from tenfold.explaining.receptive_field import convolutions, field_of

PATCHES = 9
FILTERS = 16
"""Patches of a filter, and filters of a layer: those whose loudest answers differ most between
images, for a filter that says the same of all tells nothing."""

_BATCH = 256


@dataclass(frozen=True, eq=False)
class Excitement:
    """What excites some filters of a convolution most.

    Attributes:
        layer: Name of the convolution.
        filters: Which filters, in their order.
        patches: uint8 (filters, 9, size, size), what they saw where they answered loudest, the
            loudest first, each from another image.
        images: int (filters, 9), from which image each is.
        answers: float32 (filters, 9), how loud.
    """

    layer: str
    filters: tuple[int, ...]
    patches: npt.NDArray[np.uint8]
    images: npt.NDArray[np.int64]
    answers: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Survey:
    """What a network made of many images, in one go through them.

    Attributes:
        probabilities: float32 (n, 10).
        last: float32 (n, units), what the last layer before the logits said.
        loudest: float32 (n, filters) by convolution: the loudest answer of each filter.
        places: int (n, filters) by convolution: where it was, counted row by row.
    """

    probabilities: npt.NDArray[np.float32]
    last: npt.NDArray[np.float32]
    loudest: dict[str, npt.NDArray[np.float32]]
    places: dict[str, npt.NDArray[np.int64]]


def survey(
    features: FeatureClassifier,
    images: npt.NDArray[np.uint8],
    *,
    progress: Callable[[int], object] = lambda images: None,
) -> Survey:
    """Go through images, uint8 (n, 28, 28); `progress` is called with how many are done."""
    names = convolutions(features.recipe)
    last = features.before_logits
    kept: dict[str, list[npt.NDArray[Any]]] = defaultdict(list)
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        maps = features.feature_maps(part, list(dict.fromkeys([*names, last, "probabilities"])))
        kept["probabilities"].append(maps["probabilities"])
        kept["last"].append(maps[last].reshape(len(part), -1))
        for name in names:
            flat = maps[name].reshape(len(part), -1, maps[name].shape[-1])
            kept[f"loudest {name}"].append(flat.max(axis=1))
            kept[f"places {name}"].append(flat.argmax(axis=1))
        progress(len(part))
    whole = {name: np.concatenate(parts) for name, parts in kept.items()}
    return Survey(
        whole["probabilities"],
        whole["last"],
        {name: whole[f"loudest {name}"] for name in names},
        {name: whole[f"places {name}"] for name in names},
    )


def excite(
    features: FeatureClassifier, images: npt.NDArray[np.uint8], found: Survey
) -> list[Excitement]:
    """Return what excites the filters of every convolution most.

    Args:
        features: The network.
        images: uint8 (n, 28, 28), n >= 9.
        found: What the network made of them.
    """
    for row in features.layers:
        if row.kind == "deskewing":  # that is what the filters see
            images = np.rint(features.feature_maps(images, [row.name])[row.name] * 255)[..., 0]
    images = np.asarray(images, np.uint8)
    return [_pick(features, name, images, found) for name in convolutions(features.recipe)]


def _pick(
    features: FeatureClassifier, name: str, images: npt.NDArray[np.uint8], found: Survey
) -> Excitement:
    """Cut the patches out."""
    loudest, places = found.loudest[name], found.places[name]
    (columns,) = [row.output_shape[1] for row in features.layers if row.name == name]
    field = field_of(features.recipe, name)
    filters = np.sort(np.argsort(-loudest.std(axis=0), kind="stable")[:FILTERS])
    first = np.argsort(-loudest[:, filters], axis=0, kind="stable")[:PATCHES].T
    patches = [
        [field.crop(images[i], *divmod(int(places[i, one]), columns)) for i in chosen]
        for one, chosen in zip(filters, first, strict=True)
    ]
    answers = np.take_along_axis(loudest[:, filters].T, first, axis=1)
    return Excitement(name, tuple(map(int, filters)), np.array(patches), first, answers)
