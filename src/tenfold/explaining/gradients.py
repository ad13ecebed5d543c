"""Explanations by gradients: integrated gradients, Grad-CAM, feature visualization; with Keras."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Gray, Images
from tenfold.classifiers.bundle import Bundle, recipe_of
from tenfold.classifiers.bundle_network import bundle_network
from tenfold.errors import MissingExtraError, TrainingError, UsageError
from tenfold.explaining.occlusion import LEAST
from tenfold.explaining.receptive_field import convolutions, receptive_field
from tenfold.networks.deskew import undo_deskewing
from tenfold.recipes.layers import Deskew
from tenfold.recipes.recipe import Recipe

TOLERANCE = 0.01
"""Integrated gradients take steps until their sum is right within this part of it."""

MIN_STEPS, MAX_STEPS = 32, 1024
"""Steps of integrated gradients."""

ASCENT_STEPS = 96
"""Steps of gradient ascent in feature visualization."""

_BATCH = 64

Floats = npt.NDArray[np.float32]


class GradientExplainer:
    """Explains a Keras network by the gradients of its answers.

    Args:
        network: From `tenfold.networks.build.finish_network`.
        recipe: The recipe that it was built from.

    Attributes:
        recipe: The recipe.
        layers: The Keras layers after the pixels, in order; of an ensemble, those of the first
            member.
    """

    def __init__(self, network: Any, recipe: Recipe) -> None:
        self.recipe = recipe
        members = [layer for layer in network.layers if layer.name.startswith("member")]
        self._members = [_after_pixels(member) for member in members or [network]]
        self.layers = self._members[0]

    def integrated_gradients(self, image: Gray, digit: int) -> npt.NDArray[np.float64]:
        """Return how much each pixel speaks for a digit (M. Sundararajan et al. 2017).

        The gradients of the log-odds (`tenfold.explaining.occlusion.log_odds`) on the way from
        black to the image, times the ink. Their sum is the log-odds of the image less those of
        black, within `TOLERANCE`: the number of steps is doubled until it is, up to `MAX_STEPS`.

        Args:
            image: uint8 (28, 28), white ink on black.
            digit: The answer to explain, 0 to 9.

        Returns:
            float64 (28, 28), in powers of ten of the odds; 0 where there is no ink.
        """
        pixels = _pixels(image)

        def odds(values: Any) -> Any:
            return _log_odds(self._probabilities(values), digit)

        ends = _values(odds, np.concatenate([pixels, np.zeros_like(pixels)]))
        whole = float(ends[0] - ends[1])
        steps = MIN_STEPS
        while True:
            # The centers of equal steps; the black end, without ink, would count for nothing.
            along = (np.arange(steps, dtype=np.float32) + 0.5)[:, None, None, None] / steps
            gradients = [
                gradient_of(odds, np.asarray(part * pixels, np.float32))
                for part in np.array_split(along, -(-steps // _BATCH))
            ]
            mean = np.concatenate(gradients).mean(axis=0, dtype=np.float64)
            shares = mean[..., 0] * pixels[0, ..., 0]
            missed = abs(float(shares.sum()) - whole)
            if missed <= TOLERANCE / 2 * abs(whole) or steps >= MAX_STEPS:
                return np.asarray(shares, np.float64)
            steps *= 2

    def grad_cam(self, image: Gray, digit: int) -> npt.NDArray[np.float64]:
        """Return where the last convolution sees evidence for a digit (R. Selvaraju et al. 2017).

        The positive part of the sum of its feature maps, weighted by their mean gradients. As
        coarse as these maps. Of an ensemble, for the first member, without shifts.

        Args:
            image: uint8 (28, 28), white ink on black.
            digit: The answer to explain, 0 to 9.

        Returns:
            float64 (28, 28), 0 or more.

        Raises:
            UsageError: The network has no convolution.
        """
        if not convolutions(self.recipe):
            raise UsageError(f"Grad-CAM needs a convolution, and {self.recipe.name} has none")
        name = convolutions(self.recipe)[-1]
        front, back = self._cut(name)
        maps = _values(lambda values: _through(front, values), _pixels(image))
        gradients = gradient_of(lambda values: _log_odds(_through(back, values), digit), maps)
        weights = gradients.mean(axis=(1, 2), keepdims=True)
        seen = np.maximum((weights * maps).sum(axis=-1)[0], 0)
        seen = receptive_field(self.recipe, name).upsample(seen)
        for layer in self.recipe.layers:
            if isinstance(layer, Deskew):  # the maps are of the deskewed image
                seen = undo_deskewing(seen, image, layer.width)
        return seen

    def visualize_features(
        self,
        name: str,
        filters: tuple[int, ...],
        *,
        seed: int = 0,
        progress: Callable[[int], object] = lambda steps: None,
    ) -> Images:
        """Synthesize the image that activates each filter most, by gradient ascent from noise.

        Maximizes the value of the filter's middle unit before its activation function. Every step
        shifts the image at random, smooths it and clips it to black and white; without that, fine
        patterns emerge that nobody could write (C. Olah et al., Distill 2017).

        Args:
            name: Name of a convolution.
            filters: Numbers of its filters.
            seed: Seed of the noise and the shifts.
            progress: Called after every step with 1; there are `ASCENT_STEPS`.

        Returns:
            uint8 (filters, size, size): the receptive field of the middle unit.
        """
        front, _ = self._cut(name)
        blank = np.zeros((1, SIDE, SIDE, 1), np.float32)
        _, side, _, width = _values(lambda values: _sums(front, values), blank).shape
        middle = side // 2
        mask = np.zeros((len(filters), side, side, width), np.float32)
        mask[np.arange(len(filters)), middle, middle, list(filters)] = 1

        def activation(values: Any) -> Any:
            from keras import ops

            return ops.sum(_sums(front, values) * mask, axis=(1, 2, 3))

        rng = np.random.default_rng(seed)
        images = rng.uniform(0, 0.1, (len(filters), SIDE, SIDE, 1)).astype(np.float32)
        for step in range(ASCENT_STEPS):
            shift = tuple(rng.integers(-1, 2, 2))
            gradients = gradient_of(activation, np.roll(images, shift, axis=(1, 2)))
            gradients = np.roll(gradients, (-shift[0], -shift[1]), axis=(1, 2))
            gradients /= np.sqrt((gradients**2).mean(axis=(1, 2, 3), keepdims=True)) + 1e-12
            late = step / ASCENT_STEPS
            images = np.clip(0.98 * images + (0.12 - 0.08 * late) * gradients, 0, 1)
            blurred = [cv2.GaussianBlur(i[..., 0], (5, 5), 0.8 - 0.4 * late) for i in images]
            images = np.stack(blurred)[..., None]
            progress(1)
        field = receptive_field(self.recipe, name)
        return np.stack([field.crop(_stretched(i[..., 0]), middle, middle) for i in images])

    def _cut(self, name: str) -> tuple[list[Any], list[Any]]:
        """Return the layers up to a convolution, and those after it."""
        end = [layer.name for layer in self.layers].index(name) + 1
        return self.layers[:end], self.layers[end:]

    def _probabilities(self, pixels: Any) -> Any:
        """Return the probabilities, tensor (n, 10), for pixels in 0..1, tensor (n, 28, 28, 1)."""
        from keras import ops

        reach = self.recipe.tta_shifts
        around = ops.pad(pixels, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
        shifts = range(2 * reach + 1)
        shifted = [
            around[:, top : top + SIDE, left : left + SIDE] for top in shifts for left in shifts
        ]
        answers = [_through(layers, one) for layers in self._members for one in shifted]
        return sum(answers[1:], answers[0]) / len(answers)


def load_gradients(bundle: Bundle) -> GradientExplainer:
    """Return the network of a bundle, ready to be explained by gradients; needs Keras.

    Raises:
        MissingExtraError: Keras is not installed.
        BundleError: A file is missing or altered, or does not hold the weights of the recipe.
    """
    from tenfold.networks.backend import use_backend

    try:
        use_backend()
    except MissingExtraError:
        raise MissingExtraError("computing gradients", "train") from None
    return GradientExplainer(bundle_network(bundle), recipe_of(bundle))


def gradient_of(function: Callable[[Any], Any], values: Floats) -> Floats:
    """Return the gradients of a function of tensors, on whichever backend Keras runs.

    Args:
        function: From a tensor (n, ...) to one of shape (n,); each result depends on its own row.
        values: float32 (n, ...).

    Returns:
        float32 of the shape of `values`.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(values)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            result = function(tensor)
        return np.asarray(tape.gradient(result, tensor).numpy(), np.float32)
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda tensor: function(tensor).sum())(values), np.float32)
    if backend == "torch":
        import torch

        tensor = torch.tensor(values, requires_grad=True)
        function(tensor).sum().backward()
        return np.asarray(tensor.grad.cpu().numpy(), np.float32)
    raise TrainingError(f"no gradients on the backend {backend}: take tensorflow, jax or torch")


def _pixels(image: Gray) -> Floats:
    """Return an image as pixels in 0..1, float32 (1, 28, 28, 1)."""
    pixels: Floats = (image / np.float32(255)).astype(np.float32)[None, ..., None]
    return pixels


def _stretched(image: Floats) -> Gray:
    """Return an image in 0..1 as uint8, its brightest pixel white."""
    levels: Gray = np.rint(image / max(float(image.max()), 1e-6) * 255).astype(np.uint8)
    return levels


def _values(function: Callable[[Any], Any], values: Floats) -> Floats:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(values))), np.float32)


def _after_pixels(network: Any) -> list[Any]:
    """Return the layers that follow the pixels in 0..1, in order: each feeds the next."""
    names = [layer.name for layer in network.layers]
    return list(network.layers[names.index("pixels") + 1 :])


def _through(layers: list[Any], values: Any) -> Any:
    for layer in layers:
        values = layer(values)
    return values


def _sums(layers: list[Any], values: Any) -> Any:
    """Return the output of the last layer before its activation function."""
    import keras

    values = _through(layers[:-1], values)
    last = layers[-1]
    if isinstance(last, keras.layers.Activation):
        return values
    activation, last.activation = last.activation, keras.activations.linear
    try:
        return last(values)
    finally:
        last.activation = activation


def _log_odds(probabilities: Any, digit: int) -> Any:
    """Return the same as `tenfold.explaining.occlusion.log_odds`, as a tensor."""
    from keras import ops

    others = np.ones((1, probabilities.shape[1]), np.float32)
    others[0, digit] = 0
    against = ops.sum(probabilities * others, axis=1)
    odds = ops.maximum(probabilities[:, digit], LEAST) / ops.maximum(against, LEAST)
    return ops.log(odds) / np.float32(np.log(10))
