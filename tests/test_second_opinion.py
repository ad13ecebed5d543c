"""The second opinion: a digit is accepted if another reader says it too."""

import importlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import Mnist, Shell
from scenes import page

from tenfold.cli.main import main
from tenfold.errors import MissingExtraError, UsageError
from tenfold.imaging.decoding import load_picture
from tenfold.reading import second_opinion
from tenfold.reading.fields import Field
from tenfold.reading.reader import Reader
from tenfold.reading.results import Cell, Digit, Grid, Line, Reading
from tenfold.reading.second_opinion import SaidDigit, SecondReader, confirmed, opinions_on


def said(digits: str, confidence: float = 0.9) -> list[SaidDigit]:
    return [SaidDigit(int(one), confidence) for one in digits]


def found(digits: str, confidence: float = 0.9) -> tuple[Digit, ...]:
    return tuple(
        Digit(int(one), confidence, (30 * at, 0, 20, 40), confidence < 0.96)
        for at, one in enumerate(digits)
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "text"),
    [
        ("1205", "1205", "1205"),
        ("1205", "1265", "12?5"),
        ("1205", "12905", "1??5"),  # one more between two: either may be wrong
        ("1205", "125", "12?5"),
        ("1205", "71205", "?205"),
        ("1205", "12059", "120?"),
        ("1205", "", "????"),
        ("1205", "987", "????"),
        ("0012", "0012", "0012"),
    ],
)
def test_digits_on_which_both_agree_are_accepted(ours: str, theirs: str, text: str) -> None:
    line = Line(confirmed(found(ours), said(theirs), 0.96))
    assert line.text == text
    assert "".join(str(one.digit) for one in line.digits) == ours


def test_odds_are_multiplied() -> None:
    (same,) = confirmed(found("3", 0.9), said("3", 0.8), 0.9)
    assert same.confidence == pytest.approx(0.72 / (0.72 + 0.02))
    assert not same.rejected
    (other,) = confirmed(found("3", 0.9), said("5", 0.8), 0.0)
    assert other.confidence == pytest.approx(0.18 / (0.18 + 0.08))
    assert other.rejected
    (unsure,) = confirmed(found("3", 0.6), said("3", 0.6), 0.96)
    assert unsure.rejected
    (certain,) = confirmed(found("3", 1.0), said("5", 1.0), 0.0)
    assert certain.confidence == 0


def test_an_opinion_is_the_confidence_of_what_was_said() -> None:
    row = [SaidDigit(1, 0.7), SaidDigit(4, 0.8)]
    assert opinions_on([1, 4], row) == [(True, 0.7), (True, 0.8)]
    (same, other) = opinions_on([1, 9], row)
    assert same == (True, 0.7)
    assert other == (False, pytest.approx(0.2))


def bars(*lefts: int) -> np.ndarray:
    """Return a picture with dark bars on light paper."""
    picture = np.full((120, 300), 230, np.uint8)
    for left in lefts:
        picture[30:90, left : left + 20] = 20
    return picture


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package like rapidocr whose network sees a 7 wherever a column is dark.

    It must not be imported, and it gives a letter more probability than the 7.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    characters = [*"abcdl", *".,-/", *"0123456789"]
    of_ink = np.zeros((1, len(characters) + 2), np.float32)
    of_ink[0, [0, 1 + characters.index("l"), 1 + characters.index("7")]] = (-1, 0.6, 0.4)
    blank = np.zeros(len(characters) + 2, np.float32)
    blank[0] = 1
    constants = {"of_ink": of_ink, "blank": blank, "slope": np.float32(-4), "zero": np.float32(0),
                 "one": np.float32(1), "axes": np.array([1])}  # fmt: skip
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[48, 8], strides=[48, 8]),
        helper.make_node("ReduceMean", ["p"], ["m"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["m", "slope"], ["s"]),
        helper.make_node("Clip", ["s", "zero", "one"], ["c"]),
        helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "of_ink"], ["i"]),
        helper.make_node("Add", ["i", "blank"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "recognizer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 48, "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "t", len(of_ink[0])])],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"character": "\n".join(characters)})
    folder = tmp_path / "rapidocr" / "models"
    folder.mkdir(parents=True)
    onnx.save(model, folder / "PP-OCRv6_rec_small.onnx")
    (folder / "PP-OCRv6_det_small.onnx").write_bytes(b"another network")
    (folder.parent / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "rapidocr", raising=False)
    return folder


@pytest.mark.parametrize("light_on_dark", [False, True])
def test_the_network_of_the_package_is_used_without_importing_it(
    package: Path, light_on_dark: bool
) -> None:
    reader = SecondReader(second_opinion.recognizer_file().read_bytes())
    gray = bars(50, 130, 210)
    picture = load_picture(255 - gray if light_on_dark else gray)
    digits = tuple(
        Digit(digit, 0.9, (left, 30, 20, 60), True)
        for digit, left in zip((7, 7, 1), (50, 130, 210), strict=True)
    )
    reading = Reading((Line(digits),), 300, 120, 0)
    assert reader.confirm(reading, picture).text == "77?"
    alone = reader.read_line(gray[20:100, 40:240])
    assert [one.digit for one in alone] == [7, 7, 7]
    assert min(one.confidence for one in alone) > 0.9  # the letter is masked


def test_cells_are_read_without_their_walls(package: Path) -> None:
    reader = SecondReader(second_opinion.recognizer_file().read_bytes())
    picture = load_picture(bars(20, 60, 110, 150, 200))  # wall, digit, wall, digit, wall
    digits = tuple(Digit(7, 0.9, (left, 30, 20, 60), True) for left in (60, 150))
    cells = tuple(
        Cell(0, column, (left, 20, 60, 80), False, (digit,))
        for column, left, digit in zip((0, 1), (45, 135), digits, strict=True)
    )
    line = Reading((Line(digits),), 300, 120, 0)
    assert "?" in reader.confirm(line, picture).text  # walls are read as 7s
    grid = Grid(1, 2, (*cells, Cell(0, 2, (230, 20, 60, 80), True)), (40, 20, 160, 80))
    confirmed = reader.confirm(replace(line, grids=(grid,)), picture)
    assert confirmed.text == "77"
    assert [cell.text for cell in confirmed.grids[0].cells] == ["7", "7", ""]


def test_a_reader_asks_it_once_a_line(package: Path, mnist: Mnist) -> None:
    rng = np.random.default_rng(3)
    picture = page([list(mnist.test_images[:4]), list(mnist.test_images[4:8])], rng=rng)
    plain, checked = Reader().read(picture), Reader(second_opinion=True).read(picture)
    assert [len(line.digits) for line in checked.lines] == [4, 4]
    assert [one.digit for one in checked.digits] == [one.digit for one in plain.digits]
    assert [one.box for one in checked.digits] == [one.box for one in plain.digits]
    assert plain.text.count("?") < checked.text.count("?")


def test_it_pickles_and_serves_threads(package: Path, mnist: Mnist) -> None:
    picture = page([list(mnist.test_images[:4])], rng=np.random.default_rng(3))
    reader = Reader(second_opinion=True)
    expected = reader.read(picture)
    copy = pickle.loads(pickle.dumps(reader))
    assert len(pickle.dumps(copy)) < 10_000_000  # without the second network
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: copy.read(picture).text, range(8))) == {expected.text}
    other = reader.with_classifier(reader.classifier)
    assert other.settings.second_opinion
    assert other.read(picture) == expected


def test_it_is_not_given_on_fields(package: Path, digit_png: Path, shell: Shell) -> None:
    with pytest.raises(UsageError, match="a second opinion is on single digits"):
        Reader(second_opinion=True).read(digit_png, field=Field(length=1))
    code, out, err = shell("read", digit_png, digit_png, "--second-opinion", "--length", 1)
    assert (code, out) == (2, "")
    assert "a second opinion is on single digits, and a field on whole lines" in err


def test_a_single_digit_gets_it_too(package: Path, mnist: Mnist) -> None:
    image = mnist.test_images[mnist.test_labels == 2][0]
    assert Reader().read(image, single=True).text == "2"
    reading = Reader(second_opinion=True).read(image, single=True)
    assert (reading.text, reading.digits[0].digit) == ("?", 2)


def test_long_lines_and_pages_are_bounded(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SecondReader(second_opinion.recognizer_file().read_bytes())
    shapes = []
    run = reader._session.run

    def counted(outputs, inputs):
        shapes.append(inputs["x"].shape)
        return run(outputs, inputs)

    monkeypatch.setattr(reader._session, "run", counted)
    picture = load_picture(np.tile(np.array([[230, 20] * 1000], np.uint8), (60, 1)))
    line = Line(tuple(Digit(7, 0.9, (20 * at, 20, 2, 6), True) for at in range(99)))
    reading = reader.confirm(Reading((line,) * 20, 2000, 60, 0), picture)
    assert {shape[3] for shape in shapes} == {second_opinion.WIDEST}
    assert len(shapes) == second_opinion.MOST_COLUMNS // second_opinion.WIDEST == 16
    assert reading.lines[-1].text == "?" * 99


def test_blank_pictures_are_not_asked_about(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    monkeypatch.setattr(SecondReader, "read_line", lambda *_: pytest.fail("asked"))
    blank = np.full((50, 50), 255, np.uint8)
    for single in (True, False):
        assert not Reader(second_opinion=True).read(blank, single=single).lines


@pytest.mark.parametrize("files", [None, ["PP-OCRv6_det_small.onnx"]], ids=["missing", "other"])
def test_the_missing_extra_is_named(
    files: list[str] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, digit_png: Path,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(second_opinion, "find_spec", lambda _: None)
    if files:
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / files[0]).touch()
        spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
        monkeypatch.setattr(second_opinion, "find_spec", lambda _: spec)
    with pytest.raises(MissingExtraError, match=r'pip install "tenfold\[ocr\]"'):
        Reader(second_opinion=True)
    with pytest.raises(SystemExit) as stopped:
        main(["read", "--second-opinion", str(digit_png)])
    assert stopped.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert 'a second opinion needs more packages: pip install "tenfold[ocr]"' in err


@pytest.mark.engines
@pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra ocr is not installed")
def test_the_real_one_reads_offline_and_says_nothing(
    mnist: Mnist, tmp_path: Path, digit_png: Path
) -> None:
    rng = np.random.default_rng(11)
    second = SecondReader(second_opinion.recognizer_file().read_bytes())
    plain, both = Reader(), Reader(second_opinion=True)
    n = right = accepted = wrong = 0
    for _ in range(12):
        chosen = rng.integers(0, len(mnist.test_images), 5)
        picture = page([list(mnist.test_images[chosen])], rng=rng, gap=0.1)
        wanted = "".join(map(str, mnist.test_labels[chosen]))
        reading = both.read(picture)
        if plain.read(picture).text == wanted:
            n += 1
            right += reading.text == wanted
        accepted += "?" not in reading.text
        wrong += "?" not in reading.text and reading.text != wanted
        alone = second.read_line(picture)
        assert 3 <= len(alone) <= 7
    assert right >= 0.7 * n
    assert wrong <= 1
    assert accepted >= 7
    offline = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "https_proxy": "http://0.0.0.0:1"}
    told = subprocess.run(
        [sys.executable, "-m", "tenfold", "read", "--single", "--second-opinion", str(digit_png)],
        env={**offline, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().isdecimal()
    assert told.stderr == ""
