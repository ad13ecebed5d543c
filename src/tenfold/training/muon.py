"""Muon for convolutions: Keras's own takes matrices alone and gives the rest to AdamW."""

from typing import Any

from keras import ops, optimizers


class Muon(optimizers.Muon):  # type: ignore[misc]
    """Muon (Jordan 2024), with each convolution's kernel as a matrix of filters.

    A kernel (height, width, in, out) is taken as (height * width * in, out), the way Jordan
    trains convolutions. Biases, batch normalisation and the logits go by Adam, as he advises.
    The step is scaled as in Moonlight (arXiv 2502.16982), so that Adam's learning rates fit.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 2 or "logits" in variable.path

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the nearest semi-orthogonal matrix, in the shape of what was given."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale by the larger side of the matrix, as Moonlight does."""
        *rows, columns = x.shape
        count = 1
        for side in rows:
            count *= side
        return x * (max(count, columns) ** 0.5 * self.rms_rate)
