"""What came out of a study, as plain values: trials, the best of them, what mattered."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tenfold.evaluation.significance import summarize
from tenfold.formatting import count
from tenfold.recipes.recipe import Recipe
from tenfold.tuning.changes import Value, changed, neat
from tenfold.tuning.study import CHANGED, NOTE, SEED, SURPLUS, WORKER, Plan, lost_numbers

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}

ENOUGH = 4
"""Complete trials below which nothing is said about what mattered."""


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    `state`: complete, pruned, failed, lost (and taken up again), running or waiting.
    `accuracy`: the fraction of the validation images read right at the last epoch; None if it
    has not come that far. `curve`: that fraction after each epoch. `settings`: by dimension.
    `changed`: in an experiment, the one setting that differs from the start. `seconds`: the
    whole trial; None if it has not ended. `note`: what went wrong.
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


def rows_of(study: optuna.Study, plan: Plan) -> list[TrialRow]:
    """Return a row for every trial, in the order in which they were begun or planned."""
    trials = study.get_trials(deepcopy=False)
    lost = lost_numbers(trials)
    return [_row(trial, plan, lost) for trial in trials if SURPLUS not in trial.user_attrs]


def _row(trial: FrozenTrial, plan: Plan, lost: set[int]) -> TrialRow:
    attributes = trial.user_attrs
    curve = tuple(trial.intermediate_values[step] for step in sorted(trial.intermediate_values))
    complete = trial.state == TrialState.COMPLETE
    return TrialRow(
        number=trial.number,
        state="lost" if trial.number in lost else _STATES[trial.state],
        accuracy=trial.value if complete else None,
        loss=attributes.get("val_loss"),
        curve=curve,
        settings=dict(trial.params) or dict(trial.system_attrs.get("fixed_params", {})),
        changed=attributes.get(CHANGED, ""),
        seed=attributes.get(SEED, plan.seed),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        worker=attributes.get(WORKER, ""),
        note=attributes.get(NOTE, ""),
        temperature=attributes.get("temperature"),
    )


def ended(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Return those that have come to their end, one way or another."""
    return [row for row in rows if row.state in ("complete", "pruned", "failed")]


def best_of(rows: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial with the highest accuracy; among equals, the lowest loss.

    The start wins a draw in both: nothing is changed for nothing.
    """
    complete = [row for row in rows if row.accuracy is not None]
    if not complete:
        return None
    return max(complete, key=lambda row: (row.accuracy, -(row.loss or 0.0), -row.number))


def best_recipe(plan: Plan, row: TrialRow, trials: int) -> Recipe:
    """Return the recipe of a trial, with a name and summary that say where it is from.

    Its temperature is the one that fits its answers on the validation images, as for the recipes
    that come with tenfold.
    """
    recipe = changed(plan.recipe, row.settings)
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
    """Return how much of what sets the better trials apart each setting holds; they add up to 1.

    PED-ANOVA (S. Watanabe et al., arXiv 2304.10255). Empty with fewer than `ENOUGH` complete
    trials, or if all are equally good.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < ENOUGH or len({trial.value for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(study)
        except (ValueError, RuntimeError):  # every setting has one value
            return {}
    return {name: round(float(share), 4) for name, share in found.items()}


def worth(rows: Sequence[TrialRow], plan: Plan) -> dict[str, Any]:
    """Return what each choice is worth: one setting changed, all else equal, over seeds.

    Args:
        rows: Of trials from `tenfold.tuning.study.one_at_a_time`.
        plan: What was searched.

    Returns:
        `start`: the accuracies of the recipe as it is, summarized (mean, sd, min, max, n).
        `dimensions`: by name a row for each value tried, the recipe's own among them: `value`,
        `own`, `accuracy` (summarized), and `gain`: mean, sd and n of the differences to the recipe
        as it is, seed by seed, in fractions. Seeds that were not trained to the end are left out.
    """
    base = {row.seed: row.accuracy for row in rows if not row.changed and row.accuracy is not None}
    if not base:
        return {"start": None, "dimensions": {}}
    first = next(row for row in rows if not row.changed)
    cases: dict[str, dict[Value, dict[int, float]]] = {}
    for row in rows:
        if row.changed and row.accuracy is not None:
            values = cases.setdefault(row.changed, {first.settings[row.changed]: base})
            values.setdefault(row.settings[row.changed], {})[row.seed] = row.accuracy
    order = [name for name in plan.space.names if name in cases]
    return {
        "start": _summary(list(base.values())),
        "dimensions": {
            name: [
                _level(value, seeds, base, own=value == first.settings[name])
                for value, seeds in _sorted(cases[name])
            ]
            for name in order
        },
    }


def _sorted(values: dict[Value, dict[int, float]]) -> list[tuple[Value, dict[int, float]]]:
    """Return numbers from low to high, words from good to bad."""
    items = list(values.items())
    if all(isinstance(value, int | float) for value in values):
        return sorted(items, key=lambda item: float(item[0]))
    return sorted(items, key=lambda item: -sum(item[1].values()) / max(len(item[1]), 1))


def _level(
    value: Value, seeds: dict[int, float], base: dict[int, float], *, own: bool
) -> dict[str, Any]:
    gains = [seeds[seed] - base[seed] for seed in seeds if seed in base]
    gain = _summary(gains) if gains else None
    return {"value": value, "own": own, "accuracy": _summary(list(seeds.values())), "gain": gain}


def _summary(values: list[float]) -> dict[str, Any]:
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in asdict(summarize(values)).items()
    }


def differences(settings: Mapping[str, Value], start: Mapping[str, Value]) -> str:
    """Return in words what differs from the start, such as "batch_size 64, depth 1"."""
    words = [
        f"{'optimizer' if name == 'optimizer.name' else name.rpartition('.')[2]} {neat(value)}"
        for name, value in settings.items()
        if value != start.get(name)
    ]
    return ", ".join(words) or "as the recipe is"
