"""The optimizer and its learning rate over time, as a recipe says."""

from collections.abc import Callable
from typing import Any

from tenfold.recipes.recipe import Optimizer, Schedule

START_FRACTION = 0.1
"""One-cycle starts at this part of its highest rate; Smith and Topin use a tenth or less."""


def learning_rate_at(schedule: Schedule, peak: float, step: float, steps: int) -> float:
    """Return the learning rate of a step (0 is the first) in a training of `steps` steps."""
    if schedule.shape == "constant":
        return peak
    done = step / steps
    climb = START_FRACTION + (1 - START_FRACTION) * done / schedule.warmup
    fall = (1 - done) / (1 - schedule.warmup)
    return peak * max(min(climb, fall), 0.0)


def build_optimizer(settings: Optimizer, schedule: Schedule, steps: int) -> Any:
    """Return the Keras optimizer of a recipe's settings, for a training of `steps` steps."""
    from keras import optimizers

    rate = _keras_schedule(schedule, settings, steps)
    decay = settings.weight_decay or None
    builders: dict[str, Callable[[], Any]] = {
        "adam": lambda: optimizers.Adam(
            rate, beta_1=settings.momentum, beta_2=settings.beta_2, weight_decay=decay
        ),
        "adamw": lambda: optimizers.AdamW(
            rate, beta_1=settings.momentum, beta_2=settings.beta_2, weight_decay=decay or 0.0
        ),
        "sgd": lambda: optimizers.SGD(
            rate, momentum=settings.momentum, nesterov=settings.momentum > 0, weight_decay=decay
        ),
        "adadelta": lambda: optimizers.Adadelta(rate, weight_decay=decay),
        "rmsprop": lambda: optimizers.RMSprop(rate, weight_decay=decay),
        "muon": lambda: _muon(rate, settings),
        "soap": lambda: _soap(rate, settings),
    }
    return builders[settings.name]()


def _muon(rate: Any, settings: Optimizer) -> Any:
    from tenfold.training.muon import Muon

    decay = settings.weight_decay or None
    return Muon(rate, settings.momentum, settings.beta_2, decay)


def _soap(rate: Any, settings: Optimizer) -> Any:
    from tenfold.training.soap import Soap

    return Soap(rate, settings.beta_2)


def _keras_schedule(schedule: Schedule, settings: Optimizer, steps: int) -> Any:
    if schedule.shape == "constant":
        return settings.learning_rate
    from keras import ops, optimizers

    class OneCycle(optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """`learning_rate_at`, in the backend's own numbers."""

        def __call__(self, step: Any) -> Any:
            done = ops.cast(step, "float32") / steps
            climb = START_FRACTION + (1 - START_FRACTION) * done / schedule.warmup
            fall = (1 - done) / (1 - schedule.warmup)
            return settings.learning_rate * ops.maximum(ops.minimum(climb, fall), 0.0)

    return OneCycle()
