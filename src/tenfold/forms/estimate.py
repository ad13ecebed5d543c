"""How good the answers are: the error of fields nobody looked at, from a random sample of fields.

The sample is the first fields in a fixed random order (`sample_rank`), as far as all of them were
reviewed. So it needs no record, can be enlarged at any time, and is the same for everybody. Once
all fields are reviewed that the reader flagged, the others are estimated by themselves.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tenfold.evaluation.significance import errors_interval
from tenfold.formatting import count
from tenfold.forms.answers import PageAnswers
from tenfold.forms.corrections import Corrections, Key

CONFIDENCE = 0.95
"""Probability that an interval holds the true figure."""


def sample_rank(key: Key) -> int:
    """Return the place of a field in a random order that depends on nothing but its key."""
    text = "\0".join(map(str, key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


@dataclass(frozen=True)
class Share:
    """An estimated share of wrong fields.

    Attributes:
        estimate: The likeliest share, 0 to 1; None without a sample that tells.
        lower: Lower end of the 95% interval.
        upper: Upper end of the 95% interval.
        fields: Number of fields that the share is of.
    """

    estimate: float | None
    lower: float
    upper: float
    fields: int


@dataclass(frozen=True)
class ToReview:
    """How many fields to review, the least sure first, for a table with few errors.

    Attributes:
        error: The largest share of wrong values that is accepted in the whole table, 0 to 1.
        estimated: Fields to review by the likeliest estimate; None without a sample.
        assured: Fields to review so that the error is smaller with a probability of 95%; None if
            the sample is too small to tell.
        needed_sample: Smallest sample that can assure such an error, if no field in it is wrong
            beyond the reviewed ones.
    """

    error: float
    estimated: int | None
    assured: int | None
    needed_sample: int


@dataclass(frozen=True)
class Report:
    """What a review tells of a table.

    Attributes:
        fields: Number of fields on all pages that could be read.
        failed_pages: Number of pages that could not.
        flagged: Fields that the reader found doubtful.
        flagged_reviewed: How many of them were reviewed.
        reviewed: Fields that were reviewed.
        wrong: How many of them had been read wrong.
        unreadable: How many of them cannot be read.
        sample: Size of the random sample.
        sample_wrong: How many of its fields had been read wrong.
        as_read: Share of wrong values among all fields, as they were read.
        rest: Share of wrong values among the fields that nobody reviewed.
        to_review: For an error that was asked for.
    """

    fields: int
    failed_pages: int
    flagged: int
    flagged_reviewed: int
    reviewed: int
    wrong: int
    unreadable: int
    sample: int
    sample_wrong: int
    as_read: Share
    rest: Share
    to_review: ToReview | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `tenfold form --report --json` prints it."""
        return asdict(self)


class _Field(NamedTuple):
    rank: int
    confidence: float
    flagged: bool
    reviewed: bool
    wrong: bool
    unreadable: bool


def report(
    pages: Iterable[PageAnswers], corrections: Corrections, error: float | None = None
) -> Report:
    """Estimate the error of the fields that nobody reviewed.

    Args:
        pages: All pages as they were read.
        corrections: What people said.
        error: The largest share of wrong values that is accepted in the table, above 0, below 1;
            None asks for no number of fields to review.
    """
    found: list[_Field] = []
    failed = 0
    for page in pages:
        failed += page.error is not None
        for answer in page.answers:
            key = page.source, page.page, answer.name
            said = corrections.get(key)
            unreadable = said is not None and said.state == "unreadable"
            wrong = said is not None and said.wrong
            found.append(
                _Field(
                    sample_rank(key), answer.confidence, answer.review is not None,
                    said is not None, wrong, unreadable,
                )
            )  # fmt: skip
    sample = _sample(found)
    flagged = [field for field in found if field.flagged]
    return Report(
        fields=len(found),
        failed_pages=failed,
        flagged=len(flagged),
        flagged_reviewed=sum(field.reviewed for field in flagged),
        reviewed=sum(field.reviewed for field in found),
        wrong=sum(field.wrong for field in found),
        unreadable=sum(field.unreadable for field in found),
        sample=len(sample),
        sample_wrong=sum(field.wrong for field in sample),
        as_read=_as_read(found, sample),
        rest=_rest(found, sample),
        to_review=_to_review(found, sample, error) if error is not None and found else None,
    )


def _sample(found: list[_Field]) -> list[_Field]:
    """Return the fields before the first one in random order that was not reviewed."""
    ordered = sorted(found, key=lambda field: field.rank)
    end = next((n for n, field in enumerate(ordered) if not field.reviewed), len(ordered))
    return ordered[:end]


def _as_read(found: list[_Field], sample: list[_Field]) -> Share:
    total = len(found)
    if not total:
        return Share(None, 0.0, 0.0, 0)
    wrong = sum(field.wrong for field in sample)
    lower, upper = errors_interval(wrong, len(sample), total, CONFIDENCE)
    estimate = wrong / len(sample) if sample else None
    return Share(estimate, lower / total, upper / total, total)


def _rest(found: list[_Field], sample: list[_Field]) -> Share:
    """Return the share of wrong fields among those not reviewed.

    The sample bounds the number of wrong fields; those that the review found are subtracted. If all
    flagged fields were reviewed, which are wrong most often, only the others count.
    """
    open_ = [field for field in found if not field.reviewed]
    if not open_:
        return Share(0.0, 0.0, 0.0, 0)
    fields, seen = found, sample
    for flagged in (True, False):
        if all(field.flagged is flagged for field in open_):
            fields = [field for field in found if field.flagged is flagged]
            seen = [field for field in sample if field.flagged is flagged]
    known = sum(field.wrong for field in fields)
    wrong = sum(field.wrong for field in seen)
    ends = errors_interval(wrong, len(seen), len(fields), CONFIDENCE)
    lower, upper = (min(max(end - known, 0), len(open_)) / len(open_) for end in ends)
    estimate = None
    if seen:
        expected = wrong / len(seen) * len(fields) - known
        estimate = min(max(expected, 0.0), len(open_)) / len(open_)
    return Share(estimate, lower, upper, len(open_))


def _to_review(found: list[_Field], sample: list[_Field], error: float) -> ToReview:
    """Return how many of the least sure fields to review.

    The number of wrong fields that remain falls with the number reviewed, so the bound at each
    number holds for the one that is chosen, too (S. Bates et al., "Distribution-free,
    risk-controlling prediction sets", 2021, theorem 1). The bound is one-sided.
    """
    total, size = len(found), len(sample)
    accepted = int(error * total)
    in_order = sorted(range(total), key=lambda place: found[place].confidence)
    place_of = {id(found[place]): number for number, place in enumerate(in_order)}
    # Places of the wrong fields in the sample, from the surest on: reviewing N removes those below.
    wrong = sorted((place_of[id(field)] for field in sample if field.wrong), reverse=True)

    def upper(errors: int, sample: int) -> int:
        return errors_interval(errors, sample, total, 2 * CONFIDENCE - 1)[1]

    def fields_to_review(remaining: int) -> int:
        return wrong[remaining] + 1 if remaining < len(wrong) else 0

    assured = None
    if size and upper(0, size) <= accepted:
        allowed = next((e for e in range(1, size + 1) if upper(e, size) > accepted), size + 1) - 1
        assured = fields_to_review(allowed)
    needed = _smallest(total, lambda n: upper(0, n) <= accepted)
    estimated = fields_to_review(int(error * size)) if size else None
    return ToReview(error, estimated, assured, needed)


def _smallest(total: int, enough: Any) -> int:
    low, high = 0, total
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def report_text(found: Report, table: str) -> str:
    """Return a report for people, in a few lines.

    Args:
        found: The report.
        table: Path of the table, as the user gave it.
    """
    fields = f"{count(found.fields, 'field')}, {found.flagged:,} of them flagged for review"
    lines = [f"{table}: {fields}"]
    if found.failed_pages:
        lines.append(f"pages that could not be read: {found.failed_pages:,}")
    lines.append(
        f"reviewed: {found.reviewed:,} ({found.flagged_reviewed:,} of the flagged ones); "
        f"{found.wrong:,} had been read wrong, {found.unreadable:,} cannot be read"
    )
    if not found.sample and found.rest.fields:
        lines.append(
            "no random sample was reviewed, so nothing is known of the other fields: "
            f"tenfold review {table} --sample 200"
        )
    else:
        lines.append(
            f"random sample: {count(found.sample, 'field')}, {found.sample_wrong:,} read wrong"
        )
        lines.append(f"error as read: {_share(found.as_read)}")
        if found.rest.fields:
            rest = count(found.rest.fields, "field")
            lines.append(f"error of the {rest} that nobody reviewed: {_share(found.rest)}")
        else:
            lines.append("every field was reviewed")
    if found.to_review:
        lines += _to_review_lines(found, found.to_review, table)
    return "\n".join(lines)


def _share(share: Share) -> str:
    interval = f"{_percent(share.lower)} to {_percent(share.upper)} with 95% confidence"
    return f"{_percent(share.estimate)} ({interval})" if share.estimate is not None else interval


def _percent(share: float) -> str:
    return f"{share:.2%}"


def _to_review_lines(found: Report, asked: ToReview, table: str) -> list[str]:
    lines = [f"for an error of the table of at most {_percent(asked.error)}:"]
    if not found.rest.fields:
        return []
    if asked.estimated is not None:
        lines.append(f"  by the estimate, review the {asked.estimated:,} least sure fields")
    if asked.assured is not None:
        lines.append(
            f"  with 95% confidence, review the {asked.assured:,} least sure fields: "
            f"tenfold review {table} --least-sure {asked.assured}"
        )
    else:
        lines.append(
            f"  with 95% confidence: a sample of {asked.needed_sample:,} fields or more can tell: "
            f"tenfold review {table} --sample {asked.needed_sample}"
        )
    return lines
