"""Two photographs of one scene, cell by cell: the mean logarithm of each, in cells that lie at the same place of both.

Logarithms make a gain and a gamma linear: out = (gain x in)^gamma is log out = gamma x (log gain + log in), exactly so
for the mean logarithm of any stretch of a picture, whatever is in it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.gauging.found import Floats
from edgewatt.profiler.isp.photos import Photo

CHANNELS: Final = ("r", "g", "b")
# Cells along the shorter side, each of at least so many points a side (assumed).
CELLS: Final = 32
POINTS_IN_CELL: Final = 4
# Two sensors of one format differ in shape by a row or two; 4:3 and 16:9 are two pictures (assumed).
SHAPE_TOLERANCE: Final = 0.02
# How well the cells' lightness must agree for two photographs to be of one scene, and aligned (assumed).
LEAST_CORRELATION: Final = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """One scene: mean logarithms of reference and device, shape [cells, 3], NaN where either is clipped."""

    scene: str
    reference: Floats
    device: Floats


def pair_of(scene: str, reference: Photo, device: Photo) -> Pair:
    """The cells of both. Raises UsageError for shapes that differ, and for pictures that do not show the same."""
    shapes = [photo.values.shape[1] / photo.values.shape[0] for photo in (reference, device)]
    if abs(shapes[1] / shapes[0] - 1) > SHAPE_TOLERANCE:
        raise UsageError(
            f"{device.name} is {shapes[1]:.3g} times as wide as high and {reference.name} {shapes[0]:.3g} times; "
            "photographs of one scene are compared place by place: crop both to the same view"
        )
    smallest = min(min(photo.values.shape[:2]) for photo in (reference, device))
    short = max(min(CELLS, smallest // POINTS_IN_CELL), 1)
    rows, columns = (short, round(short * shapes[0])) if shapes[0] >= 1 else (round(short / shapes[0]), short)
    logs = [_means(photo, rows, columns) for photo in (reference, device)]
    _check_alike(reference, device, [_lightness(photo, rows, columns) for photo in (reference, device)])
    whole = np.isfinite(logs[0]) & np.isfinite(logs[1])
    return Pair(scene, np.where(whole, logs[0], np.nan), np.where(whole, logs[1], np.nan))


def _means(photo: Photo, rows: int, columns: int) -> Floats:
    """The mean logarithm per cell, shape [cells, 3]; NaN where a point of the cell is clipped."""
    with np.errstate(divide="ignore"):
        logs = np.where(photo.usable, np.log(photo.values), np.nan)
    return _per_cell(logs, rows, columns).reshape(-1, 3)


def _lightness(photo: Photo, rows: int, columns: int) -> Floats:
    """The mean of all channels per cell, clipped or not, shape [cells]."""
    lightness: Floats = _per_cell(photo.values, rows, columns).mean(-1).ravel()
    return lightness


def _per_cell(values: Floats, rows: int, columns: int) -> Floats:
    """Means over a grid of cells whose edges lie at the same fractions of every photograph."""
    for axis, cells in ((0, rows), (1, columns)):
        edges = np.linspace(0, values.shape[axis], cells + 1).round().astype(np.intp)
        counts: NDArray[np.intp] = np.diff(edges)
        shape = [1, 1, 1]
        shape[axis] = cells
        values = np.add.reduceat(values, edges[:-1], axis) / counts.reshape(shape)
    return values


def _check_alike(reference: Photo, device: Photo, lightness: list[Floats]) -> None:
    one, other = (values - values.mean() for values in lightness)
    spread = float(np.sqrt((one @ one) * (other @ other)))
    correlation = float(one @ other) / spread if spread > 0 else 0.0
    if correlation < LEAST_CORRELATION:
        raise UsageError(
            f"{device.name} and {reference.name} do not show the same: the lightness of their cells correlates by "
            f"{correlation:.2f}, where {LEAST_CORRELATION} is expected. Photographs are taken from a tripod, framed "
            "alike, and of one scene by one name: take them again, or leave this scene out of both folders"
        )
