"""The answers read from the pages of a form: kept in parts, and written as one table.

A run of `tenfold form` keeps what it read in a folder beside the table, `answers.csv.pages` for
`answers.csv`: parts in Parquet, one row a page, with a crop of each field, and the template. So the
table can be written again, and fields can be reviewed, without the scans.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tenfold.batch.output import FINISHED, MANIFEST, part_name, read_manifest
from tenfold.errors import DataError, MissingExtraError, UsageError
from tenfold.files import atomic_path
from tenfold.forms.template import Template, template_from_dict

FOLDER_SUFFIX = ".pages"
"""The folder of parts has the table's name and this suffix."""

TEMPLATE = "template"
"""Key of the manifest in the folder of parts: the template that the pages were read with."""

ROW_GROUP = 16
"""Pages in a row group, which is read whole for one crop: about a megabyte."""

YES, NO = "yes", "no"
"""Values of a tick."""


@dataclass(frozen=True)
class Alternative:
    """Another reading of a field, and its probability, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """What one field of one page says.

    Attributes:
        name: The field's name.
        value: The characters read, "yes" or "no" of a tick, "" if the field is empty. What is too
            uncertain keeps its best guess here, and a reason in `review`.
        confidence: Probability of the value, 0 to 1; of an empty field, that it is empty.
        empty: Whether nothing is written in the field.
        review: Why somebody should look at it, in a few words; None if nobody need.
        alternatives: The likeliest readings, the value first; none of ticks and empty fields.
        crop: The field on the registered page, as JPEG; b"" if crops were not loaded or kept.
        digits: uint8 (n, 28, 28) as bytes, left to right: the digits in the field as the network
            saw them; b"" if they were not loaded.
    """

    name: str
    value: str
    confidence: float
    empty: bool = False
    review: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    crop: bytes = field(default=b"", repr=False, compare=False)
    digits: bytes = field(default=b"", repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as values for JSON, without the crop and the digits."""
        entry = asdict(self) | {"confidence": round(self.confidence, 4)}
        del entry["crop"], entry["digits"]
        return entry


@dataclass(frozen=True)
class PageAnswers:
    """What one page says.

    Attributes:
        source: The file, as the user gave it.
        page: Page of the file, from 0.
        error: Why nothing was read: another form, a blank page, a damaged file; None if it was.
        answers: One for each field of the template, in its order; none if there is an error.
    """

    source: str
    page: int
    error: str | None
    answers: tuple[Answer, ...] = ()

    def __getitem__(self, name: str) -> Answer:
        """Return the answer of a field.

        Raises:
            KeyError: The page could not be read, or there is no such field.
        """
        for answer in self.answers:
            if answer.name == name:
                return answer
        raise KeyError(name)

    @property
    def review(self) -> str:
        """Which fields to review and why: "amount: 71% sure; date: something is struck out"."""
        return "; ".join(f"{one.name}: {one.review}" for one in self.answers if one.review)

    def to_dict(self) -> dict[str, Any]:
        """Return the page and its answers as values for JSON."""
        entry = {"source": self.source, "page": self.page, "error": self.error}
        return {**entry, "answers": [answer.to_dict() for answer in self.answers]}


def pages_folder(table: Path) -> Path:
    """Return the folder of parts that belongs to a table."""
    return table.with_name(table.name + FOLDER_SUFFIX)


@dataclass(frozen=True)
class Answers:
    """All pages of a run, read from its folder of parts.

    Attributes:
        folder: The folder of parts.
        template: The template that the pages were read with. Its page is not in the folder.
        finished: Whether all pages were read.
    """

    folder: Path
    template: Template
    finished: bool

    @property
    def table(self) -> Path:
        """The table that belongs to the folder."""
        return self.folder.with_name(self.folder.name.removesuffix(FOLDER_SUFFIX))

    def pages(self, *, digits: bool = False) -> Iterator[PageAnswers]:
        """Yield all pages in the order of the input, without crops.

        Args:
            digits: Load the images of the digits, too.

        Raises:
            DataError: A part is damaged.
        """
        for part in self._parts:
            yield from _read_part(part, {"crop"} if digits else {"crop", "digits"})

    def __len__(self) -> int:
        """Return the number of pages."""
        return sum(self._parts.values())

    @cached_property
    def _parts(self) -> dict[Path, int]:
        """The parts in order, and the number of pages in each.

        Raises:
            DataError: A part is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = {}
        for part in sorted(self.folder.glob("part-*.parquet")):
            try:
                found[part] = pq.read_metadata(part).num_rows
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{part} is damaged: {error}") from error
        return found

    def crop(self, row: int, name: str) -> bytes:
        """Return the crop of a field as JPEG, b"" if it has none.

        Args:
            row: Number of the page in `pages`, from 0.
            name: Of the field.

        Raises:
            DataError: A part is damaged.
            UsageError: There is no such page.
        """
        for part, rows in self._parts.items():
            if row < rows:
                return _crop(part, row, name)
            row -= rows
        raise UsageError(f"{self.folder} holds no page of this number")


def open_answers(path: str | Path) -> Answers:
    """Open what `tenfold form` has read.

    Args:
        path: The table, or its folder of parts.

    Raises:
        DataError: There is no such table.
        UsageError: `tenfold form` did not write it.
        MissingExtraError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise MissingExtraError("reading answers", "forms")
    given = Path(path)
    folder = given.resolve() if given.is_dir() else pages_folder(given)
    if not folder.is_dir():
        if not given.exists():
            raise DataError(f"{given} does not exist")
        raise UsageError(
            f"{given} has no folder {folder.name} beside it; give a table that `tenfold form` wrote"
        )
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{given} holds no answers: give a table that `tenfold form` wrote")
    manifest = read_manifest(folder)
    if TEMPLATE not in manifest:
        raise UsageError(f"{given} was not written by `tenfold form`; give a table that it wrote")
    if not folder.name.endswith(FOLDER_SUFFIX) or folder.name == FOLDER_SUFFIX:
        raise UsageError(
            f"{given} is not named TABLE{FOLDER_SUFFIX}, such as answers.csv{FOLDER_SUFFIX}:"
            " rename it, or give the table"
        )
    template = template_from_dict(manifest[TEMPLATE], folder)
    return Answers(folder, template, FINISHED in manifest)


def open_finished_answers(path: str | Path) -> Answers:
    """Open what `tenfold form` has read, if it has read all pages.

    Raises:
        UsageError: See `open_answers`; or pages are missing.
        MissingExtraError: pyarrow is not installed.
    """
    answers = open_answers(path)
    if not answers.finished:
        raise UsageError(f"{answers.table} is not finished: run `tenfold form` again with --resume")
    return answers


def schema() -> Any:
    """Return the columns of a part, as a pyarrow schema."""
    import pyarrow as pa

    alternative = pa.struct({"text": pa.string(), "probability": pa.float32()})
    answer = pa.struct(
        {
            "name": pa.string(),
            "value": pa.string(),
            "confidence": pa.float32(),
            "empty": pa.bool_(),
            "review": pa.string(),
            "alternatives": pa.list_(alternative),
            "crop": pa.binary(),
            "digits": pa.binary(),
        }
    )
    return pa.schema(
        {
            "source": pa.string(),
            "page": pa.int64(),
            "answers": pa.list_(answer),
            "error": pa.string(),
        }
    )


def part_table(pages: Sequence[PageAnswers]) -> Any:
    """Return pages as a pyarrow table of `schema`, one row each."""
    import pyarrow as pa

    return pa.Table.from_pylist([asdict(page) for page in pages], schema=schema())


def write_part(folder: Path, number: int, pages: Sequence[PageAnswers]) -> None:
    """Write a part, whole or not at all."""
    import pyarrow.parquet as pq

    with atomic_path(folder / part_name(number), clean_up=False) as temporary:
        pq.write_table(part_table(pages), temporary, compression="zstd", row_group_size=ROW_GROUP)


def _read_part(path: Path, without: Set[str]) -> Iterator[PageAnswers]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    inside = [field.name for field in schema().field("answers").type.value_type]
    columns = [f"answers.list.element.{name}" for name in inside if name not in without]
    try:
        with pq.ParquetFile(path) as file:
            rows = file.read(["source", "page", "error", *columns]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    for row in rows:
        yield PageAnswers(
            row["source"], row["page"], row["error"], tuple(_answers(row["answers"] or ()))
        )


def _answers(entries: Iterable[dict[str, Any]]) -> Iterator[Answer]:
    for entry in entries:
        others = tuple(Alternative(**one) for one in entry.pop("alternatives") or ())
        yield Answer(**entry, alternatives=others)


def _crop(path: Path, row: int, name: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["answers.list.element.name", "answers.list.element.crop"]
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if row < count:
                    found = file.read_row_group(group, columns=columns).column("answers")[row]
                    crops = {one["name"]: one["crop"] for one in found.as_py() or ()}
                    return crops.get(name) or b""
                row -= count
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    return b""
