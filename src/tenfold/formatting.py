"""Durations, counts, probabilities and names, worded for people."""

from collections.abc import Iterable, Sequence


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


def listed(names: Sequence[str], most: int = 5) -> str:
    """Format names, such as "a, b, c"; the first few of many, then "..."."""
    return ", ".join([*names[:most], *["..."] * (len(names) > most)])


def percent(probability: float) -> str:
    """Format a probability, such as "98.2%"; it is never rounded to 0% or 100%."""
    if probability > 0.999:
        return "over 99.9%"
    if 0 < probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def short_percent(probability: float) -> str:
    """Format a probability as `percent` does, for narrow places, such as "98.2%" or ">99.9%"."""
    return percent(probability).replace("over ", ">").replace("under ", "<")


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the known name that is closest to a mistyped one, as " (did you mean NAME?)".

    Returns:
        An empty string if no name is close and none contains it. Case does not count.
    """
    from difflib import get_close_matches  # takes milliseconds to import, and only errors need it

    by_folded = {one.casefold(): one for one in known}
    folded = str(name).casefold()
    close = get_close_matches(folded, by_folded, n=1)
    close = close or [one for one in by_folded if len(folded) >= 3 and folded in one]
    return f" (did you mean {by_folded[close[0]]}?)" if close else ""


def no_such(what: str, name: object, known: Iterable[str], also: str = "") -> str:
    """Return the message for an unknown name: the closest known one, and all that there are.

    Args:
        what: What it should be the name of, such as "recipe".
        name: The unknown name.
        known: The names that are accepted.
        also: What else is accepted, such as "give a .json file".
    """
    names = list(known)
    rest = f"; or {also}" if also else ""
    return f"no {what} {name!r}{suggestion(name, names)}; there are: {', '.join(names)}{rest}"
