"""A page of figures with words: one HTML file that needs no other file, address or script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from tenfold.reporting.drawing import Drawing
from tenfold.reporting.html import fill, picture

MNIST_CREDIT = "Digits shown here are from MNIST (Y. LeCun, C. Cortes), licensed CC BY-SA 3.0."


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        heading: Its heading.
        words: Paragraphs, as plain text.
        figures: Drawn below them; a figure may be pixels too, uint8 (h, w, 3), with words for
            those who do not see them.
    """

    heading: str
    words: Sequence[str]
    figures: Sequence[Drawing | tuple[npt.NDArray[np.uint8], str]] = ()


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


def _figure(figure: Drawing | tuple[npt.NDArray[np.uint8], str]) -> str:
    if isinstance(figure, Drawing):
        narrow = " narrow" if figure.width < 800 else ""
        return f'<figure class="sheet{narrow}">{figure.svg()}</figure>'
    return f'<figure class="sheet narrow">{picture(figure[0], escape(figure[1]))}</figure>'
