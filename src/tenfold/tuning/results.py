"""Results of a study as plain values: its trials, the best recipe, which settings matter."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tenfold.evaluation.significance import summarize
from tenfold.formatting import count
from tenfold.recipes.recipe import Recipe
from tenfold.tuning.changes import Value, apply_changes, format_value
from tenfold.tuning.study import CHANGED, NOTE, SEED, SURPLUS, WORKER, Plan, lost_numbers

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}

MIN_TRIALS = 4
"""Complete trials below which no importances are given."""


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes:
        state: complete, pruned, failed, lost (and retried), running or waiting.
        accuracy: Fraction of the validation images read correctly after the last epoch; None
            unless complete. `loss` is their loss.
        curve: Validation accuracy after each epoch.
        changed: In an experiment, the setting that differs from the recipe.
        seconds: Time of the whole trial; None if it has not ended.
        note: The error, if there was one.
        temperature: Fitted on the validation images; None with test-time augmentation.
    """

    number: int
    state: str
    accuracy: float | None
    loss: float | None
    curve: tuple[float, ...]
    settings: dict[str, Value]
    changed: str
    seed: int
    seconds: float | None
    worker: str
    note: str
    temperature: float | None

    @property
    def finished(self) -> bool:
        """Whether it counts as done: complete, pruned or failed."""
        return self.state in ("complete", "pruned", "failed")

    @property
    def ended(self) -> bool:
        """Whether it is over: finished or lost."""
        return self.finished or self.state == "lost"


def trial_rows(study: optuna.Study, plan: Plan) -> list[TrialRow]:
    """Return a row for every trial, in the order of their numbers."""
    trials = study.get_trials(deepcopy=False)
    lost = lost_numbers(trials)
    return [_row(trial, plan, lost) for trial in trials if SURPLUS not in trial.user_attrs]


def _row(trial: FrozenTrial, plan: Plan, lost: set[int]) -> TrialRow:
    attributes = trial.user_attrs
    return TrialRow(
        number=trial.number,
        state="lost" if trial.number in lost else _STATES[trial.state],
        accuracy=trial.value if trial.state == TrialState.COMPLETE else None,
        loss=attributes.get("val_loss"),
        curve=tuple(value for _, value in sorted(trial.intermediate_values.items())),
        settings=dict(trial.params) or dict(trial.system_attrs.get("fixed_params", {})),
        changed=attributes.get(CHANGED, ""),
        seed=attributes.get(SEED, plan.seed),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        worker=attributes.get(WORKER, ""),
        note=attributes.get(NOTE, ""),
        temperature=attributes.get("temperature"),
    )


def best_row(rows: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial with the highest accuracy; among equals, the lowest loss.

    If both are equal the earlier trial wins, above all the recipe unchanged.
    """
    complete = [row for row in rows if row.accuracy is not None]
    return max(
        complete,
        key=lambda row: (row.accuracy, -(row.loss or 0.0), -row.number),
        default=None,
    )


def best_recipe(plan: Plan, row: TrialRow, trials: int) -> Recipe:
    """Return the recipe of a trial, with a name and summary that tell its origin.

    Its temperature is fitted on the validation images, as for tenfold's own recipes.

    Args:
        plan: Plan of the search.
        row: The trial.
        trials: Number of trials, for the summary.
    """
    recipe = apply_changes(plan.recipe, row.settings)
    if recipe == plan.recipe:
        return recipe
    return replace(
        recipe,
        name=f"{plan.recipe.name}-tuned",
        summary=f"{plan.recipe.name} with settings found among {count(trials, 'trial')}: "
        f"{row.accuracy:.2%} of {plan.val_size:,} validation images.",
        temperature=row.temperature or plan.recipe.temperature,
    )


def importances(study: optuna.Study) -> dict[str, float]:
    """Return the importance of each setting for a high accuracy; they sum to 1.

    PED-ANOVA (S. Watanabe et al., arXiv 2304.10255), Optuna's default. Empty with fewer than
    `MIN_TRIALS` complete trials, or if all are equally accurate.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < MIN_TRIALS or len({trial.value for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(study)
        except (ValueError, RuntimeError):  # every setting has one value
            return {}
    return {name: round(float(share), 4) for name, share in found.items()}


def choice_gains(rows: Sequence[TrialRow], plan: Plan) -> dict[str, Any]:
    """Return the gain of each choice: one setting changed, all else equal, over seeds.

    Args:
        rows: Rows of the trials from `tenfold.tuning.study.one_at_a_time`.
        plan: Plan of the search.

    Returns:
        `start`: the accuracies of the recipe unchanged, summarized (mean, sd, min, max, n).
        `dimensions`: by setting, a row for each value tried, the recipe's own among them: `value`,
        `own`, `accuracy` (summarized), and `gain`, the summarized differences to the recipe
        unchanged, seed by seed, as fractions. Seeds without a complete training are left out.
    """
    base = {row.seed: row.accuracy for row in rows if not row.changed and row.accuracy is not None}
    if not base:
        return {"start": None, "dimensions": {}}
    start = next(row for row in rows if not row.changed).settings
    accuracies: dict[str, dict[Value, dict[int, float]]] = {}
    for row in rows:
        if row.changed and row.accuracy is not None:
            values = accuracies.setdefault(row.changed, {start[row.changed]: base})
            values.setdefault(row.settings[row.changed], {})[row.seed] = row.accuracy
    return {
        "start": _summary(base.values()),
        "dimensions": {
            name: [
                {
                    "value": value,
                    "own": value == start[name],
                    "accuracy": _summary(seeds.values()),
                    "gain": _summary(seeds[seed] - base[seed] for seed in seeds if seed in base),
                }
                for value, seeds in _sorted(accuracies[name])
            ]
            for name in plan.space
            if name in accuracies
        },
    }


def _sorted(values: dict[Value, dict[int, float]]) -> list[tuple[Value, dict[int, float]]]:
    """Return numbers from low to high, words from the highest mean accuracy to the lowest."""
    items = list(values.items())
    if all(isinstance(value, int | float) for value in values):
        return sorted(items, key=lambda item: float(item[0]))
    return sorted(items, key=lambda item: -sum(item[1].values()) / len(item[1]))


def _summary(values: Iterable[float]) -> dict[str, Any] | None:
    """Return mean, sd, min, max and n; None of no values."""
    known = list(values)
    if not known:
        return None
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in asdict(summarize(known)).items()
    }


def describe_changes(settings: Mapping[str, Value], start: Mapping[str, Value]) -> str:
    """Return what differs from the recipe, such as "batch_size 64, depth 1"."""
    changes = [
        f"{'optimizer' if name == 'optimizer.name' else name.rpartition('.')[2]} "
        f"{format_value(value)}"
        for name, value in settings.items()
        if value != start.get(name)
    ]
    return ", ".join(changes) or "the recipe unchanged"
