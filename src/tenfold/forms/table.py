"""The table of a form's answers, one row a page: CSV, Parquet or XLSX."""

import csv
import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tenfold.errors import MissingExtraError, UsageError
from tenfold.files import atomic_path
from tenfold.forms.answers import PageAnswers
from tenfold.forms.template import Template

SUFFIXES = (".csv", ".parquet", ".xlsx")

_MODULES = {".parquet": "pyarrow", ".xlsx": "xlsxwriter"}

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9.,])")
"""How a cell begins that spreadsheets take for a formula; a number with a sign is none."""

_WIDE = 18
"""Width of a column in XLSX, in characters."""


def check_table(path: Path) -> None:
    """Refuse a table that cannot be written, before anything is read.

    Raises:
        UsageError: The suffix is none of `SUFFIXES`, or the path is a folder.
        MissingExtraError: The package that writes it is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path} ends in {suffix or 'no suffix'}; give one of {', '.join(SUFFIXES)}"
        )
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a table to write")
    module = _MODULES.get(suffix)
    if module and importlib.util.find_spec(module) is None:
        raise MissingExtraError(f"writing {suffix}", "forms")


def columns(template: Template) -> list[str]:
    """Return the names of the table's columns.

    They are `source` and `page`, of each field its name and NAME_confidence, then `review` and
    `error`.
    """
    names = [column for field in template.fields for column in (field.name, confidence(field.name))]
    return ["source", "page", *names, "review", "error"]


def confidence(name: str) -> str:
    """Return the column with the confidences of a field."""
    return f"{name}_confidence"


def write_table(path: Path, template: Template, pages: Iterable[PageAnswers]) -> None:
    """Write the table, whole or not at all.

    Values are text: 007 stays 007, unless the field's constraint makes it a number. An empty field
    is "". A page with an error has no values. In CSV, an apostrophe stands before what a
    spreadsheet would take for a formula, such as the name of a scan that begins with =.

    Args:
        path: Its suffix is one of `SUFFIXES`.
        template: Names the columns.
        pages: The rows.

    Raises:
        UsageError: See `check_table`.
        WriteError: The file cannot be written.
    """
    check_table(path)
    write = {".csv": _write_csv, ".parquet": _write_parquet, ".xlsx": _write_xlsx}
    with atomic_path(path) as temporary:
        write[path.suffix.lower()](temporary, template, (_row(template, page) for page in pages))


def _row(template: Template, page: PageAnswers) -> list[Any]:
    answers = {answer.name: answer for answer in page.answers}
    row: list[Any] = [page.source, page.page]
    for field in template.fields:
        answer = answers.get(field.name)
        row += [answer.value, round(answer.confidence, 4)] if answer else [None, None]
    return [*row, page.review or None, page.error]


def _write_csv(path: Path, template: Template, rows: Iterator[list[Any]]) -> None:
    # Excel takes a file for UTF-8 only if it begins with this mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns(template))
        writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def _no_formula(cell: Any) -> Any:
    """Return a cell with an apostrophe before what a spreadsheet would calculate."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _write_parquet(path: Path, template: Template, rows: Iterator[list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = columns(template)
    confidences = {confidence(field.name) for field in template.fields}
    schema = pa.schema(
        {name: pa.float32() if name in confidences else pa.string() for name in names}
        | {"page": pa.int64()}
    )
    table = [dict(zip(names, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(table, schema=schema), path, compression="zstd")


def _write_xlsx(path: Path, template: Template, rows: Iterator[list[Any]]) -> None:
    import xlsxwriter

    # Text stays text: no formula, no link, no number without its leading zeros.
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), {**plain, "constant_memory": True}) as book:
        sheet = book.add_worksheet("answers")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 2 * len(template.fields) + 3, _WIDE)
        sheet.write_row(0, 0, columns(template), book.add_format({"bold": True}))
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, row)
