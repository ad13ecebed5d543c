"""The page of `tenfold review` in Chromium: a review by keyboard alone, and what is heard of it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from answer_scenes import make_answers, make_pages
from browsing import WAIT, watched_pages

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, Page, Route, expect

from tenfold.forms.answers import Alternative, Answer, Answers, PageAnswers
from tenfold.forms.corrections import corrections_file, load_corrections

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.fixture
def pages(mnist) -> list[PageAnswers]:
    """Eleven pages: the points of the first nine are doubtful, then a birthday, then a tick."""

    def doubtful(number: int, answer: Answer) -> Answer:
        if answer.name != ("points" if number < 9 else "birthday" if number == 9 else "paid"):
            return replace(answer, confidence=0.99, review=None)
        confidence = 0.4 + number / 20
        others = (answer.value, f"{answer.value[:-1]}{(number + 3) % 10}")
        alternatives = tuple(
            Alternative(text, confidence / place) for place, text in enumerate(others, 1)
        )
        return replace(
            answer, confidence=confidence, review="unsure",
            alternatives=() if answer.name == "paid" else alternatives,
        )  # fmt: skip

    made = make_pages(11, mnist.train_images, mnist.train_labels)
    return [
        replace(page, answers=tuple(doubtful(number, answer) for answer in page.answers))
        for number, page in enumerate(made)
    ]


@pytest.fixture
def answers(tmp_path: Path, pages: list[PageAnswers]) -> Answers:
    return make_answers(tmp_path, pages)


@pytest.fixture
def address(answers: Answers) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "tenfold",
        "review",
        str(answers.table),
        "--json",
        "--by",
        "ann",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield json.loads(server.stdout.readline())["address"]
        finally:
            server.terminate()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator:
    # Refused; aborted by a test.
    expected = "status of 4|net::ERR_FAILED"
    with watched_pages(browser, address, expected=expected) as opened:

        def open_page(**options) -> Page:
            page = opened(**{"viewport": {"width": 1200, "height": 800}} | options)
            page.goto(address)
            expect(page.locator("#count")).to_contain_text("reviewed")
            return page

        yield open_page


@pytest.fixture
def page(open_page) -> Page:
    return open_page()


def shows(page: Page, place: int) -> None:
    """Wait until a field is shown, with its picture."""
    expect(page.locator("#said")).to_contain_text(f"Field {place + 1} of ", timeout=WAIT)
    expect(page.locator("#frame")).not_to_have_class(re.compile("waiting"))


def test_a_review_by_keyboard_alone(page: Page, answers: Answers) -> None:
    total = int(page.locator("#progress").get_attribute("max") or 0)
    assert total == 11
    shows(page, 0)
    expect(page.locator("#value")).to_be_focused()
    name = page.locator("#name").text_content()
    read = page.locator("#value").get_attribute("placeholder")
    expect(page.locator("#said")).to_contain_text(f"Read {read}, confidence ")

    page.keyboard.press("Enter")  # accepts
    shows(page, 1)
    expect(page.locator("#said")).to_contain_text(f"Saved: {read}. Field 2 of {total}: ")
    page.keyboard.type("7")  # corrects
    expect(page.locator("#accept-text")).to_have_text("Save")
    page.keyboard.press("Backspace")
    expect(page.locator("#accept-text")).to_have_text("Accept")
    page.keyboard.type("951")
    page.keyboard.press("ArrowLeft")  # moves in the text
    page.keyboard.press("Backspace")
    expect(page.locator("#value")).to_have_value("91")
    page.keyboard.press("Enter")
    shows(page, 2)
    page.keyboard.press("u")
    shows(page, 3)
    page.keyboard.press("ArrowRight")  # says nothing of it
    shows(page, 4)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    shows(page, 2)
    expect(page.locator("#earlier")).to_contain_text("Reviewed by ann: unreadable")
    page.keyboard.press("e")
    shows(page, 3)
    for place in range(3, total):
        shows(page, place)
        page.keyboard.press("ArrowDown" if place < total - 1 else "y")
        chosen = page.locator("#options [aria-selected=true]")
        expect(chosen).to_have_count(1)
        assert page.locator("#value").get_attribute(
            "aria-activedescendant"
        ) == chosen.get_attribute("id")
        page.keyboard.press("Enter")
    expect(page.locator("#end-title")).to_be_focused()
    expect(page.locator("#said")).to_contain_text("All of these fields are reviewed")
    expect(page.locator("#report")).to_contain_text("--sample 200")
    saved = list(load_corrections(corrections_file(answers.table)).values())
    assert len(saved) == total
    assert (saved[0].name, saved[0].value, saved[0].by) == (name, read, "ann")
    assert saved[1].value == "91"
    assert (saved[2].state, saved[2].value) == ("empty", "")
    assert saved[-1].value == "yes"
    page.keyboard.press("ArrowLeft")
    shows(page, total - 1)
    expect(page.locator("#value")).to_be_focused()


def test_a_value_that_breaks_the_rule_is_saved_by_a_second_enter(page: Page) -> None:
    shows(page, 0)
    page.keyboard.type("951")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("951 does not fit (at least 0, at most 100)")
    page.keyboard.press("Escape")
    expect(page.locator("#note")).to_be_empty()
    page.keyboard.type("951")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("Enter again saves it anyway")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Saved: 951. Field 2")


def test_a_key_held_down_accepts_one_field(page: Page) -> None:
    shows(page, 0)
    page.keyboard.down("Enter")
    for _ in range(10):
        page.keyboard.down("Enter")  # repeats
    shows(page, 1)
    for _ in range(10):
        page.keyboard.down("Enter")
    page.wait_for_timeout(300)
    expect(page.locator("#count")).to_have_text(re.compile(r"^1 of "))


def test_nothing_is_accepted_before_its_picture_is_seen(open_page, answers: Answers) -> None:
    page = open_page()
    shows(page, 0)
    page.route("**/crops/*", lambda _: None)  # never answered
    page.reload()
    expect(page.locator("#value")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.locator("#count")).to_have_text(re.compile(r"^0 of "))
    assert not corrections_file(answers.table).exists()


def test_with_the_mouse(page: Page) -> None:
    shows(page, 0)
    page.locator("#options li").nth(1).click()
    chosen = page.locator("#options li").nth(1).get_attribute("data-text")
    expect(page.locator("#value")).to_have_value(chosen or "")
    expect(page.locator("#value")).to_be_focused()
    page.locator("#accept").click()
    shows(page, 1)
    page.locator("#unreadable").click()
    shows(page, 2)
    page.locator("#back").click()
    shows(page, 1)
    page.locator("#forward").click()
    shows(page, 2)


def test_two_browsers_at_once(open_page) -> None:
    ann, bob = open_page(), open_page()
    shows(ann, 0)
    shows(bob, 0)
    ann.keyboard.press("u")
    shows(ann, 1)
    bob.keyboard.press("Enter")
    expect(bob.locator("#note")).to_contain_text("meanwhile")
    expect(bob.locator("#earlier")).to_contain_text("Reviewed by ann: unreadable")
    bob.keyboard.press("Enter")  # having seen it
    shows(bob, 1)
    expect(bob.locator("#count")).to_have_text(re.compile(r"^1 of "))


def test_enter_keeps_what_was_said_before(page: Page, answers: Answers) -> None:
    shows(page, 0)
    page.keyboard.type("91")
    page.keyboard.press("Enter")
    shows(page, 1)
    page.keyboard.press("ArrowLeft")
    shows(page, 0)
    expect(page.locator("#value")).to_have_attribute("placeholder", "91")
    expect(page.locator("#accept-text")).to_have_text("Keep")
    page.keyboard.press("Enter")
    shows(page, 1)
    page.keyboard.press("u")
    shows(page, 2)
    page.keyboard.press("ArrowLeft")
    shows(page, 1)
    page.keyboard.press("Enter")
    shows(page, 2)
    first, second = load_corrections(corrections_file(answers.table)).values()
    assert (first.value, second.state) == ("91", "unreadable")


def test_an_answer_goes_to_the_field_that_is_shown(page: Page, answers: Answers) -> None:
    shows(page, 0)
    page.route("**/fields/*", lambda route: route.abort())
    page.route("**/crops/*", lambda route: route.abort())
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#note")).to_contain_text("The review has been stopped")
    where = page.locator("#where").text_content() or ""
    page.unroute("**/fields/*")
    page.unroute("**/crops/*")
    page.keyboard.type("99")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text(re.compile(r"^1 of "))
    (said,) = load_corrections(corrections_file(answers.table)).values()
    assert where == f"{said.source}, page {said.page + 1}"
    assert said.value == "99"


def test_what_is_typed_while_the_next_field_is_loaded_is_kept(page: Page) -> None:
    shows(page, 0)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/fields/0", hold)
    page.keyboard.press("Enter")
    page.keyboard.type("9e4")  # a letter would be a command in the field that comes
    page.wait_for_timeout(200)
    held[0].continue_()
    shows(page, 1)
    expect(page.locator("#value")).to_have_value("94")


def test_commands_count_while_a_reading_is_chosen(page: Page, answers: Answers) -> None:
    shows(page, 0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("u")
    shows(page, 1)
    page.locator("#forward").focus()
    page.keyboard.press("e")
    shows(page, 2)
    for place in range(2, 10):
        page.keyboard.press("ArrowRight")
        shows(page, place + 1)
    page.keyboard.press("y")
    page.keyboard.press("n")
    expect(page.locator("#value")).to_have_value("no")
    found = [one.state for one in load_corrections(corrections_file(answers.table)).values()]
    assert found == ["unreadable", "empty"]


def test_in_a_conflict_what_was_typed_stays(open_page) -> None:
    ann, bob = open_page(), open_page()
    shows(ann, 0)
    shows(bob, 0)
    ann.keyboard.press("u")
    shows(ann, 1)
    bob.keyboard.type("88")
    bob.keyboard.press("Enter")
    expect(bob.locator("#note")).to_contain_text("meanwhile")
    expect(bob.locator("#value")).to_have_value("88")


def test_a_long_text_keeps_the_page_in_its_width(page: Page) -> None:
    shows(page, 0)
    page.locator("#value").fill("9" * 200)
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("does not fit")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_when_the_command_has_ended(page: Page, answers: Answers) -> None:
    shows(page, 0)
    page.route("**/fields/0", lambda route: route.abort())
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("The review has been stopped")
    expect(page.locator("#value")).to_have_value("5")  # nothing typed is lost
    page.unroute("**/fields/0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1200])
def test_it_fits_and_has_contrast(open_page, width: int, scheme: str) -> None:
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    shows(page, 0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for one in page.locator("button:visible, input:visible").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 44  # a finger's width: WCAG 2.2, target size
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    for place in ("#name", "#where", "#why", "#rule", "#options li", "#count", ".keys"):
        assert contrast(page, place) >= 4.5, place
    assert contrast(page, "#accept") >= 4.5
    assert page.locator("#accept kbd").evaluate("key => getComputedStyle(key).opacity") == "1"


def contrast(page: Page, place: str) -> float:
    """Return the contrast of a text with what is behind it, as WCAG defines it."""
    return float(
        page.locator(place).first.evaluate(
            """element => {
              const channels = (text) => text.match(/[\\d.]+/g).map(Number);
              const linear = (value) =>
                value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
              const light = (text) => {
                const [r, g, b] = channels(text).slice(0, 3).map((value) => linear(value / 255));
                return .2126 * r + .7152 * g + .0722 * b;
              };
              let behind = element;
              const clear = (text) => channels(text)[3] === 0;
              while (behind && clear(getComputedStyle(behind).backgroundColor)) {
                behind = behind.parentElement;
              }
              const ink = light(getComputedStyle(element).color);
              const paper = light(getComputedStyle(behind ?? document.body).backgroundColor);
              return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
            }"""
        )
    )


def test_a_screen_reader_is_told_what_each_part_is(page: Page) -> None:
    shows(page, 0)
    box = page.get_by_role("combobox", name="What is written there?")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("listbox", name="Read as")).to_be_visible()
    assert page.get_by_role("option").count() >= 1
    expect(
        page.get_by_role("main").get_by_role("progressbar", name="Fields reviewed")
    ).to_be_visible()
    name = page.locator("#name").text_content()
    expect(page.get_by_role("img", name=f"The field {name} as it was written")).to_be_visible()
    expect(page.get_by_role("region", name=name)).to_be_visible()
    for button in ("Accept", "Back", "Skip", "Empty", "Unreadable"):
        expect(page.get_by_role("button", name=re.compile(button))).to_have_count(1)
