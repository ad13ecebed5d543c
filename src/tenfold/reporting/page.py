"""A page of figures with words: one HTML file that needs no other file, address or script."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import fill

MNIST_CREDIT = "Digits shown here are from MNIST (Y. LeCun, C. Cortes), licensed CC BY-SA 3.0."


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        heading: Its heading.
        words: Paragraphs, as plain text.
        figures: Drawn below them; a figure may be an encoded PNG too, with words for those who
            do not see it.
    """

    heading: str
    words: Sequence[str]
    figures: Sequence[Drawing | tuple[bytes, str]] = ()


def render_page(
    *,
    eyebrow: str,
    name: str,
    heading: str,
    facts: str,
    lede: str,
    sections: Sequence[Section],
    footer: str = "",
) -> str:
    """Return a page as HTML.

    Args:
        eyebrow: A line of small print on top.
        name: What the page is about, in the largest letters.
        heading: The rest of that sentence.
        facts: A line of figures below.
        lede: What the page shows, in a sentence or two.
        sections: The rest.
        footer: Credits.
    """
    return fill(
        "page.html",
        title=escape(f"{name} {heading}"),
        eyebrow=escape(eyebrow),
        name=escape(name),
        heading=escape(heading),
        facts=escape(facts),
        lede=escape(lede),
        sections="\n".join(map(_section, sections)),
        footer=escape(footer),
    )


def _section(section: Section) -> str:
    words = "\n".join(f"<p>{escape(words)}</p>" for words in section.words)
    figures = "\n".join(map(_figure, section.figures))
    return f"<section>\n<h2>{escape(section.heading)}</h2>\n{words}\n{figures}\n</section>"


def _figure(figure: Drawing | tuple[bytes, str]) -> str:
    if isinstance(figure, Drawing):
        narrow = " narrow" if figure.width < 800 else ""
        return f'<figure class="sheet{narrow}">{figure.svg()}</figure>'
    png, words = figure
    source = base64.b64encode(png).decode()
    return (
        f'<figure class="sheet narrow"><img alt="{escape(words)}" '
        f'src="data:image/png;base64,{source}"></figure>'
    )
