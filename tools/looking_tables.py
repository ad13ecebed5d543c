"""The tables of docs/how-to/comparing.md and docs/explanation/explaining.md; see tables.py."""

from measured_results import read

from tenfold.formatting import duration


def compare() -> str:
    found = read("compare")
    lines = [
        "| classifier | test accuracy | 95% interval, % | ECE | accuracy on MNIST-C "
        "| training, processor time | latency per image | images per second | size |",
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
        f" Other work was running (up to {load:.0f} processes on {machine['cores']} cores), so "
        "latency and images per second are bounds."
        if load >= 1.5
        else ""
    )
    lines += [
        "",
        f"All were trained on {found['train_size']:,} images with seed 0. The interval is "
        "Wilson's. Accuracy on MNIST-C is the mean over 15 corruptions of the first "
        f"{found['corrupted_images']:,} test images. Measured on {machine['cores']} cores of "
        f"{machine['processor']}, {machine['date']}. Processor time is the sum over all cores, "
        "without imports and calibration. Size is that of the file: ONNX for networks, a "
        f"compressed pickle for the others.{beside}",
    ]
    return "\n".join(lines) + "\n"


def compare_neighbors() -> str:
    lines = [
        "| better classifier | next in rank | images only the better reads right "
        "| images only the next reads right | p | p, corrected (Holm) |",
        "|---|---|---|---|---|---|",
    ]
    for pair in read("compare")["neighbors"]:
        ps = ("< 0.0001" if p < 0.0001 else f"{p:.2g}" for p in (pair["p"], pair["p_holm"]))
        lines.append(
            f"| `{pair['better']}` | `{pair['worse']}` | {pair['only_better']} "
            f"| {pair['only_worse']} | {' | '.join(ps)} |"
        )
    return "\n".join(lines) + "\n"


def compare_settings() -> str:
    lines = ["| name | classifier | settings |", "|---|---|---|"]
    for row in read("compare")["classifiers"]:
        if row["kind"] == "baseline":
            lines.append(f"| `{row['name']}` | {row['title']} | {row['note']} |")
    return "\n".join(lines) + "\n"


def labels() -> str:
    found = read("labels")
    lines = ["| images | probably wrong labels | accuracy of the networks |", "|---|---|---|"]
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
        f"| layers with shuffled weights | {' | '.join(titles.values())} |",
        f"|---|{'---|' * len(titles)}",
    ]
    for layers, methods in found["rank_correlation_with_shuffled"].items():
        last = layers.rpartition(" + ")[2]
        if last.endswith("_norm"):
            continue  # half a layer
        label = last if last == layers else f"and {last.removesuffix('_sums')}"
        cells = (f"{methods[name]['mean']:.2f} (sd {methods[name]['sd']:.2f})" for name in titles)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    missed, change = found["completeness_error"], found["counterfactual"]
    ink = change["ink"]
    return (
        "\n".join(lines)
        + f"\n\nMeans over {found['n']} correctly read test images. The completeness error of "
        f"integrated gradients is {missed['mean']:.2%} on average and {missed['max']:.2%} at most. "
        f"A counterfactual was found for {change['found']} of {found['n']} images; "
        f"{change['to_runner_up']} of them give the second most probable digit. A counterfactual "
        f"changes {ink['mean']:.1f} pixels of ink on average (sd {ink['sd']:.1f}, "
        f"{ink['min']:.1f} to {ink['max']:.1f}); a digit has about "
        f"{found['ink_of_a_digit']:.0f}.\n"
    )


def own_data() -> str:
    found = read("own_data")
    rows = [
        f"| {one['title']} | {one['train_images']:,} | {one['test_images']:,} "
        f"| {100 * one['accuracy']['mean']:.2f}% | {100 * one['accuracy']['min']:.2f} to "
        f"{100 * one['accuracy']['max']:.2f} | {one['accuracy']['n']} |"
        for one in found["sets"].values()
    ]
    machine = found["machine"]
    lines = [
        "| data set | training images | test images | test accuracy, mean | min to max, % | n |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"`{found['recipe']}` as it comes, one training for each of n seeds, by "
        f"`benchmarks/own_data.py` on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['date']}. The test part is held out by tenfold, so the same people wrote both "
        "parts.",
        "",
    ]
    return "\n".join(lines)
