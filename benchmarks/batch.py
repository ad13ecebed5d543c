"""Measure `tenfold batch`: speed compared with the bare network, memory, and the cost of kills.

    python benchmarks/batch.py                    all parts, about fifteen minutes
    python benchmarks/batch.py standard kills     some parts; the others stay unchanged

`standard` reads 1,000,000 images (the test set 100 times) from one .npy with 1 and 2 workers,
twice. The bare network is timed before, between and after: in one process of one thread for each
worker, and in one process with as many threads. `reader` does the same with an eighth of the images
for one worker and half of them for two. `kills` reads the images with `standard` and 2 workers, and
is killed three times with -9. `ray` reads them on a Ray started on this machine, and compares the
rows. `pictures` reads PNGs of one digit from a folder, a Parquet file and a tar shard. Memory is
the proportional set size (PSS) of all processes of the command, sampled every two seconds. Run
nothing else meanwhile. Writes results/batch.json.
"""

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from watching import run

from tenfold.classifiers.bundle import graph_of, load_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.imaging.canvas import to_canvas
from tenfold.imaging.decoding import load_picture
from tenfold.machine import machine_facts

RESULTS = Path(__file__).parent.parent / "results" / "batch.json"
WORKERS = (1, 2)
BARE_SECONDS = 8.0
PICTURES, STEPS = 4_000, 1_000
KILLS = 3
ORDER = [("source", "ascending"), ("index", "ascending")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--bare", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        model, threads, start = arguments.bare
        print(read_bare(model, int(threads), float(start)))
        return
    document = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    document["machine"] = machine_facts("pyarrow", "ray")
    with tempfile.TemporaryDirectory() as folder:
        for part in arguments.parts or PARTS:
            document[part] = PARTS[part](Path(folder), arguments.images)
            print(part, json.dumps(document[part]), file=sys.stderr, flush=True)
            write_json(arguments.out, document)


def images_file(folder: Path, count: int) -> Path:
    """Write a .npy of `count` images, which repeats the test set."""
    path = folder / f"{count}.npy"
    if not path.exists():
        test, _ = load_mnist("test")
        shape = (count, 28, 28)
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for start in range(0, count, len(test)):
            array[start : start + len(test)] = test[: count - start]
        array.flush()
        os.sync()  # or the disk is still busy with it when others write
    return path


def throughput(model: str, rounds: int, shares: dict[int, int]) -> Callable[[Path, int], Any]:
    """Return what measures a network; `shares` divides the images, by number of workers."""

    def measure(folder: Path, images: int) -> Any:
        rows = []
        for workers in WORKERS:
            count = images // shares.get(workers, 1)
            source = images_file(folder, count)
            ran, alone = [], [bare(model, workers)]
            for turn in range(rounds):
                out = folder / f"{model}-{workers}-{turn}"
                ran.append(run(batch(source, out, model, workers)))
                alone.append(bare(model, workers))
            speed = statistics.mean(count / one["seconds"] for one in ran)
            speeds = {way: statistics.mean(one[way] for one in alone) for way in alone[0]}
            rows.append(
                {
                    "workers": workers,
                    "images": count,
                    "seconds": [one["seconds"] for one in ran],
                    "per_second": round(speed),
                    "per_second_while_reading": round(statistics.mean(map(reported_speed, ran))),
                    "bare": alone,
                    "share_of_bare": {way: round(speed / speeds[way], 4) for way in speeds},
                    "memory": ran[-1]["memory"],
                    "output_bytes": sum(path.stat().st_size for path in out.iterdir()),
                    "rows_right": accuracy(out),
                }
            )
        return rows

    return measure


def reported_speed(ran: dict[str, Any]) -> float:
    """Return the pictures per second that the command reports: without its start and the survey."""
    return float(json.loads(ran["stdout"])["per_second"])


def accuracy(out: Path) -> float:
    """Return the accuracy of an output; asserts that it has exactly one row for each image."""
    _, labels = load_mnist("test")
    table = pq.read_table(out, columns=["index", "digits"]).sort_by("index")
    assert np.array_equal(table["index"].to_numpy(), np.arange(len(table)))
    digits = table["digits"].combine_chunks().flatten().field("digit").to_numpy()
    return float((digits == np.resize(labels, len(digits))).mean())


def bare(model: str, workers: int) -> dict[str, float]:
    """Return the network's own images per second, in processes of one thread and in threads."""
    speeds = {}
    for way, processes, threads in (("processes", workers, 1), ("threads", 1, workers)):
        if way == "threads" and workers == 1:  # the same as one process
            continue
        start = time.time() + 2.0
        words = [sys.executable, __file__, "--bare", model, str(threads), str(start)]
        children = [
            subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(processes)
        ]
        speeds[way] = sum(float(child.communicate()[0]) for child in children)
    return speeds


def read_bare(model: str, threads: int, start: float) -> float:
    """Classify images for some seconds, from the time `start` on; return the images per second."""
    classifier = OnnxClassifier(graph_of(load_bundle(model)), threads=threads)
    images, _ = load_mnist("test")
    classifier.predict_proba(images[:1024])
    time.sleep(max(0.0, start - time.time()))
    begin, done = time.perf_counter(), 0
    while time.perf_counter() < begin + BARE_SECONDS:
        part = images[done % len(images) :][:2048]
        classifier.predict_proba(part)
        done += len(part)
    return round(done / (time.perf_counter() - begin), 1)


def batch(source: Path, out: Path, model: str, workers: int, *more: str) -> list[str]:
    words = [sys.executable, "-m", "tenfold", "batch", str(source), str(out), "--json"]
    return [*words, "--model", model, "--workers", str(workers), *more]


def kills(folder: Path, count: int) -> Any:
    """Kill a batch three times, at random points, and resume it."""
    source, out = images_file(folder, count), folder / "killed"
    rng = random.Random(0)
    whole = -(-count // 10_000)
    marks = [round(whole * (k + rng.random()) / (KILLS + 1)) for k in range(1, KILLS + 1)]
    runs = []
    for mark in [*marks, None]:

        def is_due(mark: int | None = mark) -> bool:
            return mark is not None and out.exists() and len(list(out.glob("part-*"))) >= mark

        ran = run(batch(source, out, "standard", 2, "--resume"), is_due)
        runs.append(
            {
                "killed_at_parts": mark,
                "parts_then": len(list(out.glob("part-*"))),
                "code": ran["code"],
                "seconds": ran["seconds"],
                "peak_megabytes": ran["memory"]["peak"],
            }
        )
    table = pq.read_table(out, columns=["index"])
    index = np.sort(table["index"].to_numpy())
    return {
        "runs": runs,
        "rows": len(index),
        "every_row_once": bool(np.array_equal(index, np.arange(count))),
        "rows_right": accuracy(out),
        "read_by_the_last": json.loads(ran["stdout"])["read_now"],
    }


def ray(folder: Path, count: int) -> Any:
    """Read with both engines on this machine, and compare times, memory and rows."""
    import ray as module

    source = images_file(folder, count)
    found: dict[str, Any] = {"version": module.__version__}
    outs = {}
    small = folder / "one.npy"
    np.save(small, np.load(source, mmap_mode="r")[:1])
    for engine in ("local", "ray"):
        outs[engine] = folder / f"by-{engine}"
        start = run(batch(small, folder / f"one-{engine}", "standard", 2, "--engine", engine))
        ran = run(batch(source, outs[engine], "standard", 2, "--engine", engine))
        found[engine] = {
            "one_image_seconds": start["seconds"],
            "seconds": ran["seconds"],
            "per_second": round(count / ran["seconds"]),
            "per_second_while_reading": reported_speed(ran),
            "memory": ran["memory"],
        }
    tables = [pq.read_table(out).sort_by(ORDER) for out in outs.values()]
    return found | {"images": count, "same_rows": tables[0].equals(tables[1])}


def pictures(folder: Path, count: int) -> Any:
    """Read pictures of one digit, dark on light, four times as large, from each kind of input."""
    count = min(count, PICTURES)
    test, labels = load_mnist("test")
    encoded = []
    for image in test[:count]:
        data = io.BytesIO()
        Image.fromarray(255 - image).resize((112, 112)).save(data, "PNG")
        encoded.append(data.getvalue())
    (folder / "pngs").mkdir()
    for number, one in enumerate(encoded):
        (folder / "pngs" / f"{number:06}.png").write_bytes(one)
    pq.write_table(pa.table({"image": encoded}), folder / "pngs.parquet", row_group_size=500)
    with tarfile.open(folder / "pngs.tar", "w") as shard:
        for number, one in enumerate(encoded):
            member = tarfile.TarInfo(f"{number:06}.png")
            member.size = len(one)
            shard.addfile(member, io.BytesIO(one))
    rows = []
    for name, workers, more in (
        ("pngs", 1, ["--single"]),
        ("pngs", 2, ["--single"]),
        ("pngs.parquet", 2, ["--single"]),
        ("pngs.tar", 2, ["--single"]),
        ("pngs", 2, []),
    ):
        out = folder / f"of-{name}-{workers}-{len(more)}"
        ran = run(batch(folder / name, out, "reader", workers, *more))
        table = pq.read_table(out).sort_by(ORDER)
        right = np.array(table["text"].to_pylist()) == labels[:count].astype(str)
        rows.append(
            {
                "input": {"pngs": "folder", "pngs.parquet": "Parquet", "pngs.tar": "tar"}[name],
                "single": bool(more),
                "workers": workers,
                "pictures": count,
                "seconds": ran["seconds"],
                "per_second": round(count / ran["seconds"], 1),
                "per_second_while_reading": reported_speed(ran),
                "right": round(float(right.mean()), 4),
                "peak_megabytes": ran["memory"]["peak"],
            }
        )
    return {"bytes_each": round(statistics.mean(map(len, encoded))), "runs": rows,
            "steps_us": steps(encoded[:STEPS])}  # fmt: skip


def steps(encoded: list[bytes]) -> dict[str, float]:
    """Return the time of each step of reading one digit, in microseconds, with one thread."""
    cv2.setNumThreads(1)
    classifier = OnnxClassifier(graph_of(load_bundle("reader")), threads=1)
    seconds = dict.fromkeys(("decode", "find", "network"), 0.0)
    for data in encoded:
        start = time.perf_counter()
        picture = load_picture(data)
        decoded = time.perf_counter()
        canvas = to_canvas(picture.gray)
        found = time.perf_counter()
        assert canvas is not None
        classifier.predict_proba(canvas)
        seconds["decode"] += decoded - start
        seconds["find"] += found - decoded
        seconds["network"] += time.perf_counter() - found
    return {name: round(1e6 * value / len(encoded), 1) for name, value in seconds.items()}


PARTS: dict[str, Callable[[Path, int], Any]] = {
    "standard": throughput("standard", 2, {}),
    "reader": throughput("reader", 2, {1: 8, 2: 2}),
    "kills": kills,
    "ray": ray,
    "pictures": pictures,
}

if __name__ == "__main__":
    main()
