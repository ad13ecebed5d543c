"""A model trained on data of one's own: evaluated, shown, exported, and held to its data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.cli.main import main
from tenfold.errors import DataError, UsageError
from tenfold.evaluation.evaluate import evaluate_model
from tenfold.exporting.export import export
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override

QUICK = override(recipe_named("softmax"), {"epochs": 1, "batch_size": 50})


def write(path: Path, mnist: Any, start: int = 0) -> None:
    """Write 700 images of each of three classes as a .npz without a test part."""
    some = np.concatenate(
        [np.flatnonzero(mnist.train_labels == label)[start : start + 700] for label in range(3)]
    )
    names = np.array(["boot", "bag", "shirt"])[mnist.train_labels[some]]
    np.savez(path, x=mnist.train_images[some], y=names)


@pytest.fixture(scope="module")
def here(mnist, tensorflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with own.npz, and the bundle of a training on it."""
    folder = tmp_path_factory.mktemp("own")
    write(folder / "own.npz", mnist)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tenfold.train(QUICK, data="own.npz", out="run")
    return folder


def test_a_model_is_evaluated_on_its_own_data(here: Path, monkeypatch) -> None:
    monkeypatch.chdir(here)
    meta = json.loads((here / "run" / "meta.json").read_text())
    found = evaluate_model("run")
    assert found["test"] == meta["test"]
    assert found["data"] == "own.npz"
    assert found["classes"] == ["bag", "boot", "shirt"]


def run_main(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_shell_names_the_classes(here: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(here)
    assert run_main("evaluate", "run") == 0
    text = capsys.readouterr().out
    assert "images of own.npz (95% interval" in text
    assert "corrected" not in text
    lines = text.splitlines()
    assert any(line.split()[:1] == ["class"] for line in lines)
    assert [line.split()[0] for line in lines[-3:]] == ["bag", "boot", "shirt"]


def test_another_data_set_must_have_the_classes_of_the_model(here: Path, monkeypatch) -> None:
    monkeypatch.chdir(here)
    with pytest.raises(
        DataError, match=r"has the classes 0, 1.*but the model has bag, boot, shirt"
    ):
        evaluate_model("run", data="mnist")
    with pytest.raises(DataError, match="has the classes bag, boot, shirt, but the model has 0"):
        evaluate_model("nano", data="own.npz")


def test_a_shipped_model_is_evaluated_on_other_digits(mnist, tmp_path: Path) -> None:
    images, labels = mnist.train_images[:300], mnist.train_labels[:300]
    found = evaluate_model("nano", data=(255 - images, labels))
    assert 40 < found["test"]["n"] < 47
    assert found["test"]["accuracy"] > 0.9
    assert "corrected" not in found["test"]


def test_data_that_is_gone_or_has_changed(here: Path, monkeypatch, caplog, mnist) -> None:
    monkeypatch.chdir(here.parent)
    with pytest.raises(UsageError, match=r"trained on own.npz, which is not here: give --data"):
        evaluate_model(here / "run")
    kept = (here / "own.npz").read_bytes()
    monkeypatch.chdir(here)
    write(here / "own.npz", mnist, start=100)
    try:
        evaluate_model("run")
    finally:
        (here / "own.npz").write_bytes(kept)
    assert "own.npz has changed since the training" in caplog.text


def test_a_look_inside(here: Path, monkeypatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.chdir(here)
    look = tenfold.show("run")
    assert "MNIST" not in look.page
    assert "The hardest images" in look.page
    assert ">shirt  2<" in look.figures["confusion"].svg()
    assert look.evaluation.n == 300
    with pytest.raises(DataError, match="a look inside takes at least 50"):
        tenfold.show("nano", data=(np.tile(look_digits(), (30, 1, 1)), np.arange(300) % 10))


def look_digits() -> np.ndarray:
    return np.stack([np.full((28, 28), 25 * digit, np.uint8) for digit in range(10)])


def test_an_export(here: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(here)
    result = export("run", out=tmp_path / "exports")
    assert result.agreement.images == 300
    assert result.agreement.same_labels == 1
    assert result.export_accuracy == result.accuracy > 0.8


def test_a_comparison(here: Path, monkeypatch, cache) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.chdir(here)
    from tenfold.comparing.compare import compare
    from tenfold.comparing.report import render_comparison

    monkeypatch.setattr("tenfold.comparing.compare.CURVE_SIZES", ())
    monkeypatch.setattr("tenfold.comparing.compare._SECONDS", 0.1)
    found = compare("knn,softmax", data="own.npz", train_size=600)
    assert (found.result["data"], found.result["test_images"]) == ("own.npz", 300)
    assert found.result["classes"] == ["bag", "boot", "shirt"]
    assert all(row["test"]["accuracy"] > 0.8 for row in found.result["classifiers"])
    assert {row["kind"] for row in found.result["classifiers"]} == {"baseline", "recipe"}
    page = render_comparison(found.result, found.images)
    assert "300 test images of own.npz, once" in " ".join(page.split())
    assert "LeCun" not in page
    with pytest.raises(UsageError, match=r"nano has the classes 0, 1.*but the data has bag, boot"):
        compare("nano,shipped:nano", data="own.npz")
    with pytest.raises(UsageError, match=r"train_size is 1801; it must lie between 100 and 1,800"):
        compare("knn", data="own.npz", train_size=1801)


def test_doubtful_labels(here: Path, monkeypatch, cache) -> None:
    pytest.importorskip("cleanlab")
    monkeypatch.chdir(here)
    from tenfold.comparing.label_errors import label_errors
    from tenfold.comparing.report import render_labels

    with np.load("own.npz") as arrays:
        images, names = arrays["x"], arrays["y"].copy()
    kept = tenfold.load_dataset("own.npz").places
    wrong = kept[[3, 700, 1500]]
    names[wrong] = np.where(names[wrong] == "bag", "boot", "bag")
    np.savez("wrong.npz", x=images, y=names)
    found = label_errors(QUICK, folds=2, data="wrong.npz")
    assert found.result["data"] == "wrong.npz"
    assert "validated" not in found.result["test"]
    ranking = found.result["train"]["ranking"]
    listed = {int(row["name"]) for row in ranking[:30]}
    assert len(listed & set(wrong.tolist())) >= 2  # the names are places in the source
    for row in ranking[:5]:
        image = found.images["train"][row["index"]]
        assert np.array_equal(image, images[int(row["name"])])
    page = render_labels(found.result, found.images)
    assert "MNIST" not in page
    assert "<b>boot</b>?" in page


@pytest.mark.usefixtures("tensorflow", "inline")
def test_a_search(here: Path, monkeypatch, tmp_path: Path, capsys) -> None:
    pytest.importorskip("optuna")
    monkeypatch.chdir(here)
    out = str(tmp_path / "search")
    arguments = ["tune", "--recipe", "softmax", "--epochs", "1", "--trials", "1", "--json"]
    assert run_main(*arguments, "--data", "own.npz", "--out", out) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["best"]["val_accuracy"] > 0.8
    assert document["best"]["command"].endswith("best.json --data own.npz")
    plan = json.loads((tmp_path / "search" / "trials.json").read_text())["plan"]
    assert (plan["images"], plan["val_size"], plan["recipe"]["classes"]) == (1800, 300, 3)
    assert "MNIST is by" not in (tmp_path / "search" / "report.html").read_text()
