"""Run notebooks/tour.ipynb top to bottom and write its outputs into it, as `make tour` does.

python notebooks/run.py
"""

import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tenfold.files import write_atomic

TOUR = Path(__file__).parent / "tour.ipynb"
MOST_BYTES = 1_500_000


def run(path: Path = TOUR) -> Any:
    """Return the notebook with the outputs of a run just made.

    Times, random ids and messages on stderr are removed. An error in a cell is raised.
    """
    notebook = nbformat.read(path, as_version=4)
    # Sockets of this machine only: nothing listens on the network.
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    NotebookClient(notebook, timeout=300, km=kernel).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {}
        if cell.cell_type == "code":
            # Progress bars and messages are not results.
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


def main() -> None:
    start = time.perf_counter()
    text = nbformat.writes(run()) + "\n"
    seconds = time.perf_counter() - start
    if len(text) > MOST_BYTES:
        sys.exit(f"the notebook has {len(text):,} bytes, more than {MOST_BYTES:,}")
    write_atomic(TOUR, text)
    print(f"{TOUR.name}: {seconds:.0f} s, {len(text):,} bytes")


if __name__ == "__main__":
    main()
