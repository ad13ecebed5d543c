"""The test-set figures of a finished model, computed from its files."""

from pathlib import Path
from typing import Any

from tenfold.arrays import Labels, Probabilities
from tenfold.classifiers.base import check_classes, predict_in_batches
from tenfold.classifiers.bundle import load_bundle, load_classifier, summary_of
from tenfold.classifiers.model_file import Model, as_model_file
from tenfold.data.data_source import AnyData, load_test, source_for
from tenfold.data.label_errors import correct_labels
from tenfold.evaluation.metrics import Evaluation, evaluate

_BATCH = 500
"""Images between two updates of the progress bar."""


def evaluate_model(
    model: Model,
    data_dir: str | Path | None = None,
    *,
    data: AnyData | None = None,
    as_: str | None = None,
    int8: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Evaluate a model on the test images of a data set.

    Args:
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        data_dir: Folder of the MNIST files, if not the cache.
        data: Anything that `tenfold.load_dataset` takes or returned; None takes the data set that
            the model was trained on, or MNIST if it does not tell.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        int8: Use the int8 graph, which only the small shipped models have.
        progress: Draw a progress bar on stderr.

    Returns:
        The document that `tenfold evaluate --json` prints; `test` holds all figures. What a file
        does not tell, such as its recipe, is None.

    Raises:
        TenfoldError: No such model, or no data.
    """
    from tqdm import tqdm

    classifier = load_classifier(model, int8=int8)
    file = as_model_file(model)
    meta = {} if file else load_bundle(model).meta
    source = source_for(meta, data, as_=as_, data_dir=data_dir)
    by_place = file is not None and not file.classes
    loaded = load_test(source, classifier.classes, meta, by_place=by_place, progress=progress)
    images, labels = loaded.images, loaded.labels
    if by_place:
        check_classes(classifier, len(loaded.classes), model)
    with tqdm(total=len(images), unit="image", disable=not progress, dynamic_ncols=True) as bar:
        probabilities = predict_in_batches(
            classifier.predict_proba, images, _BATCH, len(classifier.classes), progress=bar.update
        )
    evaluation = evaluate(labels, probabilities)
    test = all_figures(evaluation, labels, probabilities, mnist=source.is_mnist)
    facts = {"data": source.title, "classes": list(loaded.classes)}
    if file:
        names = ("recipe", "seed", "parameters", "epochs", "train_seconds")
        return {"model": str(model)} | dict.fromkeys(names) | {"test": test} | facts
    return summary_of({**meta, "test": test}) | facts


def all_figures(
    evaluation: Evaluation, labels: Labels, probabilities: Probabilities, *, mnist: bool = True
) -> dict[str, Any]:
    """Return an evaluation on test images; on MNIST's, with the accuracy on corrected labels.

    `corrected` is the accuracy with ten wrong labels corrected and five doubtful ones excluded
    (`tenfold.data.label_errors`). It never replaces the plain accuracy.
    """
    if not mnist:
        return evaluation.to_dict()
    truth, kept = correct_labels(labels)
    right = probabilities.argmax(axis=1) == truth
    corrected = {"accuracy": float(right[kept].mean()), "n": int(kept.sum())}
    return evaluation.to_dict() | {"corrected": corrected}
