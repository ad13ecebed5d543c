"""A study: what is searched, which trials it has, and which of them were lost with their worker."""

import json
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import optuna
from optuna.trial import FrozenTrial, TrialState

from tenfold.errors import TenfoldError, UsageError
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_from_dict, recipe_to_dict
from tenfold.tuning.changes import Value
from tenfold.tuning.space import (
    Choice,
    Range,
    Space,
    levels,
    space_from_dict,
    space_to_dict,
    start_values,
)
from tenfold.tuning.storage import RETRIES, Place, close_storage, open_storage

PLAN, WORKER, SURPLUS, SEED, CHANGED, NOTE = (
    "plan", "worker", "surplus", "seed", "changed", "note",
)  # fmt: skip
"""Names of what tenfold keeps in a study and its trials, beside what Optuna does."""

_JOIN_SECONDS = 20
"""Whoever makes a study has written its plan after this time."""

Pruner = Literal["median", "halving", "none"]


@dataclass(frozen=True)
class Plan:
    """What decides a search; commands that share a study must agree on it.

    `seed` decides the trainings of all trials and where the search looks first. `train_size`
    and `val_size` count training images, as for `tenfold train`; the last ones are held back.
    """

    recipe: Recipe
    space: Space
    seed: int = 0
    train_size: int | None = None
    val_size: int = 5000
    pruner: Pruner = "median"

    def to_json(self) -> str:
        """Return the plan as text that is the same for the same plan."""
        data = vars(self) | {
            "recipe": recipe_to_dict(self.recipe),
            "space": space_to_dict(self.space),
        }
        return json.dumps(data)


def plan_from_json(text: str) -> Plan:
    """Return the plan that `Plan.to_json` gave."""
    data = json.loads(text)
    recipe = recipe_from_dict(data["recipe"])
    return Plan(**data | {"recipe": recipe, "space": space_from_dict(recipe, data["space"])})


@dataclass(frozen=True)
class Fixed:
    """A trial whose settings are given, not searched for."""

    settings: dict[str, Value]
    seed: int
    changed: str = ""


def one_at_a_time(plan: Plan, seeds: int) -> list[Fixed]:
    """Return trials that change one setting of the recipe each, all else equal, for some seeds.

    The recipe as it is comes first, then dimension after dimension, all seeds of a value together.
    """
    start = start_values(plan.recipe, plan.space)
    cases: list[tuple[str, dict[str, Value]]] = [("", start)]
    for dimension in plan.space.dimensions:
        own = start[dimension.name]
        for value in levels(dimension.values, own):
            if value != own:
                cases.append((dimension.name, start | {dimension.name: value}))
    return [
        Fixed(settings, plan.seed + number, name)
        for name, settings in cases
        for number in range(seeds)
    ]


def make_or_join(place: Place, name: str, plan: Plan, first: Sequence[Fixed]) -> optuna.Study:
    """Return a new study with its first trials waiting, or the one that is there.

    Raises:
        UsageError: The study that is there searches something else.
        TenfoldError: The storage cannot be used.
    """
    storage = open_storage(place)
    try:
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    except optuna.exceptions.DuplicatedStudyError:
        return _joined(optuna.load_study(storage=storage, study_name=name), name, plan)
    for trial in first:
        attributes = {SEED: trial.seed, CHANGED: trial.changed}
        study.enqueue_trial(trial.settings, user_attrs=attributes)
    study.set_user_attr(PLAN, plan.to_json())  # last: now others may join
    return study


def _joined(study: optuna.Study, name: str, plan: Plan) -> optuna.Study:
    patience = time.monotonic() + _JOIN_SECONDS
    while PLAN not in study.user_attrs:
        if time.monotonic() > patience:
            raise TenfoldError(f"the study {name} was never begun in earnest; give another --study")
        time.sleep(0.2)
    # As values: a newer tenfold knows settings that an older one had not written down.
    if plan_from_json(study.user_attrs[PLAN]) != plan_from_json(plan.to_json()):
        raise UsageError(
            f"the storage holds a study {name} that searches something else; "
            "give the same options, or another --study"
        )
    return study


def load(place: Place, name: str, sampler: Any = None, pruner: Any = None) -> optuna.Study:
    """Return a study that is there.

    Raises:
        TenfoldError: It is not, or the storage cannot be used.
    """
    storage = open_storage(place)
    try:
        return optuna.load_study(storage=storage, study_name=name, sampler=sampler, pruner=pruner)
    except KeyError:
        close_storage(storage)
        hint = "; other machines need --storage postgresql://..." if place.is_file else ""
        raise TenfoldError(f"{place.shown} holds no study {name}{hint}") from None


def originals(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count: neither those taken up again nor one too many."""
    return [
        trial
        for trial in trials
        if "failed_trial" not in trial.system_attrs and SURPLUS not in trial.user_attrs
    ]


def lost_numbers(trials: Iterable[FrozenTrial]) -> set[int]:
    """Return the numbers of the trials that were lost and taken up again."""
    return {number for t in trials for number in t.system_attrs.get("retry_history", ())}


def take_up_again(study: optuna.Study, trials: Iterable[FrozenTrial]) -> None:
    """Give up running trials whose worker is gone, and let others run them from the start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    for trial in trials:
        try:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        except optuna.exceptions.UpdateFinishedTrialError:
            continue  # it came to its end after all, or somebody else gave it up
        retry(study, study._storage.get_trial(trial._trial_id))


def give_up_stale(study: optuna.Study) -> None:
    """Let trials be run again whose worker has given no sign for too long; a journal has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that run now, or whose worker was lost and nobody noticed."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """Return a value for every dimension: the sampler's, or those that were given."""
    return {one.name: _suggest(trial, one.name, one.values) for one in space.dimensions}


def _suggest(trial: optuna.Trial, name: str, values: Choice | Range) -> Value:
    if isinstance(values, Choice):
        return cast("Value", trial.suggest_categorical(name, values.values))
    if values.whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)
