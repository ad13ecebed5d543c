"""The learning rate over time."""

from typing import Any

from tenfold.recipes.recipe import Schedule

START_FRACTION = 0.1
"""One-cycle starts at this share of its highest rate; Smith and Topin use a tenth or less."""


def learning_rate_at(schedule: Schedule, peak: float, step: float, steps: int) -> float:
    """Return the learning rate of a step (0 is the first) in a training of `steps` steps."""
    if schedule.shape == "constant":
        return peak
    rate: float = peak * max(min(rise_and_fall(step / steps, schedule.warmup)), 0.0)
    return rate


def rise_and_fall(done: Any, warmup: float) -> tuple[Any, Any]:
    """Return both lines of one-cycle at a share of all steps; the rate is the lower one."""
    rise = START_FRACTION + (1 - START_FRACTION) * done / warmup
    return rise, (1 - done) / (1 - warmup)
