"""What all pages have in common: one style, charts within the page, nothing from elsewhere."""

import base64
import io
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:  # some pages are made in the base install
    from matplotlib.figure import Figure


def fill(template: str, **parts: str) -> str:
    """Return a page: a template of this package with its $places filled, $style with page.css.

    Args:
        template: Name of the file.
        parts: HTML by place; text must be escaped already.
    """
    home = files(__package__)
    page = Template(home.joinpath(template).read_text(encoding="utf-8"))
    return page.substitute(parts, style=home.joinpath("page.css").read_text(encoding="utf-8"))


def chart(figure: "Figure", name: str, label: str) -> str:
    """Return a figure as an element of a page.

    Args:
        figure: What was drawn.
        name: Unique on the page; letters, digits and hyphens.
        label: What it shows, for those who do not see it.
    """
    from tenfold.reporting.figures import inline_svg

    svg = inline_svg(figure, name)
    return f'<figure class="chart" role="img" aria-label="{label}">{svg}</figure>'


def picture(image: np.ndarray, alternative: str) -> str:
    """Return an image as an element of a page that holds its pixels itself.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        alternative: What it shows, for those who do not see it.
    """
    data = io.BytesIO()
    Image.fromarray(image).save(data, "png")
    source = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    height, width = image.shape[:2]
    return f'<img src="{source}" width="{width}" height="{height}" alt="{alternative}">'
