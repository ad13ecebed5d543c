"""benchmarks/frontier.py: rows are kept, a run goes on, and only comparable rows share a file."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def frontier(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import frontier

    yield frontier
    del sys.modules["frontier"]


def row(name: str, seed: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "seed": seed, "recipe": "fast", "epochs": 2, "epoch_images": 30_000,
        "accuracy": 0.99 + seed / 1000, "corrected": 0.991, "train_seconds": 4.5 + seed, **more,
    }  # fmt: skip


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, out: Path, *plan: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["frontier.py", "--plan", *plan, "--out", str(out)])
    module.main()
    return json.loads(out.read_text())


def test_an_interrupted_run_goes_on(
    frontier: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained: list[tuple[str, int]] = []

    def measured(name: str, seed: int, _: int | None) -> dict[str, Any]:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append((name, seed))
        return row(name, seed)

    monkeypatch.setattr(frontier, "measured", measured)
    out = tmp_path / "frontier.json"
    with pytest.raises(KeyboardInterrupt):
        run(frontier, monkeypatch, out, "5=2", "20=2")
    assert len(json.loads(out.read_text())["rows"]) == 3
    monkeypatch.setattr(frontier, "measured", lambda name, seed, _: row(name, seed))
    found = run(frontier, monkeypatch, out, "5=2", "20=2")
    assert trained == [("5", 0), ("20", 0), ("5", 1)]
    assert [(one["name"], one["seed"]) for one in found["rows"]] == [*trained, ("20", 1)]
    accuracy = found["points"]["5"]["accuracy"]
    assert (accuracy["mean"], accuracy["n"]) == (0.9905, 2)
    assert found["points"]["5"]["train_seconds"]["median"] == 5.0
    assert found["points"]["5"]["images"] == 60_000


def test_rows_of_another_machine_are_refused(
    frontier: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(frontier, "measured", lambda name, seed, _: row(name, seed))
    out = tmp_path / "frontier.json"
    found = run(frontier, monkeypatch, out, "5=1")
    found["machine"]["processor"] = "another"
    out.write_text(json.dumps(found))
    with pytest.raises(SystemExit, match="other processor"):
        run(frontier, monkeypatch, out, "5=2")


def test_a_peer_of_few_epochs_has_no_accuracy_of_its_own(frontier: ModuleType) -> None:
    timed = frontier.extrapolated(row("keras-io", 0, train_seconds=12.0), 2, 15)
    assert "accuracy" not in timed
    figures = frontier.summary([{"name": "keras-io", "seed": 0} | timed])
    assert figures["train_seconds"]["median"] == 90.0
    assert figures["timed_epochs"] == 2
    known = json.loads((ROOT / "results" / "train_speed.json").read_text())["recipes"]
    assert figures["accuracy"] == known["keras-io"]["accuracy"]
