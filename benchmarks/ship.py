"""Put a finished run under src/tenfold/weights/ with its card.

    tenfold train --recipe standard --seed 0 --out runs/ship
    python benchmarks/ship.py runs/ship

Ships the first seed, not the luckiest: any other is refused. The card's figures over several seeds
come from results/train_speed.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from tenfold.bundle import KERAS, ONNX, load_bundle, write_bundle
from tenfold.errors import UsageError

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "src" / "tenfold" / "weights"

CARD = """\
# {name}

Reads one handwritten digit: a 28x28 image, white ink on black, to ten probabilities.

| | |
|---|---|
| data | the 60,000 training images of MNIST (Y. LeCun, C. Cortes; CC BY-SA 3.0), no others |
| recipe | `{name}`: {parameters:,} parameters, {epochs} epochs; all settings are in `meta.json` |
| made by | `{command}`, the first seed, {created} |
| this file | {accuracy:.2f}% of the 10,000 MNIST test images, ECE {ece:.2f}%, loss {loss:.4f} |
| {n} seeds | mean {mean:.3f}%, sd {sd:.3f}, min {low:.2f}, max {high:.2f} (last epoch, test images opened once) |
| calibration | logits divided by {temperature:g}, fitted on 5,000 validation images (`results/temperature.json`) |
| licence | Apache-2.0 |
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
    bundle = load_bundle(parser.parse_args().bundle)
    if bundle.meta["seed"] != 0:
        raise UsageError("only seed 0 is shipped")
    facts = {key: value for key, value in bundle.meta.items() if key not in ("format", "files")}
    name = facts["recipe"]["name"]
    contents = {KERAS: bundle.read(KERAS), ONNX: bundle.read(ONNX)}
    shipped = write_bundle(WEIGHTS / name, contents, facts)
    (WEIGHTS / name / "card.md").write_text(card(shipped.meta), encoding="utf-8")


def card(meta: dict[str, Any]) -> str:
    """Return the card of a shipped model."""
    name = meta["recipe"]["name"]
    results = json.loads((ROOT / "results" / "train_speed.json").read_text(encoding="utf-8"))
    spread = results["recipes"][name]["accuracy"]
    return CARD.format(
        name=name, parameters=meta["parameters"], epochs=meta["epochs"], command=meta["command"],
        created=meta["created"][:10], accuracy=100 * meta["test"]["accuracy"],
        ece=100 * meta["test"]["ece"], loss=meta["test"]["loss"], n=spread["n"],
        mean=100 * spread["mean"], sd=100 * spread["sd"], low=100 * spread["min"],
        high=100 * spread["max"], temperature=meta["recipe"]["temperature"],
        sha=meta["files"][ONNX],
    )  # fmt: skip


if __name__ == "__main__":
    main()
