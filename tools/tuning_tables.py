"""The tables of docs/tuning.md and of its half of docs/scale.md; see tables.py."""

from collections.abc import Mapping
from typing import Any

from batch_tables import DOLLARS_PER_CORE_HOUR
from measured_results import FOLDER, read

from tenfold.formatting import duration

NOT_YET = "Not measured yet: `benchmarks/tune.py {}` does it.\n"

PAPER = 1000
"""Trials of the search on paper."""


def choices() -> str:
    found = read("choices")
    start = found["start"]
    lines = ["| setting | validation accuracy by value, mean of n seeds; difference, points |",
             "|---|---|"]  # fmt: skip
    for name, rows in found["dimensions"].items():
        lines.append(f"| `{name}` | {'; '.join(level(row, start['n']) for row in rows)} |")
    lines += [
        "",
        f"Recipe `{found['recipe']}`, {found['train_size']:,} training images, {found['epochs']} "
        f"epochs, {start['n']} seeds each; as it is (bold) it reads {percent(start['mean'])} (sd "
        f"{100 * start['sd']:.2f} points) of the last {found['val_size']:,} of the 60,000 images. "
        "After each difference, its standard error.",
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
    if "search" not in measured():
        return NOT_YET.format("search")
    found = measured()["search"]
    test = measured().get("winner", {}).get("test", {})
    lines = ["| | validation accuracy, one seed | test accuracy, mean of n | sd | min to max |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, shown in (("start", "`conv` as it is"), ("best", "found")):
        cells = "not measured yet | | "
        if test:
            accuracy = test[name]
            cells = (
                f"{percent(accuracy['mean'])} (n = {accuracy['n']}) | {100 * accuracy['sd']:.3f} "
                f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f}"
            )
        lines.append(f"| {shown} | {percent(found[name]['val_accuracy'])} | {cells} |")
    shares = ", ".join(f"`{name}` {share:.0%}" for name, share in found["importances"].items()
                       if share >= 0.05)  # fmt: skip
    lines += [
        "",
        f"`{found['command']}`: {found['trials']} trials, {found['pruned']} of them stopped "
        f"early; killed with -9 and resumed, {found['lost']} trials were taken up again. What "
        f"mattered: {shares}.",
    ]
    return "\n".join(lines) + "\n"


def workers() -> str:
    if "workers" not in measured():
        return NOT_YET.format("workers")
    found = measured()
    timed = found["workers"]
    one, two = timed["seconds"]["1"], timed["seconds"]["2"]
    lines = ["| | |", "|---|---|"]
    lines.append(
        f"| {timed['trials']} trials, one worker on one pinned core, PostgreSQL | {duration(one)} |"
    )
    lines.append(
        f"| the same, two commands on a pinned core each | {duration(two)}, "
        f"{timed['ratio']:.2f} of it |"
    )
    machine = timed["machine"]
    lines += ["", f"On {machine['cores']} cores of {machine['processor']}, {timed['date']}."]
    return "\n".join(lines) + "\n"


def overhead() -> str:
    if "overhead" not in measured():
        return NOT_YET.format("overhead")
    found = measured()["overhead"]
    storage, engines = found["storage_ms_by_trials"], found["engine_seconds"]
    lines = ["| | |", "|---|---|"]
    for name, shown in (("journal", "a journal"), ("postgresql", "PostgreSQL")):
        words = ", ".join(f"{ms:.0f} ms after {count}" for count, ms in storage[name].items())
        lines.append(f"| a trial that trains nothing, in {shown}, after so many | {words} |")
    for name, shown in (("local", "processes"), ("ray", "Ray started for it")):
        seconds = " and ".join(f"{value:.1f}" for value in engines[name])
        lines.append(f"| the same 8 short trials, two workers: {shown} | {seconds} s |")
    return "\n".join(lines) + "\n"


def paper() -> str:
    if "overhead" not in measured():
        return NOT_YET.format("overhead")
    found = measured()
    speed = read("train_speed")
    storage = found["overhead"]["storage_ms_by_trials"]["postgresql"]
    few, many = (storage[count] for count in ("100", "500"))
    ms = few + (many - few) / 400 * (PAPER - 100)
    cores = speed["machine"]["cores"]
    lines = [f"| recipe | a training on {cores} cores | {PAPER:,} trainings "
             "| on 16 machines of 2 cores | on 100 | dollars |",
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
        f"{PAPER:,} x seconds x {cores} cores / 3,600; nothing stopped early, so an upper bound; "
        f"at {DOLLARS_PER_CORE_HOUR:g} dollars a core and hour. A trial costs {few:.0f} ms of "
        f"PostgreSQL and sampler with 100 trials before it and {many:.0f} ms with 500, so about "
        f"{ms:.0f} ms at {PAPER:,}, on the line through both: {100 * ms / 1000 / longest:.1f}% of "
        f"a training of `standard`. Were all of it the database's, one core of it would serve "
        f"{rate:.1f} trials a second, so {rate * longest:.0f} workers that train `standard`.",
    ]
    return "\n".join(lines) + "\n"


def measured() -> dict[str, Any]:
    """Return the parts of results/tune.json that there are."""
    return read("tune") if (FOLDER / "tune.json").is_file() else {}


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}%"
