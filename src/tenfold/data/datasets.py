"""Data sets: MNIST, its family by name, and one's own files, folders and arrays."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, Images, Labels, as_array
from tenfold.data import named
from tenfold.data.array_files import idx_layout, is_idx, npz_layout
from tenfold.data.csv_files import csv_in, csv_layout
from tenfold.data.mnist import SPLITS as SPLITS_OF_MNIST
from tenfold.data.mnist import Split, fetch_test, load_mnist
from tenfold.data.official import require_file
from tenfold.data.parquet import parquet_files, parquet_layout
from tenfold.data.parts import Layout, Part, check_sizes, label_array
from tenfold.data.picture_folders import LABELS, folder_layout
from tenfold.data.preparing import Content, class_names, label_numbers, prepare_images
from tenfold.errors import DataError, UsageError
from tenfold.files import cache_dir, sha256, user_path
from tenfold.formatting import no_such

MNIST = "mnist"

ARRAYS = "arrays:"
"""Before the hash of arrays that are kept in the cache."""

SPLITS = ("train", "test", "all")

CONTENTS = ("digits", "images")

HELD_OUT = 7
"""If a source has no test part, one image in seven becomes a test image, as in MNIST."""

HELD_OUT_SEED = 1998
"""Chooses these images, the same in every call: the year of MNIST."""

_log = logging.getLogger("tenfold")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels: one part of a data set.

    Attributes:
        name: Name of the data set.
        split: "train", "test" or "all".
        images: uint8 (n, 28, 28); digits are white ink on black.
        labels: uint8 (n,), places in `classes`.
        classes: Names of the classes.
        places: int64 (n,), place of each image in its part of the source.
        files: Name of each image in the source; empty if it has none.
        held_out: Whether the source has no test part, so that one image of seven is held out.
        source: The name or path that it was loaded from; empty for arrays.
        as_: "digits" or "images", see `load_dataset`.
    """

    name: str
    split: str
    images: Images
    labels: Labels
    classes: tuple[str, ...]
    places: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    files: tuple[str, ...] = ()
    held_out: bool = False
    source: str = ""
    as_: Content = "digits"

    def __post_init__(self) -> None:
        """Number the images if nobody has."""
        if not len(self.places):
            object.__setattr__(self, "places", np.arange(len(self.images)))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __repr__(self) -> str:
        """Return name, part, and numbers of images and classes."""
        return (
            f"Dataset({self.name}: {len(self):,} images of {self.split}, "
            f"{len(self.classes)} classes)"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of images, labels and names of classes."""
        names = "\0".join(self.classes).encode("utf-8", "surrogatepass")
        return sha256(self.images.tobytes() + self.labels.tobytes() + names)

    def take(self, chosen: npt.NDArray[np.int64], split: str | None = None) -> "Dataset":
        """Return some of the images, in the order given.

        Args:
            chosen: Integers (k,), places in this data set.
            split: The part that they are; this one's by default.
        """
        return replace(
            self,
            split=split or self.split,
            images=self.images[chosen],
            labels=self.labels[chosen],
            places=self.places[chosen],
            files=tuple(self.files[place] for place in chosen) if self.files else (),
        )


DataLike: TypeAlias = str | Path | tuple[npt.ArrayLike, npt.ArrayLike]
"""A name, a path, or images with labels."""


def check_kind(data: Any) -> None:
    """Refuse what is neither a name, a path, nor images with labels.

    Raises:
        UsageError: It is something else; says of which type.
    """
    if not (isinstance(data, str | Path) or (isinstance(data, tuple) and len(data) == 2)):
        raise UsageError(
            f"data is of type {type(data).__name__}; give a name, a path, or (images, labels)"
        )


def load_dataset(
    source: DataLike,
    split: str = "train",
    *,
    as_: str = "digits",
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> Dataset:
    """Load a part of a data set, by name, from files or from arrays.

    Args:
        source: A name of the family (mnist, fashion-mnist, kmnist, emnist-digits, qmnist); a file:
            IDX, .npz, .csv or .parquet; a folder: of such files, of a folder of pictures for each
            class, or of pictures with a labels.csv; or `(images, labels)`.
        split: "train", "test", or "all" that the source has. A source without a test part gives
            one of seven images to it, of each class the same share, always the same ones.
        as_: "digits": pictures are normalized as `tenfold.Reader` does; "images": they are
            resized. Those of a name are taken as they are.
        data_dir: Where MNIST's files are, if not in the cache.
        progress: Draw a progress bar on stderr while pictures are prepared.

    Raises:
        UsageError: There is no such name, file, split or `as_`.
        DataError: The source is damaged or no data set; the message is one line.
    """
    if split not in SPLITS:
        raise UsageError(no_such("split", split, SPLITS))
    if as_ not in CONTENTS:
        raise UsageError(no_such("kind of pictures", as_, CONTENTS))
    content: Content = "digits" if as_ == "digits" else "images"
    check_kind(source)
    if isinstance(source, tuple):
        return _part_of(_from_arrays(*source), "arrays", split, content, progress)
    text = str(source)
    check_source(text, data_dir)
    if text == MNIST:
        return _mnist(split, data_dir)
    if text in named.NAMES:
        return _named(text, split)
    path, name = _as_given(text), path_of(text).name
    return replace(_own(path, name, split, content, _stamp(text), progress), source=text)


def _as_given(source: str) -> Path:
    """Return the path of a source, relative if it was given so: messages name it."""
    return path_of(source) if source.startswith(ARRAYS) else user_path(source)


def path_of(source: str) -> Path:
    """Return the absolute path of a source that is a file or folder, or arrays in the cache."""
    if source.startswith(ARRAYS):
        return cache_dir() / "arrays" / f"{source.removeprefix(ARRAYS)}.npz"
    return user_path(source).absolute()


def check_source(source: str, data_dir: str | Path | None = None) -> None:
    """Refuse a source that is neither a name nor a path, and MNIST's folder for another source.

    Raises:
        UsageError: It is neither, or the folder is given.
    """
    if source != MNIST and data_dir is not None:
        raise UsageError(f"--data-dir is for MNIST's own files; leave it out with --data {source}")
    names = [MNIST, *named.NAMES]
    if source not in names and not path_of(source).exists():
        raise UsageError(no_such("data set", source, names, "give a file or folder that exists"))


def check_test(source: str, classes: tuple[str, ...], data_dir: str | None) -> None:
    """Check that the test part of a source is there, with classes of the training part.

    Its images are neither prepared nor looked at. What the cache lacks of MNIST and of sets with a
    name is fetched.

    Args:
        source: As for `load_dataset`, without arrays.
        classes: Names of the classes of the training part.
        data_dir: Where MNIST's files are, if not in the cache.

    Raises:
        DataError: It is missing and cannot be fetched, is damaged, or has a class that the training
            part lacks.
    """
    if source == MNIST and data_dir:
        for name in SPLITS_OF_MNIST["test"]:
            require_file(Path(data_dir), name)
    elif source == MNIST:
        fetch_test()
    elif source in named.NAMES:
        named.fetch_part(source, "test")
    else:
        layout = layout_of(_as_given(source))
        if "test" in layout:
            label_numbers(layout["test"](), classes, path_of(source).name)


def _mnist(split: str, data_dir: str | Path | None) -> Dataset:
    names = ("train", "test") if split == "all" else (split,)
    parts = [_official(name, str(data_dir) if data_dir else None) for name in names]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Dataset("MNIST", split, images, labels, DIGITS, source=MNIST)


@lru_cache(maxsize=2)
def _official(part: str, data_dir: str | None) -> Split:
    """Return a part of MNIST; kept, as a verb asks for it more than once and it never changes."""
    return load_mnist(part, data_dir)


def _named(name: str, split: str) -> Dataset:
    """Return a part of a set of the family, whose images are taken as they are."""
    layout: Layout = {part: partial(named.read_part, name, part) for part in ("train", "test")}
    loaded = _part_of(layout, named.NAMES[name].title, split, "images", progress=False)
    return replace(loaded, source=name, as_=named.NAMES[name].content)


@lru_cache(maxsize=2)
def _own(
    path: Path, name: str, split: str, content: Content, stamp: Any, progress: bool
) -> Dataset:
    """Return a part of one's own data set; kept, as a verb asks for a part more than once.

    Args:
        path: The source.
        name: Its name.
        split: See `load_dataset`.
        content: What the pictures show.
        stamp: Absolute paths, sizes and times of the files, so that changed ones are read again.
        progress: Draw a progress bar.
    """
    loaded = _part_of(layout_of(path), name, split, content, progress)
    for array in (loaded.images, loaded.labels, loaded.places):
        array.flags.writeable = False
    return loaded


def _stamp(source: str) -> tuple[Any, ...]:
    path = path_of(source)
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [(str(one), one.stat()) for one in paths if one.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def layout_of(path: Path) -> Layout:
    """Return what reads the parts of a source, judged by its name and what it holds.

    Raises:
        DataError: It is no data set.
    """
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir():
        if is_idx(path):
            return idx_layout(path)
        if parquet_files(path):
            return parquet_layout(path)
        if not (path / LABELS).is_file() and csv_in(path, "train"):
            return csv_layout(path)
        return folder_layout(path)
    if is_idx(path):
        return idx_layout(path)
    by_suffix = {".npz": npz_layout, ".csv": csv_layout, ".parquet": parquet_layout}
    layout = by_suffix.get(Path(name).suffix)
    if layout is None:
        raise DataError(
            f"{path} is no data set: give IDX, .npz, .csv or .parquet, or a folder of pictures "
            "for each class"
        )
    return layout(path)


def _from_arrays(pictures: npt.ArrayLike, labels: npt.ArrayLike) -> Layout:
    array, given = as_array(pictures, "arrays: pictures"), label_array(labels, "arrays")
    if array.ndim < 2:
        raise DataError(f"arrays: pictures have the shape {array.shape}: give (n, 28, 28)")
    check_sizes(len(array), len(given), "arrays")
    return {"train": lambda: Part(array, given)}


def _part_of(layout: Layout, name: str, split: str, content: Content, progress: bool) -> Dataset:
    """Read a part of a source and prepare it; classes are those of the training part."""
    held_out = "test" not in layout
    parts = [layout["test"]()] if split == "test" and not held_out else [layout["train"]()]
    if split == "all" and not held_out:
        parts.append(layout["test"]())
    names_known = split != "test" or held_out or parts[0].classes
    classes = class_names(parts[0] if names_known else layout["train"](), content, name)
    numbers = np.concatenate([label_numbers(part, classes, name) for part in parts])
    images = np.concatenate(
        [prepare_images(part, content, name, progress=progress) for part in parts]
    )
    files = tuple(file for part in parts for file in part.files)
    whole = Dataset(
        name, split, images, numbers, classes, files=files, held_out=held_out, as_=content
    )
    if not held_out or split == "all":
        return whole
    chosen = hold_out(numbers, classes, name)
    return whole.take(np.flatnonzero(chosen if split == "test" else ~chosen))


def hold_out(labels: Labels, classes: Sequence[str], name: str) -> npt.NDArray[np.bool_]:
    """Choose the images of the test part of a source that has none, the same in every call.

    Args:
        labels: uint8 (n,).
        classes: Names of the classes.
        name: Of the source, in messages.

    Returns:
        bool (n,), True for one of seven images of each class, at least one.

    Raises:
        DataError: A class has one image.
    """
    rng = np.random.default_rng(HELD_OUT_SEED)
    chosen = np.zeros(len(labels), np.bool_)
    for label, title in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) == 1:
            raise DataError(f"{name}: class {title} has one image: give at least two of each class")
        chosen[members[: max(1, round(len(members) / HELD_OUT))]] = True
    return chosen
