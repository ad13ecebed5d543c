"""The table of docs/explanation/reliability.md, from results/reliability.json."""

from markdown import table
from measured_results import read

from tenfold.formatting import duration


def reliability() -> str:
    """Return a row for each attack: what was done, what is required, how often it did not hold."""
    rows = []
    for part, found in read("reliability").items():
        figures = ", ".join(
            f"{name.replace('_', ' ')}: {value:,}" for name, value in found["figures"].items()
        )
        rows.append(
            [
                f"`{part}`",
                found["attack"],
                f"{found['n']:,}",
                found["required"],
                str(len(found["failures"])),
                figures,
                duration(found["seconds"]),
            ]
        )
    return table("part | attack | n | required each time | failures | figures | time", rows)
