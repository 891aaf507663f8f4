"""What feeds this machine, and what its batteries hold, by the files of /sys/class/power_supply."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.host.facts import host_facts
from edgewatt.collectors.host.places import Places
from tests.trees import write


def places(root: Path) -> Places:
    return Places(sysfs=root / "sys", proc=root / "proc", root=root)


@pytest.mark.parametrize(
    ("files", "supply", "charging"),
    [
        ({}, None, None),
        ({"AC/type": "Mains", "AC/online": "1"}, "mains", None),
        ({"AC/type": "Mains", "AC/online": "1", "BAT0/type": "Battery", "BAT0/status": "Charging"}, "mains", True),
        ({"AC/type": "Mains", "AC/online": "1", "BAT0/type": "Battery", "BAT0/status": "Full"}, "mains", False),
        ({"BAT0/type": "Battery", "BAT0/status": "Unknown"}, None, None),
        ({"mouse/type": "Battery", "mouse/status": "Discharging", "mouse/scope": "Device"}, None, None),
    ],
)
def test_what_feeds_the_machine(
    tmp_path: Path,
    files: dict[str, str],
    supply: str | None,
    charging: bool | None,  # noqa: FBT001  (a row of the table)
) -> None:
    for name, content in files.items():
        write(tmp_path / "sys/class/power_supply" / name, content)
    facts = host_facts(places(tmp_path))
    assert (facts["power_supply"], facts["charging"]) == (supply, charging)
    assert (facts["battery_left_wh"], facts["battery_full_wh"]) == (None, None)


CELL = {"type": "Battery", "status": "Discharging", "voltage_now": 12_000_000}
OF_ENERGY = {**CELL, "energy_now": 20_000_000, "energy_full": 40_000_000}
OF_CHARGE = {**CELL, "charge_now": 1_000_000, "charge_full": 2_000_000}


@pytest.mark.parametrize(
    ("batteries", "left_wh", "full_wh"),
    [
        ([OF_ENERGY], 20.0, 40.0),
        ([OF_CHARGE], 12.0, 24.0),
        ([OF_ENERGY, {**OF_CHARGE, "status": "Unknown"}], 32.0, 64.0),
        ([OF_ENERGY, CELL], None, None),
        ([{**OF_ENERGY, "energy_now": "many"}], None, 40.0),
        ([{**OF_ENERGY, "energy_now": -1, "energy_full": ""}], None, None),
        ([{**OF_ENERGY, "status": "Charging"}], None, None),
        ([{**OF_ENERGY, "scope": "Device"}], None, None),
    ],
)
def test_what_is_left_in_the_batteries_of_a_laptop(
    tmp_path: Path, batteries: list[dict[str, Any]], left_wh: float | None, full_wh: float | None
) -> None:
    for number, files in enumerate(batteries):
        for name, content in files.items():
            write(tmp_path / f"sys/class/power_supply/BAT{number}/{name}", content)
    facts = host_facts(places(tmp_path))
    assert (facts["battery_left_wh"], facts["battery_full_wh"]) == (left_wh, full_wh)
