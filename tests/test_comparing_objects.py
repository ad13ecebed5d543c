"""Objects of one's own in `tenfold compare`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.cli.main import main
from tenfold.comparing import compare as comparing
from tenfold.comparing.compare import compare
from tenfold.comparing.finding import find_contenders
from tenfold.comparing.report import write_comparison
from tenfold.errors import TenfoldError, UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(comparing, "CORRUPTED_IMAGES", 20)
    monkeypatch.setattr(comparing, "_SECONDS", 0.05)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def few(mnist):
    """A data set of 200 digits."""
    return mnist.train_images[:200], mnist.train_labels[:200]


class Sums:
    """Answers by the amount of ink; has no probabilities, and cannot be pickled."""

    def __init__(self) -> None:
        self.edges = lambda: np.linspace(20_000, 40_000, 9)

    def predict(self, images):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28)
        return np.digitize(images.sum(axis=(1, 2)), self.edges())


def rows_of(found) -> dict:
    return {row["name"]: row for row in found.result["classifiers"]}


def test_objects_beside_names(few, mnist, cache: Path, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    flat = mnist.train_images[500:1500].reshape(1000, 784)
    fitted = GaussianNB(var_smoothing=0.1).fit(flat, mnist.train_labels[500:1500].astype(str))
    logistic = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=500))
    standard = tenfold.load_classifier("standard")
    found = compare([logistic, Sums(), fitted, standard, "knn"], data=few)
    rows = rows_of(found)
    assert rows.keys() == {"Pipeline", "Sums", "GaussianNB", "standard", "knn"}
    assert next(iter(rows)) == "standard"
    assert rows["Pipeline"]["test"]["accuracy"] > 0.5
    assert rows["GaussianNB"]["test"]["accuracy"] > 0.4
    assert rows["Sums"]["test"]["accuracy"] < 0.4
    assert rows["Sums"]["size_bytes"] is None
    assert rows["Pipeline"]["processor_seconds"] > 0
    assert rows["GaussianNB"]["processor_seconds"] is rows["Sums"]["train_seconds"] is None
    curve = {name: [point["train_size"] for point in points]
             for name, points in found.result["curve"].items()}  # fmt: skip
    assert curve["Pipeline"] == curve["knn"] == [100, found.result["train_size"]]
    assert curve["GaussianNB"] == curve["Sums"] == [found.result["train_size"]]
    # Only what has a name stays in the cache.
    assert len(list((cache / "compare").glob("*.npy"))) == 2
    assert not hasattr(logistic, "n_features_in_")  # a clone was fitted
    page = write_comparison(found, tmp_path / "out").read_text()
    assert "classifier of your own" in page
    assert "unknown" in page


def test_an_estimator_of_ours(few, tensorflow) -> None:
    network = tenfold.DigitClassifier(recipe="softmax", epochs=10)
    assert rows_of(compare({"net": network}, data=few))["net"]["test"]["accuracy"] > 0.6


def test_names_of_objects() -> None:
    from sklearn.dummy import DummyClassifier

    objects = [Sums(), Sums(), DummyClassifier()]
    assert [one.name for one in find_contenders(objects, 1000)] == [
        "Sums", "Sums 2", "DummyClassifier",
    ]  # fmt: skip
    assert find_contenders({"mine": "knn", "yours": Sums()}, 1000)[0].name == "mine"


@pytest.mark.parametrize("wrong", [None, 5, Sums()])
def test_what_is_no_list_of_classifiers_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"^classifiers is of type .*objects in a list$"):
        find_contenders(wrong, 1000)


def test_columns_follow_the_classes_of_the_object(few) -> None:
    class Reversed:
        classes_ = np.arange(9, -1, -1)

        def predict_proba(self, images):
            return tenfold.load_classifier("standard").predict_proba(images)[:, ::-1]

    assert rows_of(compare([Reversed()], data=few))["Reversed"]["test"]["accuracy"] > 0.9


def answering(value):
    class Mine:
        def predict_proba(self, images):
            return value(len(images))

    return Mine()


class Failing:
    def predict(self, images):
        raise KeyError("weights\nof another line")


class Wide:
    def predict(self, images):
        return np.zeros((len(images), 10))


class Strange:
    def predict(self, images):
        return ["seven"] * len(images)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Failing(), r"^Failing: predict failed: KeyError.*weights.*_objects.py, line"),
        (Wide(), r"Wide: predict returns an array of shape \(\d+, 10\).*tenfold.from_keras"),
        (Strange(), "Strange: predict: no class 'seven'; there are: 0, 1, 2"),
        (answering(lambda n: np.ones((n, 10))), "Mine: predict_proba returns rows .* sum to 10"),
        (answering(lambda n: np.ones((n, 3)) / 3), r"float64 of shape \(\d+, 3\); it must be"),
        (answering(lambda n: np.full((n, 10), np.nan)), "Mine: predict_proba .* from nan"),
        (answering(lambda n: "text"), "Mine: predict_proba returns"),
        (object(), "object is of type object; give an object with predict_proba"),
        (Failing, "type is the class Failing; give an object"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_errors_of_an_object_are_told_in_one_line(few, wrong, said: str) -> None:
    with pytest.raises(TenfoldError, match=said) as raised:
        compare([wrong], data=few)
    assert "\n" not in str(raised.value)


def test_an_estimator_that_cannot_be_fitted_is_told_in_one_line(few) -> None:
    from sklearn.linear_model import LogisticRegression

    said = "LogisticRegression: fit failed: .*InvalidParameterError"
    test_errors_of_an_object_are_told_in_one_line(few, LogisticRegression(C=-1), said)


MODULE = """
import numpy as np
from sklearn.dummy import DummyClassifier

class Mine:
    def predict(self, images):
        return np.zeros(len(images), int)

ready = Mine()

def make():
    return DummyClassifier()

def broken():
    raise OSError("no weights here")

number = 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("my_models.py").write_text(MODULE)
    Path("wrong_models.py").write_text("import nothing_of_that_name")
    yield "my_models"
    for name in ("my_models", "wrong_models"):
        sys.modules.pop(name, None)


def test_modules_in_the_shell(module: str, few, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("few.npz", x_train=few[0], y_train=few[1], x_test=few[0][:50], y_test=few[1][:50])
    names = f"{module}:make,{module}:Mine,{module}:ready,knn"
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--classifiers", names, "--data", "few.npz"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for name in names.split(","):
        assert f"\n{name} " in text or text.startswith(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_models:absent", "the module my_models has no absent"),
        ("my_modelz:make", "there is no Python module my_modelz in this folder or among"),
        ("wrong_models:make", "import failed: ModuleNotFoundError: No module named 'nothing_of"),
        ("my_models:broken", "the call failed: OSError: no weights here (my_models.py, line 15)"),
        ("my_models:number", "is of type int, which predicts nothing"),
    ],
)
def test_wrong_modules(
    module: str, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--classifiers", name])
    message = capsys.readouterr().err
    assert ended.value.code in (1, 2)
    assert len(message.splitlines()) == 1
    assert said in message
