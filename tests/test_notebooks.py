"""The notebooks: they were run, they are small, and they run; the article's is its program."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TOUR, ARTICLE = (ROOT / "notebooks" / f"{name}.ipynb" for name in ("tour", "article"))
PROGRAM = ROOT / "examples" / "article.py"
FEW = {
    "60_000, 12, 500": "1_000, 1, 500",
    'tenfold.load_mnist("test")': '(part[:500] for part in tenfold.load_mnist("test"))',
}
"""Settings of the article's program, and those for a look."""


def for_a_look(text: str) -> str:
    """Return the article's program with less to do."""
    for setting, small in FEW.items():
        assert text.count(setting) == 1
        text = text.replace(setting, small)
    return text


def cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "notebooks"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    sys.modules.pop("run", None)
    import run

    yield run
    sys.modules.pop("run", None)


@pytest.mark.parametrize("path", [TOUR, ARTICLE], ids=lambda path: path.stem)
def test_it_was_run_top_to_bottom_without_errors(path: Path) -> None:
    found = cells(path)
    assert [cell["execution_count"] for cell in found] == list(range(1, len(found) + 1))
    outputs = [output for cell in found for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_the_tour_has_pictures() -> None:
    outputs = [output for cell in cells(TOUR) for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 9


def test_the_tour_shows_what_the_reader_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # the imports make a folder
    imports, *others = cells(TOUR)
    (drawn,) = (cell for cell in others if "ImageDraw.Draw" in "".join(cell["source"]))
    names: dict[str, Any] = {}
    for source in (imports["source"][1:], drawn["source"]):  # without %matplotlib
        exec("".join(source), names)
    shown = "".join("".join(output["text"]) for output in drawn["outputs"])
    assert capsys.readouterr().out == shown, "the reader has changed: make tour"


@pytest.mark.parametrize("path", [TOUR, ARTICLE], ids=lambda path: path.stem)
def test_it_is_small_and_tells_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 1_500_000
    for told in (str(Path.home()), str(ROOT), "/tmp/"):
        assert told not in text


@pytest.mark.long
def test_the_article_s_notebook_is_its_program(run: ModuleType) -> None:
    fresh = run.from_program(PROGRAM.read_text())
    kept = json.loads(ARTICLE.read_text())["cells"]
    assert [(one["cell_type"], "".join(one["source"])) for one in kept] == [
        (one.cell_type, one.source) for one in fresh.cells
    ]


def test_the_article_s_notebook_ends_at_its_accuracy() -> None:
    *_, keras, _ = ["".join(o.get("text", "")) for c in cells(ARTICLE) for o in c["outputs"]]
    accuracy = float(keras.partition("accuracy ")[2].partition("%")[0])
    assert 98.8 <= accuracy <= 99.2


@pytest.mark.slow
def test_the_article_s_program_runs(tmp_path: Path, mnist: object) -> None:
    (tmp_path / "article.py").write_text(for_a_look(PROGRAM.read_text()))
    done = subprocess.run(
        [sys.executable, "article.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1,045,576 parameters, and 1,045,576" in done.stdout
    assert "Keras: loss" in done.stdout
    assert "tenfold: accuracy" in done.stdout


@pytest.mark.slow
def test_the_article_s_notebook_runs(run: ModuleType) -> None:
    again = run.run(run.from_program(for_a_look(PROGRAM.read_text())))
    assert len(again.cells) == len(json.loads(ARTICLE.read_text())["cells"])


@pytest.mark.slow
def test_the_tour_runs(run: ModuleType) -> None:
    import nbformat

    tour = nbformat.read(TOUR, as_version=4)
    assert len(run.run(tour).cells) == len(json.loads(TOUR.read_text())["cells"])
