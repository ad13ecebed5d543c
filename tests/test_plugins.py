"""Recipes and classifiers of other packages: a small one is installed into a temporary folder."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Shell

from tenfold.classifiers.bundle import fingerprint, load_bundle, load_classifier, model_name
from tenfold.comparing.finding import find_contenders
from tenfold.errors import BundleError, TenfoldError, UsageError
from tenfold.exporting.export import export
from tenfold.plugins import plugins
from tenfold.recipes.recipe_file import load_recipe

MODULE = """\
import numpy as np

from tenfold import Recipe, load_recipe

wide = load_recipe("conv", {"layers.0.filters": 20})

def made() -> Recipe:
    return wide

class Sevens:
    def predict_proba(self, images):
        return np.tile(np.float32(np.arange(10) == 7), (len(images), 1))

class Broken:
    def predict_proba(self, images):
        raise ValueError("no digits today")

nothing = 5
"""

ENTRY_POINTS = """\
[tenfold.recipes]
wide = my_digits:wide
made = my_digits:made

[tenfold.classifiers]
sevens = my_digits:Sevens
ready = my_digits:Broken
tiny = my_digits:Sevens
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a package with entry points, as an installer leaves it."""

    def write(entry_points: str = ENTRY_POINTS, package: str = "my_digits") -> None:
        folder = tmp_path / "installed"
        metadata = folder / f"{package}-1.5.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{package}.py").write_text(MODULE)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.5\n"
        )
        (metadata / "entry_points.txt").write_text(entry_points)
        monkeypatch.syspath_prepend(str(folder))
        plugins.cache_clear()

    yield write
    plugins.cache_clear()


@pytest.mark.parametrize("name", ["wide", "made"])
def test_a_recipe_of_a_package(name: str, install: Install) -> None:
    install()
    assert load_recipe(name).name == name
    assert load_recipe(name, {"epochs": 2}).layers == load_recipe("wide").layers
    (contender,) = find_contenders(name, 1000)
    assert contender.learns


def test_recipes_lists_them(install: Install, shell: Shell) -> None:
    install()
    code, out, _ = shell("recipes", "--json")
    found = {row["name"]: row for row in json.loads(out)["recipes"]}
    assert code == 0
    assert found["wide"]["package"] == "my-digits"
    assert found["wide"]["measured"] is None
    assert found["conv"]["package"] is None
    assert "(of my-digits)" in " ".join(shell("recipes")[1].split())
    assert "20 filters" in shell("recipes", "wide")[1]


def test_a_classifier_of_a_package(install: Install, digit_png: Path, shell: Shell) -> None:
    install()
    sevens = load_classifier("sevens")
    images = np.zeros((3, 28, 28), np.uint8)
    assert sevens.predict(images).tolist() == [7, 7, 7]
    assert sevens.digit_score(images).tolist() == [1, 1, 1]
    assert model_name("sevens") == sevens.name == "sevens"
    assert fingerprint("sevens") == fingerprint("sevens") != fingerprint("ready")
    code, out, _ = shell("read", "--single", "--model", "sevens", str(digit_png))
    assert (code, out) == (0, "7\n")
    (contender,) = find_contenders("sevens", 1000)
    assert contender.kind == "own"


def test_own_names_come_first(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    assert load_bundle("tiny").meta["recipe"]["name"] == "tiny"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sevens").mkdir()
    with pytest.raises(BundleError, match="sevens holds no finished run"):
        load_classifier("sevens")


def test_what_such_a_classifier_cannot_do(install: Install, tmp_path: Path) -> None:
    install()
    with pytest.raises(UsageError, match="sevens is a classifier of the package my-digits: leave"):
        load_classifier("sevens", int8=True)
    with pytest.raises(UsageError, match="sevens has its own"):
        load_classifier("sevens", scale=1 / 255)
    with pytest.raises(UsageError, match="my-digits, which has no layers to show or export"):
        export("sevens", out=tmp_path)


def test_unknown_names_list_them(install: Install) -> None:
    install()
    with pytest.raises(UsageError, match=r"did you mean wide.*made, wide; or give a .json file"):
        load_recipe("widee")
    with pytest.raises(UsageError, match="did you mean sevens"):
        load_classifier("seven")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("gone:thing", "bad of my-digits: import failed: ModuleNotFoundError: No module named"),
        ("my_digits:gone", "bad of my-digits: import failed: AttributeError: "),
        ("my_digits:nothing", "bad of my-digits is of type int"),
    ],
)
def test_a_failing_package_is_one_line(
    value: str, message: str, install: Install, shell: Shell
) -> None:
    install(f"[tenfold.recipes]\nbad = {value}\n[tenfold.classifiers]\nbad = {value}\n")
    with pytest.raises(TenfoldError, match=message):
        load_recipe("bad")
    with pytest.raises(TenfoldError, match=message):
        load_classifier("bad")
    code, out, err = shell("recipes", "--json")
    assert code == 0
    assert "bad" not in {row["name"] for row in json.loads(out)["recipes"]}
    assert err.startswith(f"tenfold: {message}")
    assert err.count("\n") == 1


def test_a_classifier_that_fails_is_one_line(
    install: Install, digit_png: Path, shell: Shell
) -> None:
    install("[tenfold.classifiers]\nbroken = my_digits:Broken\n")
    code, _, err = shell("read", "--single", "--model", "broken", str(digit_png))
    assert code == 1
    assert err.count("\n") == 1
    assert "broken: predict_proba failed: ValueError: no digits today" in err


def test_two_packages_with_one_name(install: Install) -> None:
    install()
    install(ENTRY_POINTS.replace("my_digits", "others"), "others")
    with pytest.raises(UsageError, match=r"both have wide in tenfold\.recipes; uninstall"):
        load_recipe("wide")
