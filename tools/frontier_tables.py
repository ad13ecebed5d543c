"""The table of training times and what they buy, from results/frontier.json."""

from typing import Any

from markdown import table
from measured_results import read

from tenfold.formatting import duration

PEERS = {
    "tuomaso": "tuomaso's, re-implemented",
    "keras-io": "keras.io's convnet",
    "plain-keras": "the article on plain Keras",
}


def frontier() -> str:
    """Return the table: a row for each time asked for, then the peers."""
    found = read("frontier")
    machine = found["machine"]
    rows = [
        [f"`--seconds {name}`", f"`{one['recipe']}`", f"{one['images']:,}", *_figures(one)]
        for name, one in found["points"].items()
    ]
    rows += [[PEERS[name], "", "", *_figures(one)] for name, one in found["peers"].items()]
    notes = [
        "*Images*: training images seen, repeats included; the median, since each run measures "
        "the machine anew. The recipes are those of the catalog "
        "with other settings (`LADDER` in `src/tenfold/training/budget.py`); all of them were "
        "chosen on held-out training images. Measured side by side on "
        f"{machine['cores']} cores of {machine['processor']}, {machine['date']}"
        + (f"; {machine['note']}." if "note" in machine else "."),
    ]
    timed = {
        PEERS[name]: one["timed_epochs"]
        for name, one in found["peers"].items()
        if "timed_epochs" in one
    }
    if timed:
        epochs = " and ".join(f"{epochs} of {name}" for name, epochs in timed.items())
        notes.append(
            f"\\* Extrapolated from fewer epochs: {epochs}. The accuracy is that of [the other "
            "table](../explanation/training-time.md)."
        )
    return table(
        "training | recipe | images | test accuracy, mean | sd, points | min to max, % | n | "
        "training time, median | min to max, s",
        rows,
        *notes,
    )


def _figures(one: dict[str, Any]) -> list[str]:
    accuracy, seconds = one["accuracy"], one["train_seconds"]
    mark = "\\*" if "timed_epochs" in one else ""
    return [
        f"{100 * accuracy['mean']:.2f}%",
        "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}",
        f"{100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f}",
        str(accuracy["n"]),
        duration(seconds["median"]) + mark,
        f"{seconds['min']:.2f} to {seconds['max']:.2f}",
    ]
