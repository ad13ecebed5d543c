import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import answers, outputs_of_layers

from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import MissingExtraError, TrainingError, UsageError
from tenfold.networks.backend import seeded, use_backend
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.recipe import count_parameters, describe
from tenfold.recipes.serialization import override
from tenfold.training.keras_file import check_parity
from tenfold.training.members import fit_members, graph_of_members

pytestmark = pytest.mark.usefixtures("tensorflow")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_keras_builds_what_the_description_says(recipe) -> None:
    network = build_network(recipe)
    trainable = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    assert recipe.members * trainable == count_parameters(recipe)
    outputs = outputs_of_layers(network).output
    for row in describe(recipe)[1:]:
        assert tuple(outputs[row.name].shape[1:]) == row.output_shape, row.name


def test_functional_and_sequential_are_one_network(mnist) -> None:
    article = recipe_named("article")
    functional = build_network(article, api="functional")
    sequential = build_network(article, api="sequential")
    images = mnist.train_images[:64]
    before = np.abs(answers(functional, images) - answers(sequential, images))
    assert before.max() > 1e-3  # other weights, other answers
    sequential.set_weights(functional.get_weights())
    np.testing.assert_array_equal(answers(functional, images), answers(sequential, images))


def test_channels_first_is_rejected_on_tensorflows_cpu() -> None:
    with pytest.raises(TrainingError, match="channels_last"):
        build_network(recipe_named("article"), data_format="channels_first")


def test_temperature_softens_and_keeps_the_order(mnist) -> None:
    plain = recipe_named("conv")
    images = mnist.train_images[:100]
    trained = build_network(plain, precision="bfloat16")
    sharp = answers(finish_network(plain, trained), images)
    soft = finish_network(override(plain, {"temperature": 2.0}), trained)
    expected = sharp**0.5 / (sharp**0.5).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers(soft, images), expected, atol=1e-5)


def test_a_finished_network_is_float32_throughout() -> None:
    recipe = recipe_named("standard")
    finished = finish_network(recipe, build_network(recipe, precision="bfloat16"))
    assert {layer.compute_dtype for layer in finished.layers[1:]} == {"float32"}


@pytest.mark.parametrize(("floats", "policy"), [("float32", "mixed_float16"), ("float64", None)])
def test_the_precision_of_the_program_is_not_that_of_tenfold(
    floats: str, policy: str | None, mnist
) -> None:
    import keras

    images, labels = mnist.train_images[:200], mnist.train_labels[:200]
    changes = {"epochs": 1, "batch_size": 100, "members": 2, "optimizer.name": "muon"}
    recipe = override(recipe_named("mlp"), changes)
    keras.config.set_floatx(floats)
    keras.config.set_dtype_policy(policy or floats)
    try:
        network, graph = graph_of_members(recipe, fit_members(recipe, images, labels, seed=0))
        assert network.output.dtype == "float32"
        check_parity(network, OnnxClassifier(graph), images)
        assert keras.config.floatx() == floats
        assert keras.config.dtype_policy().name == (policy or floats)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def test_threads_that_seed_do_not_disturb_each_other() -> None:
    def draw(seed: int) -> list[float]:
        drawn = []
        with seeded(seed):
            for _ in range(3):
                drawn.append(random.random())
                time.sleep(0.05)
        return drawn

    wanted = [draw(0), draw(1)]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(draw, [0, 1])) == wanted


def test_backends() -> None:
    assert use_backend() == "tensorflow"
    with pytest.raises(UsageError, match="there are: tensorflow, jax, torch"):
        use_backend("mxnet")
    with pytest.raises(TrainingError, match="already runs on tensorflow"):
        use_backend("jax")


def test_without_keras_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.networks.backend.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tenfold\[train\]"):
        use_backend()


LEAN = """
import sys
from tenfold.networks.backend import OPTIONAL, use_backend
use_backend("tensorflow", lean=True)
print([name for name in OPTIONAL if name in sys.modules])
import matplotlib.pyplot, pandas, sklearn
"""


@pytest.mark.long
def test_lean_imports_leave_out_what_is_not_used_and_hide_nothing_later() -> None:
    run = subprocess.run([sys.executable, "-c", LEAN], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


JAX_STEPS = """
import sys
import numpy as np
from tenfold.networks.backend import use_backend
assert use_backend("jax") == "jax"
from tenfold.data.mnist import load_mnist
from tenfold.networks.build import build_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override
from tenfold.training.keras_file import check_parity
from tenfold.training.members import fit_members, graph_of_members
from tenfold.training.loop import fit
images, labels = load_mnist("train")
for name in sys.argv[1:]:
    short = override(recipe_named(name), {"epochs": 1, "cooldown_epochs": 0, "batch_size": 32})
    trained = fit(short, images[:32], labels[:32], backend="jax")
    assert np.isfinite(trained.history[0]["loss"]), name
# As on a GPU: the whole epoch is one program.
fast = override(recipe_named("fast"), {"epoch_images": 2000, "batch_size": 50})
whole, parts = (fit(fast, images[:2000], labels[:2000], steps_at_once=n) for n in (40, 7))
for a, b in zip(whole.network.get_weights(), parts.network.get_weights(), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-4)
assert (whole.network.predict(images[-500:], verbose=0).argmax(1) == labels[-500:]).mean() > 0.9
last = build_network(recipe_named("conv"), data_format="channels_last")
first = build_network(recipe_named("conv"), data_format="channels_first")
first.set_weights(last.get_weights())
a, b = (n.predict(images[:20], verbose=0) for n in (last, first))
np.testing.assert_allclose(a, b, atol=1e-5)
assert np.ptp(a) > 0.01
"""


@pytest.mark.parametrize(
    "names",
    [
        # XLA takes seconds to compile a network.
        pytest.param(["conv"], marks=pytest.mark.engines),
        pytest.param(sorted({recipe.name for recipe in RECIPES}), marks=pytest.mark.slow),
    ],
    ids=len,
)
def test_one_step_on_jax_and_both_data_formats(names: list[str]) -> None:
    pytest.importorskip("jax")
    result = subprocess.run(
        [sys.executable, "-c", JAX_STEPS, *names], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
