"""Put a finished run under src/tenfold/weights/ with its card.

    tenfold train --recipe standard --seed 0 --out runs/ship
    python tools/ship.py runs/ship

Ships the first seed, not the luckiest: any other is refused. The card's figures over several seeds
come from results/train_speed.json and results/accuracy.json.
"""

import argparse
from pathlib import Path
from typing import Any

from rounding import rounded

from tenfold.classifiers.bundle import INT8, KERAS, LINE, ONNX, Bundle, load_bundle, write_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.metrics import evaluate
from tenfold.exporting.c_header import c_header
from tenfold.exporting.quantizing import CALIBRATION_IMAGES, quantized_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.backend import use_backend
from tenfold.recipes.measured import measured
from tenfold.recipes.serialization import recipe_from_dict

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "src" / "tenfold" / "weights"

SMALL = ("nano", "tiny")
"""Shipped in int8 and as a C header too."""

ROUNDED = ("nano",)
"""Where the weights of the C header are rounded with a look at what they do together."""

ROUNDING_IMAGES = 2000
"""Training images to look at: 500 gave 99.94% equal digits on validation images, these 99.97%."""

BEFORE = "recipes of that name before this one were measured on them, too"
OPENED = {
    "tiny": "twice: first read once an image, then nine times, which validation had spoken for",
    "nano": f"for five seeds, then, whatever they gave, for five more; {BEFORE}",
    "reader": f"once; {BEFORE}",
}
"""How the test images were opened, where that was not once and for all."""

CARD = """\
# {name}

Reads one handwritten digit: a 28x28 image, white ink on black, to ten probabilities.

| | |
|---|---|
| data | {images:,} training images of MNIST (Y. LeCun, C. Cortes; CC BY-SA 3.0), {besides} |
| recipe | `{name}`: {parameters:,} parameters, {epochs} epochs; all settings are in `meta.json` |
| made by | `{command}`, the first seed, {created} |
| this file | {accuracy:.2f}% of the 10,000 MNIST test images, ECE {ece:.2f}%, loss {loss:.4f} |
{seeds}| calibration | {calibration} |
{small}| license | Apache-2.0 |
| SHA-256 of `model.onnx` | `{sha}` |

`tenfold evaluate {name}` gives the figures of this file again. The SHA-256 is checked at every load.

Limits: it knows digits as MNIST has them, from American census employees and pupils, scanned
clean. Whatever is in the image, one of the ten digits comes out; a low confidence is the only warning.
"""  # noqa: E501


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "--line",
        type=Path,
        metavar="FILE",
        help="the line network, made by python -m tenfold.training.lines",
    )
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle)
    if bundle.meta["seed"] != 0:
        raise UsageError("only seed 0 is shipped")
    facts = {key: value for key, value in bundle.meta.items() if key not in ("format", "files")}
    name = facts["recipe"]["name"]
    contents = {KERAS: bundle.read(KERAS), ONNX: bundle.read(ONNX)}
    if name in SMALL:
        contents |= small_forms(bundle)
        facts["int8"] = int8_figures(contents[ONNX], contents[INT8])
    if arguments.line:
        contents[LINE] = arguments.line.read_bytes()
    shipped = write_bundle(WEIGHTS / name, contents, facts)
    (WEIGHTS / name / "card.md").write_text(card(shipped.meta), encoding="utf-8")


def small_forms(bundle: Bundle) -> dict[str, bytes]:
    """Return the network in int8, and as a C header."""
    use_backend()
    import keras

    recipe = recipe_from_dict(bundle.meta["recipe"])
    images, _ = load_mnist("train")
    (weights,) = network_weights(keras.models.load_model(bundle.folder / KERAS))
    if recipe.name in ROUNDED:
        weights = rounded(recipe, weights, images[:ROUNDING_IMAGES])
    return {
        INT8: quantized_model(bundle.read(ONNX), images[:CALIBRATION_IMAGES]),
        f"{recipe.name}.h": c_header(recipe, weights).encode(),
    }


def int8_figures(plain: bytes, small: bytes) -> dict[str, Any]:
    """Return what int8 costs on the test images."""
    images, labels = load_mnist("test")
    before, after = (OnnxClassifier(one).predict_proba(images) for one in (plain, small))
    same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    found = evaluate(labels, after)
    return {"accuracy": found.accuracy, "ece": found.ece, "same_labels": same,
            "size_bytes": len(small)}  # fmt: skip


def card(meta: dict[str, Any]) -> str:
    """Return the card of a shipped model."""
    name = meta["recipe"]["name"]
    spread = measured()[name]["accuracy"]
    return CARD.format(
        name=name, parameters=meta["parameters"], epochs=meta["epochs"], command=meta["command"],
        created=meta["created"][:10], accuracy=100 * meta["test"]["accuracy"],
        ece=100 * meta["test"]["ece"], loss=meta["test"]["loss"], images=meta["train_images"],
        seeds=seeds_row(name, spread), calibration=calibration(meta), besides=besides(meta),
        sha=meta["files"][ONNX], small=small_rows(meta),
    )  # fmt: skip


def seeds_row(name: str, spread: dict[str, Any]) -> str:
    """Return the row of a card about several seeds; nothing for one."""
    opened = OPENED.get(name, "once")
    if spread["n"] == 1:
        return ""
    mean, sd, low, high = (100 * spread[name] for name in ("mean", "sd", "min", "max"))
    return (
        f"| {spread['n']} runs | mean {mean:.3f}%, sd {sd:.3f}, min {low:.2f}, max {high:.2f} "
        f"(last epoch, test images opened {opened}) |\n"
    )


def besides(meta: dict[str, Any]) -> str:
    """Say what was trained on besides MNIST."""
    augmentation = meta["recipe"]["augmentation"]
    share, degraded = (augmentation.get(name, 0) for name in ("non_digits", "degraded"))
    if not share:
        return "no others"
    words = f"and made-up marks that are no digits, {share:.0%} of each batch, to be unsure of"
    return words + (f"; {degraded:.0%} of all degraded (docs/training.md)" if degraded else "")


def calibration(meta: dict[str, Any]) -> str:
    """Say what was done to the probabilities."""
    temperature = meta["recipe"]["temperature"]
    if temperature == 1:
        return "none: probabilities as the training left them"
    return (
        f"logits divided by {temperature:g}, fitted on 5,000 validation images "
        "(`results/temperature.json`)"
    )


def small_rows(meta: dict[str, Any]) -> str:
    """Return the rows of a card about further files: lines, int8 and C."""
    if LINE in meta["files"]:
        return (
            f"| lines | `{LINE}` reads a line of digits as a whole; trained on "
            "strips made of MNIST's training images (`tenfold.training.lines`, "
            "`results/line.json`) |\n"
        )
    if "int8" not in meta:
        return ""
    found, name = meta["int8"], meta["recipe"]["name"]
    return (
        f"| in int8 | `model-int8.onnx`, {found['size_bytes'] / 1000:.0f} kB: "
        f"{100 * found['accuracy']:.2f}% of the test images, ECE {100 * found['ece']:.2f}%; "
        f"the same digit as in float32 for {100 * found['same_labels']:.2f}% |\n"
        f"| in C | `{name}.h`: weights in int8, nothing needed but the C library |\n"
    )


if __name__ == "__main__":
    main()
