"""What people see in a terminal: color, widths, messages; tried with pseudo-terminals."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert code == 1
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
        ("raise ImportError('datetime')", "ImportError: datetime\n"),
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
    assert ("Traceback" in result.stderr) == (result.returncode == 1)


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
