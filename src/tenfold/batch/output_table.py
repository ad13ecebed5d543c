"""The output's rows as Arrow tables, made column by column."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import SIDE, Images, Probabilities
from tenfold.reading.results import REJECTED, Reading

_CHARACTERS = [*"0123456789", REJECTED, ""]
_REJECTED_CODE, _BLANK_CODE = 10, 11
"""Positions in `_CHARACTERS`."""


def schema() -> Any:
    """Return the columns of the output, as a pyarrow schema."""
    import pyarrow as pa

    digit = pa.struct(
        {
            "digit": pa.int8(),
            "confidence": pa.float32(),
            "box": pa.list_(pa.int32()),
            "rejected": pa.bool_(),
        }
    )
    return pa.schema(
        {
            "source": pa.string(),
            "index": pa.int64(),
            "text": pa.string(),
            "confidence": pa.float32(),
            "digits": pa.list_(digit),
            "error": pa.string(),
        }
    )


def image_rows(
    source: str,
    first: int,
    images: Images,
    scored: tuple[Probabilities, NDArray[np.float32]],
    threshold: float,
) -> Any:
    """Return one row per image, without making Python objects for them.

    Args:
        source: Entry of the column `source`.
        first: Index of the first image.
        images: uint8 (n, 28, 28), white ink on black. An image without ink has no digit.
        scored: Probabilities, float32 (n, 10), and digit scores, float32 (n,).
        threshold: A digit with a lower score is rejected, 0 to 1.

    Returns:
        A pyarrow table of n rows; every box is the whole image.
    """
    import pyarrow as pa

    probabilities, scores = scored
    count = len(images)
    inked = images.reshape(count, -1).max(axis=1) > 0
    digit = probabilities.argmax(axis=1).astype(np.int8)
    confidence = probabilities.max(axis=1)
    rejected = scores < threshold
    characters = np.where(rejected, _REJECTED_CODE, digit)
    texts = np.where(inked, characters, _BLANK_CODE).astype(np.int8)
    return _table(
        pa.repeat(source, count),
        np.arange(first, first + count, dtype=np.int64),
        pa.array(_CHARACTERS).take(pa.array(texts)),
        pa.array(confidence, mask=~inked),
        inked.astype(np.int64),
        (
            digit[inked],
            confidence[inked],
            np.tile(np.array([0, 0, SIDE, SIDE], np.int32), int(inked.sum())),
            rejected[inked],
        ),
        pa.nulls(count, pa.string()),
    )


class PictureRows:
    """Rows of pictures, collected one by one."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, int, str | None, float | None, int, str | None]] = []
        self._digits: list[tuple[int, float, Sequence[int], bool]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, source: str, index: int, reading: Reading) -> None:
        """Add a picture that was read."""
        digits = [digit for line in reading.lines for digit in line.digits]
        least = min((digit.confidence for digit in digits), default=None)
        self._rows.append((source, index, reading.text, least, len(digits), None))
        self._digits += [(d.digit, d.confidence, d.box, d.rejected) for d in digits]

    def add_error(self, source: str, index: int, error: str) -> None:
        """Add a picture that could not be read."""
        self._rows.append((source, index, None, None, 0, error))

    def pop_table(self) -> Any:
        """Return the rows as a pyarrow table, and forget them."""
        import pyarrow as pa

        sources, indices, texts, confidences, counts, errors = _columns(self._rows, 6)
        digits, digit_confidences, boxes, rejected = _columns(self._digits, 4)
        result = _table(
            pa.array(sources, pa.string()),
            np.array(indices, np.int64),
            pa.array(texts, pa.string()),
            pa.array(confidences, pa.float32()),
            np.array(counts, np.int64),
            (
                np.array(digits, np.int8),
                np.array(digit_confidences, np.float32),
                np.array(boxes, np.int32).ravel(),
                np.array(rejected, bool),
            ),
            pa.array(errors, pa.string()),
        )
        self._rows, self._digits = [], []
        return result


def _columns(rows: Sequence[Sequence[Any]], count: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _table(
    sources: Any,
    indices: NDArray[np.int64],
    texts: Any,
    confidences: Any,
    counts: NDArray[np.int64],
    digits: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]],
    errors: Any,
) -> Any:
    """Join columns to a table; `digits` holds the digits of all rows, `counts` of each row."""
    import pyarrow as pa

    columns = schema()
    digit, confidence, boxes, rejected = digits
    box_ends = np.arange(0, len(boxes) + 1, 4, dtype=np.int32)
    found = pa.StructArray.from_arrays(
        [
            pa.array(digit),
            pa.array(confidence),
            pa.ListArray.from_arrays(pa.array(box_ends), pa.array(boxes)),
            pa.array(rejected),
        ],
        fields=list(columns.field("digits").type.value_type),
    )
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), found, type=columns.field("digits").type)
    return pa.Table.from_arrays(
        [sources, pa.array(indices), texts, confidences, lists, errors], schema=columns
    )
