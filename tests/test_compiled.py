"""Recipes as compiled Keras models: Keras's own fit and evaluate."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import answers

import tenfold
from tenfold.errors import UsageError
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.layers import Dropout
from tenfold.recipes.serialization import override


@pytest.fixture
def few(mnist) -> tuple[np.ndarray, np.ndarray]:
    return mnist.train_images[:1000], mnist.train_labels[:1000]


def test_the_article_is_compiled_as_the_article_says(tensorflow) -> None:
    model = tenfold.build_model("article")
    assert model.input_shape == (None, 28, 28, 1)
    assert model.count_params() == 1_045_576
    assert type(model.optimizer).__name__ == "Adadelta"
    assert float(model.optimizer.learning_rate) == 1.0
    names = [type(layer).__name__ for layer in model.layers]
    assert names == [
        "InputLayer", "Conv2D", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dense",
        "Activation",
    ]  # fmt: skip


@pytest.mark.parametrize(("images", "labels"), [("unit", "one-hot"), ("bytes", "integers")])
def test_it_fits_and_evaluates(tensorflow, few, images: Any, labels: Any) -> None:
    import keras

    model = tenfold.build_model("softmax", images=images, labels=labels, train_size=1000)
    x, y = few
    x = x[..., None] / np.float32(255) if images == "unit" else x
    y = keras.utils.to_categorical(y, 10) if labels == "one-hot" else y
    model.fit(x, y, batch_size=128, epochs=6, verbose=0)
    _, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.8
    classifier = tenfold.from_keras(model, scale=1 / 255 if images == "unit" else None)
    right = classifier.predict_proba(few[0]).argmax(axis=1) == few[1]
    assert right.mean() == pytest.approx(accuracy, abs=0.002)


def test_both_forms_compute_the_same(tensorflow, few) -> None:
    units, numbers = (tenfold.build_model("fast", images=form) for form in ("unit", "bytes"))
    numbers.set_weights(units.get_weights())
    x = few[0][:20]
    expected = answers(units, x[..., None] / np.float32(255))
    np.testing.assert_allclose(answers(numbers, x), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["fast", "nano"])
def test_models_with_optimizers_of_tenfold_can_be_saved(
    tensorflow, few, tmp_path: Path, name: str
) -> None:
    import keras

    model = tenfold.build_model(name, images="bytes", train_size=1000, epochs=1)
    targets = keras.utils.to_categorical(few[1], 10)
    model.fit(few[0], targets, batch_size=250, verbose=0)
    model.save(tmp_path / "mine.keras")
    loaded = keras.models.load_model(tmp_path / "mine.keras")
    assert type(loaded.optimizer) is type(model.optimizer)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    np.testing.assert_array_equal(answers(loaded, few[0][:5]), answers(model, few[0][:5]))


@pytest.mark.parametrize("shape", ["constant", "one-cycle"])
@pytest.mark.parametrize("name", ["fast", "nano"])
def test_optimizers_of_tenfold_train_in_a_program_of_float64(
    tensorflow, few, name: str, shape: str
) -> None:
    import keras

    recipe = override(recipe_named(name), {"schedule.shape": shape})
    targets = keras.utils.to_categorical(few[1], 10)
    keras.config.set_floatx("float64")
    try:
        model = tenfold.build_model(recipe, images="bytes", train_size=1000, epochs=1)
        before = model.get_weights()
        model.fit(few[0], targets, batch_size=250, verbose=0)
    finally:
        keras.config.set_floatx("float32")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


def test_the_learning_rate_ends_at_0_after_the_given_epochs(tensorflow) -> None:
    schedule = tenfold.build_model("mlp", epochs=2, batch_size=100, train_size=1000)
    rate = schedule.optimizer._learning_rate
    assert float(rate(0)) < float(rate(5)) == pytest.approx(0.003)
    assert float(rate(20)) == 0


def test_classes_and_recipes_of_one_s_own(tensorflow) -> None:
    recipe = replace(recipe_named("conv"), layers=(*recipe_named("conv").layers, Dropout(0.1)))
    assert tenfold.build_model(recipe, classes=26).output_shape == (None, 26)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": "ensemble"}, "trains 5 networks"),
        ({"recipe": "fast", "labels": "integers"}, "smooths its labels by 0.2"),
        ({"images": "floats"}, "images is 'floats'; it must be one of bytes, unit"),
        ({"labels": "words"}, "labels is 'words'"),
        ({"recipe": "nonsense"}, "nonsense"),
        ({"classes": 1}, "classes is 1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0.5}, "batch_size is 0.5"),
    ],
)
def test_what_cannot_be_built_is_one_line(tensorflow, arguments: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tenfold.build_model(**arguments)
