"""The reference of the HTTP API, as Markdown, from its OpenAPI description; see docs/conf.py."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from markdown import plain, table

from tenfold.serving.app import create_app
from tenfold.serving.service import Service
from tenfold.serving.settings import Settings

PREFIX = "#/components/schemas/"


def http() -> str:
    """Return every endpoint, the statuses of errors, and the shapes of the documents."""
    service = Service("reader", Settings())
    description = create_app(service).openapi()
    endpoints = [
        (f"{method.upper()} {path}", one)
        for path, methods in description["paths"].items()
        for method, one in methods.items()
    ]
    parts = []
    for tag in dict.fromkeys(one["tags"][0] for _, one in endpoints):
        parts.append(f"## {tag}")
        for name, one in endpoints:
            if one["tags"][0] == tag:
                parts += _endpoint(name, one)
    parts += ["## Errors", "Every error is a document [Error](#error).", _errors(endpoints[0][1])]
    parts += [
        "## Metrics",
        "`GET /metrics` gives these, and those of the process.",
        _metrics(service),
    ]
    parts.append("## Documents")
    for name, schema in description["components"]["schemas"].items():
        parts += [f"### {name}", inspect.cleandoc(schema.get("description", "")), fields(schema)]
    return "\n\n".join(parts)


def _endpoint(name: str, one: dict[str, Any]) -> list[str]:
    parts = [f"### {name}", inspect.cleandoc(one["description"])]
    rows = [
        [
            f"`{parameter['name']}`",
            parameter["in"],
            _type(parameter["schema"]),
            plain(parameter.get("description", "")),
        ]
        for parameter in one.get("parameters", ())
    ]
    if rows:
        parts.append(table("parameter | place | type | meaning", rows))
    body = one.get("requestBody", {}).get("content", {})
    rows = _contents("request", body)
    for status, response in one["responses"].items():
        if status < "300":
            rows += _contents(f"response {status}", response.get("content", {}))
    parts.append(table("message | content types | content", rows))
    nested = [kind["schema"] for kind in body.values() if _is_nested(kind["schema"])]
    return [*parts, *("The document of the request:\n\n" + fields(schema) for schema in nested)]


def _contents(message: str, contents: dict[str, Any]) -> list[list[str]]:
    """Return rows for a request or response; content types of one shape share a row."""
    shapes: dict[str, list[str]] = {}
    for kind, content in contents.items():
        shown = "object, see below" if _is_nested(content["schema"]) else _type(content["schema"])
        shapes.setdefault(shown, []).append(f"`{kind}`")
    return [[message, ", ".join(kinds), shown] for shown, kinds in shapes.items()]


def _is_nested(schema: dict[str, Any]) -> bool:
    return any(
        "properties" in one or "items" in one for one in schema.get("properties", {}).values()
    )


def _errors(one: dict[str, Any]) -> str:
    rows = [
        [status, response["description"], ", ".join(f"`{one}`" for one in response["headers"])]
        if "headers" in response
        else [status, response["description"], ""]
        for status, response in one["responses"].items()
        if status >= "400"
    ]
    return table("status | reason | headers", rows)


def _metrics(service: Service) -> str:
    told = service.metrics.text().decode()
    rows = [
        [f"`{name}`", plain(help)]
        for name, help in re.findall(r"^# HELP (tenfold_\w+) (.*)", told, re.MULTILINE)
        if not name.endswith("_created")
    ]
    return table("metric | meaning", rows)


def fields(schema: dict[str, Any], columns: str = "field | type | meaning") -> str:
    """Return a table of the fields of a document, from its JSON schema.

    A field within a field is named after it: `lines[].text`; `*` stands for any name.
    """
    width = len(columns.split(" | "))
    return table(columns, [row[:width] for row in _rows(schema)])


def _rows(schema: dict[str, Any], within: str = "") -> Iterator[list[str]]:
    for name, one in schema.get("properties", {}).items():
        optional = "" if name in schema.get("required", ()) else " (optional)"
        yield [f"`{within}{name}`{optional}", _type(one), plain(one.get("description", ""))]
        yield from _rows(one, f"{within}{name}.")
        yield from _rows(one.get("items", {}), f"{within}{name}[].")
    if "additionalProperties" in schema:
        other = schema["additionalProperties"]
        yield [f"`{within}*`", _type(other), ""]
        yield from _rows(other, f"{within}*.")


def _type(schema: dict[str, Any]) -> str:
    """Return a schema as a phrase; other documents as links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    if isinstance(schema.get("type"), list):
        return " or ".join(_type(schema | {"type": kind}) for kind in schema["type"])
    if schema.get("type") == "array":
        return _array(schema)
    if list(schema.get("properties", {})) == ["file"]:
        return "a form with the field `file`: bytes"
    if schema.get("format") == "binary":
        return "bytes"
    return f"{schema.get('type', 'any value')}{_range(schema)}"


def _array(schema: dict[str, Any]) -> str:
    count = schema.get("minItems")
    length = f"{count}, each " if count is not None and count == schema.get("maxItems") else ""
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    return f"array of {length}{_type(schema['items'])}" if schema.get("items") else "array"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    return f", {low:g} or more" if low is not None else ""
