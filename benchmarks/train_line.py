"""Train the network that reads lines as a whole, or measure the shipped one.

    python benchmarks/train_line.py --out runs/a.onnx
    python benchmarks/train_line.py --out runs/b.onnx --after runs/a.onnx --seed 1 --steps 9000
    python benchmarks/train_line.py --measure

Trains on strips made of the first 50,000 training images of MNIST (benchmarks/line_strips.py) by
connectionist temporal classification (keras.ops.ctc_loss), Muon, one-cycle. With --after goes on
from another graph, perhaps a narrower one, at two thirds of the rate; another --seed gives other
strips. Writes an ONNX graph, which
`tools/ship.py RUN --line FILE` puts beside the reader's. --measure counts the strips made of
the other 10,000 that the shipped network reads exactly, and the pages made of them
(tests/scenes.py) that the reader gets right with it and without. Writes results/line.json. The test
images are not opened.
"""

import argparse
import importlib
import json
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from line_strips import MOST, WIDE, make_strip

from tenfold.augmentation.digit_forms import with_upstroke
from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.data.mnist import load_mnist
from tenfold.files import write_atomic
from tenfold.reading.line_reader import HIGH, LineReader
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "line.json"
HELD_BACK = 10_000
BATCH = 64
STEPS = 12_000
RATE, RATE_AFTER = 0.003, 0.002
JUDGED = 16 * BATCH
PAGES = 40
SCENES: dict[str, dict[str, Any]] = {
    "apart": {},
    "near": {"gap": 0.02},
    "touching": {"gap": -0.08},
    "leaning, near": {"gap": 0.05, "lean": 0.35},
    "leaning, patterned": {"gap": 0.1, "lean": 0.3, "pattern": 0.35},
    "touching, ruled": {"gap": -0.05, "rules": "ruled"},
    "touching, patterned": {"gap": -0.06, "pattern": 0.3},
    "touching, in shadow": {"gap": 0.0, "shadow": True},
}
"""Kinds of pages, as `scenes.page` makes them."""

Image = npt.NDArray[np.uint8]
Batch = tuple[Image, npt.NDArray[np.int32], npt.NDArray[np.int32]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="train, and write the graph there")
    parser.add_argument("--after", type=Path, metavar="FILE", help="go on from this graph")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    if arguments.out:
        before = arguments.after.read_bytes() if arguments.after else None
        write_atomic(arguments.out, trained(arguments.steps, arguments.seed, before))
    if arguments.measure:
        measure()


def by_digit(*, held_back: bool) -> list[Image]:
    """Return the images of each digit: the first 50,000 training images, or the others."""
    images, labels = load_mnist("train")
    part = slice(-HELD_BACK, None) if held_back else slice(-HELD_BACK)
    return [images[part][labels[part] == digit] for digit in range(10)]


def make_batch(source: list[Image], rng: np.random.Generator) -> Batch:
    """Return strips uint8 (64, 32, 192), digits plus one int32 (64, 7), and how many each has."""
    strips = np.empty((BATCH, HIGH, WIDE), np.uint8)
    wanted, lengths = np.zeros((BATCH, MOST), np.int32), np.empty(BATCH, np.int32)
    for place in range(BATCH):
        strips[place], digits = make_strip(source, rng)
        wanted[place, : len(digits)] = np.array(digits) + 1
        lengths[place] = len(digits)
    return strips, wanted, lengths


def trained(steps: int, seed: int, before: bytes | None) -> bytes:
    """Train the network, from the weights of a graph if there is one; return it as a graph."""
    from tenfold.networks.backend import use_backend

    use_backend("tensorflow")
    import keras
    import tensorflow as tf

    from tenfold.recipes.recipe import Optimizer, Recipe, Schedule
    from tenfold.training.optimizers import build_optimizer

    keras.utils.set_random_seed(seed)
    network = build()
    if before:
        take_weights(network, before)
    rate = RATE_AFTER if before else RATE
    recipe = Recipe(
        name="line", summary="", layers=(), batch_size=BATCH, epochs=1,
        optimizer=Optimizer("muon", rate, weight_decay=0.05, beta_2=0.99, momentum=0.95),
        schedule=Schedule("one-cycle", warmup=0.15),
    )  # fmt: skip
    optimizer = build_optimizer(recipe, steps)
    variables = network.trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(strips: Any, wanted: Any, lengths: Any) -> Any:
        with tf.GradientTape() as tape:
            sums = network(strips, training=True)
            answers = tf.fill([BATCH], tf.shape(sums)[1])
            losses = keras.ops.ctc_loss(wanted, sums, lengths, answers, mask_index=0)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    coming: queue.Queue[Batch] = queue.Queue(8)

    def make() -> None:
        source, rng = by_digit(held_back=False), np.random.default_rng(seed)
        for _ in range(steps):
            coming.put(make_batch(source, rng))

    threading.Thread(target=make, daemon=True).start()
    start = time.perf_counter()
    for number in range(1, steps + 1):
        loss = step(*map(tf.constant, coming.get()))
        if number % 100 == 0:
            seconds = time.perf_counter() - start
            print(f"{number}: loss {float(loss):.3f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return onnx_model(network)


def build() -> Any:
    """Return the network: strips uint8 (n, 32, w) to sums (n, w / 4, 11), none first."""
    import keras
    from keras import layers as kl

    from tenfold.machine import has_bfloat16

    dtype = "mixed_bfloat16" if has_bfloat16() else "float32"
    strips = keras.Input((HIGH, None), dtype="uint8", name="strips")
    value = kl.Rescaling(1 / 255, dtype=dtype)(strips)
    value = kl.Reshape((HIGH, -1, 1), dtype=dtype)(value)
    for filters, kernel, pool in (
        (32, 3, 2), (64, 3, 2), (128, 3, None), (128, 3, (2, 1)), (192, 3, (2, 1)),
        (320, (2, 3), None), (320, (1, 3), None),
    ):  # fmt: skip
        padding = "valid" if kernel == (2, 3) else "same"
        value = kl.Conv2D(filters, kernel, padding=padding, use_bias=False, dtype=dtype)(value)
        if pool:
            value = kl.MaxPooling2D(pool, dtype=dtype)(value)
        value = kl.BatchNormalization(momentum=0.98, dtype=dtype)(value)
        value = kl.Activation("relu", dtype=dtype)(value)
    value = kl.Conv2D(11, 1, dtype="float32")(value)
    return keras.Model(strips, kl.Reshape((-1, 11), dtype="float32", name="logits")(value))


def take_weights(network: Any, graph: bytes) -> None:
    """Give the network the weights of a graph that `onnx_model` wrote, perhaps a narrower one.

    What a wider network has more of stays as it started, but for what would change the answers of
    the others: it reads at first what the narrow one reads (Net2Net, arXiv 1511.05641, has the
    idea).
    """
    import onnx
    from onnx import numpy_helper

    arrays = [numpy_helper.to_array(one) for one in onnx.load_from_string(graph).graph.initializer]
    left = iter(array for array in arrays if array.dtype.kind == "f" and array.size > 1)
    for layer in network.layers:
        own = layer.get_weights()
        for weights in own:
            taken = next(left)
            if taken.ndim == 4:
                taken = taken.transpose(2, 3, 1, 0)
                weights[:, :, taken.shape[2] :, : taken.shape[3]] = 0
            weights[tuple(map(slice, taken.shape))] = taken
        layer.set_weights(own)


def onnx_model(network: Any) -> bytes:
    """Return the network as a graph from `strips` to `probabilities` float32 [n, w / 4, 11]."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(value: Any) -> str:
        name = f"constant{len(constants)}"
        array = np.ascontiguousarray(value)
        constants.append(numpy_helper.from_array(array, name))
        return name

    def add(operator: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{operator.lower()}{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def kernel_of(kernel: Any) -> str:  # half the file; float32 again once it is loaded
        half = constant(kernel.transpose(3, 2, 0, 1).astype(np.float16))
        return add("Cast", [half], to=TensorProto.FLOAT)

    value = add("Cast", ["strips"], to=TensorProto.FLOAT)
    value = add("Mul", [value, constant(np.float32(1 / 255))])
    value = add("Unsqueeze", [value, constant(np.array([1], np.int64))])
    for layer in network.layers:
        kind, weights = type(layer).__name__, layer.get_weights()
        if kind == "Conv2D":
            kernel, *bias = weights
            high, wide = kernel.shape[:2]
            pads = [(high - 1) // 2, (wide - 1) // 2, high // 2, wide // 2]
            inputs = [value, kernel_of(kernel), *map(constant, bias)]
            value = add(
                "Conv", inputs, kernel_shape=[high, wide],
                pads=pads if layer.padding == "same" else [0] * 4,
            )  # fmt: skip
        elif kind == "MaxPooling2D":
            sides = list(layer.pool_size)
            value = add("MaxPool", [value], kernel_shape=sides, strides=sides)
        elif kind == "BatchNormalization":  # ONNX Runtime folds it into the convolution
            inputs = [value, *map(constant, weights)]
            value = add("BatchNormalization", inputs, epsilon=layer.epsilon)
        elif kind == "Activation":
            value = add("Relu", [value])
    value = add("Squeeze", [value, constant(np.array([2], np.int64))])
    value = add("Transpose", [value], perm=[0, 2, 1])
    nodes.append(helper.make_node("Softmax", [value], ["probabilities"], axis=2))
    strips = helper.make_tensor_value_info("strips", TensorProto.UINT8, ["n", HIGH, "w"])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", "t", 11])
    graph = helper.make_graph(nodes, "tenfold line", [strips], [answers], constants)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, producer_name="tenfold", opset_imports=opset, ir_version=8)
    checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


def measure() -> None:
    """Write down how well the shipped network reads strips, and the reader pages."""
    source = by_digit(held_back=True)
    line = LineReader(load_bundle("reader").read(LINE))
    rng = np.random.default_rng(99)
    right = 0
    for _ in range(JUDGED):
        strip, digits = make_strip(source, rng)
        right += line.read_strip(strip) == digits
    document: dict[str, Any] = {
        "protocol": (
            "made of the last 10,000 training images, which did not train the line's network but "
            "did train the shipped reader's; a strip or page is right if all its digits are"
        ),
        "strips": {"n": JUDGED, "right": round(right / JUDGED, 4)},
        "pages": pages(source),
    }
    write_atomic(RESULTS, json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


def pages(source: list[Image]) -> list[dict[str, Any]]:
    """Return for each kind of page how many are read right, with the line's network and without."""
    sys.path.insert(0, str(ROOT / "tests"))
    page = importlib.import_module("scenes").page

    readers = {"whole lines": Reader(), "cuts alone": Reader(whole_lines=False)}
    rows = []
    for number, (name, settings) in enumerate(SCENES.items()):
        rng = np.random.default_rng((5, number))
        right = dict.fromkeys(readers, 0)
        for _ in range(PAGES):
            digits, images = written(source, rng)
            height = int(rng.integers(35, 80))
            picture = page([images], rng=rng, height=height, **settings)
            for which, reader in readers.items():
                right[which] += digits_of(reader.read(picture)) == digits
        row = {"pages": name, "n": PAGES}
        rows.append(row | {which: round(count / PAGES, 4) for which, count in right.items()})
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def written(source: list[Image], rng: np.random.Generator) -> tuple[list[int], list[Image]]:
    """Return digits of one hand: alike in weight, now and then with flags and zeros at the end."""
    digits = [int(digit) for digit in rng.integers(0, 10, int(rng.integers(3, 7)))]
    if rng.random() < 0.3:
        digits[-2:] = [0, 0]
    weight = rng.uniform(-0.5, 0.7)
    around = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    images = []
    for digit in digits:
        image = source[digit][rng.integers(len(source[digit]))]
        if digit == 1 and rng.random() < 0.3:
            image = with_upstroke(image, rng)
        other = (cv2.dilate if weight > 0 else cv2.erode)(image, around)
        images.append(cv2.addWeighted(image, 1 - abs(weight), other, abs(weight), 0))
    return digits, images


def digits_of(reading: Reading) -> list[int]:
    """Return all digits, the best guess of what was refused too."""
    return [digit.digit for line in reading.lines for digit in line.digits]


if __name__ == "__main__":
    main()
