"""Careless command lines: wrong names, options, values, files and folders, for every command.

Each line of COMMANDS runs in a child of one process, in a folder with the files of `prepare`; every
second one with `--json`. Each time: no traceback; exit code 0, 1 or 2, and 2 only for wrong usage;
a failure is one line on stderr, after the lines that tell of progress, or with `--json` one
document; what is not meant to succeed (all but the lines that start with `?`) fails; and nothing
takes longer than two minutes.
"""

import json
import os
import random
import shlex
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import cv2  # noqa: F401  # imported once, for all commands
import onnxruntime  # noqa: F401
from PIL import Image

import tenfold.reading.reader  # noqa: F401
from attacks.finding import Finding
from tenfold.cli.main import main

SECONDS = 120

COMMANDS = r"""
nonsense
trainx
read-pictures
""
--nonsense
--json
--quiet
-x
? --version extra
? --help nonsense
? help nonsense
help help
train --recipe nonsense
train --recipe ''
train --recipe Standard
train --recipe ../../etc/passwd
train --recipe cut.json
train --recipe list.json
train --recipe wrong.json
train --recipe deep.json
train --recipe folder
train --recipe picture.png
train --recipe loop
train --seed x
train --seed 1.5
train --seed -1
train --seed 99999999999999999999
train --seeds 0
train --seeds -3
train --seeds 1e3
train --epochs 0
train --epochs -1
train --epochs ''
train --epochs 12 --seconds
train --batch-size 0
train --batch-size 100000000000
train --learning-rate nan
train --learning-rate inf
train --learning-rate -1
train --learning-rate 0,1
train --set nonsense=1
train --set epochs
train --set =
train --set epochs=
train --set epochs=many
train --set 'epochs=[1'
train --set 'layers=[]'
train --set 'layers=[{"type": "Nonsense"}]'
train --set augmentation.nonsense=1
train --set augmentation=7
train --set name=../../x
train --train-size 0
train --train-size 60001
train --train-size -5
train --train-size 12.5
train --val-size 60000
train --val-size -1
train --train-size 100 --val-size 100
train --out full
train --out picture.png
train --out picture.png/run
train --out /proc/run
train --out ''
train --data-dir nowhere
train --data-dir folder
train --data-dir picture.png
train --backend nonsense
train --backend ''
train --resume nowhere
train --resume full
train --resume picture.png
train --resume full --epochs 3
train --engine nonsense
train --ray-address 10.0.0.1:6379
train --trials 5
train picture.png
tune --trials 0
tune --trials -2
tune --trials x
tune --space nonsense
tune --space nonsense=1,2
tune --space cut.json
tune --space epochs=
tune --timeout -1
tune --timeout nan
tune --pruner nonsense
tune --val-size 0
tune --val-size 60000
tune --workers 0
tune --storage mysql://nowhere/db
tune --storage folder
tune --out full
tune --resume nowhere
tune --choices 0
tune --recipe nonsense --show-space
evaluate
evaluate nonsense
evaluate ''
evaluate picture.png
evaluate folder
evaluate full
evaluate standard best
evaluate standard --scale 0
evaluate standard --scale nan
evaluate cut.onnx
evaluate standard --int8
evaluate reader --data-dir nowhere
evaluate reader --classes a,b
read
read nowhere.png
read ''
read notes.txt
read empty.png
read loop
read pipe
read folder
read /dev/zero
read cut.png
read picture.png --model nonsense
read picture.png --model picture.png
read picture.png --annotate picture.png
read picture.png --annotate /proc/x
read picture.png --single --nonsense
read picture.png --epochs 3
read picture.png --classes ''
read picture.png --scale x
? read picture.png picture.png
read picture.png nowhere.png
read 'na\nme.png'
read '*.png'
read ~nosuchuser/a.png
read picture.png --json --json --help=x
? read - --single
batch
batch folder
batch nowhere out
batch full full
batch picture.png picture.png
batch full out --workers 0
batch full out --workers 1e9
? batch full out --column nonsense
batch full out --engine nonsense
batch full out --ray-address x
batch notes.txt out
batch cut.parquet out
batch full /proc/out
serve --port 99999999
serve --port x
serve --host 'not a host'
serve --timeout nan
serve --workers -1
serve --max-megabytes -5
serve --cors nonsense
serve --allowed-hosts a:b:c
serve --model nowhere --port 0
explain
explain nowhere.png
explain picture.png --method nonsense
explain picture.png --to 10
explain picture.png --to -1
explain blank.png
explain notes.txt
explain picture.png --out picture.png
show nonsense
show standard --picture nowhere.png
show standard --picture notes.txt
show standard --out picture.png
compare --classifiers nonsense
compare --classifiers ''
compare --classifiers ,,,
compare --classifiers svm,svm,nonsense
compare --train-size 0
compare --train-size 1
compare --classifiers knn --train-size 200 --out picture.png
labels --folds 1
labels --folds -1
labels --folds 99999999
labels --train-size 3
labels --recipe nonsense
robustness nonsense
robustness nano --images 0
robustness nano --images -1
robustness nano --images x
robustness nano --images 5 --external nowhere
robustness nano --images 5 --external notes.txt
score
score nowhere
score picture.png
score folder
score full
score full --model nonsense
export
export nonsense
export nano --format nonsense
export nano --format ''
export nano --out picture.png
export reader --format litert --quantize --out picture.png/x
recipes nonsense
recipes ''
recipes cut.json
recipes standard best
? data --sheet nowhere/sheet.png
recipes --file
recipes nonsense --file
adapt
adapt nonsense --data full
adapt reader
adapt reader --data nowhere
adapt reader --data notes.txt
adapt reader --data full --out picture.png
adapt picture.png --data full
train --data nowhere.csv
train --data notes.txt
train --data cut.parquet
train --data nonsense
evaluate standard --data nowhere
compare --data folder --classifiers knn
show standard --data picture.png
labels --data ''
data --sheet folder
data --sheet sheet.nonsense
data --data-dir nowhere
data --verify --data-dir folder
data extra
"""


@dataclass
class Ended:
    """How a command ended; `code` is -1 if it took too long."""

    code: int
    stdout: str
    stderr: str


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Run at least n careless command lines, in random order."""
    found = Finding(
        "careless command lines, for every command",
        "no traceback, exit code 1 or 2 (0 where the line is right), a failure is one line on "
        "stderr or with `--json` one document",
    )
    lines = [line for line in COMMANDS.splitlines() if line]
    random.Random(seed).shuffle(lines)
    prepare(folder / "files")
    codes = {0: 0, 1: 0, 2: 0}
    slowest = 0.0
    for number, line in enumerate(lines[:n]):
        words = shlex.split(line.removeprefix("? "))
        words += ["--json"] if number % 2 else []
        started = time.monotonic()
        ended = run(words, folder / "files", folder)
        slowest = max(slowest, time.monotonic() - started)
        problem = what_is_wrong(ended, "--json" in words, may_succeed=line.startswith("? "))
        if problem:
            found.failures.append(f"{shlex.join(words)}: {problem}: {ended.stderr[-500:]!r}")
        codes[ended.code] = codes.get(ended.code, 0) + 1
        found.n += 1
    found.figures = {f"exit_code_{code}": count for code, count in codes.items()}
    found.figures["slowest_seconds"] = round(slowest, 1)
    return found


def prepare(folder: Path) -> None:
    """Make the folder in which the commands run."""
    folder.mkdir()
    (folder / "folder").mkdir()
    (folder / "full").mkdir()
    picture = Image.new("L", (100, 100), 255)
    picture.save(folder / "blank.png")
    picture.paste(0, (48, 20, 53, 80))
    for name in ("picture.png", "full/one.png"):
        picture.save(folder / name)
    whole = (folder / "picture.png").read_bytes()
    deep = 5000 * "["
    for name, data in {
        "notes.txt": b"remember the milk",
        "empty.png": b"",
        "cut.png": whole[: len(whole) // 2],
        "cut.json": b'{"name": ',
        "list.json": b"[]",
        "wrong.json": b'{"name": 5, "layers": null, "epochs": "x"}',
        "deep.json": deep.encode(),
        "cut.onnx": b"\x08\x07\x12",
        "cut.parquet": b"PAR1 and no more",
    }.items():
        (folder / name).write_bytes(data)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")


def run(words: list[str], where: Path, logs: Path) -> Ended:
    """Run a command in a child process."""
    texts = [logs / "stdout", logs / "stderr"]
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.chdir(where)
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, path in enumerate(texts, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = ["tenfold", *words]
            main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            break
        time.sleep(0.01)
    else:
        code = -1
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    stdout, stderr = (path.read_text(errors="replace") for path in texts)
    return Ended(code, stdout, stderr)


def what_is_wrong(ended: Ended, as_json: bool, *, may_succeed: bool) -> str:
    """Return what is wrong with how a command ended; "" if nothing is."""
    if ended.code == -1:
        return f"takes longer than {SECONDS} s"
    if ended.code not in (0, 1, 2):
        return f"exit code {ended.code}"
    if "Traceback" in ended.stdout + ended.stderr:
        return "a traceback"
    if not ended.code:
        return "" if may_succeed else "succeeds"
    if as_json:
        try:
            document = json.loads(ended.stdout)
        except ValueError:
            return f"no JSON document on stdout: {ended.stdout[-300:]!r}"
        return "" if {"error", "pictures"} & set(document) else "no error in the document"
    lines = ended.stderr.splitlines()
    if not lines:
        return "no line on stderr"
    errors = [line for line in lines if line.startswith("tenfold")]
    return "" if len(errors) <= 1 and len(lines) <= 3 else "more than one line"
