import numpy as np

from tenfold.augmentation.non_digits import make_non_digits
from tenfold.recipes.recipe import Augmentation
from tenfold.training.batches import Batches


def test_marks_are_fitted_and_centered_like_digits(mnist) -> None:
    rng = np.random.default_rng(0)
    marks = make_non_digits(500, mnist.train_images, mnist.train_labels, rng)
    assert marks.shape == (500, 28, 28)
    assert marks.dtype == np.uint8
    rows, columns = (np.arange(28) for _ in range(2))
    mass = marks.sum(axis=(1, 2))
    assert (mass > 0).all()
    down = (marks.sum(axis=2) * rows).sum(axis=1) / mass
    across = (marks.sum(axis=1) * columns).sum(axis=1) / mass
    # Most are centered by mass; a few would leave the canvas.
    assert np.quantile(np.abs(down - 14), 0.95) < 0.6
    assert np.quantile(np.abs(across - 14), 0.95) < 0.6
    extents = [np.ptp(np.flatnonzero(mark.any(axis=1))) + 1 for mark in marks]
    assert max(extents) <= 20
    assert len({mark.tobytes() for mark in marks}) == 500


def test_the_same_draws_give_the_same_marks(mnist) -> None:
    images, labels = mnist.train_images[:1000], mnist.train_labels[:1000]
    once, again = (make_non_digits(50, images, labels, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_batches_have_their_share_of_marks_with_even_targets(mnist) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    batches = Batches(images, labels, 100, Augmentation(non_digits=0.2), seed=1)
    epochs = batches.epochs(range(1), 5)
    ((shown, targets),) = next(epochs)
    even = (targets == np.float32(0.1)).all(axis=2)
    assert (even.sum(axis=1) == 20).all()
    assert (targets[~even].max(axis=1) == 1).all()
    known = {image.tobytes() for image in images}
    assert all(image.tobytes() in known for image in shown[~even])
    assert not any(image.tobytes() in known for image in shown[even])
    # The images themselves are as they were.
    np.testing.assert_array_equal(images, mnist.train_images[:500])


def test_the_shipped_reader_tells_them_from_digits(mnist) -> None:
    from tenfold import load_classifier
    from tenfold.reading.settings import ReaderSettings
    from tenfold.reading.shipped import DEFAULT_MODEL

    reader = load_classifier(DEFAULT_MODEL)
    digits = mnist.test_images[:2000]
    marks = make_non_digits(1000, digits, mnist.test_labels[:2000], np.random.default_rng(5))
    assert (reader.digit_score(digits) >= ReaderSettings().threshold).mean() > 0.97
    assert (reader.digit_score(marks) >= ReaderSettings().threshold).mean() < 0.08
