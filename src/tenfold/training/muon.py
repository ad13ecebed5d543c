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
        """Return a matrix near the closest semi-orthogonal one, in the shape of `x`.

        Keras's iteration, with its coefficients, but on the small Gram matrix alone: every step
        multiplies by a polynomial of it, so one product with the large matrix at the end will do.
        """
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        wide = matrix.shape[0] < matrix.shape[1]
        tall = ops.transpose(matrix) if wide else matrix
        tall = tall / (ops.norm(tall) + 1e-7)
        gram = ops.transpose(tall) @ tall
        identity = ops.eye(gram.shape[0], dtype=gram.dtype)
        product = identity
        for _ in range(steps):
            factor = self.muon_a * identity + self.muon_b * gram + self.muon_c * gram @ gram
            product = product @ factor
            gram = factor @ gram @ factor
        tall = tall @ product
        return ops.reshape(ops.transpose(tall) if wide else tall, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale by the larger side of the matrix, as Moonlight does."""
        *rows, columns = x.shape
        count = 1
        for side in rows:
            count *= side
        return x * (max(count, columns) ** 0.5 * self.rms_rate)
