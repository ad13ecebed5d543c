"""Digits as cuts leave them, and ones with an upstroke."""

import numpy as np
import pytest
from conftest import Mnist

from tenfold.augmentation.digit_forms import with_upstroke
from tenfold.augmentation.neighbors import badly_cut, with_leftovers
from tenfold.recipes.recipe import Augmentation
from tenfold.training.batches import Batches


def test_blank_and_faint_images_are_neighbors_too() -> None:
    """Digits of one's own may hold an empty picture."""
    rng = np.random.default_rng(0)
    images = np.zeros((3, 28, 28), np.uint8)
    images[1, 5:20, 10:14] = 20
    images[2, 5:20, 10:14] = 255
    for image in images:
        for _ in range(5):
            assert with_leftovers(image, images, rng).shape == (28, 28)
            cut = badly_cut(image, images, rng)
            assert cut is None or cut.shape == (28, 28)


def test_bits_of_neighbors_leave_the_digit_readable(mnist: Mnist) -> None:
    from tenfold import load_classifier

    rng = np.random.default_rng(0)
    images, labels = mnist.test_images[:300], mnist.test_labels[:300]
    crowded = np.stack([with_leftovers(image, images, rng) for image in images])
    assert crowded.shape == images.shape
    assert crowded.dtype == np.uint8
    assert (crowded != images).any(axis=(1, 2)).mean() > 0.8
    right = load_classifier("standard").predict_proba(crowded).argmax(axis=1) == labels
    assert right.mean() > 0.9  # of a network that never saw leftovers
    right = load_classifier("reader").predict_proba(crowded).argmax(axis=1) == labels
    assert right.mean() > 0.97


def test_the_shipped_reader_tells_bad_cuts_from_digits(mnist: Mnist) -> None:
    from tenfold import load_classifier

    rng = np.random.default_rng(1)
    images = mnist.test_images[:400]
    pieces = [piece for image in images if (piece := badly_cut(image, images, rng)) is not None]
    assert len(pieces) > 200
    score = load_classifier("reader").digit_score
    assert np.median(score(images)) > 0.99
    assert np.median(score(np.stack(pieces))) < 0.6


def test_an_upstroke_adds_ink_on_the_left_of_the_top(mnist: Mnist) -> None:
    ones = mnist.train_images[mnist.train_labels == 1][:50]
    rng = np.random.default_rng(0)
    both = [np.stack([one[:14, :13] for one in some]).sum(dtype=int)
            for some in (ones, [with_upstroke(one, rng) for one in ones])]  # fmt: skip
    assert both[1] > 1.2 * both[0]


def test_an_image_without_ink_stays_unchanged() -> None:
    blank = np.zeros((28, 28), np.uint8)
    assert not with_upstroke(blank, np.random.default_rng(0)).any()


@pytest.mark.parametrize("field", ["neighbors", "hands"])
def test_batches_have_their_share(mnist: Mnist, field: str) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    known = {image.tobytes() for image in images}
    batches = Batches(images, labels, 100, Augmentation(**{field: 0.5}), seed=1)
    epochs = batches.epochs(range(1), 5)
    ((shown, _),) = next(epochs)
    changed = np.array([[image.tobytes() not in known for image in batch] for batch in shown])
    assert 0.3 < changed.mean() < 0.6
    np.testing.assert_array_equal(images, mnist.train_images[:500])
