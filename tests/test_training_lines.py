"""The training of the line network."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Mnist

from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.reading.line_reader import STRIP_HEIGHT, LineReader
from tenfold.training.lines.strips import MAX_DIGITS, WIDTH, make_strip
from tenfold.training.lines.train import digits_for_lines


def test_the_same_seed_gives_the_same_strips(mnist: Mnist) -> None:
    source = digits_for_lines(held_back=False)
    rngs = [np.random.default_rng(0) for _ in range(2)]
    made, again = ([make_strip(source, rng) for _ in range(100)] for rng in rngs)
    for (strip, digits), (other, others) in zip(made, again, strict=True):
        np.testing.assert_array_equal(strip, other)
        assert digits == others
        assert strip.shape == (STRIP_HEIGHT, WIDTH)
        assert len(digits) <= MAX_DIGITS
    assert 5 < sum(not digits for _, digits in made) < 30  # words alone


def test_the_shipped_network_reads_most_strips(mnist: Mnist) -> None:
    reader = LineReader(load_bundle("reader").read(LINE))
    source, rng = digits_for_lines(held_back=True), np.random.default_rng(99)
    right = 0
    for _ in range(100):
        strip, digits = make_strip(source, rng)
        right += reader.read_strip(strip) == digits
    assert right > 70


@pytest.mark.usefixtures("tensorflow")
def test_a_graph_gives_its_weights_back() -> None:
    from tenfold.training.lines.network import build_network, load_weights, onnx_graph

    graph = onnx_graph(build_network())
    other = build_network()
    load_weights(other, graph)
    assert onnx_graph(other) == graph
    shipped = load_bundle("reader").read(LINE)
    load_weights(other, shipped)
    strip = np.random.default_rng(0).integers(0, 256, (STRIP_HEIGHT, WIDTH), np.uint8)
    answers = [LineReader(one).read_strip(strip) for one in (shipped, onnx_graph(other))]
    assert answers[0] == answers[1]


def test_two_steps_leave_a_graph(mnist: Mnist, tmp_path: Path) -> None:
    graph = tmp_path / "line.onnx"
    command = [sys.executable, "-m", "tenfold.training.lines", str(graph), "--steps", "2"]
    subprocess.run(command, check=True, capture_output=True)
    LineReader(graph.read_bytes()).read_strip(np.zeros((STRIP_HEIGHT, WIDTH), np.uint8))
