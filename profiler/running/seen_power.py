"""What a device was seen to draw in its last plan, kept for the estimate of the next one."""

import json
from collections.abc import Sequence
from typing import Any, Final

from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.planning.estimate import Power
from edgewatt.profiler.state import state_folder
from edgewatt.profiler.storage.checked import NUMBER, TEXT
from edgewatt.profiler.storage.trace import Trace

# Where all that the battery gives is measured.
_WHOLE: Final = ("battery_bypass", "battery_series", "gauge")


def remember_power(trace: Trace) -> None:
    """Keep the mean power of a run while it measured, if a source saw all that its battery gives."""
    results = trace.results()
    rows: Sequence[dict[str, Any]] = [] if results is None else results.to_pylist()
    watts = [row["power_w"] for row in rows if row["energy_boundary"] in _WHOLE and row["power_w"] is not None]
    device_id = trace.manifest.device.get("device_id")
    if watts and TEXT.holds(device_id):
        said = {"power_w": sum(watts) / len(watts), "run": trace.path.name, "created": trace.manifest.created}
        _file(str(device_id)).write_text(json.dumps(said))


def seen_power(device_id: str) -> Power | None:
    """The power of the last plan on this device; None if there was none."""
    try:
        said = json.loads(_file(device_id).read_text())
        watts, run, created = said["power_w"], said["run"], said["created"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not (NUMBER.holds(watts) and watts > 0 and TEXT.holds(run) and TEXT.holds(created)):
        return None
    return Power(float(watts), "seen", f"while run {run} of {created[:10]} measured")


def _file(device_id: str) -> Any:
    return state_folder("power") / f"{sha256_of_json({'device_id': device_id})[:16]}.json"
