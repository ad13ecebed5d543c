"""A worker: takes trials of a study, one after the other, and trains them."""

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
from tenfold.tuning.changes import changed
from tenfold.tuning.storage import Place
from tenfold.tuning.study import (
    NOTE,
    SEED,
    SURPLUS,
    WORKER,
    Plan,
    Pruner,
    give_up_stale,
    load,
    originals,
    suggest,
)

IDLE_SECONDS = 0.5
"""Between two looks for a trial that was lost, while others train the last ones."""

FAILURES = 3
"""Trials that fail one after the other, for want of memory or by a bug, before a worker stops."""

NOTE_LENGTH = 300
"""Characters of an error that are kept."""

STARTUP = 10
"""Optuna's own count of random trials before TPE; a quarter of a short search is enough."""

Split = tuple[Images, Labels]


@dataclass(frozen=True)
class Errand:
    """What a worker is sent to do.

    `trials`: the study is complete with so many. `ends_at`: no trial begins after this moment
    (`time.time()`). `backend`: see `tenfold.networks.backend.use_backend`.
    """

    place: Place
    study: str
    plan: Plan
    trials: int
    ends_at: float | None = None
    backend: str | None = None


def work(errand: Errand, worker: str, splits: tuple[Split, Split]) -> int:
    """Train trials until the study is complete or the time is over.

    While others still train, it waits: what they lose it takes up.

    Args:
        errand: Which study, and when to stop.
        worker: A name that no other worker has.
        splits: Images and labels to train on, and those to judge by. No test image among them.

    Returns:
        How many trials it ran.

    Raises:
        TenfoldError: The storage cannot be used.
    """
    # TensorFlow says that it traces often, which it must; tenfold, that some rates are no good.
    for name in ("tensorflow", "tenfold"):
        logging.getLogger(name).setLevel(logging.ERROR)
    use_backend(errand.backend)
    plan = errand.plan
    study = load(errand.place, errand.study, pruner=_pruner(plan.pruner))
    known = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(
        seed=_sampler_seed(errand, known, worker),
        n_startup_trials=max(3, min(STARTUP, errand.trials // 4)),
    )
    failures = _Failures()
    done = 0
    while errand.ends_at is None or time.time() < errand.ends_at:
        state = _state(study, errand.trials)
        if state == "complete":
            break
        if state == "others":
            give_up_stale(study)
            time.sleep(IDLE_SECONDS)
            continue
        try:
            study.optimize(
                lambda trial: _objective(trial, errand, worker, splits),
                n_trials=1,
                catch=(Exception,),
                callbacks=[failures],
            )
            done += 1
        except optuna.exceptions.UpdateFinishedTrialError:
            continue  # we were too slow to answer, and the trial went to somebody else
        except optuna.exceptions.StorageInternalError as error:
            raise TenfoldError(f"the storage {errand.place.shown} is gone: {error}") from None
    return done


def _state(study: optuna.Study, trials: int) -> str:
    found = study.get_trials(deepcopy=False)
    states = {trial.state for trial in found}
    if TrialState.WAITING in states or len(originals(found)) < trials:
        return "more"
    return "others" if TrialState.RUNNING in states else "complete"


class _Failures:
    """Stops a worker whose trials fail one after the other: it is not their settings."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def __call__(self, _: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        failed = trial.state == TrialState.FAIL
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if self._in_a_row == FAILURES:
            raise TenfoldError(f"{FAILURES} trials in a row failed: {trial.user_attrs.get(NOTE)}")


def _objective(
    trial: optuna.Trial, errand: Errand, worker: str, splits: tuple[Split, Split]
) -> float:
    """Train one trial and return its accuracy on the validation images, of the last epoch."""
    trial.set_user_attr(WORKER, worker)
    _refuse_surplus(trial, errand.trials)
    plan = errand.plan
    (images, labels), validation = splits
    seed = trial.user_attrs.get(SEED, plan.seed)
    values = suggest(trial, plan.space)

    def tell(row: Mapping[str, Any]) -> None:
        trial.report(row["val_accuracy"], row["epoch"])
        if row["epoch"] < recipe.epochs and SEED not in trial.user_attrs and trial.should_prune():
            raise optuna.TrialPruned

    try:
        recipe = replace(changed(plan.recipe, values), members=1)
        trained = fit(
            recipe, images, labels, seed=member_seeds(plan.recipe, seed)[0],
            validation=validation, backend=errand.backend, on_epoch=tell,
        )  # fmt: skip
    except TenfoldError as error:  # a loss that is no number, a layer that does not fit
        trial.set_user_attr(NOTE, str(error))
        raise optuna.TrialPruned from None
    except optuna.TrialPruned:
        raise
    except Exception as error:  # of TensorFlow, for want of memory perhaps
        trial.set_user_attr(NOTE, f"{type(error).__name__}: {error}"[:NOTE_LENGTH])
        raise
    finally:
        _forget_networks()
    last = trained.history[-1]
    trial.set_user_attr("val_loss", last["val_loss"])
    trial.set_user_attr("train_seconds", round(trained.seconds, 2))
    if not recipe.tta_shifts:  # its answers are means of several readings
        trial.set_user_attr("temperature", _temperature(trained.network, *validation))
    return float(last["val_accuracy"])


def _refuse_surplus(trial: optuna.Trial, trials: int) -> None:
    """End a trial that two workers began at once for the last place."""
    found = trial.study.get_trials(deepcopy=False)
    own = next(one for one in found if one.number == trial.number)
    before = [one for one in originals(found) if one.number < trial.number]
    if "failed_trial" not in own.system_attrs and len(before) >= trials:
        trial.set_user_attr(SURPLUS, True)
        raise optuna.TrialPruned


def _temperature(network: Any, images: Images, labels: Labels) -> float:
    """Return the temperature that fits the answers of a network on the validation images."""
    probabilities = network.predict(images, batch_size=500, verbose=0)
    return fit_temperature(np.log(np.maximum(probabilities, 1e-12)), labels)


def _forget_networks() -> None:
    """Let Keras drop what it keeps of networks that nobody uses any more."""
    import keras

    keras.backend.clear_session()


def _pruner(name: Pruner) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _sampler_seed(errand: Errand, known: int, worker: str) -> int:
    """Return a seed that no other worker has, nor this search when it goes on.

    On one machine the same search draws the same again: its workers are told apart by number.
    """
    own = worker.rpartition("-")[2] if errand.place.is_file else worker
    return zlib.crc32(repr((errand.plan.seed, known, own)).encode())
