"""The n-th write, fsync or rename fails, for every n, in `train`, `batch` and the fetch of MNIST.

A preloaded library (faults.c) counts the calls on files below the output folder, of Python and of
C++ libraries, in all processes of the command, and lets one fail:

- write: from the n-th on, all fail with ENOSPC, as on a full disk; in another run, only the n-th,
  with EIO;
- fsync and rename: the n-th, with EIO.

The command must answer with one line and exit code 1, or succeed although the call failed. Then it
is continued without failures: what it leaves must equal what an undisturbed command leaves (the
network and its test figures; the rows; the files of MNIST), without temporary files. MNIST comes
from a local HTTP server.
"""

import errno
import functools
import gzip
import http.server
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attacks.faults import FAIL_ON, FAIL_ONCE, FSYNC, RENAME, WRITE, Answer, Python
from attacks.finding import Finding
from attacks.jobs import Batch, Fetch, Job, Train
from attacks.warm import MIRROR_VARIABLE
from tenfold.data.idx import encode_idx
from tenfold.data.mnist import load_mnist
from tenfold.data.official import FILES

FAULTS = {
    "write, disk full": (WRITE, FAIL_ON, errno.ENOSPC),
    "write": (WRITE, FAIL_ONCE, errno.EIO),
    "fsync": (FSYNC, FAIL_ONCE, errno.EIO),
    "rename": (RENAME, FAIL_ONCE, errno.EIO),
}


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Let every call fail, or `n` random ones."""
    found = Finding(
        "the n-th write, fsync or rename fails, for every n, in `train`, `batch` and the fetch of"
        " MNIST",
        "one line, exit code 1; continued, the command leaves what an undisturbed one leaves",
    )
    out = folder / "out"
    with (
        mirror(folder / "mirror") as url,
        Python(
            folder, out, TENFOLD_CACHE=str(out), KERAS_HOME=str(folder), **{MIRROR_VARIABLE: url}
        ) as fetching,
        Python(folder, out) as working,
    ):
        trials = []
        for job in (Train(), Batch(folder), Fetch()):
            python = fetching if isinstance(job, Fetch) else working
            for name, (kinds, _, _) in FAULTS.items():
                out.mkdir()
                python.state.arm(kinds, 0, FAIL_ONCE)
                answer = python.run(job.first(out / "a"))
                assert answer.code == 0, answer
                expected = job.result(_place(job, out))
                count = python.state.count
                shutil.rmtree(out)
                for number in range(1, count + 1):
                    trials.append((python, job, name, number, expected))
        if n < len(trials):
            trials = random.Random(seed).sample(trials, n)
        found.n = len(trials)
        harmless = 0
        for python, job, name, number, expected in trials:
            kinds, action, error = FAULTS[name]
            out.mkdir()
            python.state.arm(kinds, number, action, error)
            answer = python.run(job.first(out / "a"))
            python.state.disarm()
            harmless += answer.code == 0
            problem = _problem(answer) or _continue(python, job, out, expected)
            if problem:
                found.failures.append(f"{job.name}, {name} {number}: {problem}")
            shutil.rmtree(out)
    found.figures["succeeded_although_a_call_failed"] = harmless
    return found


def _place(job: Job, out: Path) -> Path:
    return out if isinstance(job, Fetch) else out / "a"


def _problem(answer: Answer) -> str:
    """Return what is wrong with an answer to a failure."""
    if answer.traceback:
        return f"traceback: {answer.traceback.splitlines()[-1]}"
    if answer.code == 0:
        return ""
    if answer.code != 1 or len(answer.stderr.splitlines()) != 1 or answer.stdout:
        return f"exit code {answer.code}, stderr {answer.stderr!r}"
    return ""


def _continue(python: Python, job: Job, out: Path, expected: object) -> str:
    """Continue the command, and return what is wrong with the result."""
    place = _place(job, out)
    if torn := job.all_torn(place):
        return "; ".join(torn)
    answer = python.run(job.again(out / "a"))
    if answer.code or answer.traceback:
        return f"continued: {answer.stderr}{answer.traceback}"
    if job.result(place) != expected:
        return "continued: another result"
    if left := job.leftovers(place):
        return f"left {', '.join(left)}"
    return ""


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Serve MNIST's files, as .gz, from this machine."""
    folder.mkdir()
    arrays = [*load_mnist("train"), *load_mnist("test")]
    for name, array in zip(FILES, arrays, strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(encode_idx(array), 1))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
