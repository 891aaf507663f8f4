"""The cameras of a calibration: gains and gamma from its table `isp`, shares from `devices`, the rest assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgewatt.models.federated.heteroswitch.isp import Isp
from edgewatt.models.scheduling.constants import Draw
from edgewatt.profiler.calibration.calibration import Calibration

_TERMS = ("gain_r", "gain_g", "gain_b", "gamma")


def calibrated_isps(
    calibration: Calibration, assumed: Sequence[Isp], draw: Draw, ratio: float
) -> tuple[tuple[Isp, ...], list[str]]:
    """One camera per row of `isp`, and their references as they are; with what was assumed, in words.

    No cameras where the table does not give two of them. Where a row has no gamma (a grey patch) it is 1. Matrix,
    noise, JPEG and share are those of the assumed camera of the same name, else the middle of them. Values are drawn
    from their intervals.
    """
    rows = {row["device_id"] or row["device"]: row for row in calibration.rows("isp")}
    if not rows:
        return (), ["the calibration has no rows of `isp` (edgewatt calibrate isp): the nine assumed cameras are used"]
    usual = _middle(assumed)
    named = {isp.name: isp for isp in assumed}
    shares = {row["device_id"]: row["share_ratio"] for row in calibration.rows("devices") if row["share_ratio"]}
    # A reference by a grey patch is no camera.
    whole = [row["reference"] for row in rows.values() if row["gamma_ratio"] is not None]
    references = [name for name in dict.fromkeys(whole) if name and name not in rows]
    found = [_camera(name, row, named.get(name, usual), draw, ratio) for name, row in rows.items()]
    found += [
        replace(named.get(name, usual), name=name, gains=(1.0, 1.0, 1.0), gamma=1.0, basis=found[0].basis)
        for name in references
    ]
    if len(found) < 2:
        return (), [f"the calibration has one camera only ({found[0].name}): the nine assumed cameras are used"]
    known = all(isp.name in shares for isp in found)
    cameras = tuple(replace(isp, share=float(shares[isp.name]) if known else 1.0) for isp in found)
    named_all = ", ".join(isp.name for isp in found)
    notes = [f"cameras of the calibration: gains and gamma of {named_all} (matrix, noise and JPEG are assumed)"]
    notes += [] if known else ["the calibration does not give every camera's share of a market: all have the same"]
    notes += [
        f"{name}: no gamma was measured (a grey patch tells none); 1 is used"
        for name, row in rows.items()
        if row["gamma_ratio"] is None
    ]
    return cameras, notes


def _camera(name: str, row: Mapping[str, Any], like: Isp, draw: Draw, ratio: float) -> Isp:
    def of(term: str) -> float:
        column = f"{term}_ratio"
        ends = (f"{term}_low_ratio", f"{term}_high_ratio")
        return 1.0 if row[column] is None else draw.row(f"isp of {name}: {term}", row, column, ends, ratio)

    red, green, blue, gamma = map(of, _TERMS)
    return replace(like, name=name, gains=(red, green, blue), gamma=gamma, basis=row["basis"])


def _middle(assumed: Sequence[Isp]) -> Isp:
    saturation, noise = (float(np.median([getattr(isp, what) for isp in assumed])) for what in ("saturation", "noise"))
    quality = round(float(np.median([isp.quality or 100 for isp in assumed])))
    return replace(assumed[0], saturation=saturation, noise=noise, quality=quality)
