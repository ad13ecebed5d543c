"""The public names: what the contract, the docs and the examples use, typed and loaded lazily."""

import ast
import dataclasses
import inspect
import json
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

import tenfold
from tenfold.cli.main import VERBS

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# All that readers copy; draw_hand.py only makes the pictures of a tutorial.
PROGRAMS = [
    *sorted(set((ROOT / "examples").glob("*.py")) - {ROOT / "examples" / "draw_hand.py"}),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]

CONTRACT = {
    "adapt", "build_model", "compare", "evaluate", "explain", "export", "from_keras",
    "label_errors", "load_classifier", "load_dataset", "load_mnist", "read_batch", "robustness",
    "score", "show", "train", "tune", "Classifier", "Dataset", "Digit", "DigitClassifier",
    "Evaluation", "Explanation", "Line", "PictureError", "Reader", "Reading", "Recipe",
    "TenfoldError", "TrainResult", "__version__",
}  # fmt: skip
"""Names on which other people's programs rely."""

VERB_NAMES = {
    "batch": "read_batch",
    "data": "load_dataset",
    "labels": "label_errors",
    "read": "Reader",
    "recipes": "load_recipe",
    "completion": None,  # of the shell
    "form": "read_forms",
    "template": None,  # a page to edit
    "review": None,  # a page to work on
    "serve": None,  # a process, not a function
}
"""Public names of commands, where they differ."""

HEAVY = (
    "keras", "tensorflow", "jax", "torch", "matplotlib", "onnx", "optuna", "sqlalchemy", "sklearn",
    "lightgbm", "cleanlab", "pyarrow", "ray", "fastapi", "uvicorn", "openvino", "pandas",
)  # fmt: skip


def python_of(path: Path) -> str:
    """Return all Python in a page, program or notebook; in pages, blocks and indented lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
        return "\n".join(line for line in lines if not line.startswith(("%", "!")))
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"(?:^    .+\n|^\n(?=    ))+", rest, re.MULTILINE)
    blocks += [block for block in map(inspect.cleandoc, indented) if "tenfold." in block]
    return "\n".join(block for block in blocks if parses(block))


def parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def used_names(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code takes from tenfold; a module below it as its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "tenfold":
                yield node.attr
        elif (
            isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tenfold"
        ):
            names = [alias.name for alias in node.names]
            yield from names if node.module == "tenfold" else [f"{node.module}"]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("tenfold."))


@pytest.mark.parametrize("path", [*DOCS, *PROGRAMS], ids=lambda path: path.name)
def test_docs_and_examples_use_public_names_alone(path: Path) -> None:
    used = set(used_names(ast.parse(python_of(path))))
    assert used <= set(tenfold.__all__), used - set(tenfold.__all__)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_prose_names_public_names_alone(path: Path) -> None:
    for name in re.findall(r"`tenfold\.([a-zA-Z]\w*)", path.read_text(encoding="utf-8")):
        assert name in tenfold.__all__, name


def test_the_docs_use_names_at_all() -> None:
    used = {name for path in DOCS for name in used_names(ast.parse(python_of(path)))}
    assert {"DigitClassifier", "Reader", "compare", "explain", "label_errors"} <= used


def test_every_name_of_the_contract_is_public() -> None:
    assert set(tenfold.__all__) >= CONTRACT
    assert sorted(tenfold.__all__) == dir(tenfold)
    for name in tenfold.__all__:
        assert getattr(tenfold, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = tenfold.nonsense


@pytest.mark.parametrize("verb", [one.__name__.rpartition(".")[2] for one in VERBS])
def test_every_command_is_a_public_name(verb: str) -> None:
    name = VERB_NAMES.get(verb, verb)
    assert name is None or name in tenfold.__all__


def test_names_are_typed_where_they_are_loaded_from() -> None:
    tree = ast.parse(Path(tenfold.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == tenfold._HOMES
    for name, module in typed.items():
        assert getattr(tenfold, name).__module__ == module, "not where it is defined"


def public_functions() -> list[tuple[str, Any]]:
    """All public functions, and the public methods of public classes."""
    found: list[tuple[str, Any]] = []
    for name in tenfold.__all__:
        one = getattr(tenfold, name)
        if inspect.isfunction(one):
            found.append((name, one))
        elif inspect.isclass(one) and one.__module__.startswith("tenfold."):
            found += [
                (f"{name}.{method}", function)
                for method, function in vars(one).items()
                if inspect.isfunction(function) and not method.startswith("_")
            ]
    return found


def parts_of(annotation: Any) -> Iterator[type]:
    if typing.get_origin(annotation) is not None or isinstance(annotation, UnionType):
        for part in typing.get_args(annotation):
            yield from parts_of(part)
    elif inspect.isclass(annotation):
        yield annotation


DRAWN = {"Drawing": object, "Figure": object, "Image": object}

RETURNED_ONLY = {"Drawing", "LayerRow"}
"""Types of methods' results that nobody makes or checks for: drawings, rows of a table."""


PUBLIC_FUNCTIONS = public_functions()


@pytest.mark.parametrize(
    ("name", "function"), PUBLIC_FUNCTIONS, ids=[name for name, _ in PUBLIC_FUNCTIONS]
)
def test_types_of_results_are_public(name: str, function: Any) -> None:
    where = vars(sys.modules[function.__module__])
    annotation = inspect.signature(function).return_annotation
    assert annotation is not inspect.Signature.empty, f"{name} is not typed"
    if isinstance(annotation, str):  # a NameError means a type that is not public
        public_types = {name: getattr(tenfold, name) for name in tenfold.__all__}
        annotation = eval(annotation, where | public_types | DRAWN)
    public = tuple(
        one for one in (getattr(tenfold, name) for name in tenfold.__all__) if inspect.isclass(one)
    )
    for part in parts_of(annotation):
        if part.__module__.startswith("tenfold.") and part.__name__ not in RETURNED_ONLY:
            assert issubclass(part, public), f"{name} returns {part.__name__}, which is not public"
        assert part is not dict or "." in name, f"{name} returns a dict: make it a dataclass"


def test_results_are_frozen() -> None:
    for name in tenfold.__all__:
        one = getattr(tenfold, name)
        if inspect.isclass(one) and (fields := vars(one).get("__dataclass_fields__")):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(object.__new__(one), next(iter(fields)), None)


def test_all_names_can_be_loaded_in_the_base_install() -> None:
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r}))\n"
        "from tenfold import *\n"
        "import tenfold\n"
        "print(len(tenfold.__all__))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) == len(tenfold.__all__)
