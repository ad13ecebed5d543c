"""Labels: which labels of MNIST are doubtful, by confident learning on out-of-fold answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.comparing.cells import Cell, cell_of
from tenfold.comparing.contenders import Images, Labels, RecipeContender
from tenfold.data.label_errors import LABEL_ERRORS
from tenfold.data.mnist import load_mnist
from tenfold.errors import MissingExtraError, UsageError
from tenfold.evaluation.metrics import evaluate
from tenfold.execution.progress import WorkBar, run_in_thread
from tenfold.files import cache_dir
from tenfold.machine import machine_facts
from tenfold.recipes.catalog import load_recipe
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override

RECIPE = override(load_recipe("standard"), {"epochs": 3})
"""The default recipe for fewer epochs: its answers are needed for images, not for a record."""

FOLDS = 4

LISTED = 100
"""Labels listed of each split, the most doubtful first."""

AT = 50
"""The validated errors of the test set are sought among so many."""

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DoubtfulLabels:
    """What `find_doubtful_labels` found.

    Attributes:
        result: What `tenfold labels --json` prints.
        images: For each split uint8 (n, 28, 28), the images that `result` points into.
    """

    result: dict[str, Any]
    images: dict[str, Images]


def find_doubtful_labels(
    recipe: Recipe | str | Path = RECIPE,
    *,
    folds: int = FOLDS,
    train_size: int = 60_000,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> DoubtfulLabels:
    """Find the labels of both splits that the images speak against.

    The training images are parted into folds, and a network trained on the others reads each fold:
    no network judges a label that it learned. The test images are read by all of these networks,
    which saw none of them, and their answers are averaged. Confident learning (C. Northcutt,
    L. Jiang, I. Chuang, "Confident learning", 2021; the package cleanlab) then says which labels
    are likely wrong; they are ranked by the probability of the label given.

    Args:
        recipe: What to train; a name, a .json file, or a recipe. Seed 0.
        folds: Parts of the training images, at least 2.
        train_size: So many of the training images, the first.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: cleanlab or Keras is missing, a number is out of range, or there is no data.
    """
    if find_spec("cleanlab") is None:
        raise MissingExtraError("finding doubtful labels", "compare")
    if not 2 <= folds <= 20:
        raise UsageError(f"folds is {folds}; it must lie between 2 and 20")
    if not 1_000 <= train_size <= 60_000:
        raise UsageError(f"train_size is {train_size}; it must lie between 1,000 and 60,000")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    contender = RecipeContender(recipe.name, recipe)
    images, labels = (array[:train_size] for array in load_mnist("train", data_dir))
    test_images, test_labels = load_mnist("test", data_dir)
    out_of_fold = np.empty((len(images), 10), np.float32)
    on_test = np.zeros((len(test_images), 10), np.float32)
    fold_of = np.arange(len(images)) * folds // len(images)
    seconds = contender.expected_seconds(len(images) * (folds - 1) // folds)
    with WorkBar(seconds * folds, progress) as bar:
        for fold in range(folds):
            bar.begin(f"fold {fold + 1} of {folds}", seconds)
            held = fold_of == fold
            cell = _cell(contender, len(images), folds, fold)
            _read_fold(cell, contender, (images, labels), held, test_images, bar)
            answers = cell.probabilities()
            out_of_fold[held] = answers[: held.sum()]
            on_test += answers[held.sum() :] / folds
    test = _doubtful(test_labels, on_test)
    return DoubtfulLabels(
        {
            "recipe": recipe.name,
            "epochs": recipe.epochs,
            "folds": folds,
            "train": _doubtful(labels, out_of_fold),
            "test": test | {"validated": _validated(test["ranking"])},
            "machine": machine_facts(),
        },
        {"train": images, "test": test_images},
    )


def _cell(contender: RecipeContender, images: int, folds: int, fold: int) -> Cell:
    settings = contender.settings(images) | {"folds": folds, "fold": fold}
    return replace(cell_of(settings, images, whole=False), folder=cache_dir() / "labels")


def _read_fold(
    cell: Cell, contender: RecipeContender, known: tuple[Images, Labels],
    held: npt.NDArray[np.bool_], test_images: Images, bar: WorkBar,
) -> None:  # fmt: skip
    """Train on what is not held, and keep the answers for what is and for the test images."""
    if cell.facts() is not None:
        return

    def work() -> None:
        images, labels = known
        fitted = contender.fit(images[~held], labels[~held], cell.checkpoints(), bar.phase)
        bar.phase("reading")
        parts = [fitted.classifier.predict_proba(some) for some in (images[held], test_images)]
        cell.write({"train_seconds": round(fitted.seconds, 2)}, np.concatenate(parts), None)

    run_in_thread(work, bar.tick)


def _doubtful(labels: Labels, probabilities: Probabilities) -> dict[str, Any]:
    """Return how many labels confident learning flags, and the most doubtful ones."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    given = labels.astype(np.int64)
    flagged = find_label_issues(given, probabilities, n_jobs=1)
    quality = get_label_quality_scores(given, probabilities, method="self_confidence")
    # Those flagged first; among alike the order of the images.
    order = np.lexsort((quality, ~flagged))[:LISTED]
    figures = evaluate(labels, probabilities)
    return {
        "n": len(labels),
        "accuracy": figures.accuracy,
        "flagged": int(flagged.sum()),
        "ranking": [
            _row(int(i), int(labels[i]), probabilities[i], bool(flagged[i])) for i in order
        ],
    }


def _row(index: int, given: int, probabilities: Probabilities, flagged: bool) -> dict[str, Any]:
    """Return one label: the one given, and the likeliest other."""
    others = probabilities.copy()
    others[given] = -1
    suspected = int(others.argmax())
    return {
        "index": index,
        "given": given,
        "suspected": suspected,
        "flagged": flagged,
        "probability_given": round(float(probabilities[given]), 6),
        "probability_suspected": round(float(probabilities[suspected]), 6),
    }


def _validated(ranking: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how many of the labels that five people each found wrong are among the first `AT`."""
    places = {row["index"]: place for place, row in enumerate(ranking, 1)}
    found = [error.index for error in LABEL_ERRORS if places.get(error.index, AT + 1) <= AT]
    return {
        "n": len(LABEL_ERRORS),
        "at": AT,
        "found": len(found),
        "recall": len(found) / len(LABEL_ERRORS),
        "places": {str(error.index): places.get(error.index) for error in LABEL_ERRORS},
    }
