"""Tables and escaped text in Markdown, for the tools that write pages."""

import re
from collections.abc import Iterable, Sequence


def table(headings: str, rows: Iterable[Sequence[str]], *notes: str) -> str:
    """Return a table.

    Args:
        headings: The headings of the columns, separated by " | ".
        rows: The cells of each row.
        notes: Paragraphs below the table.
    """
    lines = [f"| {headings} |", "|---" * len(headings.split(" | ")) + "|"]
    lines += ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows]
    return "\n\n".join(["\n".join(lines), *notes]) + "\n"


def plain(text: str) -> str:
    """Return text in which nothing is Markdown but code in backquotes."""
    parts = re.split(r"(`+[^`]+`+)", text)
    parts[::2] = [re.sub(r"([\\`*_{}\[\]<>#|~$^])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
