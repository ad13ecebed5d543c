"""tenfold review: look at doubtful fields of a form in the browser, and correct them."""

import argparse
import getpass
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import port, show_progress
from tenfold.errors import MissingExtraError, UsageError
from tenfold.formatting import count

if TYPE_CHECKING:
    from tenfold.forms.review.session import Review

HELP = "look at doubtful fields of forms, and correct them"
DESCRIPTION = "Serve a page that shows doubtful fields of forms, least sure first, until Ctrl-C."
EPILOG = """\
examples:
  tenfold review answers.csv                    the fields flagged by `tenfold form`
  tenfold review answers.csv --sample 200       a random sample, to know the error of the rest
  tenfold review answers.csv --least-sure 500   the 500 least sure fields, flagged or not
  tenfold review answers.csv --export own.npz   digits with labels, for `tenfold adapt`

The page needs no mouse: Enter accepts, digits correct, E means empty, U unreadable, arrow keys move
on. Every answer is on disk at once, in ANSWERS.corrections.jsonl; the table follows. Only this
machine can open the page, by the address that is printed. From another machine, forward the port
with ssh -L 8001:127.0.0.1:8001 HOST, and give --port 8001.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("answers", metavar="ANSWERS", help="a table that `tenfold form` wrote")
    help = "port to listen on (default: any free one)"
    add("--port", type=port, default=0, metavar="N", help=help)
    add("--sample", type=int, metavar="N", help="review N fields drawn at random from all")
    help = "review the N least sure fields, flagged or not"
    add("--least-sure", type=int, metavar="N", help=help)
    help = "who reviews, for the file of corrections (default: the name of the user)"
    add("--by", metavar="NAME", help=help)
    help = "write the digits of reviewed fields with their labels, and exit"
    add("--export", type=Path, metavar="FILE.npz", help=help)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Serve the page until stopped, or export what was reviewed."""
    if options.export:
        if options.sample is not None or options.least_sure is not None:
            raise UsageError("--export takes all reviewed fields: omit --sample and --least-sure")
        return _export(options.answers, options.export)
    from tenfold.forms.review.queue import Choice

    choice = Choice(options.sample, options.least_sure)
    try:
        from tenfold.forms.review.app import MAX_BYTES, create_review_app
        from tenfold.forms.review.session import open_review
        from tenfold.serving.listening import listen
        from tenfold.serving.local import LocalGuard, LocalServer, make_key
    except ImportError as error:
        raise MissingExtraError("reviewing", "serve,forms") from error

    by, progress = options.by or _user(), show_progress(options)
    with open_review(options.answers, choice, by, progress=progress) as review:
        if not review.items:
            return {"fields": 0, "reviewed": 0}, _nothing(review, options.answers)

        def announce(address: str) -> None:
            document = json.dumps({"address": address, "fields": len(review.items)})
            text = f"{_todo(review)}: {address} (Ctrl-C stops)"
            with suppress(OSError):  # nobody reads it
                print(document if options.json else text, flush=True)  # noqa: T201

        key = make_key()
        guard = LocalGuard(create_review_app(review, key), MAX_BYTES)
        server = LocalServer(guard, listen("127.0.0.1", options.port), f"/{key}/", announce)
        options.interrupted_hint = f"; what was reviewed is in {options.answers}"
        server.serve_until_stopped()
    options.json = False  # the address was the one document
    return None, ""


def _export(table: str, file: Path) -> tuple[Any, str]:
    from tenfold.forms.answers import open_answers
    from tenfold.forms.corrections import corrections_file, load_corrections
    from tenfold.forms.labeled_digits import labeled_digits, write_labeled_digits

    answers = open_answers(table)
    found = labeled_digits(answers, load_corrections(corrections_file(answers.table)))
    write_labeled_digits(file, found)
    count_of = {"digits": len(found.labels), "fields": found.fields, "left_out": found.left_out}
    text = (
        f"{count(len(found.labels), 'digit')} of {count(found.fields, 'reviewed field')} in {file}:"
        f" tenfold adapt reader --data {file}"
    )
    if found.left_out:
        fields = count(found.left_out, "field")
        text += f"\n{fields} left out: the digits found in them do not fit the value"
    return {"file": str(file), **count_of}, text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _todo(review: "Review") -> str:
    left = len(review.items) - review.reviewed
    return f"{count(left, 'field')} to review ({review.choice.title})"


def _nothing(review: "Review", table: str) -> str:
    if not any(page.answers for page in review.answers.pages()):
        return f"{table}: no page could be read, so there is nothing to review"
    return (
        f"{table}: no field is flagged for review. To know the error of the table, review a random"
        f" sample: tenfold review {table} --sample 200"
    )
