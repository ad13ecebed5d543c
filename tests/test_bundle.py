"""A finished run on disk, its classifier, and the workflow that makes it."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.classifiers.bundle import fingerprint, load_bundle, load_classifier, write_bundle
from tenfold.cli.main import build_parser
from tenfold.cli.train import _settings
from tenfold.data.data_source import DataSource
from tenfold.errors import BundleError, TenfoldError, TrainingError, UsageError
from tenfold.evaluation.evaluate import evaluate_model
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import count_parameters
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override
from tenfold.training import request as requests
from tenfold.training import train as training
from tenfold.training.keras_file import _valid_zip_dates
from tenfold.training.members import fit_members
from tenfold.training.request import make_request
from tenfold.training.run_folder import end_run, only_here, start_run

QUICK = override(recipe_named("conv"), {"epochs": 2})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tensorflow: None):
    out = tmp_path_factory.mktemp("runs") / "quick"
    return tenfold.train(QUICK, seed=3, out=out, train_size=4000, val_size=1000)


def test_what_a_run_leaves(run) -> None:
    names = sorted(path.name for path in run.bundle.iterdir())
    assert names == [
        "history.csv", "history.jsonl", "meta.json", "model.keras", "model.onnx", "recipe.json",
        "report.html",
    ]  # fmt: skip
    meta = json.loads((run.bundle / "meta.json").read_text())
    assert meta == run.meta
    assert meta["seed"] == 3
    assert meta["parameters"] == count_parameters(QUICK)
    assert meta["test"] is None  # left to evaluate
    assert meta["validation"]["n"] == 1000
    assert 0.9 < meta["validation"]["accuracy"] < 0.999
    assert (meta["train_images"], meta["val_images"]) == (4000, 1000)
    assert meta["onnx_against_keras"]["largest_difference"] < 1e-4
    with (run.bundle / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "accuracy", "val_accuracy", "learning_rate"} <= set(rows[0])
    lines = [json.loads(line) for line in (run.bundle / "history.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == [float(row["loss"]) for row in rows]


def test_no_path_of_this_machine_is_in_a_bundle(run) -> None:
    for name in ("meta.json", "report.html"):
        text = (run.bundle / name).read_text()
        assert str(Path.home()) not in text
        assert str(run.bundle.parent) not in text


def test_the_classifier_reproduces_the_figures(run, mnist) -> None:
    classifier = load_classifier(run.bundle)
    held_out = mnist.train_labels[-1000:], classifier.predict_proba(mnist.train_images[-1000:])
    assert tenfold.evaluate(*held_out).accuracy == run.accuracy
    found = tenfold.evaluate(mnist.test_labels, classifier.predict_proba(mnist.test_images))
    again = evaluate_model(run.bundle)
    assert again["test"]["accuracy"] == found.accuracy
    assert again["validation"] == run.meta["validation"]
    assert again["train_seconds"] == run.meta["train_seconds"]


def test_the_keras_file_is_the_same_network(run, mnist) -> None:
    import keras

    network = keras.models.load_model(run.bundle / "model.keras")
    np.testing.assert_allclose(
        network.predict(mnist.test_images[:200], verbose=0),
        load_classifier(run.bundle).predict_proba(mnist.test_images[:200]),
        atol=1e-5,
    )


@pytest.mark.parametrize("name", ["model.onnx", "meta.json"])
def test_damaged_files_are_detected(run, tmp_path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.bundle, copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2 if name == "model.onnx" else 0] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=name):
        load_classifier(copy)
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_classifier(copy)


def test_no_such_model_lists_the_shipped_ones(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no model 'nonsense'.*standard"):
        load_classifier("nonsense")


def test_a_folder_without_meta_is_not_a_bundle(tmp_path) -> None:
    write_bundle(tmp_path / "b", {"model.onnx": b"x"}, {})
    (tmp_path / "b" / "meta.json").unlink()
    with pytest.raises(BundleError, match="no finished run"):
        load_bundle(tmp_path / "b")


def test_a_folder_that_holds_something_is_rejected_and_left_alone(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        tenfold.train(QUICK, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_finished_run_is_not_resumed(run) -> None:
    with pytest.raises(UsageError, match="is finished"):
        training.resume(run.bundle)
    for other in (run.bundle.parent, run.bundle / "meta.json"):
        with pytest.raises(UsageError, match="holds no interrupted run"):
            training.resume(other)


def test_the_result_has_history_evaluation_classifier_and_model(run, mnist) -> None:
    assert re.fullmatch(
        r"<TrainResult \S+, seed 3: [0-9.]+% of [0-9,]+ \w+ images, .*quick>", repr(run)
    )
    assert run.history["epoch"] == list(range(1, run.meta["epochs"] + 1))
    assert run.history["val_accuracy"][-1] > 0.5
    html = run._repr_html_()
    for told in (f"{run.accuracy:.2%}", "seed 3", "<svg", "rows: true classes"):
        assert told in html
    assert run.evaluation.to_dict().items() <= (run.meta["test"] or run.meta["validation"]).items()
    assert run.accuracy == run.evaluation.accuracy
    images, labels = mnist.test_images[:500], mnist.test_labels[:500]
    right = run.classifier().predict_proba(images).argmax(axis=1) == labels
    loss, accuracy = run.model().evaluate(images, labels, verbose=0)
    assert accuracy == pytest.approx(right.mean())
    assert loss > 0


@pytest.mark.slow
def test_the_keras_file_loads_compiled_without_tenfold(run, mnist, tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x=mnist.test_images[:100], y=mnist.test_labels[:100])
    code = (
        "import sys, keras, numpy as np; found = np.load('some.npz'); "
        f"model = keras.models.load_model({str(run.bundle / 'model.keras')!r}); "
        "model.evaluate(found['x'], found['y'], verbose=0); "
        "model.fit(found['x'], found['y'], verbose=0); "
        "assert 'tenfold' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"val_size": 60_000}, "val_size"),
        ({"train_size": 0}, "train_size"),
        ({"train_size": 20}, "do not fill one batch"),
        (
            {"recipe": recipe_named("ensemble"), "seed": 2**30},
            "858,993,458 for 5 networks",
        ),
        ({"train_size": 59_000, "val_size": 5000}, "between 1 and 55,000"),
        ({"backend": "abacus"}, "abacus"),
    ],
)
def test_wrong_options_leave_nothing_behind(tmp_path, options, message: str) -> None:
    with pytest.raises(TenfoldError, match=message):
        tenfold.train(**{"recipe": QUICK, "out": tmp_path / "new"} | options)
    assert not (tmp_path / "new").exists()


REPRODUCIBLE: dict[str, Any] = {"train_size": 2000, "deterministic": True}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tensorflow: None):
    """The runs of the seeds 2 and 3."""
    folder = tmp_path_factory.mktemp("runs") / "many"
    request = make_request(QUICK, seed=2, seeds=2, **REPRODUCIBLE)
    start_run(folder, request)
    return training.run(folder, request)


@pytest.mark.usefixtures("tensorflow")
def test_an_ensemble_is_made_of_the_networks_that_single_seeds_give(runs, tmp_path, mnist) -> None:
    members = override(QUICK, {"members": 2})
    pair = tenfold.train(members, seed=1, out=tmp_path / "pair", **REPRODUCIBLE)
    images = mnist.test_images[:500]
    expected = sum(load_classifier(one.bundle).predict_proba(images) for one in runs) / 2
    found = load_classifier(pair.bundle).predict_proba(images)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert pair.meta["parameters"] == 2 * runs[0].meta["parameters"]
    lines = (pair.bundle / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]
    assert "An ensemble of 2 networks" in (pair.bundle / "report.html").read_text()


@pytest.mark.usefixtures("tensorflow")
def test_the_test_images_are_opened_only_after_training(tmp_path, monkeypatch) -> None:
    events = []

    real = DataSource.load

    def load(self, split, **options):
        events.append(split)
        return real(self, split, **options)

    def fit(*arguments, **options):
        trained = fit_members(*arguments, **options)
        events.append("trained")
        return trained

    monkeypatch.setattr(DataSource, "load", load)
    monkeypatch.setattr(training, "fit_members", fit)
    tenfold.train(QUICK, out=tmp_path / "run", train_size=1000)
    assert events == ["train", "train", "trained", "test"]  # checked, then read


def test_what_a_kill_left_behind_goes_with_the_end_of_the_run(tmp_path) -> None:
    folder = tmp_path / "run"
    start_run(folder, make_request(QUICK))
    for name in (".bundle.abc", ".model.xyz", "checkpoints"):
        (folder / name).mkdir()
    (folder / ".run.json.abc.json").touch()
    (folder / "model.onnx").write_bytes(b"kept")
    with only_here(folder):
        end_run(folder)
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path) -> None:
    start_run(tmp_path, make_request(QUICK))
    with only_here(tmp_path), pytest.raises(TrainingError, match="another process is training"):
        start_run(tmp_path, make_request(QUICK))
    with pytest.raises(UsageError, match="holds an interrupted run"):
        start_run(tmp_path, make_request(QUICK))


def test_a_run_killed_before_its_request_was_written_can_begin_again(tmp_path) -> None:
    for name in (".lock", ".run.json.abc.json"):
        (tmp_path / name).touch()
    start_run(tmp_path, make_request(QUICK))
    assert (tmp_path / "run.json").is_file()


OPENS = r"load_mnist\(\s*[^\"'\s]|(load_mnist|\.load)\(\s*[\"']test|load_test\("
OPENS_THE_TEST_IMAGES = {
    "cli/data.py",
    "comparing/compare.py",
    "comparing/label_errors.py",
    "evaluation/evaluate.py",
    "explaining/show.py",
    "exporting/export.py",
    "scoring/robustness.py",
    "training/train.py",
}


def test_only_what_reports_opens_the_test_images() -> None:
    source = Path(tenfold.__file__).parent
    opens = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(OPENS, path.read_text())
    }
    loaders = {"data/mnist.py", "data/datasets.py", "data/data_source.py"}
    assert opens - loaders == OPENS_THE_TEST_IMAGES


def test_several_seeds(runs) -> None:
    document = training.results_to_dict(runs)
    assert [run["seed"] for run in document["runs"]] == [2, 3]
    accuracies = [run["test"]["accuracy"] for run in document["runs"]]
    assert document["test"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert document["test"]["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert accuracies[0] != accuracies[1]
    folder = runs[0].bundle.parent
    assert sorted(path.name for path in folder.iterdir()) == ["seed2", "seed3"]


def test_the_command_gives_an_overridden_run_again(tmp_path) -> None:
    changed = {"optimizer.learning_rate": 0.02, "layers.0.filters": 8, "optimizer.name": "adam"}
    request = requests.make_request(override(recipe_named("conv"), changed), seed=3)
    words = shlex.split(requests.command_of(request))
    options = build_parser().parse_args(words[1:])
    again = override(load_recipe(options.recipe), _settings(options))
    assert (again, options.seed) == (request.recipe, 3)
    assert "--backend" not in words
    on_jax = requests.command_of(replace(request, backend="jax", deterministic=True))
    assert on_jax.endswith(" --backend jax --deterministic")
    other = replace(recipe_named("conv"), name="mine")
    assert "--recipe recipe.json" in requests.command_of(replace(request, recipe=other))
    fewer = replace(recipe_named("conv"), layers=recipe_named("conv").layers[1:])
    assert "--recipe recipe.json" in requests.command_of(replace(request, recipe=fewer))


def test_a_run_killed_between_bundle_and_end_is_finished_without_training(
    run, tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "killed"
    shutil.copytree(run.bundle, folder)
    (folder / "checkpoints").mkdir()
    asked = tmp_path / "asked"
    start_run(asked, make_request(QUICK))
    (asked / "run.json").rename(folder / "run.json")
    monkeypatch.setattr(training, "fit_members", lambda *_, **__: pytest.fail("it trains again"))
    (result,) = training.resume(folder)
    assert result.meta == run.meta
    assert not (folder / "checkpoints").exists()
    assert not (folder / "run.json").exists()


def test_keras_files_are_written_while_the_clock_is_at_1970(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    with _valid_zip_dates(), zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"b")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.read("a") == b"b"


def test_meta_may_hold_names_that_are_no_utf8(tmp_path: Path) -> None:
    meta = {"classes": ["a\udcff", "é"]}
    write_bundle(tmp_path, {"graph": b""}, meta)
    assert json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))["classes"] == [
        "a\udcff",
        "é",
    ]


@pytest.mark.parametrize("name", ["reading", "classes"])
def test_the_fingerprint_covers_what_meta_json_changes(tmp_path: Path, name: str) -> None:
    shutil.copytree(load_bundle("tiny").folder, tmp_path / "tiny")
    assert fingerprint(tmp_path / "tiny") == fingerprint("tiny")
    path = tmp_path / "tiny" / "meta.json"
    meta = json.loads(path.read_text())
    meta[name] = {"reading": {"threshold": 0.9}, "classes": list("abcdefghij")}[name]
    path.write_text(json.dumps(meta))
    assert fingerprint(tmp_path / "tiny") != fingerprint("tiny")


def test_the_command_to_resume_can_be_pasted_if_the_folder_has_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    start_run(folder, make_request(QUICK))
    with pytest.raises(UsageError, match=re.escape(f"--resume '{folder}'")):
        start_run(folder, make_request(QUICK))
