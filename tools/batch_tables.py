"""Tables on `tenfold batch`, from results/batch.json; `tables.py` puts them into docs."""

import statistics

from markdown import table
from measured_results import read

from tenfold.formatting import duration

BILLION = 10**9
CORES = 32
"""Of a machine, on paper."""
MACHINES = 16
LINK = 1.25e9
"""Bytes a second of a link of 10 Gbit/s."""
OPEN_SECONDS = 0.001
"""Assumed time to open a file over a network."""

LISTED_PER_SECOND = 100_000
"""Assumed number of file names that a folder gives in a second."""

PHOTO_BYTES = 3e6
"""Assumed size of a photo."""

DOLLARS_PER_CORE_HOUR = 0.05
"""About what clouds ask for a virtual core on demand; two of these are often one core."""


def throughput() -> str:
    found = read("batch")
    lines = [
        "| network | workers | images | time of the whole command | images per second |"
        " bare network, images per second | share of that | peak memory |"
        " memory in the second quarter | in the last quarter |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model in ("standard", "reader"):
        for row in found[model]:
            share = min(row["share_of_bare"].values())
            bare, seconds = row["per_second"] / share, statistics.mean(row["seconds"])
            memory = row["memory"]
            lines.append(
                f"| `{model}` | {row['workers']} | {row['images']:,} | {duration(seconds)} |"
                f" {row['per_second']:,} | {bare:,.0f} | {share:.1%} | {memory['peak']} MB |"
                f" {memory['second_quarter']} MB | {memory['last_quarter']} MB |"
            )
    right = {model: found[model][-1]["rows_right"] for model in ("standard", "reader")}
    return "\n".join(lines) + (
        f"\n\nMeasured on {found['machine']['cores']} cores of {found['machine']['processor']}."
        " The bare network is the faster of two ways to use the same cores: a process of one"
        " thread for each worker, or one process with a thread for each. It was timed before,"
        " between and after two runs of the command. Accuracy:"
        f" {right['standard']:.2%} with `standard`, {right['reader']:.2%} with `reader`.\n"
    )


def engines() -> str:
    found = read("batch")
    killed, ray = found["kills"], found["ray"]
    runs = [run for run in killed["runs"] if run["killed_at_parts"] is not None]
    at = ", ".join(str(run["parts_then"]) for run in runs)
    lines = [
        "| engine | time of the command for one image | images | time of the whole command |"
        " images per second | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for name, engine in (("local", ray["local"]), ("Ray on this machine", ray["ray"])):
        lines.append(
            f"| {name} | {duration(engine['one_image_seconds'])} | {ray['images']:,} |"
            f" {duration(engine['seconds'])} | {engine['per_second']:,} |"
            f" {engine['memory']['peak']:,} MB |"
        )
    same = "equal" if ray["same_rows"] else "NOT equal"
    once = "every image has exactly one row" if killed["every_row_once"] else "rows were lost"
    total = sum(run["seconds"] for run in killed["runs"])
    return "\n".join(lines) + (
        f"\n\nMeasured with `standard` and 2 workers, Ray {ray['version']}; the rows of both"
        f" engines are {same}. The command was also killed with -9 when {at} of"
        f" {killed['rows'] // 10_000} parts were written, and resumed: it took {duration(total)} in"
        f" total, and {once} ({killed['rows']:,} rows).\n"
    )


def pictures() -> str:
    found = read("batch")["pictures"]
    lines = [
        "| input: PNGs of one digit, 112x112, in a | options | workers |"
        " pictures per second, whole command | while reading | accuracy | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["runs"]:
        lines.append(
            f"| {row['input']} | {'`--single`' if row['single'] else ''} | {row['workers']} |"
            f" {row['per_second']:,.0f} | {row['per_second_while_reading']:,.0f} |"
            f" {row['right']:.1%} | {row['peak_megabytes']} MB |"
        )
    steps = found["steps_us"]
    shown = ", ".join(f"{name} {value:,.0f}" for name, value in steps.items())
    return "\n".join(lines) + (
        f"\n\n{found['runs'][0]['pictures']:,} pictures of {found['bytes_each']:,} bytes, read by"
        f" `reader`. Microseconds per picture, by step: {shown}.\n"
    )


def billion() -> str:
    """Return what the measured speeds come to for a billion, on paper."""
    found = read("batch")
    lines = [
        "| a billion | storage | read per core and second | core hours |"
        " time on 16 machines of 32 cores | cost, dollars | input rate | cores fed by 10 Gbit/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    single = next(r for r in found["pictures"]["runs"] if r["workers"] == 2 and r["single"])
    kinds = [
        ("images, `standard`", 784, found["standard"][-1]["per_second_while_reading"] / 2),
        ("images, `reader`", 784, found["reader"][-1]["per_second_while_reading"] / 2),
        (
            "PNGs of one digit in shards, `--single`",
            found["pictures"]["bytes_each"],
            single["per_second_while_reading"] / 2,
        ),
    ]
    for name, size, speed in kinds:
        hours = BILLION / speed / 3600
        wall = hours * 3600 / (MACHINES * CORES)
        draw = MACHINES * CORES * speed * size
        lines.append(
            f"| {name} | {BILLION * size / 1e12:.2f} TB | {speed:,.0f} | {hours:,.0f} |"
            f" {duration(wall)} | {hours * DOLLARS_PER_CORE_HOUR:,.2f} | {draw / 1e9:.2f} GB/s |"
            f" {LINK / speed / size:,.0f} |"
        )
    output = found["standard"][-1]["output_bytes"] / found["standard"][-1]["images"]
    return "\n".join(lines) + (
        f"\n\nThe output of a billion images is {BILLION // 10_000:,} parts with"
        f" {output:.1f} bytes per row: {output:.0f} GB.\n"
    )


def storage() -> str:
    """Return what limits each kind of input, with times that follow from the assumptions above."""
    opening = BILLION * OPEN_SECONDS / 3600
    workers = CORES * MACHINES
    link_seconds = BILLION * PHOTO_BYTES / LINK
    return table(
        "input | bottleneck | time for a billion | what to do",
        [
            [
                "images, a fast network",
                "storage: one file server feeds fewer cores than there are",
                "see above",
                "spread the shards over several servers or an object store, or copy them to the "
                "machines' own disks",
            ],
            [
                "small pictures in shards",
                "the cores, mostly for finding the digit",
                "see above",
                "add cores",
            ],
            [
                "small pictures as single files",
                f"the file system: {1000 * OPEN_SECONDS:g} ms to open a file, "
                f"{LISTED_PER_SECOND:,} names listed per second",
                f"opening: {opening:,.0f} h, or {60 * opening / workers:,.0f} min among {workers} "
                f"workers; listing: {BILLION / LISTED_PER_SECOND / 3600:.1f} h in one process",
                "pack them into Parquet or tar shards of some hundred megabytes",
            ],
            [
                f"photos of {PHOTO_BYTES / 1e6:g} MB",
                "the link of 10 Gbit/s",
                f"{link_seconds / 86_400:.0f} days; {link_seconds / MACHINES / 3600:.0f} h if each "
                f"of {MACHINES} machines has a link of its own",
                "read them where they lie",
            ],
            [
                "any, with Ray",
                "one process hands out the places of chunks or the names of files",
                "",
                "it holds no list of all chunks",
            ],
        ],
    )
