"""The processes that decode pictures: started when needed, kept for the next file, killed."""

import atexit
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from tenfold.errors import PictureError
from tenfold.machine import usable_cores

START_SECONDS = 60.0
"""Time limit for the start of a worker, which imports NumPy: 0.3 s on an idle machine."""


class Worker:
    """A process of `tenfold.imaging.decode_worker`, which one thread at a time uses."""

    def __init__(self) -> None:
        import subprocess  # 5 ms that most pictures do not need

        # -P: modules in the current folder must not replace those of Python.
        command = [sys.executable, "-P", "-m", "tenfold.imaging.decode_worker"]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = os.environ | {
            "PYTHONPATH": path,
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",  # glibc reserves 64 MB of address space for each other one
        }
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libtiff writes warnings there
                env=environment,
            )
        except OSError as error:
            raise PictureError(f"cannot start a process to decode pictures: {error}") from error
        self._started = False
        self._timed_out = False
        self.lost = False

    def ask(
        self, request: dict[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, and return the header and pixels of the answer.

        Sets `lost` if there is none; then the process is dead.
        """
        try:
            if not self._started:
                self._exchange(b"", b"", START_SECONDS)
                self._started = True
            return self._exchange(json.dumps(request).encode() + b"\n", data, seconds)
        except (OSError, ValueError, EOFError):  # a broken pipe; no or half an answer
            self.kill()
            return {}, b""

    def _exchange(self, line: bytes, data: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A pipe has no time limit of its own on Windows.
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(line)
            self._process.stdin.write(data)
            self._process.stdin.flush()
            header: dict[str, Any] = json.loads(self._process.stdout.readline())
            size = header.get("size", 0)
            pixels = self._process.stdout.read(size)
        except BaseException:  # Ctrl-C, too: the process would answer the next request wrongly
            self.kill()
            raise
        finally:
            timer.cancel()
        if len(pixels) < size:
            raise EOFError
        return header, pixels

    def _time_out(self) -> None:
        self._timed_out = True
        self.kill()

    def ran_out_of_time(self) -> bool:
        """Return whether a lost process reached one of its limits on time."""
        by_timer = hasattr(signal, "SIGPROF") and self._process.wait() == -signal.SIGPROF
        return self._timed_out or by_timer

    def kill(self) -> None:
        """End the process at once; may be called from any thread."""
        self.lost = True
        self._process.kill()

    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return not self.lost and self._process.poll() is None

    def close(self) -> None:
        """End the process, and release its pipes."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()


class Pool:
    """All worker processes; an idle one waits for the next file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._live: set[Worker] = set()

    def take(self) -> Worker:
        """Return an idle worker, or a new one."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                self._live.discard(worker)
                worker.close()
        worker = Worker()
        with self._lock:
            self._live.add(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        """Keep a worker for the next file, unless it is lost or there are enough."""
        with self._lock:
            if not worker.lost and len(self._idle) < usable_cores():
                self._idle.append(worker)
                return
            self._live.discard(worker)
        worker.close()

    def end(self) -> None:
        """Kill all workers."""
        for worker in list(self._live):
            worker.kill()


POOL = Pool()
atexit.register(POOL.end)
if hasattr(os, "register_at_fork"):  # not on Windows
    # A forked process leaves the workers to its parent.
    os.register_at_fork(after_in_child=POOL.__init__)  # type: ignore[misc]
