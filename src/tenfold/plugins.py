"""Recipes and classifiers of other packages, which announce them as entry points."""

import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tenfold.errors import TenfoldError, UsageError

if TYPE_CHECKING:  # takes longer to import than this module
    from importlib.metadata import EntryPoint

RECIPES = "tenfold.recipes"
CLASSIFIERS = "tenfold.classifiers"
"""The groups of entry points."""

T = TypeVar("T")


@cache
def plugins(group: str) -> "tuple[EntryPoint, ...]":
    """Return the entry points of a group, in the order of their names, without importing them."""
    from importlib.metadata import entry_points

    return tuple(sorted(entry_points(group=group), key=lambda found: found.name))


def find_plugin(group: str, name: str) -> "EntryPoint | None":
    """Return the entry point of that name.

    Raises:
        UsageError: Two packages have one.
    """
    found = [plugin for plugin in plugins(group) if plugin.name == name]
    if len(found) > 1:
        packages = " and ".join(map(package_of, found))
        raise UsageError(f"{packages} both have {name} in {group}; uninstall one of them")
    return found[0] if found else None


def package_of(plugin: "EntryPoint") -> str:
    """Return the name of the package that an entry point is from."""
    return plugin.dist.name if plugin.dist else plugin.module


def version_of(plugin: "EntryPoint") -> str:
    """Return the version of the package that an entry point is from."""
    return plugin.dist.version if plugin.dist else ""


def load_plugin(plugin: "EntryPoint") -> Any:
    """Import what an entry point names.

    Raises:
        TenfoldError: The package raised an error.
    """
    return guarded(f"{plugin.name} of {package_of(plugin)}", "import", plugin.load)


def guarded(name: str, doing: str, work: Callable[[], T]) -> T:
    """Run code of somebody else.

    Args:
        name: What the code belongs to, for the message.
        doing: What it does, for the message.
        work: The code.

    Raises:
        TenfoldError: The code raised an error: its last line, and where it was raised.
    """
    try:
        return work()
    except TenfoldError as error:
        raise TenfoldError(f"{name}: {doing}: {error}") from error
    except Exception as error:
        text = " ".join(traceback.format_exception_only(error)[-1].split())
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise TenfoldError(f"{name}: {doing} failed: {text} ({where})") from error
