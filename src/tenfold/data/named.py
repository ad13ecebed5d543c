"""The family of MNIST by name: fetched from public mirrors, verified by pinned hashes, and kept."""

import hashlib
import logging
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tenfold.arrays import DIGITS
from tenfold.data import download
from tenfold.data.array_files import read_pair
from tenfold.data.parts import Part
from tenfold.data.preparing import Content
from tenfold.errors import DataError
from tenfold.files import (
    CACHE_VARIABLE,
    atomic_path,
    cache_dir,
    lock,
    remove_leftovers,
    temporary_folder,
)

_ARCHIVE = "archive.zip"

MAX_FILE_BYTES = 64 << 20
"""Largest file to fetch; the largest by itself has 26 MB."""

_log = logging.getLogger("tenfold")


@dataclass(frozen=True)
class Named:
    """A data set that is known by name.

    Attributes:
        title: Its usual name.
        credit: Who made it, and its license.
        classes: Names of the classes.
        mirrors: Folders on the web with its files; or, with `archive`, addresses of the archive.
        files: Names of the files of images and labels, by part.
        hashes: Hash of each file as it is fetched, as "sha256:..." or "md5:...".
        archive: Hash of the ZIP file that holds the files, if they come in one.
        archive_bytes: Its size.
        content: How pictures of one's own are made into images like its own.
    """

    title: str
    credit: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: Mapping[str, tuple[str, str]]
    hashes: Mapping[str, str]
    archive: str = ""
    archive_bytes: int = 0
    content: Content = "digits"


_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}

# Hashes: tensorflow/datasets, url_checksums (SHA-256); pytorch/vision, datasets/mnist.py (MD5 of
# QMNIST); pczarnik/mnists (MD5 of the files in EMNIST's archive).
NAMES: Mapping[str, Named] = MappingProxyType(
    {
        "fashion-mnist": Named(
            "Fashion-MNIST",
            "H. Xiao, K. Rasul, R. Vollgraf; license MIT",
            ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
             "Bag", "Ankle boot"),
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            ),
            _MNIST_FILES,
            dict(zip([*_MNIST_FILES["train"], *_MNIST_FILES["test"]], (
                "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ), strict=True)),
            content="images",
        ),
        "kmnist": Named(
            "Kuzushiji-MNIST",
            "ROIS-DS Center for Open Data in the Humanities; license CC BY-SA 4.0",
            ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            ("http://codh.rois.ac.jp/kmnist/dataset/kmnist",),
            _MNIST_FILES,
            dict(zip([*_MNIST_FILES["train"], *_MNIST_FILES["test"]], (
                "sha256:51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "sha256:e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "sha256:edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "sha256:20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ), strict=True)),
        ),
        "emnist-digits": Named(
            "EMNIST Digits",
            "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, arXiv 1702.05373",
            DIGITS,
            (
                "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
            ),
            {
                "train": ("emnist-digits-train-images-idx3-ubyte.gz",
                          "emnist-digits-train-labels-idx1-ubyte.gz"),
                "test": ("emnist-digits-test-images-idx3-ubyte.gz",
                         "emnist-digits-test-labels-idx1-ubyte.gz"),
            },
            {
                "emnist-digits-train-images-idx3-ubyte.gz": "md5:d2662ecdc47895a6bbfce25de9e9a677",
                "emnist-digits-train-labels-idx1-ubyte.gz": "md5:2223fcfee618ac9c89ef20b6e48bcf9e",
                "emnist-digits-test-images-idx3-ubyte.gz": "md5:a159b8b3bd6ab4ed4793c1cb71a2f5cc",
                "emnist-digits-test-labels-idx1-ubyte.gz": "md5:8afde66ea51d865689083ba6bb779fac",
            },
            archive="sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
            archive_bytes=561_753_746,
        ),
        "qmnist": Named(
            "QMNIST",
            "C. Yadav, L. Bottou; license BSD-3-Clause",
            DIGITS,
            ("https://raw.githubusercontent.com/facebookresearch/qmnist/master",),
            {
                "train": ("qmnist-train-images-idx3-ubyte.gz", "qmnist-train-labels-idx2-int.gz"),
                "test": ("qmnist-test-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz"),
            },
            {
                "qmnist-train-images-idx3-ubyte.gz": "md5:ed72d4157d28c017586c42bc6afe6370",
                "qmnist-train-labels-idx2-int.gz": "md5:0058f8dd561b90ffdd0f734c6a30e5e4",
                "qmnist-test-images-idx3-ubyte.gz": "md5:1394631089c404de565df7b7aeaf9412",
                "qmnist-test-labels-idx2-int.gz": "md5:5b5b05890a5e13444e108efe57b788aa",
            },
        ),
    }
)  # fmt: skip
"""The family besides MNIST itself, by the name that `load_dataset` takes."""


def read_part(name: str, part: str) -> Part:
    """Read a part of a named data set; see `fetch_part`."""
    images, labels = fetch_part(name, part)
    return replace(read_pair(images, labels), classes=NAMES[name].classes)


def fetch_part(name: str, part: str) -> list[Path]:
    """Return the files of a part, of images and of labels; the cache keeps what is fetched.

    Args:
        name: A key of NAMES.
        part: "train" or "test".

    Raises:
        DataError: No mirror has the files, or they are altered.
    """
    known = NAMES[name]
    folder = cache_dir() / name
    try:
        return [_fetched(known, folder, file) for file in known.files[part]]
    except OSError as error:
        raise DataError(
            f"cannot keep {known.title} in {folder}: {error.strerror or error}; "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        ) from error


def _fetched(known: Named, folder: Path, file: str) -> Path:
    """Return a file of the cache, verified; a missing or damaged one is fetched, under a lock."""
    path = folder / file
    if _is_whole(path, known.hashes[file]):
        return path
    with lock(folder / ".lock"):
        remove_leftovers(folder, *known.hashes, _ARCHIVE)
        if not _is_whole(path, known.hashes[file]):  # another process may have fetched it meanwhile
            if download.is_offline():
                raise DataError(
                    f"{known.title} is not in the cache; unset {download.OFFLINE_VARIABLE} to "
                    "fetch it"
                )
            _log.info("fetching %s (%s)", known.title, known.credit)
            if known.archive:
                _fetch_archive(known, folder)
            else:
                _fetch_file(known, path)
    if not _is_whole(path, known.hashes[file]):
        raise DataError(f"{path} is altered or damaged: its hash is not that of {known.title}")
    return path


def _fetch_file(known: Named, path: Path) -> None:
    urls = [f"{mirror}/{path.name}" for mirror in known.mirrors]
    with atomic_path(path) as temporary:
        _first(known, urls, temporary, known.hashes[path.name], MAX_FILE_BYTES)


def _fetch_archive(known: Named, folder: Path) -> None:
    """Fetch the archive, take the files out, and keep only these."""
    with temporary_folder(folder / _ARCHIVE) as aside:
        archive = aside / _ARCHIVE
        _first(known, known.mirrors, archive, known.archive, known.archive_bytes)
        with zipfile.ZipFile(archive) as members:
            for member in members.namelist():
                file = member.rpartition("/")[2]
                if file in known.hashes:
                    with atomic_path(folder / file) as temporary:
                        temporary.write_bytes(members.read(member))


def _first(known: Named, urls: Sequence[str], to: Path, expected: str, most: int) -> None:
    """Fetch a file from the first mirror that has it whole."""
    failures = []
    for url in urls:
        try:
            download.fetch_to(url, to, most)
        except DataError as error:
            failures.append(f"{url} ({error})")
            continue
        if _is_whole(to, expected):
            return
        failures.append(f"{url} (its hash is not the known one)")
    raise DataError(
        f"{known.title} could not be fetched; tried {', '.join(failures)}. Fetch its files by "
        "hand and give their folder in place of the name"
    )


def _is_whole(path: Path, expected: str) -> bool:
    kind, _, digest = expected.partition(":")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, kind).hexdigest() == digest
    except OSError:
        return False
