"""Very many pages of a form read into one table, on one machine or many; can be resumed."""

import importlib.util
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tenfold.batch.chunks import Chunk, Input, PictureItem, Unreadable
from tenfold.batch.output import FINISHED, read_manifest
from tenfold.batch.planning import plan
from tenfold.batch.read_batch import absolute_model
from tenfold.batch.run import Run, run_batch
from tenfold.batch.worker import PartSummary, read_pages, reader_fingerprint, worker_reader
from tenfold.classifiers.model_file import Model
from tenfold.errors import MissingExtraError, UsageError
from tenfold.execution.engine import Engine
from tenfold.files import real_path
from tenfold.forms.answers import (
    TEMPLATE,
    Answers,
    PageAnswers,
    open_answers,
    pages_folder,
    write_part,
)
from tenfold.forms.corrections import corrections_file, load_corrections
from tenfold.forms.current_table import is_edited, write_current_table
from tenfold.forms.form import Form
from tenfold.forms.table import check_table
from tenfold.forms.template import load_template
from tenfold.imaging.picture import Picture
from tenfold.reading.shipped import DEFAULT_MODEL

PAGES_PER_CHUNK = 16
"""Most picture files in a chunk: some seconds of one core. A kill loses no more."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FormsResult:
    """What was read from the pages of a form.

    Attributes:
        table: The table of answers, one row a page.
        pages: Number of pages.
        errors: Number of them that could not be read, or show another form.
        fields: Number of answers.
        review: Number of them that somebody should look at.
        read_now: Number of pages read by this call; others were read before it was resumed.
        seconds: Time of this call.
        per_second: Pages read per second; None if none were read.
    """

    table: Path
    pages: int
    errors: int
    fields: int
    review: int
    read_now: int
    seconds: float
    per_second: float | None

    @property
    def answers(self) -> Answers:
        """The answers, with crops and alternatives."""
        return open_answers(self.table)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold form --json` prints them."""
        return asdict(self) | {"table": str(self.table)}


def read_forms(
    template: str | Path,
    scans: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: Model = DEFAULT_MODEL,
    resume: bool = False,
    engine: Engine | None = None,
    progress: bool = False,
    report: Callable[[str], None] | None = None,
) -> FormsResult:
    """Read all pages of a form, and write a row for each to a table.

    The folder `out`.pages keeps the answers with their crops. A run that was interrupted, even by a
    kill, can be resumed; only the chunks in work are lost.

    Args:
        template: The template's JSON; its page lies beside it.
        scans: Pictures and PDFs, folders of them, and all else that `tenfold.read_batch` takes;
            one or several.
        out: The table: .csv, .parquet or .xlsx.
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        resume: Resume the run of this table, or begin if there is none.
        engine: Where pages are read. All its machines must see all paths alike. None takes a
            process for each core of this machine.
        progress: Draw a progress bar on stderr.
        report: Is called with the first few errors.

    Raises:
        DataError: The template or a scan does not exist.
        UsageError: A path is given twice, the template is wrong, or `out` holds other answers or
            corrections, or is to be continued without its folder.
        TenfoldError: The model is missing, a worker failed, or a scan changed meanwhile.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("reading forms", "forms")
    table, known = Path(out), load_template(template)
    check_table(table)
    folder = pages_folder(table)
    if resume and table.exists() and not folder.exists():
        raise UsageError(
            f"{table} cannot be continued: its folder {folder.name} is missing; give another table"
        )
    if not resume and (table.exists() or folder.exists()):
        raise UsageError(f"{table} exists; add --resume to continue it, or give another table")
    corrections = corrections_file(table)
    if corrections.exists() and not folder.exists():
        raise UsageError(
            f"{corrections} holds corrections of an earlier run, whose folder {folder} is missing:"
            " move the file away, or give another table"
        )
    scans = [scans] if isinstance(scans, str | Path) else list(scans)
    if not scans:
        raise UsageError("no scan is given: give at least one file or folder")
    inputs = [Input(real_path(scan), str(scan)) for scan in scans]
    roots = Counter(given.root for given in inputs)
    for given in inputs:
        if roots[given.root] > 1 or any(above in roots for above in given.root.parents):
            raise UsageError(f"{given.shown} is given twice, or with its folder: give it once")
        if given.root.is_dir() and real_path(folder).is_relative_to(given.root):
            raise UsageError(f"{table} is inside {given.shown}; give a table outside of it")
    model = absolute_model(model)
    facts: dict[str, Any] = {
        "model": str(model),
        "reader_sha256": reader_fingerprint(model),
        "template_sha256": known.fingerprint(),
        TEMPLATE: known.to_dict(),
    }
    job = partial(
        FormJob, real_path(template), facts["template_sha256"], model, facts["reader_sha256"]
    )
    done = resume and table.exists() and FINISHED in read_manifest(folder)
    counts = run_batch(
        Run(inputs, lambda one: plan(one.root, most=PAGES_PER_CHUNK), facts),
        folder,
        lambda parts: partial(read_part, job(parts)),
        resume=resume,
        engine=engine,
        progress=progress,
        report=report,
    )
    answers = open_answers(table)
    if not done:
        write_current_table(answers, load_corrections(corrections))
    elif is_edited(answers):
        _log.warning("%s was edited and is left as it is; without it, it is written again", table)
    fields = review = 0
    for page in answers.pages():
        fields += len(page.answers)
        review += sum(answer.review is not None for answer in page.answers)
    speed = {name: counts[name] for name in ("read_now", "seconds", "per_second")}
    return FormsResult(table, counts["pictures"], counts["errors"], fields, review, **speed)


@dataclass(frozen=True)
class FormJob:
    """Template, output and model of a run, as a worker needs them.

    Attributes:
        template: The template's JSON.
        template_sha256: Its fingerprint: a worker may have another template of this name.
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        reader_sha256: Of `reader_fingerprint`.
        out: Folder of the parts.
    """

    template: Path
    template_sha256: str
    model: Model
    reader_sha256: str
    out: Path


def read_part(job: FormJob, number: int, given: Input, chunk: Chunk) -> PartSummary:
    """Read the pages of a chunk with one thread, and write their part, whole or not at all.

    The networks and the template are loaded once in each process.

    Raises:
        BundleError: The model is damaged, or not the one that the run was begun with.
        UsageError: The template's page is missing, or the template is another one.
    """
    form = _form(job.template, job.template_sha256, job.model, job.reader_sha256)
    pages: list[PageAnswers] = []

    def read(source: str, index: int, page: Picture) -> None:
        pages.append(form.read_picture(page, source, index))

    def failed(source: str, index: int, error: str) -> None:
        pages.append(PageAnswers(source, index, error))

    for content in chunk.contents(given):
        if isinstance(content, PictureItem | Unreadable):
            read_pages(content, read, failed)
            continue
        failed(content.source, content.first, "images of 28x28 pixels are no pages")
    write_part(job.out, number, pages)
    errors = [page.error for page in pages if page.error is not None]
    return PartSummary(chunk.size_bytes, len(pages), len(errors), errors[0] if errors else "")


@lru_cache(maxsize=1)
def _form(template: Path, template_sha256: str, model: Model, reader_sha256: str) -> Form:
    form = Form(template, reader=worker_reader(model, reader_sha256))
    if form.template.fingerprint() != template_sha256:
        raise UsageError(f"{template} is not the template that this run was begun with")
    return form
