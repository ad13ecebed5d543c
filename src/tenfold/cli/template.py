"""tenfold template: the fields of a form, proposed from its blank page."""

import argparse
from pathlib import Path
from typing import Any

from tenfold.errors import UsageError
from tenfold.formatting import count

HELP = "propose the fields of a form from its blank page"
DESCRIPTION = (
    "Find the boxes, combs and lines to write on of a blank form, and leave a template, and a page "
    "on which to name the fields, move, draw and delete them, and to say what may stand in them."
)
EPILOG = """\
examples:
  tenfold template blank.png --out form.json    form.json, and form.html to edit it
  tenfold template blank.pdf --out form.json    a PDF of one page (extra pdf)
  tenfold template form.json                    form.html again, for a template that exists

Open form.html in a browser, name the fields, and save form.json in place of the first one. Then
`tenfold form form.json scans/ --out answers.csv` reads filled pages.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    help = "the blank form: a picture or a PDF of one page; or a template to edit again"
    add("blank", type=Path, metavar="BLANK", help=help)
    help = "the template to write (default: BLANK's name with .json, in this folder)"
    add("--out", type=Path, metavar="FILE.json", help=help)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Propose a template or open one again, and return where it is."""
    from tenfold.forms.editor.page import write_editor
    from tenfold.forms.template import load_template

    if options.blank.suffix.lower() == ".json":
        if options.out not in (None, options.blank):
            raise UsageError(f"{options.blank} is a template, and is edited as it is: omit --out")
        path, template = options.blank, load_template(options.blank)
    else:
        path, template = _proposed(options)
    page = write_editor(path, template)
    ticks = sum(field.kind == "tick" for field in template.fields)
    document = {
        "template": str(path), "page": str(template.page), "editor": str(page),
        "fields": len(template.fields), "ticks": ticks,
    }  # fmt: skip
    text = (
        f"{count(len(template.fields), 'field')} in {path}, {count(ticks, 'tick')} among them\n"
        f"open {page} in a browser to name and correct them"
    )
    return document, text


def _proposed(options: argparse.Namespace) -> tuple[Path, Any]:
    from tenfold.forms.proposal import propose_fields
    from tenfold.forms.template import FormField, Template, save_template, write_page
    from tenfold.imaging.decoding import load_picture

    gray = load_picture(options.blank).gray
    path = options.out or Path(options.blank.with_suffix(".json").name)
    if path.suffix.lower() != ".json":
        raise UsageError(f"{path} must end in .json")
    if path.exists():
        raise UsageError(
            f"{path} exists; give another name by --out, or edit it: tenfold template {path}"
        )
    for other in (path.with_suffix(".page.png"), path.with_suffix(".html")):
        if other.exists():
            raise UsageError(f"{other} exists; give another name by --out, or move it away")
    fields = propose_fields(gray)
    high, wide = gray.shape
    if not fields:  # nothing was found: one field to begin with
        fields = (FormField("field 1", (wide // 4, high // 4, wide // 4, max(8, high // 40))),)
    template = Template(write_page(path, gray), wide, high, fields)
    save_template(path, template)
    return path, template
