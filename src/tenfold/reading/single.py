"""A picture of a single digit read: found, classified, and looked at again if it is doubtful."""

from dataclasses import replace

import numpy as np

from tenfold.arrays import SIDE
from tenfold.classifiers.base import predict_scored
from tenfold.imaging.canvas import Mark, find_mark
from tenfold.imaging.ink import is_ink_dark
from tenfold.imaging.picture import Picture
from tenfold.reading.marks import classify
from tenfold.reading.results import Digit
from tenfold.reading.shipped import Models
from tenfold.reading.splitting import Splitter


def read_single(picture: Picture, models: Models) -> Digit | None:
    """Return the one digit in a picture, rejected or not; None if the picture is blank."""
    mark = find_mark(picture.gray)
    if mark is None:
        return None
    ((digit, score),) = classify([mark], picture, models.classifier, models.settings.threshold)
    if picture.gray.shape == (SIDE, SIDE):
        return _with_whole_image(digit, picture, models)
    if digit.rejected:
        return _among_neighbors(mark, score, picture, models) or digit
    return digit


def _with_whole_image(found: Digit, picture: Picture, models: Models) -> Digit:
    """Return the digit in a picture of 28x28, which may be as MNIST has it, on noise or patches.

    The picture as it is counts beside the digit that was found and normalized: twice as much if it
    is light on dark, as MNIST is; else the one with the higher score counts alone.
    """
    dark = is_ink_dark(picture.gray)
    images = [found.canvas, 255 - picture.gray if dark else picture.gray]
    probabilities, scores = predict_scored(models.classifier, np.stack(images))
    weights = np.eye(2)[scores.argmax()] if dark else np.array([1, 2]) / 3
    mixed = weights @ probabilities
    same = len(set(probabilities.argmax(axis=1))) == 1
    score = scores.max() if same else weights @ scores
    rejected = round(float(score), 6) < models.settings.threshold
    canvas = images[int(weights.argmax())]
    return replace(
        found,
        digit=int(mixed.argmax()),
        confidence=float(mixed.max()),
        rejected=rejected,
        canvas=canvas,
    )


def _among_neighbors(mark: Mark, score: float, picture: Picture, models: Models) -> Digit | None:
    """Return the digit nearest the middle, if the mark is a digit among parts of its neighbors.

    It stays rejected: which of several digits was meant is a guess.
    """
    classifier, settings = models.classifier, models.settings
    pieces = Splitter(classifier, settings).split([mark], [score])
    scored = classify(pieces, picture, classifier, settings.threshold)
    accepted = [digit for digit, _ in scored if not digit.rejected]
    if len(pieces) == 1 or not accepted:
        return None
    nearest = min(accepted, key=lambda d: abs(d.box[0] + d.box[2] / 2 - picture.width / 2))
    confidence = settings.neighbor_confidence * nearest.confidence
    return replace(nearest, confidence=confidence, rejected=True)
