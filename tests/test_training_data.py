"""Training on data of one's own: what is learned, remembered, printed, refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import tenfold
from tenfold.arrays import DIGITS
from tenfold.classifiers.bundle import META, load_classifier
from tenfold.data.data_source import DataSource, choose_data, content_of, labels_for, source_of
from tenfold.data.datasets import Dataset
from tenfold.data.idx import encode_idx
from tenfold.errors import DataError, UsageError
from tenfold.evaluation.evaluate import evaluate_model
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.training.request import load_splits, make_request
from tenfold.training.run_folder import read_request, start_run
from tenfold.training.train import results_to_dict, resume, run

pytestmark = pytest.mark.usefixtures("tensorflow")

QUICK = override(recipe_named("softmax"), {"epochs": 1, "batch_size": 50})
NAMES = ("boot", "bag", "shirt")


@pytest.fixture
def own(mnist, tmp_path: Path) -> Path:
    """Three classes with names, 700 images of each, without a test part."""
    some = np.concatenate([np.flatnonzero(mnist.train_labels == label)[:700] for label in range(3)])
    names = np.array(NAMES)[mnist.train_labels[some]]
    np.savez(tmp_path / "own.npz", x=mnist.train_images[some], y=names)
    return tmp_path / "own.npz"


def test_training_on_three_classes(own: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = tenfold.train(QUICK, data="own.npz", out="out")
    assert result.accuracy > 0.8
    meta = result.meta
    assert meta["classes"] == ["bag", "boot", "shirt"]
    assert meta["parameters"] == 3 * 785
    assert meta["output"]["shape"] == ["n", 3]
    assert meta["test"]["n"] == 300
    assert "corrected" not in meta["test"]
    assert meta["train_images"] == 1800
    data = tenfold.load_dataset(own)
    assert meta["data"] == {
        "title": "own.npz",
        "source": "own.npz",
        "as_": "digits",
        "train_sha256": DataSource(str(own)).load("train").sha256,
        "held_out": True,
    }
    assert meta["command"].endswith("--data own.npz")
    assert str(tmp_path) not in json.dumps(meta) + (result.bundle / "report.html").read_text()
    assert "classes" not in meta["changed_settings"]
    assert load_classifier(result.bundle).classes == data.classes
    report = (result.bundle / "report.html").read_text()
    assert "MNIST" not in report
    assert "images of own.npz" in report
    assert ">shirt<" in report
    assert "test images read correctly" in report
    assert source_of(meta).source == "own.npz"
    assert source_of(meta).load("test").sha256 == DataSource(str(own)).load("test").sha256


def test_the_same_images_are_held_out_of_every_call(own: Path) -> None:
    source = choose_data(own)
    train, test = source.load("train"), source.load("test")
    assert not set(train.places) & set(test.places)
    assert len(set(train.labels[-300:])) == 3  # no class stands at the end
    assert source.load("train").sha256 == train.sha256


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the parts that are loaded."""
    parts: list[str] = []
    real = DataSource.load

    def load(self: DataSource, split: str, **options: Any) -> Dataset:
        parts.append(split)
        return real(self, split, **options)

    monkeypatch.setattr(DataSource, "load", load)
    return parts


def test_validation_leaves_the_test_images_alone(own: Path, tmp_path: Path, monkeypatch) -> None:
    parts = opened(monkeypatch)
    result = tenfold.train(QUICK, data=own, val_size=300, out=tmp_path / "out")
    assert set(parts) == {"train"}
    assert result.meta["test"] is None
    assert result.meta["validation"]["n"] == 300
    assert result.accuracy == result.meta["validation"]["accuracy"]
    document = result.to_dict()
    assert document["test"] is None
    assert document["validation"]["accuracy"] == result.accuracy
    report = (result.bundle / "report.html").read_text()
    assert "The test images were not opened" in report
    assert "validation images read correctly" in report
    both = results_to_dict([result, result])
    assert both["test"] is None
    assert both["validation"]["accuracy"]["n"] == 2


def test_mnist_with_validation_images_has_no_test_figures(tmp_path: Path, monkeypatch) -> None:
    parts = opened(monkeypatch)
    result = tenfold.train(QUICK, train_size=1000, val_size=500, out=tmp_path / "out")
    assert set(parts) == {"train"}
    assert result.meta["test"] is None
    assert result.meta["validation"]["n"] == 500
    assert json.loads((tmp_path / "out" / META).read_text())["test"] is None


def test_a_run_is_resumed_on_the_same_data_alone(
    own: Path, tmp_path: Path, mnist, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = make_request(QUICK, data="own.npz")
    assert request.recipe.classes == 3
    start_run(tmp_path / "out", request)
    assert read_request(tmp_path / "out") == request
    monkeypatch.chdir(tmp_path / "out")  # relative paths stay those of the start
    np.savez(own, x=mnist.train_images[:2100], y=mnist.train_labels[:2100])
    with pytest.raises(DataError, match="has changed since the run began"):
        resume(tmp_path / "out")
    own.unlink()
    with pytest.raises(UsageError, match="no data set"):
        resume(tmp_path / "out")


def test_arrays_are_kept_for_resuming(mnist, tmp_path: Path, cache) -> None:
    arrays = mnist.train_images[:700], mnist.train_labels[:700]
    request = make_request(QUICK, data=arrays)
    assert request.data == make_request(QUICK, data=arrays).data
    (kept,) = (cache.parent / "arrays").iterdir()
    assert request.data == DataSource(f"arrays:{kept.stem}")
    start_run(tmp_path / "out", request)
    (result,) = run(tmp_path / "out", read_request(tmp_path / "out"))
    assert abs(result.meta["train_images"] - 600) < 5
    assert tuple(result.meta["classes"]) == DIGITS


def test_a_loaded_data_set_is_its_source(own: Path) -> None:
    assert choose_data(tenfold.load_dataset(own, as_="images")) == DataSource(str(own), "images")
    assert choose_data(tenfold.load_dataset("mnist")) == DataSource()


def test_named_sets_say_how_pictures_like_theirs_are_prepared(own: Path) -> None:
    assert choose_data("fashion-mnist").as_ == "images"
    assert {choose_data(name).as_ for name in ("mnist", "kmnist", "qmnist")} == {"digits"}
    loaded = tenfold.load_dataset(own)
    for source, as_ in (("mnist", "images"), ("fashion-mnist", "digits"), (loaded, "images")):
        with pytest.raises(UsageError, match=f"taken as they are: leave out --as {as_}"):
            choose_data(source, as_=as_)
    with pytest.raises(UsageError, match="leave out --as images"):
        evaluate_model("tiny", as_="images")
    meta = {"data": {"source": "fashion-mnist", "as_": "digits"}}  # of version 0.2
    assert source_of(meta).as_ == content_of(meta) == "images"


def test_labels_are_counted_as_the_model_counts(own: Path) -> None:
    data = tenfold.load_dataset(own, "test")
    assert np.array_equal(labels_for(data, ("bag", "boot", "shirt")), data.labels)
    other = labels_for(data, ("shirt", "hat", "boot", "bag"))
    assert np.array_equal(other, np.array([3, 2, 0])[data.labels])
    with pytest.raises(DataError, match="has the classes bag, boot, shirt, but the model has 0, 1"):
        labels_for(data, DIGITS)


def test_what_cannot_be_trained_is_refused_before_anything_is_written(own: Path, mnist) -> None:
    with pytest.raises(DataError, match="fill one batch of 5000"):
        make_request(override(QUICK, {"batch_size": 5000}), data=own)
    with pytest.raises(UsageError, match="val_size is 1800; it must lie between 0 and 1,799"):
        make_request(QUICK, data=own, val_size=1800)
    for name in ("val_size", "train_size", "seed", "seeds"):
        with pytest.raises(UsageError, match=f"{name} is 0.5; it must be a whole number"):
            make_request(QUICK, data=own, **cast("Any", {name: 0.5}))
    fifty: Any = np.int64(50)
    assert type(make_request(QUICK, data=own, train_size=fifty).train_size) is int
    with pytest.raises(UsageError, match=r"epochs is 1\.5"):
        make_request(replace(QUICK, epochs=cast("Any", 1.5)), data=own)
    with pytest.raises(UsageError, match="train_size is 1801"):
        make_request(QUICK, data=own, train_size=1801)
    with pytest.raises(UsageError, match=r"draws digits.*--set augmentation.forms=0"):
        make_request("reader", data=own)
    with pytest.raises(UsageError, match="--data-dir is for MNIST"):
        make_request(QUICK, data=own, data_dir=own.parent)
    with pytest.raises(UsageError, match=r"no data set 'mnst' .did you mean mnist"):
        make_request(QUICK, data="mnst")


def test_validation_images_are_of_every_class(mnist, tmp_path: Path) -> None:
    order = np.argsort(mnist.train_labels[:1400], kind="stable")  # class after class
    arrays = mnist.train_images[order], mnist.train_labels[order]
    request = make_request(QUICK, data=arrays, val_size=300)
    training, validation = load_splits(request)
    assert validation is not None
    assert abs(len(training[0]) - 900) < 5
    assert len(set(validation[1])) == 10


def test_mnist_stays_as_it_was() -> None:
    request = make_request(QUICK, val_size=100)
    assert (request.data, request.data_sha256, request.classes) == (DataSource(), "", DIGITS)
    assert request == replace(request, recipe=QUICK)


def test_missing_data_is_found_before_anything_is_written(own: Path, mnist, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for verb in (tenfold.train, tenfold.tune):
        for _ in range(2):  # the second try says the same
            with pytest.raises(DataError, match="empty holds neither train-images"):
                verb(data_dir=empty, out=tmp_path / "out")
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    for name, array in zip(names, mnist[:2], strict=True):
        (empty / name).write_bytes(encode_idx(array))
    with pytest.raises(DataError, match="empty holds neither t10k-images"):
        tenfold.train(data_dir=empty, out=tmp_path / "out")
    with np.load(own) as parts:
        test = {"x_test": mnist.test_images[:2], "y_test": np.array(["bag", "hat"])}
        np.savez(tmp_path / "more.npz", x_train=parts["x"], y_train=parts["y"], **test)
    with pytest.raises(DataError, match="label hat is none of the classes"):
        tenfold.train(data=tmp_path / "more.npz", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
