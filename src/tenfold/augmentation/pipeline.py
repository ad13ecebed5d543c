"""All that is done to training images, in its order."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Images, Labels
from tenfold.augmentation.geometry import move, thicken
from tenfold.recipes.recipe import Augmentation

if TYPE_CHECKING:
    from tenfold.augmentation.hands import Glyph


def augment(
    images: npt.NDArray[np.uint8],
    targets: npt.NDArray[np.float32],
    augmentation: Augmentation,
    source: tuple[Images, Labels],
    rng: np.random.Generator,
) -> None:
    """Augment some batches, in place.

    Args:
        images: uint8 (k, b, 28, 28), k batches of digits, white ink on black.
        targets: float32 (k, b, classes), one-hot. The rows of made-up marks become even.
        augmentation: What to do, how far and how often; see `tenfold.recipes.recipe`.
        source: All training images and labels, to take neighbors and parts of marks from.
        rng: Source of all draws; the same state gives the same images.
    """
    # Modules that need OpenCV are imported where a recipe asks for them.
    marks = round(augmentation.non_digits * images.shape[1])
    glyphs: tuple[Glyph, ...] = ()
    if augmentation.forms:
        _write_in_forms(images, targets, augmentation.forms, rng)
    if augmentation.hands:
        from tenfold.augmentation.hands import draw_digits, load_hands, load_non_digits

        drawn = rng.random(images.shape[:2]) < augmentation.hands
        drawn[:, :marks] = False  # they become marks that are not digits
        labels = targets[drawn].argmax(axis=1).astype(np.uint8)
        images[drawn] = draw_digits(labels, load_hands(held_back=False), rng)
        glyphs = load_non_digits(held_back=False)
    if augmentation.neighbors:
        from tenfold.augmentation.neighbors import with_leftovers

        for place in map(tuple, np.argwhere(rng.random(images.shape[:2]) < augmentation.neighbors)):
            images[place] = with_leftovers(images[place], source[0], rng)
    if marks:
        from tenfold.augmentation.non_digits import make_non_digits

        for batch, wanted in zip(images, targets, strict=True):
            # The first ones: the order within a batch does not matter.
            batch[:marks] = make_non_digits(marks, *source, rng, glyphs)
            wanted[:marks] = 1 / targets.shape[-1]
    for batch in images:
        batch[:] = move(batch, augmentation, rng)
        if augmentation.thickness:
            batch[:] = thicken(batch, augmentation.thickness, rng)
        if augmentation.degraded:
            from tenfold.augmentation.degradation import degrade

            batch[:] = degrade(batch, augmentation.degraded, rng)


def _write_in_forms(
    images: npt.NDArray[np.uint8],
    targets: npt.NDArray[np.float32],
    share: float,
    rng: np.random.Generator,
) -> None:
    """Change a share of the digits, in place, to forms that MNIST lacks."""
    from tenfold.augmentation.digit_forms import in_a_form

    for place in map(tuple, np.argwhere(rng.random(images.shape[:2]) < share)):
        images[place] = in_a_form(images[place], int(targets[place].argmax()), rng)
