"""SOAP: Adam along the directions in which gradients vary."""

import numpy as np
import pytest

from tenfold.errors import TrainingError
from tenfold.networks.build import build_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.training.loop import fit
from tenfold.training.optimizers import build_optimizer

pytestmark = pytest.mark.usefixtures("tensorflow")
NANO = recipe_named("nano")


def test_a_narrow_valley_across_the_axes() -> None:
    """Noisy gradients of a quadratic 10,000 times as steep one way as the other."""
    import keras
    import tensorflow as tf

    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    steep = turn @ np.diag([1.0, 1e-4]) @ turn.T

    def left_after(optimizer) -> float:
        place = keras.Variable(turn @ [1.0, 100.0], dtype="float32")
        optimizer.build([place])
        rng = np.random.default_rng(0)
        for _ in range(400):
            gradient = steep @ np.array(place) + turn @ (rng.normal(size=2) * [1e-2, 1e-4])
            optimizer.apply([tf.constant(gradient, tf.float32)], [place])
        here = np.array(place)
        return float(here @ steep @ here)

    from tenfold.training.soap import Soap

    along = left_after(Soap(0.5))
    assert along < 0.3 * left_after(keras.optimizers.Adam(0.5, beta_2=0.99))


def test_directions_become_eigenvectors(mnist) -> None:
    from tenfold.training.soap import BASIS_STEPS

    recipe = override(NANO, {"epochs": 1, "batch_size": 50, "epoch_images": 50 * BASIS_STEPS})
    trained = fit(recipe, mnist.train_images[:5000], mnist.train_labels[:5000])
    assert trained.history[0]["accuracy"] > 0.3
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, 10)
    network = build_network(recipe)
    optimizer.build(network.trainable_variables)
    rng = np.random.default_rng(0)
    for _ in range(BASIS_STEPS):
        gradients = [rng.normal(size=v.shape) for v in network.trainable_variables]
        optimizer.apply([g.astype(np.float32) for g in gradients], network.trainable_variables)
    own = {variable.name: np.array(variable) for variable in optimizer.variables}
    turned = own["directions"].T @ own["products"] @ own["directions"]
    np.testing.assert_allclose(turned, np.diag(own["square"]), atol=1e-4)
    assert own["square"].min() >= 0


def test_a_large_network_is_rejected() -> None:
    recipe = override(recipe_named("softmax"), {"optimizer.name": "soap"})
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, 10)
    with pytest.raises(TrainingError, match=r"has 7,850 weights; .* takes at most 2,000"):
        optimizer.build(build_network(recipe).trainable_variables)
