"""What `doctor --profile FILE` says of a device profile: what it is, and what in it does nothing."""

import tomllib
from pathlib import Path
from typing import Any, Final

from edgewatt.device_profiles.loader import SIZE_LIMIT, DeviceProfile, load, names, shipped
from edgewatt.device_profiles.meter import KINDS, Meter, load_meter
from edgewatt.device_profiles.power_profile import load_power_profile
from edgewatt.device_profiles.shapes import nearest
from edgewatt.device_profiles.vocabulary import KNOWN
from edgewatt.reports.escape import printable

_HINT: Final = "docs/device-profiles.md has the keys"


def checked(name_or_path: str) -> dict[str, Any]:
    """What there is to say of a profile of a device or meter, or of a phone's power_profile.xml. Raises UsageError."""
    if Path(name_or_path).suffix in (".xml", ".apk"):
        return _of_power_profile(Path(name_or_path))
    if _is_meter(name_or_path):
        meter = load_meter(name_or_path)
        return {"profile": meter.name, "valid": True, **_of_meter(meter)}
    profile = load(name_or_path)
    return {"profile": profile.name, "valid": True, **_of(profile)}


def as_text(found: dict[str, Any]) -> str:
    """The same, for people."""
    base = f" on top of {', '.join(found['bases'])}" if found.get("bases") else ""
    what = "a valid profile" if found["valid"] else "a power profile with no currents that can be used,"
    lines = [f"{found['profile']}: {what} of a {found['kind']}{base}: {found['title']}"]
    lines += [f"  {count} {what}" for what, count in found["has"].items() if count]
    return "\n".join(printable(line) for line in [*lines, *(f"  note: {note}" for note in found["notes"])])


def _of(profile: DeviceProfile) -> dict[str, Any]:
    has = {"facts": len(profile.facts), "rails": len(profile.rails), "totals": len(profile.totals)}
    said = {"kind": profile.kind, "title": profile.title, "bases": list(profile.bases), "has": has}
    return {**said, "notes": _notes(profile)}


def _of_meter(meter: Meter) -> dict[str, Any]:
    return {"kind": "meter", "title": meter.title, "bases": [], "has": {"channels": len(meter.columns)}, "notes": []}


def _of_power_profile(path: Path) -> dict[str, Any]:
    """A maker's file has no name of its own."""
    found = load_power_profile(path)
    has = {"clocks of processors": len(found.rows()), "radios": len(found.radios())}
    said = {"profile": path.name, "valid": bool(found.rows()), "kind": "phone", "bases": []}
    title = f"what its maker states, in watts at {found.supply_v:g} V; known to be off"
    return {**said, "title": title, "has": has, "notes": list(found.unusable)}


def _notes(profile: DeviceProfile) -> list[str]:
    """What is no error, and yet not what was meant."""
    under = shipped(profile.base).facts if profile.base else {}
    own = {key: fact for key, fact in profile.facts.items() if under.get(key) != fact}
    notes = [
        f"facts.{key}: nothing reads it; did you mean {near}?" if near else f"facts.{key}: nothing reads it; {_HINT}"
        for key in own
        if key not in KNOWN
        for near in [nearest(key, KNOWN)]
    ]
    undated = [key for key, fact in own.items() if fact.date is None]
    if undated:
        notes.append(f"no date for {', '.join(undated)}; say `date = ...` once at the top, or beside each")
    if not profile.match and profile.kind in ("phone", "gpu") and profile.name not in names():
        notes.append("no [match]: it is only used where it is named")
    return notes


def _is_meter(name_or_path: str) -> bool:
    """True for a file that describes how a meter is read; what is wrong with a file is left to whoever loads it."""
    if Path(name_or_path).suffix != ".toml":
        return False
    try:
        with Path(name_or_path).open("rb") as file:
            data = tomllib.loads(file.read(SIZE_LIMIT).decode())
    except (OSError, ValueError, RecursionError):
        return False
    return data.get("kind") == "meter" and any(way in data for way in (*KINDS, "channels"))
