"""Downloads: with limits on time and size, and a progress bar."""

import http.client
import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from tqdm import tqdm

from tenfold.errors import DataError

OFFLINE_VARIABLE = "TENFOLD_OFFLINE"
"""Environment variable that, set to 1, skips the sources that need a network."""

CONNECT_SECONDS = 3.0
"""Time limit for a mirror to begin its answer."""

SILENCE_SECONDS = 10.0
"""Time limit between two pieces of an answer."""

_log = logging.getLogger("tenfold")


def is_offline() -> bool:
    """Return whether downloads are turned off by `OFFLINE_VARIABLE`."""
    return os.environ.get(OFFLINE_VARIABLE, "0") not in {"", "0"}


def fetch(url: str, max_bytes: int) -> bytes:
    """Return what is at an address; see `fetch_to`."""
    return b"".join(_pieces(url, max_bytes))


def fetch_to(url: str, path: Path, max_bytes: int) -> None:
    """Fetch a file, with a progress bar if stderr is a terminal and tenfold is not quiet.

    Args:
        url: Its address.
        path: The file to write.
        max_bytes: More is an error.

    Raises:
        DataError: There is no such file, no answer, or too long a one.
        OSError: The file cannot be written.
    """
    with path.open("wb") as file:
        file.writelines(_pieces(url, max_bytes))


def _pieces(url: str, max_bytes: int) -> Iterator[bytes]:
    """Yield what is at an address. An error of the caller, as of a full disk, is not caught."""
    done = 0
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
                    done += len(chunk)
                    bar.update(len(chunk))
                    if done > max_bytes:
                        raise DataError(f"{url} is too large: over {max_bytes:,} bytes")
                    yield chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise DataError("does not answer in time") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"no connection: {getattr(reason, 'strerror', None) or reason}") from error


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
