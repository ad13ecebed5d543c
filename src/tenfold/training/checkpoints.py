"""Checkpoints: the state of a training after each epoch; the last two are kept."""

import hashlib
import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.files import write_atomic

KEPT = 2
"""Number of checkpoints to keep: if the newest is damaged, the one before is used."""

_DIGEST_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after some epochs.

    Attributes:
        request: Hash of all that decides the training.
        epochs_done: Number of finished epochs.
        seconds: Time spent in fit so far.
        history: One row per finished epoch.
        arrays: The variables of network and optimizer, in their own order, and last the deficits
            of the images.
    """

    request: str
    epochs_done: int
    seconds: float
    history: list[dict[str, Any]]
    arrays: list[npt.NDArray[Any]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically, its SHA-256 in front; delete all but the last two."""
    facts = {key: value for key, value in vars(checkpoint).items() if key != "arrays"}
    buffer = io.BytesIO()  # not .npz: ZIP cannot be written with a clock before 1980
    np.save(buffer, np.array(json.dumps(facts)))
    for array in checkpoint.arrays:
        np.save(buffer, array)
    data = buffer.getvalue()
    path = folder / f"epoch-{checkpoint.epochs_done:05d}.ckpt"
    write_atomic(path, hashlib.sha256(data).digest() + data)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest undamaged checkpoint, or None; warn about damaged ones."""
    for path in _newest_first(folder):
        data = path.read_bytes()
        digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            _log.warning("the checkpoint %s is damaged; using the one before", path)
            continue
        stream = io.BytesIO(content)
        facts = json.loads(str(np.load(stream)))
        arrays = []
        while stream.tell() < len(content):
            arrays.append(np.load(stream))
        return Checkpoint(arrays=arrays, **facts)
    return None


def _newest_first(folder: Path) -> list[Path]:
    # Epoch 100,000, the last that a recipe may have, has one digit more than the others.
    return sorted(
        folder.glob("epoch-*.ckpt"), key=lambda path: (len(path.name), path), reverse=True
    )
