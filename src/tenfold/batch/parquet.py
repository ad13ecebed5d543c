"""Parquet files with a column of encoded pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.batch.chunks import (
    BYTES_PER_CHUNK,
    GONE,
    PICTURES_PER_CHUNK,
    Chunk,
    Content,
    Damaged,
    Encoded,
    Place,
    Unread,
)
from tenfold.batch.folders import File

USUAL_NAMES = ("image", "bytes", "picture", "img", "png", "jpg", "jpeg", "content", "data")
"""Where several columns hold bytes, the first of these names is taken."""

AT_ONCE = 64
"""Rows that are in memory at once."""


@dataclass(frozen=True)
class Rows(Chunk):
    """A run of rows, counted through the whole file.

    Attributes:
        name: Of the file, below the root.
        column: The one with bytes,
        field: or with records, of which this field holds them; "" for bytes.
        start: First row.
        stop: First row after the run.
    """

    name: str
    column: str
    field: str
    start: int
    stop: int

    def contents(self, place: Place) -> Iterator[Content]:
        """Give the bytes of each row."""
        import pyarrow as pa

        source = place.source(self.name)
        row = self.start
        try:
            for data in self._values(place.path(self.name)):
                if data is None:
                    yield Unread(source, row, "the row holds no bytes")
                else:
                    yield Encoded(source, row, data)
                row += 1
        except GONE:
            raise
        except (OSError, pa.ArrowException) as error:
            why = " ".join(str(error).split())
            yield Unread(source, row, f"{source} is damaged from here on: {why}")

    def _values(self, path: Path) -> Iterator[bytes | None]:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        # Read page by page, so that a row group of any size will do.
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            groups, before, row = [], None, 0
            for number in range(file.metadata.num_row_groups):
                end = row + file.metadata.row_group(number).num_rows
                if row < self.stop and end > self.start:
                    groups.append(number)
                    before = row if before is None else before
                row = end
            row, columns = before or 0, [_path(self.column, self.field)]
            for batch in file.iter_batches(AT_ONCE, row_groups=groups, columns=columns):
                values = batch.column(0)
                if self.field:
                    values = pc.struct_field(values, self.field)
                first = max(self.start - row, 0)
                for value in values[first : max(first, self.stop - row)]:
                    yield value.as_py()
                row += len(batch)
                if row >= self.stop:
                    return


def parquet_chunks(path: Path, file: File, column: str | None) -> Iterator[Chunk]:
    """Cut the rows of a file into chunks; small row groups share one, large ones are cut."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
    except (OSError, pa.ArrowException) as error:
        why = " ".join(str(error).split())
        yield Damaged(file.name, f"{path.name} cannot be read: {why}", size_bytes=file.size_bytes)
        return
    chosen, error_text = _choose(schema, column)
    if chosen is None:
        yield Damaged(
            file.name, f"{path.name} {error_text}", usage=True, size_bytes=file.size_bytes
        )
        return
    start = count = 0
    size = 0.0
    for each, rows in _weights(metadata, _path(*chosen)):
        left = rows
        while left:
            room = min(PICTURES_PER_CHUNK - count, int((BYTES_PER_CHUNK - size) // each))
            if room < 1 and count:
                yield Rows(file.name, *chosen, start, start + count, size_bytes=round(size))
                start, count, size = start + count, 0, 0.0
                continue
            taken = min(left, max(1, room))
            left -= taken
            count, size = count + taken, size + taken * each
    if count:
        yield Rows(file.name, *chosen, start, start + count, size_bytes=round(size))


def _weights(metadata: Any, path: str) -> Iterator[tuple[float, int]]:
    """Give for each row group the bytes of a row, at least one, and how many rows there are."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(i) for i in range(group.num_columns))
        stored = sum(c.total_compressed_size for c in columns if c.path_in_schema == path)
        if group.num_rows:
            yield max(1.0, stored / group.num_rows), group.num_rows


def _path(column: str, field: str) -> str:
    return f"{column}.{field}" if field else column


def _choose(schema: Any, column: str | None) -> tuple[tuple[str, str] | None, str]:
    """Return the column of bytes and the field in it, or None and what is wrong."""
    fields: dict[str, str] = {}
    for one in schema:
        if _is_bytes(one.type):
            fields[one.name] = ""
        elif hasattr(one.type, "fields"):
            inside = [field.name for field in one.type.fields if _is_bytes(field.type)]
            if len(inside) == 1:
                fields[one.name] = inside[0]
    usual = [name for name in USUAL_NAMES if name in fields]
    if column is None:
        column = next(iter(fields if len(fields) == 1 else usual), None)
    if column in fields:
        return (column, fields[column]), ""
    its = f"; its columns are {', '.join(schema.names)}"
    if column in schema.names:
        return None, f"has {column!r}, which holds no bytes{its}"
    if column is not None:
        return None, f"has no column {column!r}{its}"
    if fields:
        return None, f"has several columns of bytes ({', '.join(fields)}): say which by --column"
    return None, f"has no column of bytes{its}"


def _is_bytes(kind: Any) -> bool:
    import pyarrow.types as pt

    return bool(pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind))
