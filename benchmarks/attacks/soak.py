"""`make soak` for n minutes: valid, mutated, slow and abandoned requests; memory stays flat.

The figures of memory are those of the server process, without its decoding processes.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from attacks.finding import Finding

PROGRAM = Path(__file__).parent.parent.parent / "tests" / "soak.py"
LINE = re.compile(r"(\d+) min, (\d+) \+ (-?\d+) MB, \{(.*)\}")
MOST_MEGABYTES_AN_HOUR = 60
"""A leak of 10 kB in each thousand requests is found; memory of allocators varies by some 20 MB.
Decoding processes come and go, some 60 MB each; their number is limited."""


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Load a server for n minutes."""
    found = Finding(
        f"{n} minutes of valid, mutated, slow and abandoned requests: `make soak`",
        "right answers, no status of 500 or above but 503 and 504, flat memory",
    )
    command = [sys.executable, str(PROGRAM), "--minutes", str(n)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stdout.write(ended.stdout)
    if ended.returncode:
        found.failures.append(ended.stderr.strip().rpartition("\n")[2])
    lines = [match for line in ended.stdout.splitlines() if (match := LINE.fullmatch(line))]
    minutes, megabytes, others = np.array([list(map(int, line.groups()[:3])) for line in lines]).T
    warm = len(lines) // 5
    slope = 60 * np.polyfit(minutes[warm:], megabytes[warm:], 1)[0] if len(lines) > 3 else 0.0
    if slope > MOST_MEGABYTES_AN_HOUR:
        found.failures.append(f"memory grows by {slope:.0f} MB an hour: {megabytes.tolist()}")
    found.n = int(minutes[-1])
    requests = [int(count) for count in re.findall(r": (\d+)", lines[-1][4])]
    found.figures = {
        "requests": sum(requests),
        "megabytes_at_start": int(megabytes[0]),
        "megabytes_after_warm_up": int(megabytes[warm]),
        "megabytes_at_end": int(megabytes[-1]),
        "megabytes_per_hour": round(float(slope), 1),
        "most_megabytes_of_decoding_processes": int(others.max()),
    }
    return found
