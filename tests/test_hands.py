"""The glyphs of handwriting fonts: the pack, and what is drawn from it."""

import base64
import json
import re

import numpy as np
from conftest import Mnist

from tenfold import load_classifier
from tenfold.arrays import DIGITS
from tenfold.augmentation import hands
from tenfold.files import sha256
from tenfold.recipes.recipe import Augmentation
from tenfold.training.batches import Batches

LISTED = json.loads(hands.CREDITS.read_text(encoding="utf-8"))


def test_the_pack_is_what_the_list_says() -> None:
    assert sha256(hands.PACK) == LISTED["sha256"]
    assert hands.PACK.stat().st_size < 3_000_000
    with np.load(hands.PACK, allow_pickle=False) as pack:
        counts = np.bincount(pack["fonts"], minlength=len(LISTED["fonts"]))
        assert pack["pixels"].max() == hands.GRAYS - 1
        assert len(pack["pixels"]) == pack["sizes"].astype(int).prod(axis=1).sum()
    assert [font["glyphs"] for font in LISTED["fonts"]] == counts.tolist()
    assert LISTED["glyphs"] == counts.sum()


def test_every_font_is_free_pinned_and_credited() -> None:
    assert len({font["name"] for font in LISTED["fonts"]}) == len(LISTED["fonts"]) > 100
    for font in LISTED["fonts"]:
        assert font["license"] in ("OFL-1.1", "Apache-2.0")
        assert re.fullmatch(r"\d+\.\d+\.\d+", font["version"])
        assert len(base64.b64decode(font["integrity"].removeprefix("sha512-"))) == 64
        assert font["author"]


def test_held_back_families_share_nothing_with_the_others() -> None:
    learned, judging = (hands.load_hands(held_back=held_back) for held_back in (False, True))
    families = [{hand.family for hand in some} for some in (learned, judging)]
    assert families[0].isdisjoint(families[1])
    assert 0.15 < len(families[1]) / len(families[0] | families[1]) < 0.25
    for held_back in (False, True):
        assert len(hands.load_non_digits(held_back=held_back)) > 400


def test_a_hand_has_digits_of_one_height_on_one_line() -> None:
    for held_back in (False, True):
        for hand in hands.load_hands(held_back=held_back):
            digits = [hand.glyphs[digit] for digit in DIGITS]
            heights = [len(glyph.ink) / hands.DIGIT_HEIGHT for glyph in digits]
            assert 0.9 < np.median(heights) < 1.15, hand.name
            feet = [glyph.top + height for glyph, height in zip(digits, heights, strict=True)]
            assert 0.75 < np.median(feet) < 1.3, hand.name  # old-style figures hang
            for glyph in hand.glyphs.values():
                assert glyph.ink.dtype == np.uint8
                assert glyph.ink.max() > 128, hand.name
                assert -1.5 < glyph.left < 1.5
                assert -1.5 < glyph.top < 2
                assert 0 < glyph.advance < 4


def test_drawn_digits_look_like_mnist_and_differ() -> None:
    some = hands.load_hands(held_back=False)
    labels = (np.arange(300) % 10).astype(np.uint8)
    images = hands.draw_digits(labels, some, np.random.default_rng(0))
    again = hands.draw_digits(labels, some, np.random.default_rng(0))
    # OpenCV's last bits depend on where in memory an array lies.
    np.testing.assert_allclose(images.astype(int), again, atol=1)
    assert images.shape == (300, 28, 28)
    assert images.dtype == np.uint8
    assert len({image.tobytes() for image in images}) == 300
    mass = images.sum(axis=(1, 2), dtype=float)
    down = (images.sum(axis=2, dtype=float) @ np.arange(28)) / mass
    assert np.quantile(np.abs(down - 14), 0.95) < 0.6
    found = load_classifier("standard").predict(images)
    assert (found == labels).mean() > 0.9


def test_marks_that_are_no_digits_are_drawn_too() -> None:
    rng = np.random.default_rng(1)
    for glyph in hands.load_non_digits(held_back=False)[::20]:
        image = hands.draw_glyph(glyph, rng)
        assert image.shape == (28, 28)
        assert image.max() > 200


def test_a_training_takes_digits_and_marks_from_the_hands(mnist: Mnist) -> None:
    images, labels = mnist.train_images[:500], mnist.train_labels[:500]
    known = {image.tobytes() for image in images}
    batches = Batches(images, labels, 100, Augmentation(hands=0.5, non_digits=0.2), seed=1)
    epochs = batches.epochs(range(1), 5)
    ((shown, targets),) = next(epochs)
    marks = (targets == np.float32(0.1)).all(axis=2)
    assert (marks.sum(axis=1) == 20).all()
    drawn = np.array([[image.tobytes() not in known for image in batch] for batch in shown])
    assert 0.4 < drawn[~marks].mean() < 0.6
    found = load_classifier("standard").predict(shown[drawn & ~marks])
    assert (found == targets[drawn & ~marks].argmax(axis=1)).mean() > 0.9
