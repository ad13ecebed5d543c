"""The report is read back as a browser would: tags, ids, addresses, numbers."""

import io
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_scenes import history, probabilities, training_report

pytest.importorskip("matplotlib")

import tenfold
from tenfold.errors import TenfoldError
from tenfold.evaluation.metrics import Prediction, evaluate
from tenfold.recipes.layers import LayerRow
from tenfold.reporting import figures
from tenfold.reporting.drawing import Drawing
from tenfold.reporting.sheets import (
    Tile,
    draw_cell,
    draw_confusion,
    draw_hardest,
    draw_tiles,
    shade,
)
from tenfold.training.report import render_report

VOID = {"meta", "img", "wbr", "br", "link", "input", "hr"}
SECTIONS = [
    "training", "confusion", "hardest", "digits", "calibration", "network", "making", "measuring",
]  # fmt: skip


@pytest.fixture(scope="module")
def report():
    return training_report()


@pytest.fixture(scope="module")
def page(report):
    return render_report(**report)


class Outline(HTMLParser):
    """Collects tags, ids and attributes, and complains about tags that do not match."""

    def __init__(self, html):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(html):
    return " ".join(unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.S)).split())


def test_tags_are_balanced_and_ids_unique(page):
    outline = Outline(page)
    assert page.startswith("<!DOCTYPE html>")
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.tags.count("svg") == 5
    assert outline.tags.count("img") == 6
    assert len(page) < 3_000_000


def test_references_inside_figures_resolve(page):
    outline = Outline(page)
    used = re.findall(r"url\(#([^)]+)\)", page)
    used += [v[1:] for name, v in outline.attributes if v and name.endswith("href")]
    assert used
    assert set(used) <= set(outline.ids)


def test_needs_nothing_from_outside(page):
    outline = Outline(page)
    assert not {"script", "link", "iframe", "object", "base"} & set(outline.tags)
    for name, value in outline.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href", "srcset", "action"):
            assert value
            assert value.startswith(("data:image/png;base64,", "#"))
    assert "://" not in page
    assert "@import" not in page


def test_has_every_section_and_figure_of_merit(page, report):
    outline = Outline(page)
    assert set(SECTIONS) <= set(outline.ids)
    text = text_of(page)
    evaluation = report["evaluation"]
    lower, upper = evaluation.accuracy_interval
    for expected in (
        f"{evaluation.accuracy:.2%} of 400 test digits read correctly",
        f"{evaluation.errors} errors in 400 images",
        f"{lower:.2%} to {upper:.2%}",
        "98,310 parameters, trained on 55,000 images of MNIST for 3 epochs in 1 min 37 s with the",
        f"Test loss {evaluation.loss:.4f}",
        f"Calibration error {evaluation.ece:.2%}",
        "Seed 7",
        "tenfold train --seed 7",
        "learning_rate 0.003",
        "batch_size 128",
        "keras 3.15.1",
        "cores 2",
        "ba" * 32,
        "training report of 2025-01-31 12:00:00 UTC",
        "conv1 convolution 26 × 26 × 32 90,310 Looks for strokes.",  # noqa: RUF001
        "Total, trainable 98,310",
        "opened once, after training had ended",
        "CC BY-SA 3.0",
    ):
        assert expected in text
    for hard in report["hardest"]:
        assert f"true {hard.label}, read as {hard.predicted}" in text
        assert f"no. {hard.index}" in text
    score = evaluation.per_class[3]
    row = re.search(r'<th scope="row">3</th>(.*?)</tr>', page, re.S)
    assert row
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
    missed = score.support - evaluation.confusion[3, 3]
    assert cells[:2] == [str(score.support), str(missed)]
    assert cells[2:] == [f"{v:.2%}" for v in (score.precision, score.recall, score.f1)]


def test_settings_at_the_default_and_facts_are_folded(report):
    recipe = report["meta"]["recipe"] | {
        "optimizer": {"name": "adam", "learning_rate": 0.003, "momentum": 0.9},
        "label_smoothing": 0.0,
        "members": 2,
    }
    html = render_report(**report | {"meta": report["meta"] | {"recipe": recipe}})
    folded = re.findall(r"<details>.*?</details>", html, re.S)
    text, hidden = text_of(html), text_of("".join(folded))
    for shown in ("optimizer. name adam", "learning_rate 0.003", "batch_size 128", "members 2"):
        assert shown in text
        assert shown not in hidden
    assert "2 settings at the default optimizer. momentum 0.9 label_smoothing 0.0" in hidden
    assert "keras 3.15.1" in hidden


def test_same_report_gives_same_page(page, report):
    assert render_report(**report) == page


HOSTILE = "</td><script>alert('x')</script>\"&$title ${n}<img src=x onerror=y>"


def test_hostile_text_stays_text(report):
    meta = {
        **report["meta"],
        "recipe": {"name": HOSTILE, "summary": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}},
        "created": HOSTILE,
        "command": HOSTILE,
        "seed": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
        "machine": {HOSTILE: [HOSTILE]},
        "data": {HOSTILE: HOSTILE},
    }
    layers = [LayerRow(HOSTILE, HOSTILE, (1,), 1, HOSTILE)]
    html = render_report(**report | {"meta": meta, "layers": layers})
    outline = Outline(html)
    assert "script" not in outline.tags
    assert outline.tags.count("img") == 6
    assert "onerror" not in [name for name, _ in outline.attributes]
    assert html.count("&lt;script&gt;") >= 10
    assert "${n}" in html


def test_a_single_epoch_has_no_curves(report, page):
    assert "Learning curves" in page
    single = render_report(**report | {"history": history(1)})
    assert "Learning curves" not in single
    Outline(single)


def test_it_says_when_an_epoch_takes_a_part_of_the_images(report, page):
    assert "trained on 55,000 images of MNIST" in page
    recipe = report["meta"]["recipe"] | {"epoch_images": 36_000}
    partly = render_report(**report | {"meta": report["meta"] | {"recipe": recipe}})
    assert "of MNIST for 3 epochs of 36,000 images in" in text_of(partly)


def test_history_must_have_rows(report):
    with pytest.raises(TenfoldError, match="history"):
        render_report(**report | {"history": []})


def hard(label, predicted):
    return Prediction(0, label, predicted, 0.7)


@pytest.mark.parametrize(
    ("errors", "hardest", "expected"),
    [
        (
            0,
            [hard(1, 1)],
            "All images were read correctly; these were read with the lowest confidence.",
        ),
        (1, [hard(1, 7)], "The only error."),
        (2, [hard(1, 7)], "The 1 of 2 errors with the highest confidence."),
        (
            1,
            [hard(1, 7), hard(2, 2)],
            "The only error, then the correct answers with the lowest confidence.",
        ),
        (2, [hard(1, 7), hard(2, 3)], "All 2 errors, the highest confidence first."),
    ],
)
def test_what_is_said_of_the_hardest(report, errors, hardest, expected):
    y_true = np.zeros(10, int)
    y_pred = np.array([1] * errors + [0] * (10 - errors))
    small = report | {
        "evaluation": evaluate(y_true, np.eye(10)[y_pred]),
        "hardest": hardest,
        "hardest_images": np.zeros((len(hardest), 28, 28), np.uint8),
    }
    assert expected in text_of(render_report(**small))


def drawn(figure):
    """All texts of a figure after it was drawn."""
    return [
        unescape(t)
        for t in re.findall(r"<text[^>]*>([^<]*)</text>", figures.inline_svg(figure, "f"))
    ]


def texts_of(drawing):
    return [unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", drawing.svg())]


def test_confusion_shows_counts_and_leaves_zeros_blank():
    confusion = np.diag([980] * 10)
    confusion[4, 9] = 13
    texts = texts_of(draw_confusion(confusion))
    assert texts.count("980") == 10
    assert texts.count("13") == 1
    assert texts.count("0") == 2  # row and column headings


def test_reliability_counts_every_image_once():
    evaluation = evaluate(*probabilities())
    figure = figures.plot_reliability(evaluation.reliability)
    upper, lower = figure.axes
    filled = [b for b in evaluation.reliability if b.count]
    assert len(filled) < 15
    assert [bar.get_height() for bar in lower.containers[0]] == [b.count for b in filled]
    dots = np.asarray(upper.lines[1].get_xydata())
    expected = 100 * np.array([[b.confidence, b.accuracy] for b in filled], float)
    np.testing.assert_allclose(dots, expected)


@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize("epochs", [1, 30])
def test_curves_show_every_epoch(epochs, validation):
    rows = history(epochs, validation)
    for plot, key in ((figures.plot_loss, "loss"), (figures.plot_learning_rate, "learning_rate")):
        (axes,) = plot(rows).axes
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), [row[key] for row in rows])
        assert len(axes.lines) == (2 if validation and key == "loss" else 1)
    figures.inline_svg(figures.plot_accuracy(rows), "accuracy")


def test_accuracy_axis_is_labeled_with_accuracies():
    rows = [{"epoch": e, "accuracy": a} for e, a in enumerate([0.9, 0.99, 0.999, 1.0], start=1)]
    texts = drawn(figures.plot_accuracy(rows))
    assert {"90", "99", "99.9", "100"} <= set(texts)
    (axes,) = figures.plot_accuracy(rows).axes
    assert axes.yaxis_inverted()
    flat = [{"epoch": e, "accuracy": a} for e, a in ((1, 0.10), (2, 0.13))]
    assert {"10", "13"} & set(drawn(figures.plot_accuracy(flat)))


def test_curves_bear_gaps_and_diverged_epochs():
    rows = history(4)
    rows[1]["loss"] = float("nan")
    del rows[2]["val_accuracy"]
    figures.inline_svg(figures.plot_loss(rows), "loss")
    figures.inline_svg(figures.plot_accuracy(rows), "accuracy")


def test_hardest_sheet_says_what_is_what():
    images = np.zeros((2, 28, 28), np.uint8)
    hardest = [Prediction(3, 4, 9, 0.98), Prediction(5, 1, 7, 0.9996)]
    assert texts_of(draw_hardest(images, hardest))[2:] == [
        "4 read as 9", "98.0%", "1 read as 7", "over 99.9%",
    ]  # fmt: skip


def test_a_sheet_has_a_row_for_every_group():
    tile = Tile(np.zeros((28, 28), np.uint8), "a 0", framed=True)
    one = draw_tiles("Sheet", {"first": [tile]})
    two = draw_tiles("Sheet", {"first": [tile], "second": [tile] * 7})
    assert texts_of(two)[:3] == ["Sheet", "first", "a 0"]
    assert two.height - one.height > one.height - 60  # the second group takes two rows


def test_long_captions_have_room_on_a_sheet():
    tile = Tile(np.zeros((28, 28), np.uint8), "Ankle boot read as Sneaker")
    lefts = re.findall(r'<text x="(\d+)"', draw_tiles("Sheet", {"": [tile] * 4}).svg())
    assert sorted(set(lefts)) == ["16", "304"]
    tile = Tile(np.zeros((28, 28), np.uint8), "Übergrößenträger read as a 'quoted' name")
    lefts = re.findall(r'<text x="(\d+)"', draw_tiles("Sheet", {"": [tile] * 4}).svg())
    assert set(lefts) == {"16"}


def test_letters_beyond_ascii_are_drawn():
    images = []
    for word in ("Ä", "ß", "é"):
        drawing = Drawing(40, 40, "")
        drawing.text(20, 20, word, 20, anchor="middle")
        drawing.upward_text(8, 30, word, 20)
        images.append(drawing.png())
    assert len(set(images)) == 3  # and not a box for each


def test_numbers_are_readable_on_every_shade():
    for share in np.linspace(0, 1, 21):
        drawing = Drawing(40, 40, "cell")
        draw_cell(drawing, 0, 0, 40, 40, shade(float(share)), "12")
        fill, text = re.findall(r'fill="(#\w{6})"', drawing.svg())[-2:]
        assert contrast(fill, text) >= 4.5


def test_upward_text_is_the_same_as_svg_and_as_png():
    drawing = Drawing(60, 120, "names")
    drawing.upward_text(30, 110, "a & b", 20)
    assert "a &amp; b" in drawing.svg()
    pixels = np.asarray(Image.open(io.BytesIO(drawing.png(1))).convert("L"))
    rows, columns = np.nonzero(pixels > 100)
    assert rows.max() <= 110
    assert rows.min() > 40
    assert abs(columns.mean() - 30) < 4


def luminance(color):
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one, other):
    """The contrast of two colors as WCAG 2 has it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_color_of_a_chart_is_a_pair_that_can_be_read():
    dark = figures.DARK
    lines = {figures.FAINT: 3, figures.AXIS: 1.5, figures.GRID: 1, figures.PAPER: 1}
    for light, on_dark in dark.items():
        assert contrast(light, figures.PAPER) >= lines.get(light, 4.5)
        assert contrast(on_dark, dark[figures.PAPER]) >= lines.get(light, 4.5)
    evaluation = evaluate(*probabilities())
    for figure in (figures.plot_loss(history()), figures.plot_reliability(evaluation.reliability)):
        svg = figures.inline_svg(figure, "f")
        pairs = re.findall(r"light-dark\((#\w{6}), (#\w{6})\)", svg)
        assert pairs
        assert all(dark[light] == on_dark for light, on_dark in pairs)
        assert svg.count("light-dark(") == len(pairs)


def test_figures_leave_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    figures.inline_svg(figures.plot_loss(history()), "loss")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "name", ["adapting/adapt", "comparing/compare", "comparing/labels", "tuning/report"]
)
def test_pages_of_any_data_set_speak_of_images(name: str) -> None:
    source = (Path(tenfold.__file__).parent / f"{name}.html").read_text()
    assert "digit" not in re.sub(r"<[^>]*>|\{[{%].*?[}%]\}", "", source, flags=re.DOTALL)
