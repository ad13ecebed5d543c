"""The tables of the pages inference.md, exporting.md, browser.md and page.md, from results/."""

from typing import Any

from markdown import table
from measured_results import read

RUNTIMES = {
    "keras-predict": "Keras, `predict`",
    "keras-predict-large": "Keras, `predict(batch_size=1000)`",
    "keras-call": "Keras, plain call",
    "tenfold": "tenfold, on ONNX Runtime",
    "onnxruntime": "ONNX Runtime, default settings",
    "openvino": "OpenVINO",
    "litert": "LiteRT",
}


def inference() -> str:
    found = read("inference")
    headings = (
        "runtime | precision | latency per image, 1 thread | 2 threads | "
        "images per second, 1 thread | 2 threads | accuracy"
    )
    by_key = {(row["runtime"], row["precision"], row["threads"]): row for row in found["rows"]}
    rows = []
    for runtime, precision in dict.fromkeys(key[:2] for key in by_key):
        one, two = by_key[runtime, precision, 1], by_key[runtime, precision, 2]
        latency = [f"{row['one_image_us']:,.0f} us" for row in (one, two)]
        speed = [f"{max(row['images_per_second'].values()):,.0f}" for row in (one, two)]
        accuracy = f"{100 * one['accuracy']:.2f}%"
        rows.append([RUNTIMES[runtime], precision, *latency, *speed, accuracy])
    (alone, both), (spin_alone, spin_both) = (
        [found["two_processes"][runtime][count] for count in ("1", "2")]
        for runtime in ("tenfold", "onnxruntime")
    )
    machine = found["machine"]
    return table(
        headings,
        rows,
        f"The network is `{found['model']}`. Figures are medians of {found['rounds']} rounds; "
        "images per second are those of the best batch size among 32, 256, 1,000 and 10,000; "
        f"measured on {machine['cores']} cores of {machine['processor']}. One process of tenfold "
        f"with two threads reads {alone:,} images per second, two such processes at the same time "
        f"{both:,} together. ONNX Runtime with default settings, whose threads wait in a loop, "
        f"reads {spin_alone:,} and {spin_both:,}.",
    )


def runtimes() -> str:
    """Return a recommendation for each purpose, with figures of the better number of threads."""
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in read("inference")["rows"]:
        by_key.setdefault((row["runtime"], row["precision"]), []).append(row)

    def speed(key: tuple[str, str]) -> int:
        return max(int(max(row["images_per_second"].values())) for row in by_key[key])

    def figures(*key: str) -> list[str]:
        latency = min(float(row["one_image_us"]) for row in by_key[key[0], key[1]])
        return [f"{latency:,.0f} us", f"{speed((key[0], key[1])):,}"]

    openvino = max((key for key in by_key if key[0] == "openvino" and key[1] != "int8"), key=speed)
    nano, tiny = (read("latency")[name] for name in ("nano", "tiny"))
    return table(
        "purpose | runtime | latency per image | images per second",
        [
            [
                "reading in your own program",
                "`tenfold.load_classifier`, on ONNX Runtime",
                *figures("tenfold", "float32"),
            ],
            [
                "reading millions of images",
                f'`tenfold.load_classifier(..., runtime="openvino")`, {openvino[1]}',
                *figures(*openvino),
            ],
            [
                "further training",
                "Keras on the shipped `model.keras`, measured with `predict`",
                *figures("keras-predict", "float32"),
            ],
            [
                "a small file",
                f"`tiny`, {tiny['size_bytes'] / 1000:.0f} kB, or `tiny` in int8",
                f"{tiny['latency_us']['median']:,.0f} us",
                "",
            ],
            [
                "the smallest file",
                f"`nano`, {nano['size_bytes'] / 1000:.0f} kB",
                f"{nano['latency_us']['median']:,.0f} us",
                "",
            ],
            ["no runtime", "the C headers `tiny.h` and `nano.h`", "", ""],
        ],
    )


def keras_factors() -> str:
    """Return how many times as fast as Keras's `predict` two runtimes are, with two threads."""
    rows = {
        (row["runtime"], row["precision"], row["threads"]): row for row in read("inference")["rows"]
    }

    def speed(runtime: str, precision: str, images: str) -> float:
        row = rows[runtime, precision, 2]
        one = 1e6 / row["one_image_us"]
        return float(one if images == "1" else row["images_per_second"][images])

    calls = {"1": "1", "1000": "1,000", "10000": "10,000"}
    runtimes = (("tenfold", "float32"), ("openvino", "bfloat16"))
    return table(
        "compared with | images in a call | tenfold, on ONNX Runtime | OpenVINO, bfloat16",
        [
            [RUNTIMES[keras], shown]
            + [
                f"{ratio:,.{1 if ratio < 100 else 0}f} times"
                for one in runtimes
                for ratio in (speed(*one, images) / speed(keras, "float32", images),)
            ]
            for keras in ("keras-predict", "keras-predict-large")
            for images, shown in calls.items()
            if (keras, images) != ("keras-predict-large", "1")
        ],
        "Images per second divided by those of Keras, two threads each.",
    )


def startup() -> str:
    found = read("startup")
    seconds, spent = found["seconds"], found["import_ms"]
    parts = ", ".join(
        f"{name} {value:.0f}" for name, value in sorted(spent.items(), key=lambda item: -item[1])
    )
    return (
        f"The whole command `tenfold read --single digit.png` takes {seconds['read']:.2f} s. That "
        f"is {found['read_by_imports']:g} times the time to import NumPy, ONNX Runtime, Pillow and "
        f"OpenCV ({seconds['imports']:.2f} s); Python alone starts in {seconds['nothing']:.2f} s. "
        f"Figures are medians of {found['runs']} runs in turn. Milliseconds spent in imports, by "
        f"package, traced: {parts}.\n"
    )


def exports() -> str:
    headings = (
        "model | format | precision | bytes | same digit as the original | "
        "largest difference | mean difference | accuracy"
    )
    rows = []
    for row in read("exports")["rows"]:
        figures = ["refused", "", "", "", ""]
        if "refused" not in row:
            figures = [
                f"{row['size_bytes']:,}",
                f"{100 * row['same_labels']:.2f}%",
                f"{row['largest_difference']:.2g}",
                f"{row['mean_difference']:.2g}",
                f"{100 * row['accuracy']:.2f}%",
            ]
        rows.append([f"`{row['model']}`", row["format"], row["precision"], *figures])
    return table(headings, rows)


def javascript() -> str:
    found = read("javascript")
    size = (
        f"{found['wasm_bytes'] / 1000:.1f} kB, {found['wasm_gzip_bytes'] / 1000:.1f} kB with gzip"
    )
    rows = [
        ["same digit as in C", f"{100 * found['equal_to_c']:.2f}% of {found['n']:,} test images"],
        ["accuracy", f"{100 * found['accuracy']:.2f}%"],
        ["size", size],
    ]
    if found["load_average"] < 1:  # otherwise the times are those of a busy machine
        rows += [
            ["time to read an image", f"{found['read_ms']:.1f} ms"],
            ["time to normalize a drawing", f"{found['normalize_ms']:.1f} ms"],
        ]
    return table("`tiny` in Chromium | measured", rows)


def drawing() -> str:
    result = read("drawing")
    found, machine = result["milliseconds"], result["machine"]
    return (
        f"The answer appears {found['median']:.0f} ms after the pen is lifted (median; 95th "
        f"percentile {found['p95']:.0f} ms, maximum {found['max']:.0f} ms): {found['n']} digits "
        f"drawn in Chromium, with browser and server on the same {machine['cores']} cores of "
        f"{machine['processor']}.\n"
    )
