"""Robustness: accuracy on corrupted test images and on sets of labeled pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold.arrays import TEST_IMAGES
from tenfold.classifiers.bundle import load_classifier
from tenfold.classifiers.model_file import Model
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.reading.reader import Reader
from tenfold.scoring.outcomes import read_pictures, summarize_set
from tenfold.scoring.picture_sets import LabeledPicture, load_picture_sets

SHEET_IMAGES = 12
"""Images of each corruption on the sheet."""


def measure_robustness(
    model: Model = "reader",
    *,
    images: int = TEST_IMAGES,
    external: Path | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Read the test images under each of 15 corruptions, and sets of labeled pictures.

    Args:
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        images: Number of test images, the first of the 10,000.
        external: Folder with sets of labeled pictures; see
            `tenfold.scoring.picture_sets.load_picture_sets`.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Returns:
        `model` and `n`; `corruptions`: for each its name, `network`, the accuracy of the network
        on the images, and `read`, the accuracy of reading each image as a picture of one digit,
        with its coverage and the error rate among the accepted; `mean` of both accuracies over all
        corruptions; `external`: a row of `summarize_set` for each set.

    Raises:
        TenfoldError: There is no such model, no data, or no sets.
    """
    from tqdm import tqdm

    if not 1 <= images <= TEST_IMAGES:
        raise UsageError(f"images is {images}; it must be from 1 to {TEST_IMAGES:,}")
    classifier = load_classifier(model)
    reader = Reader(classifier)
    sets = load_picture_sets(external) if external else {}
    test_images, labels = load_mnist("test", data_dir)
    test_images, labels = test_images[:images], labels[:images]
    corruption_rows: list[dict[str, Any]] = []
    set_rows: list[dict[str, Any]] = []
    names = [*CORRUPTIONS, *sets]
    with tqdm(names, unit="set", disable=not progress, dynamic_ncols=True) as bar:
        for name in bar:
            bar.set_postfix_str(name)
            if name in sets:
                outcomes = read_pictures(reader, sets[name])
                no_digits = all(labeled.lines is None for labeled in sets[name])
                set_rows.append(summarize_set(name, outcomes, no_digits=no_digits))
                continue
            corrupted = corrupt(test_images, name)
            correct = classifier.predict_proba(corrupted).argmax(axis=1) == labels
            pictures = [
                LabeledPicture("", image, [str(label)], single=True)
                for image, label in zip(corrupted, labels, strict=True)
            ]
            read = summarize_set(name, read_pictures(reader, pictures))
            corruption_rows.append(
                {
                    "corruption": name,
                    "network": round(float(correct.mean()), 4),
                    "read": read["accuracy"],
                    "read_accepted": read["accepted"],
                    "read_accepted_error": read["accepted_error"],
                }
            )
    return {
        "model": str(model),
        "n": images,
        "corruptions": corruption_rows,
        "mean": {
            figure: round(float(np.mean([row[figure] for row in corruption_rows])), 4)
            for figure in ("network", "read")
        },
        "external": set_rows,
    }


def corruption_sheet(result: dict[str, Any], data_dir: str | Path | None = None) -> Image.Image:
    """Draw test images under every corruption, with both accuracies.

    Args:
        result: From `measure_robustness`.
        data_dir: Where the MNIST files are, if not in the cache.

    Returns:
        An RGB picture, one row for each corruption.
    """
    from PIL import ImageDraw, ImageFont

    test_images, _ = load_mnist("test", data_dir)
    scale, left, top, pitch = 2, 170, 64, 64
    width = left + SHEET_IMAGES * pitch + 190
    sheet = Image.new("RGB", (width, top + len(result["corruptions"]) * pitch + 12), "black")
    pen = ImageDraw.Draw(sheet)
    title, font = ImageFont.load_default(22), ImageFont.load_default(16)
    columns = left + SHEET_IMAGES * pitch + 90, width - 16
    heading = f"{result['model']}: accuracy under the corruptions of MNIST-C"
    pen.text((16, 30), heading, "white", title, anchor="lm")
    for x, words in zip(columns, ("network", "as picture"), strict=True):
        pen.text((x, 46), words, "#aaaaaa", font, anchor="rm")
    for number, row in enumerate(result["corruptions"]):
        y = top + number * pitch
        pen.text((16, y + 28), row["corruption"].replace("_", " "), "white", font, anchor="lm")
        for place, image in enumerate(corrupt(test_images[:SHEET_IMAGES], row["corruption"])):
            large = Image.fromarray(np.kron(image, np.ones((scale, scale), np.uint8)))
            sheet.paste(large, (left + place * pitch, y))
        for x, figure in zip(columns, ("network", "read"), strict=True):
            pen.text((x, y + 28), f"{row[figure]:.1%}", "#ffb84d", font, anchor="rm")
    return sheet
