"""A search at work: its workers, trials and results; opens no test image."""

import json
import logging
import os
import shlex
import socket
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna

from tenfold.data.mnist import split_validation
from tenfold.errors import DataError, TenfoldError, TrainingError
from tenfold.execution.engine import Engine, Task, WorkerLostError
from tenfold.files import write_atomic, write_json
from tenfold.formatting import count
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.run_folder import only_here
from tenfold.tuning.report import render_search
from tenfold.tuning.results import (
    TrialRow,
    best_recipe,
    best_row,
    choice_gains,
    importances,
    trial_rows,
)
from tenfold.tuning.search_folder import BEST, PAGE, TRIALS, Search
from tenfold.tuning.space import space_to_dict, start_values
from tenfold.tuning.storage import Address, close_storage, exclusive
from tenfold.tuning.study import (
    WORKER,
    FixedTrial,
    create_or_join,
    one_at_a_time,
    retry_lost,
    running_trials,
)
from tenfold.tuning.trial_table import TrialTable
from tenfold.tuning.worker import Assignment, work

POLL_SECONDS = 0.5
"""Pause between two looks at the workers."""

UNCLAIMED_SECONDS = 20
"""A running trial without a living worker is lost after this time: its worker died before it wrote
its name, and before any heartbeat."""

MAX_LOSSES = 5
"""Workers that may die one after the other while no trial finishes."""

_log = logging.getLogger(__name__)


def run_search(
    folder: Path,
    search: Search,
    address: Address,
    engine: Engine,
    *,
    timeout: float | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Start or continue a search, and write the best recipe and a page into its folder.

    Ctrl-C keeps all trials: the page and the best recipe are written, and the running trials are
    retried when the search is resumed.

    Args:
        folder: From `start_search`.
        search: The request.
        address: Address of the storage, with the password, which the search does not hold.
        engine: Runs the workers.
        timeout: Start no trial after this many seconds.
        progress: Draw a progress bar on stderr.

    Returns:
        What `tenfold tune --json` prints.

    Raises:
        TrainingError: All trials failed, or none has finished within the timeout.
        TenfoldError: The storage cannot be used, or all workers die.
    """
    ends_at = None if timeout is None else time.time() + timeout
    began = time.monotonic()
    plan = search.plan
    start = start_values(plan.recipe, plan.space)
    studies: dict[str, optuna.Study] = {}
    figures: dict[str, Any] = {}
    with only_here(folder), exclusive(address):
        splits = engine.share(_splits(search))
        phases: list[tuple[str, int, list[FixedTrial]]] = []
        if search.trials:
            first = FixedTrial(start, plan.seed)
            phases.append((search.study, search.trials, [first]))
        if search.choices:
            fixed = one_at_a_time(plan, search.choices)
            phases.append((f"{search.study}-choices", len(fixed), fixed))
        try:
            for name, trials, enqueued in phases:
                study = studies[name] = create_or_join(address, name, plan, enqueued)
                if address.is_file:  # this command has it alone: a running trial is a lost one
                    retry_lost(study, running_trials(study))
                assignment = Assignment(address, name, plan, trials, ends_at, search.backend)
                rows = trial_rows(study, plan)
                with TrialTable(trials, plan.recipe.epochs, start, rows, progress) as table:
                    _Workers(study, assignment, engine, splits, table).run()
                _check_any(trial_rows(study, plan), folder)
            rows = [row for study in studies.values() for row in trial_rows(study, plan)]
            if timeout is not None and not any(row.finished for row in rows):
                raise TrainingError(
                    f"no trial has finished within the timeout of {timeout:g} s: continue with a "
                    f"longer one, tenfold tune --resume {shlex.quote(str(folder))}"
                )
        finally:
            seconds = time.monotonic() - began
            if studies:
                figures = _write_results(folder, search, studies, start, seconds)
            for study in studies.values():
                close_storage(study._storage)
    return figures


def _check_any(rows: list[TrialRow], folder: Path) -> None:
    """Check that a trial was complete, if any has finished.

    Raises:
        TrainingError: All failed; says why the last one did.
    """
    finished = [row for row in rows if row.finished]
    if finished and all(row.accuracy is None for row in finished):
        note = next((row.note for row in reversed(finished) if row.note), "stopped early")
        raise TrainingError(
            f"none of {count(len(finished), 'trial')} is complete, the last one: {note}; "
            f"{folder / TRIALS} has all"
        )


def _splits(search: Search) -> Any:
    """Return training and validation images, both of the training part; opens no test file.

    Raises:
        DataError: The data set is not what it was when the search began.
    """
    data = search.data.load("train")
    if search.plan.data_sha256 and data.sha256 != search.plan.data_sha256:
        raise DataError(
            f"{search.data.source} has changed since the search began: restore it, or search into "
            "another --out"
        )
    training, validation = split_validation(data.images, data.labels, search.plan.val_size)
    images, labels = (array[: search.plan.train_size] for array in training)
    return (images, labels), validation


class _Workers:
    """The workers of one command, replaced when they die, until the study is complete."""

    def __init__(
        self, study: optuna.Study, assignment: Assignment, engine: Engine, splits: Any,
        table: TrialTable,
    ) -> None:  # fmt: skip
        self._study = study
        self._assignment = assignment
        self._engine = engine
        self._splits = splits
        self._table = table
        self._prefix = f"{socket.gethostname()}-{os.getpid()}"
        self._started = 0
        self._names: dict[Task, str] = {}
        self._dead: set[str] = set()
        self._losses, self._done_at_loss = 0, -1
        self._unclaimed_since: dict[int, float] = {}

    def run(self) -> None:
        """Start workers, show their progress, and replace those that die."""
        left = self._assignment.trials - self._update_table()
        try:
            for _ in range(min(self._engine.workers, left)):
                self._start()
            while self._names:
                for task in self._engine.wait(list(self._names), POLL_SECONDS):
                    name = self._names.pop(task)
                    try:
                        task.result()
                    except WorkerLostError as error:
                        self._replace(name, error)
                self._retry_unclaimed()
                self._update_table()
        finally:
            for task in self._names:
                task.stop()
            self._retry_trials_of(set(self._names.values()))

    def _update_table(self) -> int:
        """Show all trials, and return how many have finished."""
        rows = trial_rows(self._study, self._assignment.plan)
        self._table.update(rows)
        return sum(row.finished for row in rows)

    def _start(self) -> None:
        self._started += 1
        name = f"{self._prefix}-{self._started}"
        self._names[self._engine.start(work, self._assignment, name, self._splits)] = name

    def _replace(self, name: str, error: WorkerLostError) -> None:
        """Start a worker in place of a dead one, unless too many have died."""
        self._dead.add(name)
        self._retry_trials_of({name})
        done = self._update_table()
        self._losses = self._losses + 1 if done == self._done_at_loss else 1
        self._done_at_loss = done
        if self._losses == MAX_LOSSES:
            raise TenfoldError(f"{MAX_LOSSES} workers died: {error}") from None
        _log.warning("%s; its trial is retried", error)
        self._start()

    def _retry_trials_of(self, workers: set[str]) -> None:
        trials = running_trials(self._study)
        retry_lost(self._study, [t for t in trials if t.user_attrs.get(WORKER) in workers])

    def _retry_unclaimed(self) -> None:
        now = time.monotonic()
        unclaimed = [
            trial
            for trial in running_trials(self._study)
            if trial.user_attrs.get(WORKER) in self._dead | {None}
        ]
        since = {t.number: self._unclaimed_since.get(t.number, now) for t in unclaimed}
        late = [t for t in unclaimed if now - since[t.number] > UNCLAIMED_SECONDS]
        retry_lost(self._study, late)
        self._unclaimed_since = since


def _write_results(
    folder: Path, search: Search, studies: dict[str, optuna.Study], start: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:  # fmt: skip
    """Write the best recipe, all trials and the page, and return the figures."""
    plan = search.plan
    study, experiment = studies.get(search.study), studies.get(f"{search.study}-choices")
    rows = trial_rows(study, plan) if study else []
    choices = choice_gains(trial_rows(experiment, plan), plan) if experiment else None
    best = best_row(rows)
    states = Counter(row.state for row in rows)
    done = sum(row.finished for row in rows)
    figures: dict[str, Any] = {
        "recipe": plan.recipe.name,
        "trials": done,
        **{state: states[state] for state in ("complete", "pruned", "failed", "lost")},
        "start": next((_figures_of(row) for row in rows if row.number == 0), None),
        "best": _figures_of(best) if best else None,
        "seconds": round(seconds, 1),
        "out": str(folder),
    }
    if best:
        recipe = best_recipe(plan, best, done)
        write_json(folder / BEST, recipe_to_dict(recipe))
        figures["best"]["recipe"] = str(folder / BEST)
        words = ["tenfold", "train", "--recipe", str(folder / BEST), *search.data.words()]
        figures["best"]["command"] = shlex.join(words)
    everything = figures | {
        "data": search.data.title,
        "plan": plan.to_dict(),
        "importances": importances(study) if study else {},
        "choices": choices,
        "rows": [asdict(row) for row in rows],
    }
    write_atomic(folder / TRIALS, json.dumps(everything, indent=1) + "\n")
    if best or (choices and choices["start"]):
        page = render_search(everything, space_to_dict(plan.space), start)
        write_atomic(folder / PAGE, page)
        figures["report"] = str(folder / PAGE)
    return figures | ({"choices": choices} if choices else {})


def _figures_of(row: TrialRow) -> dict[str, Any]:
    return {"trial": row.number, "val_accuracy": row.accuracy, "settings": row.settings}
