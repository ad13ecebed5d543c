"""Made-up figures of a training, for the tests of its report."""

import numpy as np

from tenfold.evaluation.metrics import evaluate, hardest_images
from tenfold.recipes.layers import LayerRow


def probabilities(n=400, seed=0):
    """Random labels and probabilities that mostly agree with them."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 10, n)
    logits = rng.normal(size=(n, 10)) * 2
    logits[np.arange(n), y_true] += 6
    return y_true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def history(epochs=3, validation=True):
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "loss": 0.5 / epoch, "accuracy": 1 - 0.1 / epoch**2}
        row |= {"learning_rate": 0.003 / epoch, "seconds": 4.2}
        if validation:
            row |= {"val_loss": 0.6 / epoch, "val_accuracy": 1 - 0.12 / epoch**2}
        rows.append(row)
    return rows


def training_report():
    """What `render_report` takes."""
    y_true, y_prob = probabilities()
    hardest = hardest_images(y_true, y_prob, 6)
    images = np.random.default_rng(1).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    meta = {
        "recipe": {
            "name": "standard",
            "summary": "The default.",
            "layers": [{"kind": "dense"}],
            "optimizer": {"name": "adam", "learning_rate": 0.003},
            "batch_size": 128,
        },
        "seed": 7,
        "parameters": 98310,
        "epochs": 3,
        "train_seconds": 97.4,
        "created": "2025-01-31T12:00:00+00:00",
        "train_images": 55000,
        "versions": {"keras": "3.15.1"},
        "machine": {"cores": 2},
        "data": {"train-images": "ba" * 32},
        "command": "tenfold train --seed 7",
    }
    layers = [
        LayerRow("images", "input", (28, 28), 0, "Pixels."),
        LayerRow("conv1", "convolution", (26, 26, 32), 90310, "Looks for strokes."),
        LayerRow("logits", "dense", (10,), 8000, "One sum per digit."),
    ]
    return {
        "meta": meta, "layers": layers, "history": history(),
        "evaluation": evaluate(y_true, y_prob), "hardest": hardest, "hardest_images": images,
    }  # fmt: skip
