"""HTML pages made by Jinja2 from one base template; a page needs no other file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tenfold.formatting import count, duration, percent
from tenfold.reporting.drawing import Drawing

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from matplotlib.figure import Figure

PACKAGE = Path(__file__).parent.parent
"""Templates are named by their path from here: each lies beside the code that renders it."""


@dataclass(frozen=True)
class Section:
    """One section of a page from `render_sections`.

    Attributes:
        heading: Plain text.
        paragraphs: Plain text.
        figures: Shown below the paragraphs: drawings, or pixels, uint8 (h, w) or (h, w, 3), with
            a text alternative.
    """

    heading: str
    paragraphs: Sequence[str]
    figures: Sequence[Drawing | tuple[np.ndarray, str]] = ()


def render(template: str, **values: Any) -> str:
    """Return a page as HTML; all plain text in it is escaped.

    Templates have these filters besides Jinja2's own: ``fmt`` is Python's `format`; ``plural``,
    ``duration`` and ``percent`` are `tenfold.formatting.count`, `duration` and `percent`; ``svg``
    puts a figure into the page; ``png`` gives pixels as a data URL.

    Args:
        template: Path of the file from the package's root, such as "training/report.html".
        values: What the template shows, by name; a name that is missing is an error. Of file names
            that are no UTF-8, question marks stand for the bytes that are not.
    """
    page = _environment().get_template(template).render(values)
    return page.encode("utf-8", "replace").decode()


def render_sections(
    *,
    eyebrow: str,
    name: str,
    heading: str,
    facts: str,
    lede: str,
    sections: Sequence[Section],
    mnist: bool = False,
) -> str:
    """Return a page of sections that each hold paragraphs and figures.

    Args:
        eyebrow: The small line on top.
        name: What the page is about, in the largest letters; the title begins with it.
        heading: The rest of the title.
        facts: A line of figures below the title.
        lede: What the page shows, in a sentence or two.
        sections: The contents.
        mnist: The page shows digits of MNIST, so the footer credits it.
    """
    return render(
        "reporting/sections.html", eyebrow=eyebrow, name=name, heading=heading, facts=facts,
        lede=lede, sections=sections, mnist=mnist,
    )  # fmt: skip


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PACKAGE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "fmt": format, "plural": count, "duration": duration, "percent": percent,
        "svg": _svg, "png": _png,
    }  # fmt: skip
    return environment


def _svg(figure: "Drawing | Figure", name: str = "") -> "Markup":
    """Return a figure as an ``<svg>`` element; the name of a chart is unique on the page."""
    from markupsafe import Markup

    if isinstance(figure, Drawing):
        return Markup(figure.svg().replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))
    from tenfold.reporting.figures import inline_svg

    return Markup(inline_svg(figure, name))


def _png(pixels: np.ndarray) -> str:
    """Return pixels, uint8 (h, w) or (h, w, 3), as a data URL."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
