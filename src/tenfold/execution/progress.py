"""Progress of work that takes minutes: in a thread, so that Ctrl-C works, with a bar."""

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


def run_in_thread(work: Callable[[], None], tick: Callable[[], None]) -> None:
    """Do work in a thread, and call `tick` five times a second until it ends.

    Ctrl-C then raises at once in the main thread, even while compiled code runs. An error of the
    work is raised here.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        tick()
    if errors:
        raise errors[0]


class WorkBar:
    """Progress bar in expected seconds; it advances during work that reports nothing.

    Args:
        total: Expected seconds of all the work.
        shown: Whether to draw it, on stderr. If not, each piece is a line in the log.
    """

    def __init__(self, total: float, shown: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=total, disable=not shown, dynamic_ncols=True, smoothing=0,
            bar_format="{desc}: {percentage:.0f}%|{bar}| {elapsed}, {remaining} left",
        )  # fmt: skip
        self._done = self._share = 0.0
        self._start = time.perf_counter()
        self._what = ""

    def __enter__(self) -> "WorkBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin(self, what: str, seconds: float) -> None:
        """Count the piece before as done, and begin one that is expected to take `seconds`."""
        self._done += self._share
        self._share = seconds
        self._start = time.perf_counter()
        self._what = what
        if self._bar.disable:
            _log.info("%s", what)
        self._bar.n = min(self._done, self._bar.total)
        self.phase("")

    def phase(self, doing: str) -> None:
        """Show which phase of the current piece is running."""
        text = f"{self._what}: {doing}" if doing else self._what
        self._bar.set_description_str(text, refresh=False)

    def tick(self) -> None:
        """Advance by the time that has passed; ever slower, so that the end is never reached."""
        passed = (time.perf_counter() - self._start) / self._share
        part = passed if passed < 0.5 else 1 - 0.25 / passed
        self._bar.n = min(self._done + self._share * part, self._bar.total)
        self._bar.refresh()
