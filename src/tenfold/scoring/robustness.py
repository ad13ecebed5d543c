"""Robustness: how well a model reads corrupted test images, and digits that nobody here drew."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold.classifiers.bundle import load_classifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.reading.reader import Reader
from tenfold.scoring.picture_sets import Sample, foreign_sets, score, summarize

SHOWN = 12
"""Images of each corruption on the sheet."""


def measure_robustness(
    model: str | Path = "reader",
    *,
    images: int = 10_000,
    external: Path | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Read the test images under every corruption, and the sets in a folder.

    Args:
        model: Shipped name or bundle folder.
        images: So many of the 10,000 test images, the first.
        external: Folder with sets of digits; see `tenfold.scoring.picture_sets.foreign_sets`.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Returns:
        `corruptions`: for each its name, `network`, the accuracy of the network on the images as
        they are, and `read`, that of reading each as a picture of one digit; `mean` of both over
        all 15; `external`: a row for each set.

    Raises:
        TenfoldError: No such model, no data, or no sets.
    """
    from tqdm import tqdm

    if not 1 <= images <= 10_000:
        raise UsageError(f"images is {images}; it must lie between 1 and 10,000")
    classifier = load_classifier(model)
    reader = Reader(classifier)
    sets = foreign_sets(external) if external else {}
    pictures, labels = load_mnist("test", data_dir)
    pictures, labels = pictures[:images], labels[:images]
    rows: list[dict[str, Any]] = []
    outside: list[dict[str, Any]] = []
    names = [*CORRUPTIONS, *sets]
    with tqdm(names, unit="set", disable=not progress, dynamic_ncols=True) as bar:
        for name in bar:
            bar.set_postfix_str(name)
            if name in sets:
                samples = sets[name]
                answers = score(reader, samples)
                refused = all(sample.lines is None for sample in samples)
                outside.append(summarize(name, answers, refused=refused))
                continue
            corrupted = corrupt(pictures, name)
            right = classifier.predict_proba(corrupted).argmax(axis=1) == labels
            samples = [
                Sample(one, [str(y)], True) for one, y in zip(corrupted, labels, strict=True)
            ]
            read = summarize(name, score(reader, samples))
            rows.append(
                {"corruption": name, "network": round(float(right.mean()), 4)}
                | {"read": read["accuracy"], "read_accepted": read["accepted"]}
                | {"read_accepted_error": read["accepted_error"]}
            )
    mean = {
        way: round(float(np.mean([row[way] for row in rows])), 4) for way in ("network", "read")
    }
    return {
        "model": str(model),
        "n": images,
        "corruptions": rows,
        "mean": mean,
        "external": outside,
    }


def corruption_sheet(result: dict[str, Any], data_dir: str | Path | None = None) -> Image.Image:
    """Draw test images under every corruption, with how many are read right.

    Args:
        result: From `measure_robustness`.
        data_dir: Where the MNIST files are, if not in the cache.

    Returns:
        An RGB picture, a row for each corruption.
    """
    from PIL import ImageDraw, ImageFont

    pictures, _ = load_mnist("test", data_dir)
    scale, left, top, pitch = 2, 170, 64, 64
    width = left + SHOWN * pitch + 190
    sheet = Image.new("RGB", (width, top + len(result["corruptions"]) * pitch + 12), "black")
    pen = ImageDraw.Draw(sheet)
    title, font = ImageFont.load_default(22), ImageFont.load_default(16)
    right = left + SHOWN * pitch + 90, width - 16
    pen.text((16, 30), f"{result['model']} on MNIST-C, re-made", "white", title, anchor="lm")
    for x, words in zip(right, ("network", "as picture"), strict=True):
        pen.text((x, 46), words, "#aaaaaa", font, anchor="rm")
    for number, row in enumerate(result["corruptions"]):
        y = top + number * pitch
        pen.text((16, y + 28), row["corruption"].replace("_", " "), "white", font, anchor="lm")
        for place, image in enumerate(corrupt(pictures[:SHOWN], row["corruption"])):
            large = Image.fromarray(np.kron(image, np.ones((scale, scale), np.uint8)))
            sheet.paste(large, (left + place * pitch, y))
        for x, way in zip(right, ("network", "read"), strict=True):
            pen.text((x, y + 28), f"{row[way]:.1%}", "#ffb84d", font, anchor="rm")
    return sheet
