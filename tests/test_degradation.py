"""Degraded training images."""

import numpy as np
import pytest
from conftest import Mnist

from tenfold import load_classifier
from tenfold.augmentation.degradation import DEGRADATIONS, degrade
from tenfold.evaluation.corruptions import CORRUPTIONS
from tenfold.recipes.recipe import Augmentation
from tenfold.training.batches import Batches


@pytest.mark.parametrize("number", range(len(DEGRADATIONS)))
def test_each_changes_an_image_and_leaves_the_digit_readable(mnist: Mnist, number: int) -> None:
    images, labels = mnist.test_images[:150], mnist.test_labels[:150]
    rng = np.random.default_rng(number)
    degraded = np.stack(
        [DEGRADATIONS[number](image.astype(np.float32) / 255, rng) for image in images]
    )
    assert degraded.shape == images.shape
    assert np.isfinite(degraded).all()
    seen = np.rint(255 * np.clip(degraded, 0, 1)).astype(np.uint8)
    assert (seen != images).any(axis=(1, 2)).mean() > 0.8
    right = load_classifier("reader").predict_proba(seen).argmax(axis=1) == labels
    assert right.mean() > 0.85


def test_the_same_draws_give_the_same_and_the_images_stay(mnist: Mnist) -> None:
    images = mnist.test_images[:200]
    before = images.copy()
    once, again = (degrade(images, 0.5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(images, before)
    assert 0.35 < (once != images).any(axis=(1, 2)).mean() < 0.6
    np.testing.assert_array_equal(degrade(images, 0.0, np.random.default_rng(3)), images)


def test_none_is_a_function_of_mnist_c() -> None:
    assert not set(DEGRADATIONS) & set(CORRUPTIONS.values())


def test_batches_have_their_share(mnist: Mnist) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    known = {image.tobytes() for image in images}
    epochs = Batches(images, labels, 100, Augmentation(degraded=0.5), seed=1).epochs(range(1), 5)
    ((shown, _),) = next(epochs)
    changed = np.array([[image.tobytes() not in known for image in batch] for batch in shown])
    assert 0.35 < changed.mean() < 0.6
