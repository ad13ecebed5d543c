"""The learning rate of one cycle, as a Keras schedule."""

from typing import Any

from keras import ops, optimizers, saving

from tenfold.training.schedules import rise_and_fall


@saving.register_keras_serializable(package="tenfold")
class OneCycle(optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """`learning_rate_at`, computed by the backend; 0 after the last step.

    Args:
        peak: The highest rate.
        steps: Steps of the training.
        warmup: Share of the steps in which the rate rises.
    """

    def __init__(self, peak: float, steps: int, warmup: float) -> None:
        super().__init__()
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step; 0 is the first."""
        rise, fall = rise_and_fall(ops.cast(step, "float32") / self.steps, self.warmup)
        return self.peak * ops.maximum(ops.minimum(rise, fall), 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for saving."""
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup}
