"""The table of docs/serving.md, from results/serving.json; tools/tables.py writes it."""

from measured_results import read


def throughput() -> str:
    results = read("serving")
    lines = [
        "| server | load | requests a second | p50 | p95 | p99 |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        (name, load, found)
        for name, loads in results["servers"].items()
        for load, found in loads.items()
    ]
    photos = results["half_load_while_photos_are_read"]
    rows.insert(2, ("tenfold, JSON", "half, and photos", photos))
    for name, load, found in rows:
        rate = found["requests_per_second"]
        times = " | ".join(f"{found[p]['median']:.1f} ms" for p in ("p50_ms", "p95_ms", "p99_ms"))
        lines.append(
            f"| {name} | {load} | {rate['median']:,.0f} ({rate['min']:,} to {rate['max']:,}) "
            f"| {times} |"
        )
    ratio, machine = results["ratio"], results["machine"]
    lines += [
        "",
        f"Medians of {results['rounds']} turns, smallest and largest in brackets. Full load: "
        f"{results['connections']} connections that ask again at once. With JSON, tenfold answers "
        f"{ratio['median']:.1f} times as many requests as LitServe "
        f"{results['versions']['litserve']} ({ratio['min']:.1f} to {ratio['max']:.1f}). "
        f"Network `{results['model']}`, one image a request, wrk on the same {machine['cores']} "
        f"cores of {machine['processor']}, {machine['date']}. *And photos*: while a photo "
        "of 12 megapixels is read over and over.",
    ]
    return "\n".join(lines) + "\n"
