"""Geometry of training images."""

import numpy as np
import pytest

from tenfold.augmentation.geometry import move, thicken
from tenfold.recipes.recipe import Augmentation


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_no_augmentation_changes_nothing(mnist) -> None:
    images = mnist.train_images[:10]
    np.testing.assert_array_equal(move(images, Augmentation(), rng()), images)


def test_shifts_are_whole_pixels_within_bounds_and_all_occur() -> None:
    images = np.zeros((2000, 28, 28), np.uint8)
    images[:, 14, 14] = 255
    moved = move(images, Augmentation(shift_pixels=2), rng())
    count, rows, columns = np.nonzero(moved)
    assert len(count) == 2000
    assert set(zip(rows - 14, columns - 14, strict=True)) == {
        (dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)
    }


def test_what_leaves_the_image_does_not_come_back_on_the_other_side() -> None:
    images = np.zeros((500, 28, 28), np.uint8)
    images[:, 0, :] = 255
    moved = move(images, Augmentation(shift_pixels=2), rng())
    assert not moved[:, 3:, :].any()


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(shift_pixels=2),
        Augmentation(rotation_degrees=10),
        Augmentation(scale=0.1),
        Augmentation(shear=0.2),
        Augmentation(2, 10, 0.1, 0.2),
    ],
    ids=str,
)
def test_same_draws_same_images_other_draws_others(mnist, augmentation) -> None:
    images = mnist.train_images[:50]
    once = move(images, augmentation, rng())
    np.testing.assert_array_equal(once, move(images, augmentation, rng()))
    assert (once != move(images, augmentation, np.random.default_rng(8))).any()
    assert once.dtype == np.uint8
    assert once.shape == images.shape
    # Digits stay digits: about as much ink as before.
    assert 0.8 < once.mean() / images.mean() < 1.2


def test_rotation_turns_by_the_angle_that_was_allowed() -> None:
    images = np.zeros((300, 28, 28), np.uint8)
    images[:, 4:24, 13:15] = 255  # a vertical bar
    turned = move(images, Augmentation(rotation_degrees=20), rng())
    angles = []
    for image in turned:
        rows, columns = np.nonzero(image > 100)
        slope = np.polyfit(rows, columns, 1)[0]
        angles.append(np.degrees(np.arctan(slope)))
    assert 15 < max(angles) < 22
    assert -22 < min(angles) < -15
    assert abs(np.mean(angles)) < 2


def test_scale_makes_larger_and_smaller_but_keeps_the_center() -> None:
    images = np.zeros((300, 28, 28), np.uint8)
    images[:, 9:19, 9:19] = 255
    scaled = move(images, Augmentation(scale=0.2), rng())
    widths = (scaled > 127).any(axis=1).sum(axis=1)
    assert widths.min() <= 9
    assert widths.max() >= 11
    rows = np.arange(28)
    centers = (scaled.sum(axis=2) * rows).sum(axis=1) / scaled.sum(axis=(1, 2))
    np.testing.assert_allclose(centers, 13.5, atol=0.3)


def test_thickness_goes_both_ways_and_no_further_than_a_pixel() -> None:
    images = np.zeros((300, 28, 28), np.uint8)
    images[:, 4:24, 12:16] = 255  # a vertical bar, four wide
    changed = thicken(images, 1.0, rng())
    beside, edge = changed[:, 14, 11], changed[:, 14, 12]
    assert beside.max() > 230
    assert edge.min() < 25
    assert not ((beside > 0) & (edge < 255)).any()  # thicker or thinner, never both
    assert (changed[:, 14, 13:15] == 255).all()
    assert (changed[:, :, [10, 17]] == 0).all()
    faint = thicken(images, 0.2, rng())[:, 14, 11]
    assert 40 < faint.max() <= 51
