"""The tables of docs/inference.md, docs/exporting.md and docs/page.md; see tables.py."""

from typing import Any

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
    lines = [
        "| runtime | precision | latency per image, 1 thread | 2 threads "
        "| images per second, 1 thread | 2 threads | accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = {(row["runtime"], row["precision"], row["threads"]): row for row in found["rows"]}
    for runtime, precision in dict.fromkeys(key[:2] for key in rows):
        one, two = rows[runtime, precision, 1], rows[runtime, precision, 2]
        latency = [f"{one_or_two['one_image_us']:,.0f} us" for one_or_two in (one, two)]
        speed = [f"{max(row['images_per_second'].values()):,.0f}" for row in (one, two)]
        cells = [RUNTIMES[runtime], precision, *latency, *speed, f"{100 * one['accuracy']:.2f}%"]
        lines.append(f"| {' | '.join(cells)} |")
    (alone, both), (spin_alone, spin_both) = (
        [found["two_processes"][runtime][count] for count in ("1", "2")]
        for runtime in ("tenfold", "onnxruntime")
    )
    machine = found["machine"]
    lines += [
        "",
        f"The network is `{found['model']}`. Figures are medians of {found['rounds']} rounds; "
        "images per second are those of the best batch size among 32, 256, 1,000 and 10,000; "
        f"measured on {machine['cores']} cores of {machine['processor']}. One process of tenfold "
        f"with two threads reads {alone:,} images per second, two such processes at the same time "
        f"{both:,} together. ONNX Runtime with default settings, whose threads wait in a loop, "
        f"reads {spin_alone:,} and {spin_both:,}.",
    ]
    return "\n".join(lines) + "\n"


def runtimes() -> str:
    """Say what to choose when, with figures of one thread or two, whichever is better."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in read("inference")["rows"]:
        rows.setdefault((row["runtime"], row["precision"]), []).append(row)

    def latency(key: tuple[str, str]) -> float:
        return min(float(row["one_image_us"]) for row in rows[key])

    def speed(key: tuple[str, str]) -> int:
        return max(int(max(row["images_per_second"].values())) for row in rows[key])

    base, keras = ("tenfold", "float32"), ("keras-predict", "float32")
    most = max((key for key in rows if key[0] == "openvino" and key[1] != "int8"), key=speed)
    smallest, small = (read("latency")[name] for name in ("nano", "tiny"))
    lines = [
        "| purpose | runtime | latency per image | images per second |",
        "|---|---|---|---|",
        f"| reading in your own program | `tenfold.load_classifier`, on ONNX Runtime "
        f"| {latency(base):,.0f} us | {speed(base):,} |",
        '| reading millions of images | `tenfold.load_classifier(..., runtime="openvino")`, '
        f"{most[1]} "
        f"| {latency(most):,.0f} us | {speed(most):,} |",
        f"| further training | Keras on the shipped `model.keras`, measured with `predict` "
        f"| {latency(keras):,.0f} us | {speed(keras):,} |",
        f"| a small file | `tiny`, {small['size_bytes'] / 1000:.0f} kB, or `tiny` in int8 "
        f"| {small['latency_us']['median']:,.0f} us | |",
        f"| the smallest file | `nano`, {smallest['size_bytes'] / 1000:.0f} kB "
        f"| {smallest['latency_us']['median']:,.0f} us | |",
        "| no runtime | the C headers `tiny.h` and `nano.h` | | |",
    ]
    return "\n".join(lines) + "\n"


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
    lines = [
        "| model | format | precision | bytes | same digit as the original "
        "| largest difference | mean difference | accuracy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in read("exports")["rows"]:
        start = f"| `{row['model']}` | {row['format']} | {row['precision']} "
        if "refused" in row:
            lines.append(f"{start}| refused | | | | |")
            continue
        lines.append(
            f"{start}| {row['size_bytes']:,} | {100 * row['same_labels']:.2f}% "
            f"| {row['largest_difference']:.2g} | {row['mean_difference']:.2g} "
            f"| {100 * row['accuracy']:.2f}% |"
        )
    return "\n".join(lines) + "\n"


def drawing() -> str:
    result = read("drawing")
    found, machine = result["milliseconds"], result["machine"]
    return (
        f"The answer appears {found['median']:.0f} ms after the pen is lifted (median; 95th "
        f"percentile {found['p95']:.0f} ms, maximum {found['max']:.0f} ms): {found['n']} digits "
        f"drawn in Chromium, with browser and server on the same {machine['cores']} cores of "
        f"{machine['processor']}.\n"
    )
