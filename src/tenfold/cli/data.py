"""tenfold data: where MNIST is, whether it is complete, a sheet of samples."""

import argparse
from pathlib import Path
from typing import Any

from tenfold.cli.options import add_data_dir
from tenfold.errors import DataError, UsageError

HELP = "where MNIST is, whether its files are intact, a sheet of samples"
DESCRIPTION = "Fetch MNIST if it is not in the cache, and print where it is."
EPILOG = """\
examples:
  tenfold data                        fetch MNIST if needed, print where it is
  tenfold data --verify               only check the four files
  tenfold data --sheet digits.png     a picture of sample digits with their labels

The data is MNIST by Y. LeCun and C. Cortes, license CC BY-SA 3.0.
TENFOLD_CACHE names another cache folder; TENFOLD_OFFLINE=1 forbids downloads.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--verify", action="store_true", help="only check the files; fail if one is not intact")
    add("--sheet", type=Path, metavar="FILE", help="write a sheet of samples to this picture file")
    add_data_dir(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Fetch or check the files, and return their state as JSON-ready values and as text."""
    from tenfold.data.mnist import load_mnist, status

    if options.sheet and options.sheet.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--sheet {options.sheet}: the name must end in .png, .jpg or .webp")
    if not options.verify:
        for split in ("train", "test"):
            load_mnist(split, options.data_dir)
    found = status(options.data_dir)
    if options.verify and not found.whole:
        bad = ", ".join(
            f"{file.name} ({'altered' if file.present else 'missing'})"
            for file in found.files
            if not file.sha256_ok
        )
        raise DataError(f"MNIST is not intact in {found.folder}: {bad}; `tenfold data` fetches it")
    document: dict[str, Any] = {
        "folder": str(found.folder),
        "whole": found.whole,
        "files": [vars(file) for file in found.files],
    }
    lines = [f"MNIST is complete and intact in {found.folder}"]
    lines += [f"  {file.name:<25} {file.size_bytes:>10,} bytes" for file in found.files]
    if options.sheet:
        from tenfold.data.sheet import sample_sheet
        from tenfold.files import atomic_path

        with atomic_path(options.sheet) as temporary:
            sample_sheet(*load_mnist("train", options.data_dir)).save(temporary)
        document["sheet"] = str(options.sheet)
        lines.append(f"samples: {options.sheet}")
    return document, "\n".join(lines)
