"""A Python that fails or stops at any of its changes to files, and runs commands one by one.

`faults.c`, compiled here and preloaded, counts the writes, fsyncs, renames and other changes below
a folder. The commands run in one process, `warm.py`, so that TensorFlow is imported once.
"""

import ctypes
import json
import mmap
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent

WRITE, FSYNC, RENAME, OTHER = 1, 2, 4, 8
FAIL_ONCE, FAIL_ON, STOP = 0, 1, 2

STATE_VARIABLE = "FAULTS_STATE"


class State(ctypes.Structure):
    """What all processes of a command share with this one; faults.c says what the fields are."""

    _fields_ = (
        ("kinds", ctypes.c_int32),
        ("action", ctypes.c_int32),
        ("error", ctypes.c_int32),
        ("told", ctypes.c_int32),
        ("count", ctypes.c_int64),
        ("target", ctypes.c_int64),
        ("stopped", ctypes.c_int32),
        ("hits", ctypes.c_int32),
        ("prefix", ctypes.c_char * 256),
    )

    @classmethod
    def at(cls, path: Path) -> "State":
        """Map the state in a file."""
        with path.open("r+b") as file:
            return cls.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(cls)))

    def arm(self, kinds: int, target: int, action: int, error: int = 0) -> None:
        """Count changes of some kinds from zero; fail at, or stop before, number `target`."""
        self.kinds = 0
        self.count = self.stopped = self.hits = 0
        self.target, self.action, self.error, self.kinds = target, action, error, kinds

    def disarm(self) -> None:
        """Count, fail and stop at nothing."""
        self.kinds = 0


@dataclass(frozen=True)
class Answer:
    """How a command ended: exit code, output, and a traceback if one escaped."""

    code: int
    stdout: str
    stderr: str
    traceback: str


class Python:
    """A process that runs tenfold's commands, with faults in the files below a folder.

    Args:
        folder: For the compiled library and the state.
        below: Changes to files below this folder count.
        environment: More environment variables.
    """

    def __init__(self, folder: Path, below: Path, **environment: str) -> None:
        library = folder / "faults.so"
        if not library.exists():
            command = ["cc", "-shared", "-fPIC", "-o", str(library), str(HERE / "faults.c"), "-ldl"]
            subprocess.run(command, check=True)
        descriptor, state_file = tempfile.mkstemp(dir=folder, prefix="state-")
        os.close(descriptor)
        state = Path(state_file)
        state.write_bytes(bytes(ctypes.sizeof(State)))
        self.state = State.at(state)
        self.state.prefix = f"{below}/".encode()
        paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "attacks.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ
            | {"LD_PRELOAD": str(library), STATE_VARIABLE: str(state)}
            | {"PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
            | environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def start(self, arguments: Sequence[object]) -> None:
        """Start a command; `arguments` are the words after `tenfold`."""
        assert self.process.stdin is not None
        self.state.told = 0
        print(json.dumps([str(word) for word in arguments]), file=self.process.stdin, flush=True)

    def has_answered(self) -> bool:
        """Return whether the command has ended."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout.fileno()], [], [], 0)[0])

    def answer(self) -> Answer:
        """Wait for the end of the command."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise EOFError("the process that runs the commands ended")
        found: dict[str, Any] = json.loads(line)
        return Answer(**found)

    def run(self, arguments: Sequence[object]) -> Answer:
        """Run a command."""
        self.start(arguments)
        return self.answer()
