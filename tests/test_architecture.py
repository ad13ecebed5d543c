"""The shape of the house: stages, the public face, and what must not be imported."""

import ast
import json
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import LONG

import tenfold

SOURCE = Path(tenfold.__file__).parent

# Each room may import from rooms of earlier stages, and from rooms of its own stage as long as no
# circle comes of it; see docs/explanation/architecture.md.
STAGES = [
    {"arrays", "errors", "formatting", "machine", "plugins"},
    {"files", "imaging", "recipes", "execution"},
    {"data", "augmentation", "networks", "classifiers"},
    {"exporting", "evaluation"},
    {"reading", "reporting"},
    {"training", "explaining", "batch", "scoring"},
    {"tuning", "comparing", "serving", "adapting", "forms"},
    {"cli"},
]


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@cache
def imports(path: Path) -> set[str]:
    """Return the tenfold modules a file imports; a name taken from a package counts as its own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            below = SOURCE.parent.joinpath(*module.split("."))
            names = {alias.name for alias in node.names}
            modules = {n for n in names if (below / n).is_dir() or (below / f"{n}.py").is_file()}
            found |= {f"{module}.{name}" for name in modules}
            found |= {module} if names - modules else set()
    return {name for name in found if name.startswith("tenfold.")}


def modules() -> list[Path]:
    outside = {SOURCE / "__init__.py", SOURCE / "__main__.py"}
    return [path for path in sorted(SOURCE.rglob("*.py")) if path not in outside]


def test_every_room_has_a_stage() -> None:
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in modules()}
    assert rooms == set().union(*STAGES)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_come_from_earlier_stages(path: Path) -> None:
    stage_of = {room: number for number, stage in enumerate(STAGES) for room in stage}
    here = stage_of[path.relative_to(SOURCE).parts[0].removesuffix(".py")]
    for module in imports(path):
        room = room_of(module)
        if room in stage_of:
            assert stage_of[room] <= here, f"imports {module} of a later stage"


def test_no_circles_between_modules() -> None:
    graph: dict[str, set[str]] = {}
    for path in modules():
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        graph[".".join(parts).removesuffix(".__init__")] = imports(path)
    TopologicalSorter(graph).prepare()  # raises a CycleError


def test_no_circles_between_rooms() -> None:
    graph: dict[str, set[str]] = {}
    for path in modules():
        here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        rooms = {room_of(module) for module in imports(path)}
        graph[here] = graph.get(here, set()) | rooms - {here, "weights"}
    TopologicalSorter(graph).prepare()  # raises a CycleError


@pytest.mark.parametrize(
    "code",
    [
        "import tenfold",
        "from tenfold.cli import main; main.build_parser().format_help()",
        "from tenfold.cli import main\n"
        "try: main.main(['read', '--single', '{picture}'])\n"
        "except SystemExit as e: assert e.code == 0, e.code",
        "from tenfold.cli import main\n"
        "try: main.main(['evaluate', 'standard'])\n"
        "except SystemExit as e: assert e.code == 0, e.code",
    ],
    ids=["import", "help", "read", "evaluate"],
)
def test_the_base_install_will_do(code: str, digit_png: Path, mnist) -> None:
    check = (
        "import sys\nheavy = {'keras', 'tensorflow', 'jax', 'torch', 'matplotlib', 'onnx'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    script = code.replace("{picture}", str(digit_png)) + "\n" + check
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_reading_imports_nothing_that_it_does_not_need(digit_png: Path) -> None:
    script = (
        "import sys\nfrom tenfold.cli import main\n"
        f"try: main.main(['read', {str(digit_png)!r}])\n"
        "except SystemExit as e: assert e.code == 0, e.code\n"
        "slow = {'numpy.ma', 'numpy.random', 'filelock', 'jinja2', 'platformdirs', 'tqdm'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def _in_base_install(call: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line of Python where the packages of extras cannot be imported."""
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('keras', 'tensorflow', 'jax', 'matplotlib', 'onnx',"
        " 'sklearn', 'lightgbm', 'cleanlab')))\n"
        f"import tenfold; from tenfold.cli import main; {call}"
    )
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=folder
    )


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["train", "--json"], ["adapt", "reader", "--data", "."], ["tune"]],
    ids=" ".join,
)
def test_training_in_the_base_install_names_the_extra(arguments: list[str], tmp_path: Path) -> None:
    result = _in_base_install(f"main.main({arguments!r})", tmp_path)
    assert result.returncode == 1
    said = json.loads(result.stdout)["error"] if "--json" in arguments else result.stderr
    extras = "train,tune" if "tune" in arguments else "train"
    assert f'training needs more packages: pip install "tenfold[{extras}]"' in said
    assert len((result.stdout + result.stderr).splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "extras"),
    [
        ("main.main(['labels'])", "compare,train"),
        ("main.main(['compare'])", "compare,train"),
        ("main.main(['compare', '--classifiers', 'tiny'])", "compare"),
        ("tenfold.from_keras(object())", "train"),
    ],
)
def test_all_missing_extras_are_named_before_the_work(
    call: str, extras: str, tmp_path: Path
) -> None:
    result = _in_base_install(call, tmp_path)
    assert result.returncode == 1
    assert f'pip install "tenfold[{extras}]"' in result.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_files_left_out_of_the_quick_suite_exist() -> None:
    assert set(LONG) <= {path.name for path in Path(__file__).parent.glob("test_*.py")}


def test_every_script_has_help() -> None:
    """Without a parser, `--help` would run it."""
    root = Path(__file__).parent.parent
    scripts = [
        path for room in ("benchmarks", "tools", "examples") for path in (root / room).glob("*.py")
    ]
    # The peer's server has the arguments that its own workers look up.
    started = {
        path.name: text
        for path in scripts
        if "__main__" in (text := path.read_text(encoding="utf-8"))
    }
    assert len(started) > 30
    without = {name for name, text in started.items() if "ArgumentParser(" not in text}
    assert without == {"litserve_peer.py"}
