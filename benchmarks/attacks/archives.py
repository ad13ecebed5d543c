"""Mutated .npy, .npz, .tar, .tar.gz and .parquet files, read by `tenfold batch`.

Small good files of twelve kinds are mutated (mutations.py): flipped bits, cuts, splices, extreme
numbers in headers, sizes that lie. Each batch reads a folder of them between two good files, with
the command as a user gives it and two workers.

Each time: exit code 0 or 1, no traceback, at most a line for each reported error; all rows of the
good files, with the right digits; the manifest says that the batch is finished. Memory is the sum
of the peaks (VmHWM) of all processes of the command, an upper bound, and may be 1 GB. If a batch
fails, each of its files is read alone to find the one that does it.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from attacks.finding import Finding
from attacks.mutations import good_files, mutant
from attacks.power_cuts import tree
from tenfold.arrays import Images
from tenfold.batch.output import FINISHED, MANIFEST
from tenfold.batch.run import SHOWN_ERRORS
from tenfold.data.mnist import load_mnist

FILES_PER_BATCH = 20
MAX_MEGABYTES = 1000
MAX_SECONDS = 120
GOOD = ("a.npy", "z.npy")
"""The first and the last file of each folder."""


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Read `n` mutated files."""
    found = Finding(
        "mutated .npy, .npz, .tar and .parquet files, read by `batch`, 20 at a time between two"
        " good ones",
        "no traceback, the batch finishes, the rows of the good files are right, at most"
        f" {MAX_MEGABYTES:,} MB in all processes",
        n=n,
    )
    rng = random.Random(seed)
    images, _ = load_mnist("test")
    good = good_files(images)
    undisturbed = Trial(folder / "batch", {}, images, None)
    assert not undisturbed.problem, undisturbed.problem
    expected = undisturbed.texts
    peak = rows = 0
    for first in range(0, n, FILES_PER_BATCH):
        numbers = range(first, min(n, first + FILES_PER_BATCH))
        mutants = {f"m{number:05}-{name}": data for number in numbers
                   for name, data in [mutant(rng, good)]}  # fmt: skip
        trial = Trial(folder / "batch", mutants, images, expected)
        peak, rows = max(peak, trial.peak_megabytes), rows + trial.errors
        if trial.problem:
            alone = {name: Trial(folder / "batch", {name: mutants[name]}, images, expected).problem
                     for name in mutants}  # fmt: skip
            blamed = [f"{name}: {problem}" for name, problem in alone.items() if problem]
            found.failures += blamed or [f"m{first:05} and following: {trial.problem}"]
    found.figures = {"peak_megabytes": peak, "rows_with_an_error": rows}
    return found


class Trial:
    """One batch.

    Attributes:
        problem: What is wrong with it; "" if nothing is.
        texts: What the rows of the good files say; None as `expected` accepts any.
        peak_megabytes: The peak memory of all processes.
        errors: The number of rows with an error.
    """

    def __init__(
        self, folder: Path, mutants: dict[str, bytes], images: Images, expected: list[str] | None
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        source, self._out = folder / "in", folder / "out"
        source.mkdir(parents=True)
        for name in GOOD:
            np.save(source / name, images[:10])
        for name, data in mutants.items():
            (source / name).write_bytes(data)
        self.peak_megabytes = self.errors = 0
        self.texts: list[str] = []
        words = ["batch", str(source), str(self._out), "--workers", "2", "--json"]
        self.problem = self._run(words) or self._look(expected)

    def _run(self, words: list[str]) -> str:
        """Run the command, and return what is wrong with how it ended."""
        with (self._out.parent / "stderr").open("w+") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-m", "tenfold", *words], stdout=subprocess.PIPE, stderr=stderr
            )
            end, peaks = time.monotonic() + MAX_SECONDS, dict[int, float]()
            while child.poll() is None and time.monotonic() < end:
                peaks |= peaks_of(child.pid)
                time.sleep(0.02)
            late = child.poll() is None
            child.kill()
            stdout = child.communicate()[0]
            stderr.seek(0)
            said = stderr.read()
        self.peak_megabytes = round(sum(peaks.values()))
        if late:
            return f"took more than {MAX_SECONDS} s"
        if "Traceback" in said or len(said.splitlines()) > SHOWN_ERRORS:
            return f"stderr: {said.splitlines()[-1]}"
        if child.returncode not in (0, 1) or not stdout.startswith(b'{"engine"'):
            return f"exit code {child.returncode}: {stdout.decode()[:300]} {said[:300]}"
        if self.peak_megabytes > MAX_MEGABYTES:
            return f"took {self.peak_megabytes} MB"
        self.errors = int(json.loads(stdout)["errors"])
        return ""

    def _look(self, expected: list[str] | None) -> str:
        """Return what is wrong with the output."""
        manifest = json.loads((self._out / MANIFEST).read_text())
        table = pq.read_table(self._out).sort_by([("source", "ascending"), ("index", "ascending")])
        rows = [row for row in table.to_pylist() if Path(row["source"]).name in GOOD]
        self.texts = [row["text"] for row in rows]
        if FINISHED not in manifest:
            return "the manifest does not say that the batch is finished"
        if expected is not None and self.texts != expected:
            return f"the good files were read as {self.texts}"
        return ""


def peaks_of(process: int) -> dict[int, float]:
    """Return the peak memory of a process and of each of its descendants, in megabytes."""
    found = {}
    for one in tree(process):
        try:
            status = Path(f"/proc/{one}/status").read_text()
            found[one] = int(status.partition("VmHWM:")[2].split()[0]) / 1000
        except (OSError, IndexError):  # it has ended
            continue
    return found
