"""Power cuts during `train` and `batch`, on a real file system.

Needs root on Linux: it mounts an ext4 file system from an image file (loop device), and the command
writes there. At a cut, all processes of the command are stopped, and the image is copied. The image
holds what the file system has written to its device, and not what the kernel still holds in
memory: the copy is what a power cut leaves. The copy is mounted, which recovers its journal, and
the command is continued there.

The mounts are pessimistic: `noauto_da_alloc` switches off ext4's own protection against empty
files after a rename, and `commit=300` keeps what nobody flushed in memory; in half of the runs
`commit=1` writes the names of files to disk each second, but not their contents.

Every other run has cuts at random times; the others just before random changes to the files (write,
fsync, rename, unlink, ...), which faults.c stops at: most faults lie between two of these. One cut
of each run comes after the command has answered.

Each time: no file under its final name is empty or damaged; what the user was told is there (the
finished run; all epochs reported, except one whose checkpoint may not be written yet; all parts
reported); the continued command ends as an undisturbed one, and leaves no temporary files.
"""

import itertools
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from attacks.faults import FAIL_ONCE, FSYNC, OTHER, RENAME, STOP, WRITE, Python
from attacks.finding import Finding
from attacks.jobs import Batch, Job, Train

ALL = WRITE | FSYNC | RENAME | OTHER
COMMITS = (300, 1)
IMAGE_BYTES = 32 * 2**20
CUTS_PER_RUN = 4
"""Cuts while a run works; one more comes after its end."""

AT_A_TIME, BEFORE_A_CHANGE, AFTER_THE_END = "at_a_time", "before_a_change", "after_the_end"


@dataclass(frozen=True)
class Cut:
    """A copy of the image, and what the user was told before."""

    image: Path
    told: int
    kind: str
    when: str


@dataclass(frozen=True)
class Undisturbed:
    """What a command without cuts left, the number of its changes to files, and its seconds."""

    result: object
    changes: int
    seconds: float

    def moments(self, rng: random.Random, *, by_change: bool) -> list[int] | list[float]:
        """Return moments for cuts, sorted: numbers of changes, or seconds from the start."""
        if by_change:
            return sorted(rng.sample(range(1, self.changes + 1), CUTS_PER_RUN))
        return sorted(rng.uniform(0, self.seconds) for _ in range(CUTS_PER_RUN))


class Disk:
    """An ext4 file system in an image, to write to and to copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = folder / "disk.img"
        self.mounted = folder / "mounted"

    @contextmanager
    def mount(self, commit: int) -> Iterator[Path]:
        """Mount an empty file system, which commits its journal after so many seconds."""
        with self.image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-J", "size=4", self.image], check=True)
        options = f"loop,noauto_da_alloc,commit={commit}"
        with mount(self.image, self.mounted, options) as place:
            yield place

    def copy(self, number: int) -> Path:
        """Copy the image as it is at one moment: copy again if it was written to meanwhile."""
        copy = self.folder / f"cut-{number}.img"
        while True:
            before = self._written()
            shutil.copyfile(self.image, copy)
            if self._written() == before:
                return copy

    def _written(self) -> str:
        """Return the numbers of the loop device's writes."""
        device = self.mounted.stat().st_dev
        stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
        return " ".join(stat.read_text().split()[4:7])


@contextmanager
def mount(image: Path, place: Path, options: str) -> Iterator[Path]:
    """Mount an image for the time of the context."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", options, image, place], check=True)
    try:
        yield place
    finally:
        # A file that was just read may still be open for a moment.
        for pause in (0.0, 0.1, 1.0, 5.0):
            time.sleep(pause)
            if subprocess.run(["umount", "-q", place], check=False).returncode == 0:
                break
        else:
            raise OSError(f"{place} cannot be unmounted")


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Cut the power `n` times, half of them during `train` and half during `batch`."""
    found = Finding(
        "a power cut during `train` and `batch`: at a random time, just before a random change to a"
        " file, or after the end",
        "no file under its final name is empty or damaged, what was reported is there, and the"
        " continued command ends as an undisturbed one",
    )
    if os.geteuid() != 0:
        raise SystemExit("power-cuts mounts file systems: run it as root, on Linux")
    rng = random.Random(seed)
    disk = Disk(folder)
    kinds = dict.fromkeys((AT_A_TIME, BEFORE_A_CHANGE, AFTER_THE_END), 0)
    with Python(folder, disk.mounted) as python, Python(folder, folder / "copied") as second:
        jobs = (Train(), Batch(folder))
        for share, job in zip((n - n // 2, n // 2), jobs, strict=True):
            python.run(job.first(folder / "warm-up"))
            shutil.rmtree(folder / "warm-up")
            undisturbed = measure(job, second, folder / "copied")
            left = share
            for run in itertools.count():
                commit = COMMITS[run % 4 // 2]
                with disk.mount(commit) as place:
                    moments = undisturbed.moments(rng, by_change=run % 2 == 0)
                    for cut in cuts(job, python, disk, place / "run", moments)[:left]:
                        left -= 1
                        kinds[cut.kind] += 1
                        if problem := look(job, second, cut, folder / "copied", undisturbed.result):
                            what = f"{job.name}, commit={commit}, cut {cut.when}"
                            found.failures.append(f"{what}: {problem}")
                if not left:
                    break
            found.n += share
    found.figures |= kinds
    return found


def measure(job: Job, python: Python, copied: Path) -> Undisturbed:
    """Run a command without cuts."""
    for _ in range(2):  # the first run imports
        copied.mkdir(exist_ok=True)
        python.state.arm(ALL, 0, FAIL_ONCE)
        start = time.perf_counter()
        answer = python.run(job.first(copied / "run"))
        seconds = time.perf_counter() - start
        assert answer.code == 0, answer
        result = job.result(copied / "run")
        shutil.rmtree(copied)
    python.state.disarm()
    return Undisturbed(result, python.state.count, seconds)


def cuts(
    job: Job, python: Python, disk: Disk, out: Path, moments: list[int] | list[float]
) -> list[Cut]:
    """Run a command; copy the disk at some moments and after the end."""
    state = python.state
    found: list[Cut] = []
    by_change = isinstance(moments[0], int)
    state.arm(ALL, int(moments[0]) if by_change else 0, STOP)
    start = time.perf_counter()
    python.start(job.first(out))
    stopped_seconds = 0.0
    for number, moment in enumerate(moments):
        if by_change:
            while not state.stopped and not python.has_answered():
                time.sleep(0.002)
        else:
            due = start + moment + stopped_seconds
            time.sleep(max(0.0, due - time.perf_counter()))
        if python.has_answered():
            break
        stop_time = time.perf_counter()
        processes = tree(python.process.pid)
        stop(processes)
        if by_change:
            kind, when = BEFORE_A_CHANGE, f"before change {state.count}"
        else:
            kind, when = AT_A_TIME, f"after {moment:.2f} s"
        found.append(Cut(disk.copy(len(found)), state.told, kind, when))
        state.stopped = 0
        later = [one for one in moments[number + 1 :] if one > state.count]
        state.target = int(later[0]) if by_change and later else 0
        for process in processes:
            os.kill(process, signal.SIGCONT)
        stopped_seconds += time.perf_counter() - stop_time
        if by_change and not later:
            break
    answer = python.answer()
    state.disarm()
    assert answer.code == 0, answer
    found.append(Cut(disk.copy(len(found)), state.told, AFTER_THE_END, "after the end"))
    return found


def look(job: Job, python: Python, cut: Cut, copied: Path, expected: object) -> str:
    """Mount a copy, continue the command, and return what is wrong; "" if nothing is."""
    with mount(cut.image, copied, "loop"):
        out = copied / "run"
        if out.exists():
            if torn := job.all_torn(out):
                return "; ".join(torn)
            kept = job.kept(out)
        else:
            kept = 0
        # The last epoch is reported before its checkpoint is written.
        promised = cut.told - 1 if job.name == "train" and cut.kind != AFTER_THE_END else cut.told
        if kept < promised:
            return f"{promised} were reported, {kept} are there"
        answer = python.run(job.again(out))
        if answer.code or answer.traceback:
            return f"continued: {answer.stderr}{answer.traceback}"
        if job.result(out) != expected:
            return "continued: another result"
        if left := job.leftovers(out):
            return f"left {', '.join(left)}"
    return ""


def tree(process: int) -> list[int]:
    """Return a process and its descendants."""
    found = [process]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):  # the thread has ended
                found += map(int, children.read_text().split())
    return found


def stop(processes: list[int]) -> None:
    """Stop processes, and wait until they are: system calls that have begun come to their end."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    for process in processes:
        for status in Path(f"/proc/{process}/task").glob("*/stat"):
            while (
                status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "TtZX"
            ):
                time.sleep(0.001)
