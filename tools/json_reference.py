"""The shapes of the documents that --json prints, recorded from the commands themselves.

    python tools/json_reference.py [COMMAND ...]

Runs commands on little data, which takes minutes, and writes a JSON schema for each to
docs/reference/json-schemas.json. docs/conf.py shows them as tables; tests/test_site.py runs the
quick ones again, and checks what they print.
"""

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from http_reference import fields
from PIL import Image

from tenfold.data.mnist import load_mnist
from tenfold.files import write_atomic

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "docs" / "reference" / "json-schemas.json"

LITTLE = "--recipe softmax --train-size 600 --epochs 1"

RUNS: dict[str, tuple[str, ...]] = {
    "train": (
        f"train {LITTLE} --out run",
        f"train {LITTLE} --val-size 500 --out validated",
    ),
    "train --seeds": (f"train {LITTLE} --seeds 2 --out seeds",),
    "adapt": ("adapt tiny --data digits --epochs 1 --out adapted",),
    "recipes": ("recipes",),
    "recipes NAME": ("recipes conv", "recipes best"),
    "tune": (f"tune {LITTLE} --trials 1 --out tuned",),
    "tune --show-space": ("tune --recipe conv --show-space",),
    "read": (
        "read digit.png absent.png",
        "read digit.png --alternatives 2 --length 1",
        "read digit.png --kind integer --minimum 0",
        "read digit.png --length 5",
        "read grid.png --characters numbers",
    ),
    "batch": ("batch digits batch",),
    "template": ("template blank.png --out form.json",),
    "form": ("form form.json scans --out answers.csv --workers 1",),
    "form --report": ("form --out answers.csv --report --error 2%",),
    "evaluate": ("evaluate tiny", "evaluate tiny --int8"),
    "score": ("score digits", "score mislabeled"),
    "compare": (
        "compare --classifiers logistic,softmax,shipped:tiny,own:Zeros --train-size 300 "
        "--out compared",
    ),
    "robustness": ("robustness tiny --images 20", "robustness tiny --images 20 --external sets"),
    "labels": ("labels --recipe softmax --folds 2 --train-size 400 --out doubtful",),
    "show": ("show tiny --picture digit.png --out shown",),
    "explain": ("explain digit.png --out explained",),
    "export": ("export standard", "export standard --quantize"),
    "data": ("data", "data --verify --sheet sheet.png"),
    "completion": ("completion bash",),
}
"""Commands, and the runs whose documents are recorded, in the order of running."""

MAPS = ("curve", "errors", "maps", "settings", "versions")
"""Keys of objects whose own keys are names: of classifiers, methods, settings, packages."""

QUICK = ("recipes", "recipes NAME", "read", "template", "form", "form --report", "data")
"""Those that take seconds."""


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help="default: all")
    commands = parser.parse_args().commands or RUNS
    schemas = json.loads(SCHEMAS.read_text(encoding="utf-8")) if SCHEMAS.is_file() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for command in commands:
            schemas[command] = opened(merged(infer(run(words, folder)) for words in RUNS[command]))
            found = {name: schemas[name] for name in RUNS if name in schemas}
            write_atomic(SCHEMAS, json.dumps(found, indent=1) + "\n")
            print(command, flush=True)


def prepare(folder: Path) -> None:
    """Make pictures, a grid and a form for the commands to read, of MNIST's training images."""
    images, labels = load_mnist("train")
    for digit in range(10):
        for place in ("digits", "sets/own"):
            (folder / place / str(digit)).mkdir(parents=True)
            for number, image in enumerate(images[:1000][labels[:1000] == digit][:20]):
                picture = Image.fromarray(255 - image).resize((112, 112))
                picture.save(folder / place / str(digit) / f"{number}.png")
    (folder / "mislabeled" / "1").mkdir(parents=True)  # so that something is read wrong
    Image.fromarray(255 - images[0]).resize((112, 112)).save(folder / "mislabeled/1/five.png")
    Image.fromarray(255 - images[0]).resize((280, 280)).save(folder / "digit.png")
    (folder / "own.py").write_text(
        "class Zeros:\n    def predict(self, images):\n        return [0] * len(images)\n"
    )
    grid = Image.new("L", (12 + 3 * 96, 12 + 2 * 96), 60)
    for number in range(6):
        cell = Image.fromarray(255 - images[number]).resize((90, 90))
        grid.paste(cell, (6 + 96 * (number % 3), 6 + 96 * (number // 3)))
    page = Image.new("L", (600, 500), 255)
    page.paste(grid, (150, 150))
    page.save(folder / "grid.png")
    start([str(ROOT / "examples" / "draw_form.py")], folder)


def run(words: str, folder: Path) -> Any:
    """Run a command in a folder, and return the document that it prints."""
    found = json.loads(start(["-m", "tenfold", *words.split(), "--json"], folder))
    if "error" in found:
        raise RuntimeError(f"tenfold {words}: {found['error']}")
    return found


def start(words: list[str], folder: Path) -> bytes:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=False
    ).stdout


def infer(value: Any, key: str = "") -> dict[str, Any]:
    """Return the JSON schema of a value, which stands under a key."""
    if isinstance(value, list):
        return {"type": "array", "items": merged(map(infer, value))}
    if isinstance(value, dict):
        inner = {name: infer(one, name) for name, one in value.items()}
        if key in MAPS or names_things(inner):
            return {"type": "object", "additionalProperties": merged(inner.values())}
        return {"type": "object", "properties": inner, "required": list(inner)}
    kinds = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[type(value)]}


def names_things(inner: dict[str, Any]) -> bool:
    """Return whether the keys of an object are names of things, such as classes or settings."""
    alike = len(inner) > 8 and len({json.dumps(one) for one in inner.values()}) == 1
    return alike or not all(name.isidentifier() for name in inner)


def merged(schemas: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a schema of all values that any of the schemas describes."""
    every: dict[str, Any] = {}
    for one in schemas:
        every = _merge(every, one) if every else one
    return every


def opened(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which what was never more than null may be anything."""
    if schema.get("type") == "null":
        return {}
    found = dict(schema)
    for key in ("items", "additionalProperties"):
        if key in schema:
            found[key] = opened(schema[key])
    if "properties" in schema:
        found["properties"] = {name: opened(one) for name, one in schema["properties"].items()}
    return found


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    kinds = [*_kinds(one), *(kind for kind in _kinds(other) if kind not in _kinds(one))]
    if "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
    kinds.sort(key=lambda kind: kind == "null")
    found: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if "items" in one or "items" in other:
        found["items"] = merged(schema["items"] for schema in (one, other) if schema.get("items"))
    if "additionalProperties" in one or "additionalProperties" in other:
        inner = [schema.get("additionalProperties") for schema in (one, other)]
        inner += [part for schema in (one, other) for part in schema.get("properties", {}).values()]
        return found | {"additionalProperties": merged(part for part in inner if part)}
    if "properties" in one or "properties" in other:
        objects = [schema for schema in (one, other) if "properties" in schema]
        names = dict.fromkeys(name for schema in objects for name in schema["properties"])
        found["properties"] = {
            name: merged(s["properties"][name] for s in objects if name in s["properties"])
            for name in names
        }
        found["required"] = [
            name for name in names if all(name in schema["required"] for schema in objects)
        ]
    return found


def _kinds(schema: dict[str, Any]) -> list[str]:
    kinds = schema["type"]
    return kinds if isinstance(kinds, list) else [kinds]


MEANINGS = {
    "train": "TrainResult",
    "adapt": "AdaptResult",
    "tune": "TuneResult",
    "read": "Reading",
    "batch": "BatchResult",
    "form": "FormsResult",
    "evaluate": "Evaluation",
    "score": "Score",
    "compare": "Comparison",
    "robustness": "Robustness",
    "labels": "DoubtfulLabels",
    "show": "ShowResult",
    "explain": "Explanation",
    "export": "ExportResult",
    "recipes NAME": "Recipe",
}
"""The public classes that say what the fields of a document mean."""


def documents() -> str:
    """Return a table for the document of each command."""
    parts = []
    for command, schema in json.loads(SCHEMAS.read_text(encoding="utf-8")).items():
        parts.append(f"## tenfold {command}")
        if command in MEANINGS:
            name = MEANINGS[command]
            parts.append(f"{{py:class}}`tenfold.{name}` says what the fields mean.")
        parts.append(fields(schema, columns="field | type"))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
