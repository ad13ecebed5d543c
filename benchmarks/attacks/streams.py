"""Commands with closed, full and broken streams, odd terminals, encodings and places.

Each case is a line of shell, run by `sh` as a process of its own in a folder with the files of
`commands.prepare`; `tenfold` stands for this Python's command. Each time: no traceback; exit code
0, 1, 2, 130, or SIGPIPE (141); at most two lines on stderr if it fails; an answer within two
minutes. A folder as stdin is left out, because Python itself does not start with one.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from attacks.commands import SECONDS, prepare
from attacks.finding import Finding

CASES = r"""
tenfold recipes >&-
tenfold recipes --json >&-
tenfold recipes 2>&-
tenfold recipes >&- 2>&-
tenfold nonsense 2>&-
tenfold nonsense --json >&-
tenfold read - <&-
tenfold read - --json <&-
tenfold read - </dev/null
tenfold read - <notes.txt
tenfold read picture.png <&- >&- 2>&-
tenfold recipes >/dev/full
tenfold recipes --json >/dev/full
tenfold read picture.png --json >/dev/full
tenfold read picture.png nowhere.png >/dev/full 2>&1
tenfold nonsense 2>/dev/full
tenfold --help >/dev/full
tenfold --version >/dev/full
tenfold --help >&-
tenfold data --sheet /dev/full
tenfold batch full /dev/full
tenfold recipes | true
tenfold recipes --json | head -c 1
tenfold --help | head -1
tenfold read picture.png picture.png blank.png | true
tenfold read nowhere.png 2>&1 >/dev/null | true
LANG=C LC_ALL=C tenfold read $'\xff\xe9.png' picture.png
LC_ALL=C PYTHONUTF8=0 tenfold recipes
LC_ALL=C PYTHONUTF8=0 tenfold recipes $'\xe9'
PYTHONIOENCODING=ascii tenfold recipes --json
PYTHONIOENCODING=ascii:strict tenfold read na$'\xe2\x82\xac'me.png
PYTHONIOENCODING=utf-16 tenfold recipes
PYTHONIOENCODING=cp437:ignore tenfold read $'\xf0\x9f\x98\x80.png' --json
PYTHONIOENCODING=latin-1 tenfold --help
env -u HOME tenfold recipes
env -u HOME tenfold data
HOME= tenfold data
HOME=/nowhere tenfold data --verify
HOME=notes.txt tenfold read picture.png
env -i PATH=/nowhere tenfold read picture.png
TENFOLD_CACHE=notes.txt tenfold data
TENFOLD_CACHE=/dev/null tenfold data --verify
TENFOLD_CACHE= tenfold recipes
TMPDIR=/nowhere tenfold read picture.png
TERM=dumb tenfold --help
TERM= COLUMNS=1 tenfold --help
COLUMNS=0 tenfold train --help
COLUMNS=-7 tenfold recipes
COLUMNS=99999999999999999999 tenfold recipes
COLUMNS=wide tenfold read --help
NO_COLOR=1 FORCE_COLOR=1 tenfold nonsense
script -qec 'tenfold nonsense' /dev/null </dev/null
script -qec 'tenfold recipes | cat' /dev/null </dev/null
mkdir gone && cd gone && rmdir ../gone && tenfold recipes
mkdir away && cd away && rmdir ../away && tenfold read picture.png
ulimit -n 16; tenfold read picture.png
ulimit -f 0; tenfold data --sheet sheet.png
ulimit -v 200000; tenfold read picture.png
timeout --preserve-status 9 tenfold serve --port 0 >&-
timeout --preserve-status 9 tenfold serve --port 0 >/dev/full
timeout --preserve-status 9 tenfold serve --port 0 2>/dev/full
timeout --preserve-status -s INT 2 tenfold read pipe picture.png /dev/zero
"""


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Run the first n cases."""
    found = Finding(
        "closed, full and broken streams, odd terminals, encodings and places",
        "no traceback, exit code 0, 1, 2, 130 or 141, at most two lines on stderr if it fails",
    )
    files = folder / "files"
    prepare(files)
    commands = folder / "bin"
    commands.mkdir()
    (commands / "tenfold").write_text(f'#!/bin/sh\nexec {sys.executable} -m tenfold "$@"\n')
    (commands / "tenfold").chmod(0o755)
    codes: Counter[int] = Counter()
    for line in [line for line in CASES.splitlines() if line][:n]:
        code, text = run(line.replace("tenfold ", f"{commands}/tenfold "), files)
        codes[code] += 1
        found.n += 1
        problem = what_is_wrong(code, text)
        if problem:
            found.failures.append(f"{line}: {problem}: {text[-500:]!r}")
    found.figures = {f"exit_code_{code}": count for code, count in sorted(codes.items())}
    return found


def run(line: str, folder: Path) -> tuple[int, str]:
    """Run a line of shell; return the exit code of its first command, and what is on stderr."""
    script = f"set -o pipefail\n{line}"
    process = subprocess.Popen(
        ["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, cwd=folder, start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        told = process.communicate(timeout=SECONDS)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        told = process.communicate()[1]
        return -1, told.decode(errors="replace")
    return process.returncode, told.decode(errors="replace")


def what_is_wrong(code: int, text: str) -> str:
    """Return what is wrong with how a command ended; "" if nothing is."""
    if code == -1:
        return f"takes longer than {SECONDS} s"
    if code not in (0, 1, 2, 130, 141):
        return f"exit code {code}"
    if "Traceback" in text or "Exception" in text:
        return "a traceback"
    return "more than two lines" if code and len(text.splitlines()) > 2 else ""
