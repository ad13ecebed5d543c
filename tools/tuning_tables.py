"""The tables of docs/how-to/tuning.md and of its half of docs/how-to/scale.md; see tables.py."""

from collections.abc import Mapping
from typing import Any

from batch_tables import DOLLARS_PER_CORE_HOUR
from measured_results import read

from tenfold.formatting import duration

PAPER = 1000
"""Trials of the search that is computed on paper."""


def choices() -> str:
    found = read("choices")
    start = found["start"]
    lines = ["| setting | validation accuracy by value, mean over seeds (difference, points) |",
             "|---|---|"]  # fmt: skip
    for name, rows in found["dimensions"].items():
        lines.append(f"| `{name}` | {'; '.join(level(row, start['n']) for row in rows)} |")
    lines += [
        "",
        f"Recipe `{found['recipe']}`, {found['train_size']:,} training images, {found['epochs']} "
        f"epochs, {start['n']} seeds each. Bold is the recipe unchanged, with a validation "
        f"accuracy of {percent(start['mean'])} (sd {100 * start['sd']:.2f} points) on the last "
        f"{found['val_size']:,} of the 60,000 images. Each difference has its standard error.",
    ]
    return "\n".join(lines) + "\n"


def level(row: Mapping[str, Any], seeds: int) -> str:
    value = row["value"] if isinstance(row["value"], str) else f"{row['value']:.3g}"
    accuracy = percent(row["accuracy"]["mean"])
    if row["own"]:
        return f"**{value} {accuracy}**"
    gain = row["gain"]
    error = "" if gain["sd"] is None else f" ± {100 * gain['sd'] / gain['n'] ** 0.5:.2f}"
    fewer = "" if gain["n"] == seeds else f", n = {gain['n']}"
    return f"{value} {accuracy} ({100 * gain['mean']:+.2f}{error}{fewer})"


def search() -> str:
    found = read("tune")["search"]
    lines = ["| recipe | validation accuracy, one seed |", "|---|---|"]
    for name, shown in (("start", "`conv` unchanged"), ("best", "best trial")):
        lines.append(f"| {shown} | {percent(found[name]['val_accuracy'])} |")
    shares = ", ".join(f"`{name}` {share:.0%}" for name, share in found["importances"].items()
                       if share >= 0.05)  # fmt: skip
    lines += [
        "",
        f"`{found['command']}`: {found['trials']} trials, {found['pruned']} of them stopped "
        f"early. The search was killed with -9 and resumed; {found['lost']} trials were trained "
        f"again. Importance of the settings: {shares}.",
    ]
    return "\n".join(lines) + "\n"


def workers() -> str:
    timed = read("tune")["workers"]
    one, two = timed["seconds"]["1"], timed["seconds"]["2"]
    lines = ["| search | wall time |", "|---|---|"]
    lines.append(
        f"| {timed['trials']} trials, one worker on one pinned core, PostgreSQL | {duration(one)} |"
    )
    lines.append(
        f"| the same, two commands on a pinned core each | {duration(two)}, "
        f"{timed['ratio']:.2f} times that |"
    )
    machine = timed["machine"]
    lines += [
        "",
        f"Measured on {machine['cores']} cores of {machine['processor']}, {timed['date']}.",
    ]
    return "\n".join(lines) + "\n"


def overhead() -> str:
    found = read("tune")["overhead"]
    storage, engines = found["storage_ms_by_trials"], found["engine_seconds"]
    lines = ["| cost | time |", "|---|---|"]
    for name, shown in (("journal", "a journal"), ("postgresql", "PostgreSQL")):
        times = ", ".join(f"{ms:.0f} ms after {count}" for count, ms in storage[name].items())
        lines.append(
            f"| a trial without training, in {shown}, by number of earlier trials | {times} |"
        )
    for name, shown in (("local", "processes"), ("ray", "a Ray started for the search")):
        seconds = " and ".join(f"{value:.1f}" for value in engines[name])
        lines.append(f"| a search of 8 short trials with two workers: {shown} | {seconds} s |")
    return "\n".join(lines) + "\n"


def paper() -> str:
    speed = read("train_speed")
    storage = read("tune")["overhead"]["storage_ms_by_trials"]["postgresql"]
    few, many = (storage[count] for count in ("100", "500"))
    ms = few + (many - few) / 400 * (PAPER - 100)
    cores = speed["machine"]["cores"]
    lines = [f"| recipe | time of a training on {cores} cores | {PAPER:,} trainings "
             "| time on 16 machines of 2 cores | time on 100 | cost, dollars |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for name in ("conv", "standard"):
        seconds = speed["recipes"][name]["train_seconds"]["median"]
        whole = PAPER * seconds
        hours = whole * cores / 3600
        lines.append(
            f"| `{name}` | {duration(seconds)} | {hours:.1f} core-hours | {duration(whole / 16)} "
            f"| {duration(whole / 100)} | {hours * DOLLARS_PER_CORE_HOUR:.2f} |"
        )
    rate = 1000 / ms
    longest = speed["recipes"]["standard"]["train_seconds"]["median"]
    lines += [
        "",
        f"Core hours are {PAPER:,} x seconds x {cores} cores / 3,600. They are upper bounds, as no "
        f"trial is stopped early, at {DOLLARS_PER_CORE_HOUR:g} dollars per core hour. PostgreSQL "
        f"and the sampler take {few:.0f} ms for a trial after 100 others and {many:.0f} ms after "
        f"500; extrapolated, {ms:.0f} ms after {PAPER:,}, which is "
        f"{100 * ms / 1000 / longest:.1f}% of a training of `standard`. If all of this time were "
        f"the database's, one core of it would serve {rate:.1f} trials per second: enough for "
        f"{rate * longest:.0f} workers that train `standard`.",
    ]
    return "\n".join(lines) + "\n"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}%"
