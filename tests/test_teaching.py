"""A network that learns what another one says."""

import logging

import numpy as np
import pytest

from tenfold.errors import UsageError
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Augmentation
from tenfold.recipes.serialization import override
from tenfold.training.batches import Batches
from tenfold.training.loop import fit
from tenfold.training.teaching import lesson
from tenfold.training.train import train

pytestmark = pytest.mark.usefixtures("tensorflow")
SOFTMAX = override(recipe_named("softmax"), {"epochs": 1, "batch_size": 50})
TAUGHT = override(SOFTMAX, {"teacher": "conv", "teacher_temperature": 2.0})


def test_a_teacher_gives_its_softened_answers(mnist) -> None:
    conv = override(recipe_named("conv"), {"temperature": 0.2})
    network = build_network(conv)
    images = mnist.train_images[:60]
    said = finish_network(conv, network).predict(images, verbose=0)
    for temperature, power in ((1.0, 1.0), (2.0, 0.5)):
        found = lesson(conv, network, images, temperature)
        assert found.dtype == np.float32
        expected = said**power / (said**power).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_batches_give_out_the_lesson_and_nothing_for_what_is_no_digit(mnist) -> None:
    images, labels = mnist.train_images[:100], mnist.train_labels[:100]
    said = np.random.default_rng(0).dirichlet(np.ones(10), 100).astype(np.float32)
    batches = Batches(images, labels, 50, Augmentation(not_digits=0.2), seed=1, targets=said)
    (((shown, targets),),) = [list(epoch) for epoch in batches.epochs(range(1), 2)]
    assert shown.shape == (2, 50, 28, 28)
    assert np.allclose(targets[:, :10], 0.1)
    taught = {tuple(row) for row in targets[:, 10:].reshape(-1, 10)}
    assert len(taught) == 80
    assert taught < {tuple(row) for row in said}


def test_the_student_learns_what_its_teacher_says(mnist, caplog) -> None:
    images, labels = mnist.train_images[:1000], mnist.train_labels[:1000]
    wrong = ((labels.astype(int) + 1) % 10).astype(np.uint8)
    caplog.set_level(logging.INFO)
    rows: list[object] = []
    taught = fit(override(TAUGHT, {"epochs": 10}), images, wrong, on_epoch=rows.append)
    assert "first its teacher, conv" in caplog.text
    assert len(rows) == len(taught.history) == 10
    read = taught.network.predict(mnist.test_images[:500], verbose=0).argmax(axis=1)
    # The teacher was taught to say one more.
    assert (read == (mnist.test_labels[:500].astype(int) + 1) % 10).mean() > 0.7


def test_a_teacher_makes_another_network(mnist) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    alone = fit(SOFTMAX, images, labels).network.get_weights()
    taught, again = (fit(TAUGHT, images, labels).network.get_weights() for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(taught, again, strict=True))
    assert not np.allclose(taught[0], alone[0], atol=1e-4)


def test_a_finished_teacher_is_not_trained_again(mnist, tmp_path, caplog) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    whole = fit(TAUGHT, images, labels, checkpoints=tmp_path)
    assert list((tmp_path / "teacher").glob("epoch-*.ckpt"))
    for path in tmp_path.glob("epoch-*.ckpt"):
        path.unlink()  # as if killed between the two
    caplog.set_level(logging.INFO)
    resumed = fit(TAUGHT, images, labels, checkpoints=tmp_path)
    assert caplog.text.count("epoch ") == 1  # the student's
    for one, other in zip(resumed.network.get_weights(), whole.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed.seconds > 0


@pytest.mark.parametrize(
    ("teacher", "message"),
    [("ensemble", "must be one network"), ("nobody", "no recipe is named 'nobody'")],
)
def test_who_cannot_teach_is_refused_before_anything_is_written(
    teacher: str, message: str, mnist, tmp_path
) -> None:
    recipe = override(SOFTMAX, {"teacher": teacher})
    with pytest.raises(UsageError, match=message):
        fit(recipe, mnist.train_images[:500], mnist.train_labels[:500])
    with pytest.raises(UsageError, match=message):
        train(recipe, train_size=500, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())
