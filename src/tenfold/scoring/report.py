"""The page of `tenfold score`: figures, coverage against error, and the failures."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tenfold.arrays import Gray
from tenfold.errors import PictureError
from tenfold.evaluation.significance import wilson_interval
from tenfold.imaging.decoding import load_picture
from tenfold.reporting.figures import BLUE, VERMILLION, add_legend, new_chart
from tenfold.reporting.html import render
from tenfold.reporting.saving import save_page
from tenfold.scoring.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_FAILURES = 200
"""Failures on the page, the ones that were accepted first; `tenfold score --json` lists all."""

THUMBNAIL_SIDE = 160
"""Longest side of a picture on the page, in pixels."""


def write_score(score: Score, folder: Path) -> Path:
    """Write the page, and its chart beside it as PNG and SVG; return the page's path.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    chart = plot_coverage(score)
    shown = score.failures[:SHOWN_FAILURES]
    sources = {picture.name: picture.picture for picture in score.pictures}
    page = render(
        "scoring/score.html",
        score=score,
        chart=chart,
        shown=[(failure, _thumbnail(sources[failure.file])) for failure in shown],
    )
    return save_page(page, {"coverage": chart}, folder)[0]


def plot_coverage(score: Score) -> "Figure":
    """Draw the error rate among the most confident readings against their share, with intervals."""
    outcomes = sorted(score.outcomes, key=lambda one: -one.confidence)
    n = np.arange(1, score.n + 1)
    errors = np.cumsum([not one.correct for one in outcomes])
    ends = np.array([wilson_interval(int(e), int(k)) for e, k in zip(errors, n, strict=True)])
    coverage = 100 * n / score.n
    figure, axes = new_chart(
        "Coverage against error", "coverage (%)", "error rate among accepted (%)"
    )
    axes.fill_between(
        coverage, 100 * ends[:, 0], 100 * ends[:, 1], color=BLUE, alpha=0.15, linewidth=0,
        label="95% interval",
    )  # fmt: skip
    axes.plot(coverage, 100 * errors / n, color=BLUE, linewidth=1.8)
    if score.accepted.error_rate is not None:
        axes.plot(
            100 * score.accepted.coverage, 100 * score.accepted.error_rate, "o",
            color=VERMILLION, label="the model's own threshold",
        )  # fmt: skip
    axes.set_xlim(0, 101)
    # The few most confident readings have wide intervals, which would flatten the curve.
    axes.set_ylim(0, max(2.0, 125 * float(ends[len(ends) // 5 :, 1].max())))
    add_legend(axes)
    return figure


def _thumbnail(source: object) -> Gray | None:
    """Return a small gray picture; None if it cannot be read."""
    try:
        gray = load_picture(source).gray  # type: ignore[arg-type]
    except PictureError:
        return None
    scale = THUMBNAIL_SIDE / max(gray.shape)
    if scale >= 1:
        return gray
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
