import numpy as np
import pytest

from tenfold.data.label_errors import LABEL_ERRORS, correct_labels
from tenfold.evaluation.evaluate import all_figures
from tenfold.evaluation.metrics import evaluate


def test_ten_labels_are_corrected_and_five_images_left_out(mnist) -> None:
    corrected, kept = correct_labels(mnist.test_labels)
    assert (len(LABEL_ERRORS), (~kept).sum()) == (15, 5)
    changed = np.flatnonzero(corrected != mnist.test_labels)
    assert len(changed) == 10
    assert kept[changed].all()
    assert (mnist.test_labels[947], corrected[947]) == (8, 9)  # five of five people said 9


def test_other_labels_are_rejected(mnist) -> None:
    with pytest.raises(ValueError, match="test image 947 should be labeled 8"):
        correct_labels(mnist.test_labels[::-1].copy())


def test_the_corrected_accuracy_is_given_too(mnist) -> None:
    probabilities = np.eye(10, dtype=np.float32)[mnist.test_labels]
    figures = all_figures(
        evaluate(mnist.test_labels, probabilities), mnist.test_labels, probabilities
    )
    assert figures["accuracy"] == 1
    assert figures["corrected"] == {"accuracy": pytest.approx(9985 / 9995), "n": 9995}
