"""The optimizer Muon, for convolutions too, in few operations that are traced quickly."""

from typing import Any

from keras import ops, optimizers, saving

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Jordan's coefficients (2024): they bring singular values near 1 in few steps."""

NEWTON_SCHULZ_STEPS = 3
"""Jordan takes 5; on these small matrices 3 to 5 trained equally well (dev/LOG.md)."""

STEP_RMS = 0.2
"""Root mean square of a step, in units of the learning rate. Adam's is usually the same
(Moonlight, arXiv 2502.16982), so that Adam's learning rates fit."""

BETA_1 = 0.9
EPSILON = 1e-7
"""Keras's defaults for Adam, which updates variables that are not matrices."""


@saving.register_keras_serializable(package="tenfold")
class Muon(optimizers.Optimizer):  # type: ignore[misc]
    """Muon (Jordan 2024), with each convolution's kernel as a matrix of filters.

    A kernel (height, width, in, out) becomes a matrix (height * width * in, out), as Jordan trains
    convolutions. Adam updates biases, kernels of single channels, batch normalization and the
    logits, as he advises. Keras has a Muon too; it leaves convolutions to AdamW.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: float = 0.95,
        beta_2: float = 0.999,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, name="muon")
        self.momentum = momentum
        self.beta_2 = beta_2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for saving."""
        rate = super().get_config()["learning_rate"]
        decay, momentum, beta_2 = self.weight_decay, self.momentum, self.beta_2
        return {
            "learning_rate": rate,
            "momentum": momentum,
            "beta_2": beta_2,
            "weight_decay": decay,
        }

    def build(self, variables: list[Any]) -> None:
        """Make the optimizer's variables: a momentum each, and a velocity for Adam's."""
        if self.built:
            return
        super().build(variables)
        self._momentums = [self.add_variable_from_reference(v, "momentum") for v in variables]
        self._velocities = [
            self.add_variable_from_reference(v, "velocity") if _is_for_adam(v) else None
            for v in variables
        ]

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        # One pass over all variables, so that shared values are computed once.
        learning_rate = ops.cast(learning_rate, "float32")  # a constant one is of Keras's `floatx`
        step = ops.cast(self.iterations.value + 1, "float32")
        correction = (1 - self.beta_2**step) ** 0.5 / (1 - BETA_1**step)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            place = self._get_variable_index(variable)
            momentum, velocity = self._momentums[place], self._velocities[place]
            if velocity is None:
                self._orthogonal_step(gradient, variable, learning_rate, momentum)
            else:
                rate = learning_rate * correction
                self._adam_step(gradient, variable, rate, momentum, velocity)

    def _orthogonal_step(self, gradient: Any, variable: Any, rate: Any, momentum: Any) -> None:
        moving = self.momentum * momentum.value + gradient
        momentum.assign(moving)
        *rows, columns = variable.shape
        matrix = ops.reshape(gradient + self.momentum * moving, (-1, columns))
        # The root mean square of a semi-orthogonal matrix follows from its larger side alone.
        size = STEP_RMS * max(matrix.shape) ** 0.5
        step = ops.reshape(orthogonalized(matrix), (*rows, columns))
        variable.assign(variable.value - rate * size * step)

    def _adam_step(
        self, gradient: Any, variable: Any, rate: Any, momentum: Any, velocity: Any
    ) -> None:
        mean = BETA_1 * momentum.value + (1 - BETA_1) * gradient
        square = self.beta_2 * velocity.value + (1 - self.beta_2) * gradient * gradient
        momentum.assign(mean)
        velocity.assign(square)
        variable.assign(variable.value - rate * mean / (square**0.5 + EPSILON))


def orthogonalized(matrix: Any) -> Any:
    """Return a matrix near the closest semi-orthogonal one, by the Newton-Schulz iteration.

    Every step multiplies by a polynomial of the small Gram matrix. So the steps compute with the
    Gram matrix alone, and one product with the large matrix follows at the end.
    """
    wide = matrix.shape[0] < matrix.shape[1]
    tall = ops.transpose(matrix) if wide else matrix
    tall = tall / (ops.sum(tall * tall) ** 0.5 + EPSILON)
    gram = ops.transpose(tall) @ tall
    product = factor = _factor(gram)
    for _ in range(NEWTON_SCHULZ_STEPS - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram)
        product = product @ factor
    tall = tall @ product
    return ops.transpose(tall) if wide else tall


def _factor(gram: Any) -> Any:
    a, b, c = NEWTON_SCHULZ
    return a * ops.eye(gram.shape[0], dtype=gram.dtype) + b * gram + c * (gram @ gram)


def _is_for_adam(variable: Any) -> bool:
    # A separable convolution's first kernel (height, width, in, 1) is one filter per channel.
    *_, last = variable.shape
    return len(variable.shape) < 2 or last == 1 or "logits" in variable.path
