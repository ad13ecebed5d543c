"""Bundles whose files lie: each is one line that names the file, and no other file is opened."""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.classifiers.bundle import load_bundle, load_classifier, load_features
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.cli.main import main
from tenfold.errors import BundleError, TenfoldError, UsageError
from tenfold.files import sha256
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings

BLANK = np.zeros((28, 28), np.uint8)

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped model."""
    copy = tmp_path / "run"
    shutil.copytree(load_bundle("nano").folder, copy)
    return copy


def change(folder: Path, how: Change) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    how(meta)
    (folder / "meta.json").write_text(json.dumps(meta))


def put(folder: Path, name: str, data: bytes) -> None:
    """Put a file into a bundle, with the right hash."""
    (folder / name).write_bytes(data)
    change(folder, lambda meta: meta["files"].update({name: sha256(data)}))


def use(folder: Path) -> None:
    Reader(load_classifier(folder)).read(BLANK, single=True)


def one_line(error: pytest.ExceptionInfo[TenfoldError]) -> str:
    message = str(error.value)
    assert len(message) < 400
    assert "\n" not in message
    return message


@pytest.mark.parametrize("value", [None, True, -1, float("nan"), 10**300, "x", [], [["a"]]])
@pytest.mark.parametrize(
    "name", ["recipe", "seed", "epochs", "train_seconds", "reading", "classes", "data"]
)
def test_a_wrong_value_in_meta_json_is_named(folder: Path, name: str, value: Any) -> None:
    change(folder, lambda meta: meta.update({name: value}))
    with pytest.raises(BundleError, match=rf"meta\.json cannot be used: '{name}' is ") as error:
        use(folder)
    assert "restore the file or train the model again" in one_line(error)


@pytest.mark.parametrize(
    "name", ["format", "recipe", "seed", "parameters", "epochs", "train_seconds", "test", "files"]
)
def test_a_missing_value_in_meta_json_is_named(folder: Path, name: str) -> None:
    change(folder, lambda meta: meta.pop(name))
    with pytest.raises(BundleError, match=rf"meta\.json .*{name}") as error:
        use(folder)
    one_line(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 5000 + "]" * 5000,
        '{"format": 1' + "0" * 5000 + "}",
        "\xff",
        "{" * 99,
    ],
)
def test_a_meta_json_that_is_none_is_one_line(folder: Path, text: str) -> None:
    (folder / "meta.json").write_text(text, encoding="latin-1")
    with pytest.raises(BundleError, match=r"meta\.json cannot be used") as error:
        use(folder)
    one_line(error)


@pytest.mark.parametrize("files", [["model.onnx"], {"model.onnx": ["x"]}, {"model.onnx": None}])
def test_wrong_hashes_are_named(folder: Path, files: Any) -> None:
    change(folder, lambda meta: meta.update({"files": files}))
    with pytest.raises(BundleError, match=r"'files.*it must be"):
        use(folder)


@pytest.mark.parametrize(
    "reading",
    [
        {"threshold": None}, {"threshold": []}, {"threshold": float("inf")}, {"few_marks": "x"},
        {"few_marks": 1.5}, {"slants": []}, {"slants": [[1]]}, {"line_aspects": [1.0]},
        {"whole_lines": 1}, {"most_pieces": 10**9}, {"preprocessing": [[["x"] * 99] * 99]},
    ],
)  # fmt: skip
def test_wrong_settings_of_reading_are_named(folder: Path, reading: dict[str, Any]) -> None:
    change(folder, lambda meta: meta.update({"reading": reading}))
    with pytest.raises(BundleError, match=next(iter(reading))) as error:
        use(folder)
    one_line(error)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(BundleError, match=r"notes\.txt is no model: give a shipped model \(.*tiny"):
        load_classifier(tmp_path / "notes.txt")


def test_the_smallest_settings_are_no_error(folder: Path) -> None:
    page = np.pad(np.full((40, 8), 255, np.uint8), 20)
    smallest = {"rule_heights": 0, "slants": [0], "cuts_per_height": 0, "lowest_digit_share": 0}
    change(folder, lambda meta: meta.update({"reading": smallest}))
    Reader(load_classifier(folder)).read(page)


def test_wrong_settings_from_python_are_named() -> None:
    with pytest.raises(UsageError, match="slants is 3: give a list of numbers from 0 to 100"):
        ReaderSettings(slants=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["meta.json", "model.onnx"])
@pytest.mark.parametrize("target", ["../outside", "/outside", "loop", "fifo", "folder", "large"])
def test_only_regular_files_of_the_folder_are_opened(folder: Path, name: str, target: str) -> None:
    path = folder / name
    outside = folder.parent / "outside"
    path.rename(outside)
    if target == "fifo":
        os.mkfifo(path)
    elif target == "folder":
        path.mkdir()
    elif target == "large":
        with path.open("wb") as file:
            file.truncate(2**31)
    else:
        places = {"../outside": "../outside", "/outside": str(outside), "loop": name}
        path.symlink_to(places[target])
    with pytest.raises(BundleError, match=name) as error:
        use(folder)
    one_line(error)


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "final.onnx")
    (folder / "model.onnx").symlink_to("final.onnx")
    use(folder)


def graph_of(
    *,
    classes: int = 10,
    declared: int | None = None,
    weight: float = 0.0,
    external: str = "",
    constant: bool = False,
    shape: tuple[Any, ...] = ("n", 28, 28),
    dtype: int = 2,
    operator: str = "MatMul",
    domain: str = "",
) -> bytes:
    """Return an ONNX graph from `images` to `probabilities`, with one matrix and a softmax."""
    from onnx import helper, numpy_helper

    weights = numpy_helper.from_array(np.full((784, classes), weight, np.float32), "w")
    if external:
        weights.ClearField("raw_data")
        weights.data_location = 1
        for key, value in {"location": external, "length": str(784 * classes * 4)}.items():
            entry = weights.external_data.add()
            entry.key, entry.value = key, value
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=1),
        helper.make_node("Reshape", ["floats", "shape"], ["rows"]),
        helper.make_node(operator, ["rows", "w"], ["logits"], domain=domain),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    constants = [numpy_helper.from_array(np.array([-1, 784]), "shape")]
    if constant:
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=weights))
    else:
        constants.append(weights)
    outputs = [helper.make_tensor_value_info("probabilities", 1, ["n", declared or classes])]
    inputs = [helper.make_tensor_value_info("images", dtype, shape)]
    graph = helper.make_graph(nodes, "lies", inputs, outputs, initializer=constants)
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    data: bytes = helper.make_model(graph, opset_imports=sets, ir_version=8).SerializeToString()
    return data


def test_the_graph_of_these_tests_is_accepted(folder: Path) -> None:
    put(folder, "model.onnx", graph_of())
    use(folder)


@pytest.mark.parametrize(
    "graph",
    [
        b"", b"nonsense", b"\x08\x08ORTM" + bytes(99), graph_of()[:-9], graph_of(classes=5),
        graph_of(classes=5, declared=10), graph_of(weight=float("nan")),
        graph_of(shape=("n", 14, 56)), graph_of(shape=("n", 784)),
        graph_of(operator="Decode", domain="evil"), graph_of(operator="Loop"),
        graph_of().replace(b"\x08\x90\x06", b"\x08\xff\x7f"),  # a matrix of 16,383 rows
    ],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_graphs_that_lie_are_one_line(folder: Path, graph: bytes, runtime: Any) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    put(folder, "model.onnx", graph)
    with pytest.raises(BundleError, match=r"run/(model\.onnx|meta\.json names)") as error:
        load_classifier(folder, runtime=runtime).predict_proba(np.ones((28, 28)) * 9)
    assert "restore the file or train the model again" in one_line(error)


def test_a_graph_of_floats_is_one_line(folder: Path) -> None:
    put(folder, "model.onnx", graph_of(dtype=1))
    with pytest.raises(BundleError, match=r"run/model\.onnx is an ONNX model, but not one that"):
        load_classifier(folder)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the current folder that a graph could take weights from."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = tmp_path / "here" / "weights.bin"
    path.write_bytes(bytes(784 * 10 * 4))
    return path


@pytest.mark.parametrize("place", ["weights.bin", "../here/weights.bin", "{}"])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_weights_in_another_file_are_refused(
    folder: Path, weights: Path, place: str, constant: bool, runtime: Any
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    put(folder, "model.onnx", graph_of(external=place.format(weights), constant=constant))
    with pytest.raises(
        BundleError, match="keeps weights in other files, which are not opened"
    ) as error:
        load_classifier(folder, runtime=runtime)
    one_line(error)


def test_weights_in_another_file_are_refused_however_their_key_is_written(weights: Path) -> None:
    graph = graph_of(external="weights.bin")
    assert b"\x0a\x08location" in graph
    with pytest.raises(BundleError, match="other files"):
        OnnxClassifier(b"\x8a\x80\x00\x88\x00location")
    named = graph_of().replace(b"lies", b"location"[:4])
    OnnxClassifier(named)


def test_feature_maps_of_another_graph_are_one_line(folder: Path) -> None:
    put(folder, "model.onnx", graph_of())
    with pytest.raises(BundleError, match=r"run/model\.onnx") as error:
        load_features(folder)
    one_line(error)


def with_lambda(keras_file: bytes, place: Path, command: str) -> bytes:
    """Return a .keras file whose network also calls Python code when it is loaded or run."""
    place.write_bytes(keras_file)
    with zipfile.ZipFile(place) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    layer = config["config"]["layers"][-1]
    layer["class_name"], layer["registered_name"] = "Lambda", None
    layer["config"] = {"name": layer["name"], "function": {
        "class_name": "__lambda__", "config": {"code": command, "defaults": None, "closure": None},
    }}  # fmt: skip
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(place, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return place.read_bytes()


@pytest.mark.long
@pytest.mark.usefixtures("tensorflow")
def test_nothing_that_a_keras_file_describes_is_run(folder: Path, tmp_path: Path) -> None:
    from tenfold.explaining.gradients import load_gradients

    image = np.zeros((28, 28), np.uint8)
    image[5:23, 13:16] = 255
    honest = load_gradients(load_bundle(folder)).integrated_gradients(image, 1)
    code = with_lambda((folder / "model.keras").read_bytes(), tmp_path / "evil.keras", "x")
    put(folder, "model.keras", code)
    loaded = load_gradients(load_bundle(folder)).integrated_gradients(image, 1)
    np.testing.assert_array_equal(loaded, honest)  # weights alone are taken from it
    for data in (b"", b"nonsense", code[:-99], load_bundle("tiny").read("model.keras")):
        put(folder, "model.keras", data)
        with pytest.raises(BundleError, match=r"run/model\.keras does not hold the weights") as e:
            load_gradients(load_bundle(folder))
        one_line(e)


@pytest.mark.usefixtures("tensorflow")
def test_a_recipe_larger_than_the_weights_is_not_built(folder: Path) -> None:
    from tenfold.explaining.gradients import load_gradients

    change(folder, lambda meta: meta["recipe"]["layers"][0].update(filters=10**9))
    with pytest.raises(BundleError, match=r"does not hold the weights|no valid recipe"):
        load_gradients(load_bundle(folder))


@pytest.fixture(scope="module")
def opened() -> list[str]:
    """The files that Python opens from here on."""
    names: list[str] = []
    sys.addaudithook(lambda event, args: names.append(str(args[0])) if event == "open" else None)
    return names


@pytest.mark.parametrize(
    "verb",
    [
        ["read", "digit.png", "--model"], ["evaluate"], ["export"], ["show"],
        ["explain", "digit.png", "--model"], ["serve", "--port", "0", "--model"],
        ["batch", "digit.png", "out", "--model"], ["robustness"],
        ["compare", "--classifiers"],
    ],
    ids=lambda verb: verb[0],
)  # fmt: skip
@pytest.mark.parametrize("lie", ["link", "external", "null recipe", "names"])
def test_no_command_opens_a_file_outside(
    folder: Path, digit_png: Path, tmp_path: Path, verb: list[str], lie: str,
    opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(784 * 10 * 4))
    shutil.copy(digit_png, tmp_path / "digit.png")
    digest = sha256(secret)
    if lie == "link":
        (folder / "model.onnx").unlink()
        (folder / "model.onnx").symlink_to(secret)
        change(folder, lambda meta: meta["files"].update({"model.onnx": digest}))
    elif lie == "external":
        put(folder, "model.onnx", graph_of(external="secret.bin"))
    elif lie == "null recipe":
        change(folder, lambda meta: meta.update(recipe=None))
    else:
        change(folder, lambda meta: meta.update(files={"../secret.bin": digest}))
    monkeypatch.chdir(tmp_path)
    opened.clear()
    with pytest.raises(SystemExit) as end:
        main([*verb, str(folder)])
    assert end.value.code in (1, 2)
    assert not [name for name in opened if "secret" in name]
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("tenfold: ")
    assert "run/m" in message
