"""Lines of digits read as a whole."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Mnist
from PIL import Image, ImageDraw, ImageFont
from scenes import crop, page

from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.imaging.canvas import Mark
from tenfold.reading.line_reader import STEP, STRIP_HEIGHT, LineReader, joined_marks, to_strip
from tenfold.reading.reader import Reader

WORDS = "quick brown fox jumps over lazy dogs Total Amount bills Solo bliss October zoo Gold soil"

NUMBER = (["7104"], ["7?04"])
"""What the first test images show; the 1 leans like a slash, and may be rejected."""


@pytest.fixture(scope="module")
def line_reader() -> LineReader:
    return LineReader(load_bundle("reader").read(LINE))


def joined(images: list[np.ndarray], height: int) -> np.ndarray:
    """Return digits side by side, each a little over the one before, float32 0 to 1."""
    marks = [crop(image, height) for image in images]
    overlap = round(0.05 * height)
    ink = np.zeros((height, sum(mark.shape[1] for mark in marks)), np.float32)
    x = 0
    for mark in marks:
        part = ink[:, x : x + mark.shape[1]]
        np.maximum(part, mark, out=part)
        x += mark.shape[1] - overlap
    return ink[:, : x + overlap]


@pytest.mark.parametrize("height", [24, 60])
def test_digits_that_touch(mnist: Mnist, line_reader: LineReader, height: int) -> None:
    rng = np.random.default_rng(2)
    right = 0
    for _ in range(40):
        chosen = rng.integers(0, len(mnist.test_images), 4)
        ink = joined(list(mnist.test_images[chosen]), height)
        mark = Mark(ink, (10, 20, ink.shape[1], height))
        found = line_reader.read_line(mark, height, height / 2).characters
        right += [int(one.digit) for one in found if one.is_digit] == mnist.test_labels[
            chosen
        ].tolist()
        lefts = [one.mark.box[0] for one in found]
        assert lefts == sorted(lefts)
        for one in found:
            x, y, wide, high = one.mark.box
            assert one.mark.ink.shape == (high, wide)
            assert x >= 10
            assert x + wide <= 10 + ink.shape[1]
            assert y >= 20
            assert y + high <= 20 + height
            assert 0 < one.confidence <= 1
    assert right >= 30


def test_paper_alone_holds_nothing(line_reader: LineReader) -> None:
    assert line_reader.read_strip(np.zeros((STRIP_HEIGHT, 96), np.uint8)) == ""
    blank = Mark(np.zeros((40, 200), np.float32), (0, 0, 200, 40))
    assert line_reader.read_line(blank, 40, 20).characters == ()
    assert line_reader.read_picture_of_line(blank.ink).characters == ()


def test_a_strip_has_whole_steps_and_keeps_thin_strokes() -> None:
    ink = np.zeros((300, 701), np.float32)
    cv2.line(ink, (350, 0), (350, 299), 1.0, 9)
    strip = to_strip(ink, 0.08, 150)
    assert strip.shape[0] == STRIP_HEIGHT
    assert strip.shape[1] % STEP == 0
    assert strip.max() > 100


@pytest.mark.parametrize(
    ("font", "pages"),
    [
        ("DejaVuSans.ttf", 1),
        pytest.param("DejaVuSans.ttf", 3, marks=pytest.mark.slow),
        pytest.param("DejaVuSerif.ttf", 3, marks=pytest.mark.slow),
        pytest.param("DejaVuSansMono.ttf", 3, marks=pytest.mark.slow),
    ],
)
def test_words_are_no_digits(reader: Reader, font: str, pages: int) -> None:
    # Fonts that the network has not seen (it knows OpenCV's and Pillow's).
    folder = Path(pytest.importorskip("matplotlib").get_data_path()) / "fonts" / "ttf"
    rng = np.random.default_rng(4)
    something = 0
    for _ in range(pages):
        picture = Image.new("L", (700, 240), 235)
        for row in range(4):
            text = " ".join(rng.choice(WORDS.split(), 4))
            face = ImageFont.truetype(str(folder / font), int(rng.integers(22, 36)))
            ImageDraw.Draw(picture).text((20, 15 + 55 * row), text, fill=40, font=face)
        something += bool(reader.read(picture).lines)
    assert something <= pages // 3


def test_a_number_among_words_is_read(reader: Reader, mnist: Mnist) -> None:
    images = [mnist.test_images[i] for i in (0, 2, 3, 4)]
    picture = Image.fromarray(page([images], rng=np.random.default_rng(2), height=40))
    wide = Image.new("L", (picture.width, picture.height + 120), 225)
    wide.paste(picture, (0, 120))
    for row, text in enumerate(("Total amount", "Solo, bolls")):
        place = (20, 10 + 50 * row)
        ImageDraw.Draw(wide).text(place, text, fill=40, font=ImageFont.load_default(32))
    reading = reader.read(wide)
    assert [line.text for line in reading.lines] in NUMBER


@pytest.mark.parametrize("font", ["DejaVuSans.ttf", "DejaVuSerif.ttf"])
@pytest.mark.parametrize("behind", [True, False])
def test_a_number_beside_a_word_is_read(
    reader: Reader, mnist: Mnist, font: str, *, behind: bool
) -> None:
    folder = Path(pytest.importorskip("matplotlib").get_data_path()) / "fonts" / "ttf"
    images = [mnist.test_images[i] for i in (0, 2, 3, 4)]
    number = Image.fromarray(page([images], rng=np.random.default_rng(2), height=40))
    wide = Image.new("L", (number.width + 220, number.height), 225)
    wide.paste(number, (220 if behind else 0, 0))
    face = ImageFont.truetype(str(folder / font), 44)
    pen, foot = ImageDraw.Draw(wide), round(0.62 * number.height)
    pen.text((30 if behind else number.width, foot), "Amount", fill=40, font=face, anchor="ls")
    reading = reader.read(wide)
    assert [line.text for line in reading.lines] in NUMBER
    assert {digit.digit for line in reading.lines for digit in line.digits} == {0, 1, 4, 7}
    assert len(reading.left_out) >= 4


def test_marks_of_a_line_become_one() -> None:
    ink = np.ones((10, 5), np.float32)
    marks = [Mark(ink, (3, 7, 5, 10)), Mark(ink, (20, 5, 5, 10))]
    whole, height, middle = joined_marks(marks, 0.68)
    assert whole.box == (3, 5, 22, 12)
    assert whole.ink.sum() == 100
    assert height == 10
    assert middle == 6
    dot = Mark(ink[:2, :2], (12, 15, 2, 2))
    assert joined_marks(marks, 0.68, [dot])[1:] == (height, middle)
    assert joined_marks(marks, 0.68, [dot])[0].ink.sum() == 104


def test_a_reader_reads_more_pages_with_it(mnist: Mnist) -> None:
    rng = np.random.default_rng(4)
    readers = [Reader(whole_lines=way) for way in (True, False)]
    right = [0, 0]
    for _ in range(12):
        chosen = rng.integers(0, len(mnist.test_images), 5)
        images = list(mnist.test_images[chosen])
        picture = page([images], rng=rng, gap=-0.05, rules="ruled")
        wanted = "".join(map(str, mnist.test_labels[chosen]))
        for place, reader in enumerate(readers):
            lines = reader.read(picture).lines
            text = "".join(str(digit.digit) for line in lines for digit in line.digits)
            right[place] += text == wanted
    assert right[0] >= right[1]
    assert right[0] >= 7
