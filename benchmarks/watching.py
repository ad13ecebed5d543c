"""Run a command and measure the memory of all its processes."""

import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 2.0
"""Pause between two measurements of memory, each of which takes about ten milliseconds."""

POINTS = 20
"""Number of samples of memory over time that are kept."""


def run(command: list[str], kill_when: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Run a command; return its seconds, exit code, output, and memory over time."""
    samples: list[tuple[float, float]] = []
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        looked = start
        while child.poll() is None:
            time.sleep(0.02)
            if time.perf_counter() - looked >= SAMPLE_SECONDS:
                looked = time.perf_counter()
                samples.append((looked - start, megabytes(child.pid)))
            if kill_when():
                child.send_signal(signal.SIGKILL)
        seconds = time.perf_counter() - start
        output.seek(0)
        stdout = output.read()
    return {
        "seconds": round(seconds, 2),
        "code": child.returncode,
        "stdout": stdout,
        "memory": memory(samples),
    }


def memory(samples: list[tuple[float, float]]) -> dict[str, Any]:
    """Return peak, medians of the second and last quarter, and some samples, in megabytes."""
    values = [m for _, m in samples]
    quarter = max(1, len(values) // 4)
    step = max(1, len(samples) // POINTS)
    return {
        "peak": round(max(values, default=0)),
        "second_quarter": round(statistics.median(values[quarter : 2 * quarter] or [0])),
        "last_quarter": round(statistics.median(values[-quarter:] or [0])),
        "over_time": [[round(s, 1), round(m)] for s, m in samples[::step]],
    }


def megabytes(parent: int) -> float:
    """Return the memory of a process and its descendants in MiB; shared pages count once."""
    below = {parent}
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    grown = True
    while grown:
        more = {child for child, above in parents.items() if above in below} - below
        below |= more
        grown = bool(more)
    total = 0
    for process in below:
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(rollup.split("\nPss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total / 1024
