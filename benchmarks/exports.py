"""Export every shipped model to every format, and measure its agreement with the original.

    python benchmarks/exports.py               all models, about ten minutes, mostly for `best`
    python benchmarks/exports.py --model tiny  one model; the rows of the others are kept

Measures no times, so other work may run on the machine. Writes results/exports.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tenfold.classifiers.model_file import shipped_models
from tenfold.errors import ExportError
from tenfold.exporting.export import export
from tenfold.exporting.formats import FORMATS
from tenfold.files import write_json
from tenfold.machine import machine_facts

RESULTS = Path(__file__).parent.parent / "results" / "exports.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", choices=shipped_models())
    models = parser.parse_args().model or list(shipped_models())
    kept = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    rows = [row for row in kept if row["model"] in set(shipped_models()) - set(models)]
    for model in models:
        for precision in ("float32", "int8"):
            rows += [exported(model, precision, format) for format in FORMATS]
    rows.sort(key=lambda row: row["model"])
    document = {
        "machine": machine_facts("ai-edge-litert"),
        "rows": rows,
    }
    write_json(RESULTS, document)


def exported(model: str, precision: str, format: str) -> dict[str, Any]:
    """Return the row of one export: its figures, or the reason why it was refused."""
    row: dict[str, Any] = {"model": model, "format": format, "precision": precision}
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = export(model, format, quantize=precision == "int8", out=folder)
        except ExportError as error:
            row |= {"refused": str(error)}
        else:
            row |= {"size_bytes": sum(file.size_bytes for file in result.files)}
            names = ("images", "same_labels", "largest_difference", "mean_difference")
            row |= {name: getattr(result.agreement, name) for name in names}
            row |= {"accuracy": result.export_accuracy}
    print(row, file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    main()
