"""The documentation site: its reference is complete, it builds, and its links lead somewhere."""

import argparse
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

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
    assert re.search(r"^tenfold read photo\.jpg +# a line of text for every", text, re.MULTILINE)
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
    for linked in re.findall(r"\]\(#(\w+)\)", text):
        assert re.search(rf"^### {linked}$", text, re.MULTILINE | re.IGNORECASE), linked


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
