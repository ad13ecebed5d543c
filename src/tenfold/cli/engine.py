"""The options `--engine` and `--ray-address`, which several verbs have."""

import argparse
from typing import Any

from tenfold.errors import UsageError


def add_engine_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options that say where the parts of a command run."""
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local",
        help=f"where {what}: on this machine, or on a Ray cluster (default: local)",
    )  # fmt: skip
    parser.add_argument(
        "--ray-address", metavar="A",
        help="a running Ray cluster, as 10.0.0.1:6379 (default: $RAY_ADDRESS, else a Ray here)",
    )  # fmt: skip


def check_engine_options(options: argparse.Namespace) -> None:
    """Refuse an address without the engine it is for.

    Raises:
        UsageError: There is one.
    """
    if options.ray_address and options.engine != "ray":
        raise UsageError("--ray-address needs --engine ray")


def ray_engine(options: argparse.Namespace, workers: int | None = None) -> Any:
    """Return a `tenfold.execution.ray.RayEngine`, connected; to be left as a context.

    Raises:
        MissingExtraError: Ray is not installed.
        TenfoldError: No cluster answers.
    """
    from tenfold.execution.ray import RayEngine

    return RayEngine(options.ray_address, workers)
