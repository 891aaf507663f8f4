"""FedScale's and Oort's devices: how fast a client computes, and how fast it sends and receives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.lookup import radio_at
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.reports.formats.made import KBPS_PER_B_PER_S, MS_PER_S, Given
from edgewatt.reports.formats.measured import INFERENCE, TRAINING, Measured, only

# FedScale multiplies the time of an inference by it: forward, and twice as much backward.
STEP_PER_INFERENCE: Final = 3.0
_RATES: Final = ("send_b_per_s", "receive_b_per_s")


@dataclass(frozen=True, slots=True)
class Client:
    """A device of a fleet. `how` says whether its time is of inferences, or a third of that of training.

    `bytes_b` is what one update takes, None where nobody knows; `step_s` the time of a training step.
    """

    device_id: str
    name: str
    ms_per_sample: float
    kbps: float
    how: str
    model: str | None
    step_s: float | None
    up_b_per_s: float
    down_b_per_s: float
    update_b: int | None
    simulated: bool


def clients_of(given: Given) -> tuple[list[Client], list[str]]:
    """The devices of which both speeds are known, in the order of the calibrations; and what the others lack."""
    clients, left_out = [], []
    named = {row.device_id: row.device or row.device_id for row in given.rows if row.device_id is not None}
    of_heads = {
        key: device.name for calibration in given.calibrations for key, device in calibration.head.devices.items()
    }
    for device_id, name in {**of_heads, **named}.items():
        rows = [row for row in given.rows if row.device_id == device_id]
        rates = _rates_of(given, device_id, name)
        speed = _speed_of(rows, name)
        if rates is None or speed is None:
            what = "no rate of a radio" if rates is None else "no time of an inference or step with its batch"
            left_out.append(f"{name} ({device_id}) is left out: {what}")
            continue
        clients.append(_client(device_id, name, rows, speed, rates))
    return clients, left_out


def _client(
    device_id: str, name: str, rows: Sequence[Measured], speed: Measured, rates: tuple[float, float, bool]
) -> Client:
    up, down, simulated = rates
    training = [row for row in rows if row.table == TRAINING and row.time_s is not None]
    trained = only(f"{name}, its training steps", training, "time_s") if training else None
    per_sample_s = (speed.time_s or 0.0) / (speed.batch or 1)
    return Client(
        device_id=device_id,
        name=name,
        ms_per_sample=MS_PER_S * (per_sample_s if speed.table == INFERENCE else per_sample_s / STEP_PER_INFERENCE),
        kbps=KBPS_PER_B_PER_S * 2 / (1 / up + 1 / down),
        how="inference" if speed.table == INFERENCE else "training step / 3",
        model=speed.model,
        step_s=None if trained is None else trained.time_s,
        up_b_per_s=up,
        down_b_per_s=down,
        update_b=None if trained is None else trained.update_b,
        simulated=simulated or any(row.simulated for row in (speed, trained) if row is not None),
    )


def _speed_of(rows: Sequence[Measured], name: str) -> Measured | None:
    """The inference of the device, else its training step; of which both time and batch are known."""
    for table in (INFERENCE, TRAINING):
        known = [row for row in rows if row.table == table and row.time_s and row.batch]
        if known:
            return only(f"{name}, its {table}", known, "time_s")
    return None


def _rates_of(given: Given, device_id: str, name: str) -> tuple[float, float, bool] | None:
    """Bytes a second up and down at the signal that was asked for, and whether they are simulated."""
    for calibration in given.calibrations:
        seen = [
            row
            for row in calibration.rows("radio", device_id=device_id)
            if given.chosen.fits({"interface": row["interface"]}) and all(row[rate] for rate in _RATES)
        ]
        if seen:
            return _rates_in(given, calibration, seen, name)
    return None


def _rates_in(
    given: Given, calibration: Calibration, seen: Sequence[Mapping[str, Any]], name: str
) -> tuple[float, float, bool]:
    interfaces = sorted({str(row["interface"]) for row in seen})
    if len(interfaces) > 1:
        raise UsageError(f"{name}: several radios; say which: --where interface={interfaces[0]} (of {interfaces})")
    device_id = str(seen[0]["device_id"])
    device = calibration.head.devices.get(device_id)
    if given.chosen.rssi_dbm is not None:
        known = [
            radio_at(calibration, interfaces[0], given.chosen.rssi_dbm, rate, device_id=device_id) for rate in _RATES
        ]
        simulated = any(one.basis == "simulated" for one in known)
        up, down = (one.value for one in known)
    elif len({tuple(row[rate] for rate in _RATES) for row in seen}) == 1:
        simulated = any(row["basis"] == "simulated" for row in seen)
        up, down = (float(seen[0][rate]) for rate in _RATES)
    else:
        bins = ", ".join(sorted({f"{row['rssi_low_dbm']} to {row['rssi_high_dbm']}" for row in seen}))
        raise UsageError(f"{name}: its rate depends on the signal; say at which: --rssi DBM ({shown(bins)} were seen)")
    return up, down, simulated or (device is not None and device.simulated)
