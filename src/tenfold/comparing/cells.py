"""The cache of comparisons: what was found about one classifier and one number of images."""

import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tenfold.arrays import Images, Labels, Probabilities
from tenfold.comparing.contenders import Contender, Fitted
from tenfold.data.official import FILES
from tenfold.execution.progress import WorkBar, run_in_thread
from tenfold.files import cache_dir, sha256, write_atomic, write_json

FORMAT = 3
"""Version of the cells' contents; cells of other versions are not used."""


@dataclass(frozen=True)
class Cell:
    """The files of one classifier and one number of training images.

    The facts are written last, so a cell without facts is incomplete and is made again.

    Attributes:
        folder: Folder of all cells.
        key: 32 hexadecimal digits, a hash of all that decides the contents.
    """

    folder: Path
    key: str

    def facts(self) -> dict[str, Any] | None:
        """Return the figures, or None if the cell is incomplete."""
        return self._read_json("json")

    def timings(self) -> dict[str, Any] | None:
        """Return the speed of prediction, or None if it was not measured."""
        return self._read_json("timings.json")

    def probabilities(self) -> Probabilities:
        """Return the probabilities given to `write`."""
        data = self._path("npy").read_bytes()
        found: Probabilities = np.load(io.BytesIO(data), allow_pickle=False)
        return found

    def model(self) -> bytes:
        """Return the file of the classifier, which whole cells have; empty if it has none."""
        path = self._path("model")
        return path.read_bytes() if path.exists() else b""

    def checkpoints(self) -> Path:
        """Return the folder for the checkpoints of a fit."""
        return self._path("checkpoints")

    def write(
        self, facts: dict[str, Any], probabilities: Probabilities, model: bytes | None = None
    ) -> None:
        """Write the contents, the facts last."""
        if model is not None:
            write_atomic(self._path("model"), model)
        buffer = io.BytesIO()
        np.save(buffer, probabilities)
        write_atomic(self._path("npy"), buffer.getvalue())
        write_json(self._path("json"), facts)

    def write_timings(self, timings: dict[str, Any]) -> None:
        """Write the speed of prediction."""
        write_json(self._path("timings.json"), timings)

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self.key}.{suffix}"

    def _read_json(self, suffix: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._path(suffix).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found


def cell_of(
    settings: dict[str, Any],
    train_size: int,
    *,
    data: Mapping[str, str] = MappingProxyType(FILES),
    whole: bool = False,
    folder: Path | None = None,
) -> Cell:
    """Return the cell of a classifier with these settings.

    Args:
        settings: All that decides the classifier, JSON-ready.
        train_size: Number of training images, the first ones.
        data: Hashes of the data set; MNIST's by default.
        whole: The cell also holds the classifier, its figures on corrupted images, and its size.
        folder: Folder of the cell; None for compare/ in the cache.
    """
    decides = {
        "format": FORMAT,
        "data": dict(data),
        "settings": settings,
        "train_size": train_size,
        "whole": whole,
    }
    digest = sha256(json.dumps(decides, sort_keys=True).encode())
    return Cell(folder or cache_dir() / "compare", digest[:32])


def fit_cell(
    cell: Cell,
    contender: Contender,
    images: Images,
    labels: Labels,
    measure: Callable[[Fitted], tuple[dict[str, Any], Probabilities, bytes | None]],
    bar: WorkBar,
) -> None:
    """Fit a classifier and write its cell; an interrupted fit continues from its checkpoints.

    Args:
        cell: Where the results go.
        contender: The classifier.
        images: uint8 (n, 28, 28), the training images.
        labels: uint8 (n,).
        measure: Returns what `Cell.write` takes.
        bar: Shows the progress.
    """

    def work() -> None:
        fitted = contender.fit(images, labels, cell.checkpoints(), bar.phase)
        bar.phase("reading")
        cell.write(*measure(fitted))
        shutil.rmtree(cell.checkpoints(), ignore_errors=True)

    run_in_thread(work, bar.tick)
