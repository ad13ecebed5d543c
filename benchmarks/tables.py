"""Write the tables in README and docs anew from results/.

    python benchmarks/tables.py

A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->`. A test checks that
every table is what this script would write.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenfold.files import write_atomic
from tenfold.recipes import RECIPES, count_parameters

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLACE = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for page in PAGES:
        write_atomic(page, filled(page.read_text(encoding="utf-8")))


def filled(text: str) -> str:
    """Return a page with its tables as results/ has them now."""
    return PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def train_speed() -> str:
    results = read("train_speed")
    lines = [
        "| recipe | test accuracy, mean of n | sd | min to max | fit | whole command |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("article-today", "article", "standard"):
        found = results["recipes"][name]
        accuracy, fit, command = (
            found[key] for key in ("accuracy", "train_seconds", "command_seconds")
        )
        sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
        lines.append(
            f"| `{name}` | {100 * accuracy['mean']:.2f}% (n = {accuracy['n']}) | {sd} "
            f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f} "
            f"| {fit['median']:.0f} s | {command['median']:.0f} s |"
        )
    ratio, machine = results["ratio"], results["machine"]
    lines += [
        "",
        f"`standard` is done {ratio['train_seconds']:.2f} times sooner than `article` (fit; whole "
        f"command {ratio['command_seconds']:.2f} times), by medians, on "
        f"{machine['cores']} cores of {machine['processor']}, {results['machine']['date']}.",
    ]
    return "\n".join(lines) + "\n"


def ladder() -> str:
    results = read("train_speed")
    lines = ["| recipe | parameters | test accuracy, mean | n | fit | what it is |"]
    lines.append("|---|---|---|---|---|---|")
    for recipe in RECIPES:
        found = results["recipes"][recipe.name]
        lines.append(
            f"| `{recipe.name}` | {count_parameters(recipe):,} "
            f"| {100 * found['accuracy']['mean']:.2f}% | {found['accuracy']['n']} "
            f"| {found['train_seconds']['median']:.0f} s | {recipe.summary} |"
        )
    return "\n".join(lines) + "\n"


def reading() -> str:
    lines = [
        "| pictures | n | right | accepted | wrong among the accepted |",
        "|---|---|---|---|---|",
    ]
    for row in read("reading")["sets"]:
        wrong = row["accepted_error"]
        lines.append(
            f"| {row['set']} | {row['n']:,} | {100 * row['accuracy']:.1f}% "
            f"| {100 * row['accepted']:.1f}% | {'' if wrong is None else f'{100 * wrong:.1f}%'} |"
        )
    return "\n".join(lines) + "\n"


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "results" / f"{name}.json").read_text())
    return document


TABLES: dict[str, Callable[[], str]] = {
    "train_speed": train_speed,
    "ladder": ladder,
    "reading": reading,
}

if __name__ == "__main__":
    main()
