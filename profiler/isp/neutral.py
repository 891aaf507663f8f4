"""White balance without a reference: a grey patch that lies at the same place of every photograph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewatt.profiler.gauging.found import Undecided
from edgewatt.profiler.isp.fit import LEAST_SCENES, Isp, exponent
from edgewatt.profiler.isp.photos import Photo


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle in fractions of a photograph's width and height, from its left upper corner."""

    left: float
    top: float
    right: float
    bottom: float


def isp_of_patch(photos: Sequence[Photo], patch: Patch) -> Isp | Undecided:
    """Each channel of the patch over the geometric mean of its three, as stored: a grey would give 1, 1, 1.

    No gamma follows from one grey; the gains hold for values as they are coded.
    """
    seen = [_logs(photo, patch) for photo in photos]
    logs = np.array([log for log in seen if log is not None])
    if len(logs) < LEAST_SCENES:
        return Undecided(
            f"the patch is whole, neither nearly black nor white, in {len(logs)} photographs, and {LEAST_SCENES} are "
            "needed, as intervals come from how they differ"
        )
    gains = logs - logs.mean(1, keepdims=True)
    u = gains.std(0, ddof=1) / np.sqrt(len(gains))
    found = [exponent(float(value), float(of), len(gains) - 1) for value, of in zip(gains.mean(0), u, strict=True)]
    residual = float(np.sqrt(gains.var(0, ddof=1).mean()))
    valid = (float(np.exp(logs.min())), float(np.exp(logs.max())))
    return Isp((found[0], found[1], found[2]), None, residual, valid, len(gains))


def _logs(photo: Photo, patch: Patch) -> tuple[float, float, float] | None:
    """The mean logarithm of each channel in the patch; None where it is smaller than a point, or clipped."""
    rows, columns = photo.values.shape[:2]
    place = (
        slice(round(patch.top * rows), round(patch.bottom * rows)),
        slice(round(patch.left * columns), round(patch.right * columns)),
    )
    values, usable = photo.values[place], photo.usable[place]
    if not usable.size or not usable.all():
        return None
    r, g, b = np.log(values).mean((0, 1)).tolist()
    return r, g, b
