"""The table as it stands: what was read, with corrections, and never over somebody's own edits."""

import shutil
from datetime import datetime
from pathlib import Path

from tenfold.errors import WriteError
from tenfold.files import parse_json, sha256, write_json
from tenfold.forms.answers import Answers
from tenfold.forms.corrections import Corrections, corrected
from tenfold.forms.table import write_table

WRITTEN = "_table.json"
"""File in the folder of parts that holds the hash of the table as tenfold wrote it last."""


def write_current_table(answers: Answers, corrections: Corrections) -> Path | None:
    """Write the table of all pages with the corrections, whole or not at all.

    A table that somebody else changed since it was written is kept under another name.

    Returns:
        Where a changed table was kept; None if there was none.

    Raises:
        DataError: A part is damaged.
        WriteError: The table cannot be written.
    """
    kept = _keep_edited(answers)
    pages = (corrected(page, corrections) for page in answers.pages())
    try:
        write_table(answers.table, answers.template, pages)
        write_json(answers.folder / WRITTEN, {"sha256": sha256(answers.table)})
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"cannot write {answers.table}: {error.strerror}") from error
    return kept


def is_edited(answers: Answers) -> bool:
    """Return whether somebody else changed or removed the table since it was written."""
    try:
        known = parse_json((answers.folder / WRITTEN).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, TypeError, KeyError):
        return False  # not written yet
    return not answers.table.is_file() or sha256(answers.table) != known


def _keep_edited(answers: Answers) -> Path | None:
    table = answers.table
    if not table.is_file() or not is_edited(answers):
        return None
    time = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    kept = table.with_name(f"{table.stem}.edited-{time}{table.suffix}")
    try:
        shutil.copy2(table, kept)
    except OSError as error:
        raise WriteError(f"cannot write {kept}: {error.strerror}") from error
    return kept
