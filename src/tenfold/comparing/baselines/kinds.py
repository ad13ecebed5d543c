"""The baselines of `tenfold compare`, and their settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.comparing.baselines.scorers import KernelPairs, LinearPairs, Scorer


@dataclass(frozen=True)
class BaselineSettings:
    """One baseline: its names, its settings, and its expected time.

    Attributes:
        name: As given to `tenfold compare`.
        title: The usual name.
        note: The settings in words.
        package: The package that it needs.
        settings: All numbers that decide the result of a fit.
        build: Makes the scorer, unfitted, from the settings, a seed and the number of images.
        seconds: Expected time to fit 60,000 images on one core, for the progress bar.
        growth: The expected time grows with this power of the number of images.
    """

    name: str
    title: str
    note: str
    package: str
    settings: Mapping[str, Any]
    build: Callable[[Mapping[str, Any], int, int], Scorer]
    seconds: float
    growth: float = 1.0

    def make(self, seed: int, images: int) -> Scorer:
        """Return an unfitted scorer for this number of images."""
        return self.build(self.settings, seed, images)


def _svm(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.svm import SVC

    machine = SVC(
        C=settings["C"], gamma=settings["gamma"], decision_function_shape="ovo", cache_size=2000
    )
    return KernelPairs(_on_components(settings["components"], machine))


def _linear_svm(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.multiclass import OneVsOneClassifier
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=settings["C"], dual=False, tol=settings["tol"])
    return LinearPairs(OneVsOneClassifier(machine))


def _forest(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(**settings, random_state=seed, n_jobs=-1)
    return Scorer(forest, _half_a_tree(settings))


def _extra_trees(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.ensemble import ExtraTreesClassifier

    trees = ExtraTreesClassifier(**settings, random_state=seed, n_jobs=-1)
    return Scorer(trees, _half_a_tree(settings))


def _half_a_tree(settings: Mapping[str, Any]) -> float:
    """Return the floor of probabilities that are shares of trees: half a tree."""
    return 0.5 / float(settings["n_estimators"])


def _knn(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.neighbors import KNeighborsClassifier

    neighbors = KNeighborsClassifier(
        settings["neighbors"], weights=settings["weights"], algorithm="brute"
    )
    return Scorer(_on_components(settings["components"], neighbors), floor=0.01)


def _on_components(components: int, estimator: Any) -> Any:
    """Return a pipeline: the estimator learns from the principal components of the pixels."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    return make_pipeline(PCA(components, svd_solver="covariance_eigh"), estimator)


def _logistic(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.linear_model import LogisticRegression

    return Scorer(LogisticRegression(**settings))


def _boosting(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from lightgbm import LGBMClassifier

    return Scorer(LGBMClassifier(**settings, random_state=seed, verbosity=-1))


def _mlp(settings: Mapping[str, Any], seed: int, images: int) -> Scorer:
    from sklearn.neural_network import MLPClassifier

    batch_size = min(settings["batch_size"], images)
    passes = max(settings["passes"], settings["least_steps"] * batch_size // images)
    network = MLPClassifier(
        settings["hidden"],
        alpha=settings["alpha"],
        batch_size=batch_size,
        max_iter=passes,
        random_state=seed,
    )
    return Scorer(network, floor=1e-7)


# Chosen on the last 10,000 training images, held out; dev/LOG.md lists what was tried.
_ALL = (
    BaselineSettings(
        "svm",
        "Support vector machine, RBF kernel",
        "C 5 and gamma 0.05 on 60 principal components of the pixels, one machine for each pair "
        "of digits",
        "sklearn",
        {"components": 60, "gamma": 0.05, "C": 5.0},
        _svm,
        seconds=70,
        growth=1.7,
    ),
    BaselineSettings(
        "linear-svm",
        "Linear support vector machine",
        "C 0.02 on pixels, one machine for each pair of digits",
        "sklearn",
        {"C": 0.02, "tol": 0.01},
        _linear_svm,
        seconds=40,
    ),
    BaselineSettings(
        "forest",
        "Random forest",
        "300 trees, the square root of the pixels tried at each split",
        "sklearn",
        {"n_estimators": 300, "max_features": "sqrt"},
        _forest,
        seconds=80,
        growth=1.1,
    ),
    BaselineSettings(
        "extra-trees",
        "Extremely randomized trees",
        "300 trees, 8% of the pixels tried at each split",
        "sklearn",
        {"n_estimators": 300, "max_features": 0.08},
        _extra_trees,
        seconds=120,
        growth=1.1,
    ),
    BaselineSettings(
        "knn",
        "k nearest neighbors",
        "3 neighbors weighed by distance, on 40 principal components of the pixels",
        "sklearn",
        {"neighbors": 3, "weights": "distance", "components": 40},
        _knn,
        seconds=2,
    ),
    BaselineSettings(
        "logistic",
        "Logistic regression",
        "Ten digits at once, C 0.5, at most 100 iterations of L-BFGS on pixels",
        "sklearn",
        {"C": 0.5, "max_iter": 100, "tol": 1e-3},
        _logistic,
        seconds=25,
    ),
    BaselineSettings(
        "boosting",
        "Gradient boosting (LightGBM)",
        "300 trees for each digit of at most 31 leaves, learning rate 0.15, a tenth of the pixels "
        "tried for each tree, 63 bins",
        "lightgbm",
        {
            "n_estimators": 300,
            "learning_rate": 0.15,
            "num_leaves": 31,
            "colsample_bytree": 0.1,
            "max_bin": 63,
            "min_child_samples": 5,
        },
        _boosting,
        seconds=200,
    ),
    BaselineSettings(
        "mlp",
        "Multilayer perceptron",
        "One hidden layer of 512, L2 penalty 0.01, 20 passes of Adam in batches of 128, or 1,500 "
        "steps",
        "sklearn",
        {"hidden": [512], "batch_size": 128, "alpha": 0.01, "passes": 20, "least_steps": 1500},
        _mlp,
        seconds=100,
    ),
)

BASELINES: dict[str, BaselineSettings] = {one.name: one for one in _ALL}
