"""A Keras network of one's own as a recipe and its weights, if recipes have its layers."""

import re
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from tenfold.classifiers.keras import flat_layers
from tenfold.errors import UsageError
from tenfold.exporting.weights import BATCH_NORM_EPSILON, Array, Weights
from tenfold.recipes.layers import (
    LEAKY_SLOPE,
    Activation,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
)
from tenfold.recipes.recipe import Optimizer, Recipe, check_recipe, layer_names

_INERT = (
    "ActivityRegularization", "GaussianDropout", "GaussianNoise", "InputLayer", "SpatialDropout2D"
)  # fmt: skip
"""Layers that change nothing after training."""

_POOLS: dict[str, type[MaxPool] | type[AveragePool]] = {
    "MaxPooling2D": MaxPool, "AveragePooling2D": AveragePool
}  # fmt: skip

_PER_BYTE = 1 / 255
"""Recipes compute with bytes times this."""


@dataclass
class _Step:
    """A layer of the recipe with its arrays, as far as the Keras layers read up to here tell."""

    layer: Layer
    arrays: list[Array]
    norm: list[Array] | None = None


def translate(model: Any, name: str, scale: float, offset: float) -> tuple[Recipe, Weights]:
    """Return the recipe of a Keras network and its weights, by the recipe's layer names.

    The layers must be one chain; that they are is not checked here: compare the answers.

    Args:
        model: A keras.Model with one image input.
        name: Name of the recipe, and of the network in messages.
        scale: The network computes with `byte * scale + offset`.
        offset: See `scale`.

    Raises:
        UsageError: Recipes do not have one of its layers; the message names it.
    """
    steps: list[_Step] = []
    for layer in flat_layers(model):
        kind = type(layer).__name__
        if kind == "Rescaling" and not steps:
            scale, offset = scale * _number(layer.scale), offset * _number(layer.scale)
            offset += _number(layer.offset)
        elif kind not in _INERT and not (kind in ("Reshape", "Permute") and not steps):
            _read_layer(layer, kind, steps, name)
    if offset:
        raise UsageError(f"{name} adds {offset:g} to the pixels, which recipes do not do")
    head = steps[-1].layer if steps else None
    if not isinstance(head, Dense) or head.activation not in ("linear", "softmax"):
        raise UsageError(f"{name} does not end with a dense layer and softmax, as recipes do")
    _scale_first(steps, scale / _PER_BYTE, name)
    *steps, logits = steps
    recipe = Recipe(
        name=re.sub(r"\W+", "-", name).strip("-") or "own",
        summary=f"The network in {name}.",
        layers=tuple(step.layer for step in steps),
        optimizer=Optimizer(),
        batch_size=128,
        epochs=1,
        classes=len(logits.arrays[1]),
    )
    check_recipe(recipe)
    weights: dict[str, list[Array]] = {"logits": logits.arrays}
    for own, step in zip(layer_names(recipe), steps, strict=True):
        if isinstance(step.layer, Conv) and step.norm is not None:
            weights |= {f"{own}_sums": step.arrays, f"{own}_norm": step.norm}
        elif step.arrays:
            weights[own] = step.arrays
    return recipe, weights


def _number(value: Any) -> float:
    values = np.unique(np.asarray(value, np.float64))
    return float(values[0]) if len(values) == 1 else float("nan")


def _read_layer(layer: Any, kind: str, steps: list[_Step], name: str) -> None:
    """Add what a Keras layer does to the steps.

    Raises:
        UsageError: Recipes do not have it.
    """

    def refuse(what: str) -> UsageError:
        own = f"the layer {layer.name} ({kind}) of {name}"
        return UsageError(f"{own} {what}, which recipes do not have")

    if kind in ("Conv2D", "SeparableConv2D"):
        steps.append(_conv(layer, kind, refuse))
    elif kind == "Dense":
        kernel, *bias = layer.get_weights()
        bias = bias or [np.zeros(kernel.shape[1], np.float32)]
        steps.append(_Step(Dense(layer.units, _activation(layer, refuse)), [kernel, *bias]))
    elif kind == "BatchNormalization":
        _add_norm(layer, steps[-1] if steps else None, refuse)
    elif kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"):
        last = steps[-1].layer if steps else None
        if not isinstance(last, Conv | Dense) or last.activation != "linear":
            raise refuse("does not follow a convolution or a dense layer")
        steps[-1].layer = replace(last, activation=_activation(layer, refuse))
    elif kind in _POOLS:
        sides = {*layer.pool_size, *layer.strides}
        if len(sides) > 1 or layer.padding != "valid" or layer.data_format != "channels_last":
            raise refuse("overlaps, pads, or has the channels first")
        steps.append(_Step(_POOLS[kind](sides.pop()), []))
    elif kind == "GlobalAveragePooling2D" and not layer.keepdims:
        steps.append(_Step(GlobalAveragePool(), []))
    elif kind == "Dropout":
        steps.append(_Step(Dropout(float(layer.rate)), []))
    elif kind == "Flatten":
        steps.append(_Step(Flatten(), []))
    else:
        raise refuse("is of another kind")


def _conv(layer: Any, kind: str, refuse: Any) -> _Step:
    separable = kind == "SeparableConv2D"
    sides = (set(layer.kernel_size), set(layer.strides), set(layer.dilation_rate))
    if any(len(one) > 1 for one in sides) or layer.data_format != "channels_last":
        raise refuse("is not square, or has the channels first")
    if getattr(layer, "groups", 1) != 1 or (separable and layer.depth_multiplier != 1):
        raise refuse("has groups, or a depth multiplier")
    if layer.padding not in ("valid", "same"):
        raise refuse(f"has padding {layer.padding}")
    size, stride, dilation = (one.pop() for one in sides)
    arrays = layer.get_weights()
    if not layer.use_bias:
        arrays.append(np.zeros(layer.filters, np.float32))
    return _Step(
        Conv(
            layer.filters, size, stride, layer.padding, activation=_activation(layer, refuse),
            separable=separable, dilation=dilation,
        ),
        arrays,
    )  # fmt: skip


def _add_norm(layer: Any, step: _Step | None, refuse: Any) -> None:
    """Join a batch normalization to the convolution before it, whose bias goes into the mean."""
    conv = step.layer if step else None
    if step is None or not isinstance(conv, Conv) or conv.activation != "linear" or step.norm:
        raise refuse("does not directly follow a convolution without activation")
    *arrays, bias = step.arrays
    *scale_and_shift, mean, variance = layer.get_weights()
    scale = scale_and_shift.pop(0) if layer.scale else np.ones_like(mean)
    shift = scale_and_shift.pop(0) if layer.center else np.zeros_like(mean)
    step.layer = replace(conv, batch_norm=True)
    step.arrays = arrays
    step.norm = [scale, shift, mean - bias, variance + layer.epsilon - BATCH_NORM_EPSILON]


def _activation(layer: Any, refuse: Any) -> Any:
    """Return the recipes' name for the activation of a Keras layer."""
    kind = type(layer).__name__
    if kind == "ReLU":
        plain = not (layer.negative_slope or layer.threshold or layer.max_value)
        found = "relu" if plain else "a changed relu"
    elif kind == "LeakyReLU":
        same = abs(layer.negative_slope - LEAKY_SLOPE) < 1e-6
        found = "leaky_relu" if same else f"leaky_relu with a slope of {layer.negative_slope:g}"
    elif kind == "ELU":
        found = "elu" if layer.alpha == 1 else f"elu with an alpha of {layer.alpha:g}"
    elif kind == "Softmax":
        found = "softmax"
    else:
        found = getattr(layer.activation, "__name__", str(layer.activation))
    if found not in (*get_args(Activation), "softmax"):
        raise refuse(f"has the activation {found}")
    return found


def _scale_first(steps: list[_Step], factor: float, name: str) -> None:
    """Multiply the first kernel, so that the network takes pixels in 0..1."""
    if abs(factor - 1) < 1e-6:
        return
    for step in steps:
        if step.arrays:
            step.arrays[0] = np.asarray(step.arrays[0] * factor, np.float32)
            return
    raise UsageError(f"{name} has no weights")
