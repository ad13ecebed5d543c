"""`tenfold read`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tenfold.errors import PictureError, UsageError

_EPILOG = """\
examples:
  tenfold read photo.jpg                 a line of text for every line of digits
  tenfold read scans/ photo.jpg --json   with confidences and boxes
  tenfold read --single digit.png        the picture shows one digit
  tenfold read photo.jpg --annotate seen   seen/photo.png shows boxes and what the network saw
  cat digit.png | tenfold read -
  tenfold read scan.pdf photo.heic       with pip install 'tenfold[pdf,heic]'

A digit too uncertain to call shows as ?.
"""

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
        "--model",
        default="reader",
        metavar="MODEL",
        help="shipped name or bundle folder; what counts as uncertain was set for reader",
    )
    parser.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write each picture with what was read in it"
    )
    parser.add_argument("--single", action="store_true", help="each picture shows one digit")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read every picture, and return what was read as JSON-ready values and as text."""
    sources = list(_sources(options.pictures))
    if options.annotate:
        _check_target(options.annotate, sources)
    from tenfold.classifiers.bundle import load_classifier
    from tenfold.reading.reader import Reader

    reader = Reader(load_classifier(options.model))
    stems = _stems(sources) if options.annotate else {}

    def read(name: str) -> list[dict[str, Any]]:
        return list(_documents(reader, name, options, stems.get(name, "")))

    documents, lines = [], []
    for name, found in zip(sources, _with_progress(read, sources, options.quiet), strict=True):
        documents += found
        for document in found:
            if document["error"]:
                options.partly_failed = True
                _log.error("tenfold: %s", document["error"])
            else:
                lines += _text(name if len(sources) > 1 else "", document)
    return {"pictures": documents}, "\n".join(lines)


def _documents(
    reader: Any, name: str, options: argparse.Namespace, stem: str
) -> Iterator[dict[str, Any]]:
    """Give what was read in a file: one document, or one for each page of a PDF."""
    from tenfold.imaging.decoding import SUFFIXES, load_pages

    try:
        if name != "-" and _is_folder(Path(name)):
            raise PictureError(f"the folder {name} holds no pictures ({', '.join(SUFFIXES)})")
        for number, picture in enumerate(load_pages(stdin_bytes() if name == "-" else name), 1):
            reading = reader.read_picture(picture, single=options.single)
            if options.annotate:
                _annotate(picture, reading, options.annotate / f"{stem}{_page(number)}.png")
            yield {"path": name, "page": number, **reading.to_dict()}
    except PictureError as error:
        yield _failed(name, str(error))


def _page(number: int) -> str:
    return f"-page{number}" if number > 1 else ""


def stdin_bytes() -> bytes:
    """Return all of stdin.

    Raises:
        PictureError: There is none.
    """
    if sys.stdin is None:
        raise PictureError("there is no stdin to read a picture from")
    return sys.stdin.buffer.read()


def _check_target(folder: Path, sources: list[str]) -> None:
    """Refuse a folder that holds the pictures: none may be written over."""
    from tenfold.files import make_folder

    if any(name != "-" and Path(name).resolve().parent == folder.resolve() for name in sources):
        raise UsageError(f"--annotate {folder} would write among the pictures; give another folder")
    make_folder(folder)


def _stems(sources: list[str]) -> dict[str, str]:
    """Return what the annotated picture of each is called: pictures may share a name."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in sources:
        stem = "stdin" if name == "-" else Path(name).stem
        number, unique = 1, stem
        while unique in taken:
            number += 1
            unique = f"{stem}-{number}"
        taken.add(unique)
        stems[name] = unique
    return stems


def _annotate(picture: Any, reading: Any, path: Path) -> None:
    from tenfold.files import atomic_path
    from tenfold.reading.annotate import annotate

    try:
        with atomic_path(path) as temporary:
            annotate(picture, reading).save(temporary, "PNG")
    except OSError as error:
        raise PictureError(f"cannot write {path}: {error.strerror}") from error


def _text(name: str, document: dict[str, Any]) -> list[str]:
    """Return a line of text for each line of digits; for none, the name or nothing."""
    before = f"{name}: " if name else ""
    return [before + line["text"] for line in document["lines"]] or [before.rstrip()]


def _sources(names: list[str]) -> list[str]:
    from tenfold.imaging.decoding import SUFFIXES

    found: list[str] = []
    for name in names:
        folder = Path(name)
        if name == "-" or not _is_folder(folder):
            found.append(name)
            continue
        named = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        inside = sorted(p for p in named if not p.is_dir())
        found += map(str, inside or [folder])
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or no name at all: told when it is read
        return False


def _with_progress(
    read: Callable[[str], list[dict[str, Any]]], sources: list[str], quiet: bool
) -> Iterable[list[dict[str, Any]]]:
    """Read the sources in their order, several at once if there are several."""
    if len(sources) < 2:
        yield from map(read, sources)
        return
    from tqdm import tqdm

    shown = len(sources) >= MANY and not quiet and sys.stderr.isatty()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            coming = pool.map(read, sources)
            yield from tqdm(
                coming, total=len(sources), unit="file", disable=not shown, dynamic_ncols=True
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C leaves at once


def _failed(name: str, error: str) -> dict[str, Any]:
    return {
        "path": name, "page": 1, "width": None, "height": None, "orientation": None, "error": error,
        "lines": [],
    }  # fmt: skip
