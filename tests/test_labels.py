"""`tenfold labels`: out-of-fold answers, confident learning, the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from tenfold.cli.main import main
from tenfold.comparing import label_errors as module
from tenfold.comparing.label_errors import label_errors
from tenfold.comparing.report import write_doubtful_labels
from tenfold.data.label_errors import LABEL_ERRORS
from tenfold.errors import MissingExtraError, UsageError
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override

QUICK = override(recipe_named("softmax"), {"epochs": 3, "batch_size": 50})


@pytest.fixture(scope="module")
def found(mnist, tensorflow, tmp_path_factory: pytest.TempPathFactory):
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenfold.comparing.cells.cache_dir", lambda: cache)
        yield label_errors(QUICK, folds=2, train_size=1000), cache


def test_what_is_found(found, mnist) -> None:
    result = found[0].result
    train, test = result["train"], result["test"]
    assert (result["recipe"], result["epochs"], result["folds"]) == ("softmax", 3, 2)
    assert (train["n"], test["n"]) == (1000, 10_000)
    assert 0.6 < train["accuracy"] < 0.95
    assert len(train["ranking"]) == len(test["ranking"]) == 100
    flagged = [row["flagged"] for row in test["ranking"]]
    assert flagged == sorted(flagged, reverse=True)
    for row in test["ranking"]:
        assert row["given"] == mnist.test_labels[row["index"]]
        assert row["suspected"] != row["given"]
    known = test["validated"]
    assert known["n"] == 15
    assert known["recall"] == known["found"] / 15
    json.dumps(result, allow_nan=False)


def test_folds_are_kept(found, monkeypatch: pytest.MonkeyPatch) -> None:
    first, cache = found
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: cache)
    monkeypatch.setattr("tenfold.comparing.label_errors.RecipeContender.fit", None)
    again = label_errors(QUICK, folds=2, train_size=1000)
    assert again.result == first.result


def test_a_wrong_label_is_found() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000).astype(np.uint8)
    sure = np.full((2000, 10), 0.02, np.float32)
    sure[np.arange(2000), labels] = 0.82
    wrong = rng.choice(2000, 20, replace=False)
    given = labels.copy()
    given[wrong] = (labels[wrong] + 3) % 10
    result = module._rank(given, sure)
    first = result["ranking"][:20]
    assert {row["index"] for row in first} == set(wrong.tolist())
    assert all(row["suspected"] == labels[row["index"]] for row in first)
    assert result["flagged"] == 20


def test_recall_counts_the_first_fifty() -> None:
    order = [error.index for error in LABEL_ERRORS[:5]] + list(range(45)) + [LABEL_ERRORS[5].index]
    known = module._validated([{"index": index} for index in order])
    assert (known["found"], known["recall"]) == (5, 5 / 15)
    assert known["places"][str(LABEL_ERRORS[5].index)] == 51
    assert known["places"][str(LABEL_ERRORS[6].index)] is None


def test_the_page_needs_nothing_else(found, tmp_path: Path) -> None:
    page = write_doubtful_labels(found[0], tmp_path / "out")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "labels-test.png", "labels-test.svg", "labels-train.png", "labels-train.svg",
        "labels.html", "labels.json",
    ]  # fmt: skip
    text = page.read_text()
    assert text.count('src="data:image/png;base64,') == 150
    assert "All these networks read the test images" in text
    assert "http" not in text
    assert "$" not in text


def test_the_command(found, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: found[1])
    recipe = tmp_path / "quick.json"
    from tenfold.recipes.serialization import recipe_to_dict

    recipe.write_text(json.dumps(recipe_to_dict(QUICK)))
    arguments = ["labels", "--recipe", str(recipe), "--folds", "2", "--train-size", "1000"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--out", str(tmp_path / "out"), "--json"])
    assert ended.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == str(tmp_path / "out" / "labels.html")
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(tmp_path / "out")])
    assert "of 15 test labels that people found wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [{"folds": 1}, {"folds": 21}, {"train_size": 199}, {"recipe": "x"}]
)
def test_wrong_usage(wrong: dict) -> None:
    with pytest.raises(UsageError):
        label_errors(**wrong)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="compare"):
        label_errors()
