"""tenfold reads handwritten digits.

What stands in `__all__` is the public face; each name is loaded when it is first asked for, so
that importing tenfold costs next to nothing and never imports Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenfold.bundle import load_classifier as load_classifier
    from tenfold.classifiers import Classifier as Classifier
    from tenfold.data.mnist import load_mnist as load_mnist
    from tenfold.errors import PictureError as PictureError
    from tenfold.errors import TenfoldError as TenfoldError
    from tenfold.evaluation import evaluate as evaluate
    from tenfold.reading import Reader as Reader
    from tenfold.recipes import Recipe as Recipe
    from tenfold.workflows.explaining import explain as explain
    from tenfold.workflows.showing import show as show
    from tenfold.workflows.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "tenfold.classifiers",
    "PictureError": "tenfold.errors",
    "Reader": "tenfold.reading",
    "Recipe": "tenfold.recipes",
    "TenfoldError": "tenfold.errors",
    "evaluate": "tenfold.evaluation",
    "explain": "tenfold.workflows.explaining",
    "load_classifier": "tenfold.bundle",
    "load_mnist": "tenfold.data.mnist",
    "show": "tenfold.workflows.showing",
    "train": "tenfold.workflows.training",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (the names are strings)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
