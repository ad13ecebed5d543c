"""Completion of the command line, tried in the shells themselves."""

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = [
    ("tenfold tr", {"train"}),
    ("tenfold train --rec", {"--recipe"}),
    ("tenfold train --recipe articl", {"article", "article-today"}),
    ("tenfold train --backend tens", {"tensorflow"}),
    ("tenfold evaluate st", {"standard"}),
    ("tenfold evaluate mine", {"mine.keras"}),
    ("tenfold export tiny --format o", {"onnx", "openvino"}),
    ("tenfold explain photo.jpg --method gr", {"grad-cam"}),
    ("tenfold read pho", {"photo.jpg"}),
    ("tenfold read photo.jpg --annotate s", {"seen"}),
    ("tenfold compare --classifiers ext", {"extra-trees"}),
    ("tenfold compare --classifiers svm,articl", {"svm,article", "svm,article-today"}),
    ("tenfold compare --classifiers svm,knn,boo", {"svm,knn,boosting"}),
    ("tenfold completion f", {"fish"}),
]
IN_BASH = """
source {script}
COMP_WORDS=({line}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_tenfold
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell, name in (("bash", "tenfold.bash"), ("zsh", "_tenfold"), ("fish", "tenfold.fish")):
        words = [sys.executable, "-m", "tenfold", "completion", shell]
        script = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        (folder / name).write_text(script)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seen").mkdir()
    for name in ("photo.jpg", "mine.keras", "sight.txt"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize(("line", "expected"), CASES, ids=[line for line, _ in CASES])
def test_a_shell_completes(scripts, folder, shell, line, expected) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    if shell == "bash":
        code = IN_BASH.format(script=scripts / "tenfold.bash", line=line)
        words = ["bash", "--norc", "-c", code]
    else:
        words = ["fish", "-N", "-c", f"source {scripts}/tenfold.fish; complete -C '{line}'"]
    result = subprocess.run(words, capture_output=True, text=True, check=True, cwd=folder)
    found = {one.partition("\t")[0].rstrip("/") for one in result.stdout.splitlines()}
    assert found == expected, result.stderr


def test_zsh_completes(scripts, folder) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
        env=os.environ | {"TERM": "dumb"}, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)

    def until(text: str) -> None:
        shown = ""
        while text not in shown:
            assert select.select([ours], [], [], 20)[0], f"{text!r} is not in {shown!r}"
            shown += os.read(ours, 65536).decode()

    os.write(ours, f"fpath=({scripts} $fpath); autoload -Uz compinit; compinit -u -D\n".encode())
    os.write(ours, b"print rea''dy\n")
    until("ready")
    try:
        for line, expected in CASES:
            if len(expected) == 1:
                (word,) = expected
                os.write(ours, f"{line}\t".encode())
                until(f"{line.rpartition(' ')[0]} {word}")
                os.write(ours, b"\x15")  # empties the line
    finally:
        os.close(ours)  # ends the shell
        process.wait(timeout=20)
