"""The template of a form: named fields on a reference page, kept as JSON beside the page's PNG."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from tenfold.arrays import Gray
from tenfold.errors import DataError, PictureError, UsageError
from tenfold.files import parse_json, sha256, write_atomic, write_json
from tenfold.formatting import no_such
from tenfold.imaging.decoding import load_picture
from tenfold.reading.fields import Field
from tenfold.reading.kinds import KINDS
from tenfold.reading.results import Box

FORMAT = 1
"""Version of the JSON; a file of another version is refused."""

MOST_FIELDS = 1_000
"""Most fields of a form."""

SMALLEST_SIDE = 4
"""Least width and height of a field or a cell, in pixels of the reference page."""

LARGEST_SIDE = 20_000
"""Largest width and height of the reference page, in pixels."""

COLUMNS = ("source", "page", "error", "review")
"""Columns of the table that are no fields."""

_NAME = re.compile(r"[^\W\d][\w .-]{0,63}")

_KEYS = ("name", "box", "cells", "kind", "constraint")


@dataclass(frozen=True)
class FormField:
    """One place on a form where somebody writes or ticks.

    Attributes:
        name: Its column in the table: a letter, then up to 63 letters, digits, spaces and _ . -.
        box: x, y, width and height in pixels of the reference page.
        cells: The cells of a comb or of separate boxes, left to right, one character in each.
            Empty for a line to write on or a box that holds all digits.
        kind: "text" for digits and signs, "tick" for a box that is ticked or not.
        field: What may stand in it; None if anything may. In the JSON it is `constraint`.
    """

    name: str
    box: Box
    cells: tuple[Box, ...] = ()
    kind: Literal["text", "tick"] = "text"
    field: Field | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the field's entry in the JSON."""
        entry: dict[str, Any] = {"name": self.name, "box": list(self.box)}
        if self.cells:
            entry["cells"] = [list(cell) for cell in self.cells]
        if self.kind != "text":
            entry["kind"] = self.kind
        if self.field:
            entry["constraint"] = self.field.to_dict()
        return entry


@dataclass(frozen=True)
class Template:
    """The fields of a form, and the page that they are on.

    Attributes:
        page: The blank page, a picture of exactly `width` x `height` pixels.
        width: Width of the reference page in pixels.
        height: Height of the reference page in pixels.
        fields: In the order of the table's columns.
    """

    page: Path
    width: int
    height: int
    fields: tuple[FormField, ...]

    @cached_property
    def gray(self) -> Gray:
        """The pixels of the blank page, uint8 (height, width).

        Raises:
            UsageError: The page is missing, cannot be read, or has another size.
        """
        try:
            picture = load_picture(self.page, max_side=max(self.width, self.height))
        except PictureError as error:
            raise UsageError(f"the template's page: {error}") from error
        if (picture.width, picture.height) != (self.width, self.height):
            raise UsageError(
                f"the template's page {self.page} has {picture.width} x {picture.height} pixels;"
                f" the template was made for {self.width} x {self.height}: make it again"
            )
        return picture.gray

    def __getitem__(self, name: str) -> FormField:
        """Return a field by name.

        Raises:
            UsageError: There is no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise UsageError(no_such("field", name, [field.name for field in self.fields]))

    def to_dict(self) -> dict[str, Any]:
        """Return the template as `save_template` writes it, with the page by its file name."""
        return {
            "format": FORMAT,
            "page": self.page.name,
            "width": self.width,
            "height": self.height,
            "fields": [field.to_dict() for field in self.fields],
        }

    def fingerprint(self) -> str:
        """Return a hash of the fields and of the page's pixels.

        Raises:
            UsageError: The page cannot be read.
        """
        facts = {**self.to_dict(), "page": ""}
        return sha256(repr(facts).encode() + np.ascontiguousarray(self.gray).tobytes())


def load_template(path: str | Path) -> Template:
    """Read a template from its JSON; the page lies beside it.

    Raises:
        DataError: The file is missing or cannot be read.
        UsageError: It is not JSON, or does not describe a template.
    """
    path = Path(path)
    try:
        data = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read the template {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the template {path} is not JSON; `tenfold template {path}` makes one of a blank page"
        ) from error
    except ValueError as error:
        raise UsageError(f"the template {path} is not JSON: {error}") from error
    try:
        return template_from_dict(data, path.parent)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def save_template(path: str | Path, template: Template) -> None:
    """Write a template as JSON.

    The page must lie in the same folder; `write_page` puts it there.

    Raises:
        UsageError: The page lies in another folder.
        WriteError: The file cannot be written.
    """
    path = Path(path)
    if template.page.resolve().parent != path.resolve().parent:
        raise UsageError(f"the page {template.page} must lie beside {path}: copy it there first")
    write_json(path, template.to_dict())


def write_page(path: Path, gray: Gray) -> Path:
    """Write the reference page beside a template, as PNG, and return its path.

    Args:
        path: Of the template's JSON; the page has the same name, with the suffix .page.png.
        gray: uint8 (h, w).
    """
    page = path.with_suffix(".page.png")
    _, data = cv2.imencode(".png", gray)
    write_atomic(page, data.tobytes())
    return page


def template_from_dict(data: Any, folder: Path) -> Template:
    """Make a template from the values of `Template.to_dict`.

    Args:
        data: The values. `cells` of a field may also be a number: that many of equal width.
        folder: Where the page lies.

    Raises:
        UsageError: A value is missing, unknown, of the wrong type or out of range.
    """
    if not isinstance(data, dict) or "fields" not in data:
        raise UsageError("not a template: `tenfold template BLANK.png` makes one")
    _refuse_unknown("the template", data, ("format", "page", "width", "height", "fields"))
    version = data.get("format")
    if type(version) is not int or version != FORMAT:
        raise UsageError(f"format is {version!r:.60}; this version reads {FORMAT}")
    page = data.get("page")
    if not isinstance(page, str) or not page or Path(page).name != page:
        raise UsageError(f"page is {page!r:.80}; it must be the name of a file beside the template")
    width, height = (_whole(name, data.get(name)) for name in ("width", "height"))
    entries = data["fields"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_FIELDS:
        raise UsageError(f"fields must be a list of 1 to {MOST_FIELDS:,} fields")
    fields = tuple(
        _field(number, entry, width, height) for number, entry in enumerate(entries, start=1)
    )
    seen: set[str] = set()
    for field in fields:
        columns = {field.name.casefold(), f"{field.name.casefold()}_confidence"}
        if taken := sorted(columns & seen):
            raise UsageError(f"two fields need the column {taken[0]!r} of the table; rename one")
        seen |= columns
    return Template(folder / page, width, height, fields)


def _field(number: int, entry: Any, width: int, height: int) -> FormField:
    if not isinstance(entry, dict):
        raise UsageError(f"field {number} is {entry!r:.60}; it must be an object with name and box")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        raise UsageError(
            f"field {number} has the name {name!r:.80}; a name is a letter, then letters, digits,"
            " spaces and _ . -, up to 64 in all"
        )
    what = f"field {name!r}"
    if name.casefold() in COLUMNS:
        raise UsageError(f"{what}: the table has a column of this name; choose another")
    _refuse_unknown(what, entry, _KEYS)
    kind = entry.get("kind", "text")
    if kind not in ("text", "tick"):
        other = "; what a text means is in its constraint" if kind in KINDS else ""
        raise UsageError(f"{what}: {no_such('kind', kind, ('text', 'tick'))}{other}")
    box = _box(what, "box", entry.get("box"), (0, 0, width, height))
    cells = _cells(what, entry.get("cells", []), box)
    constraint = _constraint(what, entry.get("constraint"))
    if kind == "tick" and (cells or constraint):
        raise UsageError(f"{what}: a tick has neither cells nor a constraint")
    if cells and constraint and (digits := constraint.automaton.fewest_digits) > len(cells):
        raise UsageError(
            f"{what}: its constraint asks for {digits} digits, and it has {len(cells)} cells"
        )
    return FormField(name, box, cells, kind, constraint)


def _box(what: str, name: str, value: Any, around: Box) -> Box:
    """Return a box, which must lie within another."""
    whole = isinstance(value, list) and len(value) == 4
    if not whole or not all(type(one) is int for one in value):
        raise UsageError(f"{what}: {name} is {value!r:.60}; it must be [x, y, width, height]")
    x, y, width, height = value
    if width < SMALLEST_SIDE or height < SMALLEST_SIDE:
        raise UsageError(f"{what}: {name} {value!r:.60} is smaller than {SMALLEST_SIDE} pixels")
    left, top, wide, high = around
    if x < left or y < top or x + width > left + wide or y + height > top + high:
        raise UsageError(f"{what}: {name} {value!r:.60} reaches out of {list(around)}")
    return x, y, width, height


def _cells(what: str, value: Any, box: Box) -> tuple[Box, ...]:
    if type(value) is int:
        if not 0 <= value * SMALLEST_SIDE <= box[2]:
            raise UsageError(f"{what}: {value} cells do not fit into {box[2]} pixels")
        return equal_cells(box, value) if value else ()
    if not isinstance(value, list):
        raise UsageError(f"{what}: cells is {value!r:.60}; it must be a number or a list of boxes")
    cells = tuple(_box(what, f"cell {n}", cell, box) for n, cell in enumerate(value, start=1))
    if any(
        before[0] + before[2] / 2 >= after[0] + after[2] / 2 for before, after in pairwise(cells)
    ):
        raise UsageError(f"{what}: its cells do not go from left to right")
    return cells


def equal_cells(box: Box, number: int) -> tuple[Box, ...]:
    """Divide a box into cells of equal width, left to right."""
    x, y, width, height = box
    edges = [x + round(width * place / number) for place in range(number + 1)]
    return tuple((left, y, right - left, height) for left, right in pairwise(edges))


def _constraint(what: str, value: Any) -> Field | None:
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise UsageError(f"{what}: constraint is {value!r:.60}; it must be an object")
    try:
        return Field.from_dict(value)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error


def _refuse_unknown(what: str, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in data:
        if name not in known:
            raise UsageError(f"{what}: {no_such('setting', name, known)}")


def _whole(name: str, value: Any) -> int:
    if type(value) is not int or not SMALLEST_SIDE <= value <= LARGEST_SIDE:
        raise UsageError(
            f"{name} is {value!r}; it must be {SMALLEST_SIDE} to {LARGEST_SIDE:,} pixels"
        )
    return value
