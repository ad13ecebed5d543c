"""Robustness: accuracy on corrupted test images and on sets of labeled pictures."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.arrays import TEST_IMAGES
from tenfold.classifiers.bundle import load_classifier
from tenfold.classifiers.model_file import Model
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.reading.reader import Reader
from tenfold.reporting.drawing import AMBER, EDGE, MUTED, TITLE, WIDTH, Drawing
from tenfold.scoring.outcomes import read_pictures, summarize_set
from tenfold.scoring.picture_sets import LabeledPicture, load_picture_sets

SHEET_IMAGES = 5
"""Images of each corruption on the sheet."""


@dataclass(frozen=True)
class CorruptionScore:
    """Accuracy on the test images under one corruption.

    Attributes:
        corruption: Its name.
        network: Accuracy of the network on the images, a fraction.
        read: Accuracy of reading each image as a picture of one digit.
        read_accepted: Coverage: share of them that was accepted.
        read_accepted_error: Error rate among the accepted; None if none was.
    """

    corruption: str
    network: float
    read: float
    read_accepted: float
    read_accepted_error: float | None


@dataclass(frozen=True)
class Robustness:
    """Accuracy on corrupted test images and on sets of labeled pictures.

    Attributes:
        model: Shipped name, bundle folder or file.
        n: Number of test images under each corruption.
        corruptions: A row for each corruption.
        external: A row for each set of pictures; see `tenfold.scoring.outcomes.summarize_set`.
    """

    model: str
    n: int
    corruptions: tuple[CorruptionScore, ...]
    external: tuple[dict[str, Any], ...] = ()

    @property
    def mean_network(self) -> float:
        """Mean accuracy of the network over all corruptions."""
        return float(np.mean([row.network for row in self.corruptions]))

    @property
    def mean_read(self) -> float:
        """Mean accuracy over all corruptions of reading each image as a picture."""
        return float(np.mean([row.read for row in self.corruptions]))

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `tenfold robustness --json` prints."""
        return {
            "model": self.model,
            "n": self.n,
            "corruptions": [asdict(row) for row in self.corruptions],
            "mean": {"network": round(self.mean_network, 4), "read": round(self.mean_read, 4)},
            "external": list(self.external),
        }


def robustness(
    model: Model = "reader",
    *,
    images: int = TEST_IMAGES,
    external: str | Path | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> Robustness:
    """Read the test images under each of 15 corruptions, and sets of labeled pictures.

    Args:
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        images: Number of test images, the first of the 10,000.
        external: Folder with sets of labeled pictures; see
            `tenfold.scoring.picture_sets.load_picture_sets`.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: There is no such model, no data, or no sets.
    """
    from tqdm import tqdm

    if not 1 <= images <= TEST_IMAGES:
        raise UsageError(f"images is {images}; it must be from 1 to {TEST_IMAGES:,}")
    classifier = load_classifier(model)
    reader = Reader(classifier, threads=1)  # several pictures at the same time
    sets = load_picture_sets(Path(external)) if external else {}
    test_images, labels = load_mnist("test", data_dir)
    test_images, labels = test_images[:images], labels[:images]
    corruption_rows: list[CorruptionScore] = []
    set_rows: list[dict[str, Any]] = []
    total = len(CORRUPTIONS) + len(sets)
    with tqdm(total=total, unit="set", disable=not progress, dynamic_ncols=True) as bar:
        for name in CORRUPTIONS:
            bar.set_postfix_str(name)
            corrupted = corrupt(test_images, name)
            correct = classifier.predict_proba(corrupted).argmax(axis=1) == labels
            pictures = [
                LabeledPicture("", image, [str(label)], single=True)
                for image, label in zip(corrupted, labels, strict=True)
            ]
            read = summarize_set(name, read_pictures(reader, pictures))
            corruption_rows.append(
                CorruptionScore(
                    corruption=name,
                    network=round(float(correct.mean()), 4),
                    read=read["accuracy"],
                    read_accepted=read["accepted"],
                    read_accepted_error=read["accepted_error"],
                )
            )
            bar.update()
        for name, labeled in sets.items():
            bar.set_postfix_str(name)
            no_digits = all(one.lines is None for one in labeled)
            set_rows.append(
                summarize_set(name, read_pictures(reader, labeled), no_digits=no_digits)
            )
            bar.update()
    return Robustness(str(model), images, tuple(corruption_rows), tuple(set_rows))


def corruption_sheet(result: Robustness, data_dir: str | Path | None = None) -> Drawing:
    """Draw test images under every corruption, with both accuracies, one row for each corruption.

    Args:
        result: From `robustness`.
        data_dir: Where the MNIST files are, if not in the cache.
    """
    test_images, _ = load_mnist("test", data_dir)
    left, top, pitch = 130, 104, 60
    columns = WIDTH - EDGE - 78, WIDTH - EDGE
    drawing = Drawing(WIDTH, top + len(result.corruptions) * pitch + 8, "Corruptions of MNIST-C")
    drawing.text(EDGE, 28, f"{result.model}: accuracy under the corruptions of MNIST-C", TITLE)
    for x, over, below in zip(columns, ("network", "read as"), ("alone", "a picture"), strict=True):
        drawing.text(x, 64, over, color=MUTED, anchor="end")
        drawing.text(x, 83, below, color=MUTED, anchor="end")
    for number, row in enumerate(result.corruptions):
        y = top + number * pitch
        drawing.text(EDGE, y + 28, row.corruption.replace("_", " "))
        for place, image in enumerate(corrupt(test_images[:SHEET_IMAGES], row.corruption)):
            drawing.image(left + place * pitch, y, image, 2)
        for x, accuracy in zip(columns, (row.network, row.read), strict=True):
            drawing.text(x, y + 28, f"{accuracy:.1%}", color=AMBER, anchor="end")
    return drawing
