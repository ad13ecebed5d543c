"""Every tutorial is followed from top to bottom, and shows what its steps really print."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tenfold.cli.main import build_parser, main

ROOT = Path(__file__).parent.parent
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
FENCE = re.compile(r"^```(sh|python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SERVERS = ("serve", "review")  # until stopped: only their options are checked
ENVIRONMENT = ("python -m venv .venv", ". .venv/bin/activate")  # the tests have their own
SHORTER = {"adapt": ["--epochs", "1"]}  # what a test adds, so that it ends in a minute
TRAINING = re.compile(r"\.fit\(|^tenfold (?:train|adapt|tune|compare)", re.MULTILINE)
ACCURACY = re.compile(r"accuracy ([\d.]+)%")
READ = re.compile(r"[\d?]+|scans/.*|\w+: \d+ of \d+ rows|(perhaps a \d): \d+%")


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_its_commands_exist(page: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines() if language == "sh" else ():
            program, *words = shlex.split(line, comments=True)
            if program == "tenfold":
                build_parser().parse_args(words)
            elif program == "pip":
                assert words[0] == "install"
                named = re.fullmatch(r"\.(?:\[(.+)\])?", words[1])
                assert named
                assert set((named[1] or "pdf").split(",")) <= set(extras["optional-dependencies"])
            elif line not in ENVIRONMENT:
                assert program == "python"
                assert (ROOT / words[0]).is_file()


@pytest.mark.long
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_it_shows_what_is_printed_until_it_trains(
    page: Path, tensorflow: None, mnist, workplace: None, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    until = [number for number, (_, block) in enumerate(blocks) if TRAINING.search(block)]
    follow(page, blocks[: min(until, default=len(blocks))], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_it_shows_what_is_printed(
    page: Path, tensorflow: None, mnist, workplace: None, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    if any(TRAINING.search(block) for _, block in blocks):  # else the test above did it all
        follow(page, blocks, capsys)


@pytest.fixture
def workplace(tmp_path: Path, digit_png: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(digit_png, "photo.png")


def follow(page: Path, blocks: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    """Run blocks of a tutorial one after the other, and compare what they print."""
    names = {"__name__": "__main__"}
    printed, points = "", 2  # of accuracies, which differ a little between processors
    for language, block in blocks:
        if language == "text":
            assert_shown(block, printed, points)
            continue
        printed = ""
        if TRAINING.search(block):
            points = 10  # tests train less
        if language == "python":
            exec(compile(block, page.name, "exec"), names)
        else:
            printed = "".join(run(line) for line in block.splitlines())
        captured = capsys.readouterr()
        printed += captured.err + captured.out  # progress comes before the result


def run(line: str) -> str:
    """Run a command of a tutorial; return what it prints if it runs in a process of its own."""
    program, *rest = shlex.split(line, comments=True)
    if program == "python" and line not in ENVIRONMENT:
        done = subprocess.run(
            [sys.executable, ROOT / rest[0], *rest[1:]], capture_output=True, text=True, check=True
        )
        return done.stdout
    if program == "tenfold" and rest[0] not in SERVERS:
        with pytest.raises(SystemExit) as ended:
            main(rest + SHORTER.get(rest[0], []))
        # Of the scanned forms, one page is of another form.
        assert ended.value.code == (1 if rest[0] == "form" and "--report" not in rest else 0)
    return ""


def assert_shown(block: str, printed: str, points: float) -> None:
    """Check that the lines of a block stand in what was printed, in this order.

    "..." stands for anything. Digits that were read must be the same, accuracies may differ by some
    points, other numbers may differ.
    """
    actual = iter(printed.splitlines())
    for line in block.splitlines():
        pattern = re.escape(loosened(line)).replace(re.escape("..."), ".*")
        found = next((other for other in actual if re.fullmatch(pattern, loosened(other))), None)
        if found is None:
            raise AssertionError(f"{line!r} is not, or not in this place, in:\n{printed}")
        if accuracy := ACCURACY.match(line):
            measured = ACCURACY.match(found)
            assert measured
            assert float(measured[1]) == pytest.approx(float(accuracy[1]), abs=points), line


def loosened(line: str) -> str:
    """Return a line without what differs from machine to machine: figures, widths of columns."""
    line = " ".join(line.split())
    if read := READ.fullmatch(line):  # digits that were read
        return read[1] or line
    line = re.sub(r"\d[\d,]*(\.\d+)?", "#", line)
    line = re.sub(r"#m?s/step", "#s/step", line)
    return re.sub(r"# min # s", "# s", line)
