"""DigitClassifier: training as a scikit-learn estimator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import MAX_CLASSES, SIDE, Images, Probabilities
from tenfold.classifiers.base import as_images
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import MissingExtraError, UsageError
from tenfold.recipes.catalog import DEFAULT
from tenfold.recipes.recipe import Recipe, check_seeds, for_classes
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override
from tenfold.recipes.small_data import for_few_images

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ImportError:

    class BaseEstimator:  # type: ignore[no-redef]
        """Stands in for scikit-learn's, so that the name exists without scikit-learn."""

        def __new__(cls, *_: Any, **__: Any) -> "BaseEstimator":
            """Say which packages are missing."""
            raise MissingExtraError("DigitClassifier", "train,compare")

    class ClassifierMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's."""


class _WrongLabelsError(UsageError, ValueError):
    """An error of tenfold's that scikit-learn takes for one of its own."""


class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network that trains and predicts as scikit-learn's classifiers do.

    Needs `tenfold[train,compare]`. Fitting trains on the given images alone; it holds none of them
    out, and downloads and reads no MNIST. The fitted estimator can be pickled, and predicts without
    Keras.

    A recipe is made for 60,000 images. With fewer, a batch has at most a quarter of the images, and
    epochs are added until the training makes 500 steps (`tenfold.recipes.small_data`), unless
    `batch_size` or `epochs` is given, also in `settings`.

    Args:
        recipe: A name, a .json file, or a recipe; see `tenfold recipes`.
        epochs: Passes over the images; None leaves the number to the recipe.
        batch_size: Images in a batch; None leaves the number to the recipe.
        learning_rate: The highest learning rate; None leaves it to the recipe.
        settings: Other settings of the recipe by dotted name, such as
            ``{"augmentation.shift_pixels": 2}``; see `tenfold train --set`.
        scale: Factor that brings the values of images to 0..255, such as 255 behind a
            `MinMaxScaler`.
        random_state: Decides everything random: an integer from 0, a RandomState, or None for
            another result in every fit.
        verbose: Draw a progress bar on stderr.

    Attributes:
        classes_: The labels in `y`, sorted; the order of `predict_proba`'s columns.
        classifier_: The trained classifier (`tenfold.Classifier`), such as for `tenfold.Reader`.
        recipe_: The recipe as trained.
        history_: A row for every epoch: loss, accuracy, learning rate, seconds.
        n_features_in_: 784.
        feature_names_in_: The names of the columns, if `X` was a data frame with names.
    """

    def __init__(
        self,
        recipe: str | Path | Recipe = DEFAULT,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        settings: Mapping[str, Any] | None = None,
        scale: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.settings = settings
        self.scale = scale
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> "DigitClassifier":  # noqa: N803
        """Train on images and labels.

        Args:
            X: (n, 784), (n, 28, 28), (n, 28, 28, 1) or (n, 1, 28, 28), white ink on black, 0..255:
                integers, floats, booleans or a data frame. See also `scale`.
            y: (n,), labels of any kind, 2 to 256 different ones.

        Returns:
            The estimator itself.

        Raises:
            UsageError: The shape or the range of the images, a parameter, or the number of classes
                is wrong.
            ValueError: `X` holds no finite numbers; `y` has another shape, or another length than
                `X`, or continuous values.
            MissingExtraError: Keras is not installed.
        """
        from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import column_or_1d, validate_data

        from tenfold.networks.backend import use_backend

        validate_data(self, X, skip_check_array=True, ensure_2d=False)  # names of columns
        images = self._images(X)
        if y is None:
            raise _WrongLabelsError(
                "DigitClassifier requires y to be passed, but the target y is None"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(images, y)
        assert_all_finite(y, input_name="y")
        try:
            check_classification_targets(y)
            classes, labels = np.unique(y, return_inverse=True)
        except TypeError as error:  # no order among them
            raise _WrongLabelsError(
                "y has labels of several kinds, such as text and numbers; give one kind"
            ) from error
        if not 2 <= len(classes) <= MAX_CLASSES:
            number = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
            raise _WrongLabelsError(f"y has {number}; give 2 to {MAX_CLASSES}")
        # Floats are whole numbers here, and digits that a table holds as floats are digits.
        form = ".0f" if classes.dtype.kind == "f" else ""
        names = tuple(f"{one:{form}}" for one in classes)
        recipe = self._recipe_for(names, len(images))
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1) // recipe.members
        check_seeds(recipe, int(seed))
        use_backend()
        from tenfold.training.members import fit_members, graph_of_members, joined_history

        trained = fit_members(
            recipe, images, labels.astype(np.uint8), seed=int(seed), progress=self.verbose
        )
        self.classes_ = classes
        self.recipe_ = recipe
        self.history_ = joined_history(trained)
        self.classifier_ = OnnxClassifier(graph_of_members(recipe, trained)[1])
        self.classifier_.name, self.classifier_.classes = recipe.name, names
        self.n_features_in_ = SIDE * SIDE
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Probabilities:  # noqa: N803
        """Return the probability of each class, float32 (n, classes); of `X` see `fit`.

        Raises:
            NotFittedError: `fit` was not called.
            UsageError: The images are wrong.
            ValueError: The columns have other names or another order than in `fit`.
        """
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True, ensure_2d=False)
        probabilities: Probabilities = self.classifier_.predict_proba(self._images(X))
        return probabilities

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:  # noqa: N803
        """Return the most probable label of each image, (n,); see `predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        predicted: npt.NDArray[Any] = self.classes_[best]
        return predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _images(self, images: npt.ArrayLike) -> Images:
        from sklearn.utils import check_array

        array = check_array(images, allow_nd=True, estimator=self)
        if array.dtype.kind in "biu" and array.dtype != np.uint8:  # as data frames have them
            array = array.astype(np.float64)
        return as_images(array, self.scale)

    def _recipe_for(self, classes: tuple[str, ...], images: int) -> Recipe:
        """Return the recipe for the data, with the parameters of this estimator."""
        own = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimizer.learning_rate": self.learning_rate,
        }
        own = {name: value for name, value in own.items() if value is not None}
        settings = {} if self.settings is None else self.settings
        if not isinstance(settings, Mapping):
            raise UsageError(f"settings is {settings!r}; it must be values by dotted name")
        if twice := own.keys() & settings.keys():
            raise UsageError(f"{min(twice)} is given twice: as a parameter and in settings")
        own |= {str(name): value for name, value in settings.items()}
        recipe = load_recipe(self.recipe, own)
        return for_classes(override(for_few_images(recipe, images), own), classes, "y")
