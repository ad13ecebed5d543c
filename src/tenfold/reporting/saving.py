"""Pages and figures written to disk."""

import io
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tenfold.errors import UsageError
from tenfold.files import make_folder, real_path, write_atomic
from tenfold.formatting import count
from tenfold.reporting.drawing import Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)

DPI = 150
"""Resolution of charts as PNG, in pixels per inch."""

SMALL_WIDTH = 750
"""Width of pictures in the documentation, in pixels: the width of its column of text."""


_FIGURES, _END = "<!-- figures: ", " -->"


def save_figure(figure: "Drawing | Figure", path: Path) -> None:
    """Write a figure as PNG or SVG, as the suffix of the path says.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    if isinstance(figure, Drawing):
        write_atomic(path, figure.png() if path.suffix == ".png" else figure.svg())
        return
    data = io.BytesIO()
    figure.savefig(data, format=path.suffix[1:], dpi=DPI)
    write_atomic(path, data.getvalue())


def save_small(figure: "Drawing | Figure", path: Path) -> None:
    """Write a figure as a PNG of 256 colors and `SMALL_WIDTH` pixels, for documentation.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    data = io.BytesIO()
    if isinstance(figure, Drawing):
        data.write(figure.png(SMALL_WIDTH / figure.width))
    else:
        figure.savefig(data, format="png", dpi=SMALL_WIDTH / figure.get_figwidth())
    small = io.BytesIO()
    colors = Image.open(data).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    colors.save(small, "PNG", optimize=True)
    write_atomic(path, small.getvalue())


def save_page(
    page: str, figures: Mapping[str, "Drawing | Figure"], folder: Path, name: str = "index.html"
) -> list[Path]:
    """Write a page, and its figures beside it as PNG and SVG.

    Figures of the page that this one replaces are removed if it does not have them. A comment at
    the end of a page names its figures.

    Args:
        page: HTML.
        figures: By name, without suffix.
        folder: Made if it does not exist; files of the same names are replaced.
        name: File name of the page.

    Returns:
        The files written, the page first.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    make_folder(folder)
    _log.debug("writing a page and %s to %s", count(len(figures), "figure"), folder)
    paths = [folder / name]
    stale = _figures_of(paths[0]) - set(figures)
    for figure_name, figure in figures.items():
        for suffix in (".png", ".svg"):
            paths.append(folder / f"{figure_name}{suffix}")
            save_figure(figure, paths[-1])
    write_atomic(paths[0], f"{page}\n{_FIGURES}{json.dumps(list(figures))}{_END}\n")
    for path in (folder / f"{one}{suffix}" for one in stale for suffix in (".png", ".svg")):
        path.unlink(missing_ok=True)
    return paths


def _figures_of(page: Path) -> set[str]:
    """Return the names of the figures that were written beside a page, if there is one."""
    try:
        comment = page.read_text(encoding="utf-8").rpartition(_FIGURES)[2]
        names = map(Path, json.loads(comment.partition(_END)[0]))
        return {str(name) for name in names if str(name) == name.name}
    except (OSError, TypeError, ValueError):  # no page, or none of ours
        return set()


def check_folder(folder: Path, picture: str) -> None:
    """Refuse a folder that holds the picture, so that nothing overwrites files beside it.

    Raises:
        UsageError: The folder holds the picture.
    """
    if real_path(picture).parent == real_path(folder):
        raise UsageError(f"--out {folder} would write beside the picture; give another folder")
