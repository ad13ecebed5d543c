"""What needs gradients: integrated gradients, Grad-CAM, images grown for a filter. With Keras."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.classifiers.bundle import KERAS, Bundle, recipe_of
from tenfold.errors import MissingExtraError, TrainingError, UsageError
from tenfold.explaining.evidence import LEAST
from tenfold.explaining.receptive_field import convolutions, field_of
from tenfold.networks.deskew import slanting_again
from tenfold.recipes.layers import Deskew
from tenfold.recipes.recipe import Recipe

COMPLETE = 0.01
"""Integrated gradients take steps until they add up to the whole within this part of it."""

FEWEST_STEPS, MOST_STEPS = 32, 1024

GROWING_STEPS = 96

_BATCH = 64

Floats = npt.NDArray[np.float32]


class Slopes:
    """A Keras network with the slopes of its answers.

    Args:
        network: From `tenfold.networks.build.finish_network`, or as `load_slopes` loads it.
        recipe: What it was built from.

    Attributes:
        recipe: The recipe.
        layers: The Keras layers after the pixels, in their order; of an ensemble, the first's.
    """

    def __init__(self, network: Any, recipe: Recipe) -> None:
        self.recipe = recipe
        members = [layer for layer in network.layers if layer.name.startswith("member")]
        self._members = [_after_pixels(member) for member in members or [network]]
        self.layers = self._members[0]

    def integrated_gradients(
        self, image: npt.NDArray[np.uint8], digit: int
    ) -> npt.NDArray[np.float64]:
        """Return how much each pixel speaks for a digit (M. Sundararajan et al. 2017).

        The slope of the log-odds (`tenfold.explaining.evidence`) along the way from black to the
        image, times the ink. The pixels add up to the log-odds of the image less those of black,
        within `COMPLETE`: as many steps are taken as that needs, up to `MOST_STEPS`.

        Args:
            image: uint8 (28, 28), white ink on black.
            digit: For which digit, 0 to 9.
        """
        pixels = (image / np.float32(255)).astype(np.float32)[None, ..., None]

        def odds(values: Any) -> Any:
            return _log_odds(self._answers(values), digit)

        ends = _values(odds, np.concatenate([pixels, np.zeros_like(pixels)]))
        whole = float(ends[0] - ends[1])
        steps = FEWEST_STEPS
        while True:
            # Middles of equal pieces: the ends, where nothing is drawn, count for nothing.
            along = (np.arange(steps, dtype=np.float32) + 0.5)[:, None, None, None] / steps
            slopes = [
                slope_of(odds, np.asarray(part * pixels, np.float32))
                for part in np.array_split(along, -(-steps // _BATCH))
            ]
            shares = (
                np.concatenate(slopes).mean(axis=0, dtype=np.float64)[..., 0] * pixels[0, ..., 0]
            )
            missed = abs(float(shares.sum()) - whole)
            if missed <= COMPLETE / 2 * abs(whole) or steps >= MOST_STEPS:
                return np.asarray(shares, np.float64)
            steps *= 2

    def grad_cam(self, image: npt.NDArray[np.uint8], digit: int) -> npt.NDArray[np.float64]:
        """Return where the last convolution saw what speaks for a digit (R. Selvaraju et al. 2017).

        Its maps, weighted by their mean slope, and the positive part of the sum. As coarse as the
        maps are. Of an ensemble the first member is asked, unshifted.

        Args:
            image: uint8 (28, 28), white ink on black.
            digit: For which digit, 0 to 9.

        Returns:
            float64 (28, 28), 0 or more.

        Raises:
            UsageError: The network has no convolution.
        """
        if not convolutions(self.recipe):
            raise UsageError(f"Grad-CAM needs a convolution, and {self.recipe.name} has none")
        name = convolutions(self.recipe)[-1]
        layers = self.layers
        cut = [layer.name for layer in layers].index(name) + 1
        pixels = (image / np.float32(255)).astype(np.float32)[None, ..., None]
        maps = _values(lambda values: _through(layers[:cut], values), pixels)
        slopes = slope_of(lambda v: _log_odds(_through(layers[cut:], v), digit), maps)
        weights = slopes.mean(axis=(1, 2), keepdims=True)
        seen = np.maximum((weights * maps).sum(axis=-1)[0], 0)
        seen = field_of(self.recipe, name).spread(seen)
        for layer in self.recipe.layers:
            if isinstance(layer, Deskew):  # the maps are of the upright image
                seen = slanting_again(seen, image, layer.width)
        return seen

    def grow(
        self,
        name: str,
        filters: tuple[int, ...],
        *,
        seed: int = 0,
        progress: Callable[[int], object] = lambda steps: None,
    ) -> npt.NDArray[np.uint8]:
        """Grow, for each filter, what it would most like to see, by gradient ascent from noise.

        The sum that the filter's middle unit makes of the image is climbed, before activation.
        Between steps the image is smoothed a little and kept within black and white, or what
        grows is a fine pattern that nobody could write (C. Olah et al., Distill 2017).

        Args:
            name: A convolution.
            filters: Which of its filters.
            seed: Of the noise.
            progress: Called after every step with 1; there are `GROWING_STEPS`.

        Returns:
            uint8 (filters, size, size): what the unit sees of the image grown.
        """
        layers = self.layers
        names = [layer.name for layer in layers]
        front = layers[: names.index(name) + 1]
        field = field_of(self.recipe, name)
        side = _values(lambda v: _sums(front, v), np.zeros((1, SIDE, SIDE, 1), np.float32)).shape[1]
        middle = side // 2
        chosen = np.eye(side**2, dtype=np.float32)[middle * side + middle].reshape(side, side)
        mask = np.zeros((len(filters), side, side, self._width(name)), np.float32)
        mask[np.arange(len(filters)), :, :, list(filters)] = chosen

        def loudness(values: Any) -> Any:
            from keras import ops

            return ops.sum(_sums(front, values) * mask, axis=(1, 2, 3))

        rng = np.random.default_rng(seed)
        images = rng.uniform(0, 0.1, (len(filters), SIDE, SIDE, 1)).astype(np.float32)
        for step in range(GROWING_STEPS):
            shift = tuple(rng.integers(-1, 2, 2))
            slopes = slope_of(loudness, np.roll(images, shift, axis=(1, 2)))
            slopes = np.roll(slopes, (-shift[0], -shift[1]), axis=(1, 2))
            slopes /= np.sqrt((slopes**2).mean(axis=(1, 2, 3), keepdims=True)) + 1e-12
            late = step / GROWING_STEPS
            images = np.clip(0.98 * images + (0.12 - 0.08 * late) * slopes, 0, 1)
            blurred = [cv2.GaussianBlur(i[..., 0], (5, 5), 0.8 - 0.4 * late) for i in images]
            images = np.stack(blurred)[..., None]
            progress(1)
        return np.stack([field.crop(_stretched(i[..., 0]), middle, middle) for i in images])

    def _width(self, name: str) -> int:
        (layer,) = [one for one in self.layers if one.name == name]
        return int(layer.output.shape[-1])

    def _answers(self, pixels: Any) -> Any:
        """Return the probabilities, tensor (n, 10), for pixels in 0..1, tensor (n, 28, 28, 1)."""
        from keras import ops

        reach = self.recipe.tta_shifts
        if not reach:
            shifted = [pixels]
        else:
            around = ops.pad(pixels, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
            shifts = range(2 * reach + 1)
            shifted = [
                around[:, top : top + SIDE, left : left + SIDE] for top in shifts for left in shifts
            ]
        answers = [_through(layers, one) for layers in self._members for one in shifted]
        return sum(answers[1:], answers[0]) / len(answers)


def load_slopes(bundle: Bundle) -> Slopes:
    """Return the network of a bundle with its slopes; needs Keras.

    Raises:
        MissingExtraError: Keras is not installed.
        BundleError: A file is missing or altered.
    """
    from tenfold.networks.backend import use_backend

    try:
        use_backend()
    except MissingExtraError:
        raise MissingExtraError("what needs gradients", "train") from None
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KERAS
        path.write_bytes(bundle.read(KERAS))
        return Slopes(keras.models.load_model(path, compile=False), recipe_of(bundle))


def slope_of(function: Callable[[Any], Any], values: Floats) -> Floats:
    """Return the slopes of a function of tensors, on whichever backend Keras runs.

    Args:
        function: From a tensor (n, ...) to one of shape (n,); each result hears its own row alone.
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
    raise TrainingError(f"no slopes on the backend {backend}: take tensorflow, jax or torch")


def _stretched(image: Floats) -> npt.NDArray[np.uint8]:
    """Return an image in 0..1 as uint8, its brightest pixel white."""
    levels: npt.NDArray[np.uint8] = np.rint(image / max(float(image.max()), 1e-6) * 255).astype(
        np.uint8
    )
    return levels


def _values(function: Callable[[Any], Any], values: Floats) -> Floats:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(values))), np.float32)


def _after_pixels(network: Any) -> list[Any]:
    """Return the layers that follow the pixels in 0..1, in their order: each feeds the next."""
    names = [layer.name for layer in network.layers]
    return list(network.layers[names.index("pixels") + 1 :])


def _through(layers: list[Any], values: Any) -> Any:
    for layer in layers:
        values = layer(values)
    return values


def _sums(layers: list[Any], values: Any) -> Any:
    """Return what the last layer makes of its input before its activation."""
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


def _log_odds(answers: Any, digit: int) -> Any:
    """Return what `tenfold.explaining.evidence.log_odds` does, as a tensor."""
    from keras import ops

    others = np.ones((1, 10), np.float32)
    others[0, digit] = 0
    against = ops.sum(answers * others, axis=1)
    odds = ops.maximum(answers[:, digit], LEAST) / ops.maximum(against, LEAST)
    return ops.log(odds) / np.float32(np.log(10))
