"""What a phone's power_profile.xml states, in the rows of a calibration that nobody measured."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from edgewatt.device_profiles.power_profile import PowerProfile
from edgewatt.profiler.calibration.calibration import Calibration, table_of
from edgewatt.profiler.errors import UsageError

Row = dict[str, Any]
_SOURCE: Final = "power_profile.xml, which is its maker's statement and known to be off"


def with_power_profile(calibration: Calibration, profile: PowerProfile) -> Calibration:
    """The calibration with what `profile` states of units and radios that have no row, as `published`.

    Raises UsageError for a calibration of several devices.
    """
    devices = list(calibration.head.devices)
    if len(devices) != 1:
        raise UsageError(f"a power profile is of one phone, and this is a calibration of {len(devices)} devices")
    origin = {"device_id": devices[0], "basis": "published", "source": _SOURCE}
    found = {
        "power": _absent(calibration, "power", "unit", [{**origin, **row} for row in _units(profile)]),
        "radio": _absent(calibration, "radio", "interface", [{**origin, **row} for row in _radios(profile)]),
    }
    tables = dict(calibration.tables)
    for name, rows in found.items():
        if rows:
            tables[name] = pa.concat_tables([calibration.table(name), table_of(name, rows)]).combine_chunks()
    stated = [f"power profile: {len(rows)} rows of {name}, of what nobody measured" for name, rows in found.items()]
    notes = (*calibration.head.notes, *stated, *(f"power profile: {why}" for why in profile.unusable))
    return replace(calibration, head=replace(calibration.head, notes=notes), tables=tables)


def _absent(calibration: Calibration, name: str, what: str, rows: list[Row]) -> list[Row]:
    """The rows of units, or interfaces, that the calibration has nothing of."""
    there = set(calibration.table(name)[what].to_pylist())
    return [row for row in rows if row[what] not in there]


def _units(profile: PowerProfile) -> Iterator[Row]:
    """What the first core adds is its cluster's current, and that of any processor at work."""
    rows = profile.rows()
    for row in rows:
        first = [watt for watt in (row.cluster_w, row.active_w) if watt is not None]
        yield {
            "unit": row.unit,
            "cores_n": row.cores,
            "steps_n": sum(other.unit == row.unit for other in rows),
            "frequency_hz": row.frequency_hz,
            "busy_w": row.busy_w,
            "on_w": sum(first) if first else None,
        }


def _radios(profile: PowerProfile) -> Iterator[Row]:
    """Sending at the highest of the stated levels of power; at which signal is not stated."""
    for radio in profile.radios():
        yield {
            "interface": radio.radio,
            "send_w": radio.transmit_w[-1],
            "receive_w": radio.receive_w,
            "radio_idle_w": radio.idle_w,
        }
