"""The command as a user types it: exit codes, streams, JSON, errors of one line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tenfold import __version__
from tenfold.cli import options
from tenfold.cli.main import VERBS
from tenfold.reading.shipped import DEFAULT_MODEL
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override


def test_help_and_version(shell) -> None:
    assert shell("--version")[:2] == (0, f"tenfold {__version__}\n")
    for module in VERBS:
        verb = module.__name__.rpartition(".")[2]
        code, out, _ = shell(verb, "--help")
        assert code == 0
        assert "examples:" in out
        assert f"tenfold {verb}" in out


def test_no_command_prints_help_as_well_known_commands_do(shell) -> None:
    code, out, err = shell()
    assert (code, err) == (0, "")
    assert (code, out, err) == shell("--help") == shell("help")
    assert all(f"\n  {module.__name__.rpartition('.')[2]} " in out for module in VERBS)
    assert shell("help", "train") == shell("train", "--help")


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("words", [[], *([module.__name__.rpartition(".")[2]] for module in VERBS)])
def test_help_fits_the_terminal(shell, monkeypatch, words, columns) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = shell(*words, "--help")
    lines = [line for line in out.splitlines() if not re.match(r"  +(tenfold|curl|cat) ", line)]
    assert max(map(len, lines)) <= min(columns, 100)


def test_comments_of_examples_stand_all_beside_or_all_below(shell, monkeypatch) -> None:
    for columns in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        for module in VERBS:
            out = shell(module.__name__.rpartition(".")[2], "--help")[1]
            examples = out.partition("examples:\n")[2].partition("\n\n")[0]
            beside = re.search(r"^  \S.*\S  +\S", examples, re.MULTILINE)
            below = re.search(r"^ {6}\S", examples, re.MULTILINE)
            assert not (beside and below), out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tarin"], "tenfold: no command 'tarin' (did you mean train?); there are: train, "),
        (["--vresion"], "tenfold: no option '--vresion' (did you mean --version?); see "),
        (["data", "--data", "a"], "tenfold data: no option '--data' (did you mean --data-dir?)"),
        (["train", "--epohcs=3"], "tenfold train: no option '--epohcs' (did you mean --epochs?)"),
        (
            ["evaluate"],
            "tenfold evaluate: the following arguments are required: MODEL; see ",
        ),
        (["train", "article"], "tenfold train: unexpected argument 'article'; see tenfold train "),
        (["export", "tiny", "--format", "onx"], "no value of --format 'onx' (did you mean onnx?)"),
        (["--quiet"], "tenfold: no command is given; see tenfold --help"),
        (["train", "--recipe", ""], "tenfold train: the value of --recipe is empty"),
        (["read", "a.png", "--classes="], "tenfold read: the value of --classes is empty"),
        (["recipes", ""], "tenfold recipes: the value of NAME is empty"),
        (["read", "a.png", ""], "tenfold read: the value of PICTURE is empty"),
        (["form", "a.json", ""], "tenfold form: the value of SCAN is empty"),
        (["export", "nano", "--out", __file__], "test_cli.py is not a folder; see "),
        (["show", "nano", "--out", f"{__file__}/x/y"], "test_cli.py is not a folder; see "),
        (["read", "a.png", "--annotate", __file__], "test_cli.py is not a folder; see "),
        (["train", "--set", "name=../x"], "name is '../x'; it must be up to 60 letters"),
        (["train", "--epochs", "x"], "tenfold train: argument --epochs: x is not a whole number; "),
        (["train", "--seconds", "ten"], "argument --seconds: ten is not a number; see "),
        (["form", "a.json", "b.png", "--report", "--error", "-1%"], "argument --error: -1%"),
        (["tune", "--timeout", "nan"], "nan is not a number of seconds of at least 0"),
        (["tune", "--choices", "0"], "there is nothing to do: give --trials or --choices"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_says_what_was_meant(shell, words, message) -> None:
    code, out, err = shell(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_options_of_every_command_may_stand_before_it(shell) -> None:
    assert shell("--json", "recipes") == shell("recipes", "--json")
    assert json.loads(shell("--json", "recipes")[1])


def test_a_constant_repeated_for_a_quick_start() -> None:
    assert options.DEFAULT_MODEL == DEFAULT_MODEL


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["--quiet"], ["--vresion"], ["train", "article"], ["train", "--epohcs", "3"],
        ["evaluate"], ["tune", "--pruner", "medain"], ["help", "nonsense"],
        ["train", "--epochs", "many"], ["train", "--recipe", "nonsense"],
        ["train", "--set", "epochs"], ["train", "--set", "speed=11"],
        ["train", "--epochs", "3", "--set", "epochs=4"], ["train", "--epochs", "0"],
        ["train", "--resume", "nowhere"], ["train", "--resume", "x", "--seed", "1"],
        ["train", "--backend", "abacus"], ["train", "--seed", "-1"], ["train", "--seeds", "0"],
        ["recipes", "nonsense"], ["recipes", "nonsense", "--file"], ["read"],
        ["data", "--sheet", "x.doc"], ["evaluate", "nonsense"], ["show", "nonsense"],
        ["export", "nonsense"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_one_line(
    shell, tensorflow, arguments, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = shell(*arguments)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert not list(tmp_path.iterdir()), "nothing may be left behind"


@pytest.mark.parametrize("arguments", [["export", "tiny"], ["labels"], ["compare"]])
def test_a_default_folder_that_cannot_be_written_is_found_first(
    shell, arguments, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    code, out, err = shell(*arguments)
    assert (code, out) == (2, "")
    assert "the folder . cannot be written" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["read", "absent.png"], ["score", "absent"], ["batch", "absent", "answers"],
        ["form", "absent.json", "scan.png", "--out", "answers.csv"],
        ["form", "--out", "absent.csv", "--report"], ["review", "absent.csv"],
        ["template", "absent.png"], ["explain", "absent.png"], ["show", "absent.keras"],
        ["robustness", "--external", "absent"], ["train", "--data-dir", "absent"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_path_that_does_not_exist_is_exit_code_1(shell, arguments, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = shell(*arguments)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "absent" in err
    assert not list(tmp_path.iterdir()), "nothing may be left behind"


def test_failure_is_exit_code_1(shell, tmp_path: Path) -> None:
    code, out, err = shell("evaluate", tmp_path)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    code, out, err = shell("evaluate", tmp_path, "--json")
    assert (code, err) == (1, "")
    assert list(json.loads(out)) == ["error"]
    code, out, _ = shell("data", "--verify", "--data-dir", tmp_path)
    assert (code, out) == (1, "")


def test_a_disk_that_cannot_be_written_is_one_line(shell, mnist, monkeypatch, tmp_path) -> None:
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", full)
    sheet = tmp_path / "sheet.png"
    code, out, err = shell("data", "--sheet", sheet)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == f"tenfold: cannot write {sheet}: No space left on device"
    assert not list(tmp_path.iterdir())


def test_recipes(shell, tmp_path: Path) -> None:
    code, out, _ = shell("recipes")
    assert code == 0
    for name in ("softmax", "mlp", "conv", "article", "article-today", "standard"):
        assert f"\n{name} " in out
    code, out, _ = shell("recipes", "article")
    assert "1,045,576" in out
    assert "24x24x64" in out
    for setting in (
        out.partition("NAME=VALUE` changes:\n")[2].strip().replace("\n", ", ").split(", ")
    ):
        name, _, value = setting.partition("=")
        is_json = value in ("true", "false") or not value[0].isalpha()
        changed = {name: json.loads(value) if is_json else value}
        assert override(recipe_named("article"), changed) == recipe_named("article")
    code, out, _ = shell("recipes", "article", "--json")
    path = tmp_path / "mine.json"
    path.write_text(out)
    assert shell("recipes", path)[0] == 0
    code, out, _ = shell("recipes", "--json")
    assert {row["name"] for row in json.loads(out)["recipes"]} >= {"article", "standard"}


def test_data(shell, mnist, tmp_path: Path) -> None:
    code, out, _ = shell("data", "--json", "--sheet", tmp_path / "sheet.png")
    document = json.loads(out)
    assert code == 0
    assert document["whole"]
    assert len(document["files"]) == 4
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert shell("data", "--verify")[0] == 0


def test_evaluate_the_shipped_model(shell, mnist) -> None:
    code, out, _ = shell("evaluate", "standard", "--json")
    document = json.loads(out)
    assert code == 0
    assert {"recipe", "seed", "parameters", "epochs", "train_seconds", "test"} <= set(document)
    assert {"accuracy", "loss", "ece", "n"} <= set(document["test"])
    assert document["test"]["accuracy"] > 0.995
    code, out, _ = shell("evaluate", "standard")
    assert f"{document['test']['accuracy']:.2%}" in out


def test_read(shell, digit_png: Path, tmp_path: Path) -> None:
    assert shell("read", "--single", digit_png)[:2] == (0, "7\n")
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    code, out, err = shell("read", "--single", bad, digit_png, "--json")
    assert code == 1
    first, second = json.loads(out)["pictures"]
    assert first["path"] == str(bad)
    assert first["error"]
    assert first["lines"] == []
    digit = second["lines"][0]["digits"][0]
    assert second["error"] is None
    assert (digit["digit"], digit["rejected"]) == (7, False)
    assert len(digit["box"]) == 4
    code, out, err = shell("read", "--single", bad, digit_png)
    assert (code, out) == (1, f"{digit_png}: 7\n")
    assert len(err.splitlines()) == 1


def test_read_folders(shell, digit_png: Path, tmp_path: Path) -> None:
    code, out, _ = shell("read", "--single", digit_png.parent)
    assert (code, out) == (0, "7\n")
    code, out, err = shell("read", "--single", tmp_path, digit_png)
    assert (code, out) == (1, f"{digit_png}: 7\n")
    assert "holds no pictures" in err


def test_train_prints_one_json_document(shell, tensorflow, tmp_path: Path) -> None:
    code, out, err = shell(
        "train", "--recipe", "softmax", "--set", "epochs=1", "--train-size", "1000",
        "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert code == 0
    assert "tenfold: 1,000 images are few for softmax: try --epochs 67\n" in err
    document = json.loads(out)
    assert document["bundle"] == str(tmp_path / "run")
    assert document["parameters"] == 7850
    assert document["epochs"] == 1
    code, _, err = shell("train", "--out", tmp_path / "run")
    assert code == 2
    assert "is not empty" in err


def test_pictures_are_never_written_over(shell, digit_png: Path, tmp_path: Path) -> None:
    picture = tmp_path / "mine.png"
    picture.write_bytes(digit_png.read_bytes())
    for target in (tmp_path, tmp_path / "." / "sub" / ".."):
        code, _, err = shell("read", picture, "--annotate", target)
        assert code == 2
        assert "another folder" in err
    assert picture.read_bytes() == digit_png.read_bytes()


def test_one_bad_name_among_pictures_does_not_lose_the_rest(shell, digit_png, tmp_path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "seven.png").write_bytes(digit_png.read_bytes())
    code, out, err = shell("read", tmp_path, "a" * 300 + ".png")
    assert code == 1
    assert "seven.png: 7" in out
    assert len(err.splitlines()) == 1


@pytest.mark.long
def test_int8_is_told_where_it_is(shell, mnist, tmp_path: Path) -> None:
    images, labels = mnist.test_images[:500], mnist.test_labels[:500]
    few = tmp_path / "few.npz"
    np.savez(few, x_train=images, y_train=labels, x_test=images, y_test=labels)
    code, out, _ = shell("evaluate", "tiny", "--int8", "--data", few, "--json")
    assert code == 0
    assert json.loads(out)["test"]["n"] == 500
    assert json.loads(out)["test"]["accuracy"] > 0.98
    code, _, err = shell("evaluate", "standard", "--int8")
    assert code == 1
    assert "no int8 graph" in err


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["recipes"], {}, "stdout is closed"),
        (["recipes", "--json"], {}, "stdout is closed"),
        (["recipes"], {}, "cannot write to stdout: No space left"),
        (["recipes", "--json"], {}, "cannot write to stdout: No space left"),
        (["data"], {"TENFOLD_CACHE": "~nosuchuser/x"}, "~nosuchuser/x has no home folder"),
        (["data", "--data-dir", "~nosuchuser"], {}, "~nosuchuser has no home folder"),
        (["train", "--set", "epochs=" + "[" * 5000], {}, "epochs"),
        (["evaluate", "loop"], {}, "no model 'loop'"),
        (["read", "loop"], {}, "symbolic links"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_odd_places_and_streams_are_one_line(arguments, environment, message, tmp_path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    closed, full = "stdout is closed", "cannot write to stdout: No space left"
    streams = {closed: " >&-", full: " >/dev/full"}.get(message, "")
    result = subprocess.run(
        ["sh", "-c", f'exec "$@"{streams}', "sh", sys.executable, "-m", "tenfold", *arguments],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | environment,
    )  # fmt: skip
    assert result.returncode in (1, 2)
    (line,) = (result.stderr + result.stdout).strip().splitlines()
    assert message in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "tenfold: not enough memory\n"),
        (
            ImportError("lib.so:\nno such file"),
            "tenfold: cannot load a library: lib.so: no such file\n",
        ),
    ],
)
def test_what_the_machine_lacks_is_one_line(shell, monkeypatch, error, message) -> None:
    def lacking(_: object) -> None:
        raise error

    monkeypatch.setattr("tenfold.cli.recipes.run", lacking)
    assert shell("recipes") == (1, "", message)


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path) -> None:
    name = os.fsencode(tmp_path) + "/é\udcff.png".encode("utf-8", "surrogateescape")
    for encoding, json_too in (("ascii", False), ("ascii", True), ("utf-8", True)):
        result = subprocess.run(
            [sys.executable, "-m", "tenfold", "read", name, *(["--json"] if json_too else [])],
            capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert result.returncode == 1
        assert b"Traceback" not in result.stderr
        if json_too:
            (entry,) = json.loads(result.stdout.decode())["pictures"]
            assert "does not exist" in entry["error"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["recipes", "artikle"], "article"),
        (["train", "--recipe", "standrad"], "standard"),
        (["train", "--set", "rotation_degrees=5"], "augmentation.rotation_degrees"),
        (["train", "--set", "optimizer.name=addm"], "adam"),
        (["train", "--backend", "tensorflo"], "tensorflow"),
        (["tune", "--space", "activaton=relu"], "activation"),
        (["tune", "--space", "activation,optimzr.name"], "optimizer.name"),
        (["compare", "--classifiers", "svn"], "svm"),
        (["compare", "--classifiers", "recipe:artikle"], "article"),
        (["explain", "PICTURE", "--method", "gradcam"], "grad-cam"),
        (["evaluate", "standrad"], "standard"),
        (["read", "PICTURE", "--model", "raeder"], "reader"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_closest_name_is_suggested(shell, tensorflow, digit_png, arguments, hint) -> None:
    code, out, err = shell(*(digit_png if word == "PICTURE" else word for word in arguments))
    assert (code, out) == (2, "")
    assert f"(did you mean {hint}?)" in err
    assert len(err.splitlines()) == 1


def test_a_recipe_that_is_no_shipped_model_must_be_trained(shell) -> None:
    code, _, err = shell("evaluate", "article")
    assert code == 2
    assert "article is a recipe: first train it (tenfold train --recipe article)" in err


def test_a_picture_without_digits_prints_nothing_on_stdout(shell, digit_png, tmp_path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("L", (200, 100), 255).save(blank)
    assert shell("read", blank) == (0, "", f"{blank}: no digits found\n")
    assert shell("read", blank, "--quiet")[1:] == ("", f"{blank}: no digits found\n")
    code, out, err = shell("read", "--single", blank, digit_png)
    assert (code, out, err) == (0, f"{digit_png}: 7\n", f"{blank}: no digits found\n")
    code, out, err = shell("read", blank, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["pictures"][0]["lines"] == []


def test_read_says_where_the_annotated_pictures_are(shell, digit_png, tmp_path) -> None:
    seen = tmp_path / "seen"
    _, out, err = shell("read", "--single", digit_png, "--annotate", seen)
    (written,) = seen.iterdir()
    assert (out, err) == ("7\n", f"annotated picture: {written}\n")
    other = tmp_path / "other.png"
    other.write_bytes(digit_png.read_bytes())
    _, _, err = shell("read", "--single", digit_png, other, "--annotate", seen)
    assert err == f"annotated pictures: 2 in {seen}\n"
    assert shell("read", "--single", digit_png, "--annotate", seen, "--quiet")[2] == ""
