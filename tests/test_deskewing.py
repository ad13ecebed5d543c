"""Deskewing against a plain reckoning, row by row, on real digits."""

import numpy as np
import pytest

from tenfold.errors import UsageError
from tenfold.networks.build import build_network, finish_network
from tenfold.networks.deskew import MAX_SLANT, TARGET_SPREAD, deskewing, undo_deskewing
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override

pytestmark = pytest.mark.usefixtures("tensorflow")

PLACES = np.arange(28)


def measured(image: np.ndarray) -> tuple[float, float, float, float]:
    """Return the middle row and column, pixels a row to the right, and the spread upright."""
    weights, rows, columns = image.ravel(), *np.indices(image.shape).reshape(2, -1)
    row, column = (np.average(places, weights=weights) for places in (rows, columns))
    covariance = np.cov(rows, columns, aweights=weights, ddof=0)
    slant = covariance[0, 1] / covariance[0, 0]
    return row, column, slant, covariance[1, 1] - slant * covariance[0, 1]


def moved(image: np.ndarray, slant: float, stretch: float = 1) -> np.ndarray:
    """Return an image of which each row is taken from so much further right, and stretched."""
    row, column, *_ = measured(image)
    places = column + (PLACES - column) * stretch
    return np.stack(
        [
            np.interp(places + slant * (y - row), PLACES, values, left=0, right=0)
            for y, values in enumerate(image)
        ]
    )


def deskewed(images: np.ndarray, width: float = 0) -> np.ndarray:
    layer = deskewing("deskew1", (28, 28, 1), width)
    result: np.ndarray = np.asarray(layer(images[..., None].astype(np.float32)))[..., 0]
    return result


@pytest.mark.parametrize("width", [0, 0.5, 1])
def test_each_row_moves_back_by_the_slant(width: float, mnist) -> None:
    images = mnist.train_images[:200] / 255
    checked = 0
    for image, upright in zip(images, deskewed(images, width), strict=True):
        *_, slant, spread = measured(image)
        expected = moved(image, slant, (spread / TARGET_SPREAD) ** (width / 2))
        if abs(slant) < MAX_SLANT and not expected[:, [0, -1]].any():
            # np.interp ends a row at its last pixel, deskewing fades it out.
            np.testing.assert_allclose(upright, expected, atol=2e-3)
            checked += 1
    assert checked > 150


def test_a_single_image_is_deskewed_as_in_a_batch(mnist) -> None:
    images = mnist.train_images[:8] / 255
    alone = np.concatenate([deskewed(images[i : i + 1], 0.5) for i in range(8)])
    np.testing.assert_allclose(alone, deskewed(images, 0.5), atol=1e-5)


def test_slanting_digits_stand_upright(mnist) -> None:
    images = mnist.train_images[:500] / 255
    before = np.array([measured(image) for image in images])
    after = np.array([measured(image) for image in deskewed(images, 0.5)])
    assert np.abs(before[:, 2]).mean() > 0.2
    assert np.abs(after[:, 2]).mean() < 0.01
    widths = np.sqrt(before[:, 3]), np.sqrt(after[:, 3])
    assert widths[1].std() < 0.7 * widths[0].std()


def test_a_digit_looks_the_same_however_it_slants(mnist) -> None:
    image = mnist.train_images[0] / 255
    one, plain, other = deskewed(np.stack([moved(image, slant) for slant in (-0.4, 0, 0.4)]))
    assert np.abs(moved(image, -0.4) - moved(image, 0.4)).mean() > 0.08
    assert max(np.abs(one - plain).mean(), np.abs(other - plain).mean()) < 0.025


def test_empty_and_flat_images() -> None:
    nothing, flat = np.zeros((2, 28, 28))
    for column in range(4, 24):
        flat[14 + (column > 13), column] = 1
    left_alone, turned = deskewed(np.stack([nothing, flat]))
    assert not left_alone.any()
    assert measured(flat)[2] > 2 * MAX_SLANT
    np.testing.assert_allclose(turned, moved(flat, MAX_SLANT), atol=2e-3)


def test_undoing_gives_a_map_of_the_original_image(mnist) -> None:
    images = mnist.train_images[:50]
    for image, upright in zip(images, deskewed(images / 255, 0.5), strict=True):
        back = undo_deskewing(upright.astype(float), image, 0.5)
        # Twice between pixels, so a little blurred.
        assert np.corrcoef(back.ravel(), image.ravel())[0, 1] > 0.96
    assert np.corrcoef(upright.ravel(), image.ravel())[0, 1] < 0.96


def test_invalid_positions_and_widths_are_rejected() -> None:
    layers = [{"kind": "conv", "filters": 2}, {"kind": "deskew"}, {"kind": "flatten"}]
    with pytest.raises(UsageError, match=r"layers\.1: deskew must be the first"):
        override(recipe_named("conv"), {"layers": layers})
    with pytest.raises(UsageError, match=r"width is 2; it must lie between 0 and 1"):
        override(recipe_named("nano"), {"layers.0.width": 2})


def test_a_saved_network_needs_nothing_but_keras(mnist, tmp_path) -> None:
    import keras

    recipe = override(
        recipe_named("softmax"), {"layers": [{"kind": "deskew"}, {"kind": "flatten"}]}
    )
    network = finish_network(recipe, build_network(recipe, precision="bfloat16"))
    images = mnist.train_images[:50]
    expected = network.predict(images, verbose=0)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
    assert np.ptp(expected) > 0.1
