import numpy as np

from tenfold.data import sheet
from tenfold.data.sheet import sample_sheet


def test_each_row_shows_its_own_class_crisply(mnist):
    picture = np.asarray(sample_sheet(mnist.test_images, mnist.test_labels).convert("L"))
    by_bytes = {
        image.tobytes(): label
        for image, label in zip(mnist.test_images, mnist.test_labels, strict=True)
    }
    size = 28 * sheet.SCALE
    left = sheet.MARGIN + sheet.LABEL_WIDTH + 2
    shown = set()
    for digit in range(10):
        top = sheet.TITLE_HEIGHT + digit * sheet.CELL + 3
        for column in range(sheet.N_SAMPLES):
            x = left + column * sheet.CELL
            drawn = picture[top : top + size, x : x + size]
            image = drawn[:: sheet.SCALE, :: sheet.SCALE]
            assert np.array_equal(image.repeat(sheet.SCALE, 0).repeat(sheet.SCALE, 1), drawn)
            assert by_bytes[image.tobytes()] == digit
            shown.add(image.tobytes())
    assert len(shown) == 10 * sheet.N_SAMPLES


def test_seed_decides(mnist):
    def drawn(seed):
        return sample_sheet(mnist.test_images, mnist.test_labels, seed=seed).tobytes()

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_title_and_counts_tell_the_numbers(mnist):
    images, labels = mnist.test_images, mnist.test_labels
    few = np.concatenate([np.flatnonzero(labels == digit)[:50] for digit in range(10)])
    fewer = few[1:]  # one zero less
    one = np.asarray(sample_sheet(images[few], labels[few]))
    other = np.asarray(sample_sheet(images[fewer], labels[fewer]))
    title = slice(0, sheet.TITLE_HEIGHT)
    assert not np.array_equal(one[title], other[title])
    counts = slice(one.shape[1] - sheet.MARGIN - sheet.COUNT_WIDTH, None)
    rows = [
        slice(
            sheet.TITLE_HEIGHT + digit * sheet.CELL, sheet.TITLE_HEIGHT + (digit + 1) * sheet.CELL
        )
        for digit in range(10)
    ]
    same = [np.array_equal(one[row, counts], other[row, counts]) for row in rows]
    assert same == [False] + [True] * 9


def test_few_or_no_images_are_no_error(mnist):
    full = sample_sheet(mnist.test_images, mnist.test_labels)
    for n in (0, 3):
        assert sample_sheet(mnist.test_images[:n], mnist.test_labels[:n]).size == full.size
