"""`tenfold compare`: names, cells that are kept, the page."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.classifiers.model_file import shipped_models
from tenfold.cli.compare import _text as command_text
from tenfold.cli.main import main
from tenfold.comparing import compare as comparing
from tenfold.comparing import contenders, report
from tenfold.comparing.baselines.baseline import fit_baseline
from tenfold.comparing.baselines.kinds import BASELINES
from tenfold.comparing.compare import compare, measure_speed
from tenfold.comparing.figures import (
    LONG_NAME,
    SHOWN_ERRORS,
    draw_corruptions,
    plot_curve,
    plot_panels,
)
from tenfold.comparing.finding import find_contenders
from tenfold.comparing.report import write_comparison
from tenfold.errors import MissingExtraError, TenfoldError, UsageError
from tenfold.evaluation.significance import wilson_interval
from tenfold.execution.progress import WorkBar
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.small_data import for_few_images
from tenfold.reporting.figures import inline_svg


@pytest.fixture(scope="module")
def small(mnist, tmp_path_factory: pytest.TempPathFactory):
    """A comparison of quick ones, in a cache of its own that holds MNIST."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenfold.comparing.cells.cache_dir", lambda: cache)
        patch.setattr(comparing, "CORRUPTED_IMAGES", 50)
        patch.setattr(comparing, "_SECONDS", 0.1)
        yield compare("knn,linear-svm,shipped:standard", train_size=300), cache


def kinds(names: str, train_size: int) -> list[str]:
    return [one.kind for one in find_contenders(names, train_size)]


def test_every_name_of_the_contract_is_known() -> None:
    for name in (*BASELINES, *(recipe.name for recipe in RECIPES), *shipped_models()):
        (found,) = find_contenders(name, 60_000)
        assert found.name == name
        assert found.title
        assert found.note
        json.dumps(found.settings(1000))
        assert 0 < found.expected_seconds(100) <= found.expected_seconds(60_000)
    assert list(BASELINES) == [
        "svm", "linear-svm", "forest", "extra-trees", "knn", "logistic", "boosting", "mlp",
    ]  # fmt: skip


def test_a_name_of_both_is_the_shipped_model_only_if_that_is_fair() -> None:
    assert kinds("standard, svm ,fast", 60_000) == ["shipped", "baseline", "recipe"]
    assert kinds("standard,mlp,recipe:mlp", 1_000) == ["recipe", "baseline", "recipe"]
    assert kinds("shipped:standard,recipe:standard", 1_000) == ["shipped", "recipe"]


@pytest.mark.parametrize("names", ["", " , ", "abacus", "svm,svm", "recipe:svm", "nowhere/run"])
def test_names_that_are_none(names: str) -> None:
    with pytest.raises(UsageError):
        find_contenders(names, 1_000)


def test_a_shipped_name_that_is_none() -> None:
    with pytest.raises(TenfoldError, match="no model"):
        find_contenders("shipped:svm", 1_000)


def test_recipes_for_few_images() -> None:
    standard = recipe_named("standard")
    assert for_few_images(standard, 60_000) == standard
    few = for_few_images(standard, 100)
    assert (few.batch_size, few.epochs) == (25, 125)
    fast = for_few_images(recipe_named("fast"), 100)
    assert fast.epochs * (100 // fast.batch_size) == 36_000 // 250


def test_what_is_compared(small) -> None:
    result = small[0].result
    rows = result["classifiers"]
    assert [row["name"] for row in rows] == ["shipped:standard", "linear-svm", "knn"]
    for row in rows:
        assert row["test"]["n"] == 10_000
        low, high = row["test"]["accuracy_interval"]
        assert low < row["test"]["accuracy"] < high
        assert len(row["mnist_c"]) == 16
        assert row["size_bytes"] > 1000
        assert row["latency_ms"]["median"] > 0
        assert row["images_per_second"] > 100
    assert rows[0]["parameters"] == 113_866
    assert rows[0]["processor_seconds"] is None
    assert [point["train_size"] for point in result["curve"]["knn"]] == [100, 300]
    assert [point["train_size"] for point in result["curve"]["shipped:standard"]] == [300]
    assert result["curve"]["knn"][1]["accuracy"] == rows[2]["test"]["accuracy"]
    assert [pair["better"] for pair in result["neighbors"]] == ["shipped:standard", "linear-svm"]
    assert result["errors"]["knn"][0]["others_right"] == 2
    json.dumps(result, allow_nan=False)


def test_what_is_done_is_not_done_again(small, monkeypatch: pytest.MonkeyPatch) -> None:
    first, cache = small
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: cache)

    def never(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr(contenders, "fit_baseline", never)
    monkeypatch.setattr(comparing, "measure_speed", never)
    again = compare("shipped:standard,knn,linear-svm", train_size=300)
    assert again.result == first.result
    with pytest.raises(AssertionError):
        compare("knn", train_size=200)
    with pytest.raises(AssertionError):
        compare("knn", train_size=300, timings=True)


def test_a_kill_loses_one_cell_at_most(mnist, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: tmp_path)
    monkeypatch.setattr(comparing, "CORRUPTED_IMAGES", 20)
    monkeypatch.setattr(comparing, "_SECONDS", 0.05)
    fitted = []
    real = fit_baseline

    def until_killed(settings, images, labels, **options):
        fitted.append((settings.name, len(images)))
        if len(fitted) == 3:
            raise KeyboardInterrupt
        return real(settings, images, labels, **options)

    monkeypatch.setattr(contenders, "fit_baseline", until_killed)
    with pytest.raises(KeyboardInterrupt):
        compare("knn,logistic", train_size=200)
    # A cell whose facts were not written yet is none.
    assert len(list((tmp_path / "compare").glob("*.npy"))) == 2
    compare("knn,logistic", train_size=200)
    assert fitted == [
        ("knn", 100), ("logistic", 100), ("knn", 200), ("knn", 200), ("logistic", 200),
    ]  # fmt: skip


def test_the_page_needs_nothing_else(small, tmp_path: Path) -> None:
    page = write_comparison(small[0], tmp_path / "out")
    text = page.read_text()
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "compare.html", "compare.json", "corruptions.png", "corruptions.svg", "curve.png",
        "curve.svg", "errors.png", "errors.svg", "ranking.png", "ranking.svg",
    ]  # fmt: skip
    assert json.loads((page.parent / "compare.json").read_text()) == small[0].result
    for name in ("linear-svm", "knn", "McNemar", "canny", "300 images"):
        assert name in text
    assert "$" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count('src="data:image/png;base64,') == 3 * SHOWN_ERRORS


def test_long_names_have_room_in_the_heat_map(small) -> None:
    result = small[0].result
    long = result | {
        "classifiers": [row | {"name": "m" * LONG_NAME} for row in result["classifiers"]]
    }
    wider = draw_corruptions(long).width - draw_corruptions(result).width
    assert wider > 7 * (LONG_NAME - max(len(row["name"]) for row in result["classifiers"]))


@pytest.fixture
def without_errors() -> dict:
    """Four classifiers, the first without an error on 50 test images and with an unknown fit."""
    result = json.loads(Path(__file__).parents[1].joinpath("results/compare.json").read_text())
    result["classifiers"] = [row for row in result["classifiers"] if row["kind"] != "shipped"][:4]
    names = [row["name"] for row in result["classifiers"]]
    result["curve"] = {name: result["curve"][name] for name in names}
    for row, wrong in zip(result["classifiers"], (0, 1, 3, 10), strict=True):
        interval = wilson_interval(50 - wrong, 50)
        row["test"] |= {"n": 50, "accuracy": 1 - wrong / 50, "accuracy_interval": interval}
        result["curve"][row["name"]][-1]["accuracy"] = 1 - wrong / 50
    result["classifiers"][0] |= {"kind": "own", "processor_seconds": None, "train_seconds": None}
    return result


def test_no_error_at_all_is_drawn_as_half_an_error(without_errors: dict) -> None:
    axes: Any = plot_panels(without_errors)["Test errors"].axes[0]
    dot, (low, high) = (
        sorted(line.get_xdata()) for line in axes.lines if set(line.get_ydata()) == {0}
    )
    assert low <= dot[0] == 1.0 < high
    assert {text.get_text() for text in axes.texts} >= {"0.00", "2.00", "6.00", "20.0"}
    name = without_errors["classifiers"][0]["name"]
    axes = plot_curve(without_errors).axes[0]
    assert f"{name}  0.00" in {text.get_text() for text in axes.texts}
    assert min(line.get_ydata()[-1] for line in axes.lines) == 1.0


def test_a_long_path_leaves_room_for_the_charts(without_errors: dict) -> None:
    name = without_errors["classifiers"][0]["name"]
    path = f"/home/{'models' * 12}/a $ b $.keras"
    result = json.loads(json.dumps(without_errors).replace(json.dumps(name), json.dumps(path)))
    for figure in [*plot_panels(result).values(), plot_curve(result)]:
        figure.draw_without_rendering()
        assert figure.axes[0].get_position().width > 0.4
        assert "lsmodels/a $ b $.keras" in inline_svg(figure, "chart")
    assert draw_corruptions(result).width < 700


def test_the_fit_of_what_is_taken_as_it_is_has_no_time(without_errors: dict, mnist) -> None:
    page = report.render_comparison(without_errors, mnist.test_images)
    assert "as shipped" not in page
    assert page.count('<td class="number">as it is</td>') == 2
    assert "0.00 s" not in command_text(without_errors)
    assert command_text(without_errors).count("as it is") == 1


def test_one_classifier_alone(small, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: small[1])
    page = write_comparison(compare("shipped:standard", train_size=300), tmp_path / "out")
    assert "1 classifier compared" in page.read_text()


def test_speed_is_measured_on_any_classifier(small, mnist) -> None:
    class Slow:
        def predict_proba(self, images):
            return np.full((len(images), 10), 0.1, np.float32)

    found = measure_speed(Slow(), mnist.test_images)  # type: ignore[arg-type]
    assert found["latency_ms"]["n"] == 200
    assert found["latency_ms"]["median"] <= found["latency_ms"]["p99"]


def test_where_no_bar_is_drawn_the_log_says_what_runs(caplog: pytest.LogCaptureFixture) -> None:
    for shown in (False, True):
        with caplog.at_level(logging.INFO), WorkBar(2.0, shown) as bar:
            bar.begin(f"knn, {300 + shown} images", 1.0)
    assert caplog.messages == ["knn, 300 images"]


def test_the_command(small, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tenfold.comparing.cells.cache_dir", lambda: small[1])
    names = "knn,linear-svm,shipped:standard"
    arguments = ["compare", "--classifiers", names, "--train-size", "300"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--out", str(tmp_path / "out"), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert document["page"] == str(tmp_path / "out" / "compare.html")
    monkeypatch.setattr(report, "write_comparison", lambda found, out: out / "compare.html")
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(tmp_path / "out")])
    text = capsys.readouterr().out
    assert text.splitlines()[1].startswith("shipped:standard")
    assert text.splitlines()[-1] == document["page"]


@pytest.mark.parametrize(
    "arguments",
    [["--train-size", "99"], ["--train-size", "60001"], ["--classifiers", "abacus"],
     ["--classifiers", ""]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage(arguments: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["compare", *arguments])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--scale=1/255", "--offset=1", "--classes=a,b"])
def test_what_is_said_of_a_file_needs_a_file(option: str, capsys) -> None:
    words = ["compare", "--classifiers", "svm,standard", "--train-size", "99", option]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "for .keras and .onnx files: name one with --classifiers" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="compare"):
        find_contenders("boosting", 1_000)
    with pytest.raises(MissingExtraError, match=r"comparing .*\[compare,train\]"):
        find_contenders("svm,knn,fast", 1000)
    with pytest.raises(MissingExtraError, match=r"training fast .*\[train\]"):
        find_contenders("fast", 1_000)
