"""The tour: it was run, it is small, and it runs."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOUR = ROOT / "notebooks" / "tour.ipynb"


def cells() -> list[dict]:
    return [cell for cell in json.loads(TOUR.read_text())["cells"] if cell["cell_type"] == "code"]


def test_it_was_run_top_to_bottom_without_errors() -> None:
    assert [cell["execution_count"] for cell in cells()] == list(range(1, len(cells()) + 1))
    outputs = [output for cell in cells() for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 9


def test_it_is_small_and_tells_nothing_of_the_machine() -> None:
    text = TOUR.read_text()
    assert len(text) < 1_500_000
    for told in (str(Path.home()), str(ROOT), "/tmp/"):
        assert told not in text


@pytest.mark.slow
def test_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "notebooks"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    sys.modules.pop("run", None)
    import run

    again = run.run(TOUR)
    assert len(again.cells) == len(json.loads(TOUR.read_text())["cells"])
