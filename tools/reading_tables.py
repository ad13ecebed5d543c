"""The tables of docs/reading.md and docs/robustness.md; see tables.py."""

from measured_results import read


def reading() -> str:
    lines = [
        "| pictures | n | accuracy | accepted | error rate among accepted "
        "| error rate at 80% coverage | at 95% coverage |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in read("reading")["sets"]:
        cells = [
            "" if row[key] is None else f"{100 * row[key]:.1f}%"
            for key in ("accuracy", "accepted", "accepted_error", "error_at_80%", "error_at_95%")
        ]
        lines.append(f"| {row['set']} | {row['n']:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def peers() -> str:
    found = read("reading")
    ours = {row["set"]: row["accuracy"] for row in found["sets"]}
    readers = list(dict.fromkeys(row["reader"] for row in found["peers"]))
    lines = [f"| pictures | tenfold | {' | '.join(readers)} |", "|---|---|" + "---|" * len(readers)]
    for name in dict.fromkeys(row["set"] for row in found["peers"]):
        theirs = {r["reader"]: r["accuracy"] for r in found["peers"] if r["set"] == name}
        shares = [ours[name], *(theirs[reader] for reader in readers)]
        lines.append(f"| {name} | {' | '.join(f'{100 * share:.1f}%' for share in shares)} |")
    return "\n".join(lines) + "\n"


def line() -> str:
    found = read("line")
    lines = [
        "| pages | n | accuracy, segmentation only | accuracy, line recognition too |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['pages']} | {row['n']} | {row['cuts alone']:.1%} | {row['whole lines']:.1%} |"
        for row in found["pages"]
    ]
    return "\n".join(lines) + "\n"


def words() -> str:
    lines = ["| pages | n | accuracy |", "|---|---|---|"]
    lines += [
        f"| {row['pages']} | {row['n']} | {row['right']:.1%} |" for row in read("words")["pages"]
    ]
    return "\n".join(lines) + "\n"


def robustness() -> str:
    found = read("robustness")
    lines = [
        "| corruption | accuracy of the network | accuracy read as a picture | accepted "
        "| error rate among accepted |",
        "|---|---|---|---|---|",
    ]
    for row in found["corruptions"]:
        shares = (row[key] for key in ("network", "read", "read_accepted", "read_accepted_error"))
        cells = " | ".join("" if share is None else f"{share:.1%}" for share in shares)
        lines.append(f"| {row['corruption'].replace('_', ' ')} | {cells} |")
    mean = found["mean"]
    lines.append(f"| **mean** | **{mean['network']:.1%}** | **{mean['read']:.1%}** | | |")
    return "\n".join(lines) + "\n"
