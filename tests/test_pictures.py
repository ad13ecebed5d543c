import io
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tenfold.errors import PictureError
from tenfold.imaging import decoding as pictures
from tenfold.imaging.decoding import PictureSource, load_picture
from tenfold.imaging.gray import DITHER_BLUR

DIGIT = np.full((40, 30), 200, dtype=np.uint8)
DIGIT[5:25, 10:14] = 40
DIGIT[5:9, 10:22] = 40
"""No symmetry: every turn of it looks different."""


def encode(image: Image.Image, form: str, **settings: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **settings)
    return stream.getvalue()


def png(array: np.ndarray) -> bytes:
    return encode(Image.fromarray(array), "PNG")


def close(gray: np.ndarray, expected: np.ndarray = DIGIT) -> bool:
    return gray.shape == expected.shape and np.abs(gray.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_format(form: str) -> None:
    picture = load_picture(encode(Image.fromarray(DIGIT), form))
    assert picture.gray.dtype == np.uint8
    assert (picture.width, picture.height, picture.orientation) == (30, 40, 0)
    assert close(picture.gray)


def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    path.write_bytes(png(DIGIT))
    data = path.read_bytes()
    sources: list[PictureSource] = [path, str(path), data, io.BytesIO(data)]
    sources += [Image.open(path), Image.fromarray(DIGIT), DIGIT]
    sources += [np.dstack([DIGIT] * 3), np.dstack([*[DIGIT] * 3, np.full_like(DIGIT, 255)])]
    for source in sources:
        assert np.array_equal(load_picture(source).gray, DIGIT)


@pytest.mark.parametrize("mode", ["1", "RGB", "CMYK", "P", "LA", "RGBA", "YCbCr"])
def test_every_mode(mode: str) -> None:
    bilevel = np.where(DIGIT > 100, 255, 0).astype(np.uint8)
    image = Image.fromarray(bilevel).convert(mode)
    form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    assert close(load_picture(encode(image, form)).gray, bilevel)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bits_are_scaled_not_clipped(form: str) -> None:
    deep = DIGIT.astype(np.uint16) * 20 + 1000  # 12 bits' worth, all above 255
    gray = load_picture(encode(Image.fromarray(deep), form)).gray
    assert (gray.min(), gray.max()) == (0, 255)
    assert np.array_equal(gray > 128, DIGIT > 120)


def test_flat_16_bits_are_flat() -> None:
    assert np.ptp(load_picture(png(np.full((5, 5), 3000, dtype=np.uint16))).gray) == 0


@pytest.mark.parametrize("ink", [0, 60, 200, 255])
def test_strokes_on_nothing_contrast_with_their_ground(ink: int) -> None:
    strokes = DIGIT < 100
    rgba = np.zeros((*DIGIT.shape, 4), dtype=np.uint8)
    rgba[..., :3], rgba[..., 3] = ink, strokes * 255
    gray = load_picture(png(rgba)).gray.astype(int)
    assert np.abs(gray[strokes].mean() - gray[~strokes].mean()) > 120


def test_transparent_corners_of_paper_become_paper() -> None:
    rgba = np.dstack([*[DIGIT] * 3, np.full_like(DIGIT, 255)])
    rgba[:4, :4] = 0
    assert np.array_equal(load_picture(png(rgba)).gray, DIGIT)


TURNS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(("tag", "degrees"), TURNS.items())
def test_exif_orientation(tag: int, degrees: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    data = encode(Image.fromarray(DIGIT), form, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = load_picture(data)
    assert np.array_equal(picture.gray, upright)
    assert (picture.height, picture.width) == upright.shape
    assert picture.orientation == degrees
    # Except for mirroring, the orientation is the rotation that was applied.
    unmirrored = upright[:, ::-1] if tag in (2, 4, 5, 7) else upright
    stored = DIGIT[:, ::-1] if tag in (5, 7) else DIGIT
    rotated = np.rot90(stored, -degrees // 90)
    assert np.array_equal(rotated, upright if tag in (5, 7) else unmirrored)


def test_first_frame_of_an_animation() -> None:
    first, second = Image.fromarray(DIGIT).convert("P"), Image.new("P", (30, 40))
    assert close(load_picture(encode(first, "GIF", save_all=True, append_images=[second])).gray)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_large_pictures_are_reduced_and_keep_their_size(form: str) -> None:
    large = np.full((1500, 5000), 220, dtype=np.uint8)
    large[500:1000, 2000:2500] = 30
    picture = load_picture(encode(Image.fromarray(large), form), max_side=1000)
    assert picture.gray.shape == (300, 1000)
    assert (picture.width, picture.height) == (5000, 1500)
    assert np.abs(picture.gray.astype(int) - large[::5, ::5]).mean() < 3


def test_a_picture_given_by_pillow_is_left_as_it_was() -> None:
    image = Image.open(io.BytesIO(encode(Image.fromarray(np.dstack([DIGIT] * 3)), "JPEG")))
    load_picture(image, max_side=8)
    assert (image.mode, image.size) == ("RGB", (30, 40))


def message(source: Any) -> str:
    with pytest.raises(PictureError) as caught:
        load_picture(source)
    text = str(caught.value)
    assert text
    assert text.isprintable()  # one line, then
    return text


def test_paths_that_are_no_pictures(tmp_path: Path) -> None:
    files = {
        "empty.png": (b"", "is empty"),
        "text.png": (b"a letter to a friend", "is not a picture"),
        "cut.jpg": (encode(Image.effect_noise((90, 90), 50), "JPEG")[:1500], "cut short"),
        "cut.png": (encode(Image.effect_noise((90, 90), 50), "PNG")[:1500], "damaged"),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture"),
        "portable.ppm": (b"P5 1 1 255 \x00", "is not a picture"),
    }
    for name, (content, reason) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert str(path) in message(path)
        assert reason in message(path)
    assert "is a folder" in message(tmp_path)
    assert "does not exist" in message(tmp_path / "nowhere.png")
    assert "cannot be read" in message("a\0b\nc")
    message("")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(png(DIGIT))
    path.chmod(0)
    assert "permission denied" in message(path)


def test_no_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied" in message(tmp_path / "secret.png")


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(png(DIGIT))
    data[data.index(b"IEND") - 5] ^= 1  # the last byte of IDAT's checksum
    assert "damaged" in message(bytes(data))


def test_wrong_arrays_and_objects() -> None:
    assert "float32" in message(DIGIT.astype(np.float32))
    assert "bool" in message(DIGIT > 100)
    assert "(40,)" in message(DIGIT[:, 0])
    assert "(4, 4, 2)" in message(np.zeros((4, 4, 2), np.uint8))
    assert "(0, 4)" in message(np.zeros((0, 4), np.uint8))
    assert "NoneType" in message(None)
    assert "binary" in message(io.StringIO("text"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_finite_numbers_are_refused(value: float) -> None:
    pixels = DIGIT.astype(np.float32)
    assert load_picture(encode(Image.fromarray(pixels), "TIFF")).gray.max() == 255
    pixels[0, 0] = value
    image = Image.fromarray(pixels)
    for source in (image, encode(image, "TIFF")):
        assert message(source) == (
            "the picture has pixels that are NaN or infinite: give finite values"
        )


def test_too_many_pixels_are_refused_from_the_header() -> None:
    assert "20000x6000" in message(encode(Image.new("1", (20000, 6000)), "PNG"))
    # Twice Pillow's own limit, where it warns no more but raises.
    assert "too large" in message(encode(Image.new("1", (20000, 18000)), "PNG"))


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    assert "too large" in message(png(DIGIT))


def test_a_hundred_megapixels_pass_without_pillows_warning() -> None:
    # Above Pillow's own 89 megapixels it would warn, and warnings are errors here.
    picture = load_picture(encode(Image.new("1", (10000, 10000), 1), "PNG"))
    assert picture.gray.shape == (2048, 2048)


def test_broken_metadata_costs_nothing() -> None:
    image = Image.fromarray(DIGIT)
    assert close(load_picture(encode(image, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")).gray)
    assert close(load_picture(encode(image, "PNG", exif=b"nonsense")).gray)


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    data, before = png(DIGIT), list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [load_picture(data) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_pixels_of_0_and_1_are_never_read_silently() -> None:
    picture = np.zeros((40, 30), np.uint8)
    assert load_picture(picture).width == 30
    picture[10:20, 10:20] = 1
    with pytest.raises(PictureError, match="largest value of the picture is 1, but white is 255"):
        load_picture(picture)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_dithered_grays_are_grays(mode: str) -> None:
    across = np.linspace(90, 250, 300).astype(np.uint8)
    shaded = np.tile(across, (120, 1))
    shaded[40:60, 100:200] = 20
    dithered = encode(Image.fromarray(shaded).convert("1").convert(mode), "PNG")
    gray = load_picture(dithered).gray.astype(int)
    inside = np.s_[5:-5, 5:-5]
    apart = np.abs(gray - cv2.GaussianBlur(shaded, (0, 0), DITHER_BLUR))[inside]
    assert apart.mean() < 15
    assert np.percentile(apart, 99) < 60


def test_thin_strokes_in_two_grays_stay_sharp() -> None:
    drawn = np.full((40, 40), 255, np.uint8)
    cv2.line(drawn, (5, 5), (35, 35), 0, 1)
    drawn[::13, 3] = 0  # a few specks
    np.testing.assert_array_equal(load_picture(drawn).gray, drawn)


def test_a_small_picture_of_many_grays_stays_sharp() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    np.testing.assert_array_equal(load_picture(noisy).gray, noisy)
