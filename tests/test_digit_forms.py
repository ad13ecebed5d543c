"""Forms that MNIST lacks, made from its digits."""

import numpy as np
import pytest
from conftest import Mnist

from tenfold.augmentation import digit_forms


def fifty(mnist: Mnist, digit: int) -> np.ndarray:
    return mnist.train_images[mnist.train_labels == digit][:50]


def test_every_form_changes_most_digits_and_no_blank(mnist: Mnist) -> None:
    rng = np.random.default_rng(0)
    blank = np.zeros((28, 28), np.uint8)
    for digit, share, make in digit_forms.FORMS:
        assert 0 < share < 1
        images = fifty(mnist, digit)
        made = np.stack([make(image, rng) for image in images])
        assert made.shape == images.shape
        assert made.dtype == np.uint8
        assert (made != images).any(axis=(1, 2)).mean() > 0.4
        assert not make(blank, rng).any()


@pytest.mark.parametrize(
    ("name", "digit"), [("with_crossbar", 7), ("with_base", 1), ("with_curl", 2)]
)
def test_strokes_only_add_ink(mnist: Mnist, name: str, digit: int) -> None:
    rng = np.random.default_rng(1)
    for image in fifty(mnist, digit):
        assert (getattr(digit_forms, name)(image, rng) >= image).all()


def test_a_four_loses_its_upper_stem_only_if_it_is_open(mnist: Mnist) -> None:
    rng = np.random.default_rng(2)
    fours = fifty(mnist, 4)
    cut = np.stack([digit_forms.without_upper_stem(image, rng) for image in fours])
    assert (cut <= fours).all()
    open_ones = (cut != fours).any(axis=(1, 2))
    assert 0.4 < open_ones.mean() < 1
    lost = (fours[open_ones].astype(int) - cut[open_ones]).sum(axis=0)
    assert lost[:14, 14:].sum() > 0.7 * lost.sum()


def test_a_nine_turns_its_stem_to_the_left(mnist: Mnist) -> None:
    rng = np.random.default_rng(3)
    nines = fifty(mnist, 9)
    made = np.stack([digit_forms.mirrored(image, rng) for image in nines])
    columns = np.arange(28)

    def stem_from_bow(images: np.ndarray) -> float:
        top, foot = images[:, 4:12].sum(axis=(0, 1)), images[:, 18:24].sum(axis=(0, 1))
        return float(foot @ columns / foot.sum() - top @ columns / top.sum())

    assert stem_from_bow(made) < stem_from_bow(nines) - 1


def test_writers_use_each_form_at_its_share(mnist: Mnist) -> None:
    rng = np.random.default_rng(4)
    for digit in range(10):
        images = fifty(mnist, digit)
        made = np.stack([digit_forms.in_a_form(image, digit, rng) for image in images])
        changed = (made != images).any(axis=(1, 2)).mean()
        expected = sum(share for which, share, _ in digit_forms.CLEAR_FORMS if which == digit)
        assert (expected > 0) == (digit in (1, 2, 4, 7))
        assert expected / 3 - 0.02 <= changed <= expected + 0.15 * (expected > 0)
