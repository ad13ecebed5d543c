"""The documentation site: its reference is complete, it builds, and its links lead somewhere."""

import argparse
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest
from conftest import Shell

import tenfold
from tenfold.cli.main import VERBS, build_parser
from tenfold.recipes.catalog import RECIPES

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def test_every_public_name_is_in_the_reference_once() -> None:
    pages = "".join(page.read_text() for page in (REFERENCE / "python").glob("*.md"))
    shown = re.findall(r"^\.\. auto\w+:: tenfold\.(\w+)$", pages, re.MULTILINE)
    assert sorted(shown) == sorted(set(tenfold.__all__) - {"__version__"})


def test_the_shell_reference_has_every_command_and_option() -> None:
    from shell_reference import shell

    text = shell()
    (verbs,) = [
        one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)
    ]
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
        _, _, rest = text.partition(f"\n### tenfold {name}\n")
        section, _, _ = rest.partition("\n### ")
        shown = set(re.findall(r"(--[a-z][\w-]*)", "".join(re.findall(r"{option} .*", section))))
        options = verbs.choices[name]._option_string_actions
        assert shown == {one for one in options if one.startswith("--")} - {
            "--help", "--quiet", "--json",
        }  # fmt: skip


def test_examples_of_commands_keep_their_comments() -> None:
    from shell_reference import shell

    text = shell()
    assert re.search(r"^# a line of text for every.*\ntenfold read photo\.jpg", text, re.MULTILINE)
    assert "train N seeds, starting with --seed (default: 1)" in text


def test_the_http_reference_has_every_endpoint_and_document() -> None:
    from http_reference import http

    text = http()
    assert re.findall(r"^### ((?:GET|POST) .*)", text, re.MULTILINE) == [
        "POST /predict",
        "GET /v2",
        "GET /v2/health/live",
        "GET /v2/health/ready",
        "GET /v2/models/{name}",
        "GET /v2/models/{name}/ready",
        "POST /v2/models/{name}/infer",
    ]
    assert "| `confidence` | number, 0 to 1 | |" in text
    assert "| `box` | array of 4, each integer | " in text
    assert "| `tenfold_requests_total` | Requests by endpoint and status. |" in text
    for linked in re.findall(r"\]\(#(\w+)\)", text):
        assert re.search(rf"^### {linked}$", text, re.MULTILINE | re.IGNORECASE), linked


@pytest.mark.long
@pytest.mark.usefixtures("inline", "mnist")
def test_the_schemas_describe_what_the_commands_print(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json_reference
    import jsonschema

    schemas = json.loads(json_reference.SCHEMAS.read_text())
    assert list(schemas) == list(json_reference.RUNS)
    json_reference.prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in json_reference.QUICK:
        for words in json_reference.RUNS[command]:
            printed = json.loads(shell(*words.split(), "--json")[1])
            assert "error" not in printed
            jsonschema.validate(printed, schemas[command])
            assert not unknown(printed, schemas[command]), words


def unknown(value: Any, schema: dict[str, Any], name: str = "") -> list[str]:
    """Return the fields of a document that its schema does not name."""
    if isinstance(value, list):
        return [more for one in value for more in unknown(one, schema.get("items", {}), name)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found = [f"{name}.{key}" for key in value if key not in schema["properties"]]
    for key, inner in schema["properties"].items():
        found += unknown(value.get(key), inner, f"{name}.{key}")
    return found


def test_a_schema_covers_all_documents_that_it_was_made_of() -> None:
    from json_reference import infer, merged, opened

    documents: list[Any] = [
        {"a": 1, "b": None, "c": [{"d": True}], "e": {"x.y": 1, "z": 2}, "n": None},
        {"a": 1.5, "b": "text", "c": [], "e": {"w": 3}, "n": None},
    ]
    assert opened(merged(map(infer, documents))) == {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "b": {"type": ["string", "null"]},
            "c": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"d": {"type": "boolean"}},
                    "required": ["d"],
                },
            },
            "e": {"type": "object", "additionalProperties": {"type": "integer"}},
            "n": {},
        },
        "required": ["a", "b", "c", "e", "n"],
    }


def test_the_reference_of_recipes_has_all_of_them() -> None:
    from recipe_reference import recipes

    text = recipes()
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [recipe.name for recipe in RECIPES]
    assert "`optimizer.name=adadelta`, `optimizer.learning_rate=1.0`" in text


def test_the_glossary_is_sorted() -> None:
    text = (REFERENCE / "glossary.md").read_text()
    terms = re.findall(r"^(\w.*)(?:\n\w.*)*\n  ", text, re.MULTILINE)  # the first of each entry
    assert len(terms) > 40
    assert terms == sorted(terms, key=str.lower)


class Page(HTMLParser):
    """What a page of the site links to, loads and can be linked at."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors = {""}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "shortcut icon"):
            self.loads.append(found["href"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    told = subprocess.run(
        [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet",
         ROOT / "docs", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_broken_links(site: Path) -> None:
    pages = {file: Page(file) for file in site.rglob("*.html")}
    assert len(pages) > 30
    for file, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(link)
            if not re.match(r"\w+:", target):
                linked = (file.parent / unquote(target)).resolve() if target else file
                if linked.parent.name == "demo":  # `make demo` copies it
                    linked = ROOT / "docs" / "demo" / linked.name
                assert linked.is_file(), f"{file.name}: {link}"
                if linked in pages:
                    assert unquote(anchor) in pages[linked].anchors, f"{file.name}: {link}"


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        for loaded in Page(file).loads:
            path = re.sub(r"\?.*", "", loaded)
            folder = ROOT / "docs" if path.startswith("demo/") else file.parent  # see make demo
            assert loaded.startswith("data:") or (folder / path).is_file(), loaded
    for file in site.rglob("*.css"):
        text = file.read_text(encoding="utf-8")
        assert "@import" not in text
        for _, loaded in re.findall(r"url\((['\"]?)(.*?)\1\)", text):
            assert loaded.startswith("data:") or (file.parent / loaded).is_file(), loaded
