"""Chunks of a Parquet file's column of encoded pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.batch.chunks import (
    BYTES_PER_CHUNK,
    PICTURES_PER_CHUNK,
    Chunk,
    Content,
    DamagedFile,
    Input,
    PictureItem,
    Unreadable,
    until_damage,
)
from tenfold.batch.folders import File
from tenfold.data.parquet import USUAL_COLUMNS, byte_columns, dotted
from tenfold.formatting import suggestion
from tenfold.imaging.decoding import picture_name
from tenfold.machine import limited_memory

PARQUET_SUFFIX = ".parquet"

ROWS_AT_ONCE = 64
"""Most rows in memory at once."""

BYTES_AT_ONCE = 8 * 2**20
"""Bytes of rows in memory at once, or one row if that is larger."""

MAX_READING_BYTES = 448 * 2**20
"""Most memory that reading some rows may take. Parquet is read page by page, and a page can hold
any number of rows: pyarrow writes pages of at least 1 MB, but looks at their size only after every
1,024 rows."""

MAX_ROW_BYTES = 2**27
"""Most bytes of a row, on average of a row group: reading takes about six times as much memory."""


@dataclass(frozen=True)
class RowRange(Chunk):
    """A range of rows, counted through the whole file.

    Attributes:
        name: Of the file, below the root.
        column: The column with bytes, or with records that hold bytes.
        field: The field of these records that holds the bytes; "" if the column does.
        start: First row.
        stop: First row after the range.
    """

    name: str
    column: str
    field: str
    start: int
    stop: int

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the bytes of each row."""
        shown = source.source(self.name)
        rows = self._rows(source.path(self.name), shown)
        return until_damage(rows, shown, self.start)

    def _rows(self, path: Path, shown: str) -> Iterator[Content]:
        row = self.start
        try:
            for data in self._values(path):
                name = picture_name(f"row {row} of {shown}")
                if data is None:
                    yield Unreadable(shown, row, f"{name} holds no bytes")
                else:
                    yield PictureItem(shown, row, data, name)
                row += 1
        except MemoryError:
            why = (
                f"is in a page of more than {MAX_READING_BYTES // 2**20} MB as it is read:"
                " write the file with smaller row groups (in pyarrow: row_group_size)"
            )
            for refused in range(row, self.stop):
                yield Unreadable(shown, refused, f"row {refused} of {shown} {why}")

    def _values(self, path: Path) -> Iterator[bytes | None]:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        # Read page by page, so that memory does not grow with the row groups.
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            wanted: list[int] = []
            first = end = 0
            for number in range(file.metadata.num_row_groups):
                begin, end = end, end + file.metadata.row_group(number).num_rows
                if begin < self.stop and end > self.start:
                    first = first if wanted else begin
                    wanted.append(number)
            column = dotted(self.column, self.field)
            largest = max(bytes_per_row(file.metadata.row_group(n), column) for n in wanted)
            count = max(1, min(ROWS_AT_ONCE, int(BYTES_AT_ONCE // largest)))
            batches = file.iter_batches(count, row_groups=wanted, columns=[column])
            while batch := self._next(batches):
                values = batch.column(0)
                if self.field:
                    values = pc.struct_field(values, self.field)
                skipped = max(self.start - first, 0)
                for value in values[skipped : max(skipped, self.stop - first)]:
                    yield value.as_py()
                first += len(batch)
                if first >= self.stop:
                    return

    def _next(self, batches: Iterator[Any]) -> Any:
        """Return the next rows, or None after the last."""
        with limited_memory(MAX_READING_BYTES):
            return next(batches, None)


def parquet_chunks(path: Path, file: File, column: str | None) -> Iterator[Chunk]:
    """Divide the rows of a file; small row groups share a chunk, large ones are divided.

    Raises:
        Exception: Almost any, if the file is damaged.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as opened:
        metadata, schema = opened.metadata, opened.schema_arrow
    chosen, problem = _choose(schema, column)
    if chosen is None:
        why = f"{path.name} {problem}"
        needs_option = column is not None or "--column" in problem
        yield DamagedFile(file.name, why, needs_option=needs_option, size_bytes=file.size_bytes)
        return
    start = count = 0
    size = 0.0
    for bytes_per_row, rows in list(_row_groups(metadata, dotted(*chosen))):
        left = rows
        while left:
            room = min(PICTURES_PER_CHUNK - count, int((BYTES_PER_CHUNK - size) // bytes_per_row))
            if room < 1 and count:
                yield RowRange(file.name, *chosen, start, start + count, size_bytes=round(size))
                start, count, size = start + count, 0, 0.0
                continue
            taken = min(left, max(1, room))
            left -= taken
            count, size = count + taken, size + taken * bytes_per_row
    if count:
        yield RowRange(file.name, *chosen, start, start + count, size_bytes=round(size))


def _row_groups(metadata: Any, column_path: str) -> Iterator[tuple[float, int]]:
    """Yield each row group's bytes per row, at least one, and number of rows."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if bytes_per_row(group, column_path) > MAX_ROW_BYTES:
            raise ValueError(f"its rows hold more than {MAX_ROW_BYTES:,} bytes each")
        if group.num_rows:
            yield bytes_per_row(group, column_path, "total_compressed_size"), group.num_rows


def bytes_per_row(group: Any, column_path: str, size: str = "total_uncompressed_size") -> float:
    """Return the mean size of a column in a row group, at least one byte."""
    columns = [group.column(i) for i in range(group.num_columns)]
    total = sum(getattr(one, size) for one in columns if one.path_in_schema == column_path)
    return float(max(1.0, total / max(1, group.num_rows)))


def _choose(schema: Any, column: str | None) -> tuple[tuple[str, str] | None, str]:
    """Return the column of bytes and the field in it, or None and what is wrong."""
    fields = byte_columns(schema)
    usual = [name for name in USUAL_COLUMNS if name in fields]
    if column is None:
        column = next(iter(fields if len(fields) == 1 else usual), None)
    if column in fields:
        return (column, fields[column]), ""
    its = f"; its columns are {', '.join(schema.names)}"
    if column in schema.names:
        return None, f"has a column {column!r}, which holds no bytes{its}"
    if column is not None:
        return None, f"has no column {column!r}{suggestion(column, schema.names)}{its}"
    if fields:
        return None, f"has several columns of bytes ({', '.join(fields)}): choose one by --column"
    return None, f"has no column of bytes{its}"
