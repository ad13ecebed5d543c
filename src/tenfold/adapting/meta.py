"""The facts about an adapted model that stand in its meta.json."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.adapting.fine_tuning import EPOCHS
from tenfold.adapting.held_out import Gain
from tenfold.arrays import Labels
from tenfold.classifiers.bundle import ONNX, Bundle, classes_of
from tenfold.data.datasets import DataLike, Dataset
from tenfold.imaging.canvas import PREPROCESSING_VERSION
from tenfold.machine import hardware, versions
from tenfold.networks.build import effective_precision
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_to_dict


def adapted_facts(
    model: str | Path, bundle: Bundle, own: Dataset, labels: Labels, folds: int, gain: Gain
) -> dict[str, Any]:
    """Return what meta.json says of the digits and of the gain.

    Args:
        model: Shipped name or folder of the original model.
        bundle: The original model.
        own: The user's digits.
        labels: uint8 (n,), their labels, as the model numbers its classes.
        folds: Number of parts that were held out, one after the other.
        gain: What was gained on them.
    """
    test = bundle.meta.get("test") or {}
    return {
        "from": str(model),
        "from_sha256": bundle.meta["files"][ONNX],
        "data": own.name,
        "data_sha256": own.sha256,
        "digits": len(own),
        "digits_by_class": np.bincount(labels, minlength=len(classes_of(bundle))).tolist(),
        "folds": folds,
        "gain": gain.to_dict(),
        "test_accuracy_before": test.get("accuracy"),
    }


def adapted_meta(
    bundle: Bundle,
    recipe: Recipe,
    *,
    seed: int,
    epochs: int,
    test: dict[str, Any],
    seconds: float,
    backend: str,
    parity: dict[str, Any],
    command: str,
    adapted: dict[str, Any],
    threshold: float,
    line_weight: float,
) -> dict[str, Any]:
    """Return meta.json: that of the original model, with what adapting changed.

    Args:
        bundle: The original model.
        recipe: The recipe of the adapted model.
        seed: Seed of the fine-tuning.
        epochs: Epochs of the fine-tuning.
        test: Figures on the test images of the original training.
        seconds: Wall time of the fine-tuning of the network that is saved.
        backend: Keras's backend.
        parity: Number of images compared and largest difference between Keras and ONNX Runtime.
        command: From `command_of`.
        adapted: From `adapted_facts`.
        threshold: Digit score below which a digit is rejected.
        line_weight: Weight of the line network in doubtful digits.
    """
    kept = {
        name: value
        for name, value in bundle.meta.items()
        if name not in ("format", "files", "int8", "changed_settings", "validation")
    }
    return kept | {
        "recipe": recipe_to_dict(recipe),
        "seed": seed,
        "epochs": epochs,
        "train_seconds": round(seconds, 2),
        "test": test,
        "classes": list(classes_of(bundle)),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": hardware()
        | {"backend": backend, "precision": effective_precision(recipe), "deterministic": False},
        "onnx_against_keras": parity,
        "adapted": adapted,
        "reading": {
            "preprocessing": PREPROCESSING_VERSION,
            "calibrated": True,
            "threshold": threshold,
            "line_weight": line_weight,
        },
    }


def command_of(
    model: str | Path,
    data: DataLike | Dataset,
    folder: Path,
    seed: int,
    epochs: int,
    replay: DataLike | None,
) -> str:
    """Return the command that adapts the model again.

    Arrays are named DIGITS in it, replayed ones REPLAYED. Where MNIST's files are is left out: they
    are the same everywhere.
    """
    source = str(data) if isinstance(data, (str, Path)) else getattr(data, "source", "")
    words = ["tenfold", "adapt", str(model), "--data", source or "DIGITS", "--out", str(folder)]
    words += ["--seed", str(seed)]
    if epochs != EPOCHS:
        words += ["--epochs", str(epochs)]
    if replay is not None:
        words += ["--replay", "REPLAYED" if isinstance(replay, tuple) else str(replay)]
    return shlex.join(words)
