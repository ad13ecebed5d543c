"""Small files that take very long or very much memory to decode."""

import io
import struct
import zlib

from PIL import Image


def pdf(content: bytes, *objects: bytes, resources: bytes = b"<<>>", flate: bool = False) -> bytes:
    """Return a PDF of one page; `objects` get the numbers from 5."""
    if flate:
        content = zlib.compress(content, 9)
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 700 700]/Contents 4 0 R/Resources%s>>" % resources,
        stream(content, b"/Filter/FlateDecode" if flate else b""),
        *objects,
    ]
    file, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return file + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (size, table, size, len(file))
    )


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), more, content)


def nested_forms(depth: int = 24) -> bytes:
    """Return a PDF of 3 kB whose forms draw 2^depth rectangles."""
    forms = []
    for number in range(depth):
        last = number == depth - 1
        inner = b"" if last else b"/XObject<</F %d 0 R>>" % (6 + number)
        more = b"/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources<<%s>>" % inner
        forms.append(stream(b"0 0 10 10 re f" if last else b"/F Do /F Do", more))
    return pdf(b"/F Do", *forms, resources=b"<</XObject<</F 5 0 R>>>>")


def many_fills(count: int = 3_000_000) -> bytes:
    return pdf(b"0 0 700 700 re f " * count, flate=True)


def inflating_stream(size: int = 250_000_000) -> bytes:
    packer = zlib.compressobj(1)
    block = b" " * 1_000_000
    content = b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()
    return pdf(b"").replace(
        stream(b""), stream(content, b"/Filter/FlateDecode")
    )  # the table of objects is wrong after it, which PDFium repairs


def progressive_jpeg(scans: int, side: int = 64) -> bytes:
    """Return a progressive JPEG whose last scan is repeated until it has `scans`."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(file, "JPEG", progressive=True)
    data = file.getvalue()
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    body, last = data[:-2], data[starts[-1] : -2]
    return body + last * (scans - len(starts)) + b"\xff\xd9"


def tiff(pages: list[Image.Image], **settings: object) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], **settings)
    return file.getvalue()


def huge_tiff(width: int, height: int) -> bytes:
    """Return a TIFF whose header claims a size."""
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 100),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(300)
