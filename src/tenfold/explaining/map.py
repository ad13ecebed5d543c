"""Map: the test images in two dimensions, as the network's last features tell them apart."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenfold.errors import MissingExtraError

LANDMARKS = 1500
"""Images that t-SNE itself places; the time of t-SNE grows faster than their number."""

COMPONENTS = 50
"""Principal components that t-SNE works on, as in L. van der Maaten and G. Hinton 2008."""

NEIGHBORS = 5
"""An image that is no landmark stands at the weighted mean of this many nearest landmarks."""

Features = npt.NDArray[np.float32]


def embed(features: Features, required: Sequence[int] = (), *, seed: int = 0) -> Features:
    """Place images in two dimensions by t-SNE (L. van der Maaten, G. Hinton 2008).

    Images with similar features are placed close together; distances between groups mean
    nothing. t-SNE places a random sample of landmarks, and a nearest-neighbor regression places
    the other images among them. The same features and seed give the same points.

    Args:
        features: float32 (n, units), n > 30, the perplexity of t-SNE.
        required: Rows that must be landmarks.
        seed: Seed of the sample and of t-SNE.

    Returns:
        float32 (n, 2).

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
        from sklearn.neighbors import KNeighborsRegressor
    except ModuleNotFoundError:
        raise MissingExtraError("t-SNE", "compare") from None
    count = min(COMPONENTS, *features.shape)
    components = PCA(count, random_state=seed).fit_transform(features)
    others = np.setdiff1d(np.arange(len(features)), required)
    sample = np.random.default_rng(seed).permutation(others)[:LANDMARKS]
    landmarks = components[np.concatenate([sample, np.asarray(required, int)])]
    points = TSNE(random_state=seed).fit_transform(landmarks)
    # Weighted by distance, a landmark keeps its own place.
    regression = KNeighborsRegressor(NEIGHBORS, weights="distance").fit(landmarks, points)
    return np.asarray(regression.predict(components), np.float32)
