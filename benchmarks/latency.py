"""Measure the size of each recipe's network and how long it takes to read one image.

    python benchmarks/latency.py

Fresh weights will do: neither size nor time depends on what was learned. Each network is written as
ONNX and asked for one image at a time, in process, as `tenfold.load_classifier` would. Writes
results/latency.json. Let nothing run beside it.
"""

import json
import statistics
import time
from pathlib import Path

import numpy as np

from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.files import write_atomic
from tenfold.networks.backend import use_backend
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import RECIPES

RESULTS = Path(__file__).parent.parent / "results" / "latency.json"
WARM_UP, RUNS, MOST_SECONDS = 100, 2000, 10.0


def main() -> None:
    use_backend("tensorflow")
    images, _ = load_mnist("train")
    document = {}
    for recipe in RECIPES:
        fresh = [build_network(recipe) for _ in range(recipe.members)]
        weights = network_weights(finish_network(recipe, *fresh))
        graph = onnx_model(recipe, weights)
        classifier = OnnxClassifier(graph)
        for image in images[:WARM_UP]:
            one_image(classifier, image)
        microseconds: list[float] = []
        while len(microseconds) < RUNS and sum(microseconds) < 1e6 * MOST_SECONDS:
            microseconds.append(one_image(classifier, images[len(microseconds)]))
        document[recipe.name] = {
            "size_bytes": len(graph),
            "latency_us": {
                "median": round(statistics.median(microseconds), 1),
                "p99": round(float(np.percentile(microseconds, 99)), 1),
                "n": len(microseconds),
            },
        }
        print(recipe.name, document[recipe.name], flush=True)
    write_atomic(RESULTS, json.dumps(document, indent=2) + "\n")


def one_image(classifier: OnnxClassifier, image: np.ndarray) -> float:
    start = time.perf_counter()
    classifier.predict_proba(image[None])
    return 1e6 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
