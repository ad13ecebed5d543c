"""Work that takes minutes: done beside, so that Ctrl-C is heard, and told how far it is."""

import threading
import time
from collections.abc import Callable


def beside(work: Callable[[], None], tick: Callable[[], None]) -> None:
    """Do work in a thread of its own: Ctrl-C is heard at once, even while compiled code runs."""
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
    """Progress in expected seconds; moves on while work that tells nothing is under way.

    Args:
        total: Expected seconds of all the work.
        shown: Whether to draw it, on stderr.
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
        """Count what came before as done; the next piece is expected to take so long."""
        self._done += self._share
        self._share = seconds
        self._start = time.perf_counter()
        self._what = what
        self._bar.n = min(self._done, self._bar.total)
        self.phase("")

    def phase(self, doing: str) -> None:
        """Say what is being done with the piece at hand."""
        text = f"{self._what}: {doing}" if doing else self._what
        self._bar.set_description_str(text, refresh=False)

    def tick(self) -> None:
        """Move on by the time that has passed, slower the later it gets, never to the end."""
        gone = (time.perf_counter() - self._start) / self._share
        part = gone if gone < 0.5 else 1 - 0.25 / gone
        self._bar.n = min(self._done + self._share * part, self._bar.total)
        self._bar.refresh()
