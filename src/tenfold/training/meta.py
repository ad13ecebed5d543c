"""The facts about a training that stand in meta.json."""

from datetime import UTC, datetime
from typing import Any

from tenfold.arrays import DIGITS, SIDE
from tenfold.data.official import FILES
from tenfold.machine import hardware, versions
from tenfold.networks.build import effective_precision
from tenfold.recipes.catalog import changed_settings
from tenfold.recipes.recipe import count_parameters
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.request import Request, command_of


def run_meta(
    request: Request,
    *,
    train_seconds: float,
    train_images: int,
    test: dict[str, Any] | None,
    validation: dict[str, Any] | None = None,
    parity: dict[str, Any],
) -> dict[str, Any]:
    """Return what meta.json says of a finished training, besides the hashes of its files.

    Args:
        request: What was trained.
        train_seconds: Wall time of fit, of all members together.
        train_images: Number of images trained on.
        test: Figures on the test images, from `tenfold.evaluation.evaluate.all_figures`; None
            after a training with validation images, which leaves the test images alone.
        validation: Figures on the validation images, if there are any.
        parity: Number of images compared and largest difference between Keras and ONNX Runtime.
    """
    recipe, source = request.recipe, request.data
    data: dict[str, Any] = dict(FILES)
    if not source.is_mnist:
        data = {
            "title": source.title,
            "source": source.source,
            "as_": source.as_,
            "train_sha256": request.data_sha256,
            "held_out": request.held_out,
        }
    validated = {} if validation is None else {"validation": validation}
    return {
        "recipe": recipe_to_dict(recipe),
        "seed": request.seed,
        "parameters": count_parameters(recipe),
        "epochs": recipe.epochs,
        "train_seconds": round(train_seconds, 2),
        "test": test,
        **validated,
        "train_images": train_images,
        "val_images": request.val_size,
        "changed_settings": changed_settings(recipe),
        "command": command_of(request),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": hardware()
        | {
            "backend": request.backend,
            "precision": effective_precision(recipe),
            "deterministic": request.deterministic,
        },
        "data": data,
        "classes": list(request.classes),
        "input": {
            "name": "images",
            "dtype": "uint8",
            "shape": ["n", SIDE, SIDE],
            "meaning": "white ink on black, 0..255; a digit fitted into 20x20, "
            "its center of mass at the center"
            if source.as_ == "digits" and request.classes == DIGITS
            else "as in the data set, 0..255",
        },
        "output": {"name": "probabilities", "dtype": "float32", "shape": ["n", recipe.classes]},
        "onnx_against_keras": parity,
    }
