"""Write the tables in README and docs anew from results/.

    python benchmarks/tables.py

A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->`. A test checks that
every table is what this script would write.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batch_tables
import serving_tables
import train_speed as measuring
import tuning_tables

from tenfold.files import write_atomic
from tenfold.recipes import (
    RECIPES,
    count_operations,
    count_parameters,
    count_training_operations,
    recipe_named,
)
from tenfold.wording import duration

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLACE = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for page in PAGES:
        write_atomic(page, filled(page.read_text(encoding="utf-8")))


def filled(text: str) -> str:
    """Return a page with its tables as results/ has them now."""
    return PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


SHOWN = {
    "plain-keras": "the article on plain Keras",
    "article": "`article`",
    "keras-io": "keras.io's convnet",
    "tuomaso": "tuomaso's, re-made",
    "standard": "`standard`",
    "fast": "`fast`",
}


def train_speed() -> str:
    results = read("train_speed")
    lines = [
        "| recipe | test accuracy, mean of n | sd | min to max | fit | whole command | sooner |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, shown in SHOWN.items():
        found = results["recipes"][name]
        accuracy, fit, command = (
            found[key] for key in ("accuracy", "train_seconds", "command_seconds")
        )
        sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
        sooner = "" if name == "article" else f"{fit['ratio']:.3g} times"
        lines.append(
            f"| {shown} | {100 * accuracy['mean']:.2f}% (n = {accuracy['n']}) | {sd} "
            f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f} "
            f"| {duration(fit['median'])} | {duration(command['median'])} "
            f"| {sooner} |"
        )
    machine = results["machine"]
    command = results["recipes"]["fast"]["command_seconds"]["ratio"]
    lines += [
        "",
        "Medians of seconds; *sooner* compares the time to fit with that of `article`. Whole "
        f"commands compared, `fast` is done {command:.3g} times sooner. On {machine['cores']} "
        f"cores of {machine['processor']}, {machine['date']}.",
    ]
    return "\n".join(lines) + "\n"


def ceiling() -> str:
    results = read("train_speed")
    most = results["ceiling"]
    lines = [
        "| recipe | operations per training image | reached in fit | of the ceiling |",
        "|---|---|---|---|",
    ]
    for name in ("article", "standard", "fast"):
        recipe = recipe_named(name)
        operations = count_training_operations(recipe)
        rate = results["recipes"][name]["fraction"] * most[recipe.precision]
        lines.append(
            f"| `{name}` | {operations / 1e6:.1f} million | {rate:.0f} GFLOP/s, "
            f"{recipe.precision} | {results['recipes'][name]['fraction']:.0%} |"
        )
    lines += [
        "",
        f"The ceiling is a product of two 4096x4096 matrices: {most['float32']:.0f} GFLOP/s in "
        f"float32, {most['bfloat16']:.0f} in bfloat16.",
    ]
    return "\n".join(lines) + "\n"


def step_profile() -> str:
    found = read("step_profile")
    groups = dict.fromkeys(group for one in found.values() for group in one["share"])
    names = list(found)
    lines = [
        "| | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for group in groups:
        shares = [f"{found[name]['share'].get(group, 0):.0%}" for name in names]
        lines.append(f"| {group} | " + " | ".join(shares) + " |")
    for key, shown in (("step_ms", "one step, ms"), ("tracing_seconds", "tracing, s")):
        lines.append(f"| {shown} | " + " | ".join(f"{found[name][key]:g}" for name in names) + " |")
    return "\n".join(lines) + "\n"


def line() -> str:
    found = read("line")
    lines = ["| pages | n | cuts alone | whole lines too |", "|---|---|---|---|"]
    lines += [
        f"| {row['pages']} | {row['n']} | {row['cuts alone']:.1%} | {row['whole lines']:.1%} |"
        for row in found["pages"]
    ]
    return "\n".join(lines) + "\n"


def ladder() -> str:
    trained = trained_recipes()
    lines = ["| recipe | parameters | test accuracy, mean | n | fit | what it is |"]
    lines.append("|---|---|---|---|---|---|")
    for recipe in RECIPES:
        found = trained[recipe.name]
        lines.append(
            f"| `{recipe.name}` | {count_parameters(recipe):,} "
            f"| {100 * found['accuracy']['mean']:.2f}% | {found['accuracy']['n']} "
            f"| {duration(found['train_seconds']['median'])}{found['mark']} | {recipe.summary} |"
        )
    return "\n".join(lines) + "\n" + machines()


def leaderboard() -> str:
    trained, sizes = trained_recipes(), read("latency")
    lines = [
        "| recipe | parameters | operations | accuracy | sd | min to max | n | corrected | fit "
        "| size | latency |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    ranked = sorted(RECIPES, key=lambda recipe: -trained[recipe.name]["accuracy"]["mean"])
    for recipe in ranked:
        found, size = trained[recipe.name], sizes[recipe.name]
        accuracy, corrected = found["accuracy"], found["corrected"]
        few = "" if corrected["n"] == accuracy["n"] else f" (n = {corrected['n']})"
        sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
        lines.append(
            f"| `{recipe.name}` | {count_parameters(recipe):,} "
            f"| {count_operations(recipe) / 1e6:.3g} million "
            f"| {100 * accuracy['mean']:.3f}% | {sd} "
            f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f} | {accuracy['n']} "
            f"| {100 * corrected['mean']:.3f}%{few} "
            f"| {duration(found['train_seconds']['median'])}{found['mark']} "
            f"| {size['size_bytes'] / 1000:,.0f} kB | {size['latency_us']['median']:.0f} us |"
        )
    return "\n".join(lines) + "\n" + machines()


def trained_recipes() -> dict[str, Any]:
    """Return the figures of every recipe, with a mark where the fit ran on another machine."""
    marked = {name: {**found, "mark": "*"} for name, found in read("accuracy")["recipes"].items()}
    plain = {name: {**found, "mark": ""} for name, found in read("train_speed")["recipes"].items()}
    return marked | plain


def machines() -> str:
    """Return the line that says where a fit ran."""
    first, other = (
        measuring.machine_of(found["rows"], found["machine"])
        for found in (read("train_speed"), read("accuracy"))
    )
    return (
        f"\nMedian time to fit on {first}; * on {other} with other work beside it, so an upper "
        "bound.\n"
    )


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
    read_as_shipped = [key for key in rows if key[0] in ("tenfold", "openvino")]
    most = max((key for key in read_as_shipped if key[1] != "int8"), key=speed)
    smallest, small = (read("latency")[name] for name in ("nano", "tiny"))
    lines = [
        "| you want | take | one image | images a second |",
        "|---|---|---|---|",
        f"| to read in a program of yours | `tenfold.load_classifier`, on ONNX Runtime "
        f"| {latency(base):,.0f} us | {speed(base):,} |",
        f"| to read millions | {RUNTIMES[most[0]]} on the shipped `model.onnx`, {most[1]} "
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


def reading() -> str:
    lines = [
        "| pictures | n | right | accepted | wrong of these | wrong of the surest 80% | of 95% |",
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


def robustness() -> str:
    found = read("robustness")
    lines = [
        "| corruption | network | read as a picture | accepted | wrong of these |",
        "|---|---|---|---|---|",
    ]
    for row in found["corruptions"]:
        shares = (row[key] for key in ("network", "read", "read_accepted", "read_accepted_error"))
        cells = " | ".join("" if share is None else f"{share:.1%}" for share in shares)
        lines.append(f"| {row['corruption'].replace('_', ' ')} | {cells} |")
    mean = found["mean"]
    lines.append(f"| **mean** | **{mean['network']:.1%}** | **{mean['read']:.1%}** | | |")
    return "\n".join(lines) + "\n"


def compare() -> str:
    found = read("compare")
    lines = [
        "| classifier | accuracy | 95% interval | ECE | MNIST-C | fit, processor time | one image "
        "| images a second | size |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["classifiers"]:
        test, seconds = row["test"], row["processor_seconds"]
        low, high = test["accuracy_interval"]
        lines.append(
            f"| `{row['name']}` | {100 * test['accuracy']:.2f}% "
            f"| {100 * low:.2f} to {100 * high:.2f} | {100 * test['ece']:.2f}% "
            f"| {100 * row['mnist_c']['mean']:.1f}% "
            f"| {'as shipped' if seconds is None else duration(seconds)} "
            f"| {row['latency_ms']['median']:.3g} ms | {row['images_per_second']:,} "
            f"| {row['size_bytes'] / 1000:,.0f} kB |"
        )
    machine = found["machine"]
    load = max(row["load_before"] for row in found["classifiers"])
    beside = (
        f" Other work ran beside (up to {load:.0f} processes on {machine['cores']} cores): what is "
        "said of one image and images a second is a bound."
        if load >= 1.5
        else ""
    )
    lines += [
        "",
        f"All learnt from {found['train_size']:,} images, seed 0; the interval is Wilson's. "
        f"MNIST-C is the mean over 15 corruptions of the first {found['corrupted_images']:,} test "
        f"images. On {machine['cores']} cores of {machine['processor']}, {machine['date']}. "
        "Processor time is that of all cores together, without imports and calibrating; size is "
        f"that of the file, ONNX for networks and a compressed pickle for the others.{beside}",
    ]
    return "\n".join(lines) + "\n"


def compare_neighbours() -> str:
    lines = [
        "| better | next | only the better right | only the next right | p | p, corrected |",
        "|---|---|---|---|---|---|",
    ]
    for pair in read("compare")["neighbours"]:
        ps = ("< 0.0001" if p < 0.0001 else f"{p:.2g}" for p in (pair["p"], pair["p_holm"]))
        lines.append(
            f"| `{pair['better']}` | `{pair['worse']}` | {pair['only_better']} "
            f"| {pair['only_worse']} | {' | '.join(ps)} |"
        )
    return "\n".join(lines) + "\n"


def compare_settings() -> str:
    lines = ["| name | what it is | settings |", "|---|---|---|"]
    for row in read("compare")["classifiers"]:
        if row["kind"] == "baseline":
            lines.append(f"| `{row['name']}` | {row['title']} | {row['note']} |")
    return "\n".join(lines) + "\n"


def labels() -> str:
    found = read("labels")
    lines = ["| images | labels that look wrong | networks read right |", "|---|---|---|"]
    for split, shown in (("train", "training"), ("test", "test")):
        part = found[split]
        lines.append(
            f"| {part['n']:,} {shown} | {part['flagged']} | {100 * part['accuracy']:.2f}% |"
        )
    known = found["test"]["validated"]
    lines += [
        "",
        f"Of {known['n']} test labels that people found wrong, {known['found']} are among the "
        f"{known['at']} most doubtful: a recall of {known['recall']:.0%}. Recipe "
        f"`{found['recipe']}`, {found['epochs']} epochs, {found['folds']} folds.",
    ]
    return "\n".join(lines) + "\n"


def explaining() -> str:
    found = read("explaining")
    titles = {"occlusion": "occlusion", "integrated-gradients": "integrated gradients",
              "grad-cam": "Grad-CAM"}  # fmt: skip
    lines = [
        f"| weights shuffled in | {' | '.join(titles.values())} |",
        f"|---|{'---|' * len(titles)}",
    ]
    for layers, methods in found["rank_correlation_with_shuffled"].items():
        last = layers.rpartition(" + ")[2]
        if last.endswith("_norm"):
            continue  # half a layer
        label = last if last == layers else f"and {last.removesuffix('_sums')}"
        cells = (f"{methods[name]['mean']:.2f} (sd {methods[name]['sd']:.2f})" for name in titles)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    missed, change = found["completeness_error"], found["change"]
    ink = change["ink"]
    return (
        "\n".join(lines)
        + f"\n\nMean over {found['n']} test images that are read rightly. Integrated gradients "
        f"miss the whole by {missed['mean']:.2%} on average and {missed['max']:.2%} at most. A "
        f"change that turns the answer was found for {change['turned']} of {found['n']}, for "
        f"{change['to_runner_up']} of them to the runner-up, with {ink['mean']:.1f} pixels of ink "
        f"(sd {ink['sd']:.1f}, {ink['min']:.1f} to {ink['max']:.1f}) of "
        f"about {found['ink_of_a_digit']:.0f} that a digit has.\n"
    )


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "results" / f"{name}.json").read_text())
    return document


TABLES: dict[str, Callable[[], str]] = {
    "train_speed": train_speed,
    "ceiling": ceiling,
    "step_profile": step_profile,
    "ladder": ladder,
    "leaderboard": leaderboard,
    "inference": inference,
    "runtimes": runtimes,
    "drawing": drawing,
    "exports": exports,
    "startup": startup,
    "reading": reading,
    "peers": peers,
    "robustness": robustness,
    "compare": compare,
    "compare_neighbours": compare_neighbours,
    "compare_settings": compare_settings,
    "labels": labels,
    "batch": batch_tables.throughput,
    "batch_engines": batch_tables.engines,
    "batch_pictures": batch_tables.pictures,
    "batch_billion": batch_tables.billion,
    "choices": tuning_tables.choices,
    "tune_search": tuning_tables.search,
    "tune_workers": tuning_tables.workers,
    "tune_overhead": tuning_tables.overhead,
    "tune_paper": tuning_tables.paper,
    "explaining": explaining,
    "serving": serving_tables.throughput,
    "line": line,
}

if __name__ == "__main__":
    main()
