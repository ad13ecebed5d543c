"""The test set as the last layer sees it, flattened to two dimensions."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

LANDMARKS = 1500
"""Images whose places are found by t-SNE itself: its time grows with their square."""

COMPONENTS = 50
"""Principal components that t-SNE is given, as its authors did."""

PERPLEXITY = 30.0
"""About how many neighbors a point has, the authors' middle value."""

STEPS, EARLY = 350, 100
"""Steps of t-SNE, and how many of them exaggerate nearness, so that groups find together."""

EXAGGERATION = 12.0
"""By so much nearness is exaggerated early (A. Belkina et al. 2019)."""

NEAREST = 5
"""A point that is no landmark stands at the mean of so many landmarks, the nearest ones."""

Values = npt.NDArray[np.float32]


def embed(
    values: Values,
    certain: Sequence[int] = (),
    *,
    seed: int = 0,
    progress: Callable[[int], object] = lambda steps: None,
) -> Values:
    """Flatten what a layer says of images to two dimensions.

    t-SNE (L. van der Maaten, G. Hinton 2008), which keeps near what is near; distances between
    groups mean nothing. Of many images a part are landmarks, the others are put among them.

    Args:
        values: float32 (n, units), n >= 5.
        certain: Rows that must be landmarks.
        seed: Of what is random in it; the same values then give the same points.
        progress: Called with the number of steps done, `STEPS` in all.

    Returns:
        float32 (n, 2).
    """
    rng = np.random.default_rng(seed)
    components = principal(values, COMPONENTS, rng)
    others = np.setdiff1d(np.arange(len(values)), certain)
    drawn = rng.permutation(others)[:LANDMARKS]
    landmarks = np.sort(np.concatenate([drawn, np.asarray(certain, int)]))
    known = components[landmarks]
    points = np.empty((len(values), 2), np.float32)
    points[landmarks] = _tsne(known, progress)
    rest = np.setdiff1d(np.arange(len(values)), landmarks)
    for place in np.array_split(rest, max(1, len(rest) // 1000)):
        distances = _square_distances(components[place], known)
        near = np.argpartition(distances, NEAREST - 1, axis=1)[:, :NEAREST]
        weights = 1 / (np.take_along_axis(distances, near, axis=1) + 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        points[place] = (points[landmarks][near] * weights[..., None]).sum(axis=1)
    return points


def principal(values: Values, count: int, rng: np.random.Generator) -> Values:
    """Return the first principal components of each row, float32 (n, count) or fewer.

    By iterating on a random subspace (N. Halko et al. 2011): thousands of units need no
    decomposition of their full covariance.
    """
    centered = values - values.mean(axis=0)
    count = min(count, *centered.shape)
    extra = min(count + 10, centered.shape[1])
    basis = rng.normal(size=(centered.shape[1], extra)).astype(np.float32)
    for _ in range(2):
        basis, _ = np.linalg.qr(centered.T @ (centered @ basis))
    _, _, rows = np.linalg.svd(centered @ basis, full_matrices=False)
    directions = basis @ rows[:count].T
    # The sign of a component is arbitrary: let its largest entry be positive.
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), range(count)])
    components: Values = centered @ (directions * signs)
    return components


def _tsne(values: Values, progress: Callable[[int], object]) -> Values:
    """Return float32 (n, 2), found by gradient descent with momentum on all pairs."""
    near = _nearness(values)
    points = values[:, :2] / max(float(values[:, 0].std()), 1e-12) * np.float32(1e-4)
    speed, gains = np.zeros_like(points), np.ones_like(points)
    rate = max(len(values) / EXAGGERATION / 4, 50.0)
    for step in range(STEPS):
        distances = _square_distances(points, points)
        weights = 1 / (1 + distances)
        np.fill_diagonal(weights, 0)
        pull = (near * (EXAGGERATION if step < EARLY else 1) - weights / weights.sum()) * weights
        slope = 4 * (pull.sum(axis=1)[:, None] * points - pull @ points)
        # The authors' own gains: faster where the direction holds, slower where it turns.
        gains = np.where(slope * speed > 0, gains * 0.8, gains + 0.2).clip(0.01)
        speed = (0.5 if step < EARLY else 0.8) * speed - rate * gains * slope
        points = points + speed.astype(np.float32)
        points -= points.mean(axis=0)
        progress(1)
    return points


def _nearness(values: Values) -> Values:
    """Return t-SNE's probabilities that two points are neighbors, float32 (n, n), adding to 1."""
    distances = _square_distances(values, values)
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)
    aim = np.log(min(PERPLEXITY, (len(values) - 1) / 3))
    low, high = np.zeros((len(values), 1)), np.full((len(values), 1), np.inf)
    sharpness = np.ones((len(values), 1)) / np.median(distances, axis=1, keepdims=True)
    finite = np.where(np.isfinite(distances), distances, 0)
    for _ in range(30):
        weights = np.exp(-distances * sharpness)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + sharpness * (finite * weights).sum(axis=1, keepdims=True) / total
        low, high = (
            np.where(entropy > aim, sharpness, low),
            np.where(entropy > aim, high, sharpness),
        )
        sharpness = np.where(np.isfinite(high), (low + high) / 2, sharpness * 2)
    weights = np.exp(-distances * sharpness)
    weights /= weights.sum(axis=1, keepdims=True)
    near: Values = ((weights + weights.T) / (2 * len(values))).astype(np.float32)
    return near


def _square_distances(one: Values, other: Values) -> Values:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    distances: Values = np.maximum(squares - 2 * one @ other.T, 0)
    return distances
