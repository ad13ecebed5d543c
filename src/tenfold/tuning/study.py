"""Study: the plan of a search, its trials, and trials lost with their worker."""

import json
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import optuna
from optuna.trial import FrozenTrial, TrialState

from tenfold.arrays import TRAIN_IMAGES
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
from tenfold.tuning.storage import Address, close_storage, open_storage, retry_callback

PLAN, WORKER, SURPLUS, SEED, CHANGED, NOTE = (
    "plan", "worker", "surplus", "seed", "changed", "note",
)  # fmt: skip
"""Names of the attributes that tenfold adds to Optuna's studies and trials."""

_JOIN_SECONDS = 20
"""A command that creates a study writes its plan within this time."""

Pruner = Literal["median", "halving", "none"]


@dataclass(frozen=True)
class Plan:
    """What determines a search; commands that share a study must agree on it.

    Attributes:
        recipe: Center of the search.
        space: What is searched.
        seed: Seed of the search, and of the trainings of all trials.
        train_size: Number of training images; None for all but the validation images.
        val_size: Number of validation images, the last training images.
        pruner: When a trial is stopped early.
        images: Number of images of the data set's training part.
        data_sha256: Hash of that part; empty for MNIST, whose hashes are known.
    """

    recipe: Recipe
    space: Space
    seed: int = 0
    train_size: int | None = None
    val_size: int = 5000
    pruner: Pruner = "median"
    images: int = TRAIN_IMAGES
    data_sha256: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-ready values."""
        return vars(self) | {
            "recipe": recipe_to_dict(self.recipe),
            "space": space_to_dict(self.space),
        }


def plan_from_dict(data: dict[str, Any]) -> Plan:
    """Return the plan that `Plan.to_dict` gave."""
    recipe = recipe_from_dict(data["recipe"])
    return Plan(**data | {"recipe": recipe, "space": space_from_dict(recipe, data["space"])})


@dataclass(frozen=True)
class FixedTrial:
    """A trial with given settings.

    Attributes:
        settings: Values by name.
        seed: Seed of the training.
        changed: The setting that differs from the recipe; empty for the recipe unchanged.
    """

    settings: dict[str, Value]
    seed: int
    changed: str = ""


def one_at_a_time(plan: Plan, seeds: int) -> list[FixedTrial]:
    """Return trials that each change one setting of the recipe, all else equal, for some seeds.

    The recipe unchanged comes first, then one setting after the other, with all seeds of a value
    together.
    """
    start = start_values(plan.recipe, plan.space)
    cases: list[tuple[str, dict[str, Value]]] = [("", start)]
    for name, values in plan.space.items():
        for value in levels(values, start[name]):
            if value != start[name]:
                cases.append((name, start | {name: value}))
    return [
        FixedTrial(settings, plan.seed + number, name)
        for name, settings in cases
        for number in range(seeds)
    ]


def create_or_join(
    address: Address, name: str, plan: Plan, first: Sequence[FixedTrial]
) -> optuna.Study:
    """Return a new study with its first trials enqueued, or the existing one.

    Raises:
        UsageError: The existing study has another plan.
        TenfoldError: The storage cannot be used.
    """
    storage = open_storage(address)
    try:
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    except optuna.exceptions.DuplicatedStudyError:
        return _joined(optuna.load_study(storage=storage, study_name=name), name, plan)
    for trial in first:
        attributes = {SEED: trial.seed, CHANGED: trial.changed}
        study.enqueue_trial(trial.settings, user_attrs=attributes)
    study.set_user_attr(PLAN, json.dumps(plan.to_dict()))  # last: now others may join
    return study


def _joined(study: optuna.Study, name: str, plan: Plan) -> optuna.Study:
    deadline = time.monotonic() + _JOIN_SECONDS
    while PLAN not in study.user_attrs:
        if time.monotonic() > deadline:
            raise TenfoldError(f"the study {name} has no plan; give another --study")
        time.sleep(0.2)
    # Compared as values: an older tenfold wrote no values for settings that are newer.
    if plan_from_dict(json.loads(study.user_attrs[PLAN])) != plan_from_dict(plan.to_dict()):
        raise UsageError(
            f"the storage holds a study {name} with another plan; give the same options, or "
            "another --study"
        )
    return study


def load_study(address: Address, name: str) -> optuna.Study:
    """Return an existing study.

    Raises:
        TenfoldError: It does not exist, or the storage cannot be used.
    """
    storage = open_storage(address)
    try:
        return optuna.load_study(storage=storage, study_name=name)
    except KeyError:
        close_storage(storage)
        hint = "; other machines need --storage postgresql://..." if address.is_file else ""
        raise TenfoldError(f"{address.shown} holds no study {name}{hint}") from None


def original_trials(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count toward the total: no retries, and no surplus ones."""
    return [
        trial
        for trial in trials
        if "failed_trial" not in trial.system_attrs and SURPLUS not in trial.user_attrs
    ]


def lost_numbers(trials: Iterable[FrozenTrial]) -> set[int]:
    """Return the numbers of the trials that were lost with their worker and retried."""
    return {number for t in trials for number in t.system_attrs.get("retry_history", ())}


def retry_lost(study: optuna.Study, trials: Iterable[FrozenTrial]) -> None:
    """Fail running trials whose worker is gone, and enqueue their settings again."""
    retry = retry_callback()
    for trial in trials:
        try:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        except optuna.exceptions.UpdateFinishedTrialError:
            continue  # it has finished after all, or another worker failed it
        retry(study, study._storage.get_trial(trial._trial_id))


def retry_silent(study: optuna.Study) -> None:
    """Retry the trials whose worker's heartbeat has stopped; a journal has no heartbeats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


def running_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that are running, or that nobody has noticed to be lost."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """Return a value for every setting: the sampler's, or the one that was enqueued."""
    return {name: _suggest(trial, name, values) for name, values in space.items()}


def _suggest(trial: optuna.Trial, name: str, values: Choice | Range) -> Value:
    if isinstance(values, Choice):
        return cast("Value", trial.suggest_categorical(name, values.values))
    if values.whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)
