"""Formats durations, counts and probabilities for people."""


def duration(seconds: float) -> str:
    """Format a time, such as "1.24 s", "58.3 s", "4 min 12 s" or "1 h 02 min"."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    """Format a number with its noun, such as "1 epoch" or "1,000 epochs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(probability: float) -> str:
    """Format a probability, such as "98.2%"; it is never rounded to 0% or 100%."""
    if probability > 0.999:
        return "over 99.9%"
    if 0 < probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"
