"""Keras networks, built from recipes."""

from typing import Any, Literal

from tenfold.arrays import SIDE
from tenfold.errors import TrainingError
from tenfold.machine import has_gpu, trains_in_bfloat16
from tenfold.networks.backend import in_float32
from tenfold.networks.batch_norm import batch_normalization
from tenfold.networks.deskew import deskewing
from tenfold.recipes.layers import (
    AveragePool,
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
)
from tenfold.recipes.recipe import Recipe, layer_names

DataFormat = Literal["channels_last", "channels_first"]

Pixels = Literal["bytes", "unit"]
"""What a network takes: "bytes" are images uint8 (n, 28, 28), 0..255; "unit" are images float32
(n, 28, 28, 1), 0..1, or (n, 1, 28, 28) with the channel first."""

BATCH_NORM_MOMENTUM = 0.95
"""Keras's default of 0.99 averages over too many steps for trainings of a few hundred."""


@in_float32()
def build_network(
    recipe: Recipe,
    *,
    api: Literal["functional", "sequential"] = "functional",
    data_format: DataFormat = "channels_last",
    precision: Literal["float32", "bfloat16"] = "float32",
    fused: bool = False,
    pixels: Pixels = "bytes",
) -> Any:
    """Build the network that a recipe describes, with new weights.

    Layers have the names that `recipes.recipe.describe` lists.

    Args:
        recipe: What to build.
        api: "functional" or "sequential": two ways to write the same network.
        data_format: Where the one channel stands inside the network.
        precision: "bfloat16" computes in bfloat16 and keeps the weights in float32.
        fused: Use our own, faster batch normalization; for training only, since a saved network
            should need nothing but Keras.
        pixels: What the network takes.

    Returns:
        A keras.Model from `images`, by default uint8 (n, 28, 28), to `probabilities` float32
        (n, classes).

    Raises:
        TrainingError: "channels_first" where the backend cannot convolve that way.
    """
    import keras

    _check_data_format(keras.backend.backend(), data_format)
    layers = _keras_layers(recipe, data_format, precision, fused)
    images = keras.Input((SIDE, SIDE), dtype="uint8", name="images")
    if pixels == "unit":
        images = keras.Input(_pixels_shape(data_format), name="images")
        del layers[:2]  # rescaling and reshaping
    if api == "sequential":
        return keras.Sequential([images, *layers], name=_model_name(recipe))
    values = images
    for layer in layers:
        values = layer(values)
    return keras.Model(images, values, name=_model_name(recipe))


@in_float32()
def finish_network(recipe: Recipe, *trained: Any) -> Any:
    """Return a trained network as it is saved: functional, channels last, float32, calibrated.

    The weights of the logits are divided by the recipe's temperature, so that every form of the
    network (Keras, ONNX, C) gives calibrated probabilities.

    Args:
        recipe: What was trained.
        trained: The network, or each member of an ensemble. Members, and a network with test-time
            augmentation, become layers `member1`, `member2`..., and `probabilities` is the mean of
            their outputs.
    """
    import keras

    networks = [_finish_one(recipe, one) for one in trained]
    if len(networks) == 1 and not recipe.tta_shifts:
        return networks[0]
    images = keras.Input((SIDE, SIDE), dtype="uint8", name="images")
    answers = []
    for number, network in enumerate(networks, 1):
        network.name = f"member{number}"
        answers += [network(shifted) for shifted in _shifted(images, recipe.tta_shifts)]
    mean = keras.layers.Average(name="probabilities")(answers)
    return keras.Model(images, mean, name=_model_name(recipe))


def _shifted(images: Any, pixels: int) -> list[Any]:
    """Return the images shifted by up to this many pixels in both directions, with black edges."""
    from keras import layers as kl

    if not pixels:
        return [images]
    plain = {"data_format": "channels_last", "dtype": "uint8"}
    padded = kl.ZeroPadding2D(pixels, **plain)(kl.Reshape((SIDE, SIDE, 1), dtype="uint8")(images))
    steps = range(2 * pixels + 1)
    cropped = [
        kl.Cropping2D(((top, 2 * pixels - top), (left, 2 * pixels - left)), **plain)(padded)
        for top in steps
        for left in steps
    ]
    return [kl.Reshape((SIDE, SIDE), dtype="uint8")(image) for image in cropped]


def _finish_one(recipe: Recipe, trained: Any) -> Any:
    network = build_network(recipe)
    network.set_weights(trained.get_weights())
    logits = network.get_layer("logits")
    logits.set_weights([weights / recipe.temperature for weights in logits.get_weights()])
    return network


def effective_precision(recipe: Recipe) -> Literal["float32", "bfloat16"]:
    """Return the precision a recipe trains in on this machine."""
    asked = recipe.precision == "bfloat16"
    return "bfloat16" if asked and trains_in_bfloat16() else "float32"


def _check_data_format(backend: str, data_format: DataFormat) -> None:
    if data_format == "channels_first" and backend == "tensorflow" and not has_gpu():
        raise TrainingError(
            "TensorFlow has no channels_first convolutions on a CPU: "
            "use channels_last, or the backend jax or torch"
        )


def _model_name(recipe: Recipe) -> str:
    return recipe.name.replace("-", "_")


def _keras_layers(
    recipe: Recipe, data_format: DataFormat, precision: str, fused: bool
) -> list[Any]:
    from keras import layers as kl

    dtype = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    result = [
        kl.Rescaling(1 / 255, name="rescaling", dtype=dtype),
        kl.Reshape(_pixels_shape(data_format), name="pixels", dtype=dtype),
    ]
    for name, layer in zip(layer_names(recipe), recipe.layers, strict=True):
        result += _build_layer(name, layer, data_format, dtype, fused)
    result.append(kl.Dense(recipe.classes, name="logits", dtype=dtype))
    # Softmax is always in float32: bfloat16 is too coarse for probabilities.
    result.append(kl.Activation("softmax", name="probabilities", dtype="float32"))
    return result


def _pixels_shape(data_format: DataFormat) -> tuple[int, int, int]:
    return (SIDE, SIDE, 1) if data_format == "channels_last" else (1, SIDE, SIDE)


def _build_layer(
    name: str, layer: Layer, data_format: DataFormat, dtype: str, fused: bool
) -> list[Any]:
    from keras import layers as kl

    common = {"name": name, "dtype": dtype}
    spatial = common | {"data_format": data_format}
    match layer:
        case Conv():
            return _build_conv(name, layer, data_format, dtype, fused)
        case Depthwise(size, dilation):
            return [kl.DepthwiseConv2D(size, dilation_rate=dilation, use_bias=False, **spatial)]
        case Deskew(width):
            return [deskewing(name, _pixels_shape(data_format), width)]
        case MaxPool(size):
            return [kl.MaxPooling2D(size, **spatial)]
        case AveragePool(size):
            return [kl.AveragePooling2D(size, **spatial)]
        case GlobalAveragePool():
            return [kl.GlobalAveragePooling2D(**spatial)]
        case Dropout(rate):
            return [kl.Dropout(rate, **common)]
        case Flatten():
            return [kl.Flatten(**spatial)]
        case Dense(units, activation):
            return [kl.Dense(units, activation=activation, **common)]


def _build_conv(
    name: str, layer: Conv, data_format: DataFormat, dtype: str, fused: bool
) -> list[Any]:
    from keras import layers as kl

    plain = layer.pool == 1 and not layer.batch_norm
    spatial = {"data_format": data_format, "dtype": dtype}
    convolution = (kl.SeparableConv2D if layer.separable else kl.Conv2D)(
        layer.filters, layer.kernel_size, strides=layer.stride, dilation_rate=layer.dilation,
        padding=layer.padding, use_bias=not layer.batch_norm,
        activation=layer.activation if plain else None,
        name=name if plain else f"{name}_sums", **spatial,
    )  # fmt: skip
    parts = [convolution]
    if layer.pool > 1:
        pool, stride = layer.pool, layer.pool_stride
        parts.append(kl.MaxPooling2D(pool, stride, name=f"{name}_pool", **spatial))
    if layer.batch_norm:
        kind = batch_normalization(fused and data_format == "channels_last")
        axis = -1 if data_format == "channels_last" else 1
        norm = {"scale": layer.norm_scale, "name": f"{name}_norm", "dtype": dtype}
        parts.append(kind(axis, BATCH_NORM_MOMENTUM, **norm))
    if not plain:
        parts.append(kl.Activation(layer.activation, name=name, dtype=dtype))
    return parts
