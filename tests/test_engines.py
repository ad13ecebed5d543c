"""Engines: where parts of workflows run. Ray is started for those marked so."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenfold.classifiers.bundle import load_bundle
from tenfold.errors import TenfoldError, UsageError
from tenfold.execution.local import Engine, LocalEngine, PartLostError
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.training import run_folder as runs
from tenfold.training import train as training

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


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.engines)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "ray":
        yield request.getfixturevalue("ray")
        return
    with LocalEngine(2) as local:
        yield local


def test_parts_answer(engine: Engine) -> None:
    parts = [engine.start(add, engine.share(number), 1) for number in (1, 2)]
    assert [part.result() for part in parts] == [2, 3]
    threads, process = engine.start(threads_and_process).result()
    assert threads is not None
    assert process != os.getpid()


def test_parts_fail_in_one_line(engine: Engine) -> None:
    with pytest.raises(TenfoldError, match="this will not do"):
        engine.start(fail).result()
    with pytest.raises(TenfoldError, match="a bug"):
        engine.start(break_down).result()
    with pytest.raises(PartLostError, match="died"):
        engine.start(die).result()


def test_parts_can_be_stopped_and_waited_for(engine: Engine) -> None:
    long, short = engine.start(sleep, 60), engine.start(sleep, 0)
    assert engine.ended([long, short], 30) == [short]
    assert engine.ended([long], 0.1) == []
    long.stop()
    assert engine.ended([long], 30) == [long]
    with pytest.raises(PartLostError):
        long.result()


@pytest.mark.engines
def test_ray_trains_the_same_networks(ray: Engine, mnist, tensorflow, tmp_path) -> None:
    recipe = override(recipe_named("softmax"), QUICK | {"members": 2})
    request = training.make_request(
        recipe, seed=3, seeds=2, train_size=1000, val_size=500, deterministic=True
    )
    files = []
    for name, engine in (("here", None), ("there", ray)):
        folder = tmp_path / name
        runs.start_run(folder, request)
        results = training.run(folder, request, engine=engine)
        assert [result.meta["seed"] for result in results] == [3, 4]
        assert sorted(path.name for path in folder.iterdir()) == ["seed3", "seed4"]
        assert not list(folder.glob("*/checkpoints"))
        files.append([load_bundle(result.bundle).meta["files"]["model.onnx"] for result in results])
    assert files[0] == files[1]


@pytest.mark.engines
def test_a_member_that_failed_elsewhere_can_be_resumed(ray, mnist, tensorflow, tmp_path) -> None:
    recipe = override(recipe_named("softmax"), QUICK)
    request = training.make_request(recipe, train_size=50)
    runs.start_run(tmp_path / "run", request)
    with pytest.raises(TenfoldError, match="do not fill one batch"):
        training.run(tmp_path / "run", request, engine=ray)
    assert runs.read_request(tmp_path / "run").recipe == recipe
