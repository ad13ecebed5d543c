"""What was found about one classifier on so many images, kept in the cache: a cell of the table."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.data.official import FILES
from tenfold.files import cache_dir, sha256, write_atomic, write_json

FORMAT = 2
"""Raised when cells of an older tenfold say something else."""


@dataclass(frozen=True)
class Cell:
    """One classifier on so many training images.

    Its name is a hash of the data, the settings and the number of images, so a cell is never taken
    for another. The facts are written last: a cell cut off halfway has none and is done anew.

    Attributes:
        folder: Of all cells.
        key: 32 hexadecimal digits.
    """

    folder: Path
    key: str

    def facts(self) -> dict[str, Any] | None:
        """Return what was found, or None if it is not done."""
        return self._read_json("json")

    def timings(self) -> dict[str, Any] | None:
        """Return how fast it reads, or None if that was not measured."""
        return self._read_json("timings.json")

    def probabilities(self) -> npt.NDArray[np.float32]:
        """Return float32 (10000, 10), for the test images."""
        data = self._path("npy").read_bytes()
        found: npt.NDArray[np.float32] = np.load(io.BytesIO(data), allow_pickle=False)
        return found

    def model(self) -> bytes:
        """Return the classifier as it was written; only whole cells keep it."""
        return self._path("model").read_bytes()

    def checkpoints(self) -> Path:
        """Return the folder for a fit that is not done."""
        return self._path("checkpoints")

    def write(
        self,
        facts: dict[str, Any],
        probabilities: npt.NDArray[np.float32],
        model: bytes | None,
    ) -> None:
        """Keep all of it, the facts last."""
        if model is not None:
            write_atomic(self._path("model"), model)
        buffer = io.BytesIO()
        np.save(buffer, probabilities)
        write_atomic(self._path("npy"), buffer.getvalue())
        write_json(self._path("json"), facts)

    def write_timings(self, timings: dict[str, Any]) -> None:
        """Keep how fast it reads."""
        write_json(self._path("timings.json"), timings)

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self.key}.{suffix}"

    def _read_json(self, suffix: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._path(suffix).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found


def cells_folder() -> Path:
    """Return where cells are kept: compare/ in the cache."""
    return cache_dir() / "compare"


def cell_of(settings: dict[str, Any], train_size: int, *, whole: bool) -> Cell:
    """Return the cell of a classifier with these settings.

    Args:
        settings: All that decides the classifier, JSON-ready.
        train_size: Images it learns from, the first of the 60,000.
        whole: Corruptions, size and speed too, not accuracy alone.
    """
    decides = {
        "format": FORMAT,
        "data": dict(FILES),
        "settings": settings,
        "train_size": train_size,
        "whole": whole,
    }
    digest = sha256(json.dumps(decides, sort_keys=True).encode())
    return Cell(cells_folder(), digest[:32])
