"""Worker of a search: trains the trials of a study, one after the other."""

import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from tenfold.arrays import Images, Labels
from tenfold.errors import TenfoldError
from tenfold.evaluation.temperature import fit_temperature
from tenfold.networks.backend import use_backend
from tenfold.recipes.recipe import member_seeds
from tenfold.training.loop import fit
from tenfold.tuning.changes import apply_changes
from tenfold.tuning.storage import Address
from tenfold.tuning.study import (
    NOTE,
    SEED,
    SURPLUS,
    WORKER,
    Plan,
    Pruner,
    load_study,
    original_trials,
    retry_silent,
    suggest,
)

IDLE_SECONDS = 0.5
"""Pause between two looks for a lost trial, while other workers train the last ones."""

MAX_FAILURES = 3
"""Trials that fail in a row, for lack of memory or by a bug, before a worker stops."""

NOTE_LENGTH = 300
"""Characters of an error message that are kept."""

MAX_RANDOM_TRIALS = 10
"""Random trials before TPE, Optuna's default; a short search takes a quarter of its trials."""

Split = tuple[Images, Labels]


@dataclass(frozen=True)
class Assignment:
    """What a worker is to do.

    Attributes:
        address: Address of the storage.
        study: Name of the study.
        plan: Plan of the study.
        trials: Number of trials that completes the study.
        ends_at: No trial starts after this moment (`time.time()`).
        backend: See `tenfold.networks.backend.use_backend`.
    """

    address: Address
    study: str
    plan: Plan
    trials: int
    ends_at: float | None = None
    backend: str | None = None


def work(assignment: Assignment, worker: str, splits: tuple[Split, Split]) -> None:
    """Train trials until the study is complete or the time is over.

    Waits while other workers train the last trials, to take over the trials that they lose.

    Args:
        assignment: The study, and when to stop.
        worker: A unique name.
        splits: Training images with labels, and validation images with labels; no test images.

    Raises:
        TenfoldError: The storage cannot be used, or trials fail one after the other.
    """
    # TensorFlow warns of its many compilations, and tenfold of learning rates that are too high.
    for name in ("tensorflow", "tenfold"):
        logging.getLogger(name).setLevel(logging.ERROR)
    use_backend(assignment.backend)
    study = load_study(assignment.address, assignment.study)
    study.pruner = _pruner(assignment.plan.pruner)
    study.sampler = optuna.samplers.TPESampler(
        seed=_sampler_seed(assignment, len(study.get_trials(deepcopy=False)), worker),
        n_startup_trials=max(3, min(MAX_RANDOM_TRIALS, assignment.trials // 4)),
    )
    stop_on_failures = _StopOnFailures()
    while assignment.ends_at is None or time.time() < assignment.ends_at:
        trials = study.get_trials(deepcopy=False)
        states = {trial.state for trial in trials}
        complete = len(original_trials(trials)) >= assignment.trials
        if complete and TrialState.WAITING not in states:
            if TrialState.RUNNING not in states:
                break
            retry_silent(study)
            time.sleep(IDLE_SECONDS)
            continue
        try:
            study.optimize(
                lambda trial: _objective(trial, assignment, worker, splits),
                n_trials=1,
                catch=(Exception,),
                callbacks=[stop_on_failures],
            )
        except optuna.exceptions.UpdateFinishedTrialError:
            continue  # this worker was silent for too long, and another one took the trial
        except optuna.exceptions.StorageInternalError as error:
            shown = assignment.address.shown
            raise TenfoldError(f"the storage {shown} is gone: {error}") from None


class _StopOnFailures:
    """Stops a worker whose trials fail one after the other: their settings are not the cause."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def __call__(self, _: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        failed = trial.state == TrialState.FAIL
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if self._in_a_row == MAX_FAILURES:
            note = trial.user_attrs.get(NOTE)
            raise TenfoldError(f"{MAX_FAILURES} trials in a row failed: {note}")


def _objective(
    trial: optuna.Trial, assignment: Assignment, worker: str, splits: tuple[Split, Split]
) -> float:
    """Train one trial and return its validation accuracy after the last epoch."""
    trial.set_user_attr(WORKER, worker)
    _prune_surplus(trial, assignment.trials)
    plan = assignment.plan
    (images, labels), validation = splits
    seed = trial.user_attrs.get(SEED, plan.seed)
    values = suggest(trial, plan.space)

    def report(row: Mapping[str, Any]) -> None:
        trial.report(row["val_accuracy"], row["epoch"])
        if row["epoch"] < recipe.epochs and SEED not in trial.user_attrs and trial.should_prune():
            raise optuna.TrialPruned

    try:
        recipe = replace(apply_changes(plan.recipe, values), members=1)
        trained = fit(
            recipe, images, labels, seed=member_seeds(plan.recipe, seed)[0],
            validation=validation, backend=assignment.backend, on_epoch=report,
        )  # fmt: skip
    except TenfoldError as error:  # such as a loss that is not finite, or a layer that does not fit
        trial.set_user_attr(NOTE, str(error))
        raise optuna.TrialPruned from None
    except optuna.TrialPruned:
        raise
    except Exception as error:  # of TensorFlow, perhaps for lack of memory
        trial.set_user_attr(NOTE, f"{type(error).__name__}: {error}"[:NOTE_LENGTH])
        raise
    finally:
        _free_networks()
    last = trained.history[-1]
    trial.set_user_attr("val_loss", last["val_loss"])
    trial.set_user_attr("train_seconds", round(trained.seconds, 2))
    if not recipe.tta_shifts:  # the network alone does not give the averaged answers
        trial.set_user_attr("temperature", _temperature(trained.network, *validation))
    return float(last["val_accuracy"])


def _prune_surplus(trial: optuna.Trial, trials: int) -> None:
    """End a trial that two workers started at the same time as the last one."""
    known = trial.study.get_trials(deepcopy=False)
    own = next(one for one in known if one.number == trial.number)
    before = [one for one in original_trials(known) if one.number < trial.number]
    if "failed_trial" not in own.system_attrs and len(before) >= trials:
        trial.set_user_attr(SURPLUS, True)
        raise optuna.TrialPruned


def _temperature(network: Any, images: Images, labels: Labels) -> float:
    """Return the temperature fitted on the validation images."""
    probabilities = network.predict(images, batch_size=500, verbose=0)
    return fit_temperature(np.log(np.maximum(probabilities, 1e-12)), labels)


def _free_networks() -> None:
    """Let Keras drop its references to networks that nobody uses any more."""
    import keras

    keras.backend.clear_session()


def _pruner(name: Pruner) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _sampler_seed(assignment: Assignment, known: int, worker: str) -> int:
    """Return a seed that no other worker has, and that differs when a search is resumed.

    On one machine the same search draws the same settings again: its workers have numbers.
    """
    own = worker.rpartition("-")[2] if assignment.address.is_file else worker
    return zlib.crc32(repr((assignment.plan.seed, known, own)).encode())
