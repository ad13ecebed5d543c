"""The JavaScript reader sees the same images and the same digits as Python and C."""

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Mnist
from test_features import VARIED

from tenfold.arrays import SIDE, Gray, Ink
from tenfold.classifiers.bundle import load_bundle, load_features
from tenfold.classifiers.features import FeatureClassifier
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.imaging.canvas import mark_to_canvas
from tenfold.networks.build import build_network
from tenfold.reading.marks import is_dot
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.serving.page_network import page_network

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "javascript"

POOLED = override(
    recipe_named("conv"),
    {
        "layers": [
            {"kind": "conv", "filters": 5, "kernel_size": 3, "activation": "gelu"},
            {"kind": "average_pool", "size": 2},
            {"kind": "conv", "filters": 6, "kernel_size": 3, "dilation": 2, "batch_norm": True,
             "activation": "leaky_relu"},
            {"kind": "max_pool", "size": 3},
            {"kind": "flatten"},
            {"kind": "dropout", "rate": 0.5},
            {"kind": "dense", "units": 8, "activation": "elu"},
            {"kind": "dense", "units": 9},
        ],
    },
)  # fmt: skip

ANSWER = np.dtype(
    [("image", "u1", (SIDE, SIDE)), ("digit", "u1"), ("dot", "?"), ("probabilities", "<f4", 10)]
)
"""What tests/javascript_reader.mjs writes for a mark."""

C_PROGRAM = """
#include <stdio.h>
#include "tiny.h"

int main(void) {
    uint8_t image[784];
    float probabilities[10];
    while (fread(image, 1, 784, stdin) == 784) {
        tiny_read(image, probabilities);
        fwrite(probabilities, sizeof probabilities, 1, stdout);
    }
}
"""


@pytest.fixture(scope="module")
def reader() -> str:
    """Build the reader; return the path of Node."""
    for tool in ("node", "npm", "clang", "wasm-ld", "cc"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    subprocess.run(["make", "-s", "javascript"], cwd=ROOT, check=True)
    return "node"


def answers(node: str, marks: list[Ink]) -> np.ndarray:
    """Return what the reader says of each mark, as an array of ANSWER."""
    records = [np.array(ink.shape[::-1], "<i4").tobytes() + ink.tobytes() for ink in marks]
    script = ROOT / "tests" / "javascript_reader.mjs"
    done = subprocess.run([node, str(script)], input=b"".join(records), stdout=-1, check=True)
    return np.frombuffer(done.stdout, ANSWER)


def drawn(image: Gray, rng: np.random.Generator) -> Ink:
    """Return a digit as large, thin or fat, and sharp as somebody may draw it."""
    scale = float(rng.uniform(0.6, 15))
    taller = scale * float(np.exp(rng.normal(0, 0.2)))
    large = image.astype(np.float32) / 255
    large = cv2.resize(large, None, fx=scale, fy=taller, interpolation=cv2.INTER_CUBIC)
    large = np.clip((large - 0.5) * np.float32(rng.uniform(1, 6)) + 0.5, 0, 1)
    if rng.random() < 0.6:
        side = int(rng.integers(1, round(2 + 1.5 * scale)))
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        large = change(large, np.ones((side, side)))
    x, y, width, height = cv2.boundingRect((large > 0).astype(np.uint8))
    return np.ascontiguousarray(large[y : y + height, x : x + width], np.float32)


def test_images_are_those_of_python(reader: str, mnist: Mnist) -> None:
    rng = np.random.default_rng(3)
    marks = [drawn(image, rng) for image in mnist.train_images[-150:]]
    marks = [mark / mark.max() for mark in marks if mark.size]
    assert {min(mark.shape) < 20 for mark in marks} == {True, False}
    assert max(max(mark.shape) for mark in marks) > 200
    expected = np.stack([mark_to_canvas(mark) for mark in marks]).astype(int)
    apart = np.abs(answers(reader, marks)["image"] - expected).max(axis=(1, 2))
    assert np.mean(apart == 0) >= 0.95
    assert apart.max() <= 1


def test_dots_are_those_of_python(reader: str, mnist: Mnist) -> None:
    rng = np.random.default_rng(4)
    marks = [drawn(image, rng) for image in mnist.train_images[-100:]]
    for _ in range(100):  # discs, ellipses and rings, sharp and blurred
        radius, flatness = rng.uniform(2, 90), rng.uniform(0.6, 1)
        side = round(2 * radius) + 12
        axes = round(16 * radius), round(16 * radius * flatness)
        mark = np.zeros((side, side), np.float32)
        middle = (8 * side, 8 * side)
        cv2.ellipse(mark, middle, axes, 0, 0, 360, 1, rng.choice([-1, -1, 3]), cv2.LINE_8, 4)
        mark = cv2.GaussianBlur(mark, (0, 0), rng.uniform(0.3, 1.2))
        x, y, width, height = cv2.boundingRect((mark > 0).astype(np.uint8))
        marks.append(np.ascontiguousarray(mark[y : y + height, x : x + width]))
    marks = [mark / mark.max() for mark in marks if mark.size]
    expected = np.array([is_dot(mark) for mark in marks])
    assert not expected[:100].any()
    assert 20 < expected[100:].sum() < 80
    assert np.mean(answers(reader, marks)["dot"] == expected) >= 0.98  # OpenCV's circles are rough


def test_thin_and_faint_strokes_are_read(reader: str) -> None:
    def four(side: int, share: float) -> Ink:
        strokes = np.array([[50, 5], [15, 55], [70, 55]]), np.array([[60, 40], [55, 95]])
        drawn = np.zeros((side, side), np.uint8)
        lines = [(stroke * side / 100 * 16).round().astype(np.int32) for stroke in strokes]
        cv2.polylines(drawn, lines, False, 255, 1, cv2.LINE_AA, 4)
        return drawn * np.float32(share / 255)

    found = answers(reader, [four(500, 1), four(500, 0.2), four(1500, 1), four(2000, 0.2)])
    assert found["digit"].tolist() == [4, 4, 4, 4]
    assert found["probabilities"].max(axis=1).min() > 0.96


def test_probabilities_are_those_of_c(reader: str, mnist: Mnist, tmp_path: Path) -> None:
    found = answers(reader, [image / np.float32(255) for image in mnist.train_images[-200:]])
    (tmp_path / "tiny.h").write_bytes(load_bundle("tiny").read("tiny.h"))
    (tmp_path / "main.c").write_text(C_PROGRAM)
    subprocess.run(["cc", "-O2", "main.c", "-lm", "-o", "read"], cwd=tmp_path, check=True)
    program, images = tmp_path / "read", found["image"].tobytes()
    done = subprocess.run([program], input=images, stdout=-1, check=True)
    expected = np.frombuffer(done.stdout, "<f4").reshape(-1, 10)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    np.testing.assert_array_equal(found["digit"], expected.argmax(axis=1))
    assert np.mean(found["digit"] == mnist.train_labels[-200:]) > 0.97


def test_wrong_values_and_blanks(reader: str) -> None:
    script = """
        import { readFileSync } from "node:fs";
        import { loadReader } from "./index.js";
        const reader = await loadReader(new WebAssembly.Module(readFileSync("reader.wasm")));
        const messages = [];
        const pixels = (value) => new Float32Array(784).fill(value);
        for (const wrong of [
          () => reader.read([1, 2]), () => reader.read(pixels(0.5)), () => reader.read(pixels(256)),
          () => reader.readInk([1, 2], 3, 3), () => reader.readInk([1, NaN], 2, 1),
          () => reader.readInk([1, 1], -2, -1), () => reader.readInk([1], 0.5, 2),
        ]) {
          try { wrong(); } catch (error) { messages.push(`${error.name}: ${error.message}`); }
        }
        const refused = new Response("", { status: 404 });
        await loadReader(refused).catch((error) => messages.push(error.message));
        const page = { headers: { "content-type": "text/html" } };
        for (const wrong of [
          new Response("<!doctype html>", page), new Uint8Array(readFileSync("index.js")), "text",
        ]) {
          await loadReader(wrong).catch((error) => messages.push(error.message));
        }
        const bytes = new Uint8Array([9, ...readFileSync("reader.wasm")]).subarray(1);
        await loadReader(bytes);
        const blank = reader.readInk(new Float32Array(12), 4, 3);
        console.log(JSON.stringify([...messages, blank]));
    """
    command = [reader, "--input-type=module", "-e", script]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        "RangeError: the image has 2 pixels; give 28 x 28 = 784",
        "RangeError: the image has the value 0.5; give whole numbers from 0 to 255",
        "RangeError: the image has the value 256; give whole numbers from 0 to 255",
        "RangeError: the ink has 2 values; give 3 x 3 = 9",
        "RangeError: the ink has a value that is no number; give 0 to 1",
        "RangeError: the ink is -2 x -1; give whole numbers of pixels",
        "RangeError: the ink is 0.5 x 2; give whole numbers of pixels",
        "cannot load the reader: HTTP 404 for ",
        "cannot load the reader: the response (text/html) is no WebAssembly; give reader.wasm",
        "cannot load the reader: the source is no WebAssembly; give reader.wasm",
        "cannot load the reader: the source is no WebAssembly; give reader.wasm",
        None,
    ]


def test_the_package_holds_what_it_needs(reader: str, tmp_path: Path) -> None:
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(tmp_path)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=True)
    (packed,) = json.loads(done.stdout)
    assert {file["path"] for file in packed["files"]} == {
        "README.md", "canvas.js", "index.d.ts", "index.js", "package.json", "reader.wasm",
    }  # fmt: skip
    assert packed["unpackedSize"] < 60_000
    subprocess.run(["npm", "init", "-y"], cwd=tmp_path, capture_output=True, check=True)
    add = ["npm", "install", "--offline", "--no-audit", packed["filename"]]
    subprocess.run(add, cwd=tmp_path, capture_output=True, check=True)
    script = 'import { SIDE } from "tenfold-reader"; console.log(SIDE)'
    command = [reader, "--input-type=module", "-e", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "28\n"


def test_the_reader_is_small(reader: str) -> None:
    assert (PACKAGE / "reader.wasm").stat().st_size < 25_000


def test_the_graph_agrees(reader: str, mnist: Mnist) -> None:
    images = mnist.train_images[-200:]
    found = answers(reader, [image / np.float32(255) for image in images])
    classifier = OnnxClassifier(load_bundle("tiny").read("model-int8.onnx"))
    assert np.mean(classifier.predict_proba(found["image"]).argmax(axis=1) == found["digit"]) > 0.99


def computed(node: str, source: Path, images: np.ndarray) -> np.ndarray:
    """Return what the page's network.js computes for images: every layer, then the answer."""
    folder = source.parent
    for name in ("network.js", "answer.js"):
        shutil.copy(ROOT / "src" / "tenfold" / "serving" / "page" / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    command = [node, str(ROOT / "tests" / "javascript_layers.mjs"), str(folder), str(source)]
    done = subprocess.run(command, input=images.tobytes(), stdout=-1, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(len(images), -1)


def check_layers(
    features: FeatureClassifier, found: np.ndarray, images: np.ndarray, tolerance: float
) -> None:
    """Compare each layer with the graph's, up to this share of the layer's largest value."""
    maps = features.feature_maps(images)
    probabilities = maps.pop("probabilities")
    names = {row.name: row.kind for row in features.layers}
    for name, values in maps.items():
        if names[name] == "flatten":
            continue
        expected = values.reshape(len(images), -1)
        part, found = np.hsplit(found, [expected.shape[1]])
        atol = tolerance * float(np.abs(expected).max())
        np.testing.assert_allclose(part, expected, atol=atol, rtol=0, err_msg=name)
    np.testing.assert_allclose(found, probabilities, atol=tolerance)


def test_the_layers_of_the_header(reader: str, mnist: Mnist, tmp_path: Path) -> None:
    header = tmp_path / "tiny.h"
    header.write_bytes(load_bundle("tiny").read("tiny.h"))
    images = mnist.train_images[-40:]
    # The header's weights are int8, those of the graph are not.
    check_layers(load_features("tiny"), computed(reader, header, images), images, 0.03)
    same = answers(reader, [image / np.float32(255) for image in images])
    probabilities = computed(reader, header, same["image"])[:, -10:]
    np.testing.assert_allclose(probabilities, same["probabilities"], atol=1e-5)


@pytest.mark.parametrize("name", ["reader", "tiny", "nano", "standard"])
def test_the_layers_that_the_server_sends(
    reader: str, mnist: Mnist, tmp_path: Path, name: str
) -> None:
    features = load_features(name)
    document = tmp_path / "network.json"
    document.write_text(json.dumps(page_network(features)))
    images = mnist.train_images[-10:]
    check_layers(features, computed(reader, document, images), images, 1e-4)


@pytest.mark.usefixtures("tensorflow")
def test_the_layers_of_any_recipe(reader: str, mnist: Mnist, tmp_path: Path) -> None:
    for recipe in (VARIED, POOLED):
        network = build_network(recipe)
        graph = onnx_model(recipe, network_weights(network))
        features = FeatureClassifier(graph, recipe)
        document = tmp_path / "network.json"
        document.write_text(json.dumps(page_network(features)))
        images = mnist.train_images[-10:]
        check_layers(features, computed(reader, document, images), images, 1e-4)
