"""Exports are converted, loaded by their own runtime, compared, and kept or refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_onnx_graph import UNUSUAL

from tenfold.classifiers.bundle import KERAS
from tenfold.classifiers.model_file import shipped_models
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.cli.main import main
from tenfold.errors import ExportError, MissingExtraError, UsageError
from tenfold.exporting import export as exporting
from tenfold.exporting import formats
from tenfold.exporting.agreement import check_agreement
from tenfold.exporting.export import export
from tenfold.exporting.formats import FORMATS, exported, in_temporary_folder, load_export
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.serialization import override

SUFFIXES = {"onnx": [".onnx"], "litert": [".tflite"], "openvino": [".bin", ".xml"]}


def check(model: str, format: str, quantize: bool, out: Path) -> dict:
    result = export(model, format, quantize=quantize, out=out).to_dict()
    name = f"{model}-int8" if quantize else model
    assert sorted(path.name for path in out.iterdir()) == [name + s for s in SUFFIXES[format]]
    assert result["precision"] == ("int8" if quantize else "float32")
    found = result["agreement"]
    assert found["images"] == 10_000
    assert found["same_labels"] >= (0.999 if quantize else 0.9999)
    assert abs(result["accuracy"]["export"] - result["accuracy"]["original"]) <= 0.001
    return result


@pytest.mark.parametrize(
    ("format", "quantize"),
    [("onnx", False), ("onnx", True), ("openvino", False)],
)
def test_formats(format: str, quantize: bool, tmp_path: Path, mnist) -> None:
    check("standard", format, quantize, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("model", shipped_models())
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("quantize", [False, True], ids=["float32", "int8"])
def test_every_shipped_model_in_every_format(
    model: str, format: str, quantize: bool, tmp_path: Path, mnist
) -> None:
    if quantize and model == "nano":  # int8 changes too much in a network of 682 weights
        with pytest.raises(ExportError, match=r"at least 99\.90% are required"):
            check(model, format, quantize, tmp_path)
    else:
        check(model, format, quantize, tmp_path)


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("format", [pytest.param("litert", marks=pytest.mark.engines), "openvino"])
def test_members_shifts_and_every_kind_of_layer(format: str, tmp_path: Path, mnist) -> None:
    recipe = override(UNUSUAL, {"members": 2, "tta_shifts": 1, "temperature": 0.01})
    finished = finish_network(recipe, *(build_network(recipe) for _ in range(2)))
    finished.save(tmp_path / KERAS)
    graph = onnx_model(recipe, network_weights(finished))
    images = mnist.train_images[:100]
    before = OnnxClassifier(graph).predict_proba(images)
    assert np.ptp(before) > 0.01
    files = exported(format, graph, (tmp_path / KERAS).read_bytes)
    with in_temporary_folder(files, "unusual") as path:
        np.testing.assert_allclose(load_export(path)(images), before, atol=1e-5)


def test_an_export_that_disagrees_is_refused_and_leaves_nothing(
    tmp_path: Path, mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = load_export

    def off(path: Path):
        return lambda images: np.roll(real(path)(images), 1, axis=1)

    monkeypatch.setattr(exporting, "load_export", off)
    with pytest.raises(ExportError, match=r"for 0\.00% of 10,000 test images.*nothing was"):
        export("standard", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_accepted_and_refused_agreement() -> None:
    rng = np.random.default_rng(0)
    before = rng.dirichlet(np.ones(10), 20_000).astype(np.float32)
    assert check_agreement(before, before, "float32").same_labels == 1
    with pytest.raises(ExportError, match=r"largest difference .* is 0\.001"):
        check_agreement(before, before + np.float32(0.001), "float32")
    check_agreement(before, before + np.float32(0.001), "int8")
    with pytest.raises(ExportError, match="mean difference"):
        check_agreement(before, before + np.float32(0.02), "int8")
    with pytest.raises(ExportError, match="nothing was written"):
        check_agreement(before, np.full_like(before, np.nan), "int8")
    swapped = before.copy()
    swapped[:19] = np.roll(swapped[:19], 1, axis=1)
    check_agreement(before, swapped, "int8")
    with pytest.raises(ExportError, match="same label"):
        check_agreement(before, swapped, "float32")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    for format, extra in (("litert", r"\[train,export\]"), ("openvino", r"\[export\]")):
        with pytest.raises(MissingExtraError, match=extra):
            export("standard", format, out=tmp_path / "new")
    with pytest.raises(MissingExtraError, match=r"onnx in int8 needs .*\[export\]"):
        export("standard", quantize=True, out=tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_failed_conversion_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('much\\nValueError: no network')"]
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda words, **options: start(failing, **options))
    with pytest.raises(ExportError, match=r"not convert the network: ValueError: no network$"):
        exported("litert", b"", lambda: b"no network")


def test_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format 'abacus'; there are: onnx, litert, openvino"):
        export("standard", "abacus")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        export("standard", out=tmp_path / "file")


def test_the_command(tmp_path: Path, mnist, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "standard", "--out", str(tmp_path), "--json"])
    assert ended.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"][0]["path"] == str(tmp_path / "standard.onnx")
    assert document["agreement"]["largest_difference"] == 0
    with pytest.raises(SystemExit):
        main(["export", "standard", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert "same label as the original for 100.00% of 10,000 test images" in said


def test_a_conversion_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    program = (
        "import sys, threading, time; from pathlib import Path;"
        "from tenfold.exporting.litert import _end_with_parent as end;"
        "folder = Path(sys.argv[1]);"
        "threading.Thread(target=end, args=[folder], daemon=True).start();"
        "print(flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        assert folder.exists()
        process.stdin.close()  # as when the other end is killed
        assert process.wait(30) == 1
    assert not folder.exists()
