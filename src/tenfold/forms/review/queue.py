"""Which fields a review shows, and in which order."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from tenfold.errors import UsageError
from tenfold.forms.answers import Answer, Answers
from tenfold.forms.corrections import Key
from tenfold.forms.estimate import sample_rank


@dataclass(frozen=True)
class Item:
    """A field to review.

    Attributes:
        row: Number of its page in `Answers.pages`, from 0.
        source: The file of the page.
        page: Page of the file, from 0.
        answer: What was read.
    """

    row: int
    source: str
    page: int
    answer: Answer

    @property
    def key(self) -> Key:
        """What corrections of this field are found by."""
        return self.source, self.page, self.answer.name


@dataclass(frozen=True)
class Choice:
    """Which fields to review; by default those that the reader flagged, least sure first.

    Attributes:
        sample: Number of fields, drawn at random from all.
        least_sure: Number of fields, least sure first, flagged or not.

    Raises:
        UsageError: Both are given, or one is below 1.
    """

    sample: int | None = None
    least_sure: int | None = None

    def __post_init__(self) -> None:
        if self.sample is not None and self.least_sure is not None:
            raise UsageError("give --sample or --least-sure, not both")
        for name, value in (("--sample", self.sample), ("--least-sure", self.least_sure)):
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}: give at least 1")

    @property
    def title(self) -> str:
        """What the fields are, for people."""
        if self.sample:
            return "random sample"
        return "least sure fields" if self.least_sure else "doubtful fields"


def choose_items(answers: Answers, choice: Choice, *, progress: bool = False) -> list[Item]:
    """Return the fields to review, in their order; only these are held in memory.

    Args:
        answers: All fields.
        choice: Which of them.
        progress: Draw a progress bar on stderr.
    """
    items = _items(answers, progress)
    if choice.sample:
        return heapq.nsmallest(choice.sample, items, key=lambda item: sample_rank(item.key))
    if choice.least_sure:
        return heapq.nsmallest(choice.least_sure, items, key=lambda item: item.answer.confidence)
    flagged = (item for item in items if item.answer.review is not None)
    return sorted(flagged, key=lambda item: item.answer.confidence)


def _items(answers: Answers, progress: bool) -> Iterator[Item]:
    from tqdm import tqdm

    pages = tqdm(
        answers.pages(), desc="pages", total=len(answers), disable=not progress,
        dynamic_ncols=True, leave=False,
    )  # fmt: skip
    for row, page in enumerate(pages):
        for answer in page.answers:
            yield Item(row, page.source, page.page, answer)
