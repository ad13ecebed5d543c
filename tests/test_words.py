"""Words of this project that must not return: each stands for a standard term of the field."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "benchmarks", "tools", "docs")
SUFFIXES = (".py", ".md", ".html", ".js", ".css", ".h")

TERMS = {
    r"calm[ _-](epoch|end)s?": "cooldown epochs",
    r"read[ _]shifts|nine readings": "test-time augmentation",
    r"\blearnt\b": "learned",
    r"\bteacher\b": "distillation, soft targets",
    r"\bsooner\b": "faster; speed-up",
    r"\bgo(es)? on with\b": "continue, resume",
    r"\b(hang|strung) together\b": "connected components; greedy decoding",
    r"\bcut apart\b": "segmentation, split",
    r"wrong of (these|the surest)": "error rate among accepted; error rate at 80% coverage",
}
"""Regular expression to the term to write in its place."""


def prose() -> list[Path]:
    """Return the files that people read, but for the changelog and the log of development."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return sorted(set(found) - {Path(__file__)})


@pytest.mark.parametrize(("pattern", "term"), TERMS.items(), ids=TERMS.values())
def test_house_words(pattern: str, term: str) -> None:
    word = re.compile(pattern, re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in prose()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert not found, "\n".join([f"write {term!r} in these lines:", *found])
