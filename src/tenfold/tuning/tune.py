"""Tune: search for good settings on validation images; the test images stay closed."""

import json
import logging
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna

from tenfold.data.mnist import load_mnist, split_validation
from tenfold.errors import TenfoldError
from tenfold.execution.engine import Engine, Task, WorkerLostError
from tenfold.files import write_atomic
from tenfold.recipes.recipe import member_seeds
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.run_folder import only_here
from tenfold.tuning.report import render_search
from tenfold.tuning.results import (
    TrialRow,
    best_of,
    best_recipe,
    ended,
    importances,
    rows_of,
    worth,
)
from tenfold.tuning.search_folder import BEST, PAGE, TRIALS, Search
from tenfold.tuning.space import space_to_dict, start_values
from tenfold.tuning.storage import Place, close_storage, held
from tenfold.tuning.study import (
    WORKER,
    Fixed,
    Plan,
    make_or_join,
    one_at_a_time,
    running,
    take_up_again,
)
from tenfold.tuning.trial_table import TrialTable
from tenfold.tuning.worker import Errand, work

POLL_SECONDS = 0.5
"""Between two looks at what the workers have done."""

UNCLAIMED_SECONDS = 20
"""A running trial that for so long no living worker has put its name to was lost between two
steps; no heartbeat tells."""

LOSSES = 5
"""Workers that may die one after the other while no trial comes to its end."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TuneResult:
    """What a search left: its folder and its figures, as `tenfold tune --json` prints them."""

    folder: Path
    figures: dict[str, Any]


def tune(
    folder: Path,
    search: Search,
    place: Place,
    engine: Engine,
    *,
    timeout: float | None = None,
    progress: bool = False,
) -> TuneResult:
    """Search, or go on searching, and leave the best recipe and a page in the folder.

    Ctrl-C keeps all that is there: the page and the best recipe are written, and the trials that
    were cut off wait to be taken up again.

    Args:
        folder: From `start_search`.
        search: What is asked for.
        place: Where the study is kept; with the password, which the search has not.
        engine: Where the workers run.
        timeout: Begin no trial after so many seconds.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: The storage cannot be used, or all workers die.
    """
    ends_at = None if timeout is None else time.time() + timeout
    begun = time.monotonic()
    plan = search.plan
    start = Fixed(start_values(plan.recipe, plan.space), member_seeds(plan.recipe, plan.seed)[0])
    studies: dict[str, optuna.Study] = {}
    with only_here(folder), held(place):
        splits = engine.share(_splits(search))
        try:
            phases: list[tuple[str, int, list[Fixed]]] = []
            if search.trials:
                phases.append((search.study, search.trials, [start]))
            if search.choices:
                fixed = one_at_a_time(plan, search.choices)
                phases.append((f"{search.study}-choices", len(fixed), fixed))
            for name, trials, first in phases:
                studies[name] = make_or_join(place, name, plan, first)
                errand = Errand(place, name, plan, trials, ends_at, search.backend)
                if place.is_file:  # it is held here: whoever ran a trial is gone
                    take_up_again(studies[name], running(studies[name]))
                _Crew(studies[name], errand, engine, splits).run(start.settings, progress)
        finally:
            seconds = time.monotonic() - begun
            figures = _write(folder, search, studies, seconds) if studies else {}
            for study in studies.values():
                close_storage(study._storage)
    return TuneResult(folder, figures)


def _splits(search: Search) -> Any:
    """Return training and validation images, both from the 60,000: the test file stays closed."""
    training, validation = split_validation(
        *load_mnist("train", search.data_dir), search.plan.val_size
    )
    images, labels = (array[: search.plan.train_size] for array in training)
    return (images, labels), validation


class _Crew:
    """The workers of one command, looked after until the study is complete."""

    def __init__(self, study: optuna.Study, errand: Errand, engine: Engine, splits: Any) -> None:
        self._study = study
        self._errand = errand
        self._engine = engine
        self._splits = splits
        self._here = f"{socket.gethostname()}-{os.getpid()}"
        self._parts: dict[Task, str] = {}
        self._gone: set[str] = set()
        self._unclaimed: dict[int, float] = {}
        self._hired = 0

    def run(self, start: dict[str, Any], progress: bool) -> None:
        """Send workers, tell what they do, and replace those that die."""
        plan, errand = self._errand.plan, self._errand
        losses, done_before = 0, -1
        table = TrialTable(
            errand.trials, plan.recipe.epochs, self._engine.workers, start, errand.ends_at,
            progress,
        )  # fmt: skip
        with table:
            rows = rows_of(self._study, plan)
            table.update(rows)
            left = errand.trials - len(ended(rows))
            try:
                for _ in range(min(self._engine.workers, left)):
                    self._hire()
                while self._parts:
                    for part in self._engine.wait(list(self._parts), POLL_SECONDS):
                        name = self._parts.pop(part)
                        try:
                            part.result()
                        except WorkerLostError as error:
                            self._gone.add(name)
                            take_up_again(self._study, self._trials_of({name}))
                            done = len(ended(rows_of(self._study, plan)))
                            losses = losses + 1 if done == done_before else 1
                            done_before = done
                            if losses == LOSSES:
                                raise TenfoldError(f"{LOSSES} workers died: {error}") from None
                            _log.warning("%s; its trial is taken up again", error)
                            self._hire()
                    self._look_for_unclaimed()
                    rows = rows_of(self._study, plan)
                    table.update(rows)
            finally:
                self._dismiss()

    def _hire(self) -> None:
        self._hired += 1
        name = f"{self._here}-{self._hired}"
        self._parts[self._engine.start(work, self._errand, name, self._splits)] = name

    def _dismiss(self) -> None:
        """End the workers that still run, and leave their trials to whoever comes next."""
        for part in self._parts:
            part.stop()
        take_up_again(self._study, self._trials_of(set(self._parts.values())))

    def _trials_of(self, names: set[str]) -> list[Any]:
        return [t for t in running(self._study) if t.user_attrs.get(WORKER) in names]

    def _look_for_unclaimed(self) -> None:
        now = time.monotonic()
        unclaimed = [
            trial
            for trial in running(self._study)
            if trial.user_attrs.get(WORKER) in self._gone | {None}
        ]
        seen = {t.number: self._unclaimed.get(t.number, now) for t in unclaimed}
        late = [t for t in unclaimed if now - seen[t.number] > UNCLAIMED_SECONDS]
        take_up_again(self._study, late)
        self._unclaimed = seen


def _write(
    folder: Path, search: Search, studies: dict[str, optuna.Study], seconds: float
) -> dict[str, Any]:
    """Write the best recipe, all trials and the page, and return the figures."""
    plan = search.plan
    rows: list[TrialRow] = []
    shares: dict[str, float] = {}
    if search.study in studies:
        rows = rows_of(studies[search.study], plan)
        shares = importances(studies[search.study])
    choices: dict[str, Any] | None = None
    if f"{search.study}-choices" in studies:
        choices = worth(rows_of(studies[f"{search.study}-choices"], plan), plan)
    best = best_of(rows)
    done = ended(rows)
    start = next((row for row in rows if row.number == 0), None)
    figures: dict[str, Any] = {
        "recipe": plan.recipe.name,
        "trials": len(done),
        **{state: sum(row.state == state for row in rows)
           for state in ("complete", "pruned", "failed", "lost")},
        "start": _told(start) if start else None,
        "best": _told(best) if best else None,
        "seconds": round(seconds, 1),
        "out": str(folder),
    }  # fmt: skip
    if best:
        recipe = best_recipe(plan, best, len(done))
        write_atomic(folder / BEST, json.dumps(recipe_to_dict(recipe), indent=2) + "\n")
        figures["best"]["recipe"] = str(folder / BEST)
    everything = figures | {
        "plan": json.loads(plan.to_json()),
        "importances": shares,
        "choices": choices,
        "rows": [asdict(row) for row in rows],
    }
    write_atomic(folder / TRIALS, json.dumps(everything, indent=1) + "\n")
    if best or choices:
        page = render_search(everything, space_to_dict(plan.space), plan_start(plan))
        write_atomic(folder / PAGE, page)
        figures["report"] = str(folder / PAGE)
    return figures | ({"choices": choices} if choices else {})


def plan_start(plan: Plan) -> dict[str, Any]:
    """Return the settings of the recipe as it is, by dimension."""
    return start_values(plan.recipe, plan.space)


def _told(row: TrialRow) -> dict[str, Any]:
    return {"trial": row.number, "val_accuracy": row.accuracy, "settings": row.settings}
