"""Explanations mean something: they add up, follow the weights, and work on any classifier."""

import subprocess
import sys
from copy import copy
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.classifiers.base import Classifier, as_images
from tenfold.classifiers.bundle import load_bundle, load_classifier, load_features
from tenfold.classifiers.features import FeatureClassifier
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.cli.explain import _line
from tenfold.errors import UsageError
from tenfold.explaining import map as embedding
from tenfold.explaining.counterfactual import Counterfactual, Stroke, find_counterfactual
from tenfold.explaining.explain import BESIDE, DigitExplanation
from tenfold.explaining.explanation_figures import draw_explanation
from tenfold.explaining.gradients import GradientExplainer, load_gradients
from tenfold.explaining.occlusion import PATCH, log_odds, occlusion
from tenfold.explaining.receptive_field import convolutions, receptive_field
from tenfold.explaining.top_patches import PATCHES, collect_activations, top_patches
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.networks.deskew import undo_deskewing
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit, Line, Reading
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override, recipe_to_dict
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.saving import save_page


class Svm(Classifier):
    """A support vector machine on 500 training images, with the odds its margins suggest."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        from sklearn.svm import SVC

        self.machine = SVC(C=5, gamma=0.03).fit(images.reshape(len(images), -1) / 255, labels)

    def predict_proba(self, images) -> np.ndarray:
        batch = as_images(images).reshape(-1, 784) / 255
        margins = self.machine.decision_function(batch)
        powers = np.exp(2 * (margins - margins.max(axis=1, keepdims=True)))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def svm(mnist) -> Svm:
    pytest.importorskip("sklearn")
    return Svm(mnist.train_images[:500], mnist.train_labels[:500])


def read_correctly(classifier: Classifier, mnist, count: int) -> list[tuple[np.ndarray, int]]:
    images, labels = mnist.train_images[50_000:50_200], mnist.train_labels[50_000:50_200]
    right = classifier.predict_proba(images).argmax(axis=1) == labels
    return [(image, int(label)) for image, label in zip(images[right], labels[right])][:count]  # noqa: B905


def test_odds_are_powers_of_ten() -> None:
    answers = np.full((2, 10), 0.01 / 9, np.float32)
    answers[0, 3] = 0.99
    assert log_odds(answers, 3)[0] == pytest.approx(np.log10(99), abs=1e-4)
    certain = np.zeros((1, 10), np.float32)
    certain[0, 7] = 1
    assert log_odds(certain, 7) == [12]
    assert log_odds(certain, 1) == [-12]


@pytest.mark.parametrize("kind", ["svm", "standard"])
def test_the_ink_that_occlusion_names_matters_more_than_other_ink(kind: str, svm, mnist) -> None:
    classifier = svm if kind == "svm" else load_classifier("standard")
    rng = np.random.default_rng(0)
    losses = []
    for image, digit in read_correctly(classifier, mnist, 6):
        found = occlusion(classifier, image, digit)
        near_ink = np.pad(image, PATCH)
        for y, x in np.argwhere(found != 0):
            assert near_ink[y + 1 : y + 2 * PATCH, x + 1 : x + 2 * PATCH].any()
        ink = np.flatnonzero(image)
        order = ink[np.argsort(-found.ravel()[ink])]
        changed = np.stack([image.ravel()] * 2)
        changed[0, order[:20]] = 0
        changed[1, rng.permutation(ink)[:20]] = 0
        losses.append(-log_odds(classifier.predict_proba(changed.reshape(2, 28, 28)), digit))
    named, other = np.mean(losses, axis=0)
    assert named > other + 0.3


def test_covering_an_image_that_is_blank_says_nothing() -> None:
    assert not occlusion(load_classifier("tiny"), np.zeros((28, 28), np.uint8), 3).any()


def test_the_line_below_occlusion_is_about_ink_that_speaks_for_the_answer() -> None:
    values = np.zeros((28, 28))
    values[10, 10], values[20, 20] = 1, -2
    image = np.full((28, 28), 255, np.uint8)
    assert "odds up to 10x less" in draw_explanation(image, "1", {"occlusion": values}, None).svg()
    values[10, 10] = -0.5
    assert "odds up to 1.0x less" in draw_explanation(image, "1", {"occlusion": values}, None).svg()


@pytest.mark.parametrize("kind", ["svm", "standard"])
def test_counterfactuals_turn_the_answer(kind: str, svm, mnist) -> None:
    classifier = svm if kind == "svm" else load_classifier("standard")
    turned, to_runner_up = 0, 0
    for image, digit in read_correctly(classifier, mnist, 6):
        change = find_counterfactual(classifier, image)
        assert change.answer == digit
        answers = classifier.predict_proba(change.changed)[0]
        assert (answers.argmax() == change.target) or not change.found
        assert change.confidence == pytest.approx(answers[change.target])
        made = image
        for stroke in change.strokes:
            made = stroke.apply(made)
        np.testing.assert_array_equal(made, change.changed)
        turned += change.found and change.ink < 40
        to_runner_up += change.target == np.argsort(classifier.predict_proba(image)[0])[-2]
    assert turned >= 5
    assert to_runner_up >= 1


def test_a_digit_to_turn_to_may_be_named(mnist) -> None:
    classifier = load_classifier("standard")
    four = mnist.train_images[(mnist.train_labels == 4)][3]
    change = find_counterfactual(classifier, four, 9)
    assert (change.answer, change.target, change.found) == (4, 9, True)
    assert change.confidence > 0.5
    assert find_counterfactual(classifier, four, 4).target != 4


def test_strokes_add_and_erase() -> None:
    image = np.full((28, 28), 100, np.uint8)
    added = Stroke(14, 14, 8, 0.0, True).apply(image)
    taken = Stroke(14, 14, 8, np.pi / 2, False).apply(image)
    assert added[14, 14] == 255
    assert (added >= image).all()
    assert taken[14, 14] == 0
    assert (taken <= image).all()
    assert added[14, 11] == 255
    assert added[11, 14] == 100


@cache
def explainer_of(name: str) -> GradientExplainer:
    return load_gradients(load_bundle(name))


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("name", ["standard", "nano", "tiny", "reader"])
def test_integrated_gradients_are_complete(name: str, mnist) -> None:
    classifier = load_classifier(name)
    for image, digit in read_correctly(classifier, mnist, 1):
        shares = explainer_of(name).integrated_gradients(image, digit)
        whole, none = log_odds(classifier.predict_proba(np.stack([image, image * 0])), digit)
        assert shares.sum() == pytest.approx(whole - none, rel=0.01)
        assert not shares[image == 0].any()


@pytest.mark.usefixtures("tensorflow")
def test_they_are_complete_for_an_ensemble_that_reads_shifted_images(mnist) -> None:
    recipe = override(recipe_named("conv"), {"members": 2, "tta_shifts": 1})
    network = finish_network(recipe, *(build_network(recipe) for _ in range(2)))
    classifier = OnnxClassifier(onnx_model(recipe, network_weights(network)))
    image = mnist.train_images[5]
    shares = GradientExplainer(network, recipe).integrated_gradients(image, 2)
    whole, none = log_odds(classifier.predict_proba(np.stack([image, image * 0])), 2)
    assert shares.sum() == pytest.approx(whole - none, rel=0.01)
    assert GradientExplainer(network, recipe).grad_cam(image, 2).shape == (28, 28)


@pytest.mark.usefixtures("tensorflow")
def test_what_an_upright_image_shows_is_drawn_where_the_image_has_it(mnist) -> None:
    whole = explainer_of("nano")
    layers = recipe_to_dict(whole.recipe)["layers"]
    assert layers[0] == {"kind": "deskew", "width": 0.5}
    upright = copy(whole)
    upright.recipe = override(whole.recipe, {"layers": layers[1:]})
    for image, digit in read_correctly(load_classifier("nano"), mnist, 4):
        seen = upright.grad_cam(image, digit)
        drawn = whole.grad_cam(image, digit)
        np.testing.assert_allclose(drawn, undo_deskewing(seen, image, 0.5))
        assert np.abs(drawn - seen).max() > 0.01 * seen.max()


@pytest.mark.usefixtures("tensorflow")
def test_explanations_follow_the_weights(mnist) -> None:
    """The sanity check of J. Adebayo et al. 2018: with shuffled weights they are others."""
    recipe = load_features("standard").recipe
    rng = np.random.default_rng(0)
    network = build_network(recipe)
    trained = explainer_of("standard")
    for layer in trained.layers:
        arrays = [rng.permutation(w.ravel()).reshape(w.shape) for w in layer.get_weights()]
        network.get_layer(layer.name).set_weights(arrays)
    shuffled = GradientExplainer(
        finish_network(override(recipe, {"temperature": 1}), network), recipe
    )
    shuffled_onnx = OnnxClassifier(onnx_model(recipe, network_weights(network)))
    classifier = load_classifier("standard")
    alike: dict[str, list[float]] = {"gradients": [], "cam": [], "occlusion": []}
    for image, digit in read_correctly(classifier, mnist, 6):
        ink = image > 0
        pairs = {
            "gradients": [one.integrated_gradients(image, digit) for one in (trained, shuffled)],
            "cam": [one.grad_cam(image, digit) for one in (trained, shuffled)],
            "occlusion": [occlusion(one, image, digit) for one in (classifier, shuffled_onnx)],
        }
        for name, (one, other) in pairs.items():
            alike[name].append(rank_correlation(one[ink], other[ink]))
    for name, values in alike.items():
        assert abs(np.mean(values)) < 0.3, name


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    ranks = [values.argsort().argsort().astype(float) for values in (one, other)]
    return float(np.corrcoef(np.stack(ranks))[0, 1])


VARIED = override(
    recipe_named("conv"),
    {
        "layers": [
            {"kind": "conv", "filters": 8, "pool": 2, "pool_overlap": True, "padding": "same",
             "activation": "tanh"},
            {"kind": "conv", "filters": 8, "dilation": 2, "separable": True, "activation": "tanh"},
            {"kind": "depthwise", "dilation": 2},
            {"kind": "max_pool", "size": 3},
            {"kind": "conv", "filters": 8, "kernel_size": 2, "activation": "tanh"},
            {"kind": "global_average_pool"},
        ],
    },
)  # fmt: skip


def test_figures_of_an_earlier_page_are_removed(tmp_path: Path) -> None:
    one = Drawing(10, 10, "nothing")
    save_page("<p>", {"digit-1": one, "digit-2": one}, tmp_path)
    (tmp_path / "digit-3.png").touch()  # of the user
    save_page("<p>", {"digit-1": one}, tmp_path, "other.html")
    assert (tmp_path / "digit-2.png").is_file()
    paths = save_page("<p>", {"digit-1": one}, tmp_path)
    kept = {"digit-1.png", "digit-1.svg", "index.html"}
    assert {path.name for path in paths} == kept
    assert {path.name for path in tmp_path.iterdir()} == kept | {"digit-3.png", "other.html"}
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "index.html").write_text('<!-- figures: ["../digit-1"] -->')
    save_page("<p>", {}, tmp_path / "inner")
    assert (tmp_path / "digit-1.png").is_file()


@pytest.fixture(scope="module")
def varied(tensorflow: None) -> FeatureClassifier:
    network = finish_network(VARIED, build_network(VARIED))
    return FeatureClassifier(onnx_model(VARIED, network_weights(network)), VARIED)


@pytest.mark.parametrize("name", ["standard", "tiny", "reader", "varied"])
def test_a_unit_sees_its_field_and_nothing_else(name: str, varied) -> None:
    features = varied if name == "varied" else load_features(name)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    for layer in convolutions(features.recipe):
        field = receptive_field(features.recipe, layer)
        side = features.feature_maps(noise, [layer])[layer].shape[1]
        unit = side // 2
        seen = np.ones((28, 28), bool)
        low = int(np.floor(field.center(unit) - (field.size - 1) / 2))
        inside = slice(max(0, low), low + field.size)
        seen[inside, inside] = False
        other = np.where(seen, rng.integers(0, 256, (28, 28)), noise).astype(np.uint8)
        edge = noise.copy()
        edge[inside.start, inside] ^= 255
        before, outside, within = features.feature_maps(np.stack([noise, other, edge]), [layer])[
            layer
        ][:, unit, unit]
        np.testing.assert_allclose(outside, before, atol=1e-5)
        assert low <= 0 or np.abs(within - before).max() > 1e-3
    with pytest.raises(UsageError, match="no layer with feature maps"):
        receptive_field(features.recipe, features.before_logits)


@pytest.mark.parametrize("name", ["tiny", "nano"])
def test_top_patches_have_the_highest_activations(name: str, mnist) -> None:
    features = load_features(name)
    images = mnist.train_images[:100]
    seen = images
    if name == "nano":
        seen = np.rint(features.feature_maps(images, ["deskew1"])["deskew1"][..., 0] * 255)
        assert not np.array_equal(seen, images)
    found = collect_activations(features, images)
    np.testing.assert_allclose(found.probabilities, features.predict_proba(images), atol=1e-6)
    for one in top_patches(features, images, found):
        size = receptive_field(features.recipe, one.layer).size
        assert one.patches.shape == (len(one.filters), PATCHES, size, size)
        maps = features.feature_maps(images, [one.layer])[one.layer]
        highest = maps[..., one.filters].max(axis=(1, 2))
        np.testing.assert_allclose(one.peaks[:, 0], highest.max(axis=0), rtol=1e-5)
        assert (np.diff(one.peaks, axis=1) <= 0).all()
        assert all(len(set(row)) == PATCHES for row in one.images.tolist())
        around = np.pad(seen[one.images[0, 0]], size)
        windows = np.lib.stride_tricks.sliding_window_view(around, (size, size))
        assert (windows == one.patches[0, 0]).all(axis=(2, 3)).any()


@pytest.mark.usefixtures("tensorflow")
def test_synthesized_images_activate_more_than_test_images(mnist) -> None:
    features = load_features("tiny")
    filters = (0, 5, 11)
    synthesized = explainer_of("tiny").visualize_features("conv3", filters)
    field = receptive_field(features.recipe, "conv3")
    assert synthesized.shape == (3, field.size, field.size)
    image = np.zeros((3, 28, 28), np.uint8)
    low = int(np.floor(field.center(4) - (field.size - 1) / 2))
    image[:, low : low + field.size, low : low + field.size] = synthesized
    answers = features.feature_maps(image, ["conv3"])["conv3"][:, 4, 4]
    usual = features.feature_maps(mnist.train_images[:300], ["conv3"])["conv3"][:, 4, 4]
    for number, one in enumerate(filters):
        assert answers[number, one] > np.quantile(usual[:, one], 0.95)


def test_the_map_keeps_groups_together(monkeypatch) -> None:
    """All points as landmarks, then half of them, with the others placed among these."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 60)
    features = (rng.normal(size=(4, 30)) * 8)[labels] + rng.normal(size=(240, 30))
    for landmarks in (240, 120):
        monkeypatch.setattr(embedding, "LANDMARKS", landmarks)
        points = embedding.embed(features.astype(np.float32), [1, 2])
        assert (points.shape, points.dtype) == ((240, 2), np.float32)
        distances = np.square(points[:, None] - points).sum(axis=-1) + np.eye(240) * 1e9
        assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.98
    np.testing.assert_array_equal(points, embedding.embed(features.astype(np.float32), [1, 2]))


@pytest.mark.slow
def test_gradients_are_the_same_on_jax() -> None:
    pytest.importorskip("jax")
    script = (
        "import sys; from tenfold.networks.backend import use_backend; use_backend(sys.argv[1])\n"
        "from tenfold.classifiers.bundle import load_bundle\n"
        "from tenfold.data.mnist import load_mnist\n"
        "from tenfold.explaining.gradients import load_gradients\n"
        "image = load_mnist('train')[0][5]; tiny = load_gradients(load_bundle('tiny'))\n"
        "print(*tiny.integrated_gradients(image, 2).ravel(), *tiny.grad_cam(image, 2).ravel())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script, backend], capture_output=True, text=True, check=True
        ).stdout.split()
        for backend in ("tensorflow", "jax")
    ]
    tensorflow, jax = (np.array(one, float) for one in said)
    np.testing.assert_allclose(tensorflow, jax, atol=1e-3)


def test_a_digit_that_its_line_decided_says_what_it_is_alone(monkeypatch, mnist) -> None:
    seven, eight = (mnist.test_images[mnist.test_labels == digit][0] for digit in (7, 8))
    digits = (
        Digit(7, 0.99, (0, 0, 9, 9), False, seven),
        Digit(2, 0.98, (9, 0, 9, 9), False, eight),
    )
    reading = Reading((Line(digits),), 28, 28, 0)
    monkeypatch.setattr(Reader, "read_picture", lambda *_, **__: reading)
    found = tenfold.explain(seven, "tiny", methods=["counterfactual"], target=2)
    assert [one.alone for one in found.digits] == [7, 8]
    assert [one.to_dict()["alone"] for one in found.digits] == [7, 8]
    first, second = (one.figure.svg() for one in found.digits)
    assert "alone: " not in first
    assert "alone: 8 (" in second
    assert BESIDE in unescape(found.page)
    assert _line(found.digits[0]).startswith("7 (99.0%): ")
    assert _line(found.digits[1]).startswith("2 (98.0%), 8 if read alone: ")


def test_an_8_has_its_article() -> None:
    image = np.zeros((28, 28), np.uint8)
    change = Counterfactual(image, image, (), 3, 8, 0.2, found=False)
    explained = DigitExplanation(
        Digit(3, 0.9, (0, 0, 9, 9), False), 3, {}, change, Drawing(1, 1, "")
    )
    assert _line(explained).endswith("that makes it an 8")


@pytest.mark.parametrize("target", ["9", 4.5, 10, -1])
def test_a_target_is_a_digit(target: Any) -> None:
    with pytest.raises(UsageError, match="it must be 0 to 9"):
        tenfold.explain("missing.png", target=target)


def test_one_method_may_be_given_by_its_name() -> None:
    with pytest.raises(UsageError, match="no method 'oclusion'"):
        tenfold.explain("missing.png", methods="oclusion")


def test_a_target_without_a_counterfactual_is_refused() -> None:
    with pytest.raises(UsageError, match="leave out --to"):
        tenfold.explain("missing.png", methods=["occlusion"], target=3)
