"""The report of a search as an HTML page: its trials, and the effect of each setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from tenfold.reporting.html import render
from tenfold.tuning.figures import (
    plot_choices,
    plot_curves,
    plot_importances,
    plot_parallel,
    plot_search,
    plot_slice,
    reached,
)

SHOWN = 100
"""Number of trials in the table, the best ones."""


def render_search(
    found: Mapping[str, Any], space: Mapping[str, Any], start: Mapping[str, Any]
) -> str:
    """Return the page of a search as HTML that needs no other file, address or script.

    Args:
        found: What trials.json holds: recipe, trials, complete, pruned, failed, lost, start, best,
            seconds, plan, importances, choices and rows.
        space: By dimension a list of choices, or a range with low, high and log.
        start: Settings of the unchanged recipe, by dimension.
    """
    rows = [row for row in found["rows"] if row["state"] in ("complete", "pruned", "failed")]
    order = sorted(rows, key=lambda row: (row["accuracy"] or 0, reached(row) or 0), reverse=True)
    shown = [
        {**row, "reached": reached(row), "changed": _changed(row["settings"], start)}
        for row in order[:SHOWN]
    ]
    plan = found["plan"]
    best = found["best"]["settings"] if found["best"] else {}
    changed = _changed(best, start)
    return render(
        "tuning/report.html",
        found=found,
        train_size=plan["train_size"] or plan["images"] - plan["val_size"],
        rows=shown,
        start=start,
        changed=changed,
        kept={name: value for name, value in best.items() if name not in changed},
        charts=_charts(found, rows, space),
    )


def _changed(settings: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value != start.get(name)}


def _charts(
    found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], space: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the charts by name; None for those that have nothing to show."""
    choices, shares = found["choices"], found["importances"]
    charts: dict[str, Any] = {
        "importances": plot_importances(shares) if shares else None,
        "choices": plot_choices(choices) if choices and choices["dimensions"] else None,
    }
    if rows:
        best = found["best"]["trial"] if found["best"] else None
        several = sum(row["accuracy"] is not None for row in rows) > 1 and len(space) > 1
        slices = {name: plot_slice(name, rows, values, best) for name, values in space.items()}
        charts |= {
            "search": plot_search(rows),
            "slices": slices,
            "parallel": plot_parallel(rows, space, best) if several else None,
            "curves": plot_curves(rows, best),
        }
    return charts
