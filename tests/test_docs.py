"""What README and docs show is tried: commands, snippets, tables, links."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from answer_scenes import make_answers, make_pages

from tenfold.classifiers.bundle import load_bundle
from tenfold.classifiers.model_file import shipped_models
from tenfold.cli.main import VERBS, build_parser, main
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import DEFAULT_MODEL
from tenfold.recipes.catalog import RECIPES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
# The steps of a tutorial build on each other: test_tutorials.py follows them.
ON_THEIR_OWN = [name for name in NAMES if not name.startswith("docs/tutorials/")]
ON_ENGINES = ("docs/how-to/exporting.md",)  # LiteRT
GENERATED = "<!-- generated: "  # begins the mark for what docs/conf.py puts into a page
# Minutes each, or for ever, or they need pictures of your own: other tests run them, shorter.
TOO_LONG = (
    "train",
    "adapt",
    "serve",
    "tune",
    "robustness",
    "score",
    "show",
    "compare",
    "labels",
    "batch",
    "review",
    "template",
)
NEEDED = ("export",)  # what it leaves is what the page's snippets open: run with them


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    return [
        (name, line)
        for name in ON_THEIR_OWN
        for block in blocks(ROOT / name, "sh")
        for line in block.splitlines()
        if shlex.split(line, comments=True)
    ]


def different(commands: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the first of the commands that differ in their comments only."""
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for page, line in commands:
        found.setdefault(tuple(shlex.split(line, comments=True)), (page, line))
    return list(found.values())


@pytest.mark.parametrize("name", NAMES)
def test_comments_are_above_their_commands(name: str) -> None:
    # Behind them, phones cut them off.
    for block in blocks(ROOT / name, "sh"):
        assert not re.findall(r"^[^#\n].* # .*", block, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_in_double_quotes(name: str) -> None:
    # Windows takes single quotes as part of the argument.
    page = ROOT / name
    inline = re.findall(r"`((?:pip|tenfold|curl) [^`]*)`", page.read_text())
    shell = "\n".join([*blocks(page, "sh"), *blocks(page, "bash"), *inline])
    assert not re.findall(r"^[^#\n]*'.*", shell, re.MULTILINE)


@pytest.fixture
def somewhere(tmp_path: Path, digit_png: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(digit_png, tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def own_network(tensorflow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network as readers may have one, in a file; it takes pixels in 0..1."""
    import keras

    path = tmp_path_factory.mktemp("own") / "mine.keras"
    keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 5, activation="relu"),
         keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    ).save(path)  # fmt: skip
    return path


@pytest.mark.long
@pytest.mark.parametrize(("page", "line"), different(commands()), ids=lambda value: value[:60])
def test_commands(
    page: str, line: str, somewhere: Path, mnist, request: pytest.FixtureRequest
) -> None:
    if "mine.keras" in line:
        shutil.copy(request.getfixturevalue("own_network"), somewhere / "mine.keras")
    words = shlex.split(line.partition(" > ")[0], comments=True)
    if "mine" in words:  # which an earlier command of the page leaves
        shutil.copytree(ROOT / "src/tenfold/weights/reader", somewhere / "mine")
    if "--report" in words:  # of a table that an earlier command of the page leaves
        make_answers(somewhere, make_pages(4, mnist.train_images, mnist.train_labels))
    if words[0] == "make":
        dry = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, check=False)
        assert dry.returncode == 0, dry.stderr
        return
    if words[0] == "python":
        module = words[2] if words[1] == "-m" else ""
        assert find_spec(module) if module else (ROOT / words[1]).is_file()
        return
    assert words[0] == "tenfold"
    build_parser().parse_args(words[1:])
    reads_scans = words[1] == "form" and "--report" not in words
    left_to_snippets = words[1] in NEEDED and "mine.keras" not in words
    if words[1] not in TOO_LONG and not reads_scans and not left_to_snippets:
        with pytest.raises(SystemExit) as ended:
            main(words[1:])
        assert ended.value.code == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.engines] * (name in ON_ENGINES))
     for name in ON_THEIR_OWN],
)  # fmt: skip
def test_snippets(
    name: str, somewhere: Path, mnist, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("tenfold.comparing.compare.CORRUPTED_IMAGES", 20)
    monkeypatch.setattr("tenfold.comparing.compare._SECONDS", 0.05)
    page = ROOT / name
    for other, line in commands():
        words = shlex.split(line, comments=True)
        if "mine.keras" in words:  # which the snippets make
            continue
        if other == name != "README.md" and words[0] == "tenfold" and words[1] in NEEDED:
            with pytest.raises(SystemExit) as ended:
                main(words[1:])
            assert ended.value.code == 0
    if page.name == "forms.md":  # its own form, and pages of it
        subprocess.run([sys.executable, ROOT / "examples" / "draw_form.py"], check=True)
        with pytest.raises(SystemExit):
            main(["template", "blank.png", "--out", "form.json"])
    capsys.readouterr()
    for number, snippet in enumerate(blocks(page, "python"), 1):
        # One after the other in this process, which imports Keras once; each has names of its own.
        exec(compile(snippet, f"snippet {number} of {page.name}", "exec"), {"__name__": "__main__"})
        printed = capsys.readouterr().out
        assert printed
        for shown in re.findall(r"^print\(.*\)  # (.*)", snippet, re.MULTILINE):
            assert shown in printed


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_tables_are_what_results_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import tables

    text = page.read_text()
    assert tables.filled(text) == text, "run tools/tables.py"


def test_shipped_figures_are_those_in_results(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = json.loads((ROOT / "src" / "tenfold" / "recipes" / "measured.json").read_text())
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import measured_recipes

    assert shipped == measured_recipes.measured()
    assert set(shipped) == {recipe.name for recipe in RECIPES}


def test_results_are_of_the_shipped_weights() -> None:
    exports, adapted = (
        json.loads((ROOT / "results" / f"{name}.json").read_text()) for name in ("exports", "adapt")
    )
    measured = [
        (row["model"], row["accuracy"]) for row in exports["rows"] if row["precision"] == "float32"
    ]
    measured.append(("reader", adapted["crops"]["figures"]["before_mnist"]["mean"]))
    for name, accuracy in measured:
        assert accuracy == pytest.approx(load_bundle(name).meta["test"]["accuracy"], abs=1e-4), name


def test_temperatures_are_those_in_results() -> None:
    results = json.loads((ROOT / "results" / "temperature.json").read_text())
    fitted = {name: found["temperature"] for name, found in results.items()}
    assert fitted == {r.name: r.temperature for r in RECIPES if r.temperature != 1}
    assert results[DEFAULT_MODEL]["threshold"] == ReaderSettings().threshold


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [*re.findall(r"\]\(([^)]*)\)", text), *re.findall(r"\b(?:src|href)=\"([^\"]*)", text)]
    for target, _, anchor in (link.partition("#") for link in links):
        if "://" not in target:
            linked = page.parent / target if target else page
            assert linked.exists(), target
            # test_site.py checks the anchors of generated pages, test_browser_demo.py the demo's.
            if anchor and linked.suffix == ".md" and GENERATED not in linked.read_text():
                assert anchor in anchors(linked), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_verb_is_among_the_commands_at_a_glance() -> None:
    text = (ROOT / "docs" / "reference" / "commands.md").read_text()
    for module in VERBS:
        verb = module.__name__.rpartition(".")[2]
        assert f"tenfold {verb}" in text


@pytest.mark.parametrize("name", shipped_models())
def test_the_card_says_what_meta_and_results_say(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import ship

    bundle = load_bundle(name)
    text = (bundle.folder / "card.md").read_text()
    assert text == ship.card(bundle.meta)
    assert bundle.meta["seed"] == 0
    _, front, body = text.split("---\n", 2)
    found = yaml.safe_load(front)
    assert found["license"] == "apache-2.0"
    (index,) = found["model-index"]
    (result,) = index["results"]
    assert (index["name"], result["dataset"]["split"]) == (name, "test")
    own, _, *means = (one["value"] for one in result["metrics"])
    assert own == bundle.meta["test"]["accuracy"]
    results = [json.loads((ROOT / "results" / f"{file}.json").read_text())["recipes"]
               for file in ("accuracy", "train_speed")]  # fmt: skip
    spread = {**results[0], **results[1]}[name]["accuracy"]
    assert means == ([spread["mean"]] if spread["n"] > 1 else [])
    assert f"{100 * own:.2f}% of the 10,000" in body


def test_the_table_of_c_headers_holds_what_was_measured() -> None:
    page = (ROOT / "docs" / "how-to" / "exporting.md").read_text(encoding="utf-8")
    rows = json.loads((ROOT / "results" / "c_headers.json").read_text(encoding="utf-8"))["rows"]
    for row in rows:
        for name in ("flash_bytes", "int8_weights", "static_bytes"):
            assert f"{row[name]:,}" in page
        for passes in ("once", "nine"):
            assert f"{row[f'instructions_{passes}'] / 1e6:.1f}" in page
            assert f"{row[f'accuracy_{passes}']:.2%}" in page
