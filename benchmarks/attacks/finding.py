"""What a part of benchmarks/reliability.py found."""

from dataclasses import dataclass, field


@dataclass
class Finding:
    """The result of an attack.

    Attributes:
        attack: What was done, as a phrase; the table in docs/explanation/reliability.md shows it.
        required: What must hold each time, as a phrase.
        n: Number of times it was done.
        failures: A line for each time that it did not hold; the same seed gives it again.
        figures: More numbers, by name with unit, such as `peak_megabytes`.
    """

    attack: str
    required: str
    n: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
