"""The optimizer SOAP: Adam in the eigenbasis of the gradients, for networks of few weights."""

import math
from typing import Any

from keras import ops, optimizers, saving

from tenfold.errors import TrainingError
from tenfold.formatting import count

MAX_WEIGHTS = 2000
"""The matrix has a row and a column for each weight; its eigendecomposition takes time."""

BASIS_STEPS = 64
"""Steps between two eigendecompositions: the eigenvectors change slowly, and one decomposition
takes as long as a few steps."""

BETA_1 = 0.9
EPSILON = 1e-8


@saving.register_keras_serializable(package="tenfold")
class Soap(optimizers.Optimizer):  # type: ignore[misc]
    """SOAP (N. Vyas et al., arXiv 2409.11321) with one matrix for all weights together.

    Adam scales the step of each weight by the size of its gradients. SOAP scales the steps along
    the eigenvectors of the mean outer product of gradients, so that weights that depend on each
    other change together. The article has two small matrices for each layer, for large networks.
    """

    def __init__(self, learning_rate: Any, beta_2: float = 0.99) -> None:
        super().__init__(learning_rate, name="soap")
        self.beta_2 = beta_2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for saving."""
        rate = super().get_config()["learning_rate"]
        return {"learning_rate": rate, "beta_2": self.beta_2}

    def build(self, variables: list[Any]) -> None:
        """Make the optimizer's variables.

        Raises:
            TrainingError: There are more than 2,000 weights.
        """
        if self.built:
            return
        super().build(variables)
        size = sum(math.prod(variable.shape) for variable in variables)
        if size > MAX_WEIGHTS:
            raise TrainingError(
                f"the network has {count(size, 'weight')}; the optimizer soap takes at most "
                f"{MAX_WEIGHTS:,}: use muon"
            )
        plain = {"dtype": "float32"}
        self._mean = self.add_variable((size,), name="mean", **plain)
        self._square = self.add_variable((size,), name="square", **plain)
        self._products = self.add_variable((size, size), name="products", **plain)
        self._directions = self.add_variable((size, size), "identity", name="directions", **plain)

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        learning_rate = ops.cast(learning_rate, "float32")  # a constant one is of Keras's `floatx`
        step = self.iterations.value + 1
        gradient = ops.concatenate([ops.reshape(one, (-1,)) for one in grads])
        mean = BETA_1 * self._mean.value + (1 - BETA_1) * gradient
        products = self._average(self._products.value, gradient[:, None] * gradient[None, :])
        directions = self._directions.value
        square = self._average(self._square.value, ops.matmul(gradient, directions) ** 2)
        # Between two eigendecompositions only the mean squares along the directions change.
        square, directions = ops.cond(
            ops.equal(step % BASIS_STEPS, 0),
            lambda: _eigenbasis(products),
            lambda: (square, directions),
        )
        own = (self._mean, self._square, self._products, self._directions)
        for variable, value in zip(own, (mean, square, products, directions), strict=True):
            variable.assign(value)
        time = ops.cast(step, "float32")
        rate = learning_rate * (1 - self.beta_2**time) ** 0.5 / (1 - BETA_1**time)
        steps = ops.matmul(mean, directions) / (square**0.5 + EPSILON)
        moved = rate * ops.matmul(directions, steps)
        start = 0
        for variable in trainable_variables:
            end = start + math.prod(variable.shape)
            variable.assign(variable.value - ops.reshape(moved[start:end], variable.shape))
            start = end

    def _average(self, before: Any, now: Any) -> Any:
        return self.beta_2 * before + (1 - self.beta_2) * now


def _eigenbasis(products: Any) -> tuple[Any, Any]:
    """Return the mean square of gradients along each eigenvector, and the eigenvectors."""
    squares, directions = ops.eigh(products)
    return ops.maximum(squares, 0.0), directions
