"""tenfold reads handwritten digits.

What stands in `__all__` is the public face; each name is loaded when it is first asked for, so
that importing tenfold costs next to nothing and never imports Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenfold.classifiers.base import Classifier as Classifier
    from tenfold.classifiers.bundle import load_classifier as load_classifier
    from tenfold.data.mnist import load_mnist as load_mnist
    from tenfold.errors import PictureError as PictureError
    from tenfold.errors import TenfoldError as TenfoldError
    from tenfold.evaluation.metrics import evaluate as evaluate
    from tenfold.explaining.explain import explain as explain
    from tenfold.explaining.show import show as show
    from tenfold.reading.reader import Reader as Reader
    from tenfold.recipes.recipe import Recipe as Recipe
    from tenfold.training.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "tenfold.classifiers.base",
    "PictureError": "tenfold.errors",
    "Reader": "tenfold.reading.reader",
    "Recipe": "tenfold.recipes.recipe",
    "TenfoldError": "tenfold.errors",
    "evaluate": "tenfold.evaluation.metrics",
    "explain": "tenfold.explaining.explain",
    "load_classifier": "tenfold.classifiers.bundle",
    "load_mnist": "tenfold.data.mnist",
    "show": "tenfold.explaining.show",
    "train": "tenfold.training.train",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (the names are strings)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
