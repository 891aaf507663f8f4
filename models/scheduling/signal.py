"""A radio over signal strength: watts and rates on a grid of 1 dB, as calibrated where they are, else assumed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import of_one_source, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.calibration.lookup import OutOfRangeError, radio_at
from edgewatt.profiler.calibration.possible import interval_column

WLAN, P2P = 0, 1
INTERFACES: Final = ("wlan", "p2p")
SEND_W, RECEIVE_W, SEND_B_PER_S, RECEIVE_B_PER_S = range(4)
_COLUMNS: Final = ("send_w", "receive_w", "send_b_per_s", "receive_b_per_s")


@dataclass(frozen=True, slots=True)
class Radio:
    """`values`: [quantity, dB from lowest_dbm]; watts are above the idle of the device. `rtt_s`: to the other side.

    `tail_s` at `tail_w` the radio stays awake after an exchange, 0 where no row tells.
    """

    lowest_dbm: float
    values: NDArray[np.float64]
    rtt_s: float
    basis: str
    notes: tuple[str, ...]
    tail_s: float = 0.0
    tail_w: float = 0.0


def radio_of(rows: Rows, kind: str, constants: Constants, draw: Draw) -> Radio:
    """The radio of a phone to the network (`wlan`) or to a device beside it (`p2p`).

    Outside of what was measured the nearest measured value is continued by the assumed slope, and that is said.
    """
    lowest, highest = constants["radio.lowest_dbm"], constants["radio.highest_dbm"]
    grid = np.arange(lowest, highest + 1)
    own = [row for row in rows.of("radio") if (row["interface"] or "").startswith(kind)]
    values, bases, notes, lacking = np.empty((4, len(grid))), [], [], []
    for quantity, column in enumerate(_COLUMNS):
        mine = of_one_source([row for row in own if row[column] is not None])
        slope = draw.constant(constants, "radio.send_slope" if column.endswith("_w") else "radio.rate_slope")
        slope = 0.0 if column == "receive_w" else slope
        found = rows.once((kind, column), partial(_measured, rows, mine, column, grid))
        if np.isnan(found).all():
            word = "rate_b_per_s" if column.endswith("_b_per_s") else column
            level = draw.constant(constants, f"radio.{kind}.{word}")
            values[quantity] = level * np.exp(slope * (grid - constants["radio.pivot_dbm"]))
            bases.append("assumed")
            lacking.append(column)
            continue
        name = f"radio.{rows.device_id}.{kind}.{column}"
        ends = (interval_column(column, "low"), interval_column(column, "high"))
        surest = max(mine, key=lambda row: row["observations_n"] or 0)
        factor = draw.row(name, surest, column, ends, constants.variation_ratio) / surest[column]
        values[quantity] = factor * _continued(found, slope)
        bases.append(weakest(*(row["basis"] for row in mine)))
        if np.isnan(found).any():
            inside = grid[~np.isnan(found)]
            notes.append(
                f"{column} of {kind}: known from {inside[0]:g} to {inside[-1]:g} dBm; outside and between bins assumed"
            )
            bases.append("assumed")
    rtts = [row for row in own if row["rtt_p50_s"] is not None]
    rtt_s = float(np.median([row["rtt_p50_s"] for row in rtts])) if rtts else None
    if rtt_s is None:
        rtt_s = draw.constant(constants, f"radio.{kind}.rtt_s")
        bases.append("assumed")
        lacking.append("rtt_p50_s")
    if lacking:
        notes.insert(0, f"radio {kind}: no row of `radio` with {', '.join(lacking)}: assumed")
    return Radio(lowest, values, rtt_s, weakest(*bases), tuple(notes), *_tail(own, f"{rows.device_id}.{kind}", draw))


def _tail(own: Sequence[Row], of: str, draw: Draw) -> tuple[float, float]:
    """Seconds and watts of the tail, of the bin that was looked at most often."""
    told = of_one_source([row for row in own if row["tail_s"] and row["tail_w"]])
    if not told:
        return 0.0, 0.0
    surest = max(told, key=lambda row: row["observations_n"] or 0)
    return (
        draw.row(f"radio.{of}.tail_s", surest, "tail_s", ("tail_low_s", "tail_high_s"), 0.0),
        draw.row(f"radio.{of}.tail_w", surest, "tail_w", ("tail_low_w", "tail_high_w"), 0.0),
    )


def _measured(known: Rows, rows: Sequence[Row], column: str, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the calibration holds at each signal strength; NaN where it holds nothing."""
    found = np.full(len(grid), np.nan)
    if not rows:
        return found
    same = {"device_id": rows[0]["device_id"], "energy_source": rows[0]["energy_source"]}
    for place, dbm in enumerate(grid):
        try:
            found[place] = radio_at(known.calibration, rows[0]["interface"], float(dbm), column, **same).value
        except OutOfRangeError:
            continue
    found[found <= 0] = np.nan
    return found


def _continued(found: NDArray[np.float64], slope: float) -> NDArray[np.float64]:
    """Between known values ln(value) is linear; beyond the last one it goes on with `slope` per dB."""
    known = np.flatnonzero(~np.isnan(found))
    places = np.arange(len(found))
    log = np.interp(places, known, np.log(found[known]))
    beyond = np.where(places < known[0], places - known[0], np.where(places > known[-1], places - known[-1], 0))
    return np.asarray(np.exp(log + slope * beyond))
