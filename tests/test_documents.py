"""PDFs and HEIC photos, which need extras."""

import io
import json
import sys
from pathlib import Path

import bombs
import numpy as np
import pytest
from conftest import Mnist, Shell
from PIL import Image
from scenes import page

from tenfold.cli.main import main
from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.decoding import load_pages, load_picture


@pytest.fixture(scope="module")
def numbers(mnist: Mnist) -> list[Image.Image]:
    rng = np.random.default_rng(2)
    lines = ([50_001, 50_002, 50_003], [50_004, 50_007])
    return [Image.fromarray(page([list(mnist.train_images[i])], rng=rng)) for i in lines]


def pdf(pages: list[Image.Image]) -> bytes:
    stream = io.BytesIO()
    pages[0].save(stream, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return stream.getvalue()


def heic(image: Image.Image, **settings: object) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(image.convert("RGB")).save(stream, quality=90, **settings)
    return stream.getvalue()


def test_every_page_of_a_pdf(numbers) -> None:
    pages = list(load_pages(pdf(numbers)))
    assert len(pages) == 2
    for drawn, image in zip(pages, numbers, strict=True):
        assert abs(drawn.width - image.width) <= 2
        gray = np.asarray(Image.fromarray(drawn.gray).resize(image.size)).astype(int)
        assert np.abs(gray - np.asarray(image)).mean() < 4


def test_a_pdf_of_one_page_is_a_picture_and_of_several_is_not(numbers) -> None:
    assert load_picture(pdf(numbers[:1])).width > 100
    with pytest.raises(PictureError, match="several pages"):
        load_picture(pdf(numbers))


def test_a_heic_photo(numbers) -> None:
    picture = load_picture(heic(numbers[0]))
    assert (picture.width, picture.height) == numbers[0].size
    assert np.abs(picture.gray.astype(int) - np.asarray(numbers[0])).mean() < 4


def test_too_many_pixels_are_refused_before_they_are_decoded(numbers) -> None:
    for photo in (heic(numbers[0]), encoded(numbers[0])):
        with pytest.raises(PictureTooLargeError, match=r"435x252 pixels, more than 0\.001 mega"):
            next(load_pages(photo, max_pixels=1000))


def encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("cut", [30, 200, -100])
def test_what_is_cut_short_is_said_to_be(numbers, cut: int) -> None:
    with pytest.raises(PictureError, match=r"damaged|not a picture"):
        load_picture(heic(numbers[0])[:cut])
    with pytest.raises(PictureError, match="PDF, is damaged"):
        load_picture(pdf(numbers[:1])[: min(cut, 200)])


@pytest.mark.parametrize(
    ("module", "extra"), [("pypdfium2", "pdf"), ("pillow_heif", "heic")], ids=str
)
def test_a_missing_extra_is_named(numbers, monkeypatch, module: str, extra: str) -> None:
    data = pdf(numbers[:1]) if extra == "pdf" else heic(numbers[0])
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PictureError, match=rf'pip install "tenfold\[{extra}\]"'):
        load_picture(data)


def test_the_shell_reads_page_after_page(numbers, tmp_path: Path, capsys) -> None:
    (tmp_path / "scan.pdf").write_bytes(pdf(numbers))
    with pytest.raises(SystemExit) as ended:
        main(["read", str(tmp_path / "scan.pdf"), "--annotate", str(tmp_path / "seen")])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert {p.name for p in (tmp_path / "seen").iterdir()} == {"scan.png", "scan-page2.png"}


def test_the_shell_says_which_page_is_damaged(
    digit_png: Path, tmp_path: Path, shell: Shell
) -> None:
    data = bombs.tiff([Image.open(digit_png)] * 2)
    (tmp_path / "scan.tif").write_bytes(data[:-100])
    code, out, _ = shell("read", "--single", tmp_path / "scan.tif", "--json")
    assert code == 1
    pages = json.loads(out)["pictures"]
    assert [(one["page"], one["error"] is None) for one in pages] == [(1, True), (2, False)]


@pytest.mark.parametrize("order", [1, -1])
def test_no_annotated_page_overwrites_a_picture(
    digit_png: Path, tmp_path: Path, shell: Shell, order: int
) -> None:
    digit = Image.open(digit_png)
    digit.save(tmp_path / "scan-page2.png")
    (tmp_path / "scan.tif").write_bytes(bombs.tiff([digit, digit]))
    names = [tmp_path / "scan.tif", tmp_path / "scan-page2.png"][::order]
    assert shell("read", "--single", *names, "--annotate", tmp_path / "seen")[0] == 0
    assert len(list((tmp_path / "seen").iterdir())) == 3


@pytest.mark.parametrize("count", [0, 3])
def test_a_pdf_without_pages_is_refused(count: int, tmp_path: Path, capsys) -> None:
    whole = bombs.pdf(b"")
    data = whole.replace(b"/Kids[3 0 R]/Count 1", b"/Kids[     ]/Count %d" % count)
    assert len(data) == len(whole)
    assert data != whole
    for load in (load_picture, lambda data: list(load_pages(data))):
        with pytest.raises(PictureError, match=r"damaged|page 1"):
            load(data)
    (tmp_path / "empty.pdf").write_bytes(data)
    with pytest.raises(SystemExit, match="1"):
        main(["read", str(tmp_path / "empty.pdf")])
    (line,) = capsys.readouterr().err.splitlines()
    assert "empty.pdf" in line
