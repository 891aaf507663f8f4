"""Temperatures and cooling devices of the kernel's thermal framework: 8 to 100 zones, many of which answer nothing.

Kernel Documentation/driver-api/thermal/sysfs-api.rst has millidegree Celsius; some vendors give tenths or degrees,
which their size shows.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from edgewatt.collectors.android.files.look import SLOW_S, Found, Look, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

_ZONE: Final = "{sysfs}/class/thermal/thermal_zone*"
_COOLER: Final = "{sysfs}/class/thermal/cooling_device*"
CANDIDATES: Final = (f"{_ZONE}/type", f"{_ZONE}/temp", f"{_COOLER}/type", f"{_COOLER}/cur_state")

ZONES: Final = 200
COOLERS: Final = 64
SHOWN: Final = 4
# No phone measures outside of these (assumed); exactly 0 and -40 C are what drivers answer for a sensor that is off.
LOWEST_C: Final = -40.0
HIGHEST_C: Final = 150.0
# From these sizes on a number is in millidegree, in tenths (android-tflite facts: second-hand, from public samplers).
MILLI_FROM: Final = 1000
# Zones of Qualcomm's current limiter that hold millivolt, milliampere or percent (remembered; ThermalService calls such
# sensors BCL_VOLTAGE, BCL_CURRENT, BCL_PERCENTAGE).
_NO_TEMPERATURE: Final = re.compile(r"(.*[-_])?(ibat|vbat|vph|bcl|socd)([-_].*)?")
_MAYBE_CHARGE: Final = "soc"
# Coolers whose state is a cap on a clock; others are fans, screens and modems.
_CLOCK: Final = re.compile(r".*(cpu|gpu|devfreq|kgsl|mali|npu|tpu|nsp).*")


def find(look: Look) -> Found:
    """Every zone that has a temperature by its type as name, why others have none, and how far clocks are capped."""
    return _zones(look).and_(_coolers(look))


def unit_c(raw: int) -> float:
    """The unit that a number of this size is in, in Celsius: 0.001, 0.1 or 1."""
    size = abs(raw)
    return 0.001 if size > MILLI_FROM else 0.1 if size > HIGHEST_C else 1.0


def to_c(raw: int | None, scale: float | None = None) -> float | None:
    """A zone's number in Celsius, in its unit or by its size; None where no sensor that is there can have it."""
    if raw is None or raw == 0:
        return None
    value_c = raw * (unit_c(raw) if scale is None else scale)
    return value_c if LOWEST_C < value_c < HIGHEST_C else None


def temperature_parser(scale: float) -> Callable[[str], Values]:
    """Celsius from a text in units of `scale`, which was settled when the zone was first seen."""
    return lambda text: [to_c(whole(text), scale)]


def _zones(look: Look) -> Found:
    folders = list(dict.fromkeys(folder(path) for path in look.matching(f"{_ZONE}/*")))[:ZONES]
    if not folders:
        fix = "dumpsys thermalservice is asked instead"
        return Found(unavailable=(Unavailable("thermal zones", f"none under {folder(look.at(_ZONE))}", fix),))
    types = [look.fact(f"{zone}/type") or name_of(zone) for zone in folders]
    names = unique_names(zip(types, map(name_of, folders), strict=True))
    nodes: list[Node] = []
    failed: dict[str, list[str]] = defaultdict(list)
    for zone, kind, name in zip(folders, types, names, strict=True):
        path = f"{zone}/temp"
        raw = whole(look.text(path) or "")
        reason = _why_not(look, path, kind, raw)
        if raw is None or reason:
            failed[reason].append(name)
            continue
        scale = unit_c(raw)
        channel = Channel(name, Quantity.TEMPERATURE, source=path, resolution=scale)
        nodes.append(Node(path, (channel,), temperature_parser(scale), look.every(SLOW_S)))
    return Found(tuple(nodes), tuple(_grouped(failed)), facts={"thermal_zones": len(folders)})


def _why_not(look: Look, path: str, kind: str, raw: int | None) -> str:
    """Why a zone is no temperature; "" if it is one."""
    if raw is None:
        return look.why(path) if look.text(path) is None else "says no whole number"
    lower = kind.lower()
    if _NO_TEMPERATURE.fullmatch(lower) or (lower == _MAYBE_CHARGE and abs(raw) <= 100):
        return "volt, ampere or per cent of a current limiter, not a temperature"
    return "" if to_c(raw) is not None else "says 0, or what no sensor that is there can have"


def _grouped(failed: Mapping[str, Sequence[str]]) -> list[Unavailable]:
    """One line per reason, naming the first few zones."""
    lines = []
    for reason, names in failed.items():
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        what = f"{names[0]}.temperature_c" if len(names) == 1 else f"{len(names)} thermal zones"
        lines.append(Unavailable(what, reason if len(names) == 1 else f"{reason} ({', '.join(names[:SHOWN])}{more})"))
    return lines


def parse_state(text: str) -> Values:
    """A cooling device's state: 0 is not cooling."""
    value = whole(text)
    return [float(value) if value is not None and 0 <= value <= 1_000_000 else None]


def _coolers(look: Look) -> Found:
    found = []
    for path in look.matching(f"{_COOLER}/cur_state"):
        kind = look.fact(f"{folder(path)}/type") or ""
        if _CLOCK.fullmatch(kind.lower()) and parse_state(look.text(path) or "")[0] is not None:
            found.append((kind, path))
    names = unique_names((f"cooling_{kind}", name_of(folder(path))) for kind, path in found[:COOLERS])
    return Found(
        tuple(
            Node(path, (Channel(name, Quantity.STATE, source=path),), parse_state, look.every(SLOW_S))
            for name, (_, path) in zip(names, found, strict=False)
        )
    )
