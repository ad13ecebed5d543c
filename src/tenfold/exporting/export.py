"""Export: a finished model in another format, kept only if it agrees with the original."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tenfold.classifiers.bundle import KERAS, ONNX, load_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.exporting.agreement import agreement, to_dict
from tenfold.exporting.formats import FORMATS, Files, check_packages, exported, laid_out
from tenfold.exporting.quantizing import CALIBRATION_IMAGES
from tenfold.exporting.runtimes import Predict, runtime_for
from tenfold.files import make_folder, sha256, write_atomic

FOLDER = Path("exports")
"""Where exports go, if nobody says otherwise."""

_CHUNK = 500
"""Images between two moves of the progress bar."""


def export_model(
    model: str | Path,
    format: str = "onnx",
    *,
    quantize: bool = False,
    out: str | Path = FOLDER,
    data_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Write a model in another format, after it read the 10,000 test images as the original does.

    Nothing is chosen by the test images: the export agrees with the original, or is refused.

    Args:
        model: Shipped name or bundle folder.
        format: "onnx", "litert" or "openvino".
        quantize: Weights and sums in int8; training images say how large values get.
        out: Folder for the files, made if missing; files of the same names are replaced.
        data_dir: Where the MNIST files are, if not in the cache.
        progress: Draw a progress bar on stderr.

    Returns:
        What `tenfold export --json` prints.

    Raises:
        UsageError: No such format, or `out` is a file.
        MissingExtraError: The format needs packages that are not installed.
        ExportError: It could not be converted, or does not agree.
        TenfoldError: No such model, or no data.
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}: choose {', '.join(FORMATS)}")
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give a folder")
    check_packages(format, quantize=quantize)
    bundle = load_bundle(model)
    precision = "int8" if quantize else "float32"
    graph = bundle.read(ONNX)
    original = OnnxClassifier(graph)
    images, labels = load_mnist("test", data_dir)
    calibration = load_mnist("train", data_dir)[0][:CALIBRATION_IMAGES] if quantize else None
    name = bundle.folder.resolve().name + ("-int8" if quantize else "")
    with tqdm(total=2 * len(images), unit="image", disable=not progress, dynamic_ncols=True) as bar:
        bar.set_description("converting")
        files = exported(format, graph, lambda: bundle.read(KERAS), calibration)
        bar.set_description("original")
        before = _read(original.predict_proba, images, bar)
        bar.set_description(format)
        with laid_out(files, name) as path:
            after = _read(runtime_for(path), images, bar)
    found = agreement(before, after, precision)
    return {
        "model": str(model),
        "recipe": bundle.meta["recipe"]["name"],
        "format": format,
        "precision": precision,
        "files": _keep(files, out, name),
        "agreement": to_dict(found, precision),
        "accuracy": {
            "original": float((before.argmax(axis=1) == labels).mean()),
            "export": float((after.argmax(axis=1) == labels).mean()),
        },
    }


def _read(
    predict: Predict, images: npt.NDArray[np.uint8], bar: "tqdm[Any]"
) -> npt.NDArray[np.float32]:
    parts = []
    for start in range(0, len(images), _CHUNK):
        parts.append(predict(images[start : start + _CHUNK]))
        bar.update(len(parts[-1]))
    return np.concatenate(parts)


def _keep(files: Files, out: Path, name: str) -> list[dict[str, Any]]:
    make_folder(out)
    # The file to open comes last: where it is, the others are too.
    for suffix, data in reversed(files.items()):
        write_atomic(out / f"{name}{suffix}", data)
    return [
        {"path": str(out / f"{name}{suffix}"), "size_bytes": len(data), "sha256": sha256(data)}
        for suffix, data in files.items()
    ]
