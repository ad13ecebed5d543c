"""Registration: a scan or photo of a form brought onto its reference page.

Features of the print give a homography (SIFT and RANSAC), whichever way up the page lies. Then
tiles of the reference page are found again near their places, on a small page. They correct the
homography, and a smooth surface through what is left follows paper that does not lie flat. The
share of the tiles that agree says whether the picture shows this form at all.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.errors import PictureError

_Floats = NDArray[np.float64]
_Features = tuple[NDArray[np.float32], NDArray[np.float32]]

# The following were set on forms drawn in code (tests/form_scenes.py) with MNIST's first 50,000
# training images and the fonts to learn from.

LOOKS = ((600, 30), (800, 12))
"""Longest side on which features are sought, in pixels, and the fewest that must agree on a
homography: if too few do, a second look is closer. With fewer than 12 a homography is chance."""

MOST_FEATURES = 1500
"""Most features of a page; the strongest are kept."""

RATIO = 0.8
"""A feature matches if the nearest one is nearer than the second by this factor (D. Lowe, IJCV
2004)."""

REACH = 4.0
"""Greatest distance of a match from the homography, in pixels of the reference page."""

TILES_SIDE = 880
"""Longest side of the small page on which tiles are sought, in pixels."""

TILE = 48
"""Side of a tile, in pixels of the small page."""

SEARCH = 6
"""A tile is sought this far around its place, in pixels of the small page."""

TILE_BLUR = 0.7
"""Standard deviation of the blur against noise before tiles are sought, in pixels of the small
page."""

CORNER, CORNERS = 0.02, 8
"""A tile has print to be found by if this many pixels are corners; a pixel is one if its least
eigenvalue is at least this share of the page's greatest. A single line has no corners."""

AGREEING = 0.5
"""Correlation from which a tile agrees with the reference page."""

LEAST_SCORE = 0.6
"""Share of the tiles that must agree. On made forms the right ones have 0.83 or more, and pages of
another form 0.44 or less."""

LEAST_SHOWN = 0.5
"""Share of the page that the picture must show. On made forms with two corners cut off it shows
0.87 or more. Of another form, laid on askew, 0.37 were left, and 0.44 of the tiles there agreed."""

FEWEST_TILES = 8
"""No fewer tiles correct a homography or bend a surface."""

ROUGH = 1.0
"""Tiles farther than this from the surface count less, in pixels."""

BEND = 1e-2
"""Penalty on the surface, per tile: without tiles on one side it must not bend there."""

KNOTS = 33
"""Places along each side of the page at which a placement is computed; others are interpolated."""


@dataclass(frozen=True, eq=False)
class Registered:
    """A picture that lies on the reference page.

    Attributes:
        gray: uint8 (h, w), in pixels of the reference page.
        inside: uint8 (h, w), 1 where the picture shows the page and 0 where it is cut off.
        score: Share of the tiles with print that agree with the reference page, 0 to 1.
    """

    gray: Gray
    inside: Gray
    score: float


@dataclass(frozen=True, eq=False)
class _Tile:
    """A part of the small reference page with print, and its top left."""

    x: int
    y: int
    gray: Gray


class Reference:
    """The reference page, prepared to be found in pictures.

    Args:
        gray: uint8 (h, w), the blank page.
    """

    def __init__(self, gray: Gray) -> None:
        self.gray = gray
        self.small, _ = _reduced(gray, TILES_SIDE)
        self._features: dict[int, _Features] = {}

    def features(self, side: int) -> _Features:
        """Return the features at a longest side in pixels, as `find_features` does; kept."""
        if side not in self._features:
            self._features[side] = find_features(self.gray, side)
        return self._features[side]

    @cached_property
    def tiles(self) -> list[_Tile]:
        """The tiles with print that corners hold in place."""
        blurred = cv2.GaussianBlur(self.small, (0, 0), TILE_BLUR)
        corners = cv2.cornerMinEigenVal(blurred, 5)
        strong = corners > CORNER * float(corners.max())
        found = []
        for y in range(SEARCH, self.small.shape[0] - TILE - SEARCH, TILE):
            for x in range(SEARCH, self.small.shape[1] - TILE - SEARCH, TILE):
                part = np.s_[y : y + TILE, x : x + TILE]
                if strong[part].sum() >= CORNERS:
                    found.append(_Tile(x, y, blurred[part]))
        return found


@dataclass(frozen=True, eq=False)
class _Placement:
    """Where each pixel of the reference page lies in the picture.

    Attributes:
        homography: float64 (3, 3), from the reference page to the picture.
        surface: float64 (6, 2), the displacement on the reference page in pixels, as a quadratic
            polynomial of the place; see `_terms`.
    """

    homography: _Floats
    surface: _Floats = field(default_factory=lambda: np.zeros((6, 2)))

    def lay(self, gray: Gray, reference: Gray, size: tuple[int, ...]) -> Registered:
        """Return the picture on the reference page, scaled to a size (h, w).

        The score is not known yet.
        """
        high, wide = size
        rows, columns = (
            np.linspace(0.5, small - 0.5, KNOTS) * (side / small) - 0.5
            for side, small in zip(reference.shape, size, strict=True)
        )
        places = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        places = places + _terms(places, reference) @ self.surface
        sources = cv2.perspectiveTransform(places[None], self.homography)[0]
        across, down = (_between_knots(sources[:, axis], high, wide) for axis in (0, 1))
        page = cv2.remap(gray, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        inside = (across >= 0) & (across <= gray.shape[1] - 1)
        inside &= (down >= 0) & (down <= gray.shape[0] - 1)
        return Registered(page, inside.astype(np.uint8), 0.0)


def _between_knots(values: _Floats, high: int, wide: int) -> NDArray[np.float32]:
    """Return values at KNOTS x KNOTS places of a page, interpolated to all pixels."""
    weights = []
    for side in (high, wide):
        at = np.linspace(0, KNOTS - 1, side)
        weights.append(np.clip(1 - np.abs(at[:, None] - np.arange(KNOTS)), 0, 1))
    down, across = (weight.astype(np.float32) for weight in weights)
    grid = values.reshape(KNOTS, KNOTS).astype(np.float32)
    spread: NDArray[np.float32] = down @ grid @ across.T
    return spread


def _terms(places: _Floats, reference: Gray) -> _Floats:
    """Return the terms of a quadratic polynomial, (n, 6), of places (n, 2) on the page."""
    x, y = (2 * places / (reference.shape[1], reference.shape[0]) - 1).T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _reduced(gray: Gray, side: int) -> tuple[Gray, float]:
    """Return a picture whose longest side is at most this many pixels, and its scale.

    A picture so thin that nothing would be left keeps a short side of one pixel.
    """
    scale = min(1.0, max(side / max(gray.shape), 1 / min(gray.shape)))
    return cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale


def find_features(gray: Gray, side: int) -> _Features:
    """Return places, float32 (n, 2), in pixels, and descriptors, float32 (n, 128), of features.

    Args:
        gray: uint8 (h, w).
        side: Longest side on which features are sought, in pixels.
    """
    small, scale = _reduced(gray, side)
    points, descriptors = cv2.SIFT.create(MOST_FEATURES).detectAndCompute(small, None)
    places = np.array([point.pt for point in points], np.float32).reshape(-1, 2) / scale
    return places, np.zeros((0, 128), np.float32) if descriptors is None else descriptors


def register(gray: Gray, reference: Reference) -> Registered:
    """Bring a picture onto the reference page.

    Args:
        gray: uint8 (h, w), the picture.
        reference: The reference page.

    Raises:
        PictureError: The picture does not show this form.
    """
    placement = _first_placement(gray, reference)
    if placement is None:
        raise PictureError("the page does not show this form: none of its print was found")
    blank = reference.gray
    tiles = _find_tiles(placement.lay(gray, blank, reference.small.shape), reference)
    page = _corrected(placement, *tiles, blank).lay(gray, blank, blank.shape)
    shown = float(page.inside.mean())
    if shown < LEAST_SHOWN:
        raise PictureError(
            f"the page does not show this form: at most {shown:.0%} of it is in the picture,"
            f" below the required {LEAST_SHOWN:.0%}"
        )
    agreement = tiles[2]
    score = float((agreement >= AGREEING).mean()) if agreement.size else 0.0
    if score < LEAST_SCORE:
        raise PictureError(
            f"the page does not show this form: {score:.0%} of its print agrees,"
            f" below the required {LEAST_SCORE:.0%}"
        )
    return replace(page, score=score)


def _first_placement(gray: Gray, reference: Reference) -> _Placement | None:
    """Return the homography that most features agree on, or None if too few do."""
    for side, fewest in LOOKS:
        places, descriptors = find_features(gray, side)
        wanted, known = reference.features(side)
        if min(len(places), len(wanted)) < fewest:
            continue
        pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors, known, 2)
        good = [one for one, other in pairs if one.distance < RATIO * other.distance]
        if len(good) < fewest:
            continue
        onto = places[[one.queryIdx for one in good]], wanted[[one.trainIdx for one in good]]
        found, agreeing = cv2.findHomography(*onto, cv2.USAC_MAGSAC, REACH, maxIters=5000)
        if found is not None and agreeing.sum() >= fewest and abs(np.linalg.det(found)) >= 1e-9:
            return _Placement(np.linalg.inv(found))
    return None


def _corrected(
    placement: _Placement, places: _Floats, moves: _Floats, agreement: _Floats, reference: Gray
) -> _Placement:
    """Return a placement whose homography and surface fit the tiles that agree."""
    agrees = agreement >= AGREEING
    if agrees.sum() < FEWEST_TILES:
        return placement
    places, there = places[agrees], (places + moves)[agrees]
    found, _ = cv2.findHomography(places, there, cv2.RANSAC, REACH)
    if found is None or abs(np.linalg.det(found)) < 1e-9:
        return placement
    left = cv2.perspectiveTransform(there[None], np.linalg.inv(found))[0] - places
    return _Placement(placement.homography @ found, _surface(_terms(places, reference), left))


def _surface(terms: _Floats, wanted: _Floats) -> _Floats:
    """Return the surface through displacements, (n, 2), whose places have these terms, (n, 6).

    Tiles far from the surface count less: the fit is reweighted some times.
    """
    weights, surface = np.ones(len(wanted)), np.zeros((6, 2))
    penalty = BEND * len(wanted) * np.diag([0, 0, 0, 1, 1, 1])
    for _ in range(5):
        weighted = terms * weights[:, None]
        normal = weighted.T @ terms + penalty + 1e-6 * np.eye(6)
        surface = np.asarray(np.linalg.solve(normal, weighted.T @ wanted), np.float64)
        away = np.linalg.norm(wanted - terms @ surface, axis=1)
        weights = 1 / np.maximum(away / ROUGH, 1) ** 2
    return surface


def _find_tiles(page: Registered, reference: Reference) -> tuple[_Floats, _Floats, _Floats]:
    """Find the tiles of the reference page near their places.

    Args:
        page: The picture on the small page.
        reference: The reference page.

    Returns:
        The middles of the tiles that the picture shows whole, (n, 2); how far each lies from its
        place, (n, 2), both in pixels of the reference page; and their correlation, (n,).
    """
    blurred = cv2.GaussianBlur(page.gray, (0, 0), TILE_BLUR)
    found = []
    for tile in reference.tiles:
        around = (
            slice(tile.y - SEARCH, tile.y + TILE + SEARCH),
            slice(tile.x - SEARCH, tile.x + TILE + SEARCH),
        )
        if page.inside[around].all():
            match = cv2.matchTemplate(blurred[around], tile.gray, cv2.TM_CCOEFF_NORMED)
            _, best, _, (x, y) = cv2.minMaxLoc(match)
            column, row = _peak(match[y], x), _peak(match[:, x], y)
            middle = (tile.x + (TILE - 1) / 2, tile.y + (TILE - 1) / 2)
            found.append((*middle, column - SEARCH, row - SEARCH, best))
    table = np.array(found, np.float64).reshape(-1, 5)
    scale = np.divide(reference.gray.shape, reference.small.shape)[::-1]
    return scale * (table[:, :2] + 0.5) - 0.5, scale * table[:, 2:4], table[:, 4]


def _peak(values: NDArray[np.float32], at: int) -> float:
    """Return the place of a peak between pixels: the top of the parabola through three values."""
    if not 0 < at < len(values) - 1:
        return float(at)
    before, here, behind = (float(value) for value in values[at - 1 : at + 2])
    curve = before - 2 * here + behind
    return at + (0.5 * (before - behind) / curve if curve < 0 else 0.0)
