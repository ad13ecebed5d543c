"""The training of the line network."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Mnist

from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.classifiers.onnx import Session
from tenfold.reading.ctc import CHARACTERS
from tenfold.reading.line_reader import STRIP_HEIGHT, LineReader
from tenfold.training.lines.__main__ import main
from tenfold.training.lines.strips import MAX_CHARACTERS, WIDTH, make_strip
from tenfold.training.lines.texts import random_text, target
from tenfold.training.lines.train import writers_of_lines


def test_the_same_seed_gives_the_same_strips(mnist: Mnist) -> None:
    writers = writers_of_lines(held_back=False)
    rngs = [np.random.default_rng(0) for _ in range(2)]
    made, again = ([make_strip(writers, rng) for _ in range(100)] for rng in rngs)
    for (strip, text), (other, same) in zip(made, again, strict=True):
        np.testing.assert_array_equal(strip, other)
        assert text == same
        assert strip.shape == (STRIP_HEIGHT, WIDTH)
        assert len(text) <= MAX_CHARACTERS
        assert set(text) <= set(CHARACTERS)
    assert {*".,-/:()+$=x?"} <= set("".join(text for _, text in made))


def test_each_letter_is_a_mark_and_spaces_are_none() -> None:
    assert target(["No", "4", "2"]) == "??42"
    assert target(["x", "ray", "#", "5", "*", "7", "/", "2"]) == "?????5x7/2"
    assert target([]) == ""
    rng = np.random.default_rng(0)
    longest = max(len(target(list(random_text(rng)))) for _ in range(2000))
    assert longest <= MAX_CHARACTERS


def test_fonts_held_back_train_nothing() -> None:
    learned, kept = (writers_of_lines(held_back=way) for way in (False, True))
    assert not {hand.family for hand in learned.hands} & {hand.family for hand in kept.hands}


def test_the_shipped_network_reads_most_strips(mnist: Mnist) -> None:
    reader = LineReader(load_bundle("reader").read(LINE))
    writers, rng = writers_of_lines(held_back=True), np.random.default_rng(99)
    right = 0
    for _ in range(100):
        strip, text = make_strip(writers, rng)
        right += reader.read_strip(strip) == text
    assert right > 40


@pytest.mark.usefixtures("tensorflow")
def test_a_graph_gives_its_weights_back() -> None:
    from tenfold.training.lines.network import build_network, load_weights, onnx_graph

    graph = onnx_graph(build_network())
    other = build_network()
    load_weights(other, graph)
    assert onnx_graph(other) == graph


@pytest.mark.usefixtures("tensorflow")
def test_two_networks_in_one_graph_share_the_digits() -> None:
    import onnx
    from onnx import numpy_helper

    from tenfold.training.lines.network import (
        blended_graph,
        build_network,
        load_weights,
        onnx_graph,
    )

    signs = onnx_graph(build_network())
    # A network from before signs: the same kind with eleven outputs.
    digits = onnx.load_from_string(onnx_graph(build_network()))
    for one in digits.graph.initializer:
        array = numpy_helper.to_array(one)
        if array.shape and array.shape[0] == len(CHARACTERS) + 1:
            one.CopyFrom(numpy_helper.from_array(array[:11], one.name))
    digits.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 11
    old = digits.SerializeToString()
    strip = np.random.default_rng(0).integers(0, 256, (STRIP_HEIGHT, WIDTH), np.uint8)
    graphs = (old, signs, blended_graph(old, signs, 0.25))
    one, other, both = (
        Session(graph, 1).run(["probabilities"], {"strips": strip[None]})[0] for graph in graphs
    )
    np.testing.assert_allclose(both[..., 11:], other[..., 11:], atol=1e-6)
    no_sign = 1 - other[..., 11:].sum(axis=-1, keepdims=True)
    known = no_sign * 0.25 * one + 0.75 * other[..., :11]
    np.testing.assert_allclose(both[..., :11], known, atol=1e-5)
    again = build_network()
    load_weights(again, graphs[2])
    assert onnx_graph(again) == signs


@pytest.mark.slow
@pytest.mark.usefixtures("tensorflow")
def test_two_steps_leave_a_graph(mnist: Mnist, tmp_path: Path, monkeypatch) -> None:
    graph = tmp_path / "line.onnx"
    monkeypatch.setattr("sys.argv", ["lines", str(graph), "--steps", "2"])
    main()
    LineReader(graph.read_bytes()).read_strip(np.zeros((STRIP_HEIGHT, WIDTH), np.uint8))
