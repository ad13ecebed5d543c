"""Evaluate: the test-set figures of a finished model, measured again from its files."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.bundle import graph_of, load_bundle, summary_of
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.label_errors import correct_labels
from tenfold.data.mnist import load_mnist
from tenfold.evaluation.metrics import Evaluation, evaluate

_CHUNK = 500
"""Images between two moves of the progress bar."""


def evaluate_model(
    model: str | Path,
    data_dir: str | Path | None = None,
    *,
    int8: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Read the 10,000 test images with a shipped model or a bundle.

    Args:
        model: Shipped name or bundle folder.
        data_dir: Where the MNIST files are, if not in the cache.
        int8: Take the graph in int8, which the small shipped models have too.
        progress: Draw a progress bar on stderr.

    Returns:
        What `tenfold evaluate --json` prints; `test` holds all figures.

    Raises:
        TenfoldError: No such model, or no data.
    """
    from tqdm import tqdm

    bundle = load_bundle(model)
    classifier = OnnxClassifier(graph_of(bundle, int8=int8))
    images, labels = load_mnist("test", data_dir)
    parts = []
    with tqdm(total=len(images), unit="image", disable=not progress, dynamic_ncols=True) as bar:
        for start in range(0, len(images), _CHUNK):
            parts.append(classifier.predict_proba(images[start : start + _CHUNK]))
            bar.update(len(parts[-1]))
    probabilities = np.concatenate(parts)
    test = all_figures(evaluate(labels, probabilities), labels, probabilities)
    return summary_of({**bundle.meta, "test": test})


def all_figures(
    evaluation: Evaluation, labels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Return an evaluation on MNIST's test images, and beside it `corrected`.

    That is the accuracy with ten wrong labels set right and five doubtful ones left out
    (`tenfold.data.label_errors`); it never stands for the plain one.
    """
    truth, kept = correct_labels(labels)
    right = probabilities.argmax(axis=1) == truth
    corrected = {"accuracy": float(right[kept].mean()), "n": int(kept.sum())}
    return evaluation.to_dict() | {"corrected": corrected}
