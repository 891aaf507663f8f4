"""The processors of a phone as its calibration has them: steps of frequency, and the watts of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

BASES: Final = ("measured", "published", "assumed", "simulated")
# More than any governor has, and few enough for a table of all of them.
STEPS_LIMIT: Final = 200
KINDS: Final = ("cpu", "gpu", "dsp")
_DSP: Final = ("dsp", "npu", "nnapi", "edgetpu")


@dataclass(frozen=True, slots=True)
class Unit:
    """A processor by its steps.

    `frequency_hz` rises, NaN where there is one step that nobody names; `power_w` is above idle, of all of it busy, NaN
    where only inferences tell. `basis` is the weakest of what the watts are from.
    """

    kind: str
    frequency_hz: NDArray[np.float64]
    power_w: NDArray[np.float64]
    basis: str
    how: str


def kind_of(unit: str) -> str | None:
    """The kind of a unit or target by its name; None for what executes no network."""
    if unit.startswith("cpu"):
        return "cpu"
    return "gpu" if unit.startswith("gpu") else "dsp" if unit.startswith(_DSP) else None


def weakest(*bases: str) -> str:
    """The weakest word of several: what is simulated stays simulated."""
    return max(bases, key=BASES.index, default="measured")


def phones_of(calibration: Calibration) -> list[str]:
    """The devices that can be the phone: of which watts of a processor, or inferences, are known."""
    rows = [*calibration.rows("power"), *calibration.rows("inference")]
    told = {
        row["device_id"]
        for row in rows
        if (row.get("busy_w") is not None and kind_of(row["unit"] or "") == "cpu") or row.get("latency_s") is not None
    }
    return [device_id for device_id in calibration.head.devices if device_id in told]


def units_of(rows: Rows, constants: Constants, draw: Draw) -> list[Unit]:
    """The processors of a device, those without watts too if an inference ran there. Raises UsageError for none."""
    known = of_one_source([row for row in rows.of("power") if row["busy_w"] is not None])
    units = []
    for kind in KINDS:
        mine = [row for row in known if kind_of(row["unit"] or "") == kind]
        ran = [row for row in rows.of("inference") if kind_of(row["target"] or "") == kind]
        if mine:
            units.append(_with_watts(kind, mine, constants, draw))
        elif ran:
            steps = sorted({row["frequency_hz"] for row in ran if row["frequency_hz"] is not None}) or [np.nan]
            units.append(Unit(kind, np.array(steps), np.full(len(steps), np.nan), "measured", "watts of inferences"))
    if not any(unit.kind == "cpu" for unit in units):
        raise UsageError(
            f"the calibration has no power of a CPU of {rows.device_id!r}, and no inference on one: expected "
            "rows of `power` with unit cpu or cpuN and busy_w; calibrate with --steps cpu"
        )
    return units


def _with_watts(kind: str, rows: Sequence[Row], constants: Constants, draw: Draw) -> Unit:
    """The fastest cluster stands for the CPU: its steps are the choices, and a network's threads run there."""
    fastest = max(rows, key=lambda row: row["frequency_hz"] or 0.0)["unit"]
    mine = sorted((row for row in rows if row["unit"] == fastest), key=lambda row: row["frequency_hz"] or 0.0)
    watts = np.array([_all_of_it_w(kind, row, constants, draw) for row in mine])
    basis = weakest(*(row["basis"] for row in mine))
    top = mine[-1]
    steps_n = top["steps_n"] or len(mine)
    if len(mine) > 1 or steps_n == 1 or top["frequency_hz"] is None:
        hz = np.array([np.nan if row["frequency_hz"] is None else row["frequency_hz"] for row in mine])
        return Unit(kind, hz, watts, basis, f"{len(mine)} of {steps_n} steps")
    if not 1 < steps_n <= STEPS_LIMIT:
        raise UsageError(f"{kind}: steps_n is {steps_n}, expected 1 to {STEPS_LIMIT}")
    share = np.linspace(draw.constant(constants, "step_law.lowest_ratio"), 1.0, steps_n)
    ratio = step_power_ratio(share, constants, draw)
    how = f"{steps_n} steps laid out by an assumed law; only the watts at the top are {basis}"
    return Unit(kind, share * top["frequency_hz"], ratio * watts[-1], weakest(basis, "assumed"), how)


def step_power_ratio(share: NDArray[np.float64], constants: Constants, draw: Draw) -> NDArray[np.float64]:
    """Power at a share of the top frequency over that at the top: static with V, dynamic with f V^2 (assumed law).

    V falls linearly from 1 at the top to `lowest_voltage_ratio` at the lowest step.
    """
    low_v = min(draw.constant(constants, "step_law.lowest_voltage_ratio"), 1.0)
    static = min(draw.constant(constants, "step_law.static_ratio"), 1.0)
    lowest = float(share[0])
    voltage = low_v + (1 - low_v) * (share - lowest) / max(1 - lowest, 1e-9)
    return np.asarray(static * voltage + (1 - static) * share * voltage**2)


def _all_of_it_w(kind: str, row: Row, constants: Constants, draw: Draw) -> float:
    """`on_w` for the first core and `busy_w` of every core; `busy_w` alone of what is published as one unit."""
    name = f"power.{row['device_id']}.{kind}.busy_w"
    busy = draw.row(name, row, "busy_w", ("busy_low_w", "busy_high_w"), constants.variation_ratio)
    return (row["cores_n"] or 1) * busy + (row["on_w"] or 0.0)


def is_of_a_rail(row: Row) -> bool:
    """Whether its watts and joules are of a part of the device only."""
    return row.get("energy_boundary") == "rail"


def of_one_source(rows: Sequence[Row]) -> list[Row]:
    """The rows of the energy source that has the most of them: two meters are not mixed.

    A rail is a part of a device: where something sees the whole of it, that is taken.
    """
    rows = [row for row in rows if not is_of_a_rail(row)] or rows
    if not rows:
        return []
    counts = Counter(row["energy_source"] for row in rows)
    best = max(counts, key=lambda source: (counts[source], str(source)))
    return [row for row in rows if row["energy_source"] == best]
