"""What feeds this machine, and what its batteries hold.

Kernel Documentation/ABI/testing/sysfs-class-power: energies in microwatt-hours, charges in microampere-hours, voltages
in microvolts; batteries of mice and headsets have the scope "Device".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.generic.sysfs import names_in, read_int, read_text
from edgewatt.collectors.host.places import Places

_BATTERY: Final = "Battery"


def supply_facts(places: Places) -> dict[str, Any]:
    """`power_supply` ("mains", "battery"), `charging`, and `battery_left_wh` of `battery_full_wh` while it drains.

    All of them None where the machine does not say; the latter add up all batteries.
    """
    root = places.sysfs / "class/power_supply"
    supplies = [root / name for name in names_in(root) if read_text(root / name / "scope", 64) != "Device"]
    kinds = {folder: read_text(folder / "type", 64) for folder in supplies}
    batteries = [folder for folder in supplies if kinds[folder] == _BATTERY]
    states = [read_text(folder / "status", 64) for folder in batteries]
    online = [read_text(folder / "online", 16) for folder in supplies if kinds[folder] not in {_BATTERY, None}]
    known = [state for state in states if state is not None and state != "Unknown"]
    drains = "Discharging" in known or ("1" not in online and bool(states) and "0" in online)
    left_wh, full_wh = ([_energy_wh(folder, which) for folder in batteries] for which in ("now", "full"))
    return {
        "power_supply": "mains" if "1" in online else "battery" if drains else None,
        "charging": None if not known else "Charging" in known,
        "battery_left_wh": _sum(left_wh) if drains else None,
        "battery_full_wh": _sum(full_wh) if drains else None,
    }


def _energy_wh(battery: Path, which: str) -> float | None:
    """Its energy, else its charge at the voltage that it has now."""
    if (energy := _positive(battery / f"energy_{which}")) is not None:
        return energy / 1e6
    charge, voltage = _positive(battery / f"charge_{which}"), _positive(battery / "voltage_now")
    return None if charge is None or voltage is None else charge * voltage / 1e12


def _positive(file: Path) -> int | None:
    try:
        value = read_int(file)
    except OSError:
        return None
    return value if value is not None and value >= 0 else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
