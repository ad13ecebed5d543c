"""Files made to take time or memory: decoding is ended, and the next picture is read."""

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bombs
import numpy as np
import pytest
from PIL import Image

from tenfold.errors import PictureBusyError, PictureError, PictureTooLargeError
from tenfold.imaging.decoding import load_pages, load_picture
from tenfold.imaging.documents import webp_pixels
from tenfold.imaging.isolation import Cancellation, Limits
from tenfold.imaging.memory_budget import MemoryBudget
from tenfold.imaging.processes import POOL
from tenfold.reading.reader import Reader

GOOD = bombs.pdf(b"100 100 60 300 re f")
SHORT = Limits(seconds=0.5)
SMALL = Limits(memory_bytes=100_000_000)


def check_good() -> None:
    assert load_picture(GOOD).gray.shape == (1945, 1945)


@pytest.mark.parametrize(
    ("bomb", "limits", "message"),
    [
        (bombs.nested_forms, SHORT, "page 1 of the picture took longer than 0.5 s to decode"),
        (bombs.many_fills, SHORT, "page 1 of the picture took longer than 0.5 s to decode"),
        (bombs.nested_forms, SMALL, "needs more than 0.1 GB of memory"),
        (bombs.inflating_stream, SMALL, "needs more than 0.1 GB of memory"),
    ],
)
def test_a_bomb_is_an_error_and_the_next_picture_is_read(bomb, limits, message: str) -> None:
    data = bomb()
    check_good()
    started = time.monotonic()
    with pytest.raises(PictureError, match=message) as caught:
        list(load_pages(data, limits=limits))
    assert time.monotonic() - started < 10
    assert "\n" not in str(caught.value)
    check_good()


def test_reader_has_the_limits_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limits.__init__, "__defaults__", (1.0, 10**9, 10_000, None))
    reader = Reader()
    with pytest.raises(PictureError, match="longer than 1 s"):
        reader.read(bombs.nested_forms())
    assert reader.read(GOOD).width == 1945


def test_memory_for_pixels_is_limited() -> None:
    wide = bombs.tiff([Image.new("RGB", (6000, 6000))], compression="tiff_lzw")
    assert next(load_pages(wide)).width == 6000
    with pytest.raises(PictureError, match=r"the picture needs more than 0\.05 GB of memory"):
        next(load_pages(wide, limits=Limits(memory_bytes=50_000_000)))


def test_a_budget_is_kept_by_all_files_together() -> None:
    wide = bombs.tiff([Image.new("RGB", (6000, 6000))] * 2, compression="tiff_lzw")
    limits = Limits(budget=MemoryBudget(300_000_000))
    assert [page.width for page in load_pages(wide, limits=limits)] == [6000, 6000]
    little = bombs.tiff([Image.new("L", (40, 30))] * 2)
    small = Limits(budget=MemoryBudget(60_000_000))
    with pytest.raises(PictureError, match=r"the picture needs more than 0\.06 GB of memory"):
        list(load_pages(wide, limits=small))
    assert len(list(load_pages(GOOD, limits=small))) == 1
    pages = load_pages(little, limits=small)
    next(pages)  # keeps its part, while the file is open
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(load_pages(wide, limits=small)))
        assert len(list(load_pages(little, limits=small))) == 2
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        with pytest.raises(PictureBusyError, match="another large picture"):
            list(load_pages(wide, limits=small))
        pages.close()
        with pytest.raises(PictureError, match="memory"):
            waiting.result()


@pytest.mark.parametrize("kind", ["WEBP", "HEIF"])
def test_libraries_that_hide_a_lack_of_memory(kind: str) -> None:
    file, image = io.BytesIO(), Image.new("L", (4000, 2500))
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").from_pillow(image).save(file)
    else:
        image.save(file, kind)
    assert next(load_pages(file.getvalue())).width == 4000
    limits = Limits(budget=MemoryBudget(300_000_000))  # a third is too little
    assert next(load_pages(file.getvalue(), limits=limits)).width == 4000
    with pytest.raises(PictureError, match=r"needs more than 0\.06 GB of memory"):
        next(load_pages(file.getvalue(), limits=Limits(memory_bytes=60_000_000)))


@pytest.mark.parametrize("settings", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_size_of_a_webp(settings) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200)).save(file, "WEBP", **settings)
    assert webp_pixels(file.getvalue()) == 60_000


def test_scans_of_a_jpeg_are_counted_before_they_are_decoded() -> None:
    assert load_picture(bombs.progressive_jpeg(50)).width == 64
    with pytest.raises(PictureTooLargeError, match="JPEG of 2000 scans, more than 50"):
        load_picture(bombs.progressive_jpeg(2000))
    # What looks like a scan within a segment is none.
    data = bombs.progressive_jpeg(50)
    comment = b"\xff\xda" * 100
    header = b"\xff\xfe" + (len(comment) + 2).to_bytes(2)
    assert load_picture(data[:2] + header + comment + data[2:]).width == 64


def test_every_page_of_a_tiff() -> None:
    pages = [Image.new("L", (40 + n, 30), 50 * n) for n in range(4)]
    loaded = list(load_pages(bombs.tiff(pages)))
    assert [(page.width, int(page.gray[0, 0])) for page in loaded] == [
        (40, 0), (41, 50), (42, 100), (43, 150)
    ]  # fmt: skip
    with pytest.raises(PictureError, match="several pages"):
        load_picture(bombs.tiff(pages))
    with pytest.raises(PictureTooLargeError, match="more than 3 pages"):
        list(load_pages(bombs.tiff(pages), limits=Limits(pages=3)))


@pytest.mark.parametrize(
    ("kinds", "pages"), [((0, 1), [40]), ((1, 0), [41]), ((4, 1, 0, 1), [42]), ((1, 1), [40])]
)
def test_a_reduced_copy_in_a_tiff_is_no_page(kinds: tuple[int, ...], pages: list[int]) -> None:
    file = io.BytesIO()
    first, *others = (Image.new("L", (40 + n, 30)) for n in range(len(kinds)))
    for other, kind in zip(others, kinds[1:], strict=True):
        other.encoderinfo = {"tiffinfo": {254: kind}}
    first.save(file, "TIFF", save_all=True, append_images=others, tiffinfo={254: kinds[0]})
    assert [page.width for page in load_pages(file.getvalue())] == pages


def test_a_later_page_with_too_many_pixels_or_without_end_is_named() -> None:
    pages = [Image.new("L", (40, 30)), Image.new("L", (400, 300))]
    with pytest.raises(PictureTooLargeError, match="page 2 of the picture is too large: 400x300"):
        list(load_pages(bombs.tiff(pages), max_pixels=2000))
    with pytest.raises(PictureError):
        list(load_pages(bombs.tiff(pages)[:-200]))
    with pytest.raises(PictureTooLargeError, match="megapixels"):
        load_picture(bombs.huge_tiff(50_000, 50_000))


def test_several_threads_decode_at_once() -> None:
    files = [bombs.tiff([Image.new("L", (20, 20), n)] * 2) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda data: [int(p.gray[0, 0]) for p in load_pages(data)], files))
    assert read == [[n, n] for n in range(8)]
    # In turn, in one thread:
    pairs = zip(load_pages(files[3]), load_pages(files[5]), strict=True)
    assert [(int(a.gray[0, 0]), int(b.gray[0, 0])) for a, b in pairs] == [(3, 5)] * 2


def test_decoding_is_canceled_from_another_thread() -> None:
    cancellation = Cancellation()
    started = time.monotonic()
    threading.Timer(0.5, cancellation.cancel).start()
    with cancellation.applied(), pytest.raises(PictureError, match="canceled"):
        load_picture(bombs.nested_forms())
    assert time.monotonic() - started < 5
    with cancellation.applied(), pytest.raises(PictureError, match="canceled"):
        load_picture(GOOD)
    check_good()


def test_a_killed_worker_is_replaced() -> None:
    check_good()
    for worker in list(POOL._live):
        worker._process.kill()
        worker._process.wait()
    check_good()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_has_workers_of_its_own() -> None:
    script = f"""
import os
from tenfold.imaging.decoding import load_picture
data = {GOOD!r}
load_picture(data)
child = os.fork()
assert load_picture(data).width == 1945
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_script_without_a_guard_may_read_a_pdf(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the current folder ran')")
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "script.py").write_text(
        f"import tenfold\nprint(tenfold.Reader().read({GOOD!r}).width)\n"
    )
    done = subprocess.run(
        [sys.executable, str(folder / "script.py")],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["1945"], done.stderr


def test_pictures_of_simple_formats_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(POOL, "take", None)
    for kind in ("PNG", "JPEG", "BMP", "GIF"):
        file = io.BytesIO()
        Image.fromarray(np.zeros((20, 20), np.uint8)).save(file, kind)
        assert load_picture(file.getvalue()).width == 20
