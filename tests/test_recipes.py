import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.errors import UsageError
from tenfold.recipes.catalog import DEFAULT, RECIPES, recipe_named
from tenfold.recipes.layers import Conv, Dropout, Flatten
from tenfold.recipes.recipe import (
    count_operations,
    count_parameters,
    count_training_operations,
    describe,
    layer_names,
)
from tenfold.recipes.recipe_file import load_recipe, recipe_text
from tenfold.recipes.serialization import override, recipe_from_dict, recipe_to_dict

NANO = recipe_named("nano")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_round_trip_through_json(recipe) -> None:
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe)))) == recipe


def test_article_is_the_articles() -> None:
    article = recipe_named("article")
    assert count_parameters(article) == 1_045_576
    assert (article.epochs, article.batch_size) == (12, 500)
    assert (article.optimizer.name, article.optimizer.learning_rate) == ("adadelta", 1.0)
    shapes = [row.output_shape for row in describe(article)]
    assert shapes == [
        (28, 28), (28, 28, 1), (26, 26, 32), (24, 24, 64), (8, 8, 64), (8, 8, 64), (4096,),
        (250,), (10,), (10,),
    ]  # fmt: skip


def test_operations_are_counted_as_by_hand() -> None:
    # softmax: 784 products and as many sums for each of ten digits.
    assert count_operations(recipe_named("softmax")) == 2 * 784 * 10
    by_hand = 2 * (26 * 26 * 9 * 32 + 24 * 24 * 9 * 32 * 64 + 8 * 8 * 64 * 250 + 250 * 10)
    assert count_operations(recipe_named("article")) == by_hand
    backward_of_the_first = 2 * 26 * 26 * 9 * 32
    trained = count_training_operations(recipe_named("article"))
    assert trained == 3 * by_hand - backward_of_the_first


def test_recipes_are_listed_from_simple_to_the_default() -> None:
    names = [recipe.name for recipe in RECIPES]
    assert names == [
        "softmax", "mlp", "conv", "article", "article-today", "nano", "tiny", "fast", "standard",
        "reader", "best", "ensemble",
    ]  # fmt: skip
    assert DEFAULT == "standard"


def test_overlapping_pools_and_dilation_see_what_strides_see_from_every_place() -> None:
    rows = {row.name: row for row in describe(NANO)}
    assert rows["conv1"].output_shape == (27, 27, 5)
    assert rows["conv4"].output_shape == (11, 11, 11)
    assert rows["conv2"].parameters == 9 * 5 + 5 * 7 + 7  # no scale: one shift a filter
    assert rows["depthwise1"].output_shape == (5, 5, 11)
    assert rows["depthwise1"].parameters == 9 * 11
    assert rows["depthwise1"].operations == 2 * 5 * 5 * 9 * 11
    assert count_parameters(NANO) <= 700
    assert "dilation 2" in rows["conv2"].purpose
    assert "2x2 at every place" in rows["conv1"].purpose


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers.2.dilation": 0}, "at least 1"),
        ({"layers.2.stride": 2, "layers.2.dilation": 2}, "both above 1"),
        ({"layers.2.dilation": 20}, "a kernel of 41 does not fit on 27x27"),
        ({"layers.5.kernel_size": 0}, "at least 1"),
        ({"layers.5.dilation": 6}, "a kernel of 13 does not fit on 11x11"),
    ],
)
def test_invalid_dilations_are_rejected(settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        override(NANO, settings)


def test_article_today_differs_only_in_the_rate() -> None:
    today = override(recipe_named("article-today"), {"optimizer.learning_rate": 1.0})
    article = recipe_to_dict(recipe_named("article"))
    changed = recipe_to_dict(today)
    for key in ("name", "summary"):
        del article[key], changed[key]
    assert changed == article


def test_override_reaches_every_kind_of_setting() -> None:
    settings = {"epochs": 3, "optimizer.learning_rate": 2, "layers.3.rate": 0.25,
                "augmentation.shift_pixels": 1, "layers.0.activation": "tanh"}  # fmt: skip
    recipe = override(recipe_named("article"), settings)
    assert recipe.epochs == 3
    assert recipe.optimizer.learning_rate == 2.0
    assert isinstance(recipe.optimizer.learning_rate, float)
    assert recipe.layers[3] == Dropout(0.25)
    assert recipe.augmentation.shift_pixels == 1
    assert recipe.layers[0] == Conv(32, activation="tanh")
    assert recipe_named("article").epochs == 12
    assert type(override(recipe, {"epochs": np.int64(4)}).epochs) is int


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "no setting 'epoch' .did you mean epochs"),
        ({"optimizer.rate": 3}, "did you mean learning_rate.*; there are: name, learning_rate"),
        ({"layers.9.rate": 0.1}, "numbered 0 to 5"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 2.5}, "must be of type int"),
        ({"epochs": True}, "must be of type int"),
        ({"epochs": np.float64(2.5)}, "must be of type int"),
        ({"summary": "\ud800"}, r"summary is '.ud800'; it must be text that UTF-8 can hold"),
        ({"batch_size": 100_000}, "batch_size"),
        ({"optimizer.name": "magic"}, "must be one of adam"),
        ({"optimizer.learning_rate": math.nan}, "learning_rate is nan"),
        ({"optimizer.learning_rate": -1.0}, "learning_rate"),
        ({"layers.3.rate": 1.0}, "layers.3"),
        ({"layers.0.kernel_size": 29}, "does not fit on 28x28"),
        ({"layers.2.size": 25}, "does not fit on 24x24"),
        ({"layers": []}, "must give one row"),
        ({"layers": [{"kind": "dense", "units": 3}]}, "put flatten before it"),
        ({"layers": [{"kind": "cnov"}]}, "no kind of layer 'cnov' .did you mean conv"),
        ({"layers": [{"kind": []}]}, "no kind of layer .*there are: conv"),
        ({"rotation_degree": 5}, "did you mean augmentation.rotation_degrees"),
        ({"layers": [{"kind": "conv"}]}, "lacks the setting 'filters'"),
        ({"layers": [{"kind": "flatten"}, {"kind": "conv", "filters": 3}]}, "before flatten"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
    ],
)
def test_invalid_settings_are_rejected(settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        override(recipe_named("article"), settings)


def test_a_recipe_made_in_python_is_checked_too() -> None:
    assert load_recipe(recipe_named("fast")) == recipe_named("fast")
    for change in ({"epochs": 1.5}, {"batch_size": 0}, {"summary": "\udcff"}):
        with pytest.raises(UsageError, match=next(iter(change))):
            load_recipe(replace(recipe_named("fast"), **change))


def test_a_retired_setting_may_only_be_off() -> None:
    data = recipe_to_dict(recipe_named("fast"))
    data["augmentation"]["upstroke"] = 0.0
    assert recipe_from_dict(data) == recipe_named("fast")
    data["augmentation"]["upstroke"] = 0.5
    with pytest.raises(UsageError, match="no setting 'upstroke'"):
        recipe_from_dict(data)


def test_names_count_within_their_kind() -> None:
    names = layer_names(recipe_named("article"))
    assert names == ("conv1", "conv2", "pool1", "dropout1", "flatten1", "dense1")


def test_recipe_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(recipe_to_dict(recipe_named("mlp"))))
    assert load_recipe(path) == recipe_named("mlp")
    path.write_text("{")
    with pytest.raises(UsageError, match="is not JSON"):
        load_recipe(path)
    path.write_text("[]")
    with pytest.raises(UsageError, match="must be an object"):
        load_recipe(path)
    with pytest.raises(UsageError, match="cannot read"):
        load_recipe(tmp_path / "absent.json")
    with pytest.raises(UsageError, match="there are: softmax, mlp"):
        load_recipe("best-ever")


def test_a_file_may_name_only_what_differs(tmp_path: Path) -> None:
    def write(name: str, data: object) -> Path:
        (tmp_path / name).write_text(json.dumps(data))
        return tmp_path / name

    changes = {
        "from": "article",
        "epochs": 5,
        "optimizer": {"name": "adam", "learning_rate": 0.002},
        "layers.3.rate": 0.25,
    }
    recipe = load_recipe(write("first.json", changes))
    assert recipe == override(
        recipe_named("article"),
        {"epochs": 5, "optimizer.name": "adam", "optimizer.learning_rate": 0.002,
         "layers.3.rate": 0.25},
    )  # fmt: skip
    second = load_recipe(write("second.json", {"from": "first.json", "batch_size": 100}))
    assert second == replace(recipe, batch_size=100)
    fewer = load_recipe(write("fewer.json", {"from": "conv", "layers": [{"kind": "flatten"}]}))
    assert fewer.layers == (Flatten(),)
    for data, message in (
        ({"from": "articl"}, "did you mean article"),
        ({"from": 3}, "from is 3"),
        ({"from": "absent.json"}, "cannot read the recipe"),
        ({"from": "article", "epoch": 3}, "bad.json: no setting"),
        ({"from": "article", "epochs": -3}, "bad.json: epochs is -3"),
        ({"from": "bad.json"}, "a circle"),
        ([1], "bad.json: recipe must be an object"),
    ):
        with pytest.raises(UsageError, match=message):
            load_recipe(write("bad.json", data))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_text_of_a_recipe_is_indented_and_the_same_recipe(recipe, tmp_path: Path) -> None:
    text = recipe_text(recipe)
    (tmp_path / "mine.json").write_text(text)
    assert load_recipe(tmp_path / "mine.json") == recipe
    layers = [line for line in text.splitlines() if line.startswith('    {"kind": ')]
    assert len(layers) == len(recipe.layers)


def test_a_recipe_written_into_a_file_can_be_trained(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tenfold", "recipes", "article"]
    path = tmp_path / "mine.json"
    with path.open("w") as out:
        subprocess.run(command, stdout=out, check=True)
    assert load_recipe(path) == recipe_named("article")
    piped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1,045,576" in piped
    asked = subprocess.run([*command, "--file"], capture_output=True, text=True, check=True)
    assert asked.stdout == path.read_text()
    assert "--recipe FILE" in asked.stderr


def test_settings_are_a_dict() -> None:
    with pytest.raises(UsageError, match="settings is of type str: give a dict"):
        override(recipe_named("fast"), "epochs=3")  # type: ignore[arg-type]
