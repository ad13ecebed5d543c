"""The page of a review: fields by their place in the order, and what is said of them."""

import json
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field, StrictInt
from starlette.responses import FileResponse

from tenfold.errors import TenfoldError
from tenfold.formatting import percent
from tenfold.forms.answers import NO, YES, Answer
from tenfold.forms.corrections import Correction
from tenfold.forms.estimate import report_text
from tenfold.forms.review.session import Review, StaleError
from tenfold.forms.template import FormField
from tenfold.forms.typed import typed_value
from tenfold.serving.http_errors import HttpError, add_error_handlers, error_response
from tenfold.serving.local import SHARED

PAGE = Path(__file__).parent / "page"

JPEG = b"\xff\xd8\xff"
"""Start of a JPEG file."""

MAX_BYTES = 10_000
"""Largest body of a request: one answer."""


class Said(BaseModel):
    """What somebody says of a field."""

    state: Literal["value", "empty", "unreadable"]
    value: str = Field("", max_length=200)
    revision: StrictInt
    anyway: bool = False


def create_review_app(review: Review, key: str) -> FastAPI:
    """Return the application of a review.

    Args:
        review: The review.
        key: First part of all paths, see `tenfold.serving.local`.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_error_handlers(app)

    @app.exception_handler(TenfoldError)
    async def handle_error(_: Request, error: TenfoldError) -> Response:
        return error_response(409 if isinstance(error, StaleError) else 500, str(error))

    @app.exception_handler(IndexError)
    async def handle_place(_: Request, error: IndexError) -> Response:
        return error_response(404, f"there is no field number {error}")

    @app.get(f"/{key}/")
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})

    @app.get(f"/{key}/state")
    def state() -> Response:
        return _json(_state(review))

    @app.get(f"/{key}/fields/{{place}}")
    def field(place: int) -> Response:
        return _json(_field(review, place))

    @app.get(f"/{key}/crops/{{place}}")
    def crop(place: int) -> Response:
        data = review.crop(place)
        if not data:
            raise HttpError(404, "the picture of this field was not kept")
        kind = "image/jpeg" if data.startswith(JPEG) else "image/png"
        return Response(data, media_type=kind, headers={"cache-control": "max-age=3600"})

    @app.post(f"/{key}/fields/{{place}}")
    def say(place: int, said: Said) -> Response:
        value = said.value.strip() if said.state == "value" else ""
        answer = review.item(place).answer
        form_field = review.answers.template[answer.name]
        # A rule is for what is on the paper: 12,50 may fit, and 12.50 in the table not.
        on_paper = _written(answer, form_field) if value == answer.value else value
        _check_value(said, on_paper, form_field)
        if said.state == "value":
            value = typed_value(value, form_field.field, answer.value)
        review.say(place, said.state, value, said.revision)
        return _json({"field": _field(review, place), "state": _state(review, place)})

    @app.get(f"/{key}/report")
    def report() -> Response:
        review.write_table()  # the last answers were given
        lines = report_text(review.report(), review.answers.table.name).splitlines()
        return _json({"lines": lines, "notes": review.notes})

    app.mount(f"/{key}/shared", StaticFiles(directory=SHARED), name="shared")
    app.mount(f"/{key}/static", StaticFiles(directory=PAGE), name="static")
    return app


def _json(document: dict[str, Any]) -> Response:
    """Return a document as JSON in ASCII: a name may hold bytes that are no UTF-8."""
    return Response(json.dumps(document), media_type="application/json")


def _state(review: Review, after: int = -1) -> dict[str, Any]:
    return {
        "table": review.answers.table.name,
        "title": review.choice.title,
        "by": review.by,
        "fields": len(review.items),
        "reviewed": review.reviewed,
        "next": review.next_open(after),
        "notes": review.notes,
    }


def _field(review: Review, place: int) -> dict[str, Any]:
    item = review.item(place)
    answer, form_field = item.answer, review.answers.template[item.answer.name]
    is_tick = form_field.kind == "tick"
    others = [
        {"text": one.text, "confidence": percent(one.probability)} for one in answer.alternatives
    ]
    return {
        "place": place,
        "source": item.source,
        "page": item.page + 1,
        "name": answer.name,
        "tick": is_tick,
        "read": answer.value,
        "written": _written(answer, form_field),
        "confidence": percent(answer.confidence),
        "why": answer.review,
        "rule": _rule(form_field),
        "alternatives": [{"text": text, "confidence": ""} for text in (YES, NO)]
        if is_tick
        else others,
        "said": _said(review.correction(place)),
        "revision": review.revision(place),
    }


def _said(correction: Correction | None) -> dict[str, str] | None:
    if correction is None:
        return None
    return {
        "state": correction.state,
        "value": correction.value,
        "by": correction.by,
        "at": correction.at,
    }


def _written(answer: Answer, field: FormField) -> str:
    """Return what was read as it is written on the paper: a date in the order of its parts."""
    for one in answer.alternatives[:1]:
        if typed_value(one.text, field.field, answer.value) == answer.value:
            return one.text
    return answer.value


def _rule(field: FormField) -> str:
    """Return what must stand in a field, for people; "" if anything may."""
    rule = field.field.to_dict() if field.field else {}
    parts = [f"{len(field.cells)} cells"] if field.cells else []
    for name, wording in _RULES.items():
        if name in rule:
            parts.append(wording.format(_shown(rule[name])))
    return ", ".join(parts)


_RULES = {
    "kind": "{}",
    "length": "{} digits",
    "pattern": "pattern {}",
    "choices": "one of {}",
    "check": "check digit by {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
}
"""Wording of each part of a constraint."""


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        some = ", ".join(map(str, value[:5]))
        return f"{some}, ..." if len(value) > 5 else some
    return str(value)


def _check_value(said: Said, value: str, field: FormField) -> None:
    """Refuse a value that cannot stand in a field; one that only breaks its rule, once.

    Raises:
        HttpError: 422.
    """
    if said.state != "value":
        return
    if not value:
        raise HttpError(422, "type what is written, or say that the field is empty")
    if not value.isprintable():
        raise HttpError(422, "the value holds characters that cannot be printed")
    if field.kind == "tick" and value not in (YES, NO):
        raise HttpError(422, f"a tick is {YES} or {NO}")
    if field.field and not said.anyway and not field.field.accepts(value):
        raise HttpError(422, f"{value} does not fit ({_rule(field)}): Enter again saves it anyway")
