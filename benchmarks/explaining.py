"""Check that explanations depend on the network, and measure what they cost.

    python benchmarks/explaining.py

Takes the first 40 MNIST test images that `standard` reads correctly. Measures the error of the sum
of integrated gradients; the rank correlation, over the ink, with explanations of the same network
with shuffled weights, layer by layer (J. Adebayo et al. 2018); and how often and with how much ink
counterfactuals are found. Writes results/explaining.json.
"""

import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Gray
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_bundle, load_classifier
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.explaining.counterfactual import find_counterfactual
from tenfold.explaining.gradients import GradientExplainer, load_gradients
from tenfold.explaining.occlusion import log_odds, occlusion
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.networks.backend import use_backend
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override

RESULTS = Path(__file__).parent.parent / "results" / "explaining.json"
MODEL, IMAGES = "standard", 40

Map = npt.NDArray[np.float64]
Chosen = list[tuple[Gray, int]]
"""Images with their labels."""


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    use_backend("tensorflow")
    trained = load_gradients(load_bundle(MODEL))
    classifier = load_classifier(MODEL)
    images, labels = load_mnist("test")
    correct = np.flatnonzero(classifier.predict_proba(images[:500]).argmax(axis=1) == labels[:500])
    chosen = [(images[i], int(labels[i])) for i in correct[:IMAGES]]
    before, errors = explained(trained, classifier, chosen)
    layers = [layer.name for layer in trained.layers if layer.get_weights()]
    correlated = {}
    for count in range(1, len(layers) + 1):
        # From the answer down, as in the paper: first the logits alone, at last all layers.
        names = layers[-count:]
        network, graph = shuffled(trained, names)
        after, _ = explained(network, OnnxClassifier(graph), chosen)
        correlated[" + ".join(reversed(names))] = {
            method: summary(correlations(before[method], after[method], chosen))
            for method in before
        }
        print(names, correlated, flush=True)
    document = {
        "model": MODEL,
        "images": f"the first {IMAGES} test images that it reads correctly",
        "n": IMAGES,
        "ink_of_a_digit": round(float(np.mean([image.sum() / 255 for image, _ in chosen])), 1),
        "machine": machine_facts(),
        "completeness_error": summary(errors),
        "rank_correlation_with_shuffled": correlated,
        "counterfactual": counterfactuals(classifier, chosen),
    }
    write_json(RESULTS, document)


def explained(
    explainer: GradientExplainer, classifier: Classifier, chosen: Chosen
) -> tuple[dict[str, list[Map]], list[float]]:
    """Return every map by method, and the relative errors of the sums of integrated gradients."""
    maps: dict[str, list[Map]] = {"occlusion": [], "integrated-gradients": [], "grad-cam": []}
    errors = []
    for image, digit in chosen:
        maps["occlusion"].append(occlusion(classifier, image, digit))
        maps["integrated-gradients"].append(explainer.integrated_gradients(image, digit))
        maps["grad-cam"].append(explainer.grad_cam(image, digit))
        both = classifier.predict_proba(np.stack([image, np.zeros_like(image)]))
        whole = float(np.subtract(*log_odds(both, digit)))
        errors.append(abs(float(maps["integrated-gradients"][-1].sum()) - whole) / abs(whole))
    return maps, errors


def shuffled(trained: GradientExplainer, names: list[str]) -> tuple[GradientExplainer, bytes]:
    """Return the network with the weights of some layers shuffled, in Keras and as ONNX."""
    rng = np.random.default_rng(0)
    recipe: Recipe = override(trained.recipe, {"temperature": 1.0})
    network = build_network(recipe)
    for layer in trained.layers:
        weights = layer.get_weights()
        if layer.name in names:
            weights = [rng.permutation(array.ravel()).reshape(array.shape) for array in weights]
        network.get_layer(layer.name).set_weights(weights)
    finished = finish_network(recipe, network)
    return GradientExplainer(finished, recipe), onnx_model(recipe, network_weights(finished))


def correlations(one: list[Map], other: list[Map], chosen: Chosen) -> list[float]:
    """Return Spearman's correlation of two explanations over the ink of each image."""
    found = []
    for a, b, (image, _) in zip(one, other, chosen, strict=True):
        ranks = [values[image > 0].argsort().argsort().astype(float) for values in (a, b)]
        flat = np.ptp(a[image > 0]) == 0 or np.ptp(b[image > 0]) == 0
        found.append(0.0 if flat else float(np.corrcoef(np.stack(ranks))[0, 1]))
    return found


def counterfactuals(classifier: Classifier, chosen: Chosen) -> dict[str, Any]:
    """Search for a counterfactual of every image, and summarize the results."""
    found, seconds, runners_up = [], [], 0
    for image, _ in chosen:
        start = time.perf_counter()
        found.append(find_counterfactual(classifier, image))
        seconds.append(time.perf_counter() - start)
        runner_up = int(np.argsort(-classifier.predict_proba(image)[0])[1])
        runners_up += found[-1].found and found[-1].target == runner_up
    successful = [one for one in found if one.found]
    return {
        "found": len(successful),
        "to_runner_up": runners_up,
        "ink": summary([one.ink for one in successful]),
        "strokes": summary([len(one.strokes) for one in successful]),
        "seconds": summary(seconds),
    }


def summary(values: list[float] | list[int]) -> dict[str, float]:
    array = np.array(values, float)
    figures = {
        "mean": array.mean(), "sd": array.std(ddof=1), "min": array.min(), "max": array.max(),
    }  # fmt: skip
    return {name: round(float(value), 4) for name, value in figures.items()} | {"n": len(array)}


if __name__ == "__main__":
    main()
