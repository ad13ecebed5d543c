"""A recipe's optimizer in Keras."""

from typing import Any

from tenfold.recipes.recipe import Optimizer, Schedule


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


def _keras_schedule(schedule: Schedule, peak: float, steps: int) -> Any:
    if schedule.shape == "constant":
        return peak
    from tenfold.training.one_cycle import OneCycle

    return OneCycle(peak, steps, schedule.warmup)
