"""A .keras or .onnx file of one's own as a bundle in memory, for verbs that look inside."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.classifiers.bundle import KERAS, META, ONNX, Bundle, load_bundle
from tenfold.classifiers.convention import NetworkClassifier, probe_images
from tenfold.classifiers.keras import KerasClassifier
from tenfold.classifiers.model_file import Model, ModelFile, PluginModel, as_model_file
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.classifiers.onnx_file import OnnxFileClassifier
from tenfold.errors import UsageError
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.translation import translate
from tenfold.exporting.weights import network_weights
from tenfold.exporting.wrapping import wrapped_graph
from tenfold.files import sha256
from tenfold.networks.build import build_network
from tenfold.recipes.recipe import count_parameters
from tenfold.recipes.serialization import recipe_to_dict

TOLERANCE = 1e-3
"""Largest accepted difference of a probability between a network and its translation. Scaled
weights and another order of float32 sums give about 1e-5; another network gives far more."""


def open_bundle(model: Model) -> Bundle:
    """Return a bundle: a shipped one, that of a folder, or one made in memory of a file.

    That of a .onnx file has no recipe and no .keras file. A file inside a bundle's folder stands
    for its bundle.

    Raises:
        UsageError: Recipes do not have one of the layers of a .keras file, or a .onnx file has a
            fixed batch.
        MissingExtraError: The model is a .onnx file, and the package onnx is not installed.
        TenfoldError: No such model, or a file that cannot be loaded.
    """
    found = _open(model)
    if isinstance(found, Bundle):
        return found
    file, classifier = found
    return _in_memory(file, classifier, {"name": file.name}, {ONNX: wrapped_graph(classifier)})


def open_layers(model: Model) -> Bundle:
    """Return a bundle whose layers are known; see `open_bundle`.

    Raises:
        UsageError: The model is a .onnx file, or recipes do not have one of its layers.
        TenfoldError: No such model, or a file that cannot be loaded.
    """
    found = _open(model)
    if not isinstance(found, Bundle):
        raise UsageError(f"the layers of {model} are not known: give a .keras file or a bundle")
    return found


def _open(model: Model) -> Bundle | tuple[ModelFile, OnnxFileClassifier]:
    """Return a bundle with a recipe, or the classifier of a .onnx file, which has none."""
    file = as_model_file(model)
    if file is None:
        return load_bundle(model)
    if isinstance(file, PluginModel):
        raise UsageError(f"{file} is {file.origin}, which has no layers to show or export")
    path = Path(file.path)
    if path.name in (KERAS, ONNX) and (path.parent / META).is_file():
        return load_bundle(path.parent)
    classifier = file.load()
    if isinstance(classifier, KerasClassifier):
        return _translated(file, classifier)
    assert isinstance(classifier, OnnxFileClassifier)
    return file, classifier


def _translated(file: ModelFile, classifier: KerasClassifier) -> Bundle:
    scaling = classifier.scaling
    scale, offset = (scaling.scale, scaling.offset) if scaling else (1.0, 0.0)
    recipe, weights = translate(classifier.model, file.name, scale, offset)
    network = build_network(recipe)
    for layer in network.layers:
        if layer.name in weights:
            layer.set_weights(weights[layer.name])
    graph = onnx_model(recipe, network_weights(network))
    _check_same(file, classifier, graph)
    contents = {ONNX: graph, KERAS: _saved(network)}
    parameters = count_parameters(recipe)
    return _in_memory(file, classifier, recipe_to_dict(recipe), contents, parameters=parameters)


def _in_memory(
    file: ModelFile, classifier: NetworkClassifier, recipe: dict[str, Any],
    contents: dict[str, bytes], **facts: Any,
) -> Bundle:  # fmt: skip
    hashes = {name: sha256(data) for name, data in contents.items()}
    meta = {"recipe": recipe, "classes": classifier.classes, "files": hashes, **facts}
    folder = Path(file.path).with_suffix("")
    return Bundle(folder, json.loads(json.dumps(meta)), contents)  # lists, as in a file


def _check_same(file: ModelFile, classifier: NetworkClassifier, graph: bytes) -> None:
    images = probe_images()
    translated = OnnxClassifier(graph).predict_proba(images)
    difference = float(np.abs(translated - classifier.predict_proba(images)).max())
    if not difference <= TOLERANCE:
        raise UsageError(
            f"{file} is no chain of layers: as one it differs by {difference:.2g} from itself"
        )


def _saved(network: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KERAS
        network.save(path)
        return path.read_bytes()
