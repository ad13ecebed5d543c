"""All that a recipe trains: one network, or the members of an ensemble one after another."""

import logging
from pathlib import Path
from typing import Any

from tenfold.recipes.recipe import Recipe, member_seeds
from tenfold.training.loop import Images, Labels, Trained, fit

_log = logging.getLogger(__name__)


def fit_members(
    recipe: Recipe,
    images: Images,
    labels: Labels,
    *,
    seed: int,
    checkpoints: Path,
    **options: Any,
) -> list[Trained]:
    """Train every member, each with its own seed and its own checkpoints.

    A member that is finished is taken from its last checkpoint. For arguments and errors see
    `tenfold.training.loop.fit`.
    """
    trained = []
    for number, own in enumerate(member_seeds(recipe, seed), 1):
        if recipe.members > 1:
            _log.info("member %d of %d", number, recipe.members)
        below = checkpoints / f"seed{own}"
        trained.append(fit(recipe, images, labels, seed=own, checkpoints=below, **options))
    return trained


def joined_history(trained: list[Trained]) -> list[dict[str, Any]]:
    """Return the rows of all members in one list; `epoch` counts on from one to the next."""
    rows = [row for one in trained for row in one.history]
    return [row | {"epoch": number} for number, row in enumerate(rows, 1)]
