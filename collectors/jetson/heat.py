"""Temperatures, the fan, and what throttles a Jetson.

Kernel Documentation/driver-api/thermal/sysfs-api.rst (millidegree). The zones of gated units answer EAGAIN on every
read (300 of 300 on an idle Thor), and -256 C stands for the same: null until the unit wakes. Fan files: jetson_stats
(second-hand).
"""

from typing import Final

from edgewatt.collectors.android.files.look import SLOW_S, Found, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.collectors.host.temperature import plausible_c
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

ZONES: Final = 64
# A fixed number that stands for no sensor: PMIC at 100 C, on some releases 50 C.
PLACEHOLDER: Final = "pmic"
_PLACEHOLDERS_C: Final = (100.0, 50.0)

_ZONE: Final = "{sysfs}/class/thermal/thermal_zone*"
# As the facts have it; the class folder links to the same zones.
_VIRTUAL: Final = "{sysfs}/devices/virtual/thermal/thermal_zone*"
_COOLER: Final = "{sysfs}/class/thermal/cooling_device*"
_HWMON: Final = "{sysfs}/class/hwmon/hwmon*"
_OLD_FAN: Final = "{sysfs}/devices/pwm-fan"
CANDIDATES: Final = (
    *(f"{zone}/{file}" for zone in (_ZONE, _VIRTUAL) for file in ("type", "temp")),
    *(f"{_COOLER}/{file}" for file in ("type", "cur_state")),
    *(f"{_HWMON}/{file}" for file in ("pwm1", "rpm", "fan1_input", "oc*_event_cnt", "oc*_throt_en")),
    *(f"{_OLD_FAN}/{file}" for file in ("cur_pwm", "rpm_measured")),
)


def find(look: BoardLook) -> Found:
    """Every zone by its type, the fan, throttle alerts and over-current events, and why the rest is missing."""
    return _zones(look).and_(_fan(look)).and_(_throttling(look))


def celsius(text: str) -> Values:
    """Millidegree in Celsius; None for a gated zone."""
    return (plausible_c(whole(text)),)


def is_fixed(name: str, value_c: float | None) -> bool:
    """True for the number that a PMIC's zone says for ever."""
    return value_c in _PLACEHOLDERS_C and name.lower().startswith(PLACEHOLDER)


def _zones(look: BoardLook) -> Found:
    by_number = {name_of(folder(p)): folder(p) for zone in (_VIRTUAL, _ZONE) for p in look.matching(f"{zone}/temp")}
    folders = list(by_number.values())[:ZONES]
    if not folders:
        return Found(unavailable=(Unavailable("thermal zones", f"none under {folder(look.at(_ZONE))}"),))
    types = [look.fact(f"{zone}/type") or name_of(zone) for zone in folders]
    labels = [kind.removesuffix("-thermal").removesuffix("-therm") for kind in types]
    names = unique_names(zip(labels, map(name_of, folders), strict=True))
    nodes, unavailable = [], []
    for zone, name in zip(folders, names, strict=True):
        path, what = f"{zone}/temp", f"{name}.temperature_c"
        value_c = celsius(look.text(path) or "")[0]
        if is_fixed(name, value_c):
            unavailable.append(Unavailable(what, f"{path}: {value_c:g} C is a fixed number and no sensor's"))
            continue
        if value_c is None:
            lasting = look.text(path) is None and not look.answers_later(path)
            more = "" if lasting else ": null while its unit is gated"
            unavailable.append(Unavailable(what, f"{path}: {look.why(path)}{more}", look.fix(path)))
            if lasting:
                continue
        channel = Channel(name, Quantity.TEMPERATURE, source=path, resolution=0.001)
        nodes.append(Node(path, (channel,), celsius, look.every(SLOW_S)))
    return Found(tuple(nodes), tuple(unavailable))


def _pwm(text: str) -> Values:
    value = whole(text)
    return (value / 255 if value is not None and 0 <= value <= 255 else None,)


def _rpm(text: str) -> Values:
    value = whole(text)
    return (value / 60 if value is not None and 0 <= value <= 100_000 else None,)


def _fan(look: BoardLook) -> Found:
    """How hard the fan is driven (of 255), and its turns per second."""
    duties = [*look.matching(f"{_HWMON}/pwm1"), *look.matching(f"{_OLD_FAN}/cur_pwm")]
    turns = [
        *look.matching(f"{_HWMON}/rpm"),
        *look.matching(f"{_HWMON}/fan1_input"),
        *look.matching(f"{_OLD_FAN}/rpm_measured"),
    ]
    nodes = []
    for paths, quantity, parse in ((duties, Quantity.LOAD, _pwm), (turns, Quantity.FREQUENCY, _rpm)):
        good = [path for path in paths if parse(look.text(path) or "")[0] is not None]
        names = unique_names(("fan", name_of(folder(path))) for path in good[:4])
        nodes += [
            Node(path, (Channel(name, quantity, source=path),), parse, look.every(SLOW_S))
            for name, path in zip(names, good, strict=False)
        ]
    return Found(tuple(nodes), () if nodes else (Unavailable("fan", "no fan is visible"),))


def _count(text: str) -> Values:
    value = whole(text)
    return (value if value is not None and value >= 0 else None,)


def _state(text: str) -> Values:
    value = whole(text)
    return (float(value) if value is not None and 0 <= value <= 1_000_000 else None,)


def alerts(look: BoardLook) -> list[tuple[str, str]]:
    """The cooling devices that say that something is throttled (`*-throttle-alert`), and their state's file."""
    found = [(look.fact(f"{folder(p)}/type") or "", p) for p in look.matching(f"{_COOLER}/cur_state")]
    return [(kind, path) for kind, path in found if kind.endswith("-throttle-alert")][:16]


def _throttling(look: BoardLook) -> Found:
    found = alerts(look)
    names = unique_names((kind, name_of(folder(path))) for kind, path in found)
    nodes = [
        Node(path, (Channel(name, Quantity.STATE, source=path),), _state, look.every(SLOW_S))
        for name, (_, path) in zip(names, found, strict=True)
        if _state(look.text(path) or "")[0] is not None
    ]
    for path in look.matching(f"{_HWMON}/oc*_event_cnt")[:16]:
        if _count(look.text(path) or "")[0] is not None:
            channel = Channel(f"over_current_{name_of(path).partition('_')[0]}", Quantity.COUNT, "counter", source=path)
            nodes.append(Node(path, (channel,), _count, look.every(SLOW_S)))
    return Found(tuple(nodes))
