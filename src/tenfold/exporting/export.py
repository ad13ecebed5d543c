"""Export a finished model to another format, and keep it only if it agrees with the original."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tenfold.classifiers.base import predict_in_batches
from tenfold.classifiers.bundle import (
    KERAS,
    classes_of,
    graph_of,
    load_classifier,
)
from tenfold.classifiers.model_file import Model
from tenfold.data.data_source import AnyData, load_test, source_for
from tenfold.errors import UsageError
from tenfold.exporting.agreement import Agreement, check_agreement
from tenfold.exporting.formats import (
    FORMATS,
    Files,
    check_packages,
    exported,
    in_temporary_folder,
    load_export,
)
from tenfold.exporting.own_files import open_bundle
from tenfold.exporting.quantizing import CALIBRATION_IMAGES
from tenfold.files import make_folder, real_path, sha256, write_atomic
from tenfold.formatting import no_such

FOLDER = Path("exports")
"""Default folder for exports."""

_BATCH = 500
"""Images between two updates of the progress bar."""


@dataclass(frozen=True)
class ExportedFile:
    """A file that an export wrote.

    Attributes:
        path: Where it lies.
        size_bytes: Its size.
        sha256: Its hash, as hexadecimal digits.
    """

    path: Path
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportResult:
    """A model in another format, and how well it agrees with the original.

    Attributes:
        model: Shipped name or bundle folder.
        recipe: Name of its recipe.
        format: "onnx", "litert" or "openvino".
        precision: "float32" or "int8".
        files: The files; the one to open is the first.
        agreement: The probabilities of both on the test images, compared.
        accuracy: Accuracy of the original on the test images, a fraction.
        export_accuracy: Accuracy of the export.
    """

    model: str
    recipe: str
    format: str
    precision: str
    files: tuple[ExportedFile, ...]
    agreement: Agreement
    accuracy: float
    export_accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `tenfold export --json` prints."""
        document = asdict(self)
        accuracies = {"original": self.accuracy, "export": document.pop("export_accuracy")}
        files = [asdict(one) | {"path": str(one.path)} for one in self.files]
        return document | {"files": files, "accuracy": accuracies}


def export(
    model: Model,
    format: str = "onnx",
    *,
    quantize: bool = False,
    out: str | Path = FOLDER,
    data: AnyData | None = None,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> ExportResult:
    """Write a model in another format, after comparing it with the original on test images.

    No choice depends on the test images: the export agrees with the original, or is refused.

    Args:
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        format: "onnx", "litert" or "openvino".
        quantize: Export in int8, calibrated on training images.
        out: Folder for the files, made if missing; files of the same names are replaced.
        data: The data set whose test images are read; None takes the one trained on.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Folder of the MNIST files, if not the cache.
        progress: Draw a progress bar on stderr.

    Raises:
        UsageError: No such format, `out` is a file, or a file there is the model itself.
        MissingExtraError: The format needs packages that are not installed.
        ExportError: The conversion failed, or the export disagrees with the original.
        TenfoldError: No such model, or no data.
    """
    if format not in FORMATS:
        raise UsageError(no_such("format", format, FORMATS))
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give a folder")
    check_packages(format, quantize=quantize)
    bundle = open_bundle(model)
    name = bundle.folder.resolve().name + ("-int8" if quantize else "")
    if format == "onnx" and real_path(str(model)) == real_path(out / f"{name}.onnx"):
        raise UsageError(f"the export would replace {model}: give another folder")
    precision = "int8" if quantize else "float32"
    graph = graph_of(bundle)
    original = load_classifier(model)
    classes = len(original.classes)
    source = source_for(bundle.meta, data, as_=as_, data_dir=data_dir)
    test = load_test(source, classes_of(bundle), bundle.meta, progress=progress)
    images, labels = test.images, test.labels
    calibration = source.load("train").images[:CALIBRATION_IMAGES] if quantize else None
    with tqdm(total=2 * len(images), unit="image", disable=not progress, dynamic_ncols=True) as bar:
        bar.set_description("converting")
        files = exported(format, graph, lambda: bundle.read(KERAS), calibration)
        bar.set_description("original")
        before = predict_in_batches(
            original.predict_proba, images, _BATCH, classes, progress=bar.update
        )
        bar.set_description(format)
        with in_temporary_folder(files, name) as path:
            after = predict_in_batches(
                load_export(path), images, _BATCH, classes, progress=bar.update
            )
    agreement = check_agreement(before, after, precision)
    return ExportResult(
        model=str(model),
        recipe=bundle.meta["recipe"]["name"],
        format=format,
        precision=precision,
        files=_write(files, out, name),
        agreement=agreement,
        accuracy=float((before.argmax(axis=1) == labels).mean()),
        export_accuracy=float((after.argmax(axis=1) == labels).mean()),
    )


def _write(files: Files, out: Path, name: str) -> tuple[ExportedFile, ...]:
    make_folder(out)
    # The file to open is written last: if it exists, the others do too.
    for suffix, data in reversed(files.items()):
        write_atomic(out / f"{name}{suffix}", data)
    return tuple(
        ExportedFile(out / f"{name}{suffix}", len(data), sha256(data))
        for suffix, data in files.items()
    )
