"""The page of a search: what was tried, what mattered, what each choice is worth."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tenfold.formatting import count, duration
from tenfold.reporting.html import chart, fill
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
"""Trials in the table, the best ones."""


def render_search(
    found: Mapping[str, Any], space: Mapping[str, Any], start: Mapping[str, Any]
) -> str:
    """Return the page of a search as HTML that needs no other file, address or script.

    Args:
        found: What trials.json holds: recipe, trials, complete, pruned, failed, start, best,
            seconds, plan, importances, choices and rows.
        space: By dimension a list of choices, or a range with low, high and log.
        start: Settings of the recipe as it is, by dimension.
    """
    rows = [row for row in found["rows"] if row["state"] in ("complete", "pruned", "failed")]
    parts = _search_parts(found, rows, space, start) if rows else []
    choices = found["choices"]
    if choices and choices["dimensions"]:
        text = _CHOICES.format(n=choices["start"]["n"], percent=_percent(choices))
        figure = chart(plot_choices(choices), "choices", "Gain of each choice")
        table = _choices_table(choices["dimensions"])
        section = _section("choices", "What each choice is worth", text, _wide(figure), table)
        parts.insert(min(3, len(parts)), section)
    return fill("search.html", **_head(found), sections="\n".join(parts))


def _search_parts(
    found: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    space: Mapping[str, Any],
    start: Mapping[str, Any],
) -> list[str]:
    best = found["best"]
    number = best["trial"] if best else None
    history = chart(plot_search(rows), "search", "Validation accuracy of each trial")
    parts = [_section("history", "How the search went", _HISTORY, _wide(history))]
    if best:
        parts.append(_section("best", "What was found", "", _settings(best["settings"], start)))
    if found["importances"]:
        figure = chart(
            plot_importances(found["importances"]), "importances", "Share of each setting"
        )
        parts.append(_beside("importances", "What mattered", _IMPORTANCES, figure))
    slices = "\n".join(
        chart(plot_slice(name, rows, values, number), f"slice-{place}", f"Trials by {name}")
        for place, (name, values) in enumerate(space.items())
    )
    charts = f'<div class="charts">\n{slices}\n</div>'
    parts.append(_section("slices", "Setting by setting", _SLICES, charts))
    if sum(row["accuracy"] is not None for row in rows) > 1 and len(space) > 1:
        figure = chart(plot_parallel(rows, space, number), "parallel", "Settings of all trials")
        parts.append(_section("parallel", "All settings at once", _PARALLEL, _wide(figure)))
    curves = chart(plot_curves(rows, number), "curves", "Accuracy after each epoch")
    parts.append(_section("curves", "Learning curves", _CURVES, _wide(curves)))
    parts.append(_section("trials", "Trials", "", _trials(rows, start)))
    return parts


_HISTORY = (
    "Each dot is one training. The first is the recipe as it is; then some are drawn at random, "
    "and after that where good ones were found. A cross was stopped early, because it was worse "
    "than the others at that epoch."
)
_IMPORTANCES = (
    "How much each setting differs between the better trials and all of them. Shares add up to "
    "one. With few trials they are rough."
)
_CHOICES = (
    "The recipe as it is, and one setting changed at a time, all else equal: the same {n} seeds "
    "each, compared seed by seed. The recipe as it is reads {percent} of the validation images. A "
    "dot is the mean difference, a line one standard error of it to each side; on the right is "
    "the mean accuracy. An optimizer comes with its own usual learning rate."
)
_SLICES = "Every trial, by each of its settings. The ring is the best one."
_PARALLEL = "Follow a line from left to right: the settings of one trial."
_CURVES = "Where a curve ends before the others, its trial was stopped."


def _head(found: Mapping[str, Any]) -> dict[str, str]:
    best, start, plan = found["best"], found["start"], found["plan"]
    recipe = escape(str(found["recipe"]))
    lede = (
        f"The search began at the recipe <b>{recipe}</b>, trained on "
        f"{plan['train_size'] or 60_000 - plan['val_size']:,} images for "
        f"{count(plan['recipe']['epochs'], 'epoch')} a trial."
    )
    figures = {
        "Trials": f"{found['trials']:,}",
        "Complete": f"{found['complete']:,}",
        "Stopped early": f"{found['pruned']:,}",
        "As it was": f"{start['val_accuracy']:.2%}" if start and start["val_accuracy"] else "-",
        "Failed or lost": f"{found['failed'] + found['lost']:,}",
        "Time": duration(found["seconds"]),
    }
    choices = found["choices"]
    if best:
        figure, headline = f"{best['val_accuracy']:.2%}", "of the validation digits read correctly"
        subline = f"Trial {best['trial']} of {found['trials']:,}."
        if start and start["val_accuracy"] is not None:
            gain = 100 * (best["val_accuracy"] - start["val_accuracy"])
            subline += f" {gain:+.2f} points against the recipe as it is."
    else:
        figure, headline = _percent(choices), "of the validation digits read correctly as it is"
        subline = "No search yet: one setting was changed at a time."
        figures = {"Seeds": str(choices["start"]["n"]), "Time": duration(found["seconds"])}
    return {
        "title": f"tenfold tune: {recipe}, {figure}",
        "figure": figure,
        "headline": headline,
        "subline": subline,
        "lede": lede,
        "image": f"{100 / plan['val_size']:.2g}",
        "key_figures": "\n".join(
            f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in figures.items()
        ),
    }


def _percent(choices: Mapping[str, Any]) -> str:
    return f"{choices['start']['mean']:.2%}"


def _section(name: str, title: str, text: str, *contents: str) -> str:
    words = f"<p>{text}</p>\n" if text else ""
    return (
        f'<section id="{name}">\n<h2>{title}</h2>\n{words}' + "\n".join(contents) + "\n</section>"
    )


def _beside(name: str, title: str, text: str, figure: str) -> str:
    return (
        f'<section id="{name}" class="beside">\n<div>\n<h2>{title}</h2>\n<p>{text}</p>\n</div>\n'
        f"{figure}\n</section>"
    )


def _wide(figure: str) -> str:
    return f'<div class="scroll">{figure}</div>'


def _settings(settings: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{_text(start.get(name))}</td>'
        f'<td class="number">{_marked(value, start.get(name))}</td></tr>'
        for name, value in settings.items()
    )
    return _table(("Setting", "As it was", "Found"), rows)


def _marked(value: Any, own: Any) -> str:
    text = _text(value)
    return text if value == own else f"<b>{text}</b>"


def _choices_table(dimensions: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    rows = []
    for name, levels in dimensions.items():
        for row in levels:
            gain, accuracy = row["gain"], row["accuracy"]
            cells = [_text(row["value"]), f"{accuracy['mean']:.2%}"]
            spread = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.2f}"
            cells += [spread, "as it is" if row["own"] else f"{100 * gain['mean']:+.2f}"]
            numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
            rows.append(f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>')
    return "<details><summary>As a table</summary>" + _table(
        ("Setting", "Value", "Mean", "sd, points", "Difference, points"), "\n".join(rows)
    ) + "</details>"  # fmt: skip


def _trials(rows: Sequence[Mapping[str, Any]], start: Mapping[str, Any]) -> str:
    order = sorted(rows, key=lambda row: (row["accuracy"] or 0, reached(row) or 0), reverse=True)
    lines = []
    for row in order[:SHOWN]:
        changed = ", ".join(
            f"{escape(name)} {_text(value)}"
            for name, value in row["settings"].items() if value != start.get(name)
        )  # fmt: skip
        value = reached(row)
        accuracy = "" if value is None else f"{value:.2%}"
        note = f" {escape(row['note'])}" if row["note"] else ""
        seconds = "" if row["seconds"] is None else duration(row["seconds"])
        lines.append(
            f'<tr><th scope="row">{row["number"]}</th><td class="number">{accuracy}</td>'
            f'<td class="nowrap">{"stopped" if row["state"] == "pruned" else row["state"]}</td>'
            f'<td class="number">{len(row["curve"])}</td><td class="number">{seconds}</td>'
            f"<td>{changed or 'as the recipe is'}{note}</td></tr>"
        )
    heads = ("Trial", "Accuracy", "State", "Epochs", "Time", "What differs from the recipe")
    return _table(heads, "\n".join(lines))


def _table(heads: Sequence[str], rows: str) -> str:
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _text(value: Any) -> str:
    return escape(value if isinstance(value, str) else f"{value:.4g}")
