"""`tenfold read`."""

import argparse
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tenfold.errors import PictureError, UsageError

_EPILOG = """\
examples:
  tenfold read --single digit.png
  tenfold read --single scans/ photo.jpg --json
  cat digit.png | tenfold read --single -

A digit too uncertain to call shows as ?. Only one digit a picture can be read so far.
"""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""What is taken from a folder; a file given by name may have any."""

MANY = 50
"""Pictures from which a progress bar is drawn: about half a second's work."""

_log = logging.getLogger(__name__)


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "read",
        parents=[common],
        help="digits in pictures",
        description="Read handwritten digits in pictures: files, folders, - for stdin.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="a file, a folder, or -")
    parser.add_argument(
        "--model", default="standard", metavar="MODEL", help="shipped name or bundle folder"
    )
    parser.add_argument("--single", action="store_true", help="each picture shows one digit")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read every picture, and return what was read as JSON-ready values and as text."""
    if not options.single:
        raise UsageError("reading several digits at once is not there yet: add --single")
    sources = list(_sources(options.pictures))
    from tenfold.bundle import load_classifier
    from tenfold.reading import Reader

    reader = Reader(load_classifier(options.model))
    documents, lines = [], []
    for name in _with_progress(sources, quiet=options.quiet):
        try:
            if name != "-" and Path(name).is_dir():
                raise PictureError(f"the folder {name} holds no pictures ({', '.join(SUFFIXES)})")
            source = sys.stdin.buffer.read() if name == "-" else name
            reading = reader.read(source, single=True)
        except PictureError as error:
            options.partly_failed = True
            _log.error("tenfold: %s", error)
            documents.append(_failed(name, str(error)))
            continue
        documents.append({"path": name, **reading.to_dict()})
        lines.append(f"{name}: {reading.text}" if len(sources) > 1 else reading.text)
    return {"pictures": documents}, "\n".join(lines)


def _sources(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        folder = Path(name)
        if name == "-" or not folder.is_dir():
            found.append(name)
            continue
        inside = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        found += map(str, inside or [folder])
    return found


def _with_progress(sources: list[str], *, quiet: bool) -> Iterable[str]:
    if quiet or len(sources) < MANY or not sys.stderr.isatty():
        return sources
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(sources, unit="picture", dynamic_ncols=True)
    return bar


def _failed(name: str, error: str) -> dict[str, Any]:
    return {
        "path": name, "width": None, "height": None, "orientation": None, "error": error,
        "lines": [],
    }  # fmt: skip
