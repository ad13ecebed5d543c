"""What a search may change about a recipe, and what the changes do."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tenfold.errors import UsageError
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.layers import Conv, Dropout
from tenfold.recipes.recipe import Optimizer, Recipe
from tenfold.recipes.serialization import override
from tenfold.tuning.changes import CHANGES, USUAL_RATES, apply_changes
from tenfold.tuning.space import (
    Choice,
    Range,
    default_space,
    edited,
    levels,
    space_from_dict,
    space_to_dict,
    start_values,
)

CONV = recipe_named("conv")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_start_is_the_recipe_itself(recipe: Recipe) -> None:
    space = default_space(recipe)
    assert apply_changes(recipe, start_values(recipe, space)) == recipe
    assert space_from_dict(recipe, space_to_dict(space)) == space
    assert "optimizer.name" in space
    start = start_values(recipe, space)
    for name, values in space.items():  # every level of every setting gives a recipe
        for value in levels(values, start[name]):
            apply_changes(recipe, {name: value})


def test_every_change_does_what_it_says() -> None:
    new = apply_changes(CONV, {
        "activation": "silu", "dropout_rate": 0.5, "filters_factor": 2, "depth": 1,
        "kernel_size": 3, "augmentation_factor": 0.5, "batch_size": 64,
    })  # fmt: skip
    convs = [layer for layer in new.layers if isinstance(layer, Conv)]
    assert [(c.filters, c.kernel_size, c.activation) for c in convs] == [
        (32, 3, "silu"), (32, 3, "silu"),
    ]  # fmt: skip
    assert convs[1].padding == "same"
    assert Dropout(0.5) in new.layers
    assert new.augmentation.rotation_degrees == 3.5
    assert new.batch_size == 64
    assert apply_changes(recipe_named("softmax"), {"dropout_rate": 0.25}).layers[-1] == Dropout(
        0.25
    )
    assert set(CHANGES) <= {"rate_factor", *default_space(CONV)}


def test_an_optimizer_comes_with_its_usual_rate() -> None:
    assert set(USUAL_RATES) == set(get_args(get_type_hints(Optimizer)["name"]))
    article = recipe_named("article")
    for name, rate in USUAL_RATES.items():
        optimizer = apply_changes(article, {"optimizer.name": name}).optimizer
        assert (optimizer.name, optimizer.learning_rate) == (name, rate)
    both = apply_changes(article, {"optimizer.name": "sgd", "rate_factor": 2})
    assert both.optimizer.learning_rate == 0.1
    plain = apply_changes(article, {"optimizer.name": "sgd", "optimizer.learning_rate": 0.3})
    assert plain.optimizer.learning_rate == 0.3


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("dropout_rate=0.1..0.5", Range(0.1, 0.5)),
        ("optimizer.learning_rate=0.001..0.1", Range(0.001, 0.1, log=True)),
        ("batch_size=32..512", Range(32, 512, log=True, whole=True)),
        ("depth=0..2", Range(0, 2, whole=True)),
        ("depth=0..2.0", Range(0, 2, whole=True)),
        ("dropout_rate=0..1e-1", Range(0, 0.1)),
        ("label_smoothing=0.1", Choice((0.1,))),
        ("activation=relu, silu", Choice(("relu", "silu"))),
        ("layers.0.batch_norm=true, false", Choice((True, False))),
        ("schedule.warmup=0.1..0.4", Range(0.1, 0.4)),
        ("layers.3.rate=0..0.9", Range(0, 0.9)),
    ],
)
def test_words_from_the_shell(words: str, values: Choice | Range) -> None:
    space = edited(CONV, default_space(CONV), words)
    name = words.partition("=")[0]
    found = space[name]
    if name == "layers.3.rate":
        assert isinstance(found, Range)
        assert found.high == 0.9
    else:
        assert found == values


def test_names_alone_and_files(tmp_path: Path) -> None:
    space = default_space(CONV)
    assert list(edited(CONV, space, "batch_size, depth")) == ["batch_size", "depth"]
    path = tmp_path / "space.json"
    path.write_text(json.dumps({"depth": [0, 1], "dropout_rate": "0..0.5", "batch_size": 64}))
    read = edited(CONV, space, str(path))
    assert list(read) == ["depth", "dropout_rate", "batch_size"]
    rate = edited(CONV, space, "optimizer.learning_rate=0.01")
    assert "rate_factor" not in rate  # two names for one thing


@pytest.mark.parametrize(
    "words",
    [
        "nonsense", "nonsense=1", "learning_rate=1", "dropout_rate=0.5..0.1", "batch_size=a..b",
        "optimizer.name=adam,sog", "activation=loud", "dropout_rate=0..1", "missing.json",
        "epochs=0..3", "kernel_size=99", "dropout_rate=", "filters_factor=1e400",
        "filters_factor=1e300", "depth=1000000", "depth=1.5", "depth=0,0.5", "depth=0..1.5",
        "kernel_size=3.5", "kernel_size=3..4.5", "batch_size=64.5", "batch_size=64,64",
        "dropout_rate=0,0.1,0", "name=a,b", "summary=a", "members=1,2", "tta_shifts=0,1",
        "temperature=1..2",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(words: str) -> None:
    with pytest.raises(UsageError):
        edited(CONV, default_space(CONV), words)


@pytest.mark.parametrize(
    ("name", "values"),
    [("dropout_rate", {"low": 0, "high": None}), ("dropout_rate", {"low": "a", "high": "b"}),
     ("dropout_rate", {"low": 0.1, "high": 0.3, "whole": True})],
)  # fmt: skip
def test_ranges_of_a_file_that_do_not_fit_are_refused(name: str, values: object) -> None:
    with pytest.raises(UsageError, match=name):
        space_from_dict(CONV, {name: values})


@pytest.mark.parametrize("words", ["depth=1.5", "depth=0,1", "kernel_size=3,5", "activation=tanh"])
def test_a_change_that_a_recipe_has_no_layer_for_is_refused(words: str) -> None:
    softmax = recipe_named("softmax")
    with pytest.raises(UsageError, match="softmax has no layer that"):
        edited(softmax, default_space(softmax), words)


def test_a_range_of_a_file_has_integers_if_the_setting_has() -> None:
    space = space_from_dict(CONV, {"batch_size": {"low": 32, "high": 512}})
    assert space == {"batch_size": Range(32, 512, whole=True)}


def test_where_the_space_leaves_the_recipe_out_the_start_is_the_nearest() -> None:
    space = default_space(CONV)
    for words in ("dropout_rate=0.4..0.6", "batch_size=32,64", "optimizer.name=sgd,muon"):
        space = edited(CONV, space, words)
    start = start_values(CONV, space)
    assert (start["dropout_rate"], start["batch_size"], start["optimizer.name"]) == (
        0.4, 64, "sgd",
    )  # fmt: skip


def test_batches_that_the_images_do_not_fill_are_left_out() -> None:
    assert CONV.batch_size == 128
    assert default_space(CONV, 100)["batch_size"] == Choice((64,))
    assert default_space(CONV, 50)["batch_size"] == Choice((128,))  # the search refuses it


def test_levels() -> None:
    assert levels(Choice((1, 2)), 3) == (3, 1, 2)
    assert levels(Range(0.1, 10, log=True), 1.0) == (0.1, 0.316, 1.0, 3.16, 10.0)
    assert levels(Range(0, 8, whole=True), 3) == (0, 2, 3, 4, 6, 8)


def test_unlike_dropouts_are_left_alone() -> None:
    twice = override(CONV, {"layers": [
        {"kind": "conv", "filters": 4}, {"kind": "dropout", "rate": 0.1},
        {"kind": "flatten"}, {"kind": "dropout", "rate": 0.2},
    ]})  # fmt: skip
    assert "dropout_rate" not in default_space(twice)
