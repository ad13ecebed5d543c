"""Measure searches: one that is killed and resumed, the speed-up of workers, the cost of engines.

    python benchmarks/tune.py search --folder runs/tune    20 trials, killed once and resumed
    python benchmarks/tune.py workers    time of two workers on PostgreSQL, relative to one
    python benchmarks/tune.py overhead   trials without training; Ray relative to processes

Each writes its part of results/tune.json. `search` may run beside other work; the others may not,
and take two and a half minutes each. `workers` pins every command to a core of its own, like a
machine with one core.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from postgres import postgres

from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.recipes.catalog import recipe_named
from tenfold.tuning.space import default_space
from tenfold.tuning.storage import close_storage, parse_address
from tenfold.tuning.study import Plan, create_or_join, suggest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "tune.json"
TRIALS, EPOCHS = 20, 4
SEARCH = ["--recipe", "conv", "--trials", str(TRIALS), "--train-size", "20000", "--epochs", "4"]
# All trials take the same time: these settings do not change it, and no trial is pruned.
EQUAL = ["--recipe", "conv", "--trials", str(TRIALS), "--pruner", "none", "--train-size", "20000",
         "--space", "rate_factor,dropout_rate,label_smoothing"]  # fmt: skip
ENGINES = ["--recipe", "conv", "--trials", "8", "--pruner", "none", "--train-size", "10000",
           "--epochs", "3", "--space", "rate_factor,dropout_rate", "--workers", "2"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=tuple(PARTS))
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="of the search; kept, and resumed"
    )
    arguments = parser.parse_args()
    part = arguments.part
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        found = PARTS[part](folder)
    document = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    machine = machine_facts("optuna", "ray")
    document[part] = found | {"machine": machine, "date": machine["date"]}
    write_json(RESULTS, document)
    print(json.dumps(found, indent=1))


def search(folder: Path) -> dict[str, Any]:
    """Search, kill the command and its worker once, and resume."""
    out = folder / "search"
    if not out.exists():
        process = start([*SEARCH, "--out", str(out)])
        while epochs_told(out) < 3 * EPOCHS and process.poll() is None:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    figures = end(start(["--resume", str(out), "--json"]))
    found = json.loads((out / "trials.json").read_text(encoding="utf-8"))
    return {
        "protocol": f"{TRIALS} trials, killed with -9 after three trainings, resumed; "
        "accuracies of one seed on the last 5,000 of the 60,000",
        "command": "tenfold tune " + " ".join(SEARCH),
        **{name: figures[name] for name in ("trials", "complete", "pruned", "failed", "lost")},
        "start": figures["start"],
        "best": figures["best"] | {"recipe": "conv-tuned"},
        "importances": found["importances"],
    }


def workers(folder: Path) -> dict[str, Any]:
    """Time one command on one core, and two on a core each, on the same PostgreSQL."""
    seconds: dict[str, float] = {}
    with postgres() as url:
        for count in (1, 2):
            words = [*EQUAL, "--storage", url, "--study", f"of-{count}", "--json"]
            begun = time.perf_counter()
            commands = [
                start([*words, "--out", str(folder / f"{count}-{core}")], core=core)
                for core in range(count)
            ]
            figures = [end(command) for command in commands]
            seconds[str(count)] = round(time.perf_counter() - begun, 2)
            assert all(one["complete"] == TRIALS for one in figures), figures
    ratio = round(seconds["2"] / seconds["1"], 3)
    return {
        "protocol": "wall time of whole commands, imports and pages with them, each pinned to a "
        "core of its own; one after the other; PostgreSQL on the same two cores; n = 1",
        "command": "tenfold tune " + " ".join(EQUAL) + " --storage postgresql://...",
        "trials": TRIALS,
        "seconds": seconds,
        "ratio": ratio,
    }


def overhead(folder: Path) -> dict[str, Any]:
    """Time the storage of a trial without training, and the engines for a whole search."""
    storage: dict[str, Any] = {"journal": storage_ms(str(folder / "some.journal"))}
    with postgres() as url:
        storage["postgresql"] = storage_ms(url)
    engines: dict[str, Any] = {}
    for engine in ("local", "ray", "local", "ray"):
        begun = time.perf_counter()
        out = folder / f"{engine}-{time.monotonic_ns()}"
        end(start([*ENGINES, "--engine", engine, "--out", str(out), "--json"]))
        engines.setdefault(engine, []).append(round(time.perf_counter() - begun, 2))
    return {
        "protocol": f"storage: milliseconds of a trial of {EPOCHS} epochs that trains nothing, "
        "with the sampler, medians of 20; engines: seconds of the same whole command, in turn",
        "storage_ms_by_trials": storage,
        "engine_seconds": engines,
        "command": "tenfold tune " + " ".join(ENGINES),
    }


def storage_ms(address: str) -> dict[str, float]:
    """Return the milliseconds of a trial without training, by the number of trials before it."""
    recipe = recipe_named("conv")
    plan = Plan(recipe, default_space(recipe))
    study = create_or_join(parse_address(address), "empty", plan, [])
    study.sampler, study.pruner = optuna.samplers.TPESampler(seed=0), optuna.pruners.MedianPruner()

    def objective(trial: optuna.Trial) -> float:
        values = suggest(trial, plan.space)
        accuracy = 0.9 + 0.01 * float(values["dropout_rate"])
        for epoch in range(1, EPOCHS + 1):
            trial.report(accuracy, epoch)
            trial.should_prune()
        return accuracy

    found: dict[str, float] = {}
    times: list[float] = []
    for number in range(500):
        times.append(timed(lambda: study.optimize(objective, n_trials=1)))
        if number + 1 in (20, 100, 200, 500):
            found[str(number + 1)] = round(1000 * statistics.median(times[-20:]), 1)
    close_storage(study._storage)
    return found


def timed(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def start(words: Sequence[str], core: int | None = None) -> subprocess.Popen[str]:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    return subprocess.Popen(
        [*pinned, sys.executable, "-m", "tenfold", "tune", *words],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    found: dict[str, Any] = json.loads(out)
    return found


def epochs_told(out: Path) -> int:
    """Return the number of epochs reported to a journal."""
    journal = out / "study.journal"
    return journal.read_text().count('"op_code":7') if journal.exists() else 0


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "search": search,
    "workers": workers,
    "overhead": overhead,
}

if __name__ == "__main__":
    main()
