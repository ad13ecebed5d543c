"""The walk-through of docs/how-to/forms.md, command by command, on the form of the example."""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tenfold.cli.main import main

ROOT = Path(__file__).parent.parent


@pytest.mark.slow  # a tutorial gives the same commands
def test_the_walk_through(
    tmp_path: Path, mnist, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, ROOT / "examples" / "draw_form.py"], check=True)
    text = (ROOT / "docs" / "how-to" / "forms.md").read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block
    ran = []
    for line in block[1].splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[1] == "review":  # serves until stopped: see test_review_command.py
            continue
        with pytest.raises(SystemExit) as ended:
            main(words[1:])
        ran.append((words[1], ended.value.code))
    # One page in ten is of another form.
    assert ran == [("template", 0), ("form", 1), ("form", 0)]
    assert "10 pages in answers.csv" in capsys.readouterr().out
    with Path("answers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["error"]) for row in rows] == [False] * 9 + [True]
    assert all(len(row["field 1"]) == 5 for row in rows[:9])
