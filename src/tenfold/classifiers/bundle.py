"""The folder of a finished run: model.keras, model.onnx, meta.json, history, report.html."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tenfold.arrays import DIGITS
from tenfold.classifiers.base import ADVICE, Classifier
from tenfold.classifiers.meta import FORMAT, check_meta
from tenfold.classifiers.model_file import WEIGHTS, Model, as_model_file, shipped_models
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import BundleError, UsageError
from tenfold.files import is_special, parse_json, real_path, sha256, write_files
from tenfold.formatting import no_such
from tenfold.plugins import CLASSIFIERS, plugins

if TYPE_CHECKING:  # neither is needed for reading, which must start quickly
    from tenfold.classifiers.features import FeatureClassifier
    from tenfold.recipes.recipe import Recipe

META = "meta.json"
ONNX = "model.onnx"
INT8 = "model-int8.onnx"
LINE = "line.onnx"
KERAS = "model.keras"
RECIPE = "recipe.json"
HISTORY = "history.csv"
HISTORY_LINES = "history.jsonl"
REPORT = "report.html"

Runtime = Literal["onnxruntime", "openvino"]

MAX_META_BYTES = 2**20
"""Most bytes of a meta.json that is read; those of the shipped models have about 10,000."""

MAX_FILE_BYTES = 2**31 - 1
"""Most bytes of any other file that is read: what an ONNX file, one protobuf message, can hold."""


@dataclass(frozen=True)
class Bundle:
    """A finished run: its folder and the contents of meta.json (`check_meta`).

    Attributes:
        folder: The folder on disk; of a bundle in memory, one that would have its name.
        meta: The contents of meta.json.
        contents: The files of a bundle in memory; None for those in the folder.
    """

    folder: Path
    meta: dict[str, Any]
    contents: Mapping[str, bytes] | None = None

    def read(self, name: str) -> bytes:
        """Return the contents of one file, checked against its SHA-256 in meta.json.

        Raises:
            BundleError: The file is missing or altered, or it is a link to a file elsewhere.
        """
        if self.contents is not None:
            if name not in self.contents:
                raise BundleError(f"{self.folder.name} has no {name}: give a .keras file")
            return self.contents[name]
        path = self.folder / name
        try:
            data = _read_inside(path, MAX_FILE_BYTES)
        except OSError as error:
            raise BundleError(f"cannot read {path}: {error.strerror}") from error
        if sha256(data) != self.meta["files"].get(name):
            raise BundleError(f"{path} was altered: its SHA-256 does not match {META}; {ADVICE}")
        return data


def load_bundle(model: Model) -> Bundle:
    """Return a shipped model by name, or the bundle in a folder.

    Raises:
        BundleError: The run in the folder is unfinished or damaged, or the file is no model.
        UsageError: No such model or folder, or a file of one's own, which has no bundle.
    """
    if file := as_model_file(model):
        raise UsageError(f"{file} is {file.origin}: give a shipped model or a bundle folder")
    name = str(model)
    folder = WEIGHTS / name if name in shipped_models() else Path(name)
    if not folder.is_dir():
        from tenfold.recipes.catalog import RECIPES

        train = ""
        if folder.is_file():
            raise BundleError(
                f"{name} is no model: give a shipped model ({', '.join(_known_names())}), the"
                " folder that a training left, or a .keras or .onnx file"
            )
        if name in {recipe.name for recipe in RECIPES}:
            train = f"; {name} is a recipe: first train it (tenfold train --recipe {name})"
        message = no_such(
            "model", name, _known_names(), "give a bundle folder, or a .keras or .onnx file"
        )
        raise UsageError(message + train)
    try:
        meta = parse_json(_read_inside(folder / META, MAX_META_BYTES).decode())
        check_meta(meta)
    except FileNotFoundError:
        raise BundleError(f"{folder} holds no finished run: it has no {META}") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / META} cannot be used: {error}; {ADVICE}") from error
    return Bundle(folder, meta)


def _known_names() -> list[str]:
    return [*shipped_models(), *(plugin.name for plugin in plugins(CLASSIFIERS))]


def _read_inside(path: Path, most: int) -> bytes:
    """Read a file of a bundle, if it really is one.

    Raises:
        BundleError: It is no regular file, a link to another folder, or larger than `most` bytes.
        OSError: It cannot be read.
    """
    if is_special(path):
        raise BundleError(f"{path} is not a regular file; put the bundle's own file in its place")
    target = real_path(path)
    shipped = path.parent.parent == WEIGHTS  # some installers make every file a link
    if not shipped and target.parent != path.parent.resolve():
        raise BundleError(f"{path} links to another folder ({target}); put a copy in its place")
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise BundleError(f"{path} has more than {most:,} bytes; it is not a bundle's own file")
        return file.read(most)


def load_classifier(
    model: Model,
    *,
    int8: bool = False,
    runtime: Runtime = "onnxruntime",
    threads: int = 0,
    scale: float | None = None,
    offset: float = 0.0,
    classes: Sequence[str] | None = None,
) -> Classifier:
    """Return the classifier of a shipped model, of a bundle folder, or of a file of one's own.

    Only a .keras file needs Keras. A name that is neither shipped nor a folder may be a classifier
    of another installed package (docs/how-to/plugins.md).

    It carries the names of the classes and the settings of reading that meta.json holds, such as
    the model's threshold.

    Args:
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        int8: Use the int8 graph, which only the small shipped models have.
        runtime: "onnxruntime", or "openvino", which is faster for very many images
            (`OpenVinoClassifier`).
        threads: Threads for one call; 0 leaves their number to the runtime.
        scale: For a file: the network computes with `byte * scale + offset`. 1/255 if it was
            trained on images divided by 255. Needed unless the network plainly takes bytes: its
            input is uint8, or a Keras Rescaling layer of about 1/255 comes first.
        offset: For a file; see `scale`.
        classes: For a file: names of the classes, by label; "0", "1"... if not given.

    Raises:
        BundleError: The model's files are missing or altered, or a file of one's own has other
            inputs or outputs.
        MissingExtraError: The runtime is OpenVINO, and OpenVINO is not installed.
        UsageError: No such model or runtime; or no scale for a file that needs one.
    """
    if file := as_model_file(model, scale=scale, offset=offset, classes=classes):
        if int8 or runtime != "onnxruntime":
            raise UsageError(f"{file} is {file.origin}: leave int8 and runtime out")
        return file.load(threads)
    bundle = load_bundle(model)
    graph, name = graph_of(bundle, int8=int8), str(bundle.folder / _graph_name(int8))
    if runtime == "onnxruntime":
        classifier: Classifier = OnnxClassifier(graph, threads, name)
    elif runtime == "openvino":
        from tenfold.classifiers.openvino import OpenVinoClassifier

        classifier = OpenVinoClassifier(graph, threads, name=name)
    else:
        raise UsageError(no_such("runtime", runtime, get_args(Runtime)))
    _describe(classifier, bundle)
    return classifier


def _describe(classifier: Classifier, bundle: Bundle) -> None:
    """Give a classifier what meta.json says of it beside its graph.

    Raises:
        BundleError: meta.json names more or fewer classes than the graph has.
    """
    classes = classes_of(bundle)
    if len(classes) != len(classifier.classes):
        raise BundleError(
            f"{bundle.folder / META} names {len(classes)} classes, but the graph has "
            f"{len(classifier.classes)}; {ADVICE}"
        )
    classifier.name = bundle.folder.name
    classifier.classes = classes
    classifier.reading_settings = bundle.meta.get("reading", {})


def classes_of(bundle: Bundle) -> tuple[str, ...]:
    """Return the names of a bundle's classes, by label; the ten digits if meta.json has none."""
    return tuple(bundle.meta.get("classes", DIGITS))


def load_features(model: Model | Bundle) -> "FeatureClassifier":
    """Return the classifier of a model with the feature maps of its layers.

    Raises:
        BundleError: The model's files are missing, altered or of another version.
        UsageError: No such model.
    """
    from tenfold.classifiers.features import FeatureClassifier

    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    graph, recipe = graph_of(bundle), recipe_of(bundle)
    classifier = FeatureClassifier(graph, recipe, str(bundle.folder / ONNX))
    _describe(classifier, bundle)
    return classifier


def model_name(model: Model) -> str:
    """Return the name of a model: its shipped name, or that of its folder or file.

    Raises:
        BundleError: The run in the folder is unfinished or damaged.
        UsageError: There is no such model.
    """
    if file := as_model_file(model):
        return file.name
    return load_bundle(model).folder.resolve().name


def fingerprint(model: Model) -> str:
    """Return a SHA-256 that changes with what a model computes, its classes or its reading.

    Raises:
        BundleError: The model's file cannot be read.
        UsageError: There is no such model.
    """
    if file := as_model_file(model):
        return file.fingerprint()
    bundle = load_bundle(model)
    facts = [classes_of(bundle), bundle.meta.get("reading", {})]
    return sha256(graph_of(bundle) + json.dumps(facts, sort_keys=True).encode())


def recipe_of(bundle: Bundle) -> "Recipe":
    """Return the recipe that a bundle was trained with.

    Raises:
        BundleError: meta.json has no recipe, or one that this version of tenfold rejects.
    """
    from tenfold.recipes.serialization import recipe_from_dict

    try:
        return recipe_from_dict(bundle.meta["recipe"])
    except (KeyError, TypeError, UsageError) as error:
        raise BundleError(
            f"{bundle.folder / META} has no valid recipe: {error}; {ADVICE}"
        ) from error


def graph_of(bundle: Bundle, *, int8: bool = False) -> bytes:
    """Return the ONNX graph of a bundle, in float32 or in int8.

    Raises:
        BundleError: The bundle has no int8 graph, or a file is missing or altered.
    """
    if int8 and INT8 not in bundle.meta["files"]:
        raise BundleError(
            f"{bundle.folder.name} has no int8 graph; the shipped models nano and tiny have one"
        )
    return bundle.read(_graph_name(int8))


def _graph_name(int8: bool) -> str:
    return INT8 if int8 else ONNX


def summary_of(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a bundle that `tenfold evaluate --json` prints."""
    names = ("seed", "parameters", "epochs", "train_seconds", "test")
    summary = {"recipe": meta["recipe"]["name"]} | {name: meta[name] for name in names}
    return summary | {name: meta[name] for name in ("validation",) if name in meta}


def write_bundle(folder: Path, contents: Mapping[str, bytes], meta: Mapping[str, Any]) -> Bundle:
    """Write the files of a finished run into its folder, and meta.json with their hashes last.

    A folder without meta.json is no bundle, so an interrupted write never looks finished.

    Args:
        folder: Made if missing; files of the same names are replaced.
        contents: Files by name.
        meta: Values for meta.json; `format` and `files` are added.
    """
    hashes = {name: sha256(data) for name, data in contents.items()}
    full = {"format": FORMAT, **meta, "files": hashes}
    text = json.dumps(full, indent=2) + "\n"  # in ASCII: a class may have a name that is no UTF-8
    write_files(folder, {**contents, META: text.encode()})
    return Bundle(folder, full)


def history_files(rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return the files with one row per epoch: as CSV with a header, and as JSON Lines."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    return {HISTORY: text.getvalue().encode(), HISTORY_LINES: lines.encode()}
