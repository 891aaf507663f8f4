"""A device's seconds and joules for FLOPs of training, from the training steps of a calibration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

# A MAC is two FLOPs; the backward pass takes twice the forward one.
_FLOP_OF_MAC: Final = 6
# Multiply-accumulates of one picture in networks that training steps are measured with and that no row of `models`
# tells of: of the suite's CNN (two convolutions of 5 x 5 with 32 and 64 channels on 28 x 28 pixels, 512 hidden, 10
# classes), counted: 784 x 32 x 25 + 196 x 64 x 800 + 3136 x 512 + 512 x 10.
KNOWN_MACS: Final = {"cnn_mnist": 12_273_152}


@dataclass(frozen=True, slots=True)
class Device:
    """How fast it trains, and at how many watts (None: no energy was measured); `basis` is the weakest of its rows."""

    name: str
    flop_per_s: float
    power_w: float | None
    basis: str
    note: str


def device_of(calibration: Calibration, asked: str | None = None) -> Device:
    """From the training step of the largest batch whose network's MACs are known, on the device that is asked for.

    Raises UsageError where the calibration has no training step, or none of a network that can be counted.
    """
    rows = [row for row in calibration.rows("training_step") if row["step_s"] and asked in (None, row["device_id"])]
    if not rows:
        of = f" of device {asked!r}" if asked else ""
        raise UsageError(
            f"the calibration has no training step{of}, of which a fine-tuning's seconds and joules are made: "
            "edgewatt calibrate --collect --steps training, or edgewatt profile --training; without --calibration the "
            "steps of this machine are timed"
        )
    macs = KNOWN_MACS | {row["model"]: row["macs_n"] for row in calibration.rows("models") if row["macs_n"]}
    known = [row for row in rows if row["batch"] and macs.get(row["model"]) and not row["frozen_n"]]
    if not known:
        names = ", ".join(sorted({str(row["model"]) for row in rows}))
        raise UsageError(
            f"training steps of {names}: how many MACs they take is not known; give it as `macs_n` in `models` "
            "(edgewatt model show FILE counts them), with a `batch`, of a training in which nothing is frozen"
        )
    device_id = known[0]["device_id"]
    best = max((row for row in known if row["device_id"] == device_id), key=lambda row: (row["batch"], -row["step_s"]))
    flop = _FLOP_OF_MAC * macs[best["model"]] * best["batch"]
    power_w = None if best["energy_j"] is None else best["energy_j"] / best["step_s"]
    device = calibration.head.devices.get(device_id or "")
    return Device(
        device.name if device is not None else device_id or "the device",
        flop / best["step_s"],
        power_w,
        best["basis"],
        "; ".join(_notes(best, flop, power_w)),
    )


def _notes(row: dict[str, Any], flop: float, power_w: float | None) -> Iterator[str]:
    yield (
        f"assumed: FLOPs of a fine-tuning are as fast as those of {row['model']} at batch {row['batch']} "
        f"({flop / row['step_s'] / 1e9:.3g} GFLOP/s, {row['basis']}), whatever the operation"
    )
    yield "no energy of a training step in the calibration: no joules" if power_w is None else f"at {power_w:.3g} W"
