import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Mnist
from PIL import Image, ImageDraw
from scenes import page

from tenfold.cli.main import main
from tenfold.errors import PictureError
from tenfold.imaging.decoding import load_picture
from tenfold.reading.annotate import ACCEPTED_COLOR, LEFT_OUT_COLOR, annotate
from tenfold.reading.reader import Reader


@pytest.mark.parametrize("size", [(28, 28), (400, 400), (3000, 3000)], ids=str)
def test_boxes_and_canvases_are_drawn(reader: Reader, mnist, size) -> None:
    digit = Image.fromarray(255 - mnist.train_images[1])
    page = Image.new("L", size, 255)
    page.paste(digit.resize((size[0] // 2, size[1] // 2)), (size[0] // 4, size[1] // 4))
    picture = load_picture(page)
    reading = reader.read_picture(picture, single=True)
    drawn = np.asarray(reading.annotate(picture))
    assert max(drawn.shape) <= 1800
    blue = (drawn == [int(ACCEPTED_COLOR[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2)
    assert blue.any()
    canvas = reading.lines[0].digits[0].canvas
    large = np.kron(canvas, np.ones((3, 3), np.uint8))
    top = drawn.shape[0] - 84 - 24 - 8 - 8 + 8
    np.testing.assert_array_equal(drawn[top : top + 84, 8:92, 0], large)


def test_captions_of_canvases_do_not_touch(reader: Reader, mnist: Mnist, monkeypatch) -> None:
    drawn: list[tuple[float, float, str]] = []

    def text(self: ImageDraw.ImageDraw, place, words, fill, font, *rest, **options) -> None:
        drawn.append((place[0], font.getlength(words), words))

    digits = page([list(mnist.train_images[50_000:50_003])], rng=np.random.default_rng(1))
    picture = load_picture(digits.repeat(3, 0).repeat(3, 1))
    digit = reader.read_picture(picture).lines[0].digits[0]
    sure = replace(digit, confidence=1.0)
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    annotate(picture, [sure], [sure, sure])
    captions = [one for one in drawn if one[2].endswith("%")]
    assert [words for *_, words in captions] == [f"{sure.digit} >99.9%", *["no >99.9%"] * 2]
    left, width, _ = captions[1]
    assert left + width < captions[2][0] - 4


def test_a_blank_is_drawn_as_it_is(reader: Reader) -> None:
    picture = load_picture(np.full((40, 600), 200, np.uint8))
    drawn = np.asarray(reader.read_picture(picture).annotate(picture))
    assert drawn.shape == (40, 600, 3)
    assert (drawn == 200).all()


def test_the_shell_writes_one_file_a_picture(digit_png: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / digit_png.name).write_bytes(digit_png.read_bytes())
    for _ in range(2):  # the second run writes over the first's
        with pytest.raises(SystemExit) as ended:
            main(["read", "--single", "--quiet", str(digit_png), str(other), "--annotate",
                  str(tmp_path / "seen")])  # fmt: skip
        assert ended.value.code == 0
    assert sorted(p.name for p in (tmp_path / "seen").iterdir()) == ["seven-2.png", "seven.png"]


def test_what_was_left_out_is_shown_in_gray(reader: Reader, mnist: Mnist) -> None:
    picture = page([list(mnist.train_images[50_000:50_003])], rng=np.random.default_rng(1))
    cv2.putText(picture, "WERK", (10, 200), cv2.FONT_HERSHEY_DUPLEX, 1.6, 40, 4)
    loaded = load_picture(picture)
    reading = reader.read_picture(loaded)
    assert reading.left_out
    drawn = np.asarray(reading.annotate(loaded))
    gray = tuple(int(LEFT_OUT_COLOR[i : i + 2], 16) for i in (1, 3, 5))
    assert (drawn == gray).all(axis=2).sum() > 100


def blue_of(drawn: np.ndarray) -> np.ndarray:
    return (drawn == [int(ACCEPTED_COLOR[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2)


def test_a_page_that_was_rotated_is_drawn_upright(reader: Reader, mnist: Mnist) -> None:
    upright = page([list(mnist.train_images[50_000:50_008])], rng=np.random.default_rng(1))
    upside_down = np.ascontiguousarray(np.rot90(upright, 2))
    reading = reader.read(upside_down)
    assert reading.orientation == 180
    drawn = np.asarray(reading.annotate(upside_down))
    straight = np.asarray(reader.read(upright).annotate(upright))
    np.testing.assert_allclose(
        np.argwhere(blue_of(drawn)).mean(axis=0), np.argwhere(blue_of(straight)).mean(axis=0),
        atol=5,
    )  # fmt: skip
    paper = drawn[: upright.shape[0], : upright.shape[1], 0].astype(int)
    assert np.abs(paper - upright).mean() < 30


def test_another_picture_is_refused(reader: Reader, digit_png: Path) -> None:
    reading = reader.read(digit_png)
    with pytest.raises(PictureError, match=r"5 x 4 pixels.*give the picture that was read"):
        reading.annotate(np.zeros((4, 5), np.uint8))


def test_a_notebook_shows_the_digits_where_they_stood(reader: Reader, mnist: Mnist) -> None:
    picture = page([list(mnist.train_images[50_000:50_009])] * 2, rng=np.random.default_rng(1))
    reading = reader.read(picture)
    data = reading._repr_png_()
    assert data is not None
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown.shape == np.asarray(reading.annotate(picture)).shape
    for digit in reading.digits:
        x, y, width, height = digit.box
        inside = shown[y + 2 : y + height - 2, x + 2 : x + width - 2, 0]
        assert inside.min() < 100
        assert inside.max() > 200
    assert reader.read(np.full((40, 60), 200, np.uint8))._repr_png_() is None
