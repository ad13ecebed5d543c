"""What people say of answers: one JSON line each, in a file beside the table.

The file is the record of a review: who said when what a field holds, and what had been read. The
table is written from the readings and this file, so it can always be written again.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tenfold.errors import DataError, WriteError
from tenfold.files import parse_json, sync_folder
from tenfold.forms.answers import Answer, PageAnswers

FILE_SUFFIX = ".corrections.jsonl"
"""The file has the table's name and this suffix."""

UNREADABLE_REASON = "cannot be read"
"""Why a field stays in the table's column `review` although somebody looked at it."""

State: TypeAlias = Literal["value", "empty", "unreadable"]
"""What was said: a value, that nothing is written, or that nobody can read it."""

Key: TypeAlias = tuple[str, int, str]
"""Source, page and name of a field."""


@dataclass(frozen=True)
class Correction:
    """What somebody said of one field.

    Attributes:
        source: The file of the page, as in the table.
        page: Page of the file, from 0.
        name: Of the field.
        read: The value that was read, "" for an empty field.
        confidence: Probability of that value, 0 to 1.
        state: What was said.
        value: What is written there, "" if nothing is or it cannot be read.
        by: Who said it.
        at: When, in UTC, as 2026-11-28T14:05:09+00:00.
    """

    source: str
    page: int
    name: str
    read: str
    confidence: float
    state: State
    value: str
    by: str
    at: str

    @property
    def key(self) -> Key:
        """The field that it is about."""
        return self.source, self.page, self.name

    @property
    def wrong(self) -> bool:
        """Whether the table said something else: also a value where nobody can read one."""
        return self.read != self.value


Corrections: TypeAlias = Mapping[Key, Correction]
"""The last correction of each field that has one."""


def corrections_file(table: Path) -> Path:
    """Return the file of corrections that belongs to a table."""
    return table.with_name(table.name + FILE_SUFFIX)


def load_corrections(path: Path) -> dict[Key, Correction]:
    """Return the last correction of each field; none if there is no file.

    A last line that a kill cut short is left out: nobody was told that it is saved.

    Raises:
        DataError: Another line is no correction.
    """
    return {one.key: one for one in _lines(path)[0]}


def append_correction(path: Path, correction: Correction) -> None:
    """Append a correction and wait until it is on disk. The caller holds the review's lock.

    Raises:
        WriteError: It cannot be written; the file is as it was.
    """
    line = json.dumps(asdict(correction), ensure_ascii=False) + "\n"
    rest = memoryview(line.encode("utf-8", "surrogatepass"))
    is_new = not path.exists()
    try:
        with path.open("ab", buffering=0) as file:  # a buffer would be written after the failure
            end = file.seek(0, os.SEEK_END)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}") from error


def repair_corrections(path: Path) -> None:
    """Remove a last line that a kill cut short; end one that is whole and has no line break.

    Raises:
        DataError: Another line is no correction.
        WriteError: The file cannot be written.
    """
    _, whole = _lines(path)
    try:
        if not whole:
            path.unlink(missing_ok=True)
            return
        with path.open("r+b") as file:
            file.truncate(whole)
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}") from error


def corrected(page: PageAnswers, corrections: Corrections) -> PageAnswers:
    """Return a page with the values that people gave.

    The confidence of a value that somebody gave is 1. A field that cannot be read has no value, a
    confidence of 0, and stays to be reviewed.
    """
    answers = tuple(
        _corrected(answer, corrections.get((page.source, page.page, answer.name)))
        for answer in page.answers
    )
    return replace(page, answers=answers)


def _corrected(answer: Answer, correction: Correction | None) -> Answer:
    if correction is None:
        return answer
    readable = correction.state != "unreadable"
    return replace(
        answer,
        value=correction.value,
        confidence=float(readable),
        empty=correction.state == "empty",
        review=None if readable else UNREADABLE_REASON,
    )


def _lines(path: Path) -> tuple[list[Correction], int]:
    """Return the corrections in a file, and how many of its bytes they take."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    whole = data.rfind(b"\n") + 1
    with suppress(ValueError, TypeError):  # editors may leave out the last line break
        _parse(data[whole:].decode("utf-8", "surrogatepass"))
        whole = len(data)
    found = []
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            found.append(_parse(line.decode("utf-8", "surrogatepass")))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"line {number} of {path} is no correction ({error}): mend or remove the line"
            ) from error
    return found, whole


def _parse(line: str) -> Correction:
    document: Any = parse_json(line)
    if not isinstance(document, dict):
        raise TypeError("no object")
    names = {field.name for field in fields(Correction)}
    if set(document) != names:
        raise ValueError(f"its keys must be {', '.join(sorted(names))}")
    whole, number = document["page"], document["confidence"]
    texts = [document[name] for name in names - {"page", "confidence"}]
    if type(whole) is not int or type(number) not in (int, float):
        raise ValueError("page and confidence must be numbers")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("source, name, read, state, value, by and at must be texts")
    if document["state"] not in get_args(State):
        raise ValueError(f"state must be one of {', '.join(get_args(State))}")
    return Correction(**document)
