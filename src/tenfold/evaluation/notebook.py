"""An evaluation as HTML for notebooks: figures and the confusion matrix."""

from collections.abc import Sequence
from html import escape

import numpy as np

MOST_CLASSES = 30
"""A confusion matrix of more classes is left out."""

_CELL = "padding:1px 7px;text-align:right"
_ERROR, _RIGHT = "213,94,0", "0,114,178"
"""Red, green and blue of vermillion and blue (Okabe and Ito 2008)."""


def figures_html(title: str, figures: Sequence[tuple[str, str]]) -> str:
    """Return figures as a table of two columns below a title; all text is escaped."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:right">{escape(value)}</td></tr>'
        for name, value in figures
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>"


def confusion_html(confusion: np.ndarray, classes: Sequence[str] = ()) -> str:
    """Return a confusion matrix as a table: errors vermillion, the more the darker.

    Args:
        confusion: int64 (classes, classes); rows are true classes, columns predicted ones.
        classes: Names of the classes; their numbers if empty.

    Returns:
        An empty string for more than `MOST_CLASSES` classes.
    """
    if len(confusion) > MOST_CLASSES:
        return ""
    names = [escape(name) for name in classes or map(str, range(len(confusion)))]
    most = max(1, int((confusion - np.diag(np.diag(confusion))).max()))
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in names)
    rows = [f"<tr><th></th>{head}</tr>"]
    for label, (name, counts) in enumerate(zip(names, confusion, strict=True)):
        cells = [f'<th style="{_CELL}">{name}</th>']
        for predicted, number in enumerate(counts):
            right = label == predicted
            color, strength = (_RIGHT, 0.15) if right else (_ERROR, 0.15 + 0.6 * number / most)
            shade = f";background:rgba({color},{strength:.2f})" if number else ""
            cells.append(f'<td style="{_CELL}{shade}">{number or ""}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = "<caption>rows: true classes; columns: predicted ones</caption>"
    return f"<table>{caption}<tbody>{''.join(rows)}</tbody></table>"
