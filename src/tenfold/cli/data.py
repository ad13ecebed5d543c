"""`tenfold data`."""

import argparse
from pathlib import Path
from typing import Any

from tenfold.errors import DataError, UsageError

_EPILOG = """\
examples:
  tenfold data                        fetch MNIST if needed, say where it is
  tenfold data --verify               check the four files, fetch and change nothing
  tenfold data --sheet digits.png     a picture of sample digits with their labels

The data is Y. LeCun's and C. Cortes's MNIST, license CC BY-SA 3.0.
The cache folder is moved by TENFOLD_CACHE; TENFOLD_OFFLINE=1 forbids the network.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "data",
        parents=[common],
        help="where MNIST is, whether it is whole, a sheet of samples",
        description="Fetch MNIST if it is not in the cache, and say where it is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--verify", action="store_true", help="only check the files; fail if one is not whole"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a sheet of samples there")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Look after the data, and return what was found as JSON-ready values and as text."""
    from tenfold.data.mnist import load_mnist, status

    if options.sheet and options.sheet.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--sheet {options.sheet}: the name must end in .png, .jpg or .webp")
    if not options.verify:
        images, labels = load_mnist("train", options.data_dir)
        load_mnist("test", options.data_dir)
    found = status(options.data_dir)
    document: dict[str, Any] = {
        "folder": str(found.folder),
        "whole": found.whole,
        "files": [vars(file) for file in found.files],
    }
    if options.verify and not found.whole:
        bad = ", ".join(
            f"{file.name} ({'altered' if file.present else 'missing'})"
            for file in found.files
            if not file.sha256_ok
        )
        raise DataError(f"MNIST is not whole in {found.folder}: {bad}; `tenfold data` fetches it")
    lines = [f"MNIST is whole in {found.folder}"]
    lines += [f"  {file.name:<25} {file.size_bytes:>10,} bytes" for file in found.files]
    if options.sheet:
        if options.verify:
            images, labels = load_mnist("train", options.data_dir)
        from tenfold.data.sheet import sample_sheet
        from tenfold.files import atomic_path

        with atomic_path(options.sheet) as temporary:
            sample_sheet(images, labels).save(temporary)
        document["sheet"] = str(options.sheet)
        lines.append(f"samples: {options.sheet}")
    return document, "\n".join(lines)
