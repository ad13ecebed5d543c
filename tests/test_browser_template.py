"""The page that edits a template, in Chromium: mouse, keyboard, screen reader, widths."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import form_scenes
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, Page, expect

from tenfold.forms.editor.page import write_editor
from tenfold.forms.template import Template, load_template, template_from_dict, write_page

pytestmark = pytest.mark.browser

WIDE, HIGH = 500, 400
FIELDS: list[dict[str, Any]] = [
    {"name": "field 1", "box": [40, 60, 120, 30], "cells": 4},
    {"name": "field 2", "box": [40, 140, 200, 30]},
    {"name": "tick 1", "box": [300, 60, 24, 24], "kind": "tick"},
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    path = tmp_path_factory.mktemp("editor") / "form.json"
    sheet = form_scenes.Sheet(np.zeros((HIGH, WIDE), np.float32))
    sheet.print("Report of a meter reading", 40, 12, 22)
    for one in FIELDS:
        sheet.rectangle(tuple(one["box"]), 2, 0.8)
    page = write_page(path, sheet.gray)
    return template_from_dict(
        {"format": 1, "page": page.name, "width": WIDE, "height": HIGH, "fields": FIELDS},
        path.parent,
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, template: Template) -> Iterator[Page]:
    """The page; at the end, check that it logged no error and loaded nothing."""
    path = write_editor(template.page.parent / "form.json", template)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url)
            if request.url.startswith("http") else None)  # fmt: skip
    page.goto(path.as_uri())
    yield page
    context.close()
    assert not said


def saved(page: Page, path: Path) -> Template:
    """Save by the page, and return the template that it wrote, read as tenfold reads it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == "form.json"
    download.value.save_as(path)
    return load_template(path)


def field(page: Page, name: str) -> Any:
    return page.locator("#fields").get_by_role("button", name=name)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_what_is_shown_is_saved_unchanged(opened: Page, template: Template, tmp_path: Path) -> None:
    expect(opened.locator("#fields button")).to_have_count(3)
    assert saved(opened, tmp_path / "form.json").fields == template.fields
    expect(opened.locator("#state")).to_have_text("3 fields")


def test_fields_are_moved_drawn_sized_and_named_with_the_mouse(
    opened: Page, tmp_path: Path
) -> None:
    shown = opened.locator("#page").bounding_box()
    assert shown is not None
    scale = shown["width"] / WIDE

    def at(x: float, y: float) -> tuple[float, float]:
        assert shown is not None
        return shown["x"] + x * scale, shown["y"] + y * scale

    drag(opened, at(50, 70), at(70, 110))  # the comb
    drag(opened, at(300, 250), at(420, 290))  # a new field
    opened.get_by_label("Name").fill("amount")
    opened.locator("#c-kind").select_option("decimal")
    opened.get_by_label("Least value").fill("0")
    corner = field(opened, "amount").locator("u").bounding_box()
    assert corner is not None
    middle = (corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    drag(opened, middle, (middle[0] + 20 * scale, middle[1] + 10 * scale))
    found = saved(opened, tmp_path / "form.json")
    comb, amount = found["field 1"], found["amount"]
    assert comb.box == (60, 100, 120, 30)
    assert comb.cells == tuple((60 + 30 * n, 100, 30, 30) for n in range(4))
    assert np.abs(np.subtract(amount.box, (300, 250, 140, 50))).max() <= 2
    assert amount.to_dict()["constraint"] == {"kind": "decimal", "minimum": "0"}


def test_everything_can_be_done_by_keyboard(opened: Page, tmp_path: Path) -> None:
    field(opened, "field 1").focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_label("Name")).to_be_focused()
    opened.keyboard.type("student")
    field(opened, "student").focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Alt+Shift+ArrowRight"):
        opened.keyboard.press(key)
    opened.keyboard.press("Tab")
    expect(field(opened, "field 2")).to_be_focused()
    expect(field(opened, "field 2")).to_have_attribute("aria-pressed", "true")
    opened.keyboard.press("Delete")
    expect(opened.locator("#fields button")).to_have_count(2)
    opened.keyboard.press("Control+z")
    expect(opened.locator("#fields button")).to_have_count(3)
    opened.keyboard.press("n")
    expect(field(opened, "field 4")).to_be_focused()
    expect(opened.locator("#said")).to_have_text("New field 4")
    found = saved(opened, tmp_path / "form.json")
    assert [one.name for one in found.fields] == ["student", "field 2", "tick 1", "field 4"]
    assert found["student"].box == (41, 70, 130, 30)


def test_undo_goes_back_to_the_start(opened: Page, template: Template, tmp_path: Path) -> None:
    field(opened, "tick 1").focus()
    for _ in range(5):
        opened.keyboard.press("ArrowLeft")
    opened.locator("#kind").select_option("text")
    opened.locator("#cells").fill("3")
    undo = opened.get_by_role("button", name="Undo")
    for _ in range(3):
        undo.click()
    expect(undo).to_be_disabled()
    assert saved(opened, tmp_path / "form.json").fields == template.fields


@pytest.mark.parametrize("name", ["field 2", "field 2_confidence", "1st", "page", ""])
def test_a_wrong_name_is_not_saved(name: str, opened: Page) -> None:
    field(opened, "field 1").focus()
    opened.get_by_label("Name").fill(name)
    opened.get_by_role("button", name="Save").click()
    expect(opened.get_by_role("alert")).not_to_be_empty()
    expect(opened.get_by_label("Name")).to_be_focused()


@pytest.mark.parametrize(
    ("place", "value"),
    [("c-pattern", "[0-9"), ("c-pattern", "[A-Z]{3}"), ("c-minimum", "abc"), ("c-length", "1.5"),
     ("c-choices", "abc"), ("w", "12")],
)  # fmt: skip
def test_a_wrong_constraint_is_not_saved(place: str, value: str, opened: Page) -> None:
    field(opened, "field 1").focus()
    if place == "w":
        opened.locator("#cells").fill("5")
    opened.locator(f"#{place}").fill(value)
    opened.get_by_role("button", name="Save").click()
    alert = opened.locator("#problem")
    expect(alert).to_contain_text("field 1: ")
    expect(alert).to_be_in_viewport()
    expect(opened.locator(f"#{place}")).to_be_in_viewport()
    expect(opened.locator(f"#{place}")).to_be_focused()
    expect(opened.locator(f"#{place}")).to_have_attribute("aria-invalid", "true")
    opened.locator(f"#{place}").fill("")
    expect(alert).to_be_empty()
    expect(opened.locator(f"#{place}")).not_to_have_attribute("aria-invalid", "true")


def test_cells_keep_their_shares_whatever_is_typed_on_the_way(opened: Page, tmp_path: Path) -> None:
    field(opened, "field 1").focus()
    opened.locator("#cells").fill("5")
    opened.locator("#w").fill("")
    opened.locator("#w").press_sequentially("200")
    field(opened, "field 1").focus()
    for key in ("Alt+Shift+ArrowLeft", "Alt+Shift+ArrowRight"):
        for _ in range(18):
            opened.keyboard.press(key)
    cells = saved(opened, tmp_path / "form.json")["field 1"].cells
    assert [cell[2] for cell in cells] == [40] * 5


def test_one_field_is_no_plural(opened: Page) -> None:
    for name in ("field 2", "tick 1"):
        field(opened, name).press("Delete")
    expect(opened.locator("#state")).to_have_text("1 field, not saved")
    opened.locator("#cells").fill("1")
    expect(opened.locator("#list")).to_have_text(re.compile("field 1 1 cell$"))


def test_a_chosen_field_is_not_under_the_header(opened: Page) -> None:
    opened.set_viewport_size({"width": 1280, "height": 300})
    opened.evaluate("scrollTo(0, 9999)")
    opened.locator("#list button").first.click()
    header, box = opened.locator("header").bounding_box(), field(opened, "field 1").bounding_box()
    assert header
    assert box
    assert box["y"] >= header["y"] + header["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_the_page_fits(width: int, scheme: Any, browser: Browser, template: Template) -> None:
    first, *others = template.fields
    long = replace(template, fields=(replace(first, name="Übergrößenträger" * 4), *others))
    path = write_editor(template.page.parent / "form.json", long)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("aside").evaluate("aside => aside.scrollWidth <= aside.clientWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button')]"
        ".every(one => one.labels?.length || one.getAttribute('aria-label') || one.textContent)"
    )
    context.close()


def test_a_finger_on_a_phone(browser: Browser, template: Template) -> None:
    path = write_editor(template.page.parent / "form.json", template)
    context = browser.new_context(**serve.PHONE)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    buttons = [page.get_by_role("button", name=name) for name in ("Undo", "New field", "Save")]
    rows = {box["y"] for button in buttons if (box := button.bounding_box())}
    assert len(rows) == 1, "not in one row"
    small = [
        (place.inner_text(), box)
        for place in page.locator("button:not(.field), input, select, textarea").all()
        if (box := place.bounding_box()) and min(box["width"], box["height"]) < 44
    ]
    assert not small, "too small for a finger"
    corner = field(page, "field 1").locator("u").bounding_box()
    assert corner
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    cdp = context.new_cdp_session(page)
    for kind, move in (("touchStart", 18), ("touchMove", 38), ("touchMove", 58), ("touchEnd", 0)):
        points = [{"x": x + move, "y": y}] if move else []
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert int(page.get_by_label("Width").input_value()) > 130, "a finger beside the corner"
    context.close()
