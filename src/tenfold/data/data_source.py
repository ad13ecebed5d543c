"""The data set that a verb works on: chosen once, remembered by runs, loaded part by part."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from tenfold.arrays import TRAIN_IMAGES
from tenfold.data import named
from tenfold.data.datasets import (
    ARRAYS,
    CONTENTS,
    MNIST,
    DataLike,
    Dataset,
    check_kind,
    check_source,
    check_test,
    load_dataset,
    path_of,
)
from tenfold.data.preparing import Content
from tenfold.errors import DataError, UsageError, whole_number
from tenfold.files import atomic_path, user_path
from tenfold.formatting import listed, no_such

ORDER_SEED = 28
"""Orders the training images of one's own data: those held out for validation are the last ones,
and a folder holds class after class."""

_log = logging.getLogger("tenfold")


@dataclass(frozen=True)
class DataSource:
    """What decides which images a verb works on, in plain values.

    Attributes:
        source: A name, or the path of a file or folder as it was given, which reports show.
        as_: "digits" or "images"; see `tenfold.data.datasets.load_dataset`.
        data_dir: Absolute path of MNIST's files; None for the cache.
        folder: The folder that a relative path begins in; empty for the current one.
    """

    source: str = MNIST
    as_: Content = "digits"
    data_dir: str | None = None
    folder: str = ""

    @property
    def is_mnist(self) -> bool:
        """Whether this is MNIST itself."""
        return self.source == MNIST

    @property
    def title(self) -> str:
        """Name for people: MNIST, Fashion-MNIST, or the name of the file or folder."""
        if self.is_mnist:
            return "MNIST"
        known = named.NAMES.get(self.source)
        return known.title if known else path_of(self.source).name

    def load(self, split: str, *, progress: bool = False) -> Dataset:
        """Load a part; the training images of one's own data in an order without a pattern.

        Args:
            split: "train" or "test".
            progress: Draw a progress bar on stderr while pictures are prepared.

        Raises:
            TenfoldError: The source is missing, damaged, or no data set.
        """
        data = load_dataset(
            self._place, split, as_=self.as_, data_dir=self.data_dir, progress=progress
        )
        if split != "train" or self.is_mnist or self.source in named.NAMES:
            return data
        return data.take(np.random.default_rng(ORDER_SEED).permutation(len(data)))

    def check_test(self, classes: tuple[str, ...]) -> None:
        """Check the test part before a training; see `tenfold.data.datasets.check_test`."""
        check_test(self._place, classes, self.data_dir)

    @property
    def _place(self) -> str:
        """The source as it was given; absolute if the current folder is another one by now."""
        if self.folder in ("", str(Path.cwd())):
            return self.source
        return str(Path(self.folder, self.source))

    def words(self) -> list[str]:
        """Return the options of the shell that choose this source; none for MNIST."""
        if self.is_mnist:
            return []
        as_images = ["--as", self.as_] if self.as_ != "digits" else []
        return ["--data", self.source, *as_images]


MNIST_SOURCE = DataSource()
"""MNIST, from the cache."""

AnyData: TypeAlias = DataLike | Dataset | DataSource
"""A name, a path, images with labels, a loaded data set, or a source."""


def choose_data(
    data: AnyData = MNIST, *, as_: str | None = None, data_dir: str | Path | None = None
) -> DataSource:
    """Return the source that the arguments of a verb name.

    Arrays are kept in the cache as a .npz, by their hash, so that a run on them can be resumed and
    its command repeated.

    Args:
        data: Anything that `load_dataset` takes, or what it returned.
        as_: "digits" or "images"; None for "digits", or what belongs to a name or a loaded set.
        data_dir: Folder of MNIST's files, if not in the cache.

    Raises:
        UsageError: There is no such name, file, or `as_`; or the pictures are already images.
    """
    if as_ not in (None, *CONTENTS):
        raise UsageError(no_such("kind of pictures", as_, CONTENTS))
    if isinstance(data, DataSource):
        return data
    if isinstance(data, Dataset):
        own: Content | None = data.as_
    else:
        check_kind(data)
        own = None if isinstance(data, tuple) else content_of_name(str(data))
    if own and as_ not in (None, own):
        name = data.name if isinstance(data, Dataset) else data
        raise UsageError(f"{name} has images of 28x28, taken as they are: leave out --as {as_}")
    content: Content = own or ("images" if as_ == "images" else "digits")
    if isinstance(data, Dataset):
        data = data.source or (data.images, np.array(data.classes)[data.labels])
    if isinstance(data, tuple):
        return DataSource(_kept(data, content), content)
    # Absolute, so that a run can be resumed from another folder.
    folder = str(user_path(data_dir).absolute()) if data_dir else None
    text = str(data)
    check_source(text, folder)
    names = (MNIST, *named.NAMES)
    is_relative = not (text in names or text.startswith((ARRAYS, "~")) or Path(text).is_absolute())
    return DataSource(text, content, folder, str(Path.cwd()) if is_relative else "")


def _kept(arrays: tuple[Any, Any], content: Content) -> str:
    """Write images and labels into the cache, and return the name of the source."""
    data = load_dataset(arrays, "all", as_=content)
    source = f"{ARRAYS}{data.sha256[:16]}"
    path = path_of(source)
    if not path.is_file():
        names = np.array(data.classes)[data.labels]
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, x_train=data.images, y_train=names)
    return source


def content_of_name(name: str) -> Content | None:
    """Return how pictures like those of a named data set are prepared; None for other sources."""
    if name == MNIST:
        return "digits"
    return named.NAMES[name].content if name in named.NAMES else None


def content_of(meta: Mapping[str, Any]) -> Content:
    """Return how pictures for a model are prepared, from its meta.json: as those it learned."""
    facts = meta.get("data", {})
    own = content_of_name(facts.get("source", MNIST))  # some meta.json say otherwise
    return own or ("images" if facts.get("as_") == "images" else "digits")


def source_of(meta: Mapping[str, Any]) -> DataSource:
    """Return the source that a bundle was trained on, from its meta.json."""
    facts = meta.get("data", {})
    if "source" not in facts:
        return MNIST_SOURCE
    return choose_data(str(facts["source"]), as_=content_of(meta))


def source_for(
    meta: Mapping[str, Any],
    data: AnyData | None = None,
    *,
    as_: str | None = None,
    data_dir: str | Path | None = None,
) -> DataSource:
    """Return the source that a model is judged on: the one that is given, or its own.

    Args:
        meta: The contents of the model's meta.json; empty if it has none.
        data: What was given; None takes what the model was trained on.
        as_: "digits" or "images"; None takes what belongs to the source.
        data_dir: Folder of MNIST's files, which are then taken.

    Raises:
        UsageError: There is no such source, or the model's own is not there.
    """
    if data is not None or data_dir is not None:
        return choose_data(MNIST if data is None else data, as_=as_, data_dir=data_dir)
    try:
        source = source_of(meta)
    except UsageError as error:
        given = meta["data"]["source"]
        raise UsageError(
            f"the model was trained on {given}, which is not here: give --data"
        ) from error
    return choose_data(source.source, as_=as_) if as_ else source


def load_test(
    source: DataSource,
    classes: tuple[str, ...],
    meta: Mapping[str, Any] = MappingProxyType({}),
    *,
    by_place: bool = False,
    progress: bool = False,
) -> Dataset:
    """Load the test part of a source, with labels as a model counts them.

    Warns if the model was trained on this source, it has no test part of its own, and it has
    changed: then images of the test part may be among those trained on.

    Args:
        source: The source.
        classes: Names of the model's classes, by label.
        meta: The contents of the model's meta.json.
        by_place: The model's classes have no names: take the labels as they are.
        progress: Draw a progress bar on stderr while pictures are prepared.

    Raises:
        DataError: The source is damaged, or has a class that the model lacks.
    """
    data = source.load("test", progress=progress)
    facts = meta.get("data", {})
    same = data.held_out and facts.get("source") == source.source
    if same and source.load("train").sha256 != facts.get("train_sha256"):
        _log.warning(
            "%s has changed since the training: images of its test part may be among those "
            "trained on", source.source,
        )  # fmt: skip
    if by_place and len(classes) >= len(data.classes):
        return data
    return replace(data, labels=labels_for(data, classes), classes=classes)


def labels_for(data: Dataset, classes: tuple[str, ...]) -> np.ndarray:
    """Return the labels of a data set as a model with these classes counts them, uint8 (n,).

    Raises:
        DataError: The data set has a class that the model lacks.
    """
    if data.classes == classes:
        return data.labels
    unknown = [name for name in data.classes if name not in classes]
    if unknown:
        raise DataError(
            f"{data.name} has the classes {listed(data.classes)}, but the model has "
            f"{listed(classes)}: give data of the model's classes"
        )
    return np.array([classes.index(name) for name in data.classes], np.uint8)[data.labels]


def choose_train_size(
    source: DataSource, train_size: int | None, *, least: int, progress: bool = False
) -> tuple[Dataset | None, int]:
    """Return the training part, and the number of its images to train on.

    MNIST's number of images is known: a wrong size is told before MNIST is read.

    Args:
        source: The data set.
        train_size: Number of images, the first ones; None for all.
        least: Smallest number that the verb can work with.
        progress: Draw a progress bar on stderr.

    Returns:
        The training part, None for MNIST, and the number of images.

    Raises:
        DataError: There are fewer images than `least`.
        UsageError: `train_size` is below `least`, or above what is there.
    """
    train = None if source.is_mnist else source.load("train", progress=progress)
    at_most = TRAIN_IMAGES if train is None else len(train)
    if at_most < least:
        raise DataError(f"{source.title} has {at_most} training images: give at least {least}")
    if train_size is None:
        return train, at_most
    return train, whole_number("train_size", train_size, least, at_most)
