"""Find label errors, by confident learning on answers of networks that never saw the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.arrays import Images, Labels, Probabilities
from tenfold.comparing.cells import cell_of, fit_cell
from tenfold.comparing.contenders import Fitted, RecipeContender
from tenfold.data.data_source import AnyData, choose_data, choose_train_size, load_test
from tenfold.data.datasets import MNIST, Dataset
from tenfold.data.label_errors import LABEL_ERRORS
from tenfold.data.official import FILES
from tenfold.errors import MissingExtraError, whole_number
from tenfold.evaluation.metrics import evaluate
from tenfold.execution.progress import WorkBar
from tenfold.machine import machine_facts
from tenfold.recipes.recipe import Recipe, for_classes
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override

if TYPE_CHECKING:
    from tenfold.reporting.drawing import Drawing

RECIPE = override(load_recipe("standard"), {"epochs": 3})
"""The default recipe with fewer epochs: the ranking of labels does not need the best accuracy."""

FOLDS = 4

LEAST_IMAGES = 200
"""Least number of training images."""

LISTED = 100
"""Number of labels listed for each split, the most doubtful first."""

RECALL_AT = 50
"""The recall counts the validated label errors among this many doubtful labels."""


@dataclass(frozen=True)
class DoubtfulLabels:
    """The result of `label_errors`.

    Attributes:
        result: What `tenfold labels --json` prints.
        images: By split uint8 (n, 28, 28), the images that `result` refers to.
    """

    result: dict[str, Any]
    images: dict[str, Images]

    def draw(self, split: str) -> "Drawing":
        """Draw the most doubtful labels of a split, "train" or "test", as a sheet of images."""
        from tenfold.comparing.figures import draw_doubtful

        return draw_doubtful(self.result, split, self.images[split])


def label_errors(
    recipe: Recipe | str | Path = RECIPE,
    *,
    folds: int = FOLDS,
    train_size: int | None = None,
    data: AnyData = MNIST,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> DoubtfulLabels:
    """Find labels of both splits that are likely wrong.

    The training images are split into folds. A network trained on the other folds reads each fold,
    so that no network judges a label that it learned. All networks read the test images, and their
    probabilities are averaged. Confident learning (C. Northcutt, L. Jiang, I. Chuang, "Confident
    learning", 2021; the package cleanlab) then finds the labels that are likely wrong, and ranks
    labels by their probability.

    Args:
        recipe: What to train with seed 0: a name, a .json file, or a recipe.
        folds: Number of folds, 2 to 20.
        train_size: Number of training images, the first ones, at least `LEAST_IMAGES`; all by
            default.
        data: Anything that `tenfold.load_dataset` takes or returned.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: cleanlab or Keras is missing, a number is out of range, or there is no data.
    """
    packages = {"cleanlab": "compare", "keras": "train"}
    if missing := [extra for package, extra in packages.items() if find_spec(package) is None]:
        raise MissingExtraError("finding doubtful labels", ",".join(missing))
    folds = whole_number("folds", folds, 2, 20)
    source = choose_data(data, as_=as_, data_dir=data_dir)
    train, train_size = choose_train_size(source, train_size, least=LEAST_IMAGES, progress=progress)
    recipe = load_recipe(recipe)
    if train is not None:
        recipe = for_classes(recipe, train.classes, source.title)
    contender = RecipeContender(recipe.name, recipe)
    train = train or source.load("train")
    test_part = load_test(source, train.classes)
    images, labels = train.images[:train_size], train.labels[:train_size]
    test_images, test_labels = test_part.images, test_part.labels
    hashes = FILES if source.is_mnist else {"train": train.sha256, "test": test_part.sha256}
    out_of_fold = np.empty((train_size, recipe.classes), np.float32)
    on_test = np.zeros((len(test_images), recipe.classes), np.float32)
    fold_of = np.arange(train_size) * folds // train_size
    seconds = contender.expected_seconds(train_size * (folds - 1) // folds)
    with WorkBar(seconds * folds, progress) as bar:
        for fold in range(folds):
            bar.begin(f"fold {fold + 1} of {folds}", seconds)
            held_out = fold_of == fold
            read = np.concatenate([images[held_out], test_images])
            settings = contender.settings(train_size) | {"folds": folds, "fold": fold}
            cell = cell_of(settings, train_size, data=hashes)
            if cell.facts() is None:
                known = images[~held_out], labels[~held_out]
                fit_cell(cell, contender, *known, partial(_read, images=read), bar)
            probabilities = cell.probabilities()
            out_of_fold[held_out] = probabilities[: held_out.sum()]
            on_test += probabilities[held_out.sum() :] / folds
    test = _rank(test_labels, on_test, names_of(test_part))
    if source.is_mnist:
        test["validated"] = _validated(test["ranking"])
    return DoubtfulLabels(
        {
            "recipe": recipe.name,
            "epochs": recipe.epochs,
            "folds": folds,
            "data": source.title,
            "classes": list(train.classes),
            "train": _rank(labels, out_of_fold, names_of(train)),
            "test": test,
            "machine": machine_facts(),
        },
        {"train": images, "test": test_images},
    )


def _read(fitted: Fitted, images: Images) -> tuple[dict[str, Any], Probabilities, None]:
    facts = {"train_seconds": fitted.seconds and round(fitted.seconds, 2)}
    return facts, fitted.classifier.predict_proba(images), None


def names_of(data: Dataset) -> list[str]:
    """Return the name of each image for people: its file, or its place in its source."""
    return list(data.files) if data.files else list(map(str, data.places))


def _rank(
    labels: Labels, probabilities: Probabilities, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the number of labels that are likely wrong, and the most doubtful labels."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    given = labels.astype(np.int64)
    flagged = find_label_issues(given, probabilities, n_jobs=1)
    quality = get_label_quality_scores(given, probabilities, method="self_confidence")
    # Labels found by confident learning first; equal ones in the order of the images.
    order = np.lexsort((quality, ~flagged))[:LISTED]
    return {
        "n": len(labels),
        "accuracy": evaluate(labels, probabilities).accuracy,
        "flagged": int(flagged.sum()),
        "ranking": [
            {"index": int(i), "name": names[i] if names else str(i)}
            | _row(int(labels[i]), probabilities[i], bool(flagged[i]))
            for i in order
        ],
    }


def _row(given: int, probabilities: Probabilities, flagged: bool) -> dict[str, Any]:
    """Return one label: the label given, and the most likely other one."""
    others = probabilities.copy()
    others[given] = -1
    suspected = int(others.argmax())
    return {
        "given": given,
        "suspected": suspected,
        "flagged": flagged,
        "probability_given": round(float(probabilities[given]), 6),
        "probability_suspected": round(float(probabilities[suspected]), 6),
    }


def _validated(ranking: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how many validated label errors are among the first `RECALL_AT` of the ranking."""
    places = {row["index"]: place for place, row in enumerate(ranking, 1)}
    known = [error.index for error in LABEL_ERRORS]
    found = sum(places.get(index, LISTED + 1) <= RECALL_AT for index in known)
    return {
        "n": len(known),
        "at": RECALL_AT,
        "found": found,
        "recall": found / len(known),
        "places": {str(index): places.get(index) for index in known},
    }
