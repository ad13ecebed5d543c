"""Measure latency and throughput of one network on several runtimes.

    python benchmarks/inference.py                      `standard`, all runtimes, about ten minutes
    python benchmarks/inference.py --model tiny --out /tmp/tiny.json

The runtimes are Keras's `predict`, a plain call of the Keras network, tenfold (ONNX Runtime with
several batches at the same time), ONNX Runtime with default settings, OpenVINO and LiteRT. Each
computes in float32 and int8, OpenVINO also in bfloat16, with one and two threads. Each measurement
has its own process, because a process sets its threads once. The runtimes run in turn, and the
result is the median over the rounds. Throughput is measured in calls with 32, 256, 1,000 and all
10,000 test images. Keras's `predict` splits a call into batches of 32, and `keras-predict-large`
into batches of 1,000. Finally, two processes compute at the same time. Run nothing else on the
machine. Writes results/inference.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.classifiers.base import Predict
from tenfold.classifiers.bundle import KERAS, ONNX, load_bundle
from tenfold.classifiers.onnx import OnnxClassifier, Session
from tenfold.classifiers.openvino import OpenVinoClassifier
from tenfold.data.mnist import load_mnist
from tenfold.exporting.formats import exported
from tenfold.exporting.litert import load_litert
from tenfold.exporting.quantizing import CALIBRATION_IMAGES
from tenfold.files import write_json
from tenfold.machine import has_fast_bfloat16, machine_facts

RESULTS = Path(__file__).parent.parent / "results" / "inference.json"
FLOAT32 = (
    "keras-predict",
    "keras-predict-large",
    "keras-call",
    "tenfold",
    "onnxruntime",
    "openvino",
    "litert",
)
INT8 = ("tenfold", "openvino", "litert")
ROUNDS = 3
BATCHES = (32, 256, 1000, 10_000)
KERAS_BATCH = 1000
ONE_IMAGE_SECONDS = 1.0
BATCH_SECONDS = 1.0
TOGETHER_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="standard", help="a shipped name or a bundle folder")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--together", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        runtime, precision, threads, folder = arguments.one
        print(json.dumps(measured(runtime, precision, int(threads), Path(folder))))
    elif arguments.together:
        runtime, start, folder = arguments.together
        print(read_until(predictor(runtime, "float32", 0, Path(folder)), float(start)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            document = compare(arguments.model, Path(folder))
        write_json(arguments.out, document)


def compare(model: str, folder: Path) -> dict[str, Any]:
    """Measure all runtimes in turn, in several rounds."""
    write_models(model, folder)
    plan = [(runtime, "float32", n) for n in (1, 2) for runtime in FLOAT32]
    plan += [(runtime, "int8", n) for n in (1, 2) for runtime in INT8]
    if has_fast_bfloat16():
        plan += [("openvino", "bfloat16", n) for n in (1, 2)]
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {one: [] for one in plan}
    for _ in range(ROUNDS):
        for one in plan:
            found[one].append(in_a_process("--one", *map(str, one), str(folder)))
            print(*one, found[one][-1], file=sys.stderr, flush=True)
    rows = [
        {"runtime": runtime, "precision": precision, "threads": threads, **middle(results)}
        for (runtime, precision, threads), results in found.items()
    ]
    together = {runtime: two_at_once(runtime, folder) for runtime in ("tenfold", "onnxruntime")}
    return {"model": model, "machine": machine_facts(),
            "rounds": ROUNDS, "rows": rows, "two_processes": together}  # fmt: skip


def write_models(model: str, folder: Path) -> None:
    """Write the model into a folder in every format."""
    bundle = load_bundle(model)
    graph = bundle.read(ONNX)
    images = load_mnist("train")[0][:CALIBRATION_IMAGES]
    (folder / "float32.keras").write_bytes(bundle.read(KERAS))
    for precision, calibration in (("float32", None), ("int8", images)):
        for name in ("onnx", "litert"):  # OpenVINO reads the ONNX file
            files = exported(name, graph, lambda: bundle.read(KERAS), calibration)
            for suffix, data in files.items():
                (folder / f"{precision}{suffix}").write_bytes(data)


def in_a_process(*words: str) -> Any:
    """Run this script with these arguments in a new process; return the JSON that it prints."""
    finished = subprocess.run(
        [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return json.loads(finished.stdout.splitlines()[-1])


def predictor(runtime: str, precision: str, threads: int, folder: Path) -> Predict:
    """Return a function from images uint8 (n, 28, 28) to probabilities (n, 10)."""
    if runtime.startswith("keras"):
        return keras_predictor(runtime, threads, folder)
    if runtime == "openvino":
        # OpenVINO computes an int8 graph in int8, whatever precision the other operators have.
        graph = folder / ("int8.onnx" if precision == "int8" else "float32.onnx")
        bfloat16 = precision == "bfloat16"
        return OpenVinoClassifier(graph, threads, bfloat16=bfloat16).predict_proba
    if runtime == "litert":
        return load_litert(folder / f"{precision}.tflite", threads)
    graph = folder / f"{precision}.onnx"
    if runtime == "tenfold":
        return OnnxClassifier(graph, threads).predict_proba
    session = Session(graph.read_bytes(), threads, spinning=True)
    return lambda images: np.asarray(session.run([*session.outputs()], {"images": images})[0])


def keras_predictor(runtime: str, threads: int, folder: Path) -> Predict:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    network = keras.models.load_model(folder / "float32.keras")
    if runtime == "keras-call":
        return lambda images: np.asarray(network(images, training=False))
    batch = KERAS_BATCH if runtime == "keras-predict-large" else None
    return lambda images: np.asarray(network.predict(images, batch_size=batch, verbose=0))


def measured(runtime: str, precision: str, threads: int, folder: Path) -> dict[str, Any]:
    """Return accuracy, latency and throughput of one runtime, measured in this process."""
    predict = predictor(runtime, precision, threads, folder)
    images, labels = load_mnist("test")
    read = np.concatenate([predict(part) for part in np.split(images, 10)]).argmax(axis=1)
    times: list[float] = []
    for image in images[:20]:
        predict(image[None])
    end = time.perf_counter() + ONE_IMAGE_SECONDS
    while time.perf_counter() < end:
        image = images[len(times) % len(images)][None]
        start = time.perf_counter()
        predict(image)
        times.append(time.perf_counter() - start)
    speeds = {}
    for size in BATCHES:
        parts = [images[i : i + size] for i in range(0, len(images) - size + 1, size)]
        predict(parts[0])
        done, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < BATCH_SECONDS or not done:
            predict(parts[done % len(parts)])
            done += 1
        speeds[str(size)] = round(done * size / seconds)
    return {
        "accuracy": float((read == labels).mean()),
        "one_image_us": round(1e6 * statistics.median(times), 1),
        "images_per_second": speeds,
    }


def middle(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians over the rounds."""
    return {
        "accuracy": results[0]["accuracy"],
        "one_image_us": statistics.median(one["one_image_us"] for one in results),
        "images_per_second": {
            str(size): statistics.median(one["images_per_second"][str(size)] for one in results)
            for size in BATCHES
        },
    }


def read_until(predict: Predict, start: float) -> int:
    """Compute batches for `TOGETHER_SECONDS` from a start time; return the number of images."""
    images, _ = load_mnist("test")
    part = images[:1000]
    predict(part)
    time.sleep(max(0.0, start - time.time()))
    end, done = time.perf_counter() + TOGETHER_SECONDS, 0
    while time.perf_counter() < end:
        predict(part)
        done += len(part)
    return done


def two_at_once(runtime: str, folder: Path) -> dict[str, int]:
    """Return the images per second of one process, and of two together, with all threads each."""
    result = {}
    for count in (1, 2):
        start = time.time() + 3
        words = [sys.executable, __file__, "--together", runtime, str(start), str(folder)]
        started = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        done = [int(process.communicate()[0]) for process in started]
        result[str(count)] = round(sum(done) / TOGETHER_SECONDS)
    return result


if __name__ == "__main__":
    main()
