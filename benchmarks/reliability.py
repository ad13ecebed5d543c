"""Attack tenfold, and count what fails.

    python benchmarks/reliability.py                     all parts
    python benchmarks/reliability.py power-cuts          some parts; the others stay unchanged
    python benchmarks/reliability.py archives --n 20     fewer attacks, to try a part
    python benchmarks/reliability.py archives --out FILE into another file

Each part is a module of benchmarks/attacks, whose docstring says how it works. Writes
results/reliability.json after each part: the attack, what is required, n, a line for each failure,
more figures, the seed, the time and the machine. The exit code is 1 if anything failed.
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from attacks.finding import Finding

from tenfold.files import write_json
from tenfold.machine import machine_facts

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "reliability.json"

PARTS = {
    "power-cuts": 200,
    "failures": 10_000,
    "archives": 1000,
    "uploads": 15_000,
    "commands": 1000,
    "streams": 100,
    "soak": 30,
}
"""Parts, each with its usual number of attacks, or more than it has.

The part a-b is the module attacks.a_b, which has a function `attack(folder, n, seed)`; it returns a
Finding."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--n", type=int, help="number of attacks of each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    failed = False
    for part in options.parts or PARTS:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found = run(part, Path(folder), options.n or PARTS[part], options.seed)
        failed = failed or bool(found.failures)
        result = asdict(found) | {
            "seed": options.seed,
            "seconds": round(time.perf_counter() - start),
            "machine": machine_facts("pyarrow"),
        }
        document = json.loads(options.out.read_text()) if options.out.exists() else {}
        write_json(options.out, document | {part: result})
        print(f"{part}: n = {found.n}, {len(found.failures)} failures, {found.figures}")
        for line in found.failures:
            print(f"  {line}")
    sys.exit(1 if failed else 0)


def run(part: str, folder: Path, n: int, seed: int) -> Finding:
    """Run a part in an empty folder."""
    sys.path.append(str(ROOT / "tests"))  # the servers and the bombs of the tests
    module = importlib.import_module(f"attacks.{part.replace('-', '_')}")
    found: Finding = module.attack(folder, n, seed)
    return found


if __name__ == "__main__":
    main()
