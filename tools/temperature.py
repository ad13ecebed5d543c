"""Fit the temperature and the rejection threshold of a recipe on validation images.

    python tools/temperature.py --recipe standard --seeds 3

Trains on 55,000 images with the temperature at 1, and finds the temperature with the least negative
log-likelihood on the other 5,000 (Guo et al. 2017). The threshold is the digit score that 98.5% of
the 5,000 reach at this temperature. The test images are not opened. Writes the means over seeds to
results/temperature.json. The temperature is copied from there into the recipe by hand;
tools/ship.py writes the threshold to meta.json.
"""

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.augmentation.non_digits import make_non_digits
from tenfold.data.mnist import load_mnist, split_validation
from tenfold.evaluation.metrics import evaluate
from tenfold.evaluation.temperature import fit_temperature, logits_of, softmax
from tenfold.files import write_json
from tenfold.networks.backend import use_backend
from tenfold.networks.build import finish_network
from tenfold.recipes.recipe import member_seeds
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override
from tenfold.training.loop import fit

RESULTS = Path(__file__).parent.parent / "results" / "temperature.json"
VAL_SIZE = 5000
REJECTED_SHARE = 0.015
"""Share of digits that the threshold rejects."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="standard")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    recipe = override(load_recipe(arguments.recipe), {"temperature": 1.0})
    plain = override(recipe, {"tta_shifts": 0})
    training, (images, labels) = split_validation(*load_mnist("train"), VAL_SIZE)
    use_backend()
    rows: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        trained = [fit(recipe, *training, seed=own).network for own in member_seeds(recipe, seed)]
        networks = [finish_network(plain, one) for one in trained]
        logits = logits_of(networks, images, recipe.tta_shifts)
        best = fit_temperature(logits, labels)
        before, after = (evaluate(labels, softmax(logits, t).mean(axis=0)) for t in (1.0, best))
        rows.append(
            {"seed": seed, "temperature": best, "val_accuracy": after.accuracy,
             "val_ece_before": before.ece, "val_ece_after": after.ece,
             "val_loss_before": before.loss, "val_loss_after": after.loss}
        )  # fmt: skip
        marks = make_non_digits(len(images), images, labels, np.random.default_rng(0))
        non_digit_logits = logits_of(networks, marks, recipe.tta_shifts)
        rows[-1] |= threshold_of(logits, non_digit_logits, best)
        print(rows[-1], flush=True)
    means: dict[str, float] = {
        name: round(statistics.mean(row[name] for row in rows), 2)
        for name in ("temperature", "threshold")
    }
    document = json.loads(RESULTS.read_text(encoding="utf-8"))
    document[recipe.name] = {"val_size": VAL_SIZE, **means, "rows": rows}
    write_json(RESULTS, document)


def threshold_of(
    digits: npt.NDArray[np.float64], non_digits: npt.NDArray[np.float64], temperature: float
) -> dict[str, float]:
    """Return the score that all but `REJECTED_SHARE` of digits reach, and the shares accepted.

    The score is the largest probability of the mean over members and shifts.

    Args:
        digits: float64 (m, n, 10), logits of images of digits.
        non_digits: float64 (m, n, 10), logits of made-up marks that are no digits.
        temperature: The fitted temperature.
    """
    digit, other = (
        softmax(logits, temperature).mean(axis=0).max(axis=1) for logits in (digits, non_digits)
    )
    threshold = math.floor(100 * float(np.quantile(digit, REJECTED_SHARE))) / 100
    return {
        "threshold": threshold,
        "images_accepted": float((digit >= threshold).mean()),
        "non_digits_accepted": float((other >= threshold).mean()),
    }


if __name__ == "__main__":
    main()
