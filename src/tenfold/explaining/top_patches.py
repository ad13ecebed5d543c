"""Top patches: the places in images that activate each filter of a network most."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Images, Probabilities
from tenfold.classifiers.features import FeatureClassifier
from tenfold.explaining.receptive_field import convolutions, receptive_field

PATCHES = 9
"""Patches shown of each filter."""

FILTERS = 16
"""Filters shown of each layer: those whose peaks differ most between images. A filter with the same
peak for all images tells nothing."""

_BATCH = 256


@dataclass(frozen=True, eq=False)
class TopPatches:
    """The patches that activate some filters of a convolution most.

    Attributes:
        layer: Name of the convolution.
        filters: Numbers of the filters.
        patches: uint8 (filters, 9, size, size), the receptive fields of the highest peaks, the
            highest first, each from another image.
        images: int (filters, 9), the image of each patch.
        peaks: float32 (filters, 9), the activation at each patch.
    """

    layer: str
    filters: tuple[int, ...]
    patches: npt.NDArray[np.uint8]
    images: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """What a network computes for many images.

    Attributes:
        probabilities: float32 (n, 10).
        features: float32 (n, units), the output of the last layer before the logits.
        peaks: float32 (n, filters) by convolution: the highest activation of each filter.
        places: int (n, filters) by convolution: the place of the peak, counted row by row.
    """

    probabilities: Probabilities
    features: npt.NDArray[np.float32]
    peaks: dict[str, npt.NDArray[np.float32]]
    places: dict[str, npt.NDArray[np.int64]]


def collect_activations(
    network: FeatureClassifier,
    images: Images,
    *,
    progress: Callable[[int], object] = lambda images: None,
) -> Activations:
    """Run a network on images, uint8 (n, 28, 28), in one pass.

    Args:
        network: The network.
        images: uint8 (n, 28, 28).
        progress: Called after each batch with its number of images.
    """
    names = convolutions(network.recipe)
    last = network.before_logits
    layers = list(dict.fromkeys([*names, last, "probabilities"]))
    parts: dict[str, list[npt.NDArray[Any]]] = defaultdict(list)
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        maps = network.feature_maps(batch, layers)
        parts["probabilities"].append(maps["probabilities"])
        parts["features"].append(maps[last].reshape(len(batch), -1))
        for name in names:
            flat = maps[name].reshape(len(batch), -1, maps[name].shape[-1])
            parts[f"peaks {name}"].append(flat.max(axis=1))
            parts[f"places {name}"].append(flat.argmax(axis=1))
        progress(len(batch))
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    return Activations(
        whole["probabilities"],
        whole["features"],
        {name: whole[f"peaks {name}"] for name in names},
        {name: whole[f"places {name}"] for name in names},
    )


def top_patches(
    network: FeatureClassifier, images: Images, activations: Activations
) -> list[TopPatches]:
    """Return the patches that activate the filters of every convolution most.

    Args:
        network: The network.
        images: uint8 (n, 28, 28), n >= 9.
        activations: What the network computes for the images.
    """
    for row in network.layers:
        if row.kind == "deskewing":  # the convolutions see the deskewed images
            images = np.rint(network.feature_maps(images, [row.name])[row.name] * 255)[..., 0]
    images = np.asarray(images, np.uint8)
    return [_cut(network, name, images, activations) for name in convolutions(network.recipe)]


def _cut(
    network: FeatureClassifier, name: str, images: Images, activations: Activations
) -> TopPatches:
    peaks, places = activations.peaks[name], activations.places[name]
    (columns,) = [row.output_shape[1] for row in network.layers if row.name == name]
    field = receptive_field(network.recipe, name)
    filters = np.sort(np.argsort(-peaks.std(axis=0), kind="stable")[:FILTERS])
    first = np.argsort(-peaks[:, filters], axis=0, kind="stable")[:PATCHES].T
    patches = [
        [field.crop(images[i], *divmod(int(places[i, one]), columns)) for i in chosen]
        for one, chosen in zip(filters, first, strict=True)
    ]
    highest = np.take_along_axis(peaks[:, filters].T, first, axis=1)
    return TopPatches(name, tuple(map(int, filters)), np.array(patches), first, highest)
