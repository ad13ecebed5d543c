"""The tables of docs/inference.md, docs/exporting.md and docs/page.md; see tables.py."""

from typing import Any

from measured_results import read

RUNTIMES = {
    "keras-predict": "Keras, `predict`",
    "keras-predict-large": "Keras, `predict(batch_size=1000)`",
    "keras-call": "Keras, plain call",
    "tenfold": "tenfold, on ONNX Runtime",
    "onnxruntime": "ONNX Runtime, as it comes",
    "openvino": "OpenVINO",
    "litert": "LiteRT",
}


def inference() -> str:
    found = read("inference")
    lines = [
        "| runtime | computes in | one image, 1 thread | 2 threads | images a second, 1 thread "
        "| 2 threads | accuracy |",
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
        f"The network is `{found['model']}`; medians of {found['rounds']} rounds, best of "
        f"calls with 32, 256, 1,000 and 10,000 images, on {machine['cores']} cores of "
        f"{machine['processor']}. Two processes of tenfold at once, two threads each, read "
        f"{both:,} images a second together, where one reads {alone:,}; with ONNX Runtime as it "
        f"comes, whose threads wait in a loop, {spin_both:,} and {spin_alone:,}.",
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
        "| you want | take | one image | images a second |",
        "|---|---|---|---|",
        f"| to read in a program of yours | `tenfold.load_classifier`, on ONNX Runtime "
        f"| {latency(base):,.0f} us | {speed(base):,} |",
        f'| to read millions | `tenfold.load_classifier(..., runtime="openvino")`, {most[1]} '
        f"| {latency(most):,.0f} us | {speed(most):,} |",
        f"| to go on training | Keras on the shipped `model.keras`, here its `predict` "
        f"| {latency(keras):,.0f} us | {speed(keras):,} |",
        f"| a small file | `tiny`, {small['size_bytes'] / 1000:.0f} kB, or its int8 "
        f"| {small['latency_us']['median']:,.0f} us | |",
        f"| the smallest file | `nano`, {smallest['size_bytes'] / 1000:.0f} kB "
        f"| {smallest['latency_us']['median']:,.0f} us | |",
        "| no runtime at all | `tiny.h` or `nano.h`, a C header each | | |",
    ]
    return "\n".join(lines) + "\n"


def startup() -> str:
    found = read("startup")
    seconds, spent = found["seconds"], found["import_ms"]
    parts = ", ".join(
        f"{name} {value:.0f}" for name, value in sorted(spent.items(), key=lambda item: -item[1])
    )
    return (
        f"`tenfold read --single digit.png` takes {seconds['read']:.2f} s as a whole command, "
        f"{found['read_by_imports']:g} times what importing numpy, ONNX Runtime, Pillow and OpenCV "
        f"takes ({seconds['imports']:.2f} s; an empty Python {seconds['nothing']:.2f} s). Medians "
        f"of {found['runs']} runs in turn. Milliseconds spent in imports, by package, traced: "
        f"{parts}.\n"
    )


def exports() -> str:
    lines = [
        "| model | format | | bytes | the same digit | largest difference | mean | accuracy |",
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
        f"The answer is there {found['median']:.0f} ms after the pen lifts, within "
        f"{found['p95']:.0f} ms in 95 of 100 cases and {found['max']:.0f} ms at most: "
        f"{found['n']} digits drawn in Chromium, browser and server together on "
        f"{machine['cores']} cores of {machine['processor']}.\n"
    )
