"""The trials of a search as they end, one line each, above a bar with the best so far."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tenfold.formatting import count, duration
from tenfold.tuning.changes import Value
from tenfold.tuning.results import TrialRow, best_of, differences, ended

_log = logging.getLogger(__name__)


class TrialTable:
    """Tells how a search goes on.

    Args:
        total: Trials that make it complete.
        epochs: Of a whole training.
        workers: Trials that run at the same time here.
        start: Settings of the recipe as it is.
        ends_at: No trial begins after this moment (`time.time()`).
        progress: Draw the bar; the lines come either way.
    """

    def __init__(
        self, total: int, epochs: int, workers: int, start: Mapping[str, Value],
        ends_at: float | None, progress: bool,
    ) -> None:  # fmt: skip
        from tqdm import tqdm

        self._total = total
        self._epochs = epochs
        self._workers = workers
        self._start = start
        self._ends_at = ends_at
        self._told: set[int] | None = None
        self._known = 0
        self._began = time.monotonic()
        self._bar = tqdm(
            total=total, unit="trial", disable=not progress, dynamic_ncols=True,
            bar_format="{n}/{total} |{bar:20}| {desc}",
        )  # fmt: skip

    def __enter__(self) -> "TrialTable":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, rows: Sequence[TrialRow]) -> None:
        """Tell the trials that have ended since, and draw the bar anew."""
        done = ended(rows)
        if self._told is None:
            self._told = {row.number for row in rows if row.state == "lost"}
            self._known = len(done)
            self._introduce(done)
        for row in rows:
            over = row.state == "lost" or row in done
            if over and row.number not in self._told:
                self._told.add(row.number)
                so_far = [one for one in rows if one.number in self._told]
                _log.info(self._line(row, best_of(so_far)))
        self._bar.n = len(done)
        self._bar.set_description_str(self._state(rows, len(done)))

    def _introduce(self, done: list[TrialRow]) -> None:
        assert self._told is not None
        best = best_of(done)
        if best:
            self._told |= {row.number for row in done}
            _log.info(
                "%d of %s are there, the best %.2f%% (trial %d)",
                len(done), count(self._total, "trial"), 100 * (best.accuracy or 0), best.number,
            )  # fmt: skip
        _log.info("trial  validation  epochs       time  what differs from the recipe")

    def _line(self, row: TrialRow, best: TrialRow | None) -> str:
        accuracy = f"{row.accuracy:.2%}" if row.accuracy is not None else ""
        if row.state == "pruned" and row.curve:
            accuracy = f"({row.curve[-1]:.2%})"
        seconds = duration(row.seconds) if row.seconds is not None else ""
        text = differences(row.settings, self._start)
        if row.state in ("lost", "failed", "pruned") and not (row.state == "pruned" and row.curve):
            text = f"{row.state}{': ' if row.note else ''}{row.note}; {text}"
        mark = "  <- best so far" if best is row else ""
        epochs = f"{len(row.curve)}/{self._epochs}"
        return f"{row.number:5}  {accuracy:>10}  {epochs:>6}  {seconds:>9}  {text}{mark}"

    def _state(self, rows: Sequence[TrialRow], done: int) -> str:
        parts = []
        best = best_of(rows)
        if best:
            parts.append(f"best {best.accuracy:.2%} (trial {best.number})")
        now = [
            f"{row.number}: {row.curve[-1]:.2%} after {len(row.curve)}" if row.curve
            else f"{row.number}: begins"
            for row in rows if row.state == "running"
        ]  # fmt: skip
        if now:
            parts.append("running " + ", ".join(now[:3]) + (", ..." if len(now) > 3 else ""))
        if not parts:
            parts.append("the workers start")
        left = self._seconds_left(done)
        if left is not None:
            parts.append(f"{duration(left)} left")
        return "; ".join(parts)

    def _seconds_left(self, done: int) -> float | None:
        candidates: list[Any] = []
        if self._known < done < self._total:
            each = (time.monotonic() - self._began) / (done - self._known)
            candidates.append(each * (self._total - done))
        if self._ends_at is not None:
            candidates.append(max(0.0, self._ends_at - time.time()))
        return min(candidates, default=None)
