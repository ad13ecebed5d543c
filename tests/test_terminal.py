"""What people see in a terminal: color, widths, messages; tried with pseudo-terminals."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tenfold.cli import tables
from tenfold.cli.tables import Column

pty = pytest.importorskip("pty")


def in_terminal(
    *words: str,
    columns: int = 80,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run the command in a terminal, and return its exit code and all that it shows."""
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tenfold", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
        env=plain | {"TERM": "xterm", "COLUMNS": str(columns)} | (environment or {}),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def test_errors_and_headings_are_colored_in_a_terminal_alone() -> None:
    code, shown = in_terminal("evaluate", "nowhere")
    assert code == 2
    assert shown.startswith("\x1b[1;31mtenfold:\x1b[0m no model 'nowhere'")
    assert "\x1b[1mexamples:\x1b[0m" in in_terminal("evaluate", "--help")[1]
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in in_terminal("evaluate", "nowhere", environment=plain)[1]
        assert "\x1b" not in in_terminal("evaluate", "--help", environment=plain)[1]
    empty = {"NO_COLOR": ""}  # the same as unset
    assert "\x1b" in in_terminal("evaluate", "nowhere", environment=empty)[1]
    piped = subprocess.run(
        [sys.executable, "-m", "tenfold", "evaluate", "nowhere"], capture_output=True, check=False
    )
    assert b"\x1b" not in piped.stdout + piped.stderr


@pytest.mark.parametrize(
    ("ours", "text"),
    [
        ("raise KeyboardInterrupt", "\ntenfold: interrupted; the same command continues\n"),
        (  # NumPy's import ends so, in RuntimeError or ImportError, after Ctrl-C
            "os.kill(os.getpid(), signal.SIGINT)\n"
            "except KeyboardInterrupt: raise ImportError('datetime') from None",
            "\ntenfold: interrupted; the same command continues\n",
        ),
        ("raise ImportError('datetime')", "tenfold: cannot load a library: datetime\n"),
    ],
)
def test_ctrl_c_while_packages_are_imported_is_one_line(tmp_path, ours, text) -> None:
    code = f"""
import os, signal, sys, types
from tenfold.__main__ import main
class Package(types.ModuleType):
    def __getattr__(self, name):
        try:
            {ours.replace(chr(10), chr(10) + " " * 8)}
        finally:
            pass
sys.modules["tenfold.comparing.compare"] = Package("compare")
sys.argv[1:] = ["compare"]
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.stdout == ""
    assert result.stderr.endswith(text)
    assert result.returncode == (130 if "interrupted" in text else 1)
    assert "Traceback" not in result.stderr


def test_ctrl_c_while_options_are_parsed_is_one_line() -> None:
    code = """
import os, shutil, signal, sys
from tenfold.__main__ import main
shutil.get_terminal_size = lambda: os.kill(os.getpid(), signal.SIGINT)
sys.argv[1:] = ["data"]
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "\ntenfold: interrupted\n"


def test_ctrl_c_is_reported_while_stderr_is_filtered() -> None:
    code = """
import os, threading, time
from tenfold.execution.quiet import filtered_stderr
def work():
    with filtered_stderr(b"noise"):
        os.write(2, b"noise of C++\\n")
        started.set()
        time.sleep(60)
started = threading.Event()
threading.Thread(target=work, daemon=True).start()
started.wait()
import sys
print("interrupted", file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "interrupted\n")


TABLE = (
    [
        Column("name", text=True),
        Column("size", rank=2),
        Column("accuracy"),
        Column("seconds", rank=1),
        Column("what it is", text=True, wraps=True),
    ],
    [["one", "1,000,000", "99.12%", "1 min 02 s", "A few words, and then more of them."],
     ["another", "7", "9.00%", "0.10 s", "Short."]],
)  # fmt: skip


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_tables_fit_the_terminal_and_lose_nothing_unsaid(monkeypatch, width) -> None:
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    text = tables.table(*TABLE)
    assert max(map(len, text.splitlines())) <= width
    assert all(word in text for word in ("99.12%", "another", "few", "words", "more"))
    for column, cell in (("size", "1,000,000"), ("seconds", "1 min 02 s")):
        missing = text.partition("shows also: ")[2]
        assert (cell in text) != (column in missing)
    assert ("shows also" in text) == (width < 70)


def test_tables_that_no_terminal_shows_are_whole_lines(monkeypatch) -> None:
    monkeypatch.setattr(tables, "terminal_width", lambda: None)
    assert tables.table(*TABLE) == "\n".join([
        "name          size  accuracy     seconds  what it is",
        "one      1,000,000    99.12%  1 min 02 s  A few words, and then more of them.",
        "another          7     9.00%      0.10 s  Short.",
    ])  # fmt: skip
    assert tables.paragraph("word " * 100 + "end").count("\n") == 0


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("words", [["recipes"], ["recipes", "best"]], ids=" ".join)
def test_what_commands_print_fits(words, columns) -> None:
    code, shown = in_terminal(*words, columns=columns, environment={"NO_COLOR": "1"})
    assert code == 0
    assert max(map(len, shown.splitlines())) <= columns


def test_a_rejected_digit_is_colored(tmp_path) -> None:
    scrawl = Image.new("L", (90, 90), 255)
    draw = ImageDraw.Draw(scrawl)
    for at in range(10, 80, 12):
        draw.line((10, at, 80, 90 - at), width=5)
    scrawl.save(tmp_path / "scrawl.png")
    words = ("read", "--single", str(tmp_path / "scrawl.png"))
    assert in_terminal(*words) == (0, "\x1b[33m?\x1b[0m\n")
    assert in_terminal(*words, environment={"NO_COLOR": "1"}) == (0, "?\n")


def test_a_terminal_says_what_takes_seconds_and_a_pipe_does_not(mnist, tmp_path) -> None:
    """A TensorFlow that cannot be loaded ends the command just after the message."""
    (tmp_path / "tensorflow.py").write_text("raise ImportError('none today')")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    here = {"PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}
    ended = "cannot load a library: none today"
    words = ("train", "--recipe", "softmax", "--train-size", "500", "--out", "run")
    code, shown = in_terminal(*words, folder=tmp_path, environment=here)
    assert (code, ended in shown) == (1, True)
    assert "starting Keras on tensorflow" in shown.partition(ended)[0]
    code, shown = in_terminal(*words, "--quiet", folder=tmp_path, environment=here)
    assert (code, ended in shown, "starting Keras" in shown) == (1, True, False)
    piped = subprocess.run(
        [sys.executable, "-m", "tenfold", *words],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | here,
    )  # fmt: skip
    assert piped.returncode == 1
    assert (ended in piped.stderr, "starting Keras" in piped.stderr) == (True, False)
