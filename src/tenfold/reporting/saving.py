"""A page and its figures, written into a folder."""

from pathlib import Path

from tenfold.errors import UsageError
from tenfold.files import make_folder, write_atomic
from tenfold.reporting.drawing import Drawing

PAGE = "index.html"


def save_page(page: str, figures: dict[str, Drawing], folder: Path) -> list[Path]:
    """Write a page as index.html, and its figures beside it, as PNG and as SVG.

    Returns:
        What was written, the page first.
    """
    make_folder(folder)
    for name, figure in figures.items():
        write_atomic(folder / f"{name}.png", figure.png())
        write_atomic(folder / f"{name}.svg", figure.svg())
    write_atomic(folder / PAGE, page)
    beside = [folder / f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    return [folder / PAGE, *beside]


def check_folder(folder: Path, picture: str) -> None:
    """Refuse a folder that holds the picture: nothing may be written over it.

    Raises:
        UsageError: It does.
    """
    if Path(picture).resolve().parent == folder.resolve():
        raise UsageError(f"--out {folder} would write beside the picture; give another folder")
