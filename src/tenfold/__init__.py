"""tenfold reads handwritten digits.

`__all__` lists the public names. A name is loaded when it is first used, so that importing tenfold
takes almost no time and never imports Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenfold.adapting.adapt import AdaptResult as AdaptResult
    from tenfold.adapting.adapt import adapt as adapt
    from tenfold.batch.read_batch import BatchResult as BatchResult
    from tenfold.batch.read_batch import read_batch as read_batch
    from tenfold.classifiers.base import Classifier as Classifier
    from tenfold.classifiers.bundle import load_classifier as load_classifier
    from tenfold.classifiers.bundle import load_features as load_features
    from tenfold.classifiers.features import FeatureClassifier as FeatureClassifier
    from tenfold.classifiers.keras import from_keras as from_keras
    from tenfold.comparing.compare import Comparison as Comparison
    from tenfold.comparing.compare import compare as compare
    from tenfold.comparing.label_errors import DoubtfulLabels as DoubtfulLabels
    from tenfold.comparing.label_errors import label_errors as label_errors
    from tenfold.data.datasets import Dataset as Dataset
    from tenfold.data.datasets import load_dataset as load_dataset
    from tenfold.data.mnist import load_mnist as load_mnist
    from tenfold.errors import PictureError as PictureError
    from tenfold.errors import TenfoldError as TenfoldError
    from tenfold.evaluation.metrics import Evaluation as Evaluation
    from tenfold.evaluation.metrics import evaluate as evaluate
    from tenfold.explaining.explain import Explanation as Explanation
    from tenfold.explaining.explain import explain as explain
    from tenfold.explaining.show import ShowResult as ShowResult
    from tenfold.explaining.show import show as show
    from tenfold.exporting.export import ExportResult as ExportResult
    from tenfold.exporting.export import export as export
    from tenfold.forms.answers import Answer as Answer
    from tenfold.forms.answers import PageAnswers as PageAnswers
    from tenfold.forms.form import Form as Form
    from tenfold.forms.read_forms import FormsResult as FormsResult
    from tenfold.forms.read_forms import read_forms as read_forms
    from tenfold.reading.field_decoding import FieldReading as FieldReading
    from tenfold.reading.fields import Field as Field
    from tenfold.reading.reader import Reader as Reader
    from tenfold.reading.results import Cell as Cell
    from tenfold.reading.results import Digit as Digit
    from tenfold.reading.results import Grid as Grid
    from tenfold.reading.results import Line as Line
    from tenfold.reading.results import Reading as Reading
    from tenfold.reading.results import Sign as Sign
    from tenfold.recipes.recipe import Recipe as Recipe
    from tenfold.recipes.recipe_file import load_recipe as load_recipe
    from tenfold.scoring.robustness import Robustness as Robustness
    from tenfold.scoring.robustness import robustness as robustness
    from tenfold.scoring.score import Score as Score
    from tenfold.scoring.score import score as score
    from tenfold.training.compiled import build_model as build_model
    from tenfold.training.estimator import DigitClassifier as DigitClassifier
    from tenfold.training.result import TrainResult as TrainResult
    from tenfold.training.train import train as train
    from tenfold.tuning.tune import TuneResult as TuneResult
    from tenfold.tuning.tune import tune as tune

__version__ = "0.2.0"

_HOMES = {
    "AdaptResult": "tenfold.adapting.adapt",
    "Answer": "tenfold.forms.answers",
    "BatchResult": "tenfold.batch.read_batch",
    "Cell": "tenfold.reading.results",
    "Classifier": "tenfold.classifiers.base",
    "Comparison": "tenfold.comparing.compare",
    "Dataset": "tenfold.data.datasets",
    "Digit": "tenfold.reading.results",
    "DigitClassifier": "tenfold.training.estimator",
    "DoubtfulLabels": "tenfold.comparing.label_errors",
    "Evaluation": "tenfold.evaluation.metrics",
    "Explanation": "tenfold.explaining.explain",
    "ExportResult": "tenfold.exporting.export",
    "FeatureClassifier": "tenfold.classifiers.features",
    "Field": "tenfold.reading.fields",
    "FieldReading": "tenfold.reading.field_decoding",
    "Form": "tenfold.forms.form",
    "FormsResult": "tenfold.forms.read_forms",
    "Grid": "tenfold.reading.results",
    "Line": "tenfold.reading.results",
    "PageAnswers": "tenfold.forms.answers",
    "PictureError": "tenfold.errors",
    "Reader": "tenfold.reading.reader",
    "Reading": "tenfold.reading.results",
    "Recipe": "tenfold.recipes.recipe",
    "Robustness": "tenfold.scoring.robustness",
    "Score": "tenfold.scoring.score",
    "ShowResult": "tenfold.explaining.show",
    "Sign": "tenfold.reading.results",
    "TenfoldError": "tenfold.errors",
    "TrainResult": "tenfold.training.result",
    "TuneResult": "tenfold.tuning.tune",
    "adapt": "tenfold.adapting.adapt",
    "build_model": "tenfold.training.compiled",
    "compare": "tenfold.comparing.compare",
    "evaluate": "tenfold.evaluation.metrics",
    "explain": "tenfold.explaining.explain",
    "export": "tenfold.exporting.export",
    "from_keras": "tenfold.classifiers.keras",
    "label_errors": "tenfold.comparing.label_errors",
    "load_classifier": "tenfold.classifiers.bundle",
    "load_dataset": "tenfold.data.datasets",
    "load_features": "tenfold.classifiers.bundle",
    "load_mnist": "tenfold.data.mnist",
    "load_recipe": "tenfold.recipes.recipe_file",
    "read_batch": "tenfold.batch.read_batch",
    "read_forms": "tenfold.forms.read_forms",
    "robustness": "tenfold.scoring.robustness",
    "score": "tenfold.scoring.score",
    "show": "tenfold.explaining.show",
    "train": "tenfold.training.train",
    "tune": "tenfold.tuning.tune",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (the names are strings)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
