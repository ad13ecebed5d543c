"""What all pages have in common: one style, charts within the page, nothing from elsewhere."""

from importlib.resources import files
from string import Template

from matplotlib.figure import Figure

from tenfold.reporting.figures import inline_svg


def fill(template: str, **parts: str) -> str:
    """Return a page: a template of this package with its $places filled, $style with page.css.

    Args:
        template: Name of the file.
        parts: HTML by place; text must be escaped already.
    """
    home = files(__package__)
    page = Template(home.joinpath(template).read_text(encoding="utf-8"))
    return page.substitute(parts, style=home.joinpath("page.css").read_text(encoding="utf-8"))


def chart(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an element of a page.

    Args:
        figure: What was drawn.
        name: Unique on the page; letters, digits and hyphens.
        label: What it shows, for those who do not see it.
    """
    svg = inline_svg(figure, name)
    return f'<figure class="chart" role="img" aria-label="{label}">{svg}</figure>'
