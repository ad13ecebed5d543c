"""The kinds of layers: their settings, output shapes, parameters and operations."""

from dataclasses import dataclass
from typing import Literal

from tenfold.arrays import SIDE
from tenfold.errors import UsageError

Activation = Literal["linear", "relu", "silu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu"]
"""As in Keras: leaky_relu has a slope of `LEAKY_SLOPE` below 0, elu an alpha of 1, and gelu is the
exact one, with the error function, not its approximation by tanh."""

LEAKY_SLOPE = 0.2
"""Slope of leaky_relu below 0: the default of Keras's function of that name."""


@dataclass(frozen=True)
class Conv:
    """A square convolution; then max pooling and batch normalization, if set; then activation.

    Pooling comes before the activation, which gives the same for a rising activation and spares
    three quarters of its work (size 2).

    Attributes:
        filters: Number of filters.
        kernel_size: Side of the kernel.
        stride: Pixels from one output to the next.
        padding: "same" pads with zeros, so that the size stays; "valid" does not.
        pool: Side of the squares whose largest value is kept; 1 for no pooling.
        batch_norm: Whether a batch normalization follows.
        activation: Name of the activation.
        separable: Filter each channel by itself, then mix the channels point by point: a fraction
            of the weights (L. Sifre 2014; F. Chollet, arXiv 1610.02357).
        dilation: Pixels from one weight of the kernel to the next. With `pool_overlap` in the
            layer before, the network computes for every place what it would compute for one place
            of the pooling grid: more work, no more weights (F. Yu, V. Koltun, arXiv 1511.07122).
        pool_overlap: Pool at every place, so that the size stays.
        norm_scale: Whether batch normalization has a scale for each filter.
    """

    filters: int
    kernel_size: int = 3
    stride: int = 1
    padding: Literal["valid", "same"] = "valid"
    pool: int = 1
    batch_norm: bool = False
    activation: Activation = "relu"
    separable: bool = False
    dilation: int = 1
    pool_overlap: bool = False
    norm_scale: bool = True

    @property
    def reach(self) -> int:
        """Side of the square that the kernel covers, gaps included."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def pool_stride(self) -> int:
        """Pixels from one pooled square to the next."""
        return 1 if self.pool_overlap else self.pool


@dataclass(frozen=True)
class Depthwise:
    """Filters each channel by itself, without bias or activation.

    Before `GlobalAveragePool` it weights places differently, with a few weights for each channel
    (S. Chen et al., MobileFaceNets, arXiv 1804.07573, have a weight for every place).
    """

    kernel_size: int = 3
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Side of the square that the kernel covers, gaps included."""
        return self.dilation * (self.kernel_size - 1) + 1


@dataclass(frozen=True)
class Deskew:
    """Sets a slanting digit upright by shifting its rows; nothing is learned.

    The slant follows from the image's moments (Y. LeCun et al., "Gradient-Based Learning Applied to
    Document Recognition", Proc. IEEE 86, 1998, has results on deskewed digits).

    Attributes:
        width: How far digits are brought to one width, from 0, not at all, to 1, the same
            variance of ink for all (R. Casey, "Moment Normalization of Handprinted Characters",
            IBM J. Res. Dev. 14, 1970).
    """

    width: float = 0.0


@dataclass(frozen=True)
class MaxPool:
    """Keeps the largest value of each size x size square; the squares do not overlap."""

    size: int = 2


@dataclass(frozen=True)
class AveragePool:
    """Takes the mean of each size x size square; the squares do not overlap."""

    size: int = 2


@dataclass(frozen=True)
class GlobalAveragePool:
    """Takes the mean of each channel over the whole image."""


@dataclass(frozen=True)
class Dropout:
    """In training, sets each value to 0 with probability `rate`, and scales the others up."""

    rate: float


@dataclass(frozen=True)
class Flatten:
    """Puts all values in one row."""


@dataclass(frozen=True)
class Dense:
    """Connects every output with every input."""

    units: int
    activation: Activation = "relu"


Pool = MaxPool | AveragePool
Layer = Conv | Depthwise | Deskew | Pool | GlobalAveragePool | Dropout | Flatten | Dense
KINDS: dict[str, type[Layer]] = {
    "conv": Conv,
    "depthwise": Depthwise,
    "deskew": Deskew,
    "max_pool": MaxPool,
    "average_pool": AveragePool,
    "global_average_pool": GlobalAveragePool,
    "dropout": Dropout,
    "flatten": Flatten,
    "dense": Dense,
}
"""Name of each kind of layer, as recipe files spell it."""


@dataclass(frozen=True)
class LayerRow:
    """One layer as tables show it.

    Attributes:
        name: Name of the layer, such as conv2.
        kind: Kind of layer, in words.
        output_shape: Without the batch, channels last.
        parameters: Number of trainable parameters.
        purpose: One sentence on what the layer does.
        operations: Additions and multiplications of convolutions and dense layers for one image;
            other layers need few.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    purpose: str
    operations: int = 0


def describe_layer(name: str, layer: Layer, shape: tuple[int, ...]) -> LayerRow:
    """Return the row of a layer whose input has a shape (channels last, without the batch).

    Raises:
        UsageError: The layer does not fit on that shape, or a setting is out of range.
    """
    match layer:
        case Conv():
            return _describe_conv(name, layer, shape)
        case Depthwise():
            return _describe_depthwise(name, layer, shape)
        case Deskew():
            return _describe_deskew(name, layer, shape)
        case MaxPool() | AveragePool():
            return _describe_pool(name, layer, shape)
        case GlobalAveragePool():
            channels = _spatial(shape)[2]
            purpose = "The mean of each channel: what is in the image, wherever it is."
            return LayerRow(name, "average", (channels,), 0, purpose)
        case Dropout(rate):
            if not 0 <= rate < 1:
                raise UsageError(f"rate is {rate:g}; it must be at least 0 and below 1")
            purpose = f"In training, drops {rate:.0%} of the values, against overfitting."
            return LayerRow(name, "dropout", shape, 0, purpose)
        case Flatten():
            size = 1
            for side in shape:
                size *= side
            return LayerRow(name, "flatten", (size,), 0, "All values in one row.")
        case Dense():
            return _describe_dense(name, layer, shape)


def _describe_pool(name: str, layer: Pool, shape: tuple[int, ...]) -> LayerRow:
    size, (height, width, channels) = layer.size, _spatial(shape)
    kind, what = "max pooling", "Keeps the largest value"
    if isinstance(layer, AveragePool):
        kind, what = "average pooling", "Takes the mean"
    if not 1 <= size <= min(height, width):
        raise UsageError(f"{kind} of size {size} does not fit on {height}x{width}")
    purpose = (
        f"{what} of each {size}x{size} square: a smaller map, and less dependence on where a "
        "stroke is."
    )
    return LayerRow(name, kind, (height // size, width // size, channels), 0, purpose)


def _describe_conv(name: str, layer: Conv, shape: tuple[int, ...]) -> LayerRow:
    height, width, channels = _spatial(shape)
    if min(layer.filters, layer.kernel_size, layer.stride, layer.pool, layer.dilation) < 1:
        raise UsageError("filters, kernel_size, stride, pool and dilation must be at least 1")
    if layer.stride > 1 and layer.dilation > 1:
        raise UsageError("stride and dilation are both above 1; one of them must be 1")
    if layer.padding == "valid":
        height, width = height - layer.reach + 1, width - layer.reach + 1
    if min(height, width) < 1:
        raise UsageError(f"a kernel of {layer.reach} does not fit on {shape[0]}x{shape[1]}")
    height, width = -(-height // layer.stride), -(-width // layer.stride)
    if layer.pool > min(height, width):
        raise UsageError(f"pooling by {layer.pool} does not fit on {height}x{width}")
    weights = layer.kernel_size**2 * channels * layer.filters
    if layer.separable:
        weights = layer.kernel_size**2 * channels + channels * layer.filters
    operations = 2 * height * width * weights
    height, width = ((side - layer.pool) // layer.pool_stride + 1 for side in (height, width))
    parameters = weights + layer.filters * (2 if layer.batch_norm and layer.norm_scale else 1)
    overlap = " at every place" if layer.pool_overlap else ""
    purpose = (
        f"{layer.filters} filters of {layer.kernel_size}x{layer.kernel_size}"
        f"{f', dilation {layer.dilation},' if layer.dilation > 1 else ''} look for "
        f"{'strokes' if channels == 1 else 'combinations of features'}"
        f"{', channel by channel, then mixed' if layer.separable else ''}; "
        f"{f'max pooling {layer.pool}x{layer.pool}{overlap}, ' if layer.pool > 1 else ''}"
        f"{'batch normalization, ' if layer.batch_norm else ''}{layer.activation}."
    )
    shape = (height, width, layer.filters)
    return LayerRow(name, "convolution", shape, parameters, purpose, operations)


def _describe_depthwise(name: str, layer: Depthwise, shape: tuple[int, ...]) -> LayerRow:
    height, width, channels = _spatial(shape)
    if min(layer.kernel_size, layer.dilation) < 1:
        raise UsageError("kernel_size and dilation must be at least 1")
    height, width = height - layer.reach + 1, width - layer.reach + 1
    if min(height, width) < 1:
        raise UsageError(f"a kernel of {layer.reach} does not fit on {shape[0]}x{shape[1]}")
    parameters = layer.kernel_size**2 * channels
    dilation = f", dilation {layer.dilation}" if layer.dilation > 1 else ""
    purpose = f"One filter of {layer.kernel_size}x{layer.kernel_size} for each channel{dilation}."
    operations = 2 * height * width * parameters
    shape = (height, width, channels)
    return LayerRow(name, "depthwise", shape, parameters, purpose, operations)


def _describe_deskew(name: str, layer: Deskew, shape: tuple[int, ...]) -> LayerRow:
    if _spatial(shape) != (SIDE, SIDE, 1):
        raise UsageError("deskew must be the first layer")
    if not 0 <= layer.width <= 1:
        raise UsageError(f"width is {layer.width:g}; it must lie between 0 and 1")
    even = ", and brings digits nearer to one width" if layer.width else ""
    return LayerRow(name, "deskewing", shape, 0, f"Sets a slanting digit upright{even}.")


def _describe_dense(name: str, layer: Dense, shape: tuple[int, ...]) -> LayerRow:
    units = layer.units
    if len(shape) != 1:
        raise UsageError("dense takes one row of values: put flatten before it")
    if units < 1:
        raise UsageError(f"units is {units}; it must be at least 1")
    purpose = f"{units} weighted sums of all values, then {layer.activation}."
    parameters = (shape[0] + 1) * units
    return LayerRow(name, "dense", (units,), parameters, purpose, 2 * shape[0] * units)


def _spatial(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise UsageError("this layer takes an image: put it before flatten")
    return shape[0], shape[1], shape[2]
