"""Measure the size of each recipe's network, and the latency of one image.

    python benchmarks/latency.py

The weights are untrained, because neither size nor latency depends on them. Each network is
written as ONNX and classifies one image at a time, in this process, as `tenfold.load_classifier`
does. Run nothing else meanwhile. Writes results/latency.json.
"""

import statistics
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.networks.backend import use_backend
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import RECIPES

RESULTS = Path(__file__).parent.parent / "results" / "latency.json"
WARM_UP_IMAGES, RUNS, MAX_SECONDS = 100, 2000, 10.0


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    use_backend("tensorflow")
    images, _ = load_mnist("train")
    document: dict[str, Any] = {"machine": machine_facts()}
    for recipe in RECIPES:
        fresh = [build_network(recipe) for _ in range(recipe.members)]
        weights = network_weights(finish_network(recipe, *fresh))
        graph = onnx_model(recipe, weights)
        classifier = OnnxClassifier(graph)
        for image in images[:WARM_UP_IMAGES]:
            latency_us(classifier, image)
        microseconds: list[float] = []
        while len(microseconds) < RUNS and sum(microseconds) < 1e6 * MAX_SECONDS:
            microseconds.append(latency_us(classifier, images[len(microseconds)]))
        document[recipe.name] = {
            "size_bytes": len(graph),
            "latency_us": {
                "median": round(statistics.median(microseconds), 1),
                "p99": round(float(np.percentile(microseconds, 99)), 1),
                "n": len(microseconds),
            },
        }
        print(recipe.name, document[recipe.name], flush=True)
    write_json(RESULTS, document)


def latency_us(classifier: OnnxClassifier, image: np.ndarray) -> float:
    """Return the time to classify one image, in microseconds."""
    start = time.perf_counter()
    classifier.predict_proba(image[None])
    return 1e6 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
