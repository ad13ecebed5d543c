"""Evaluate: the test-set figures of a finished model, measured again from its files."""

from pathlib import Path
from typing import Any

from tenfold.bundle import ONNX, load_bundle, summary_of
from tenfold.classifiers import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.evaluation import evaluate


def evaluate_model(model: str | Path, data_dir: str | Path | None = None) -> dict[str, Any]:
    """Read the 10,000 test images with a shipped model or a bundle.

    Args:
        model: Shipped name or bundle folder.
        data_dir: Where the MNIST files are, if not in the cache.

    Returns:
        What `tenfold evaluate --json` prints; `test` holds all figures.

    Raises:
        TenfoldError: No such model, or no data.
    """
    bundle = load_bundle(model)
    classifier = OnnxClassifier(bundle.read(ONNX))
    images, labels = load_mnist("test", data_dir)
    test = evaluate(labels, classifier.predict_proba(images)).to_dict()
    return summary_of({**bundle.meta, "test": test})
