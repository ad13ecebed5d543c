"""The documentation site: `make docs` builds it into build/site."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import stringify_annotation

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import http_reference
import json_reference
import recipe_reference
import shell_reference

import tenfold

project = "tenfold"
author = "The tenfold developers"
copyright = "The tenfold developers; Apache License 2.0"
release = version = tenfold.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["demo/**", "images/*.py", "**/README.md"]

myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
maximum_signature_line_length = 70
napoleon_use_ivar = True
default_role = "code"  # names in single backquotes, as docstrings have them
smartquotes = False  # two hyphens are the beginning of an option
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "tenfold"
html_favicon = html_logo = "../src/tenfold/serving/page/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0068a3", "color-brand-content": "#0068a3"},
    "dark_css_variables": {"color-brand-primary": "#6cbcf0", "color-brand-content": "#6cbcf0"},
}

GENERATED = {
    "exit_codes": shell_reference.exit_codes,
    "http": http_reference.http,
    "json": json_reference.documents,
    "layers": recipe_reference.layers,
    "recipes": recipe_reference.recipes,
    "shell": shell_reference.shell,
}
"""What stands in place of `<!-- generated: NAME -->` in a page."""

PUBLIC = {f"{module}.{name}": f"tenfold.{name}" for name, module in tenfold._HOMES.items()}
"""Full names as signatures have them, and the public names that the pages document."""

ARRAY = re.compile(r"~?numpy\.ndarray\[~?tuple\[.*?\], ~?numpy\.dtype\[(?:~?numpy\.)?(\w+)\]\]")
"""An array in a signature, as autodoc writes it."""

ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")
"""NumPy's `ArrayLike` in a signature: all that it stands for."""

UNIT = re.compile(r"(\d) ((?:s|ms|us|min|h|kB|MB|GB|TB|images|times)\b)")
"""A number and its unit."""

OBJECT = re.compile(r"\b([A-Z]\w+|\w+=)\((?!\.\.\.\))(?:[^()]|\(\.*\))+\)")
"""The innermost of objects within objects, or a tuple of such, in a default."""


def setup(app: Sphinx) -> None:
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # Napoleon comes at 500
    app.connect("autodoc-process-signature", shorten)
    app.connect("doctree-read", set_type)
    app.connect("missing-reference", find_public_name)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"


def fill_in(app: Sphinx, name: str, source: list[str]) -> None:
    """Put generated parts in their place, and let links out of docs/ lead to copies of files."""
    climbs = "../" * (name.count("/") + 1)
    text = source[0].replace(f"]({climbs}", f"](path:{climbs}")
    source[0] = re.sub(r"<!-- generated: (\w+) -->", lambda found: GENERATED[found[1]](), text)


def keep_colons(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Let Napoleon not take the words before a colon for the type of an attribute."""
    if what in ("attribute", "property"):
        lines.insert(0, "")


def shorten(
    app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Write arrays in signatures as `NDArray[uint8]`, and leave out what objects consist of."""
    if not signature:
        return None
    short = signature.replace(" = <factory>", "").replace(ARRAY_LIKE, "ArrayLike")
    short = re.sub(r"PosixPath\(('.*?')\)", r"\1", short)
    while (shorter := OBJECT.sub(r"\1(...)", short)) != short:
        short = shorter
    return ARRAY.sub(r"NDArray[\1]", short), ARRAY.sub(r"NDArray[\1]", returned or "")


def set_type(app: Sphinx, tree: nodes.document) -> None:
    """Write a dash between a parameter and its meaning, and keep units with their numbers."""
    for text in list(tree.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))
        elif not isinstance(text.parent, (nodes.literal, nodes.literal_block)):
            kept = UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)
            if kept != text:
                text.parent.replace(text, nodes.Text(kept))


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, text: nodes.TextElement
) -> nodes.Element | None:
    """Link a type to the page of its public name."""
    target = PUBLIC.get(str(node.get("reftarget")))
    if node.get("refdomain") != "py" or target is None:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, str(node["refdoc"]), app.builder, "obj", target, node, text)
