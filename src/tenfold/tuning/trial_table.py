"""Progress of a search: a line for each finished trial, above a bar with the best so far."""

import logging
from collections.abc import Mapping, Sequence

from tenfold.formatting import count, duration
from tenfold.tuning.changes import Value
from tenfold.tuning.results import TrialRow, best_row, describe_changes

_log = logging.getLogger(__name__)


class TrialTable:
    """Shows the progress of a search.

    Args:
        total: Number of trials.
        epochs: Epochs of a whole training.
        start: Settings of the recipe unchanged.
        rows: Trials of earlier commands.
        progress: Draw the bar; the lines are logged either way.
    """

    def __init__(
        self, total: int, epochs: int, start: Mapping[str, Value], rows: Sequence[TrialRow],
        progress: bool,
    ) -> None:  # fmt: skip
        from tqdm import tqdm

        self._epochs = epochs
        self._start = start
        self._logged = {row.number for row in rows if row.ended}
        done = sum(row.finished for row in rows)
        self._bar = tqdm(
            total=total, initial=done, disable=not progress, dynamic_ncols=True,
            bar_format="{n}/{total} |{bar:20}| {remaining} left; {desc}",
        )  # fmt: skip
        if best := best_row(rows):
            trials, accuracy = count(total, "trial"), f"{best.accuracy:.2%}"
            _log.info("%d of %s are there, the best %s (trial %d)", done, trials, accuracy,
                      best.number)  # fmt: skip
        _log.info("trial  validation  epochs       time  what differs from the recipe")

    def __enter__(self) -> "TrialTable":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, rows: Sequence[TrialRow]) -> None:
        """Log the trials that have ended since the last call, and redraw the bar."""
        for row in rows:
            if row.ended and row.number not in self._logged:
                self._logged.add(row.number)
                best = best_row([one for one in rows if one.number in self._logged])
                _log.info(self._line(row) + ("  <- best so far" if best is row else ""))
        self._bar.n = sum(row.finished for row in rows)
        self._bar.set_description_str(_description(rows))

    def _line(self, row: TrialRow) -> str:
        text = describe_changes(row.settings, self._start)
        accuracy = f"{row.accuracy:.2%}" if row.accuracy is not None else ""
        if row.state == "pruned" and row.curve:
            accuracy = f"({row.curve[-1]:.2%})"
        elif row.state != "complete":
            text = f"{row.state}{': ' if row.note else ''}{row.note}; {text}"
        seconds = duration(row.seconds) if row.seconds is not None else ""
        epochs = f"{len(row.curve)}/{self._epochs}"
        return f"{row.number:5}  {accuracy:>10}  {epochs:>6}  {seconds:>9}  {text}"


def _description(rows: Sequence[TrialRow]) -> str:
    """Return the best trial and the running ones, for the bar."""
    running = [
        f"{row.number}: {row.curve[-1]:.2%} after {len(row.curve)}"
        if row.curve
        else f"{row.number}: starting"
        for row in rows
        if row.state == "running"
    ]
    best = best_row(rows)
    parts = [f"best {best.accuracy:.2%} (trial {best.number})"] if best else []
    if running:
        parts.append("running " + ", ".join(running[:3] + ["..."] * (len(running) > 3)))
    return "; ".join(parts) or "the workers are starting"
