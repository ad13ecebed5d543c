"""Other readers of text, called in one way: tesseract, and RapidOCR as it comes or restricted."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.scoring.picture_sets import LabeledPicture

CHARACTERS = "0123456789.,-/"
"""What the restricted RapidOCR may read; signs are left out of what it returns."""

Peer = Callable[[LabeledPicture], list[str]]
"""Returns the lines of text in a picture, top to bottom."""


def load_peers() -> dict[str, Peer]:
    """Return the readers by name and version.

    Raises:
        SystemExit: The program tesseract or the package rapidocr is not installed.
    """
    try:
        newest = f"RapidOCR {version('rapidocr')}"
    except PackageNotFoundError:
        raise SystemExit(
            'rapidocr is not installed: pip install "tenfold[ocr]", or give --part tenfold'
        ) from None
    return {
        f"tesseract {_version_of_tesseract()}": tesseract(),
        newest: rapidocr(),
        f"{newest}, restricted": rapidocr(CHARACTERS),
    }


def digits_read(read: Peer, sample: LabeledPicture) -> list[str]:
    """Return the lines of digits that a peer reads, compared as `Outcome` compares ours."""
    lines = ["".join(c for c in line if c in CHARACTERS[:10]) for line in read(sample)]
    lines = [line for line in lines if line]
    return ["".join(lines)] if sample.joined or sample.single else lines


def tesseract() -> Peer:
    """Return tesseract, restricted to digits: a single digit, a line, or a block of lines."""
    program = _tesseract()

    def read(sample: LabeledPicture) -> list[str]:
        layout = "10" if sample.single else "7" if sample.joined else "6"
        command = [program, "stdin", "stdout", "--psm", layout]
        command += ["-c", "tessedit_char_whitelist=0123456789"]
        told = subprocess.run(command, input=_encoded(sample), capture_output=True, check=True)
        return told.stdout.decode().splitlines()

    return read


def _tesseract() -> str:
    program = shutil.which("tesseract")
    if program is None:
        raise SystemExit(
            "the program tesseract is not installed: install it, or give --part tenfold"
        )
    return program


def _version_of_tesseract() -> str:
    told = subprocess.run([_tesseract(), "--version"], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


def rapidocr(characters: str = "") -> Peer:
    """Return RapidOCR: recognition only for a digit or a line, with detection for a page.

    Args:
        characters: The only ones that it may read; none means all.
    """
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})
    if characters:
        engine(np.full((48, 48, 3), 255, np.uint8), use_det=False, use_cls=False)  # loads it
        recognizer = engine.text_rec
        recognizer.postprocess_op = _restricted(recognizer.postprocess_op, characters)

    def read(sample: LabeledPicture) -> list[str]:
        one_line = sample.single or sample.joined
        found = engine(sample.picture, use_det=not one_line, use_cls=False)
        texts = list(found.txts or ())
        return texts if one_line or not texts else _in_rows(texts, found.boxes)

    return read


def _in_rows(texts: Sequence[str], boxes: NDArray[np.float32]) -> list[str]:
    """Join the texts that stand side by side, as our labels do, into one line each.

    Args:
        texts: One for each box.
        boxes: The corners of each box as x and y, (n, 4, 2).
    """
    tops, bottoms, lefts = boxes[..., 1].min(1), boxes[..., 1].max(1), boxes[..., 0].min(1)
    rows: list[list[int]] = []
    for box in np.argsort(tops + bottoms):
        middle = (tops[box] + bottoms[box]) / 2
        if rows and middle < bottoms[rows[-1][0]]:
            rows[-1].append(box)
        else:
            rows.append([box])
    return ["".join(texts[box] for box in sorted(row, key=lambda one: lefts[one])) for row in rows]


def _restricted(decode: Any, characters: str) -> Callable[..., Any]:
    """Return a decoder that sees the probabilities of the blank and of some characters alone."""
    kept = [0, *(decode.dict[one] for one in characters)]

    def decode_restricted(probabilities: NDArray[np.float32], *more: Any, **named: Any) -> Any:
        masked = np.zeros_like(probabilities)
        masked[..., kept] = probabilities[..., kept]
        return decode(masked, *more, **named)

    return decode_restricted


def _encoded(sample: LabeledPicture) -> bytes:
    """Return a picture as the bytes of a file."""
    if isinstance(sample.picture, Path):
        return sample.picture.read_bytes()
    _, data = cv2.imencode(".png", sample.picture)
    return data.tobytes()
