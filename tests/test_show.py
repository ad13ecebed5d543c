"""`tenfold show` and `tenfold explain` as a user types them, and what they draw."""

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import Shell
from PIL import Image

import tenfold
from tenfold.classifiers.bundle import write_bundle
from tenfold.data import datasets
from tenfold.explaining import gradients, top_patches
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.reporting.drawing import Drawing, diverging_colors, heat_colors, mosaic

WITHOUT_KERAS = (
    "import sys\n"
    "sys.modules.update(dict.fromkeys(('keras', 'tensorflow', 'jax', 'torch', 'matplotlib',"
    " 'onnx', 'sklearn')))\n"
)


@pytest.fixture
def shell(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return shell


@pytest.fixture
def few_images(mnist, monkeypatch) -> None:
    """The first 250 test images instead of all, and three that are read wrongly."""
    chosen = [*range(250), 1232, 2130, 9729]
    monkeypatch.setattr(
        datasets, "_official", lambda *_: (mnist.test_images[chosen], mnist.test_labels[chosen])
    )
    monkeypatch.setattr(top_patches, "FILTERS", 4)
    monkeypatch.setattr(gradients, "ASCENT_STEPS", 12)


def width_of(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.size[0]


def whole(page: str) -> None:
    """Check that a page needs no other file and no address."""
    assert page.startswith("<!DOCTYPE html>")
    for word in ("src=", "href="):
        for part in page.split(word)[1:]:
            assert part[1:].startswith("data:"), part[:60]
    assert "<script" not in page
    assert "$" not in page


@pytest.mark.usefixtures("tensorflow", "few_images")
def test_show_leaves_a_page_and_its_figures(shell, digit_png: Path) -> None:
    code, out, _ = shell("show", "standard", "--picture", digit_png, "--out", "out", "--json")
    assert code == 0
    document = json.loads(out)
    names = {Path(name).name for name in document["figures"]}
    assert names == {
        f"{name}.{kind}"
        for kind in ("png", "svg")
        for name in (
            "feature-maps", "filters-conv1", "filters-conv2", "filters-conv3", "top-patches-conv1",
            "top-patches-conv2", "top-patches-conv3", "map", "confusion", "hardest",
        )
    }  # fmt: skip
    assert document["notes"] == []
    assert document["page"] == str(Path("out") / "index.html")
    page = Path("out", "index.html").read_text()
    whole(page)
    assert "A digit read as 7" in page
    assert str(digit_png.parent) not in page
    assert "gradient ascent" in page
    for name in document["figures"]:
        if name.endswith(".svg"):
            ElementTree.parse(name)
        else:
            assert width_of(Path(name)) > 500


@pytest.mark.usefixtures("few_images")
def test_show_in_the_base_install_says_what_it_leaves_out(tmp_path: Path, digit_png: Path) -> None:
    script = WITHOUT_KERAS + (
        "from tenfold.data import datasets\n"
        "real = datasets._official\n"
        "datasets._official = lambda *a: tuple(values[:120] for values in real(*a))\n"
        "from tenfold.cli import main; main.main(['show', 'tiny'])"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines() == [
        "tenfold: images synthesized for filters are left out: "
        'computing gradients needs more packages: pip install "tenfold[train]"',
        "tenfold: the map of the test images is left out: "
        't-SNE needs more packages: pip install "tenfold[compare]"',
    ]
    assert Path(result.stdout.strip()) == Path("show-tiny", "index.html")
    whole((tmp_path / "show-tiny" / "index.html").read_text())


@pytest.mark.usefixtures("tensorflow", "few_images")
def test_several_digits_and_a_blank(shell, mnist, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(gradients, "ASCENT_STEPS", 1)
    row = np.hstack(
        [np.pad(255 - image, 12, constant_values=255) for image in mnist.test_images[:4]]
    )
    large = Image.fromarray(row).resize((row.shape[1] * 3, row.shape[0] * 3))
    large.save("row.png")
    result = tenfold.show("tiny", picture="row.png")
    assert {"feature-maps", "feature-maps-2", "feature-maps-3"} <= set(result.figures)
    assert "feature-maps-4" not in result.figures
    assert "the first 3 of 4" in result.page
    Image.new("L", (200, 200), 255).save("blank.png")
    code, _, err = shell("show", "tiny", "--picture", "blank.png", "--out", "out")
    assert (code, err) == (1, "tenfold: no digit was found in blank.png\n")
    assert not Path("out").exists()


def test_explain_by_everything_there_is(shell, tensorflow, digit_png: Path) -> None:
    code, out, _ = shell("explain", digit_png, "--json", "--out", "why")
    assert code == 0
    document = json.loads(out)
    (digit,) = document["digits"]
    assert document["text"] == "7"
    assert list(digit["maps"]) == ["occlusion", "integrated-gradients", "grad-cam"]
    assert np.shape(digit["maps"]["occlusion"]) == (28, 28)
    assert digit["counterfactual"]["found"]
    assert digit["counterfactual"]["digit"] != 7
    page = Path("why", "index.html").read_text()
    whole(page)
    assert "Integrated gradients" in page
    ElementTree.parse(Path("why", "digit-1.svg"))
    assert width_of(Path("why", "digit-1.png")) > 500


def test_explain_in_the_base_install(tmp_path: Path, digit_png: Path) -> None:
    for arguments, code in ((["--single"], 0), (["--method", "grad-cam"], 1)):
        script = WITHOUT_KERAS + (
            "from tenfold.cli.main import main\n"
            f"main(['explain', {str(digit_png)!r}, *{arguments}])"
        )
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert result.returncode == code, result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert 'computing gradients needs more packages: pip install "tenfold[train]"' in (
            result.stderr
        )
        if code == 0:
            first, page = result.stdout.splitlines()
            assert first.startswith("7 (over 99")
            assert "would make it a" in first
            assert Path(page) == Path("explain-seven", "index.html")


def test_explain_any_classifier(digit_png: Path) -> None:
    class Votes(tenfold.Classifier):
        def predict_proba(self, images):
            return tenfold.load_classifier("tiny").predict_proba(images) ** 1

    found = tenfold.explain(digit_png, Votes(), single=True, methods=["occlusion"])
    assert found._repr_html_().startswith("<svg")
    assert found.digits[0].maps["occlusion"].max() > 0
    assert found.digits[0].counterfactual is None
    assert "integrated" not in found.page
    with pytest.raises(tenfold.TenfoldError, match="gradients need a model by name or folder"):
        tenfold.explain(digit_png, Votes(), methods=["grad-cam"])


@pytest.fixture
def plain_bundle(tmp_path: Path, tensorflow: None) -> Path:
    """A bundle without a convolution, fresh from the builder."""
    recipe = recipe_named("softmax")
    network = finish_network(recipe, build_network(recipe))
    network.save(tmp_path / "model.keras")
    contents = {
        "model.onnx": onnx_model(recipe, network_weights(network)),
        "model.keras": (tmp_path / "model.keras").read_bytes(),
    }
    figures = {"seed": 0, "parameters": 7850, "epochs": 1, "train_seconds": 1.0}
    meta = {"recipe": recipe_to_dict(recipe), "test": {"accuracy": 0.1}, **figures}
    return write_bundle(tmp_path / "plain", contents, meta).folder


@pytest.mark.usefixtures("few_images")
def test_a_network_without_convolutions(plain_bundle: Path, digit_png: Path) -> None:
    result = tenfold.show(plain_bundle)
    assert list(result.figures) == ["feature-maps", "map", "confusion", "hardest"]
    whole(result.page)
    why = tenfold.explain(digit_png, plain_bundle, single=True)
    assert list(why.digits[0].maps) == ["occlusion", "integrated-gradients"]
    with pytest.raises(tenfold.TenfoldError, match="needs a convolution, and softmax has none"):
        tenfold.explain(digit_png, plain_bundle, single=True, methods=["grad-cam"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["explain", "PNG", "--method", "magic"], 2, "no method 'magic'; there are: occlusion"),
        (["explain", "PNG", "--to", "12"], 2, "target of the counterfactual is 12"),
        (["explain", "PNG", "--out", "HERE"], 2, "beside the picture"),
        (["explain", "nothing.png"], 1, "nothing.png does not exist"),
        (["explain", "PNG", "--model", "nonsense"], 2, "no model 'nonsense'"),
        (
            ["explain", "blank.png", "--method", "counterfactual"],
            1,
            "no digit was found in blank.png; if",
        ),
        (["show", "nonsense"], 2, "no model 'nonsense'"),
        (["show", "tiny", "--picture", "nothing.png"], 1, "nothing.png does not exist"),
        (["show"], 2, "MODEL"),
    ],
)
def test_wrong_usage_is_one_line(
    shell, digit_png: Path, arguments, code: int, message: str
) -> None:
    Image.new("L", (90, 90), 255).save("blank.png")
    places = {"PNG": digit_png, "HERE": digit_png.parent}
    ended, out, err = shell(*(places.get(word, word) for word in arguments))
    assert (ended, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["blank.png"]


def test_a_default_folder_that_cannot_be_written_is_refused_first(shell, digit_png: Path) -> None:
    Path("show-tiny").touch()
    Path("explain-seven").touch()
    for arguments in (["show", "tiny", "--data", "missing"], ["explain", digit_png, "--to", "12"]):
        code, out, err = shell(*arguments)
        assert (code, out) == (2, "")
        assert err.endswith(" is not a folder: give another folder as --out\n")


def test_a_drawing_is_the_same_as_svg_and_as_png() -> None:
    drawing = Drawing(60, 40, "Two & three")
    drawing.image(10, 5, np.full((2, 2), 255, np.uint8), 5)
    drawing.box(30, 5, 10, 10, "#ff0000")
    drawing.line(0, 30, 60, 30, "#00ff00", 2)
    drawing.dots(np.array([[50.0, 10.0]]), 3, "#0000ff")
    drawing.text(2, 36, "a < b", 6)
    root = ElementTree.fromstring(drawing.svg())
    kinds = [element.tag.rpartition("}")[2] for element in root]
    assert kinds == ["title", "rect", "image", "rect", "line", "path", "text"]
    assert root[0].text == "Two & three"
    picture = Image.open(io.BytesIO(drawing.png(2)))
    assert picture.size == (120, 80)
    expected = {(30, 20): (255, 255, 255), (70, 20): (255, 0, 0), (60, 60): (0, 255, 0)}
    expected |= {(100, 20): (0, 0, 255), (4, 4): (13, 15, 19)}
    for place, color in expected.items():
        assert picture.getpixel(place) == color


def test_colors() -> None:
    assert heat_colors(np.array([0.0, np.nan, -5]), 1).max() < 10
    lightness = heat_colors(np.linspace(0, 1, 50), 1) @ [0.3, 0.6, 0.1]
    assert (np.diff(lightness) > -2).all()
    low, none, high = diverging_colors(np.array([-2.0, 0, 1]), 1)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert not none.any()
    sheet = mosaic(np.zeros((5, 3, 3), np.uint8), 2, gap=1, zoom=2)
    assert sheet.shape == (3 * 6 + 2, 2 * 6 + 1, 3)
