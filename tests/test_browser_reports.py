"""Every kind of report in Chromium: it fits narrow windows, and its text has contrast."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import FAINT_TEXTS, LARGE_TEXT, UNREACHABLE
from conftest import Mnist
from PIL import Image
from report_scenes import probabilities as made_probabilities
from report_scenes import training_report

pytest.importorskip("playwright.sync_api")
pytest.importorskip("matplotlib")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser

from tenfold.adapting.held_out import measure_gain
from tenfold.adapting.report import render_adapted
from tenfold.arrays import DIGITS
from tenfold.comparing.report import render_comparison, render_labels
from tenfold.evaluation.metrics import evaluate
from tenfold.explaining.explain import explain
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.reporting.html import render_sections
from tenfold.scoring.report import write_score
from tenfold.scoring.score import score
from tenfold.training.report import render_report
from tenfold.tuning.report import render_search
from tenfold.tuning.space import default_space, space_to_dict, start_values

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent

NAMES = ("training", "adapted", "comparison", "labels", "search", "score", "explanation")


def search(best: int = 1) -> str:
    """The page of a search of three trials and one that was stopped."""
    recipe = recipe_named("mlp")
    space, rows = default_space(recipe), []
    start = start_values(recipe, space)
    for number, accuracy in enumerate((0.7, 0.75, None, 0.72)):
        state = "complete" if accuracy else "pruned"
        curve = (0.5, accuracy) if accuracy else (0.3,)
        settings = start | ({"dropout_rate": 0.1 * number} if number else {})
        rows.append(
            {"number": number, "state": state, "accuracy": accuracy, "curve": curve, "note": "",
             "settings": settings, "seconds": 2.5}
        )  # fmt: skip
    gain = {"mean": 0.01, "sd": 0.002, "n": 3}
    mean = {"mean": 0.71, "sd": 0.002}
    level = {"value": "silu", "own": False, "gain": gain, "accuracy": mean}
    found = {
        "recipe": "mlp", "trials": 4, "complete": 3, "pruned": 1, "failed": 0, "lost": 0,
        "data": "MNIST", "seconds": 12.0, "rows": rows,
        "start": {"trial": 0, "val_accuracy": 0.7, "settings": start},
        "best": {"trial": best, "val_accuracy": rows[best]["accuracy"],
                 "settings": rows[best]["settings"]},
        "importances": {"dropout_rate": 0.8, "depth": 0.2},
        "choices": {"start": {"mean": 0.7, "n": 3}, "dimensions": {"activation": [level]}},
        "plan": {"recipe": recipe_to_dict(recipe), "train_size": 500, "val_size": 500,
                 "images": 60_000},
    }  # fmt: skip
    return render_search(found, space_to_dict(space), start)


def adapted() -> str:
    """The page of a model that was adapted to 400 digits."""
    made = training_report()
    labels, probabilities = made_probabilities()
    correct = probabilities.argmax(axis=1) == labels
    before = correct & (np.arange(len(labels)) % 5 > 0)
    facts = {
        "from": "reader", "data": "digits", "digits": 400, "folds": 5, "test_accuracy_before": 0.99,
    }  # fmt: skip
    evaluation = evaluate(labels, probabilities)
    test = {"n": 400, "accuracy": 0.98, "accuracy_interval": evaluation.accuracy_interval}
    meta = made["meta"] | {
        "adapted": facts, "test": test, "classes": DIGITS, "reading": {"threshold": 0.5},
    }  # fmt: skip
    gain = measure_gain(before, correct, probabilities.max(axis=1) > 0.5)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    return render_adapted(
        meta, made["history"], gain, images, labels, probabilities.astype(np.float32)
    )


@pytest.fixture(scope="module")
def pages(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each kind of report."""
    folder = tmp_path_factory.mktemp("reports")
    digits = folder / "digits"
    for number in range(12):
        path = digits / str((mnist.test_labels[number] + (number == 0)) % 10) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - np.pad(mnist.test_images[number], 8)).save(path)

    def results(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((ROOT / "results" / f"{name}.json").read_text())
        return found

    images = {"train": mnist.train_images, "test": mnist.test_images}
    methods = ["occlusion", "counterfactual"]
    why = explain(path, "tiny", methods=methods, single=True)
    training = training_report()
    training["meta"]["classes"] = ["Übergrößenträger", "a & <b>", *"23456789"]
    texts = {
        "training": render_report(**training),
        "adapted": adapted(),
        "comparison": render_comparison(results("compare"), mnist.test_images),
        "labels": render_labels(results("labels"), images),
        "search": search(),
    }
    found = {name: folder / f"{name}.html" for name in texts}
    for name, text in texts.items():
        found[name].write_text(text, encoding="utf-8")
    found["score"] = write_score(score(digits), folder / "score")
    found["explanation"] = why.save(folder / "why")[0]
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_a_report_fits_the_window(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    scrolled = "element => element.scrollWidth > element.clientWidth"
    charts = page.locator(".charts .chart" if name == "search" else ".chart")
    assert [one for one in charts.all() if one.evaluate(scrolled)] == []
    assert [one for one in page.locator("figcaption").all() if one.evaluate(scrolled)] == []
    assert page.evaluate(UNREACHABLE) == []
    page.close()


def test_large_text_fits_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    large = browser.browser_type.launch(
        executable_path=serve.CHROMIUM, args=[*serve.QUIET, LARGE_TEXT]
    )
    page = large.new_page(viewport={"width": 390, "height": 800})
    for name, path in pages.items():
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert page.locator(".figures").evaluate_all(
            "every => every.every(one => one.scrollWidth <= one.clientWidth)"
        ), name
    large.close()


def test_a_number_with_a_doubtful_digit_stays_on_one_line(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    html = render_sections(
        eyebrow="", name="94553 ?45 553", heading="", facts="", lede="", sections=[]
    )
    page.set_content(html)
    words = page.locator("h1 strong span")
    heights = words.evaluate_all("words => words.map(word => word.getClientRects()[0].height)")
    assert len(heights) == 3
    assert len(set(heights)) == 1
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_text_has_contrast(
    browser: Browser, pages: dict[str, Path], name: str, scheme: Any
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    assert page.evaluate(FAINT_TEXTS) == []
    page.close()


def test_the_page_of_a_search_names_what_was_best() -> None:
    assert re.search(r"Trial 1\.\s+The unchanged recipe: 70\.00%\. Difference:", search())
    unchanged = search(best=0)
    assert "The unchanged recipe: no other trial is better." in unchanged
    assert "Difference:" not in unchanged


def test_faint_text_is_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        "<body style='background: #222; color: #ddd'>good <p style='color: #444'>faint</p>"
        "<svg><rect width='99' height='40' fill='#ddd'/><text y='20' fill='#ccc'>drawn</text></svg>"
    )
    assert [text for text, _ in page.evaluate(FAINT_TEXTS)] == ["faint", "drawn"]
    page.close()


def test_folded_settings_are_printed(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["training"].as_uri())
    folded = page.locator("details", has_text="Machine").locator("table").first
    assert not folded.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert folded.evaluate("element => element.checkVisibility()")
    ink = page.evaluate("getComputedStyle(document.querySelector('h2')).color")
    assert ink == "rgb(29, 33, 41)"
    page.close()
