"""What a network says on the way: its named intermediates and its filters, from ONNX alone.

A graph is a protobuf message, and messages merge when their bytes are put one after the other.
So a few bytes behind a graph name further outputs of the same graph: no second file, no package.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import as_images
from tenfold.classifiers.onnx import BATCH, OnnxClassifier, make_session
from tenfold.errors import UsageError
from tenfold.recipes.layers import Conv, Depthwise, Dropout, LayerRow
from tenfold.recipes.recipe import Recipe, describe, layer_names

# Field numbers of the messages in onnx.proto (ONNX 1.12).
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_NAME = 1, 3
_VALUE_NAME = 1


class FeatureClassifier(OnnxClassifier):
    """A classifier that also tells what each of its layers made of the images.

    Layers go by the names in their recipe (`recipes.recipe.layer_names`). Of an ensemble the
    layers are those of its first member; of a network that reads shifted images they are those
    of the reading that is not shifted. `probabilities` are the answer of the whole.

    Safe to use from several threads.

    Args:
        graph: The bytes of `model.onnx`.
        recipe: What the graph was written from.

    Attributes:
        recipe: The recipe.
        layers: The layers with something to tell, in their order; dropout, which does nothing
            once trained, and the pixels are not among them.

    Raises:
        BundleError: Not a graph, or not one of that recipe.
    """

    def __init__(self, graph: bytes, recipe: Recipe) -> None:
        self.recipe = recipe
        self._plain = graph
        self._prefix = "member1_" if recipe.members > 1 or recipe.tta_shifts else ""
        silent = {"images", "pixels"} | {
            name
            for name, layer in zip(layer_names(recipe), recipe.layers, strict=True)
            if isinstance(layer, Dropout)
        }
        self.layers: tuple[LayerRow, ...] = tuple(
            row for row in describe(recipe) if row.name not in silent
        )
        hidden = [self._output(r.name) for r in self.layers if r.name != "probabilities"]
        super().__init__(with_outputs(graph, hidden))

    @property
    def before_logits(self) -> str:
        """Name of the layer whose values the ten sums are made of."""
        names = [row.name for row in self.layers]
        return names[names.index("logits") - 1]

    def feature_maps(
        self, images: npt.ArrayLike, layers: Sequence[str] | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Return what layers made of images.

        Args:
            images: See `tenfold.classifiers.base.as_images`.
            layers: Which, by name; all if left out.

        Returns:
            float32 by name, in the order of the layers: (n, height, width, channels), or
            (n, units) where a layer gives one row of values.

        Raises:
            UsageError: The images are none, or there is no such layer.
        """
        rows = {row.name: row for row in self.layers}
        chosen = list(rows if layers is None else layers)
        strange = [name for name in chosen if name not in rows]
        if strange:
            raise UsageError(f"no layer {strange[0]!r}; there are {', '.join(rows)}")
        batch = as_images(images)
        result = {
            name: np.empty((len(batch), *rows[name].output_shape), np.float32) for name in chosen
        }
        names = [self._output(name) for name in chosen]
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            found = self._session.run(names, {"images": part})
            for name, values in zip(chosen, found, strict=True):
                # All images shifted one way, then all another: the middle ones are not shifted.
                first = len(values) // len(part) // 2 * len(part)
                plain = values[first : first + len(part)]
                last = np.moveaxis(plain, 1, -1)  # ONNX has the channels first
                result[name][start : start + BATCH] = last
        return result

    def filters(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the kernels of the convolutions.

        Returns:
            float32 (height, width, channels seen, filters) by layer, in the order of the layers.
            A separable convolution has two: `<name>_channels`, (height, width, channels, 1),
            which filters each channel by itself, and `<name>`, (1, 1, channels, filters). A
            depthwise layer has the first alone, `<name>`.
        """
        operators, alone = {}, set()
        for name, layer in zip(layer_names(self.recipe), self.recipe.layers, strict=True):
            if isinstance(layer, Conv):
                if layer.separable:
                    alone.add(f"{name}_channels")
                    operators[f"{name}_channels"] = f"{name}_channels"
                operators[name] = f"{name}_sums"
            elif isinstance(layer, Depthwise):
                alone.add(name)
                operators[name] = name
        inputs = dict(_node_inputs(self._plain))
        kernels = [inputs[self._prefix + operator][1] for operator in operators.values()]
        session = make_session(with_outputs(self._plain, kernels), 1)
        values = session.run(kernels, {"images": np.zeros((1, 28, 28), np.uint8)})
        shown = {}
        for name, kernel in zip(operators, values, strict=True):
            order = (2, 3, 0, 1) if name in alone else (2, 3, 1, 0)
            shown[name] = np.ascontiguousarray(kernel.transpose(order))
        return shown

    def _output(self, layer: str) -> str:
        return layer if layer == "probabilities" else self._prefix + layer


def with_outputs(graph: bytes, names: Sequence[str]) -> bytes:
    """Return an ONNX model with values of its graph as further outputs.

    Args:
        graph: The model.
        names: Outputs of its nodes, or its constants; ONNX Runtime finds out their types.
    """
    outputs = [_field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())) for name in names]
    return graph + _field(_MODEL_GRAPH, b"".join(outputs))


def _node_inputs(model: bytes) -> Iterator[tuple[str, list[str]]]:
    """Give the name of every node of a model's graph, and of what it takes in."""
    for graph in _read(model, _MODEL_GRAPH):
        for node in _read(graph, _GRAPH_NODE):
            (name,) = _read(node, _NODE_NAME)
            yield name.decode(), [value.decode() for value in _read(node, _NODE_INPUT)]


def _read(message: bytes, number: int) -> Iterator[bytes]:
    """Give what a protobuf message holds in a field of text, bytes or messages.

    Fields follow one another: a key, number and kind in one, and then the value
    (https://protobuf.dev/programming-guides/encoding).
    """
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        kind = key & 7
        if kind == 2:  # with its length before it
            length, place = _read_varint(message, place)
            if key >> 3 == number:
                yield message[place : place + length]
            place += length
        elif kind == 0:
            _, place = _read_varint(message, place)
        else:
            place += 8 if kind == 1 else 4


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return a number written in groups of seven bits, the lowest first, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value
