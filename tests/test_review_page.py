"""The page of a review: what it shows, takes and refuses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import pytest
from answer_scenes import PNG, answers_to_review, make_answers, page

from tenfold.forms.answers import Alternative, Answer, Answers
from tenfold.forms.review.app import create_review_app
from tenfold.forms.review.queue import Choice
from tenfold.forms.review.session import Review, open_review
from tenfold.forms.typed import typed_value
from tenfold.reading.fields import Field
from tenfold.serving.listening import listen
from tenfold.serving.local import LocalGuard, LocalServer


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return answers_to_review(tmp_path)


@pytest.fixture
def client(answers: Answers) -> Iterator[httpx.Client]:
    with open_review(answers.table, Choice(), "ann") as review, served(review) as client:
        yield client


@contextmanager
def served(review: Review) -> Iterator[httpx.Client]:
    """Give a client of the page, served by a thread."""
    addresses: SimpleQueue[str] = SimpleQueue()
    guard = LocalGuard(create_review_app(review, "key"), 10_000)
    server = LocalServer(guard, listen("127.0.0.1", 0), "/key/", addresses.put)
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    try:
        with httpx.Client(base_url=addresses.get(timeout=30), trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)


def test_the_page_shows_fields_and_saves_what_is_said(client: httpx.Client) -> None:
    assert b"<!doctype html>" in client.get("").content
    for name in ("shared/base.css", "static/review.css", "static/review.js", "shared/icon.svg"):
        assert client.get(name).status_code == 200
    state = client.get("state").json()
    assert (state["fields"], state["reviewed"], state["next"]) == (6, 0, 0)
    field = client.get("fields/0").json()
    assert field | {"alternatives": 0} == {
        "place": 0, "source": "sheet-5.png", "page": 1, "name": "points", "tick": False,
        "read": "57", "written": "57", "confidence": "40.0%", "why": "unsure",
        "rule": "at least 0, at most 100",
        "alternatives": 0, "said": None, "revision": 0,
    }  # fmt: skip
    assert field["alternatives"][1] == {"text": "51", "confidence": "30.0%"}
    assert client.get("crops/0").content == PNG + b"\x05"
    answer = client.post("fields/0", json={"state": "value", "value": " 51 ", "revision": 0}).json()
    assert answer["field"]["said"]["value"] == "51"
    assert answer["field"]["revision"] == 1
    assert (answer["state"]["reviewed"], answer["state"]["next"]) == (1, 1)


def test_the_page_answers_two_browsers(client: httpx.Client) -> None:
    first = {"state": "value", "value": "51", "revision": 0}
    assert client.post("fields/0", json=first).status_code == 200
    second = client.post("fields/0", json=first | {"value": "59"})
    assert second.status_code == 409
    assert "meanwhile" in second.json()["error"]
    assert client.get("fields/0").json()["said"]["value"] == "51"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"state": "value", "value": "  ", "revision": 0}, 422, "type what is written"),
        ({"state": "value", "value": "5\n1", "revision": 0}, 422, "cannot be printed"),
        ({"state": "value", "value": "5" * 201, "revision": 0}, 422, "200"),
        ({"state": "maybe", "value": "5", "revision": 0}, 422, "state"),
        ({"state": "value", "value": "5"}, 422, "revision"),
        ({"state": "value", "value": "5" * 10_001, "revision": 0}, 413, "longer than"),
    ],
)
def test_the_page_refuses(body: dict[str, Any], status: int, message: str, client: httpx.Client):
    response = client.post("fields/0", json=body)
    assert response.status_code == status
    assert message in response.json()["error"]
    assert client.get("state").json()["reviewed"] == 0


def test_a_value_that_breaks_the_rule_is_saved_if_somebody_insists(client: httpx.Client) -> None:
    said = {"state": "value", "value": "501", "revision": 0}
    response = client.post("fields/0", json=said)
    assert response.status_code == 422
    assert response.json()["error"] == (
        "501 does not fit (at least 0, at most 100): Enter again saves it anyway"
    )
    assert client.post("fields/0", json=said | {"anyway": True}).status_code == 200
    assert client.get("fields/0").json()["said"]["value"] == "501"


@pytest.mark.parametrize(
    ("text", "conditions", "read", "value"),
    [
        ("2/11/1941", {"kind": "date"}, "1941-11-03", "1941-11-02"),
        ("1941-11-02", {"kind": "date"}, "1941-11-02", "1941-11-02"),
        ("1.234,50", {"kind": "decimal"}, "7", "1234.50"),
        ("12.5", {"kind": "decimal"}, "12.50", "12.50"),
        ("8.05", {"kind": "time"}, "", "08:05"),
        ("8.30:15", {"kind": "time"}, "08:30", "08:30:15"),
        ("0,0000001", {"kind": "decimal"}, "", "0.0000001"),
        ("12 34", {"length": 4}, "1235", "1234"),
        ("1 2-3", {"pattern": "[0-9]{2}-[0-9]"}, "", "12-3"),
        ("31.2.1941", {"kind": "date"}, "1941-11-03", "31.2.1941"),
        ("12 34", None, "1234", "12 34"),
    ],
)
def test_what_is_typed_is_held_as_the_table_holds_it(
    text: str, conditions: dict[str, Any] | None, read: str, value: str
) -> None:
    field = Field(**conditions) if conditions else None
    assert typed_value(text, field, read) == value


def test_a_date_is_shown_as_it_is_written(tmp_path: Path) -> None:
    written = Alternative("2/11/1941", 0.5)
    read = Answer("birthday", "1941-11-02", 0.5, review="unsure", alternatives=(written,))
    answers = make_answers(tmp_path, [page("a.png", read)])
    with open_review(answers.table, Choice(), "ann") as review, served(review) as client:
        field = client.get("fields/0").json()
        assert (field["read"], field["written"]) == ("1941-11-02", "2/11/1941")
        said = {"state": "value", "value": "02.11.1941", "revision": 0}
        assert client.post("fields/0", json=said).json()["field"]["said"]["value"] == "1941-11-02"
        assert not [one for one in [review.correction(0)] if one is None or one.wrong]


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        ({"kind": "decimal", "pattern": "[0-9]+,[0-9]{2}"}, "12,50", "12.50"),
        ({"kind": "date", "pattern": "[0-9/]+"}, "28/11/2026", "2026-11-28"),
        ({"kind": "integer", "length": 5}, "00742", "742"),
    ],
)
def test_what_was_read_is_accepted_as_the_table_holds_it(
    rule: dict[str, Any], text: str, value: str, tmp_path: Path
) -> None:
    fields = [{"name": "amount", "box": [40, 40, 240, 40], "constraint": rule}]
    fits = Answer("amount", value, 0.5, review="unsure", alternatives=(Alternative(text, 0.5),))
    breaks = Answer("amount", "7", 0.6, review="unsure", alternatives=(Alternative("7", 0.6),))
    answers = make_answers(tmp_path, [page("a.png", fits), page("b.png", breaks)], fields=fields)
    with open_review(answers.table, Choice(), "ann") as review, served(review) as client:
        said = {"state": "value", "value": value, "revision": 0}
        assert client.post("fields/0", json=said).json()["field"]["said"]["value"] == value
        refused = client.post("fields/1", json=said | {"value": "7"})
        assert "7 does not fit" in refused.json()["error"]


def test_a_name_that_is_no_utf_8_is_shown(answers: Answers) -> None:
    by = "an\udcffn"  # as os.fsdecode gives
    with open_review(answers.table, Choice(), by) as review, served(review) as client:
        said = {"state": "value", "value": "51", "revision": 0}
        assert client.post("fields/0", json=said).json()["field"]["said"]["by"] == by
        assert client.get("state").json()["by"] == by


def test_a_tick_is_yes_or_no(answers: Answers) -> None:
    choice = Choice(least_sure=7)
    with open_review(answers.table, choice, "ann") as review, served(review) as client:
        field = client.get("fields/6").json()
        assert [one["text"] for one in field["alternatives"]] == ["yes", "no"]
        said = {"state": "value", "value": "maybe", "revision": 0}
        assert client.post("fields/6", json=said).json()["error"] == "a tick is yes or no"
        assert client.post("fields/6", json=said | {"value": "no"}).status_code == 200


def test_the_page_is_for_this_machine_and_its_own_address(client: httpx.Client) -> None:
    said = {"state": "value", "value": "51", "revision": 0}
    address = client.base_url.netloc.decode()
    assert client.get("state", headers={"host": "evil.example"}).status_code == 400
    foreign = client.post("fields/0", json=said, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    own = client.post("fields/0", json=said, headers={"origin": f"http://{address}"})
    assert own.status_code == 200
    assert client.get(f"http://{address}/").status_code == 404
    assert client.get(f"http://{address}/other/state").status_code == 404
    for path in ("static/../app.py", "static/%2e%2e/app.py", "static//etc/passwd", "crops/../x"):
        assert client.get(path).status_code == 404
    for place in ("-1", "6", "99999999999999999999"):
        assert client.get(f"fields/{place}").status_code == 404
    assert client.get("fields/x").status_code == 422
    headers = client.get("").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_a_damaged_part_is_said_on_the_page(client: httpx.Client, answers: Answers) -> None:
    for part in answers.folder.glob("part-*.parquet"):
        part.write_bytes(b"nothing")
    response = client.get("crops/0")
    assert response.status_code == 500
    assert "part-00000000.parquet is damaged" in response.json()["error"]
