"""The tables of the pages on reading, robustness and adapting, from results/."""

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
    ours = {row["set"]: row for row in found["sets"]}
    readers = list(dict.fromkeys(row["reader"] for row in found["peers"]))
    rows = []
    for name in dict.fromkeys(row["set"] for row in found["peers"]):
        theirs = {row["reader"]: row for row in found["peers"] if row["set"] == name}
        row = [ours[name], *(theirs[one] for one in readers)]
        best = percent(max(one["accuracy"] for one in row))
        cells = [percent(one["accuracy"]) for one in row]
        cells = [f"**{cell}**" if cell == best else cell for cell in cells]
        rows.append([name, f"{ours[name]['n']:,}", f"{theirs[readers[0]]['n']:,}", *cells])
    headings = " | ".join(["pictures", "n of tenfold", "n of the others", "tenfold", *readers])
    return table(headings, rows)


def newest_peer() -> str:
    """Return on which pictures the newest other reader, restricted to digits, is ahead."""
    found = read("reading")
    ours = {row["set"]: row for row in found["sets"]}
    name = found["peers"][-1]["reader"]
    better: dict[bool, list[str]] = {True: [], False: []}
    for theirs in (row for row in found["peers"] if row["reader"] == name):
        rows = [ours[theirs["set"]], theirs]
        rows.sort(key=lambda row: row["accuracy"], reverse=True)
        sizes = [f" of {row['n']:,}" * (rows[0]["n"] != rows[1]["n"]) for row in rows]
        shares = [percent(row["accuracy"]) + size for row, size in zip(rows, sizes, strict=True)]
        shown = theirs["set"].partition(",")[0]
        better[rows[0] is theirs].append(f"{shown} ({' to '.join(shares)})")
    peer = f"{name.partition(',')[0]}, restricted to digits and `. , - /`,"
    readers = ((True, peer, "ahead of tenfold"), (False, "tenfold", "as good or ahead"))
    return " ".join(
        f"{reader} is {how} on {', '.join(better[which])}."
        for which, reader, how in readers if better[which]
    ) + "\n"  # fmt: skip


def second_opinion() -> str:
    headings = (
        "lines | n | reader | accuracy | accepted | error rate among accepted | "
        "error rate at 80% coverage | time, ms"
    )
    keys = ("accuracy", "accepted", "accepted_error", "error_at_80%")
    rows = [
        [
            row["set"],
            str(row["n"]),
            row["reader"],
            *(percent(row[key]) for key in keys),
            f"{row['median_ms']:.0f}" if "median_ms" in row else "",
        ]
        for row in read("second_opinion")["sets"]
    ]
    return table(headings, rows)


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


def fields() -> str:
    found = read("fields")
    rows, pages = (
        [
            [row["fields"], str(row["n"]), percent(row["right"] / row["n"]), str(row["accepted"]),
             str(row["accepted_wrong"])]
            for row in found[name]
        ]
        for name in ("fields", "pages")
    )  # fmt: skip
    whole = ["**all fields**", str(sum(row["n"] for row in found["fields"]))]
    rows.append([*whole, f"**{percent(found['right'])}**", "", ""])
    rows += [
        [f"cells of {row['n']} {row['grids']}", str(row["cells"]), percent(row["right"]), "", ""]
        for row in found["grids"]
    ]
    return table("pictures | n | accuracy | accepted | wrong among accepted", rows + pages)


FAULT_KINDS = {
    "slash": "dates with slashes",
    "slash_long": "dates with long slashes",
    "brackets": "a number in brackets",
    "apart": "signs between numbers",
    "comb": "digits in boxes",
    "boxed_single": "one digit in a box",
    "circled": "one digit in a circle",
    "dashed_box": "an empty dashed box",
    "frames": "a number among frames",
    "frames_header": "frames with header cells",
    "table": "tables",
    "small_table": "a table of small digits",
    "on_rule": "a number on a dark rule",
    "on_rule_single": "one digit on a dark rule",
    "desk": "a sheet on a dark desk",
    "page_edge": "a dark gap at the sheet's edge",
    "shadow": "a soft shadow over most of a sheet",
    "label": "a word beside a number",
    "struck_out": "a number struck out",
}
"""What the names of the scenes of results/reading.json mean."""


def faults() -> str:
    found = read("reading")["faults"]
    rows = []
    for kind, meaning in FAULT_KINDS.items():
        mine = [one for one in found["scenes"] if one["scene"].rpartition("_")[0] == kind]
        counts = [sum(one[key] for one in mine) for key in ("right", "wrong_accepted")]
        rows.append([meaning, *map(str, (len(mine), *counts))])
    rows.append(["**all**", *(f"**{found[key]}**" for key in ("n", "right", "wrong_accepted"))])
    return table("scenes | n | right | with a wrong digit accepted", rows)


def constraints() -> str:
    """Return a table of fields, read without what is known of them and with it."""
    headings = "fields | n"
    for which in ("without", "with"):
        headings += f" | accuracy {which} | accepted {which} | wrong among accepted {which}"
    rows = []
    for row in read("constraints")["fields"]:
        cells = [row["fields"], str(row["n"])]
        for which in ("without", "with"):
            found = row[which]
            possible = "excludes" not in row["fields"] or which == "without"
            cells.append(percent(found["accuracy"]) if possible else "")
            cells += [str(found["accepted"]), str(found["accepted_wrong"])]
        rows.append(cells)
    return table(headings, rows)


def reading_speed() -> str:
    found = read("reading_speed")
    return table(
        "the whole command `tenfold read` | time | peak memory",
        (
            [row["what"], f"{row['seconds']:.2f} s", f"{row['peak_megabytes']} MB"]
            for row in found["rows"]
        ),
        f"Medians of {found['runs']} runs on two cores.",
    )


def threshold() -> str:
    found = read("temperature")["reader"]
    seeds = found["rows"]
    digits, marks = (
        percent(sum(seed[key] for seed in seeds) / len(seeds))
        for key in ("images_accepted", "non_digits_accepted")
    )
    return (
        f"The threshold of `reader` is {found['threshold']:.0%}. Its recipe was trained on "
        f"{60_000 - found['val_size']:,} training images with {len(seeds)} seeds. At their "
        f"thresholds, {digits} of the other {found['val_size']:,} images are accepted on average, "
        f"and {marks} of made-up marks that are not digits.\n"
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


def forms() -> str:
    found = read("forms")
    headings = (
        "pages | fields | exact | flagged for review | "
        "wrong among the others | error rate after a review of the least sure 5%"
    )
    rows = [*found["captures"], *found["groups"], found["all"]]
    return table(
        headings,
        (
            [
                row["name"], f"{row['n']:,}", percent(row["right"]), percent(row["flagged"]),
                str(row["accepted_wrong"]), percent(row["error_unreviewed"]),
            ]
            for row in rows
        ),
    )  # fmt: skip
