"""Engines: worker processes here and on Ray, which is started for tests with that mark."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tenfold.classifiers.bundle import load_bundle
from tenfold.errors import TenfoldError, UsageError
from tenfold.execution.engine import Engine, WorkerLostError, run_all
from tenfold.execution.local import LocalEngine, TimeLimitError
from tenfold.machine import usable_cores
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.training import run_folder as runs
from tenfold.training import train as training
from tenfold.training.request import make_request

QUICK = {"epochs": 1, "batch_size": 100}


def add(a: int, b: int) -> int:
    return a + b


def threads_and_process() -> tuple[str | None, int]:
    return os.environ.get("TF_NUM_INTRAOP_THREADS"), os.getpid()


def fail() -> None:
    raise UsageError("this will not do")


def break_down() -> None:
    raise ValueError("a bug")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(notes: str) -> str:
    if Path(notes).exists():
        return "survived"
    Path(notes).touch()
    die()
    return "unreachable"


def allocate(size_bytes: int) -> int:
    return len(bytearray(size_bytes))


def sleep(seconds: float) -> None:
    time.sleep(seconds)


@pytest.fixture(scope="module")
def ray() -> Iterator[Engine]:
    from tenfold.execution.ray import RayEngine

    with pytest.MonkeyPatch.context() as patch:
        # Its workers must find the functions of this file.
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        with RayEngine(workers=2) as engine:
            yield engine


@pytest.mark.engines
@pytest.mark.parametrize(
    ("address", "message"),
    [(None, "Ray does not start on this machine: busy"), ("auto", "no Ray at auto answers: busy")],
)
def test_a_ray_that_fails_is_named_in_one_line(
    address: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenfold.execution.ray import RayEngine

    def fail(**_: object) -> None:
        raise OSError("busy\nand a long trace")

    monkeypatch.setattr("ray.init", fail)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(TenfoldError) as error:
        RayEngine(address)
    assert str(error.value) == message


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.engines)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "ray":
        yield request.getfixturevalue("ray")
        return
    with LocalEngine(2) as local:
        yield local


def test_tasks_return_values(engine: Engine) -> None:
    tasks = [engine.start(add, engine.share(number), 1) for number in (1, 2)]
    assert [task.result() for task in tasks] == [2, 3]
    threads, process = engine.start(threads_and_process).result()
    assert threads is not None
    assert process != os.getpid()


def test_tasks_fail_in_one_line(engine: Engine) -> None:
    with pytest.raises(UsageError, match="this will not do"):
        engine.start(fail).result()
    with pytest.raises(TenfoldError, match="a bug"):
        engine.start(break_down).result()
    with pytest.raises(WorkerLostError, match="died"):
        engine.start(die).result()


def test_tasks_can_be_stopped_and_waited_for(engine: Engine) -> None:
    long, short = engine.start(sleep, 60), engine.start(sleep, 0)
    assert engine.wait([long, short], 30) == [short]
    assert engine.wait([long], 0.1) == []
    long.stop()
    assert engine.wait([long], 30) == [long]
    with pytest.raises(WorkerLostError):
        long.result()


def test_many_calls_start_as_workers_become_idle(engine: Engine) -> None:
    begun = []

    def calls() -> Iterator[tuple[int, int]]:
        for number in range(6):
            begun.append(number)
            yield number, 10

    results: list[int] = []
    for result in run_all(engine, add, calls()):
        assert len(begun) <= len(results) + 1 + engine.workers
        results.append(result)
    assert sorted(results) == list(range(10, 16))
    with pytest.raises(UsageError, match="this will not do"):
        list(run_all(engine, fail, [()]))


def test_a_lost_call_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert list(run_all(engine, die_once, [(str(notes),)], tries=2)) == ["survived"]
    with pytest.raises(TenfoldError, match="died 2 times over"):
        list(run_all(engine, die, [()], tries=2))


def test_more_tasks_than_workers_share_the_processes() -> None:
    with LocalEngine(2) as engine:
        tasks = [engine.start(threads_and_process) for _ in range(6)]
        assert len({task.result()[1] for task in tasks}) <= 2
        long = [engine.start(sleep, 60) for _ in range(3)]
        long[2].stop()
    for task in long:
        with pytest.raises(WorkerLostError):
            task.result()


def test_a_task_that_takes_too_long_fails_alone() -> None:
    with LocalEngine(1, seconds=0.3) as engine:
        slow, quick = engine.start(sleep, 60), engine.start(add, 1, 2)
        with pytest.raises(TimeLimitError, match=r"longer than 0\.3 s"):
            slow.result()
        assert quick.result() == 3


def test_a_task_that_takes_too_much_memory_fails_alone() -> None:
    with LocalEngine(1, memory_bytes=3 * 2**30) as engine:
        _, process = engine.start(threads_and_process).result()
        with pytest.raises(TenfoldError, match="ran out of memory"):
            engine.start(allocate, 3 * 2**30).result()
        assert engine.start(threads_and_process).result()[1] == process


@pytest.mark.engines
def test_ray_trains_the_same_networks(ray: Engine, mnist, tmp_path) -> None:
    recipe = override(recipe_named("softmax"), QUICK | {"members": 2})
    request = make_request(
        recipe, seed=3, seeds=2, train_size=1000, val_size=500, deterministic=True
    )
    files = []
    with LocalEngine(usable_cores()) as local:  # one thread a worker: sums depend on their number
        for name, engine in (("here", local), ("there", ray)):
            folder = tmp_path / name
            runs.start_run(folder, request)
            results = training.run(folder, request, engine=engine)
            assert [result.meta["seed"] for result in results] == [3, 4]
            assert sorted(path.name for path in folder.iterdir()) == ["seed3", "seed4"]
            assert not list(folder.glob("*/checkpoints"))
            bundles = [load_bundle(result.bundle) for result in results]
            files.append([bundle.meta["files"]["model.onnx"] for bundle in bundles])
    assert files[0] == files[1]


@pytest.mark.engines
def test_a_member_that_failed_elsewhere_can_be_resumed(ray, mnist, tensorflow, tmp_path) -> None:
    recipe = override(recipe_named("softmax"), QUICK)
    request = replace(make_request(recipe), train_size=50)
    runs.start_run(tmp_path / "run", request)
    with pytest.raises(TenfoldError, match="do not fill one batch"):
        training.run(tmp_path / "run", request, engine=ray)
    assert runs.read_request(tmp_path / "run").recipe == recipe
