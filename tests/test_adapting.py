"""Adapting a model to digits of your own: parts held out, thresholds, the bundle it leaves."""

import json
import logging
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mnist, answers

import tenfold
from tenfold.adapting import adapt as module
from tenfold.adapting import fine_tuning, held_out
from tenfold.adapting.held_out import choose_threshold, folds_of, measure_gain
from tenfold.adapting.line_weight import LINE_WEIGHTS, choose_line_weight
from tenfold.adapting.meta import command_of
from tenfold.classifiers.bundle import load_bundle, recipe_of
from tenfold.cli.main import main
from tenfold.data import datasets, label_errors
from tenfold.errors import DataError, UsageError
from tenfold.evaluation.significance import paired_interval
from tenfold.evaluation.temperature import logits_of
from tenfold.networks.build import build_network, finish_network
from tenfold.reading.reader import Reader
from tenfold.recipes.catalog import recipe_named
from tenfold.training.loop import fit


def test_each_digit_is_held_out_once_and_each_part_has_all_classes() -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), 20)
    parts = list(folds_of(labels, seed=3))
    assert len(parts) == 5
    assert sorted(np.concatenate(parts)) == list(range(200))
    for part in parts:
        assert np.bincount(labels[part]).tolist() == [4] * 10
    assert not np.array_equal(parts[0], next(folds_of(labels, seed=4)))
    np.testing.assert_array_equal(parts[0], next(folds_of(labels, seed=3)))


def test_of_many_digits_one_fifth_is_held_out() -> None:
    (part,) = folds_of(np.zeros(1000, np.uint8), seed=0)
    assert len(part) == 200


def test_few_digits_of_a_class_are_spread_over_the_parts() -> None:
    labels = np.array([0] * 17 + [1] * 2 + [2], np.uint8)
    assert sorted(np.concatenate(list(folds_of(labels, 0)))) == list(range(20))


def test_the_threshold_keeps_errors_and_marks_out() -> None:
    scores = np.linspace(0.505, 0.995, 50)
    correct = scores > 0.7
    no_marks = np.zeros(10, np.float32)
    assert choose_threshold(scores, correct, no_marks, 0.04) == pytest.approx(0.7)
    marks = np.full(10, 0.905, np.float32)
    assert choose_threshold(scores, correct, marks, 0.04) == pytest.approx(0.91)
    assert choose_threshold(scores, ~correct, no_marks, 0.04) == pytest.approx(0.99)


def test_the_gain_is_paired() -> None:
    before = np.array([True] * 70 + [False] * 30)
    after = np.array([True] * 65 + [False] * 5 + [True] * 25 + [False] * 5)
    gain = measure_gain(before, after, np.arange(100) < 70)
    assert (gain.corrected, gain.broken, gain.n) == (25, 5, 100)
    assert gain.gain == pytest.approx(0.2)
    low, high = gain.gain_interval
    assert 0.05 < low < 0.2 < high < 0.35
    assert gain.p == pytest.approx(0.000325, rel=0.01)
    assert gain.accepted_error == pytest.approx(5 / 70)


def test_the_paired_interval() -> None:
    nothing = np.ones(50, bool)
    low, high = paired_interval(nothing, nothing)
    assert low == pytest.approx(-high)
    assert 0 < high < 0.05
    first = np.arange(100) < 50
    # Agresti and Min: center (b - c) / (n + 2), with 0.5 added to each of the four counts.
    assert np.mean(paired_interval(first, np.ones(100, bool))) == pytest.approx(50 / 102)


@pytest.fixture
def quick(mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer images of MNIST, too: `nano` reads each nine times."""
    parts = {"train": mnist[:2], "test": mnist[2:]}

    def few(split: str, data_dir: object) -> tuple[np.ndarray, ...]:
        return tuple(array[:500] for array in parts[split])

    monkeypatch.setattr(datasets, "_official", few)
    monkeypatch.setattr(label_errors, "LABEL_ERRORS", ())
    monkeypatch.setattr(fine_tuning, "EPOCH_IMAGES", 512)
    monkeypatch.setattr(held_out, "FOLDS", 2)
    monkeypatch.setattr(module, "MADE_UP_MARKS", 50)


@pytest.fixture
def mirrored(mnist: Mnist) -> tuple[np.ndarray, np.ndarray]:
    """Sixty digits as no model reads them."""
    return mnist.train_images[:60, :, ::-1].copy(), mnist.train_labels[:60].copy()


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("tensorflow")
def test_the_networks_of_all_parts_are_read_without_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    recipe = recipe_named("mlp")
    networks = [build_network(recipe) for _ in range(6)]
    images = np.random.default_rng(0).integers(0, 256, (700, 28, 28), np.uint8)
    logits = logits_of(networks, images, 0)
    assert logits.shape == (6, 700, 10)
    assert np.exp(logits[3]) == pytest.approx(networks[3].predict(images, verbose=0), abs=1e-6)
    assert "retracing" not in caplog.text


@pytest.mark.usefixtures("tensorflow", "quick")
def test_the_command_leaves_a_bundle_that_reads(
    mirrored, tmp_path: Path, digit_png: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "mine.npz", x_train=mirrored[0], y_train=mirrored[1])
    out = tmp_path / "out"
    words = ["adapt", "nano", "--data", str(tmp_path / "mine.npz"), "--out", str(out)]
    words += ["--seed", "0", "--epochs", "2", "--replay", "mnist"]
    assert run(*words, "--json") == 0
    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if line.startswith("fine-tuning")] == [
        "fine-tuning 1 of 3: learns 30 images, 30 are held out",
        "fine-tuning 2 of 3: learns 30 images, 30 are held out",
        "fine-tuning 3 of 3: learns all 60 images",
    ]
    told = json.loads(printed.out)
    assert told["bundle"] == str(out)
    assert {path.name for path in out.iterdir()} == {
        "history.csv", "history.jsonl", "meta.json", "model.keras", "model.onnx", "recipe.json",
        "report.html",
    }  # fmt: skip
    bundle = load_bundle(out)
    original = load_bundle("nano")
    assert recipe_of(bundle).name == "nano-adapted"
    assert recipe_of(bundle).temperature >= recipe_of(original).temperature
    adapted = bundle.meta["adapted"]
    assert (adapted["from"], adapted["digits"], adapted["folds"]) == ("nano", 60, 2)
    assert adapted["from_sha256"] == original.meta["files"]["model.onnx"]
    assert sum(adapted["digits_by_class"]) == 60
    assert bundle.meta["train_images"] == 60_000
    assert bundle.meta["command"] == shlex.join(["tenfold", *words])
    assert told["adapted"]["gain"] == adapted["gain"]
    assert adapted["gain"]["n"] == 60
    assert adapted["gain"]["accuracy_before"] < 0.8
    assert bundle.meta["test"]["accuracy"] > 0.9
    assert "held-out images" in (out / "report.html").read_text()
    classifier = tenfold.load_classifier(out)
    assert classifier.reading_settings["threshold"] == bundle.meta["reading"]["threshold"]
    assert classifier.reading_settings["line_weight"] in LINE_WEIGHTS
    assert Reader(classifier).read(digit_png, single=True).lines
    assert run(*words) == 2
    assert "not empty" in capsys.readouterr().err
    with pytest.raises(UsageError, match="not empty"):
        tenfold.adapt("nano", mirrored, out=out)


@pytest.mark.usefixtures("tensorflow", "quick")
def test_weights_go_a_share_of_the_way(mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle("nano")
    recipe, (start,) = recipe_of(bundle), fine_tuning.weights_of(bundle)
    trained: list[Any] = []

    def fit_once(*arguments: Any, **options: Any) -> Any:
        if not trained:
            trained.append(fit(*arguments, **options))
        return trained[0]

    monkeypatch.setattr(fine_tuning, "fit", fit_once)

    def tuned(share: float) -> list[np.ndarray]:
        monkeypatch.setattr(fine_tuning, "STEP_SHARE", share)
        (network,), _ = fine_tuning.fine_tune(
            recipe, [start], mirrored, mirrored, seed=0, epochs=1, log=False, deterministic=True
        )
        return [np.asarray(array) for array in network.get_weights()]

    for begun, end, middle in zip(start, tuned(1.0), tuned(0.5), strict=True):
        np.testing.assert_allclose(middle, (begun + end) / 2, atol=1e-5)


@pytest.mark.usefixtures("tensorflow")
def test_the_weights_are_those_of_the_graph(mirrored) -> None:
    bundle = load_bundle("standard")
    network = build_network(recipe_of(bundle))
    network.set_weights(fine_tuning.weights_of(bundle)[0])
    finished = finish_network(recipe_of(bundle), network)
    images = mirrored[0]
    found = answers(finished, images)
    np.testing.assert_allclose(
        found, tenfold.load_classifier("standard").predict_proba(images), atol=1e-4
    )


@pytest.mark.parametrize(("source", "as_"), [("clothes/", "images"), ("fashion-mnist", "digits")])
def test_pictures_are_prepared_as_those_that_the_model_learned(
    monkeypatch: pytest.MonkeyPatch, source: str, as_: str
) -> None:
    found: list[datasets.Dataset] = []

    def load(*arguments: Any, **options: Any) -> datasets.Dataset:
        found.append(datasets.load_dataset(*arguments, **options))
        return found[-1]

    nano = load_bundle("nano")
    meta = nano.meta | {"data": {"source": source, "as_": as_}}
    monkeypatch.setattr(module, "load_bundle", lambda _: replace(nano, meta=meta))
    monkeypatch.setattr(module, "load_dataset", load)
    light = np.full((10, 28, 28), 230, np.uint8)  # as digits, they would be inverted
    with pytest.raises(DataError, match="give at least 20"):
        tenfold.adapt("nano", (light, np.arange(10)))
    assert found[0].as_ == "images"
    np.testing.assert_array_equal(found[0].images, light)


def test_the_command_names_arrays() -> None:
    arrays = np.zeros((20, 28, 28), np.uint8), np.zeros(20)
    command = command_of("nano", arrays, Path("my out"), 3, 4, arrays)
    assert command == ("tenfold adapt nano --data DIGITS --out 'my out' --seed 3 --replay REPLAYED")


@pytest.mark.parametrize("option", ["--scale", "--offset", "--classes"])
def test_a_bundle_says_its_scale_and_classes(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("adapt", "nano", "--data", "mnist", "--epochs", "0", option, "1") == 2
    assert f"no option '{option}'" in capsys.readouterr().err


def test_digits_that_cannot_be_used(mirrored, tmp_path: Path) -> None:
    images, labels = mirrored
    with pytest.raises(DataError, match="holds 10 digits: give at least 20"):
        tenfold.adapt("nano", (images[:10], labels[:10]), out=tmp_path / "a")
    names = np.array([f"class {label}" for label in labels])
    with pytest.raises(UsageError, match="which the model lacks"):
        tenfold.adapt("nano", (images, names), out=tmp_path / "a")
    with pytest.raises(UsageError, match="no model"):
        tenfold.adapt("nobody", mirrored, out=tmp_path / "a")
    with pytest.raises(UsageError, match="epochs is 0"):
        tenfold.adapt("nano", mirrored, out=tmp_path / "a", epochs=0)
    assert not (tmp_path / "a").exists()


def test_the_line_network_counts_as_much_as_it_helps(mnist: Mnist) -> None:
    """It has not learned reversed threes; plain ones it knows better than a bad network."""
    original = tenfold.load_classifier("reader")
    threes = mnist.train_images[50_000:][mnist.train_labels[50_000:] == 3][:40]
    labels = np.full(len(threes), 3, np.uint8)

    def chosen(images: np.ndarray, best: int) -> float:
        probabilities = np.full((len(images), 10), 0.02, np.float32)
        probabilities[:, best] = 0.82
        return choose_line_weight(original, images, probabilities, labels, 0.9)

    assert chosen(np.ascontiguousarray(threes[:, :, ::-1]), 3) < 1
    assert chosen(threes, 5) >= 1
    blank = np.zeros_like(threes)
    assert chosen(blank, 3) == LINE_WEIGHTS[0]  # it sees nothing
    sure = np.eye(10, dtype=np.float32)[labels]
    assert choose_line_weight(original, threes, sure, labels, 0.9) == LINE_WEIGHTS[0]
