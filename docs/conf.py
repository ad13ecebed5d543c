"""The documentation site: `make docs` builds it into build/site."""

from typing import Any

from tenfold import __version__

project = "tenfold"
author = "The tenfold developers"
release = version = __version__

extensions = ["myst_parser", "sphinx_design", "sphinx_copybutton"]
exclude_patterns = ["demo/**", "images/*.py", "**/README.md"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "tenfold"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_edit_link": "",
    "light_css_variables": {"color-brand-primary": "#0b57c2", "color-brand-content": "#0b57c2"},
    "dark_css_variables": {"color-brand-primary": "#8ab4f8", "color-brand-content": "#8ab4f8"},
}
copybutton_exclude = ".linenos, .gp, .go"


def setup(app: Any) -> None:
    app.connect("source-read", copy_what_lies_outside)


def copy_what_lies_outside(app: Any, name: str, source: list[str]) -> None:
    """Let links to files outside docs/ lead to copies of these files."""
    climbs = "../" * (name.count("/") + 1)
    source[0] = source[0].replace(f"]({climbs}", f"](path:{climbs}")
