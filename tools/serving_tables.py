"""Writes the throughput table of docs/how-to/serving.md from results/serving.json."""

from measured_results import read


def throughput() -> str:
    results = read("serving")
    lines = [
        "| server | load | requests per second | p50 latency | p95 latency | p99 latency |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        (name, load, found)
        for name, loads in results["servers"].items()
        for load, found in loads.items()
    ]
    photos = results["half_load_while_photos_are_read"]
    rows.insert(2, ("tenfold, JSON", "half, beside photos", photos))
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
        f"Medians of {results['rounds']} rounds, with minimum and maximum in parentheses. Full "
        f"load: {results['connections']} connections that send their next request at once. With "
        f"JSON, tenfold answers {ratio['median']:.1f} times as many requests as LitServe "
        f"{results['versions']['litserve']} ({ratio['min']:.1f} to {ratio['max']:.1f}). "
        f"Network `{results['model']}`, one image per request, wrk on the same {machine['cores']} "
        f"cores of {machine['processor']}, {machine['date']}. *Beside photos*: while a photo "
        "of 12 megapixels is read repeatedly.",
    ]
    return "\n".join(lines) + "\n"
