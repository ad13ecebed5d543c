"""Run a notebook top to bottom and write its outputs into it, as `make tour` does.

python notebooks/run.py tour
python notebooks/run.py article    made of examples/article.py; minutes
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tenfold.files import write_atomic

FOLDER = Path(__file__).resolve().parent
TOUR = FOLDER / "tour.ipynb"
ARTICLE = FOLDER / "article.ipynb"
EXAMPLE = FOLDER.parent / "examples" / "article.py"
MOST_BYTES = 1_500_000
CELL_SECONDS = 3600
"""Longest time of a cell: the article's network takes minutes, on a busy machine many."""


def run(notebook: Any) -> Any:
    """Return a notebook with the outputs of a run just made.

    Times, random ids and messages on stderr are removed. An error in a cell is raised. What the
    notebook writes into its folder is deleted.
    """
    # Sockets of this machine only: nothing listens on the network.
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    # The sockets lie in the current folder, which both processes must share.
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        NotebookClient(notebook, timeout=CELL_SECONDS, startup_timeout=600, km=kernel).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {}
        if cell.cell_type == "code":
            # Progress bars and messages are not results.
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


def from_program(text: str) -> Any:
    """Return a program as a notebook, without outputs.

    A line `# %% TITLE` begins a cell; the comment after it becomes text, the rest code.
    """
    introduction, *parts = re.split(r"^# %% (?=.)", text, flags=re.MULTILINE)
    heading, _, rest = introduction.strip().strip('"').partition("\n")
    cells = [new_markdown_cell(f"# {heading}\n\n{_joined(rest)}".strip()), *_cells(parts)]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3"
    }  # fmt: skip
    return notebook


def _cells(parts: list[str]) -> Iterator[Any]:
    for part in parts:
        title, *lines = part.strip().split("\n")
        texts = []
        while lines and lines[0].startswith("# "):
            texts.append(lines.pop(0).removeprefix("# "))
        yield new_markdown_cell(f"## {title}\n\n{_joined(chr(10).join(texts))}".strip())
        yield new_code_cell("\n".join(lines))


def _joined(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a notebook and keep its outputs.")
    parser.add_argument("name", choices=["tour", "article"])
    article = parser.parse_args().name == "article"
    path = ARTICLE if article else TOUR
    start = time.perf_counter()
    notebook = (
        from_program(EXAMPLE.read_text(encoding="utf-8"))
        if article
        else nbformat.read(path, as_version=4)
    )
    text = nbformat.writes(run(notebook)) + "\n"
    seconds = time.perf_counter() - start
    if len(text) > MOST_BYTES:
        sys.exit(f"the notebook has {len(text):,} bytes, more than {MOST_BYTES:,}")
    write_atomic(path, text)
    print(f"{path.name}: {seconds:.0f} s, {len(text):,} bytes")


if __name__ == "__main__":
    main()
