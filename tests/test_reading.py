import io
import json
import pickle
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from conftest import Mnist
from PIL import Image

from tenfold.batch.worker import reader_fingerprint, worker_reader
from tenfold.classifiers.base import Classifier
from tenfold.errors import PictureError, UsageError
from tenfold.evaluation.corruptions import corrupt
from tenfold.imaging.canvas import Mark
from tenfold.imaging.decoding import load_picture
from tenfold.reading.marks import classify
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit, Line, Reading, Sign


class Templates(Classifier):
    """Names a canvas after the nearest mean image of MNIST; its score is what a test sets."""

    def __init__(self, mnist: Mnist, score: float = 1.0) -> None:
        means = [mnist.train_images[mnist.train_labels == d][:2000].mean(axis=0) for d in range(10)]
        self.means = np.stack(means).reshape(10, -1)
        self.confidence = score

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28)
        flat = images.reshape(len(images), 1, -1)
        distances = np.linalg.norm(flat - self.means, axis=2) / 100
        powers = np.exp(-(distances - distances.min(axis=1, keepdims=True)))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def digit_score(self, images: np.ndarray) -> np.ndarray:
        return np.full(len(images), self.confidence, dtype=np.float32)


@pytest.fixture(scope="module")
def templates(mnist: Mnist) -> Templates:
    return Templates(mnist)


def scene(image: np.ndarray) -> np.ndarray:
    """A photo as it were: an MNIST digit dark on light, enlarged, off the middle, unevenly lit."""
    large = cv2.resize(image, (224, 224), interpolation=cv2.INTER_CUBIC)
    paper = np.full((400, 600), 220.0)
    paper[100:324, 300:524] -= 0.7 * large
    paper *= np.linspace(0.6, 1.0, 600)
    return np.clip(paper, 0, 255).astype(np.uint8)


def best(reading: Reading) -> int:
    (line,) = reading.lines
    (digit,) = line.digits
    return digit.digit


@pytest.mark.long
def test_scenes_read_as_their_digits_do(mnist: Mnist, templates: Templates) -> None:
    reader = Reader(templates)
    images = mnist.train_images[-200:]
    expected = templates.predict_proba(images).argmax(axis=1)
    assert np.mean(expected == mnist.train_labels[-200:]) > 0.75
    for make, agreement in ((lambda i: i, 0.97), (lambda i: 255 - i, 0.97), (scene, 0.85)):
        read = [best(reader.read(make(image), single=True)) for image in images]
        assert np.mean(read == expected) > agreement


def test_box_is_in_pixels_of_the_upright_picture(mnist: Mnist, templates: Templates) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    large = cv2.resize(scene(mnist.train_images[0]), (3000, 2000))
    stream = io.BytesIO()
    Image.fromarray(np.rot90(large)).save(stream, "JPEG", exif=exif)
    reading = Reader(templates).read(stream.getvalue(), single=True)
    assert (reading.width, reading.height, reading.orientation) == (3000, 2000, 90)
    ink = mnist.train_images[0] > 60
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    left, right = (1500 + 40 * edge for edge in (columns[0], columns[-1] + 1))
    top, bottom = (500 + 40 * edge for edge in (rows[0], rows[-1] + 1))
    x, y, width, height = reading.lines[0].digits[0].box
    found = np.array([x, y, x + width, y + height])
    assert np.abs(found - [left, top, right, bottom]).max() <= 60  # an MNIST pixel is 40


def test_blank_has_no_line(templates: Templates) -> None:
    reading = Reader(templates).read(np.full((30, 50), 255, np.uint8), single=True)
    assert reading == Reading((), 50, 30, 0)
    assert reading.text == ""


@pytest.mark.parametrize(("score", "rejected"), [(0.5, True), (0.95, True), (0.96, False)])
def test_threshold(mnist: Mnist, score: float, rejected: bool) -> None:
    image, classifier = mnist.test_images[0], Templates(mnist, score)
    reading = Reader(classifier).read(image, single=True)
    digit = reading.lines[0].digits[0]
    assert (digit.digit, digit.rejected) == (7, rejected)
    assert reading.text == ("?" if rejected else "7")
    assert not Reader(classifier, threshold=0).read(image, single=True).lines[0].digits[0].rejected
    assert Reader(classifier, threshold=1).read(image, single=True).text == "?"


def test_to_dict_has_the_agreed_shape() -> None:
    digits = (Digit(0, 0.99812, (1, 2, 3, 4), False), Digit(6, 0.3, (5, 6, 7, 8), True))
    signs = (Sign("/", 0.91234, (4, 2, 1, 4)),)
    reading = Reading((Line(digits, signs), Line(digits[:1])), 768, 560, 90)
    assert reading.text == "0?\n0"
    assert json.loads(json.dumps(reading.to_dict())) == {
        "width": 768,
        "height": 560,
        "orientation": 90,
        "error": None,
        "lines": [
            {
                "text": "0?",
                "digits": [
                    {"digit": 0, "confidence": 0.9981, "box": [1, 2, 3, 4], "rejected": False},
                    {"digit": 6, "confidence": 0.3, "box": [5, 6, 7, 8], "rejected": True},
                ],
                "signs": [{"character": "/", "confidence": 0.9123, "box": [4, 2, 1, 4]}],
            },
            {
                "text": "0",
                "digits": [
                    {"digit": 0, "confidence": 0.9981, "box": [1, 2, 3, 4], "rejected": False}
                ],
                "signs": [],
            },
        ],
    }


def test_a_real_reading_goes_into_json(mnist: Mnist, templates: Templates) -> None:
    reading = Reader(templates).read(mnist.test_images[0], single=True)
    assert json.loads(json.dumps(reading.to_dict()))["lines"][0]["text"] == "7"


def test_wrong_use_is_told(templates: Templates) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        Reader(templates).read("no-such-digit.png", single=True)
    for threshold in (-0.1, 1.5, float("nan")):
        with pytest.raises(UsageError, match="from 0 to 1"):
            Reader(templates, threshold=threshold)
    with pytest.raises(UsageError, match=r"of type str; give .*load_classifier\('reader'\)"):
        Reader("tiny")  # type: ignore[arg-type]


def test_the_shipped_classifier_is_loaded_once_when_needed(
    mnist: Mnist, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load_classifier(name: str, *, threads: int) -> Templates:
        asked.append(name)
        return templates

    bundle = types.ModuleType("tenfold.classifiers.bundle")
    bundle.load_classifier = load_classifier  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tenfold.classifiers.bundle", bundle)
    reader = Reader()
    reader.read(np.zeros((9, 9), np.uint8), single=True)
    assert asked == []
    images = list(mnist.test_images[:40])
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: reader.read(image, single=True), images))
    assert asked == ["reader"]
    assert together == [Reader(templates).read(image, single=True) for image in images]


def test_networks_take_no_more_threads_than_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    start = onnxruntime.InferenceSession

    def noted(graph: bytes, options: Any, **rest: Any) -> Any:
        asked.append(options.intra_op_num_threads)
        return start(graph, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    for threads in (1, 3):
        reader = Reader(threads=threads)
        assert reader.classifier
        assert reader.line_reader
    assert asked == [1, 1, 3, 3]
    worker_reader.cache_clear()
    assert worker_reader("reader", reader_fingerprint("reader")).line_reader
    assert asked[4:] == [1, 1]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("drawn", [False, True])
def test_a_digit_may_fill_the_page(reader: Reader, share: float, drawn: bool, mnist) -> None:
    side, ink = round(400 * share), Image.fromarray(255 - mnist.train_images[9][4:24, 4:24])
    sheet = Image.new("L", (400, 400), 255)
    sheet.paste(ink.resize((side, side), Image.Resampling.BICUBIC), ((400 - side) // 2,) * 2)
    picture = load_picture(np.asarray(sheet))
    assert reader.read_picture(picture, drawn=drawn).text == str(mnist.train_labels[9])


@pytest.mark.parametrize("drawn", [False, True])
def test_a_block_is_left_out(reader: Reader, drawn: bool) -> None:
    sheet = np.full((480, 480), 255, np.uint8)
    corners = [(150 + step % 2 * 160, 100 + 5 * step) for step in range(40)]
    cv2.polylines(sheet, [np.array(corners, np.int32)], isClosed=False, color=0, thickness=26)
    reading = reader.read_picture(load_picture(sheet), drawn=drawn)
    assert not reading.lines
    assert len(reading.left_out) == 1


@pytest.mark.long
def test_scribbles_on_a_sheet_are_no_digits(reader: Reader) -> None:
    rng = np.random.default_rng(0)
    left_out = 0
    for _ in range(12):
        sheet = np.full((360, 480), 255, np.uint8)
        corners = rng.uniform((120, 60), (320, 280), (20, 2)).astype(np.int32)
        cv2.polylines(sheet, [corners], isClosed=False, color=20, thickness=8)
        reading = reader.read_picture(load_picture(sheet), drawn=True)
        left_out += not reading.lines and bool(reading.left_out)
    assert left_out >= 10


def test_an_image_as_mnist_has_them_is_judged_as_it_is_too(reader: Reader, mnist: Mnist) -> None:
    images, labels = mnist.test_images[:40], mnist.test_labels[:40]
    for corrupted, least in ((corrupt(images, "stripe"), 36), (255 - images, 39), (images, 39)):
        answers = [reader.read(image, single=True).lines[0].digits[0] for image in corrupted]
        right = sum(answer.digit == label for answer, label in zip(answers, labels, strict=True))
        assert right >= least


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_a_reader_can_be_pickled(mnist: Mnist, used: bool) -> None:
    reader = Reader(threshold=0.5)
    picture = scene(mnist.test_images[0])
    if used:
        reader.read(picture)
        _ = reader.line_reader
    other = pickle.loads(pickle.dumps(reader))
    assert other.read(picture) == reader.read(picture)
    assert other.settings == reader.settings
    assert "threshold=0.5" in repr(other)
    assert (
        repr(other)
        == repr(reader)
        == (
            "<Reader: <OnnxClassifier: reader, 10 classes 0, 1, 2, 3, 4, ...>, "
            "whole_lines=True, threshold=0.5>"
        )
    )


@pytest.mark.parametrize(("high", "rejected"), [(4, True), (5, False)])
def test_a_speck_is_rejected(high: int, rejected: bool, reader: Reader, mnist: Mnist) -> None:
    zero = mnist.train_images[mnist.train_labels == 0][0].astype(np.float32) / 255
    picture = load_picture(np.full((60, 60), 255, np.uint8))
    mark = Mark(zero, (20, 20, 4, high))
    ((digit, score),) = classify([mark], picture, reader.classifier, reader.threshold)
    assert score > reader.threshold
    assert digit.rejected is rejected
