"""The tables of docs/reading.md, docs/robustness.md and docs/adapting.md, from results/."""

from markdown import table
from measured_results import read


def reading() -> str:
    keys = ("accuracy", "accepted", "accepted_error", "error_at_80%", "error_at_95%")
    headings = (
        "pictures | n | accuracy | accepted | error rate among accepted | "
        "error rate at 80% coverage | at 95% coverage"
    )
    return table(
        headings,
        (
            [row["set"], f"{row['n']:,}", *(percent(row[key]) for key in keys)]
            for row in read("reading")["sets"]
        ),
    )


def peers() -> str:
    found = read("reading")
    ours = {row["set"]: row["accuracy"] for row in found["sets"]}
    readers = list(dict.fromkeys(row["reader"] for row in found["peers"]))
    rows = []
    for name in dict.fromkeys(row["set"] for row in found["peers"]):
        theirs = {r["reader"]: r["accuracy"] for r in found["peers"] if r["set"] == name}
        rows.append([name, *map(percent, [ours[name], *(theirs[one] for one in readers)])])
    return table(" | ".join(["pictures", "tenfold", *readers]), rows)


def line() -> str:
    return table(
        "pages | n | accuracy, segmentation only | accuracy, line recognition too",
        (
            [
                row["pages"],
                str(row["n"]),
                percent(row["segmentation only"]),
                percent(row["line recognition too"]),
            ]
            for row in read("line")["pages"]
        ),
    )


def words() -> str:
    rows = read("words")["pages"]
    return table(
        "pages | n | accuracy",
        ([row["pages"], str(row["n"]), percent(row["right"])] for row in rows),
    )


def robustness() -> str:
    found = read("robustness")
    keys = ("network", "read", "read_accepted", "read_accepted_error")
    headings = (
        "corruption | accuracy of the network | accuracy read as a picture | accepted | "
        "error rate among accepted"
    )
    rows = [
        [row["corruption"].replace("_", " "), *(percent(row[key]) for key in keys)]
        for row in found["corruptions"]
    ]
    means = [f"**{percent(found['mean'][key])}**" for key in ("network", "read")]
    return table(headings, [*rows, ["**mean**", *means, "", ""]])


ADAPTED = {
    "network": "crops read correctly by the network",
    "read": "crops read correctly by `read --single`",
    "accepted": "crops accepted",
    "accepted_error": "error rate among accepted crops",
    "mnist": "MNIST's test images read correctly",
    "marks_accepted": "made-up marks accepted (no digits)",
    "persian_accepted": "Persian digits accepted (no Latin digits)",
}


def adapting() -> str:
    found = read("adapt")["crops"]["figures"]
    rows = []
    for name, what in ADAPTED.items():
        before, after = found[f"before_{name}"], found[f"after_{name}"]
        cells = [before["mean"], after["mean"], after["sd"], after["min"], after["max"]]
        rows.append([what, *(f"{cell:.2%}" for cell in cells)])
    return table("share | before, mean | after, mean | sd | min | max", rows)


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
