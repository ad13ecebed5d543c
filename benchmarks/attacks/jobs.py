"""Commands that write files: how to run each, to continue it, and to compare what it left."""

import hashlib
import io
import json
import tarfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tenfold.classifiers.bundle import META, ONNX, load_bundle
from tenfold.data.mnist import load_mnist
from tenfold.errors import TenfoldError
from tenfold.training.checkpoints import latest_checkpoint
from tenfold.training.run_folder import CHECKPOINTS, REQUEST

Words = list[object]
"""The words of a command after `tenfold`."""


class Job(ABC):
    """A command that writes into a folder `out`, with the same result each time."""

    name: str

    @abstractmethod
    def first(self, out: Path) -> Words:
        """Return the command that begins."""

    @abstractmethod
    def again(self, out: Path) -> Words:
        """Return the command that continues after a failure."""

    @abstractmethod
    def result(self, out: Path) -> Any:
        """Return what the finished command left, to compare it with that of another run."""

    @abstractmethod
    def torn(self, path: Path) -> str:
        """Return what is wrong with a file; "" if it is whole."""

    @abstractmethod
    def kept(self, out: Path) -> int:
        """Return the number of pieces (epochs, parts) that need not be made again."""

    def leftovers(self, out: Path) -> list[str]:
        """Return what a finished command must not leave: temporary files, locks, checkpoints."""
        return sorted(str(path.relative_to(out)) for path in out.rglob(".*"))

    def all_torn(self, out: Path) -> list[str]:
        """Return what is wrong with the files below `out`, except hidden ones."""
        found = []
        for path in sorted(out.rglob("*")):
            name = path.relative_to(out)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                problem = self.torn(path) if path.stat().st_size else "is empty"
                found += [f"{name} {problem}"] if problem else []
        return found


class Train(Job):
    """A training of three epochs; a piece is an epoch."""

    name = "train"
    settings = ("--recipe", "softmax", "--train-size", 500, "--epochs", 3, "--batch-size", 100)

    def first(self, out: Path) -> Words:
        """Return the command that begins."""
        return ["train", *self.settings, "--deterministic", "--quiet", "--out", out]

    def again(self, out: Path) -> Words:
        """Return the command that continues; the first one if nothing was begun."""
        if (out / REQUEST).exists():
            return ["train", "--quiet", "--resume", out]
        if (out / META).exists():
            return ["evaluate", "--quiet", out]
        return self.first(out)

    def result(self, out: Path) -> Any:
        """Return the network, the figures, and the names of the bundle's files."""
        bundle = load_bundle(out)
        digests = {name: _digest(bundle.read(name)) for name in bundle.meta["files"]}
        names = sorted(path.name for path in out.iterdir())
        return digests[ONNX], bundle.meta["test"], names

    def torn(self, path: Path) -> str:
        """Check JSON, the digest of checkpoints, and the hashes of a bundle's files."""
        try:
            if path.name == META:
                self.result(path.parent)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".ckpt":
                data = path.read_bytes()
                if hashlib.sha256(data[32:]).digest() != data[:32]:
                    return "does not have its digest"
        except (TenfoldError, ValueError) as error:
            return f"is damaged: {error}"
        return ""

    def kept(self, out: Path) -> int:
        """Return the number of epochs in the newest checkpoint, or all of a finished run."""
        if (out / META).exists():
            return int(load_bundle(out).meta["epochs"])
        found = [latest_checkpoint(folder) for folder in (out / CHECKPOINTS).glob("*")]
        return max((one.epochs_done for one in found if one), default=0)


class Batch(Job):
    """A batch of a few small files; a piece is a part of the output."""

    name = "batch"

    def __init__(self, folder: Path) -> None:
        self.source = folder / "batch-in"
        self.source.mkdir()
        images, _ = load_mnist("test")
        for number in range(2):
            np.save(self.source / f"{number}.npy", images[10 * number :][:10])
        encoded = [png(image) for image in images[:4]]
        pq.write_table(pa.table({"image": encoded}), self.source / "rows.parquet")
        with tarfile.open(self.source / "shard.tar", "w") as shard:
            for number, data in enumerate(encoded):
                member = tarfile.TarInfo(f"{number}.png")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
        (self.source / "z.png").write_bytes(encoded[0])

    def first(self, out: Path) -> Words:
        """Return the command that begins."""
        words: Words = ["batch", self.source, out, "--model", "tiny", "--single"]
        return [*words, "--workers", 1, "--quiet"]

    def again(self, out: Path) -> Words:
        """Return the command that continues, or begins."""
        return [*self.first(out), "--resume"]

    def result(self, out: Path) -> Any:
        """Return all rows."""
        order = [("source", "ascending"), ("index", "ascending")]
        return pq.read_table(out).sort_by(order).to_pylist()

    def torn(self, path: Path) -> str:
        """Read parts and the manifest."""
        try:
            if path.suffix == ".parquet":
                pq.read_table(path)
            else:
                json.loads(path.read_text())
        except (ValueError, OSError, pa.ArrowException) as error:
            return f"is damaged: {error}"
        return ""

    def kept(self, out: Path) -> int:
        """Return the number of parts that exist."""
        return len(list(out.glob("part-*.parquet")))


class Fetch(Job):
    """The fetch of MNIST into the cache, which is `out`; a piece is a file."""

    name = "fetch"

    def first(self, out: Path) -> Words:
        """Return the command that fetches."""
        return ["data", "--quiet"]

    def again(self, out: Path) -> Words:
        """Return the same command."""
        return self.first(out)

    def result(self, out: Path) -> Any:
        """Return the digest of each file."""
        return {path.name: _digest(path.read_bytes()) for path in sorted(out.glob("mnist/*"))}

    def torn(self, path: Path) -> str:
        """Return "": the command itself checks the files."""
        return ""

    def kept(self, out: Path) -> int:
        """Return the number of files."""
        return len(list(out.glob("mnist/*-ubyte")))

    def leftovers(self, out: Path) -> list[str]:
        """Return temporary files; the lock stays."""
        return [name for name in super().leftovers(out) if name != "mnist/.lock"]


def png(image: np.ndarray) -> bytes:
    """Return a digit, uint8 (h, w), dark on light, as a PNG."""
    data = io.BytesIO()
    Image.fromarray(255 - image).resize((56, 56)).save(data, "PNG")
    return data.getvalue()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
