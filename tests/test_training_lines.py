"""The training of the line network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Mnist

from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.classifiers.onnx import Session
from tenfold.reading.ctc import CHARACTERS
from tenfold.reading.line_reader import STRIP_HEIGHT, LineReader
from tenfold.training.lines import strips
from tenfold.training.lines.__main__ import main
from tenfold.training.lines.handwriting import BOARD, LEFT, Handwriting
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


@pytest.mark.parametrize("slope", [-0.06, 0.06])
def test_a_line_that_rises_or_falls_is_in_the_middle_of_its_strip(slope: float) -> None:
    writers, rng = writers_of_lines(held_back=False), np.random.default_rng(1)
    middles = []
    for _ in range(20):
        hand = replace(Handwriting.random(writers.hands, rng), slope=slope)
        board = np.zeros(BOARD, np.float32)
        _, end = hand.write(board, "8888888", writers, rng)
        strip = strips._photographed(board, hand, end, rng).astype(float)
        ink = np.clip(strip - 120, 0, None)
        middles.append((ink.sum(axis=1) @ np.arange(STRIP_HEIGHT)) / ink.sum())
    assert abs(np.mean(middles) - STRIP_HEIGHT / 2) < 2


def test_a_close_crop_keeps_a_rectangle_around_the_line() -> None:
    writers, rng = writers_of_lines(held_back=False), np.random.default_rng(2)
    for _ in range(20):
        hand = Handwriting.random(writers.hands, rng)
        board, end = np.ones(BOARD, np.float32), float(rng.uniform(60, 400))
        strips._crop(board, hand, end, rng)
        rows, columns = (np.flatnonzero(board.any(axis=axis)) for axis in (1, 0))
        assert board[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert abs(columns[0] - LEFT) <= 0.7 * hand.height + 1
        assert abs(columns[-1] - end) <= 0.7 * hand.height + 4
        assert rows[0] <= round(hand.top + min(LEFT * hand.slope, end * hand.slope))


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
def test_int8_answers_as_float32_does() -> None:
    """The shipped graph, and its weights in float32."""
    from tenfold.training.lines.network import build_network, int8_graph, load_weights, onnx_graph

    shipped = load_bundle("reader").read(LINE)
    network = build_network()
    load_weights(network, shipped)
    graph = onnx_graph(network)
    writers, rng = writers_of_lines(held_back=False), np.random.default_rng(5)
    strips = np.stack([make_strip(writers, rng)[0] for _ in range(60)])
    again = int8_graph(graph, strips[:20])
    assert len(again) < len(graph) / 3
    expected, *answers = (
        Session(one, 1, wide_sums=False).run(["probabilities"], {"strips": strips})[0]
        for one in (graph, shipped, again)
    )
    for answer in answers:
        assert np.mean(answer.argmax(-1) == expected.argmax(-1)) > 0.99
        assert np.abs(answer - expected).mean() < 0.001


def test_no_processor_saturates_in_the_shipped_graph() -> None:
    """Without VNNI, two products of uint8 and int8 are added in 16 bits."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(load_bundle("reader").read(LINE)).graph
    arrays = [onnx.numpy_helper.to_array(one) for one in graph.initializer]
    kernels = [one for one in arrays if one.dtype == np.int8 and one.ndim == 4]
    assert len(kernels) == 7
    assert all(2 * 255 * np.abs(one.astype(int)).max() < 2**15 for one in kernels)


@pytest.mark.usefixtures("tensorflow")
def test_a_wider_network_starts_from_a_narrower_one(monkeypatch) -> None:
    import tenfold.training.lines.network as lines

    wide = lines.CONVOLUTIONS
    narrow = tuple((filters // 2, *rest) for filters, *rest in wide)
    monkeypatch.setattr(lines, "CONVOLUTIONS", narrow)
    graph = lines.onnx_graph(lines.build_network())
    monkeypatch.setattr(lines, "CONVOLUTIONS", wide)
    network = lines.build_network()
    lines.load_weights(network, graph)
    strips = np.random.default_rng(0).integers(0, 256, (2, STRIP_HEIGHT, WIDTH), np.uint8)
    one, other = (
        Session(way, 1).run(["probabilities"], {"strips": strips})[0]
        for way in (graph, lines.onnx_graph(network))
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("tensorflow")
def test_two_steps_leave_a_graph(mnist: Mnist, tmp_path: Path, monkeypatch) -> None:
    graph = tmp_path / "line.onnx"
    monkeypatch.setattr("sys.argv", ["lines", str(graph), "--steps", "2"])
    main()
    LineReader(graph.read_bytes()).read_strip(np.zeros((STRIP_HEIGHT, WIDTH), np.uint8))
