"""Searches: trials in processes of this machine; those on PostgreSQL and Ray are marked so."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.cli.main import main
from tenfold.data.idx import encode_idx
from tenfold.errors import TenfoldError, TrainingError, UsageError
from tenfold.execution.local import LocalEngine
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override
from tenfold.tuning import search_run, worker
from tenfold.tuning.results import TrialRow, best_recipe, best_row, choice_gains, describe_changes
from tenfold.tuning.search_folder import Search, read_search, start_search
from tenfold.tuning.space import default_space, edited, start_values
from tenfold.tuning.storage import exclusive, open_storage, parse_address
from tenfold.tuning.study import Plan, create_or_join, load_study, one_at_a_time, plan_from_dict

ROOT = Path(__file__).parent.parent
QUICK = ["--recipe", "softmax", "--train-size", "500", "--val-size", "300", "--epochs", "2"]
SOFTMAX = recipe_named("softmax")
PLAN = Plan(SOFTMAX, default_space(SOFTMAX), val_size=1000)


def row(number: int, accuracy: float | None, **facts: Any) -> TrialRow:
    usual: dict[str, Any] = {
        "state": "pruned" if accuracy is None else "complete", "loss": 0.1, "curve": (),
        "settings": start_values(SOFTMAX, PLAN.space), "changed": "", "seed": 0, "seconds": 1.0,
        "worker": "", "note": "", "temperature": 0.5,
    }  # fmt: skip
    return TrialRow(number=number, accuracy=accuracy, **usual | facts)


def command(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tenfold", "tune", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        **options,
    )  # fmt: skip


def end(process: subprocess.Popen[str], seconds: float = 240) -> dict:
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, err
    return json.loads(out)


def wait_until(what, process: subprocess.Popen[str]) -> None:
    for _ in range(3000):
        if what() or process.poll() is not None:
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within minutes")


def journal_lines(out: Path, *words: str) -> int:
    """Count the lines of a journal with all of some words: 6 sets a state, 7 reports an epoch."""
    journal = out / "study.journal"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return sum(all(word in line for word in words) for line in lines)


def test_the_best_and_what_made_it() -> None:
    start = start_values(SOFTMAX, PLAN.space)
    better = row(2, 0.91, settings=start | {"batch_size": 64}, loss=0.3)
    rows = [row(0, 0.9), row(1, None), better, row(3, 0.91, loss=0.4)]
    assert best_row(rows) is better
    assert best_row([row(1, None)]) is None
    first = row(0, 0.9)
    assert best_row([first, row(1, 0.9)]) is first
    recipe = best_recipe(PLAN, better, 4)
    assert (recipe.name, recipe.batch_size, recipe.temperature) == ("softmax-tuned", 64, 0.5)
    assert "91.00% of 1,000 validation images" in recipe.summary
    assert best_recipe(PLAN, row(0, 0.9), 4) == SOFTMAX
    assert describe_changes(better.settings, start) == "batch_size 64"
    assert describe_changes(start, start) == "the recipe unchanged"
    norm = "layers.0.batch_norm"
    assert describe_changes({norm: True}, {norm: False}) == "batch_norm true"


def test_an_experiment_changes_one_setting_at_a_time() -> None:
    fixed = one_at_a_time(PLAN, 2)
    start = start_values(SOFTMAX, PLAN.space)
    assert [(trial.changed, trial.seed) for trial in fixed[:2]] == [("", 0), ("", 1)]
    for trial in fixed[2:]:
        different = [name for name in start if trial.settings[name] != start[name]]
        assert different == [trial.changed]
    assert len({(str(trial.settings), trial.seed) for trial in fixed}) == len(fixed)


def test_worth_is_compared_seed_by_seed() -> None:
    start = start_values(SOFTMAX, PLAN.space)
    base = [row(0, 0.90, seed=0), row(1, 0.92, seed=1)]
    other = [
        row(2 + seed, value, seed=seed, changed="batch_size", settings=start | {"batch_size": 64})
        for seed, value in ((0, 0.93), (1, 0.94), (2, 0.5))
    ]
    found = choice_gains([*base, *other, row(9, None, changed="batch_size")], PLAN)
    assert found["start"]["mean"] == pytest.approx(0.91)
    small, own = found["dimensions"]["batch_size"]
    assert (small["value"], small["own"], own["own"]) == (64, False, True)
    assert small["gain"]["mean"] == pytest.approx(0.025)
    assert (small["gain"]["n"], small["accuracy"]["n"]) == (2, 3)
    assert choice_gains([], PLAN) == {"start": None, "dimensions": {}}


def test_plans_are_told_apart(tmp_path: Path) -> None:
    assert plan_from_dict(PLAN.to_dict()) == PLAN
    address = parse_address(str(tmp_path / "a.journal"))
    create_or_join(address, "s", PLAN, one_at_a_time(PLAN, 1)[:1])
    assert len(create_or_join(address, "s", PLAN, one_at_a_time(PLAN, 1)[:1]).trials) == 1
    older = PLAN.to_dict()
    del older["recipe"]["tta_shifts"], older["pruner"]
    load_study(address, "s").set_user_attr("plan", json.dumps(older))
    create_or_join(address, "s", PLAN, [])
    with pytest.raises(UsageError, match="another plan"):
        create_or_join(address, "s", Plan(SOFTMAX, PLAN.space, seed=1), [])
    with pytest.raises(TenfoldError, match="holds no study t"):
        load_study(address, "t")


def test_passwords_are_not_told() -> None:
    address = parse_address("postgresql://me:se%40cret@127.0.0.1:1/digits")
    assert address.shown == "postgresql://me@127.0.0.1:1/digits"
    assert "cret" not in repr(address)
    assert parse_address("postgresql://127.0.0.1/digits").shown == "postgresql://127.0.0.1/digits"
    with pytest.raises(TenfoldError, match="cannot be used") as error:
        open_storage(address)
    assert "cret" not in str(error.value)
    for text in ("sqlite:///x.db", "mysql://me:pw@host/db"):
        with pytest.raises(UsageError, match="a file or postgresql") as error:
            parse_address(text)
        assert "pw" not in str(error.value)


def test_half_a_line_in_a_journal_is_dropped(tmp_path: Path) -> None:
    address = parse_address(str(tmp_path / "a.journal"))
    create_or_join(address, "s", PLAN, [])
    path = Path(address.text)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 4, "wor')
    load_study(address, "s").enqueue_trial({})
    assert path.read_bytes().startswith(whole + b"{")
    assert len(load_study(address, "s").trials) == 1


def test_other_files_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader,")
    monkeypatch.chdir(tmp_path)
    assert Search(PLAN, storage="letter.txt").storage == str(path)  # for another folder
    with pytest.raises(UsageError, match=r"^letter\.txt is another file"):
        open_storage(parse_address("letter.txt"))
    assert path.read_text() == "Dear reader,"


def test_a_journal_is_for_one_command(tmp_path: Path) -> None:
    address = parse_address(str(tmp_path / "a.journal"))
    with (
        exclusive(address),
        pytest.raises(TrainingError, match="another command uses"),
        exclusive(address),
    ):
        pass
    with exclusive(address):
        pass
    assert not list(tmp_path.iterdir())


@pytest.fixture
def training_files(mnist, tmp_path: Path) -> Path:
    """A folder with the training images alone: opening the test images fails."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(encode_idx(mnist.train_images))
    (folder / "train-labels-idx1-ubyte").write_bytes(encode_idx(mnist.train_labels))
    return folder


@pytest.mark.usefixtures("tensorflow", "inline")
def test_a_search_without_test_images(
    training_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [*QUICK, "--trials", "4", "--choices", "1", "--space", "batch_size,optimizer.name",
             "--space", "batch_size=50,100", "--space", "optimizer.name=adam,sgd",
             "--data-dir", str(training_files), "--out", str(out)]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(["tune", *words, "--json"])
    captured = capsys.readouterr()
    assert ended.value.code == 0, captured.err
    figures = json.loads(captured.out)
    assert (figures["trials"], figures["failed"], figures["lost"]) == (4, 0, 0)
    assert figures["best"]["val_accuracy"] >= figures["start"]["val_accuracy"]
    assert load_recipe(figures["best"]["recipe"]).epochs == 2
    assert set(figures["choices"]["dimensions"]) == {"batch_size", "optimizer.name"}
    lines = captured.err.splitlines()
    assert lines[0].split()[:2] == ["trial", "validation"]
    assert "<- best so far" in lines[1]
    page = (out / "report.html").read_text()
    for title in ("Trials in order", "Effect of each choice", "Settings of all complete trials",
                  "Learning curves"):  # fmt: skip
        assert title in page
    assert "<script" not in page
    assert sorted(path.name for path in out.iterdir()) == [
        "best.json", "report.html", "search.json", "study.journal", "trials.json",
    ]  # fmt: skip
    # On for two more trials, from the folder alone.
    with pytest.raises(SystemExit) as ended:
        main(["tune", "--resume", str(out), "--trials", "6", "--json"])
    captured = capsys.readouterr()
    assert ended.value.code == 0, captured.err
    assert json.loads(captured.out)["trials"] == 6
    assert captured.err.startswith("4 of 6 trials are there")


def test_workflows_load_no_test_images() -> None:
    for name in ("tune.py", "search_run.py"):
        source = (ROOT / "src" / "tenfold" / "tuning" / name).read_text()
        assert "load_mnist(" not in source
        assert source.count(".load(") == source.count('.load("train"') == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workers", "0"], ["--trials", "-1"], ["--trials", "0"], ["--space", "nonsense"],
        ["--resume"], ["--resume", "nowhere"], ["--resume", "x", "--recipe", "conv"],
        ["--ray-address", "x"], ["--storage", "mysql://h/d"], ["--grace", "1"],
        ["--val-size", "0"], ["--engine", "abacus"], ["--backend", "abacus"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_leaves_nothing(arguments, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["tune", *arguments])
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert len(captured.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_space_is_shown(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["tune", "--recipe", "conv", "--space", "depth,batch_size", "--show-space", "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "depth": [0, 1, 2], "batch_size": [64, 128, 256, 512],
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("tensorflow", "inline")
def test_ctrl_c_keeps_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    process = command(*QUICK, "--trials", "500", "--out", out)
    wait_until(lambda: journal_lines(out, '"op_code":6', '"values":[0.') >= 2, process)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert f"continue with: tenfold tune --resume {out}" in stderr
    assert "Traceback" not in stderr
    assert (out / "report.html").is_file()
    assert load_recipe(out / "best.json").epochs == 2
    done = json.loads((out / "trials.json").read_text())["trials"]
    with pytest.raises(SystemExit) as ended:
        main(["tune", "--resume", str(out), "--trials", str(done + 1), "--json", "--quiet"])
    captured = capsys.readouterr()
    assert ended.value.code == 0, captured.err
    assert json.loads(captured.out)["trials"] >= done + 1


@pytest.mark.engines
def test_killed_with_its_worker_and_resumed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    slow = [*QUICK, "--epochs", "80"]  # it must not end in the moment that a kill takes
    process = command(*slow, "--trials", "4", "--pruner", "none", "--out", out)
    wait_until(lambda: journal_lines(out, '"op_code":7') >= 90, process)
    process.kill()  # its worker notices, and ends too
    process.communicate()
    time.sleep(1)
    size = (out / "study.journal").stat().st_size
    time.sleep(0.5)
    assert (out / "study.journal").stat().st_size == size
    figures = end(command("--resume", out, "--json", "--quiet"))
    assert (figures["trials"], figures["complete"], figures["lost"]) == (4, 4, 1)
    rows = json.loads((out / "trials.json").read_text())["rows"]
    lost = next(row for row in rows if row["state"] == "lost")
    (again,) = [one for one in rows if one["settings"] == lost["settings"] and one is not lost]
    assert len(again["curve"]) == 80
    assert len(lost["curve"]) < 80


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from postgres import postgres

    sys.path.pop(0)
    with postgres() as url:
        yield url


@pytest.mark.engines
def test_two_commands_share_a_database(database: str, tmp_path: Path) -> None:
    words = [*QUICK, "--epochs", "30", "--trials", "6", "--pruner", "none", "--storage", database,
             "--study", "shared", "--json"]  # fmt: skip
    commands = [command(*words, "--out", tmp_path / name) for name in ("a", "b")]
    wait_until(lambda: epochs_reported(database) >= 2, commands[0])
    kill_within_a_trial(commands[0], database)
    said = [process.communicate(timeout=240) for process in commands]
    assert [process.returncode for process in commands] == [0, 0], said
    for out, err in said:
        figures = json.loads(out)
        assert (figures["trials"], figures["complete"], figures["lost"]) == (6, 6, 1), err
        assert "Passw0rd" not in out + err
    assert "a worker process died (exit code -9); its trial is retried" in said[0][1]
    assert not [path for path in tmp_path.rglob("*")
                if path.is_file() and b"Passw0rd" in path.read_bytes()]  # fmt: skip
    rows = json.loads((tmp_path / "a" / "trials.json").read_text())["rows"]
    assert len({one["worker"].rpartition("-")[0] for one in rows}) == 2
    other = command(*words, "--seed", "5", "--out", tmp_path / "c")
    assert "another plan" in other.communicate()[0]
    assert other.returncode == 2


@pytest.mark.engines
def test_a_machine_that_is_gone_loses_its_trial_to_another(database: str, tmp_path) -> None:
    words = [*QUICK, "--epochs", "40", "--trials", "2", "--pruner", "none", "--storage", database,
             "--study", "gone", "--grace", "6", "--json"]  # fmt: skip
    first = command(*words, "--out", tmp_path / "a")
    before = epochs_reported(database)
    wait_until(lambda: epochs_reported(database) >= before + 5, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    figures = end(command(*words, "--out", tmp_path / "b"))
    assert (figures["trials"], figures["complete"], figures["lost"]) == (2, 2, 1)


@pytest.mark.engines
def test_ray_runs_the_workers(tmp_path: Path) -> None:
    words = [*QUICK, "--trials", "3", "--workers", "2", "--out", tmp_path / "out", "--json"]
    figures = end(command(*words, "--engine", "ray"))
    assert (figures["trials"], figures["failed"], figures["lost"]) == (3, 0, 0)
    rows = json.loads((tmp_path / "out" / "trials.json").read_text())["rows"]
    assert len({row["worker"] for row in rows}) <= 2
    # Trial 0 is the recipe as it is: the same training here.
    here = end(command(*QUICK, "--trials", "1", "--out", tmp_path / "here", "--json"))
    assert np.isclose(here["start"]["val_accuracy"], figures["start"]["val_accuracy"], atol=0.02)


def epochs_reported(database: str) -> int:
    """Return how many epochs of all studies a database knows of; 0 before there are tables."""
    import psycopg

    with psycopg.connect(database) as connection:
        try:
            found = connection.execute("select count(*) from trial_intermediate_values").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
    return found[0] if found else 0


def kill_within_a_trial(process: subprocess.Popen[str], database: str) -> None:
    """Kill the worker of a command while it trains: frozen first, or the trial may just end."""
    import psycopg

    running = """
        select count(*) from trials join trial_user_attributes as attributes using (trial_id)
        where state = 'RUNNING' and key = 'worker' and value_json like %s
        and trial_id in (select trial_id from trial_intermediate_values where intermediate_value > 0
                         group by trial_id having max(step) < 25)
    """
    (worker,) = children(process.pid)
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(1000):
            os.kill(worker, signal.SIGSTOP)
            found = connection.execute(running, [f'"%-{process.pid}-%'])
            if found.fetchone() == (1,):
                os.kill(worker, signal.SIGKILL)
                return
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.05)
    pytest.fail("the worker was never seen within a trial")


def children(process: int) -> list[int]:
    """Return the worker processes of a process; each of its threads lists its own children."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    found = [pid for path in threads for pid in path.read_text().split()]
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in found}
    return [int(pid) for pid, line in lines.items() if "spawn_main" in line]


def test_narrow_spaces_make_small_recipes() -> None:
    space = edited(SOFTMAX, default_space(SOFTMAX), "batch_size=32..64")
    assert start_values(SOFTMAX, space)["batch_size"] == 64
    assert override(SOFTMAX, {"batch_size": 64}).batch_size == 64


@pytest.mark.usefixtures("tensorflow", "inline")
def test_the_verb_in_python(mnist, tmp_path: Path) -> None:
    out = tmp_path / "search"
    found = tenfold.tune(
        "softmax", trials=1, epochs=1, train_size=500, val_size=200,
        space=["optimizer.learning_rate=0.001..0.1"], out=out,
    )  # fmt: skip
    assert found.folder == out
    assert (out / "report.html").is_file()
    assert found.recipe is not None
    assert found.recipe.epochs == 1
    assert found.accuracy == found.to_dict()["best"]["val_accuracy"] > 0.1
    with pytest.raises(UsageError, match="holds a search"):
        tenfold.tune("softmax", out=out)
    with pytest.raises(UsageError, match="no setting"):
        tenfold.tune("softmax", space={"nonsense": [1, 2]}, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"workers": 0}, "workers is 0"), ({"workers": 0.5}, "workers is 0.5"),
     ({"timeout": -1}, "timeout is -1"), ({"space": "rate_factor=0,0"}, "0 is given twice"),
     ({"space": None}, "space is None; give changes"), ({"space": [1]}, r"space is \[1\]")],
)  # fmt: skip
def test_wrong_arguments_leave_nothing(
    mnist, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tenfold.tune("softmax", out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"train_size": 0}, "train_size is 0"), ({"train_size": 0.5}, "0.5; it must be a whole"),
     ({"seed": 2**32}, "seed is 4294967296"), ({"train_size": 50}, "do not fill one batch of 64"),
     ({"recipe": replace(SOFTMAX, members=5), "seed": 2**30}, "for 5 networks")],
)  # fmt: skip
def test_a_search_that_cannot_train_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TenfoldError, match=message):
        Search(replace(PLAN, **changes))


def test_numbers_of_numpy_are_written(tmp_path: Path) -> None:
    numbers: list[Any] = list(np.array([2, 3, 500]))
    plan = replace(PLAN, train_size=numbers[2], seed=numbers[1])
    start_search(tmp_path / "out", Search(plan, trials=numbers[0]))
    search = read_search(tmp_path / "out")
    assert (search.trials, search.plan.train_size, search.plan.seed) == (2, 500, 3)


@pytest.mark.usefixtures("tensorflow", "inline")
def test_a_search_whose_trials_all_fail_says_why(mnist, tmp_path: Path, monkeypatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr(worker, "fit", fail)
    out = tmp_path / "out"
    asked: list[dict[str, Any]] = [{"trials": 2}, {"trials": 0, "choices": 1}]
    for options in asked:
        space = {"batch_size": [32, 64]}
        with pytest.raises(TrainingError, match=r"none of 2 trials .*: the loss is not finite; "):
            tenfold.tune("softmax", train_size=500, space=space, out=out, **options)
        rows = json.loads((out / "trials.json").read_text())
        assert not (out / "report.html").exists()
        out = tmp_path / "choices"
    assert rows["choices"]["start"] is None


@pytest.mark.usefixtures("tensorflow", "inline")
def test_a_timeout_before_the_first_trial_fails_and_can_be_continued(
    mnist, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    with pytest.raises(TrainingError, match="no trial has finished within the timeout of 0 s"):
        tenfold.tune("softmax", train_size=500, trials=1, epochs=1, timeout=0, out=out)
    with pytest.raises(SystemExit) as ended:
        main(["tune", "--resume", str(out), "--timeout", "1e-9", "--json"])
    assert ended.value.code == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"tenfold tune --resume {out}" in error
    with pytest.raises(SystemExit) as ended:
        main(["tune", "--resume", str(out)])
    assert ended.value.code == 0


def test_the_first_trial_has_the_seed_of_the_others(tmp_path: Path, monkeypatch) -> None:
    asked = []

    def create(address, name, plan, first):
        asked.extend(first)
        raise TenfoldError("enough")

    monkeypatch.setattr(search_run, "create_or_join", create)
    monkeypatch.setattr(search_run, "_splits", lambda search: None)
    search = Search(replace(PLAN, recipe=replace(SOFTMAX, members=5), seed=3))
    with pytest.raises(TenfoldError, match="enough"):
        search_run.run_search(tmp_path, search, search.address(tmp_path), LocalEngine(1))
    assert [trial.seed for trial in asked] == [3]  # the worker chooses the member's seed of it


@pytest.mark.parametrize("trials", [3, 8])
def test_charts_of_few_settings_and_epochs_show_all_they_name(trials: int) -> None:
    """One epoch gives a point, and the best quarter of three trials is the best trial."""
    from matplotlib.text import Text

    from tenfold.tuning.figures import plot_curves, plot_parallel

    rows = [
        {"number": n, "accuracy": 0.9 + n / 100, "curve": [0.9 + n / 100],
         "settings": {"rate": n / 10}}
        for n in range(trials)
    ]  # fmt: skip
    curves = plot_curves(rows, best=trials - 1).axes[0]
    shown = [line.get_marker() for line in curves.get_lines()]
    assert len(shown) == trials
    assert "None" not in shown
    figure = plot_parallel(rows, {"rate": {"low": 0.0, "high": 1.0, "log": False}}, trials - 1)
    texts = [text for text in figure.axes[0].get_children() if isinstance(text, Text)]
    (title,) = [text for text in texts if text.get_text().startswith("Every")]
    assert ("blue" in title.get_text()) == (trials == 8)
    figure.draw_without_rendering()
    box = title.get_window_extent()
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1
