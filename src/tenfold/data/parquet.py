"""Data sets in Parquet files with encoded pictures and labels, as Hugging Face has them."""

import json
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tenfold.data.parts import MAX_IMAGES, Layout, Part, check_sizes, label_array, one_line_errors
from tenfold.errors import DataError, MissingExtraError

USUAL_COLUMNS = ("image", "bytes", "picture", "img", "png", "jpg", "jpeg", "content", "data")
"""If several columns hold bytes, the first of these names is used."""

LABEL_COLUMNS = ("label", "labels", "class", "target", "digit")

MAX_BYTES_IN_ALL = 4 << 30
"""Most bytes of a part's pictures, as they are stored."""

ROWS_AT_ONCE = 256


def parquet_layout(path: Path) -> Layout:
    """Return the parts of a Parquet file, or of a folder with train*.parquet and test*.parquet.

    Args:
        path: The file or folder; the files may lie in its folder `data`.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DataError: There are no such files.
    """
    if find_spec("pyarrow") is None:
        raise MissingExtraError("reading Parquet", "batch")
    if path.is_file():
        return {"train": partial(_read, [path])}
    files = parquet_files(path)
    layout: Layout = {}
    for part in ("train", "test"):
        chosen = [file for file in files if file.name.startswith(part)]
        if chosen:
            layout[part] = partial(_read, chosen)
    return layout if "train" in layout else {"train": partial(_read, files)}


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, or of the folder `data` in it."""
    return sorted(folder.glob("*.parquet")) or sorted(folder.glob("data/*.parquet"))


def byte_columns(schema: Any) -> dict[str, str]:
    """Return the columns that hold bytes, or records with one field of bytes, and that field.

    Args:
        schema: The pyarrow schema of the file.
    """
    fields: dict[str, str] = {}
    for one in schema:
        if _is_bytes(one.type):
            fields[one.name] = ""
        elif hasattr(one.type, "fields"):
            inside = [field.name for field in one.type.fields if _is_bytes(field.type)]
            if len(inside) == 1:
                fields[one.name] = inside[0]
    return fields


def dotted(column: str, field: str) -> str:
    """Return the path of a column, or of a field of its records."""
    return f"{column}.{field}" if field else column


def _read(paths: Sequence[Path]) -> Part:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    pictures: list[Path | bytes] = []
    labels: list[Any] = []
    names: tuple[str, ...] = ()
    size = 0
    for path in paths:
        with one_line_errors(str(path)), pq.ParquetFile(path) as file:
            column, field = _pictures_in(file.schema_arrow, path)
            label = next((n for n in LABEL_COLUMNS if n in file.schema_arrow.names), None)
            if label is None:
                its = ", ".join(file.schema_arrow.names)
                raise DataError(f"{path} has no column label; its columns are {its}")
            names = names or _class_names(file.schema_arrow, label)
            wanted = [dotted(column, field), label]
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=wanted):
                values = batch.column(batch.schema.get_field_index(column))
                values = pc.struct_field(values, field) if field else values
                some = values.to_pylist()
                if None in some:
                    row = len(pictures) + some.index(None)
                    raise DataError(f"{path}: row {row} holds no picture")
                size += sum(map(len, some))
                pictures += some
                labels += batch.column(batch.schema.get_field_index(label)).to_pylist()
                if len(pictures) > MAX_IMAGES or size > MAX_BYTES_IN_ALL:
                    raise DataError(f"{path} is too large: give at most {MAX_IMAGES:,} pictures")
    shown = str(paths[0])
    check_sizes(len(pictures), len(labels), shown)
    if None in labels:
        raise DataError(f"{shown}: row {labels.index(None)} has no label")
    files = [f"row {row}" for row in range(len(pictures))]
    return Part(pictures, label_array(labels, shown), files, names)


def _pictures_in(schema: Any, path: Path) -> tuple[str, str]:
    fields = byte_columns(schema)
    usual = [name for name in USUAL_COLUMNS if name in fields]
    if not usual and len(fields) != 1:
        its = ", ".join(schema.names)
        raise DataError(f"{path} has no column image of encoded pictures; its columns are {its}")
    column = usual[0] if usual else next(iter(fields))
    return column, fields[column]


def _class_names(schema: Any, label: str) -> tuple[str, ...]:
    """Return the names of the classes, from what Hugging Face's `datasets` writes beside them."""
    try:
        facts = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, facts["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()


def _is_bytes(kind: Any) -> bool:
    import pyarrow.types as pt

    return bool(pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind))
