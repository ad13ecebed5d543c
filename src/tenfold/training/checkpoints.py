"""Checkpoints: all that a training needs to go on, one file an epoch, two kept."""

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
"""If the newest is damaged, the one before still counts; more would only fill the disk."""

_DIGEST_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after some epochs.

    Attributes:
        request: Hash of what is trained, by which and from what.
        epochs_done: Number of finished epochs.
        seconds: Time spent in fit so far.
        history: One row per finished epoch.
        arrays: The variables of network and optimizer, in their own order.
    """

    request: str

    epochs_done: int
    seconds: float
    history: list[dict[str, Any]]
    arrays: list[npt.NDArray[Any]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all, its SHA-256 in front; drop all but two."""
    facts = {key: value for key, value in vars(checkpoint).items() if key != "arrays"}
    buffer = io.BytesIO()  # no ZIP, as .npz is: it refuses to be written before 1980
    np.save(buffer, np.array(json.dumps(facts)))
    for array in checkpoint.arrays:
        np.save(buffer, array)
    data = buffer.getvalue()
    path = folder / f"epoch-{checkpoint.epochs_done:05d}.ckpt"
    write_atomic(path, hashlib.sha256(data).digest() + data)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint that is whole, or None; damaged ones are told and passed by."""
    for path in _newest_first(folder):
        data = path.read_bytes()
        digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            _log.warning("the checkpoint %s is damaged; going back to the one before", path)
            continue
        stream = io.BytesIO(content)
        facts = json.loads(str(np.load(stream)))
        arrays = []
        while stream.tell() < len(content):
            arrays.append(np.load(stream))
        return Checkpoint(arrays=arrays, **facts)
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.ckpt"), reverse=True)
