"""A recipe's optimizer in Keras, and its learning rate over time."""

from typing import Any

from tenfold.recipes.recipe import Optimizer, Schedule

START_FRACTION = 0.1
"""One-cycle starts at this share of its highest rate; Smith and Topin use a tenth or less."""


def learning_rate_at(schedule: Schedule, peak: float, step: float, steps: int) -> float:
    """Return the learning rate of a step (0 is the first) in a training of `steps` steps."""
    if schedule.shape == "constant":
        return peak
    rate: float = peak * max(min(_rise_and_fall(step / steps, schedule.warmup)), 0.0)
    return rate


def build_optimizer(settings: Optimizer, schedule: Schedule, steps: int) -> Any:
    """Return the Keras optimizer of a recipe's settings, for a training of `steps` steps."""
    from keras import optimizers

    rate = _keras_schedule(schedule, settings.learning_rate, steps)
    decay = settings.weight_decay or None
    match settings.name:
        case "adam":
            return optimizers.Adam(rate, settings.momentum, settings.beta_2, weight_decay=decay)
        case "adamw":  # None would mean its default, not 0
            return optimizers.AdamW(
                rate, settings.weight_decay, beta_1=settings.momentum, beta_2=settings.beta_2
            )
        case "sgd":
            nesterov = settings.momentum > 0
            return optimizers.SGD(rate, settings.momentum, nesterov, weight_decay=decay)
        case "adadelta":
            return optimizers.Adadelta(rate, weight_decay=decay)
        case "rmsprop":
            return optimizers.RMSprop(rate, weight_decay=decay)
        case "muon":
            from tenfold.training.muon import Muon

            return Muon(rate, settings.momentum, settings.beta_2, decay)
        case "soap":
            from tenfold.training.soap import Soap

            return Soap(rate, settings.beta_2)


def _rise_and_fall(done: Any, warmup: float) -> tuple[Any, Any]:
    """Return both lines of one-cycle at a share of all steps; the rate is the lower one."""
    rise = START_FRACTION + (1 - START_FRACTION) * done / warmup
    return rise, (1 - done) / (1 - warmup)


def _keras_schedule(schedule: Schedule, peak: float, steps: int) -> Any:
    if schedule.shape == "constant":
        return peak
    from keras import ops, optimizers

    class OneCycle(optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """`learning_rate_at`, computed by the backend."""

        def __call__(self, step: Any) -> Any:
            rise, fall = _rise_and_fall(ops.cast(step, "float32") / steps, schedule.warmup)
            return peak * ops.maximum(ops.minimum(rise, fall), 0.0)

    return OneCycle()
