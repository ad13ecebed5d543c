"""Put a finished run under src/tenfold/weights/ with its card.

    tenfold train --recipe standard --seed 0 --out runs/ship
    python tools/ship.py runs/ship
    python tools/ship.py src/tenfold/weights/nano    make the int8 graph, C header and card again
    python tools/ship.py src/tenfold/weights/nano --card    make the card alone again

The card has the format of the Hugging Face Hub: front matter in YAML, then Markdown. To publish a
network there, upload its folder with card.md as README.md.

Ships seed 0, chosen beforehand and not for its accuracy; any other seed is refused. The card's
figures over several seeds come from results/train_speed.json and results/accuracy.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rounding import rounded

from tenfold.arrays import Gray
from tenfold.classifiers.bundle import INT8, KERAS, LINE, ONNX, Bundle, load_bundle, write_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.metrics import evaluate
from tenfold.exporting.c_header import c_header
from tenfold.exporting.quantizing import CALIBRATION_IMAGES, quantized_model
from tenfold.exporting.weights import network_weights
from tenfold.imaging.canvas import PREPROCESSING_VERSION
from tenfold.networks.backend import use_backend
from tenfold.reading.settings import ReaderSettings
from tenfold.recipes.measured import measured
from tenfold.recipes.serialization import recipe_from_dict
from tenfold.training.lines.network import int8_graph
from tenfold.training.lines.strips import make_strip
from tenfold.training.lines.train import writers_of_lines

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "src" / "tenfold" / "weights"
TEMPERATURES = ROOT / "results" / "temperature.json"

SMALL = ("nano", "tiny")
"""Models that are shipped as an int8 graph and as a C header too."""

ROUNDED = ("nano",)
"""Models whose C header has jointly rounded weights (tools/rounding.py)."""

ROUNDING_IMAGES = 2000
"""Training images for joint rounding. On validation images, 99.97% of the digits stay the same
with 2,000, and 99.94% with 500."""

CALIBRATION_STRIPS = 200
"""Strips for training, from which the line network's ranges in int8 are estimated."""

EARLIER = "earlier recipes of this name were tested on them too"
TEST_USE = {
    "tiny": "evaluated twice on the test images: without and with test-time augmentation, "
    "which was chosen on validation images",
    "nano": "evaluated on the test images for five seeds, then for five more, whatever the first "
    f"five gave; {EARLIER}",
    "reader": f"evaluated once on the test images; {EARLIER}",
}
"""Use of the test images, where it was more than one evaluation of each seed."""

READING = {"reader": {"agreement_share": 0.35}}
"""Settings of reading that a model has for itself (dev/reading.md, "Both networks must agree")."""

DATASET = "ylecun/mnist"
"""MNIST's name on the Hub."""

CARD = """\
---
{front}---

# {name}

Classifies one handwritten digit: from a 28x28 image, white ink on black, to ten probabilities.

```python
import tenfold  # pip install tenfold

classifier = tenfold.load_classifier("{name}")  # or the folder of these files
probabilities = classifier.predict_proba(images)  # uint8 (n, 28, 28) -> float32 (n, 10)
```

| | |
|---|---|
| training data | {images:,} training images of MNIST (Y. LeCun, C. Cortes; CC BY-SA 3.0){changes} |
| recipe | `{name}`: {parameters:,} parameters, {epochs} epochs; `meta.json` has all settings |
| training command | `{command}`, {created} |
| accuracy | {accuracy:.2f}% of the 10,000 MNIST test images; ECE {ece:.2f}%, loss {loss:.4f} |
{seeds}| calibration | {calibration} |
{files}| license | Apache-2.0 |
| SHA-256 of `model.onnx` | `{sha}` |

`tenfold evaluate {name}` computes these figures again. Loading checks the SHA-256.

Limits: the network has learned MNIST's digits{fonts}. MNIST's are clean scans, written by employees of the US Census Bureau and by high-school students. It answers with one of the ten digits for any image; only a low confidence tells that the image may not be a digit.
"""  # noqa: E501


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, help="folder of the finished run")
    parser.add_argument(
        "--line",
        type=Path,
        metavar="FILE",
        help="the line network, made by python -m tenfold.training.lines; shipped in int8",
    )
    parser.add_argument("--card", action="store_true", help="write the card alone")
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle)
    if arguments.card:
        write_card(bundle)
        return
    if bundle.meta["seed"] != 0:
        raise UsageError(f"the seed is {bundle.meta['seed']}; only seed 0 is shipped")
    facts = {key: value for key, value in bundle.meta.items() if key not in ("format", "files")}
    name = facts["recipe"]["name"]
    facts["reading"] = reading_settings(name)
    contents = {KERAS: bundle.read(KERAS), ONNX: bundle.read(ONNX)}
    if name in SMALL:
        contents |= small_forms(bundle)
        facts["int8"] = int8_figures(contents[ONNX], contents[INT8])
    if arguments.line:
        contents[LINE] = int8_graph(arguments.line.read_bytes(), calibration_strips())
    elif LINE in bundle.meta["files"]:
        contents[LINE] = bundle.read(LINE)
    write_card(write_bundle(WEIGHTS / name, contents, facts))


def calibration_strips() -> Gray:
    """Return strips made of what the line network learned from, uint8 (200, 32, 192)."""
    writers, rng = writers_of_lines(held_back=False), np.random.default_rng(0)
    return np.stack([make_strip(writers, rng)[0] for _ in range(CALIBRATION_STRIPS)])


def write_card(bundle: Bundle) -> None:
    (bundle.folder / "card.md").write_text(card(bundle.meta), encoding="utf-8")


def reading_settings(name: str) -> dict[str, Any]:
    """Return the settings of reading with a model, for its meta.json.

    The threshold is the one in results/temperature.json. A model without one gets the default of
    the reader, and is marked as not calibrated. Other settings are those of `READING`.
    """
    threshold = json.loads(TEMPERATURES.read_text(encoding="utf-8")).get(name, {}).get("threshold")
    return {
        "preprocessing": PREPROCESSING_VERSION,
        "calibrated": threshold is not None,
        "threshold": ReaderSettings().threshold if threshold is None else threshold,
        **READING.get(name, {}),
    }


def small_forms(bundle: Bundle) -> dict[str, bytes]:
    """Return the int8 graph and the C header."""
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


def int8_figures(float32: bytes, int8: bytes) -> dict[str, Any]:
    """Return the test-set figures of the int8 graph, beside the float32 one."""
    images, labels = load_mnist("test")
    before, after = (OnnxClassifier(graph).predict_proba(images) for graph in (float32, int8))
    same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    found = evaluate(labels, after)
    return {"accuracy": found.accuracy, "ece": found.ece, "same_labels": same,
            "size_bytes": len(int8)}  # fmt: skip


def card(meta: dict[str, Any]) -> str:
    """Return the card of a shipped model, from its meta.json and the measured figures."""
    name, test = meta["recipe"]["name"], meta["test"]
    return CARD.format(
        front=front_matter(meta), name=name,
        parameters=meta["parameters"], epochs=meta["epochs"], command=meta["command"],
        created=meta["created"][:10], accuracy=100 * test["accuracy"], ece=100 * test["ece"],
        loss=test["loss"], images=meta["train_images"], changes=changes(meta),
        seeds=seeds_row(name), calibration=calibration(meta), files=file_rows(meta),
        sha=meta["files"][ONNX], fonts=fonts(meta),
    )  # fmt: skip


def front_matter(meta: dict[str, Any]) -> str:
    """Return what the Hub reads: license, tags, and the figures of the card, as YAML."""
    name, test = meta["recipe"]["name"], meta["test"]
    spread = measured()[name]["accuracy"]
    metrics = [
        {"type": "accuracy", "name": "accuracy of this network", "value": test["accuracy"]},
        {"type": "ece", "name": "expected calibration error", "value": round(test["ece"], 5)},
    ]
    if spread["n"] > 1:
        title = f"mean accuracy over {spread['n']} seeds"
        metrics.append({"type": "accuracy", "name": title, "value": spread["mean"]})
    result = {
        "task": {"type": "image-classification", "name": "handwritten digits"},
        "dataset": {"type": DATASET, "name": "MNIST", "split": "test"},
        "metrics": metrics,
    }
    front = {
        "license": "apache-2.0",
        "library_name": "tenfold",
        "pipeline_tag": "image-classification",
        "tags": ["digits", "handwriting", "keras", "mnist", "onnx"],
        "datasets": [DATASET],
        "metrics": ["accuracy"],
        "model-index": [{"name": name, "results": [result]}],
    }
    text: str = yaml.safe_dump(front, sort_keys=False)
    return text


def seeds_row(name: str) -> str:
    """Return the row with the figures over several seeds; nothing for one."""
    spread = measured()[name]["accuracy"]
    if spread["n"] == 1:
        return ""
    mean, sd, low, high = (100 * spread[key] for key in ("mean", "sd", "min", "max"))
    use = TEST_USE.get(name, "evaluated once on the test images")
    return (
        f"| accuracy over {spread['n']} seeds | mean {mean:.3f}%, sd {sd:.3f}, min {low:.2f}, "
        f"max {high:.2f}: last epoch, {use} |\n"
    )


def changes(meta: dict[str, Any]) -> str:
    """Return what training adds to the images of MNIST and changes in them."""
    augmentation = meta["recipe"]["augmentation"]
    if not augmentation.get("non_digits"):
        return ", no other data"
    added = (
        ("non_digits", "of each batch are made-up marks that are not digits"),
        ("neighbors", "of the digits have parts of neighboring digits"),
        ("forms", "of the writers may use forms of digits that MNIST lacks"),
        ("hands", "of the digits are drawn from handwriting fonts (`augmentation/hands.json`)"),
        ("degraded", "of all images are degraded"),
    )
    shares = (f"{share:.0%} {what}" for name, what in added if (share := augmentation.get(name)))
    return f"; {', '.join(shares)} (docs/how-to/training.md)"


def fonts(meta: dict[str, Any]) -> str:
    """Return whose digits the network has learned beside those of MNIST."""
    return " and those of fonts" if meta["recipe"]["augmentation"].get("hands") else " only"


def calibration(meta: dict[str, Any]) -> str:
    """Return how the probabilities were calibrated."""
    temperature = meta["recipe"]["temperature"]
    if temperature == 1:
        return "none (temperature 1)"
    return (
        f"temperature {temperature:g}, fitted on 5,000 validation images "
        "(`results/temperature.json`)"
    )


def file_rows(meta: dict[str, Any]) -> str:
    """Return the rows about further files: line network, int8 and C."""
    if LINE in meta["files"]:
        return (
            f"| line network | `{LINE}` recognizes a line of digits and signs without segmentation "
            "(CTC); trained on strips made of MNIST's training images and of handwriting fonts "
            "(`tenfold.training.lines`, `results/line.json`); in int8 |\n"
        )
    if "int8" not in meta:
        return ""
    found, name = meta["int8"], meta["recipe"]["name"]
    return (
        f"| int8 | `model-int8.onnx`, {found['size_bytes'] / 1000:.0f} kB: accuracy "
        f"{100 * found['accuracy']:.2f}%, ECE {100 * found['ece']:.2f}%; "
        f"same digit as in float32 for {100 * found['same_labels']:.2f}% of the test images |\n"
        f"| C | `{name}.h`: weights in int8; needs only the C library (`-lm`) |\n"
    )


if __name__ == "__main__":
    main()
