"""A run: the chunks of the inputs, each read by a worker into a part of the output; resumable."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tenfold.batch.chunks import Chunk, DamagedFile, Input
from tenfold.batch.folders import Survey
from tenfold.batch.output import Output, open_output
from tenfold.batch.planning import PLAN_VERSION, survey_input
from tenfold.batch.worker import PartSummary
from tenfold.errors import PictureError, TenfoldError, UsageError
from tenfold.execution.engine import Engine, run_all
from tenfold.execution.local import LocalEngine
from tenfold.files import sha256

TRIES = 2
"""A chunk whose worker is killed is given to one other worker."""

SHOWN_ERRORS = 5
"""Number of errors that are reported as they come; all are in the column `error`."""

Plan: TypeAlias = Callable[[Input], Iterator[Chunk]]
"""Divides an input into chunks, always the same ones."""

ReadPart: TypeAlias = Callable[[int, Input, Chunk], PartSummary]
"""Reads a chunk into the part of this number. It can be pickled."""


@dataclass(frozen=True)
class Run:
    """What is read, and how.

    Attributes:
        inputs: What is read, one after the other.
        plan: Divides an input into chunks.
        facts: JSON-ready settings. A run is resumed only with the same ones.
        survey: The files of all inputs, counted and hashed.
    """

    inputs: Sequence[Input]
    plan: Plan
    facts: Mapping[str, Any]
    survey: Survey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "survey", _survey(self.inputs))
        for given in self.inputs:
            _check_first_chunk(given, self.plan)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the output's folder keeps to tell whether it is of this run."""
        return {
            "format": PLAN_VERSION,
            "input": [given.shown for given in self.inputs],
            "files": self.survey.files,
            "bytes": self.survey.size_bytes,
            "fingerprint": self.survey.fingerprint,
            **self.facts,
        }


def run_batch(
    run: Run,
    folder: Path,
    reader: Callable[[Path], ReadPart],
    *,
    resume: bool,
    engine: Engine | None,
    progress: bool,
    report: Callable[[str], None] | None,
) -> dict[str, Any]:
    """Read all chunks, and return the counts: of `Tally.counts` and `Tally.speed`.

    Args:
        run: What is read.
        folder: Folder of the parts; made if missing.
        reader: Given the folder as the workers see it, returns what reads a chunk.
        resume: Resume the run in `folder`, or begin if there is none.
        engine: Where chunks are read. None takes a process for each core of this machine.
        progress: Draw a progress bar on stderr.
        report: Is called with the first few errors.

    Raises:
        UsageError: `folder` holds something else.
        TenfoldError: A worker failed, or the input changed meanwhile.
    """
    with open_output(folder, run.manifest, resume=resume) as found:
        # If an input was moved since the start, `source` keeps its first path.
        inputs = [
            Input(given.root, shown)
            for given, shown in zip(run.inputs, found.manifest["input"], strict=True)
        ]
        tally = Tally(found.manifest["bytes"], progress=progress, report=report)
        missing = _missing(found, inputs, run.plan, tally)
        read = reader(found.folder.resolve())
        where: AbstractContextManager[Engine] = nullcontext(engine) if engine else LocalEngine()
        with (
            tally.bar,
            where as started,
            closing(run_all(started, read, missing, tries=TRIES)) as parts,
        ):
            for part in parts:
                tally.add(part)
        if _survey(run.inputs).fingerprint != run.survey.fingerprint:
            names = ", ".join(given.shown for given in run.inputs)
            raise TenfoldError(f"{names} changed while it was read: some rows may be wrong")
        if not found.finished:
            found.finish(tally.counts())
    return {**tally.counts(), **tally.speed()}


def _survey(inputs: Sequence[Input]) -> Survey:
    """Count and hash the files of all inputs."""
    surveys = [survey_input(given) for given in inputs]
    if len(surveys) == 1:
        return surveys[0]
    together = "\n".join(one.fingerprint for one in surveys)
    return Survey(
        sum(one.files for one in surveys),
        sum(one.size_bytes for one in surveys),
        sha256(together.encode()),
    )


def _check_first_chunk(given: Input, plan: Plan) -> None:
    """Refuse an input whose first chunk cannot be read, before anything is written."""
    first = next(plan(given), None)
    if first is None:
        raise UsageError(f"{given.shown} holds no pictures")
    if isinstance(first, DamagedFile):
        if first.needs_option:
            raise UsageError(first.error)
        if not given.root.is_dir() and first.index == 0:
            raise PictureError(first.error)


def _missing(
    found: Output, inputs: Sequence[Input], plan: Plan, tally: "Tally"
) -> Iterator[tuple[int, Input, Chunk]]:
    """Yield the number, input and chunk of every part that does not exist; count the others."""
    chunks = ((given, chunk) for given in inputs for chunk in plan(given))
    for number, (given, chunk) in enumerate(chunks):
        counts = found.counts(number) if number in found.parts else None
        if counts is None:
            yield number, given, chunk
        else:
            tally.add_existing(chunk.size_bytes, *counts)


class Tally:
    """Counts parts, draws the progress bar, and reports the first errors.

    Args:
        size_bytes: Size of all inputs.
        progress: Draw a progress bar on stderr.
        report: Is called with the first few errors.
    """

    def __init__(
        self, size_bytes: int, *, progress: bool, report: Callable[[str], None] | None
    ) -> None:
        from tqdm import tqdm

        shape = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}]"
        self.bar = tqdm(
            total=size_bytes, disable=not progress, bar_format=shape, dynamic_ncols=True
        )
        self._report = report
        self._reported = 0
        self._pictures = self._errors = self._parts = self._read_now = 0
        self._start = time.perf_counter()
        self._seconds = 0.0

    def add_existing(self, size_bytes: int, pictures: int, errors: int) -> None:
        """Count a part that exists already."""
        self._pictures += pictures
        self._errors += errors
        self._parts += 1
        if not self.bar.disable:  # it must not count toward the speed
            self.bar.initial += size_bytes
            self.bar.update(size_bytes)

    def add(self, part: PartSummary) -> None:
        """Count a part that was read now."""
        self._pictures += part.rows
        self._errors += part.errors
        self._parts += 1
        self._read_now += part.rows
        self._seconds = time.perf_counter() - self._start
        speed = self._read_now / self._seconds
        self.bar.set_description_str(f"{self._pictures:,} pictures, {speed:,.0f}/s", refresh=False)
        self.bar.update(part.size_bytes)
        if part.errors and self._report and self._reported < SHOWN_ERRORS:
            self._reported += 1
            more = f" (and {part.errors - 1:,} more in this part)" if part.errors > 1 else ""
            self._report(part.first_error + more)

    def counts(self) -> dict[str, int]:
        """Return the totals of all parts."""
        return {"pictures": self._pictures, "errors": self._errors, "parts": self._parts}

    def speed(self) -> dict[str, Any]:
        """Return the number of pictures read by this call, and its time."""
        speed = round(self._read_now / self._seconds, 1) if self._read_now else None
        return {
            "read_now": self._read_now, "seconds": round(self._seconds, 2), "per_second": speed,
        }  # fmt: skip
