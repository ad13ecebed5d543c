"""The page that edits a template, as one HTML file that needs no server."""

from pathlib import Path

from tenfold.files import write_atomic
from tenfold.forms.template import Template
from tenfold.reporting.html import render


def write_editor(path: Path, template: Template) -> Path:
    """Write the page beside a template, with its suffix .html, and return its path.

    Args:
        path: Of the template's JSON, whose name the page saves under.
        template: The fields and the page to show.

    Raises:
        UsageError: The template's page cannot be read.
        WriteError: The file cannot be written.
    """
    page = path.with_suffix(".html")
    html = render("forms/editor/editor.html", name=path.name, form=template, page=template.gray)
    write_atomic(page, html)
    return page
