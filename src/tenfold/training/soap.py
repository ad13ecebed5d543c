"""Adam along the directions in which gradients vary: for networks of few weights."""

import math
from typing import Any

from keras import ops, optimizers

from tenfold.errors import TrainingError
from tenfold.formatting import count

MOST_WEIGHTS = 2000
"""Its matrix has a row and a column for each weight, and is taken apart again and again."""

TURN_STEPS = 64
"""Steps between two looks for the directions: they turn slowly, and a look takes as long as a few
steps."""

BETA_1 = 0.9
EPSILON = 1e-8


class Soap(optimizers.Optimizer):  # type: ignore[misc]
    """SOAP (N. Vyas et al., arXiv 2409.11321) with one matrix for all weights together.

    Adam sizes the step of each weight by that of its gradients. Here the same is done along the
    eigenvectors of the mean outer product of gradients, so weights that matter only together
    move together. The article has two small matrices a layer instead, for large networks.
    """

    def __init__(self, learning_rate: Any, beta_2: float = 0.99) -> None:
        super().__init__(learning_rate, name="soap")
        self.beta_2 = beta_2

    def build(self, variables: list[Any]) -> None:
        """Make the optimizer's variables.

        Raises:
            TrainingError: There are more weights than it is made for.
        """
        if self.built:
            return
        super().build(variables)
        size = sum(math.prod(variable.shape) for variable in variables)
        if size > MOST_WEIGHTS:
            raise TrainingError(
                f"the optimizer soap is for networks of at most {MOST_WEIGHTS:,} weights, and this "
                f"one has {count(size, 'weight')}; muon is for larger ones"
            )
        self._mean = self.add_variable((size,), name="mean")
        self._square = self.add_variable((size,), name="square")
        self._products = self.add_variable((size, size), name="products")
        self._directions = self.add_variable((size, size), "identity", name="directions")

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        step = self.iterations.value + 1
        gradient = ops.concatenate([ops.reshape(one, (-1,)) for one in grads])
        mean = BETA_1 * self._mean.value + (1 - BETA_1) * gradient
        products = self._average(self._products.value, gradient[:, None] * gradient[None, :])
        directions = self._directions.value
        square = self._average(self._square.value, ops.matmul(gradient, directions) ** 2)
        # Between two looks only the sizes along the directions are kept up to date.
        square, directions = ops.cond(
            ops.equal(step % TURN_STEPS, 0),
            lambda: _sizes_and_directions(products),
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


def _sizes_and_directions(products: Any) -> tuple[Any, Any]:
    """Return the mean square of gradients along each eigenvector, and the eigenvectors."""
    sizes, directions = ops.eigh(products)
    return ops.maximum(sizes, 0.0), directions
