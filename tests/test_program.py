"""The compiled steps do what Keras's own training would have done."""

from typing import get_args

import numpy as np
import pytest
from conftest import answers

from tenfold.networks.build import build_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Loss
from tenfold.recipes.serialization import override
from tenfold.training.loop import fit
from tenfold.training.losses import keras_loss, losses_of, mean_loss
from tenfold.training.optimizers import build_optimizer
from tenfold.training.program import compile_steps

pytestmark = pytest.mark.usefixtures("tensorflow")

STEPS, BATCH = 5, 50
FAST = override(
    recipe_named("fast"), {"precision": "float32", "batch_size": BATCH, "epoch_images": 250}
)


def chunk(mnist) -> tuple[np.ndarray, np.ndarray]:
    images = mnist.train_images[: STEPS * BATCH].reshape(STEPS, BATCH, 28, 28)
    targets = np.eye(10, dtype=np.float32)[mnist.train_labels[: STEPS * BATCH]]
    return images, targets.reshape(STEPS, BATCH, 10)


@pytest.mark.parametrize(
    ("optimizer", "loss_name"),
    [("adam", "categorical_crossentropy"), ("muon", "categorical_crossentropy"),
     ("adam", "mean_squared_error"), ("adam", "categorical_focal_crossentropy")],
)  # fmt: skip
def test_it_trains_like_keras(mnist, optimizer: str, loss_name: str) -> None:
    recipe = override(
        FAST, {"loss": loss_name, "optimizer.name": optimizer, "optimizer.learning_rate": 0.003,
               "layers.0.batch_norm": False, "layers.1.batch_norm": False,
               "label_smoothing": 0.0 if loss_name == "mean_squared_error" else 0.2},
    )  # fmt: skip
    ours, keras_own = build_network(recipe), build_network(recipe)
    keras_own.set_weights(ours.get_weights())
    before = ours.get_weights()
    images, targets = chunk(mnist)
    keras_own.compile(
        build_optimizer(recipe.optimizer, recipe.schedule, STEPS),
        keras_loss(recipe.loss, recipe.label_smoothing),
    )
    losses = [float(keras_own.train_on_batch(x, y)) for x, y in zip(images, targets, strict=True)]
    built = build_optimizer(recipe.optimizer, recipe.schedule, STEPS)
    built.build(ours.trainable_variables)
    program = compile_steps(ours, built, recipe.label_smoothing, recipe.loss)
    loss, hits, deficits = program(images, targets)
    assert loss == pytest.approx(sum(losses), rel=1e-4)
    assert 0 < hits < STEPS * BATCH
    assert deficits.shape == (STEPS, BATCH)
    for start, a, b in zip(before, ours.get_weights(), keras_own.get_weights(), strict=True):
        assert np.abs(a - start).max() > 1e-3
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.parametrize(("filters", "scale"), [(16, True), (6, True), (8, False), (6, False)])
def test_fused_normalization_is_keras_normalization(mnist, filters: int, scale: bool) -> None:
    recipe = override(FAST, {"layers.0.filters": filters, "layers.0.norm_scale": scale})
    networks = [build_network(recipe, fused=fused) for fused in (False, True)]
    networks[1].set_weights(networks[0].get_weights())
    kinds = {type(network.get_layer("conv1_norm")).__name__ for network in networks}
    assert kinds == {"BatchNormalization", "FusedBatchNormalization"}
    recipe = override(recipe, {"optimizer.name": "sgd", "optimizer.learning_rate": 0.1})
    for network in networks:
        optimizer = build_optimizer(recipe.optimizer, recipe.schedule, STEPS)
        optimizer.build(network.trainable_variables)
        compile_steps(network, optimizer, recipe.label_smoothing, recipe.loss)(*chunk(mnist))
    names = [variable.path for variable in networks[0].variables]
    for name, a, b in zip(names, *(n.get_weights() for n in networks), strict=True):
        # The fused variance is divided by n - 1, not n: by one in 450 here.
        np.testing.assert_allclose(a, b, rtol=5e-3, atol=1e-4, err_msg=name)
    a, b = (answers(network, mnist.train_images[:100]) for network in networks)
    np.testing.assert_allclose(a, b, atol=2e-3)
    assert np.ptp(a) > 0.05


def test_the_size_of_chunks_does_not_change_the_result(mnist) -> None:
    # 7 steps: chunks of 2 leave a rest.
    recipe = override(FAST, {"epoch_images": 7 * BATCH, "epochs": 2})
    images, labels = mnist.train_images[:1000], mnist.train_labels[:1000]
    runs = [
        fit(recipe, images, labels, deterministic=True, steps_at_once=count) for count in (2, 7)
    ]
    for a, b in zip(runs[0].network.get_weights(), runs[1].network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert runs[0].history[1]["loss"] == pytest.approx(runs[1].history[1]["loss"], rel=1e-6)


def test_orthogonalizing_changes_only_the_singular_values() -> None:
    from tenfold.training.muon import NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS, orthogonalized

    a, b, c = NEWTON_SCHULZ
    rng = np.random.default_rng(0)
    for shape in ((25, 16), (16, 25), (64, 64)):
        matrix = rng.normal(size=shape).astype(np.float32)
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        values /= np.linalg.norm(values)
        for _ in range(NEWTON_SCHULZ_STEPS):
            values = a * values + b * values**3 + c * values**5
        result = np.array(orthogonalized(matrix))
        np.testing.assert_allclose(result, left * values @ right, atol=1e-4)
    assert np.median(values) == pytest.approx(1, abs=0.25)


def test_adam_updates_what_is_not_a_matrix(mnist) -> None:
    import keras

    recipe = override(FAST, {"optimizer.learning_rate": 0.01, "schedule.shape": "constant"})
    networks = [build_network(recipe), build_network(recipe)]
    networks[1].set_weights(networks[0].get_weights())
    adam = keras.optimizers.Adam(0.01, beta_2=recipe.optimizer.beta_2)
    muon = build_optimizer(recipe.optimizer, recipe.schedule, 10)
    for network, optimizer in zip(networks, (muon, adam), strict=True):
        rng = np.random.default_rng(1)
        optimizer.build(network.trainable_variables)
        for _ in range(3):
            gradients = [rng.normal(size=v.shape) for v in network.trainable_variables]
            optimizer.apply([keras.ops.cast(g, "float32") for g in gradients])
    for name in ("logits", "conv1_norm"):
        pairs = zip(*(n.get_layer(name).get_weights() for n in networks), strict=True)
        for ours, kerass in pairs:
            np.testing.assert_allclose(ours, kerass, atol=1e-5)
    dense = [network.get_layer("dense1").get_weights()[0] for network in networks]
    assert np.abs(dense[0] - dense[1]).max() > 1e-3  # a matrix does not


def test_muon_decays_weights_by_rate_and_decay(mnist) -> None:
    recipe = override(FAST, {"optimizer.weight_decay": 0.5, "optimizer.learning_rate": 0.01,
                             "schedule.shape": "constant"})  # fmt: skip
    network = build_network(recipe)
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, 10)
    optimizer.build(network.trainable_variables)
    before = network.get_layer("conv2_sums").get_weights()[0]
    optimizer.apply([np.zeros(v.shape, np.float32) for v in network.trainable_variables])
    after = network.get_layer("conv2_sums").get_weights()[0]
    np.testing.assert_allclose(after, before * (1 - 0.01 * 0.5), rtol=1e-5)


@pytest.mark.parametrize("loss", get_args(Loss))
def test_losses_are_those_of_keras_in_every_form(loss: Loss) -> None:
    from keras import ops

    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (40, 10)).astype(np.float32)
    targets = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 40)]
    probabilities = ops.convert_to_numpy(ops.softmax(logits))
    expected = float(keras_loss(loss, 0.0)(targets, probabilities))
    found = ops.convert_to_numpy(losses_of(loss, ops.convert_to_tensor(logits), targets))
    assert found.shape == (40,)
    assert found.mean() == pytest.approx(expected, rel=1e-4)
    assert mean_loss(loss, probabilities, targets) == pytest.approx(expected, rel=1e-4)
