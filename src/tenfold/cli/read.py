"""tenfold read: the digits in pictures, as text, JSON and annotated pictures."""

import argparse
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tenfold.cli.fields import add_field_options, chosen_field
from tenfold.cli.options import (
    add_model_option,
    add_single,
    alternatives,
    chosen_model,
    output_folder,
    show_progress,
)
from tenfold.cli.terminal import styled
from tenfold.errors import PictureError, UsageError, WriteError
from tenfold.files import MAC_METADATA, is_special
from tenfold.formatting import percent
from tenfold.machine import usable_cores

HELP = "the digits in pictures"
DESCRIPTION = "Read handwritten digits in pictures: files, folders, or - for stdin."
EPILOG = """\
examples:
  tenfold read photo.jpg                 a line of text for every line of digits
  tenfold read scans/ photo.jpg --json   with confidences and boxes
  tenfold read --single digit.png        the picture shows one digit
  tenfold read photo.jpg --annotate seen    seen/photo.png: boxes, and what the network saw
  cat digit.png | tenfold read -         a picture from another program
  tenfold read amount.jpg --characters numbers    12.50, and not 1250
  tenfold read scan.png --expect "[0-9]{8}" --check luhn    what is known of every line
  tenfold read dates/ --kind date --minimum 2020-01-01 --json    with value and confidence
  tenfold read --second-opinion check.png  accept what RapidOCR reads too; "tenfold[ocr]"
  tenfold read scan.pdf photo.heic       with pip install "tenfold[pdf,heic]"

A digit whose confidence is too low is shown as ?.
"""

PROGRESS_FROM = 50
"""Number of pictures from which a progress bar is drawn: about half a second's work."""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="a file, a folder, or - for stdin")
    add_model_option(parser)
    help = "write each picture, annotated with what was read, to this folder"
    add("--annotate", type=output_folder, metavar="DIR", help=help)
    add_single(parser)
    help = "what the text keeps: digits alone, or also . , - / : and spaces between numbers"
    add("--characters", choices=("digits", "numbers"), default="digits", help=help)
    help = "the N likeliest readings of every line (with --json of every digit too)"
    add("--alternatives", type=alternatives, default=0, metavar="N", help=help)
    add_field_options(parser)
    help = 'accept only digits that RapidOCR reads too; needs pip install "tenfold[ocr]"'
    add("--second-opinion", action="store_true", help=help)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read every picture, and return what was read as JSON-ready values and as text."""
    names = list(_expanded(options))
    if options.annotate:
        _check_annotate(options.annotate, names)
    from tenfold.classifiers.bundle import load_classifier
    from tenfold.reading.reader import Reader

    field = chosen_field(options)
    classifier = load_classifier(chosen_model(options))
    reader = Reader(
        classifier, characters=options.characters, second_opinion=options.second_opinion
    )
    stems = _unique_stems(names) if options.annotate else {}

    def read(name: str) -> list[dict[str, Any]]:
        return list(_read_pages(reader, name, options, stems.get(name, ""), field))

    documents, lines = [], []
    shown = len(names) >= PROGRESS_FROM and show_progress(options)
    for name, pages in zip(names, _read_all(read, names, shown), strict=True):
        documents += pages
        for page in pages:
            if page["error"]:
                options.partly_failed = True
                _log.error("%s", page["error"])
            elif page["lines"]:
                before = f"{name}: " if len(names) > 1 else ""
                doubt = styled("?", "yellow", stream=sys.stdout)
                for line in page["lines"]:
                    lines.append(before + line["text"].replace("?", doubt))
                    lines += [
                        f"  {one['text']}  {percent(one['probability'])}"
                        for one in line.get("alternatives", ())
                    ]
                    if reason := line.get("field", {}).get("reason"):
                        _log.warning("%s: %s", _page_name(page, pages), reason)
            elif not options.json:
                _log.warning("%s: no digits found", _page_name(page, pages))
    if options.annotate:
        _log.info("%s", _annotated(documents, options.annotate, stems))
    return {"pictures": documents}, "\n".join(lines)


def _page_name(page: dict[str, Any], pages: list[dict[str, Any]]) -> str:
    """Return how messages name a picture, or one of several pages of a file."""
    name = "stdin" if page["path"] == "-" else page["path"]
    return f"{name}, page {page['page']}" if len(pages) > 1 else name


def _annotated(documents: list[dict[str, Any]], folder: Path, stems: dict[str, str]) -> str:
    """Return where the annotated pictures are."""
    written = {(one["path"], one["page"]) for one in documents if not one["error"]}
    if len(written) == 1:
        ((name, _),) = written
        return f"annotated picture: {folder / stems[name]}.png"
    return f"annotated pictures: {len(written):,} in {folder}"


def _expanded(options: argparse.Namespace) -> Iterator[str]:
    """Yield the names of files; a folder gives the pictures below it, or itself if none are.

    A folder that cannot be read is reported.
    """
    for name in options.pictures:
        inside: list[Path] = []
        failed: list[OSError] = []
        if name != "-" and _is_folder(name):
            inside = sorted(_pictures_below(name, failed.append))
        for error in failed:
            options.partly_failed = True
            _log.error("cannot read the folder %s: %s", error.filename, error.strerror)
        if not any(error.filename == name for error in failed):
            yield from map(str, inside) if inside else [name]


def _pictures_below(folder: str, failed: Callable[[OSError], None]) -> Iterator[Path]:
    from tenfold.imaging.decoding import SUFFIXES

    for inside, _, names in os.walk(folder, onerror=failed):
        for path in (Path(inside) / name for name in names):
            is_picture = path.suffix.lower() in SUFFIXES and not path.name.startswith(MAC_METADATA)
            if is_picture and not is_special(path):
                yield path


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # an impossible name, reported when the file is read
        return False


def _check_annotate(folder: Path, names: list[str]) -> None:
    """Make the folder, unless it holds pictures to read: none may be overwritten."""
    from tenfold.files import make_folder, real_path

    if any(name != "-" and real_path(name).parent == real_path(folder) for name in names):
        raise UsageError(f"--annotate {folder} holds pictures to read; give another folder")
    make_folder(folder)


def _unique_stems(names: list[str]) -> dict[str, str]:
    """Return a different stem for the annotated picture of each file, and of each of its pages."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    files: set[str] = set()
    for name in names:
        stem = "stdin" if name == "-" else Path(name).stem
        number, unique = 1, stem
        while unique in taken or unique in files or _file_of(unique) in taken:
            number += 1
            unique = f"{stem}-{number}"
        taken.add(unique)
        files.add(_file_of(unique))
        stems[name] = unique
    return stems


def _file_of(stem: str) -> str:
    """Return the stem of a file of which a stem may be a page: of scan-page2 it is scan."""
    return re.sub(r"-page[0-9]+$", "", stem)


def _read_all(
    read: Callable[[str], list[dict[str, Any]]], names: list[str], shown: bool
) -> Iterable[list[dict[str, Any]]]:
    """Yield what was read in each file, in order; several files are read at the same time."""
    if len(names) < 2:
        yield from map(read, names)
        return
    from tqdm import tqdm

    from tenfold.imaging.isolation import Cancellation

    cancellation = Cancellation()

    def read_one(name: str) -> list[dict[str, Any]]:
        with cancellation.applied():
            return read(name)

    with ThreadPoolExecutor(usable_cores()) as pool:
        try:
            read_files = pool.map(read_one, names)
            yield from tqdm(
                read_files, total=len(names), unit="file", disable=not shown, dynamic_ncols=True
            )
        finally:  # do not keep Ctrl-C waiting
            cancellation.cancel()
            pool.shutdown(wait=False, cancel_futures=True)


def _read_pages(
    reader: Any, name: str, options: argparse.Namespace, stem: str, field: Any
) -> Iterator[dict[str, Any]]:
    """Yield a document for a picture, or one for each page of a PDF or TIFF."""
    from tenfold.imaging.decoding import SUFFIXES, load_pages

    number = 1
    try:
        if name != "-" and _is_folder(name):
            raise PictureError(f"the folder {name} holds no pictures ({', '.join(SUFFIXES)})")
        for picture in load_pages(stdin_bytes() if name == "-" else name):
            reading = reader.read_picture(picture, single=options.single, field=field)
            if options.annotate:
                page = f"-page{number}" if number > 1 else ""
                _annotate(picture, reading, options.annotate / f"{stem}{page}.png")
            yield {"path": name, "page": number, **reading.to_dict(options.alternatives)}
            number += 1
    except PictureError as error:
        unread = dict.fromkeys(("width", "height", "orientation"))
        yield {"path": name, "page": number, **unread, "error": str(error), "lines": []}


def stdin_bytes() -> bytes:
    """Return all of stdin.

    Raises:
        PictureError: There is no stdin.
    """
    if sys.stdin is None:
        raise PictureError("there is no stdin to read a picture from")
    return sys.stdin.buffer.read()


def _annotate(picture: Any, reading: Any, path: Path) -> None:
    from tenfold.files import atomic_path

    try:
        with atomic_path(path) as temporary:
            reading.annotate(picture).save(temporary, "PNG")
    except WriteError as error:
        raise PictureError(str(error)) from error
