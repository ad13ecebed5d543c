"""Feature maps and filters of a network, from its ONNX graph alone.

An ONNX file is a protobuf message, and protobuf merges messages whose bytes follow one another.
A few bytes appended to a graph therefore name further outputs of it. The few lines of protobuf
below replace the package `onnx`, which the base install lacks: it takes 0.2 s to import and, with
protobuf, 34 MB.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images
from tenfold.classifiers.base import ADVICE, as_images
from tenfold.classifiers.onnx import BATCH, OnnxClassifier, Session
from tenfold.errors import BundleError, UsageError
from tenfold.formatting import no_such
from tenfold.recipes.layers import Conv, Depthwise, Dropout, LayerRow
from tenfold.recipes.recipe import Recipe, describe, layer_names

# Field numbers of the messages in onnx.proto (ONNX 1.12).
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_NAME = 1, 3
_VALUE_NAME = 1


class FeatureClassifier(OnnxClassifier):
    """A classifier that also returns the feature maps of each of its layers.

    Layers have the names of their recipe (`recipes.recipe.layer_names`). The layers of an ensemble
    are those of its first member. The layers of a network that reads shifted images are those of
    the image that is not shifted. `probabilities` is always the output of the whole.

    Safe to use from several threads.

    Args:
        graph: The bytes of `model.onnx`.
        recipe: The recipe that the graph was made from.
        name: The file that the bytes are from, for error messages.

    Attributes:
        recipe: The recipe.
        layers: The layers that have feature maps, in order: all but dropout, which does nothing
            after training, and the pixels.

    Raises:
        BundleError: Not a graph, or not a graph of that recipe.
    """

    def __init__(self, graph: bytes, recipe: Recipe, name: str = "the model") -> None:
        self.recipe = recipe
        self._graph = graph
        self._prefix = "member1_" if recipe.members > 1 or recipe.tta_shifts else ""
        skipped = {"images", "pixels"} | {
            name
            for name, layer in zip(layer_names(recipe), recipe.layers, strict=True)
            if isinstance(layer, Dropout)
        }
        self.layers: tuple[LayerRow, ...] = tuple(
            row for row in describe(recipe) if row.name not in skipped
        )
        hidden = [self._output(r.name) for r in self.layers if r.name != "probabilities"]
        super().__init__(with_outputs(graph, hidden), name=name)
        blank = np.zeros((1, SIDE, SIDE), np.uint8)
        for row, values in zip(self.layers, self._values(self.layers, blank), strict=True):
            if values.shape != (1, *row.output_shape) or values.dtype != np.float32:
                raise BundleError(f"{name} is not a graph of the recipe {recipe.name}; {ADVICE}")

    @property
    def before_logits(self) -> str:
        """Name of the layer that feeds the logits."""
        names = [row.name for row in self.layers]
        return names[names.index("logits") - 1]

    def feature_maps(
        self, images: npt.ArrayLike, layers: Sequence[str] | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Return the output of layers for images.

        Args:
            images: See `tenfold.classifiers.base.as_images`.
            layers: Names of layers; all if left out.

        Returns:
            float32 by name, in the order of the layers: (n, height, width, channels), or
            (n, units) for a layer without places.

        Raises:
            UsageError: The images have a wrong form, or there is no such layer.
        """
        rows = {row.name: row for row in self.layers}
        chosen = list(rows if layers is None else layers)
        strange = [name for name in chosen if name not in rows]
        if strange:
            raise UsageError(no_such("layer", strange[0], rows))
        batch = as_images(images)
        result = {
            name: np.empty((len(batch), *rows[name].output_shape), np.float32) for name in chosen
        }
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            found = self._values([rows[name] for name in chosen], part)
            for name, values in zip(chosen, found, strict=True):
                result[name][start : start + BATCH] = values
        return result

    def _values(self, rows: Sequence[LayerRow], part: Images) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the outputs of layers for some images; channels, or units, come last."""
        names = [self._output(row.name) for row in rows]
        for values in self._session.run(names, {"images": part}):
            # The shifts follow one another, each with all images; the middle one is no shift.
            first = len(values) // len(part) // 2 * len(part)
            unshifted = values[first : first + len(part)]
            yield np.moveaxis(unshifted, 1, -1) if unshifted.ndim > 1 else unshifted

    def filters(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the kernels of the convolutions.

        Returns:
            float32 (height, width, input channels, filters) by layer, in the order of the layers.
            A separable convolution has two: `<name>_channels`, (height, width, channels, 1),
            which filters each channel by itself, and `<name>`, (1, 1, channels, filters). A
            depthwise layer has the first alone, as `<name>`.

        Raises:
            BundleError: The graph has no such kernels.
        """
        operators, depthwise = {}, set()
        for name, layer in zip(layer_names(self.recipe), self.recipe.layers, strict=True):
            if isinstance(layer, Conv):
                if layer.separable:
                    depthwise.add(f"{name}_channels")
                    operators[f"{name}_channels"] = f"{name}_channels"
                operators[name] = f"{name}_sums"
            elif isinstance(layer, Depthwise):
                depthwise.add(name)
                operators[name] = name
        constants = self.constants(operators.values())
        kernels = {name: constants[operator][0] for name, operator in operators.items()}
        return {
            name: np.ascontiguousarray(
                kernel.transpose((2, 3, 0, 1) if name in depthwise else (2, 3, 1, 0))
            )
            for name, kernel in kernels.items()
        }

    def constants(self, operators: Iterable[str]) -> dict[str, list[npt.NDArray[np.float32]]]:
        """Return the constants among the inputs of operators: kernels, biases, normalizations.

        Args:
            operators: Names of nodes, such as conv2_sums.

        Returns:
            float32 in ONNX's shapes, by operator, in the order of its inputs.

        Raises:
            BundleError: The graph has no such operators.
        """
        try:
            inputs = dict(_node_inputs(self._graph))
            names = {operator: inputs[self._prefix + operator][1:] for operator in operators}
            every = [name for some in names.values() for name in some]
            session = Session(with_outputs(self._graph, every), 1)
            values = iter(session.run(every, {"images": np.zeros((1, SIDE, SIDE), np.uint8)}))
            return {operator: [next(values) for _ in some] for operator, some in names.items()}
        except Exception as error:  # a graph that tenfold did not write may have any form
            raise BundleError(
                f"{self._file} lacks the kernels of the recipe {self.recipe.name}; {ADVICE}"
            ) from error

    def _output(self, layer: str) -> str:
        return layer if layer == "probabilities" else self._prefix + layer


def with_outputs(graph: bytes, names: Sequence[str]) -> bytes:
    """Return an ONNX model that also outputs values from inside its graph.

    Args:
        graph: The model.
        names: Outputs of nodes, or constants; ONNX Runtime infers their types.
    """
    outputs = [_field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())) for name in names]
    return graph + _field(_MODEL_GRAPH, b"".join(outputs))


def _node_inputs(model: bytes) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of every node of a model's graph, and the names of the node's inputs."""
    for graph in _read(model, _MODEL_GRAPH):
        for node in _read(graph, _GRAPH_NODE):
            (name,) = _read(node, _NODE_NAME)
            yield name.decode(), [value.decode() for value in _read(node, _NODE_INPUT)]


def _read(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the values of one field of a protobuf message: text, bytes or messages.

    A message is a sequence of fields: a key, made of number and wire type, and a value
    (https://protobuf.dev/programming-guides/encoding).
    """
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        wire_type = key & 7
        if wire_type == 2:  # preceded by its length
            length, place = _read_varint(message, place)
            if key >> 3 == number:
                yield message[place : place + length]
            place += length
        elif wire_type == 0:
            _, place = _read_varint(message, place)
        else:
            place += 8 if wire_type == 1 else 4


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return a number stored in groups of seven bits, the lowest first, and the place after it."""
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
