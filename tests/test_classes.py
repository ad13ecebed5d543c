"""Other classes than the ten digits: networks, figures, names, and what reads digits alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from served import PNG, Served

from tenfold import Reader
from tenfold.arrays import DIGITS
from tenfold.classifiers.bundle import META, ONNX, load_classifier, load_features, write_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import BundleError, UsageError
from tenfold.evaluation.metrics import evaluate
from tenfold.explaining.figures import draw_feature_maps, draw_map
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network
from tenfold.recipes.catalog import changed_settings, recipe_named
from tenfold.recipes.recipe import count_parameters, describe
from tenfold.recipes.serialization import override, recipe_from_dict, recipe_to_dict
from tenfold.reporting.sheets import draw_confusion
from tenfold.training.loop import fit

NAMES = ("boot", "bag", "T-shirt/top")
SHAPES = replace(override(recipe_named("softmax"), {"epochs": 2}), classes=3)


@pytest.fixture(scope="module")
def bundle(tensorflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    network = build_network(SHAPES)
    meta = {
        "recipe": recipe_to_dict(SHAPES), "classes": list(NAMES), "parameters": 2355,
        "seed": 0, "epochs": 2, "train_seconds": 1.0, "test": None,
    }  # fmt: skip
    write_bundle(folder, {ONNX: onnx_model(SHAPES, network_weights(network))}, meta)
    return folder


def test_a_recipe_has_a_number_of_classes() -> None:
    assert describe(SHAPES)[-1].output_shape == (3,)
    assert count_parameters(SHAPES) == 3 * 785
    assert describe(SHAPES)[-2].purpose == "One sum per class."
    assert recipe_from_dict(recipe_to_dict(SHAPES)) == SHAPES
    for wrong in (1, 257):
        with pytest.raises(UsageError, match=r"classes is .* between 2 and 256"):
            recipe_from_dict(recipe_to_dict(SHAPES) | {"classes": wrong})
    with pytest.raises(UsageError, match="classes follows from the training data"):
        override(SHAPES, {"classes": 4})


def test_the_number_of_classes_is_not_a_changed_setting() -> None:
    assert changed_settings(SHAPES) == {"epochs": 2}


def test_a_training_on_three_classes_learns(mnist, caplog) -> None:
    some = np.flatnonzero(mnist.train_labels < 3)[:3000]
    images, labels = mnist.train_images[some], mnist.train_labels[some]
    trained = fit(SHAPES, images[300:], labels[300:], validation=(images[:300], labels[:300]))
    assert trained.network.output_shape == (None, 3)
    assert trained.history[-1]["val_accuracy"] > 0.9
    assert not caplog.text.count("NOT LEARNING")


def test_chance_depends_on_the_number_of_classes(mnist, caplog) -> None:
    stuck = override(SHAPES, {"optimizer.learning_rate": 1e-12})
    fit(stuck, mnist.train_images[:500], mnist.train_labels[:500] % 3)
    assert "guessing gives 33.3%" in caplog.text


def test_a_classifier_has_names_of_classes(bundle: Path) -> None:
    image = np.zeros((28, 28), np.uint8)
    for classifier in (load_classifier(bundle), load_features(bundle)):
        assert classifier.classes == NAMES
        assert classifier.predict_proba(image).shape == (1, 3)
        assert classifier.predict_proba(np.zeros((0, 28, 28), np.uint8)).shape == (0, 3)
    assert OnnxClassifier(bundle / ONNX).classes == ("0", "1", "2")
    assert load_classifier("nano").classes == DIGITS


def test_openvino_has_names_of_classes(bundle: Path) -> None:
    pytest.importorskip("openvino")
    classifier = load_classifier(bundle, runtime="openvino")
    assert classifier.classes == NAMES
    assert classifier.predict_proba(np.zeros((28, 28), np.uint8)).shape == (1, 3)


def test_names_that_do_not_fit_the_graph_are_refused(bundle: Path, tmp_path: Path) -> None:
    meta = json.loads((bundle / META).read_text()) | {"classes": ["boot", "bag"]}
    (tmp_path / META).write_text(json.dumps(meta))
    (tmp_path / ONNX).write_bytes((bundle / ONNX).read_bytes())
    with pytest.raises(BundleError, match="names 2 classes, but the graph has 3"):
        load_classifier(tmp_path)


def test_a_reader_takes_the_ten_digits_alone(bundle: Path) -> None:
    classifier = load_classifier(bundle)
    for attempt in (lambda: Reader(classifier), lambda: Reader().with_classifier(classifier)):
        with pytest.raises(
            UsageError, match=r"3 classes \(boot, bag, T-shirt/top\); reading takes"
        ):
            attempt()


def test_a_server_gives_tensors_and_refuses_pictures(bundle: Path) -> None:
    server = Served("--model", str(bundle))
    try:
        model = f"/v2/models/{bundle.name}"
        assert server.ask(model).document["outputs"][0]["shape"] == [-1, 3]
        tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [0] * 784}
        body = json.dumps({"inputs": [tensor]}).encode()
        answer = server.ask(f"{model}/infer", body, {"Content-Type": "application/json"})
        assert answer.document["outputs"][0]["shape"] == [1, 3]
        for path in ("/predict", "/page/read"):
            refused = server.ask(path, b"any", PNG)
            assert refused.status == 400
            assert "classes are boot, bag, T-shirt/top; only models" in refused.document["error"]
    finally:
        server.end()


def test_figures_of_three_classes() -> None:
    y_prob = np.eye(3)[[0, 1, 2, 2]]
    evaluation = evaluate(np.array([0, 1, 2, 1]), y_prob)
    assert evaluation.accuracy == 0.75
    assert evaluation.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert [score.label for score in evaluation.per_class] == [0, 1, 2]


def test_drawings_name_the_classes(bundle: Path) -> None:
    matrix = draw_confusion(np.diag([3, 2, 1]), NAMES).svg()
    assert "T-shirt/top  2" in matrix
    few = draw_confusion(np.diag([3, 2]), ("a", "b"))
    assert few.width >= 300  # the title is wider than two cells
    letters = tuple("abcdefghijklmnopqrstuvwxyz")
    assert ">q<" in draw_confusion(np.eye(26, dtype=int), letters).svg()
    labels = np.array([0, 1, 2], np.uint8)
    spots = draw_map(np.eye(3, 2, dtype=np.float32), labels, np.array([0, 1, 1]), "map", NAMES)
    assert ">bag<" in spots.svg()
    network = load_features(bundle)
    image = np.zeros((28, 28), np.uint8)
    maps = {name: values[0] for name, values in network.feature_maps(image).items()}
    assert "T-shirt/top" in draw_feature_maps(image, maps, network.layers, "one", NAMES).svg()
