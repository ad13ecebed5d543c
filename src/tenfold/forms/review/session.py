"""A running review: the fields, what is said of them, and the table that follows from it."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import Timeout

from tenfold.batch.output import LOCK
from tenfold.errors import DataError, TenfoldError
from tenfold.files import lock
from tenfold.forms.answers import Answers, open_finished_answers
from tenfold.forms.corrections import (
    Correction,
    State,
    append_correction,
    corrections_file,
    load_corrections,
    repair_corrections,
)
from tenfold.forms.current_table import write_current_table
from tenfold.forms.estimate import Report, report
from tenfold.forms.review.queue import Choice, Item, choose_items

_log = logging.getLogger(__name__)

IDLE_SECONDS = 3.0
"""The table is written after this many seconds without a decision."""

LONGEST_SECONDS = 60.0
"""The table is written at least this often while decisions come in, in seconds."""

CROPS = 64
"""Crops that are kept in memory: the page asks for a few ahead."""


class StaleError(TenfoldError):
    """Somebody else has said something of the field meanwhile."""


class Review:
    """A review of a table's fields. All methods may be called from several threads.

    Args:
        answers: What was read.
        choice: Which fields to review.
        by: Who reviews them.
        progress: Draw a progress bar on stderr while the fields are chosen.

    Attributes:
        answers: As given.
        choice: As given.
        by: As given.
        items: The fields to review, in their order.

    Raises:
        DataError: A part of the answers, or the file of corrections, is damaged.
    """

    def __init__(
        self, answers: Answers, choice: Choice, by: str, *, progress: bool = False
    ) -> None:
        self.answers = answers
        self.choice = choice
        self.by = by
        self.items = choose_items(answers, choice, progress=progress)
        self._kept: list[str] = []
        self._not_written = ""
        self._file = corrections_file(answers.table)
        self._corrections = load_corrections(self._file)
        self._revisions: dict[tuple[str, int, str], int] = {}
        self._lock = threading.Lock()
        self._table_lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._said = len(self._corrections)
        self._written = 0  # a kill may have come before the table was written
        self._unwritten_since = 0.0
        self._closed = False
        self._crops: OrderedDict[int, bytes] = OrderedDict()
        corrections = self._corrections
        self._open = {n for n, item in enumerate(self.items) if item.key not in corrections}

    def item(self, place: int) -> Item:
        """Return a field by its place in the order.

        Raises:
            IndexError: There is no such place.
        """
        if not 0 <= place < len(self.items):
            raise IndexError(place)
        return self.items[place]

    def correction(self, place: int) -> Correction | None:
        """Return what was said of a field last."""
        return self._corrections.get(self.item(place).key)

    def revision(self, place: int) -> int:
        """Return how often something was said of a field since the review began."""
        return self._revisions.get(self.item(place).key, 0)

    @property
    def notes(self) -> list[str]:
        """What people should know of the table: that it was edited, or cannot be written now."""
        return [*self._kept, *filter(None, [self._not_written])]

    @property
    def reviewed(self) -> int:
        """Number of fields to review of which something was said."""
        return len(self.items) - len(self._open)

    def next_open(self, after: int) -> int | None:
        """Return the place of the next field of which nothing was said, from the start again."""
        count = len(self.items)
        later = next((place for place in range(after + 1, count) if place in self._open), None)
        return later if later is not None else min(self._open, default=None)

    def crop(self, place: int) -> bytes:
        """Return the field's picture as JPEG, b"" if none was kept.

        Raises:
            DataError: The part with the field is damaged or has moved.
        """
        item = self.item(place)
        with self._lock:
            if place in self._crops:
                self._crops.move_to_end(place)
                return self._crops[place]
        self._check_folder()
        data = self.answers.crop(item.row, item.answer.name)
        with self._lock:
            self._crops[place] = data
            while len(self._crops) > CROPS:
                self._crops.popitem(last=False)
        return data

    def say(self, place: int, state: State, value: str, revision: int) -> Correction:
        """Save what somebody says of a field; it is on disk when this returns.

        Args:
            place: The field.
            state: See `Correction`.
            value: What is written there, "" unless the state is "value".
            revision: `revision` when the field was shown.

        Raises:
            StaleError: Something else was said meanwhile.
            WriteError: It cannot be saved.
            DataError: The answers have moved.
        """
        item = self.item(place)
        with self._lock:
            if revision != self.revision(place):
                raise StaleError("somebody else has reviewed this field meanwhile")
            self._check_folder()
            correction = Correction(
                *item.key,
                read=item.answer.value,
                confidence=round(item.answer.confidence, 4),
                state=state,
                value=value,
                by=self.by,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            append_correction(self._file, correction)
            self._corrections[item.key] = correction
            self._revisions[item.key] = revision + 1
            self._open.discard(place)
            self._schedule()
        return correction

    def report(self) -> Report:
        """Return what the review tells of the fields that nobody reviewed."""
        with self._lock:
            corrections = dict(self._corrections)
        return report(self.answers.pages(), corrections)

    def write_table(self) -> None:
        """Write the table if it lacks a correction; after a failure, a note says so until it is.

        After `close` nothing is written: a thread that writes when the process ends would crash it.
        """
        with self._table_lock:
            if self._closed or self._said == self._written:
                return
            with self._lock:
                corrections, said = dict(self._corrections), self._said
            try:
                self._check_folder()
                kept = write_current_table(self.answers, corrections)
            except (TenfoldError, OSError) as error:
                self._not_written = (
                    f"The table is not up to date: {error}. All corrections are saved."
                )
                return
            self._written, self._not_written = said, ""
            if kept:
                self._kept.append(
                    f"The table had been edited; the edited one is kept as {kept.name}."
                )

    def close(self) -> None:
        """Write the table if it lacks a correction, and wait until it is written."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
        self.write_table()
        with self._table_lock:
            self._closed = True

    def _schedule(self) -> None:
        """Write the table soon; the caller holds the lock."""
        now = time.monotonic()
        if self._timer:
            self._timer.cancel()
        if self._said == self._written:
            self._unwritten_since = now
        self._said += 1
        wait = min(IDLE_SECONDS, max(0.0, self._unwritten_since + LONGEST_SECONDS - now))
        self._timer = threading.Timer(wait, self.write_table)
        self._timer.daemon = True
        self._timer.start()

    def _check_folder(self) -> None:
        if not self.answers.folder.is_dir():
            raise DataError(
                f"{self.answers.folder} has moved: stop the review, and start it with the new path"
            )


@contextmanager
def open_review(
    table: str | Path, choice: Choice, by: str, *, progress: bool = False
) -> Iterator[Review]:
    """Open a review, which nobody else can do meanwhile; write the table at the end.

    Args:
        table: The table that `tenfold form` wrote.
        choice: Which fields to review.
        by: Who reviews them.
        progress: Draw a progress bar on stderr while the fields are chosen.

    Raises:
        UsageError: There is no such table, or not all its pages are read.
        DataError: It is damaged.
        TenfoldError: Another process reads its pages or reviews it.
    """
    answers = open_finished_answers(table)
    try:
        with lock(answers.folder / LOCK, timeout=0):
            repair_corrections(corrections_file(answers.table))
            review = Review(answers, choice, by, progress=progress)
            review.write_table()
            try:
                yield review
            finally:
                review.close()
                for note in review.notes:
                    _log.warning("%s", note)
    except Timeout:
        raise TenfoldError(
            f"{answers.table} is being reviewed or read by another process: several browsers may"
            " open the page of one review"
        ) from None
    (answers.folder / LOCK).unlink(missing_ok=True)
