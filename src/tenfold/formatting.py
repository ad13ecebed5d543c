"""Numbers as people read them."""


def duration(seconds: float) -> str:
    """Return a time for reading, such as "1.24 s", "58.3 s", "4 min 12 s" or "1 h 02 min"."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 epoch" or "1,000 epochs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(probability: float) -> str:
    """Return a probability for reading, such as "98.2%"; nothing is rounded to 0 or to 100%."""
    if probability > 0.999:
        return "over 99.9%"
    if 0 < probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"
