"""The battery's own gauge: /sys/class/power_supply, kernel Documentation/ABI/testing/sysfs-class-power.

`battery.current_a` is POSITIVE OUT OF THE BATTERY, while the phone drains it, and null while the phone charges, is full
or says neither: what a gauge reads then is not what the phone consumes. `battery_current_raw.count_n` has the gauge's
own number. `battery.charge_coulomb` counts the charge drawn, from an arbitrary start: what the gauge's own counter has
lost. `battery_level.state_code` is the state of charge in per cent, `battery_status.state_code` Android's 1 to 5.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edgewatt.collectors.android.files import battery_quirks as quirks
from edgewatt.collectors.android.files.look import LONGEST_S, SLOW_S, Found, Look, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Unavailable
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import Quantity

STREAM: Final = "battery"
SOURCE: Final = "phone/battery"
_ROOT: Final = "{sysfs}/class/power_supply"
# Opened by their names too: a folder that cannot be listed may have files that can be read.
KNOWN: Final = ("battery", "bms", "maxfg")
_FILES: Final = ("status", "current_now", "voltage_now", "temp", "charge_counter", "capacity", "uevent", "type")
CANDIDATES: Final = (
    *(f"{_ROOT}/{name}/{file}" for name in ("*", *KNOWN) for file in _FILES),
    *(f"{_ROOT}/{name}/online" for name in ("*", "usb", "ac", "wireless", "dc")),
)
_TYPES: Final = ("battery", "bms")
_SUPPLY: Final = re.compile(r"mains|usb.*|wireless|brickid|dc")
_FOLDERS: Final = 32
_UEVENT_LIMIT: Final = 1 << 14
C_PER_UAH: Final = 3.6e-3

INSTEAD: Final = "`dumpsys battery` is asked instead"
_UNPLUG: Final = "take the cable out and connect over Wi-Fi (docs: adb pair), or cut the port's power"
_FIND_IT: Final = "`edgewatt calibrate sensor -d DEVICE --save` finds it by a load; or state in a device profile "
_METER: Final = "measure with a meter (-m)"
_GAIN, _ZERO = "battery_gain_ratio", "battery_zero_a"
# The basis of a fact that `calibrate sensor` found.
_BY_LOAD: Final = ("measured", "simulated")
_WHY_STATUS: Final = {
    1: "the phone says Unknown, so charging cannot be told from discharging",
    2: "it charges, so the gauge shows what the charger leaves over and not what the phone consumes",
    4: "it is plugged in and not charging, so the phone runs past its battery",
    5: "it is full on its charger, so the phone runs past its battery",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """One property: its file (in capitals its key in uevent), its channels, and how its text becomes their values."""

    file: str
    channels: tuple[Channel, ...]
    parse: Callable[[str], Values]
    usable: Callable[[str], bool]


def find(look: Look) -> Found:
    """The gauge that lives, its columns, and its joules where they are what the phone consumes.

    Raises UsageError if the profile says a unit, a sign or a node in words that mean nothing.
    """
    unit = look.word("battery_current_unit", quirks.UNITS)
    positive = look.word("battery_current_positive", quirks.SIGNS)
    named = look.word("battery_node", ())
    batteries = _batteries(look, named)
    if not batteries:
        return Found(unavailable=(_why_none(look),))
    chosen = batteries[0]
    from_uevent = _raw(look, chosen) is None and _property(look, chosen, "current_now") is not None
    order = [chosen] if from_uevent else batteries
    readings = _readings(look, chosen, order)
    gauge = quirks.gauge_of(unit, positive, readings, is_measured=is_measured(look.profile))
    gauge.gain, gauge.zero_a = _number(look, _GAIN, 1.0), _number(look, _ZERO, 0.0)
    nodes, missing = _nodes(look, order, gauge, from_uevent=from_uevent)
    columns = {channel.column for node in nodes for channel in node.channels}
    source, reason = _source(look, readings, order, gauge, columns)
    facts: dict[str, Any] = {
        "battery_node": name_of(chosen),
        "battery_current_unit": gauge.unit_rule,
        "battery_current_sign": gauge.sign_rule,
        "battery_current_is": "positive out of the battery",
    }
    others = [name_of(other) for other in batteries[1:]]
    if others:
        facts["battery_nodes_left_out"] = others
    return Found(nodes, (*missing, *reason), source, {**facts, **_lag(look, columns)})


def is_measured(profile: DeviceProfile) -> bool:
    """Whether unit and sign of the battery's current were found by a load of known shape, not said by somebody."""
    facts = [profile.facts.get(key) for key in ("battery_current_unit", "battery_current_positive")]
    return all(fact is not None and fact.basis in _BY_LOAD for fact in facts)


def _number(look: Look, key: str, default: float) -> float:
    """A number of the profile. Raises UsageError for a gain that is none."""
    value = look.profile.number(key) if key in look.profile.facts else default
    if key == _GAIN and not 0.1 <= value <= 10:
        raise UsageError(f"device profile {look.profile.name!r}: facts.{key} is {value:g}, expected 0.1 to 10")
    return value


def _lag(look: Look, columns: set[str]) -> dict[str, Any]:
    """How late the current is, as `calibrate sensor` found it and profiler/analysis/lagging.py reads it."""
    fact, column = look.profile.facts.get("battery_lag_s"), f"battery.{Quantity.CURRENT.value}"
    if fact is None or column not in columns:
        return {}
    return {"lags_s": {column: [look.profile.number("battery_lag_s"), fact.u or 0.0]}}


def _accuracies(look: Look) -> tuple[Accuracy | None, Accuracy | None]:
    """Of current and of voltage, where a gain was found against a meter; the voltage's own error is inside of it."""
    gain, zero = look.profile.facts.get(_GAIN), look.profile.facts.get(_ZERO)
    if gain is None or gain.u is None:
        return None, None
    off_a = 0.0 if zero is None or zero.u is None else zero.u
    of_current = Accuracy(gain.u / abs(look.profile.number(_GAIN)), off_a, gain.source)
    return of_current, Accuracy(0.0, 0.0, "inside the gain of the current, which is that of their product")


def parse_uevent(text: str) -> dict[str, str]:
    """The properties in a uevent, by their key in capitals without POWER_SUPPLY_."""
    pairs = (line.partition("=") for line in text[:_UEVENT_LIMIT].split("\n"))
    return {key.strip().removeprefix("POWER_SUPPLY_"): value.strip() for key, is_pair, value in pairs if is_pair}


def _why_none(look: Look) -> Unavailable:
    known = [path for path in look.matching(f"{_ROOT}/*/*") if name_of(folder(path)) in KNOWN]
    there = [path for path in known if look.why(path) != "not there"]
    reason = f"{there[0]}: {look.why(there[0])}" if there else f"no battery is visible under {look.at(_ROOT)}"
    return Unavailable("battery", reason, INSTEAD)


def _batteries(look: Look, named: str | None) -> list[str]:
    """Folders of batteries, the best first: the profile's, one that moves, one that lives, one with a gauge."""
    folders = list(dict.fromkeys(folder(path) for path in look.matching(f"{_ROOT}/*/*")))[:_FOLDERS]
    found = [path for path in folders if _is_battery(look, path)]

    def rank(path: str) -> tuple[bool, ...]:
        raw, volt = _raw(look, path, uevent=True), _property(look, path, "voltage_now")
        lives = bool(raw) and quirks.parse_voltage(volt or "") is not None
        moves = any(_moved(look, path, file) for file in ("current_now", "voltage_now"))
        is_known = name_of(path) in KNOWN
        return (not (lives and name_of(path) == named), not (lives and moves), not lives, raw is None, not is_known)

    return sorted(found, key=lambda path: (*rank(path), _known_order(path)))


def _known_order(path: str) -> int:
    return KNOWN.index(name_of(path)) if name_of(path) in KNOWN else len(KNOWN)


def _is_battery(look: Look, path: str) -> bool:
    kind = (look.fact(f"{path}/type") or "").lower()
    if kind in _TYPES:
        return True
    has_any = any(look.text(f"{path}/{file}") is not None for file in _FILES)
    return name_of(path) in KNOWN and has_any


def _moved(look: Look, path: str, file: str) -> bool:
    before, now = look.before(f"{path}/{file}"), look.text(f"{path}/{file}")
    return before is not None and now is not None and whole(before) is not None and whole(before) != whole(now)


def _property(look: Look, path: str, file: str, *, before: bool = False) -> str | None:
    """A property from its own file, else from the uevent of its battery."""
    text = look.before if before else look.text
    own = text(f"{path}/{file}")
    return own if own is not None else parse_uevent(text(f"{path}/uevent") or "").get(file.upper())


def _raw(look: Look, path: str, *, uevent: bool = False) -> int | None:
    text = _property(look, path, "current_now") if uevent else look.text(f"{path}/current_now")
    return whole(text or "")


def _readings(look: Look, chosen: str, order: Sequence[str]) -> list[tuple[int, int | None]]:
    """Raw current and status at the looks so far; the status counts only while nothing feeds the phone."""
    found = []
    for before in (True, False):
        raw = whole(_property(look, chosen, "current_now", before=before) or "")
        texts = (_property(look, path, "status", before=before) for path in order)
        status = quirks.parse_status(next((text for text in texts if text is not None), ""))
        if raw is not None:
            found.append((raw, None if _supplies(look) else status))
    return found


def _supplies(look: Look) -> list[str]:
    """The supplies that say that they feed the phone."""
    online = []
    for path in look.matching(f"{_ROOT}/*/online"):
        kind = (look.fact(f"{folder(path)}/type") or name_of(folder(path))).lower()
        if _SUPPLY.fullmatch(kind) and whole(look.text(path) or "") == 1:
            online.append(name_of(folder(path)))
    return online


def _columns(look: Look, gauge: quirks.Gauge) -> tuple[_Column, ...]:
    """In the order of a row: the status first, as it says what the current means."""
    period_s = look.seconds("battery_update_period_s")
    window_s = _number(look, "battery_window_s", -1.0)
    of_current, of_voltage = _accuracies(look)

    def channel(
        name: str, quantity: Quantity, *, resolution: float | None = None, accuracy: Accuracy | None = None
    ) -> Channel:
        return Channel(
            name,
            quantity,
            period_s=period_s,
            window_s=window_s if 0 <= window_s <= LONGEST_S else None,
            resolution=resolution,
            accuracy=accuracy,
            boundary="gauge",
            covers=("phone",),
        )

    def current(text: str) -> Values:
        raw = whole(text)
        return [gauge.current_a(text), None if raw is None else float(raw)]

    drawn = Channel("battery", Quantity.CHARGE, "counter", scale=C_PER_UAH, boundary="gauge", covers=("phone",))
    status, raw_current = Channel("battery_status", Quantity.STATE), Channel("battery_current_raw", Quantity.COUNT)
    step_a = _number(look, "battery_current_resolution_a", 0.0) or gauge.scale
    amperes = channel("battery", Quantity.CURRENT, resolution=step_a, accuracy=of_current)
    return (
        _Column("status", (status,), lambda t: [gauge.see_status(t)], lambda t: quirks.parse_status(t) is not None),
        _Column("current_now", (amperes, raw_current), current, lambda t: whole(t) is not None),
        _gauged("voltage_now", channel("battery", Quantity.VOLTAGE, accuracy=of_voltage), quirks.parse_voltage),
        _gauged("temp", Channel("battery", Quantity.TEMPERATURE, resolution=0.1), quirks.parse_temperature),
        _Column("charge_counter", (drawn,), lambda t: [quirks.parse_drawn(t)], quirks.is_microampere_hours),
        _gauged("capacity", Channel("battery_level", Quantity.STATE, resolution=1.0), quirks.parse_level),
    )


def _gauged(file: str, channel: Channel, read: Callable[[str], float | None]) -> _Column:
    return _Column(file, (channel,), lambda text: [read(text)], lambda text: read(text) is not None)


def _nodes(
    look: Look, order: Sequence[str], gauge: quirks.Gauge, *, from_uevent: bool
) -> tuple[tuple[Node, ...], list[Unavailable]]:
    """A node per file, or one for all of them; a file that the chosen battery lacks is taken from another."""
    period_s = look.every(SLOW_S, "battery_period_s")
    nodes: list[Node] = []
    columns: list[_Column] = []
    missing = []
    for column in _columns(look, gauge):
        path = _first_usable(look, order[:1] if column.file == "current_now" else order, column)
        if path is None:
            tried = f"{order[0]}/{column.file}"
            missing.append(Unavailable(column.channels[0].column, f"{tried}: {look.why(tried)}"))
        elif from_uevent:
            columns.append(column)
        else:
            channels = tuple(replace(channel, source=path) for channel in column.channels)
            nodes.append(Node(path, channels, column.parse, period_s, STREAM))
    return (tuple(nodes) if not columns else (_uevent(f"{order[0]}/uevent", columns, period_s),)), missing


def _first_usable(look: Look, order: Sequence[str], column: _Column) -> str | None:
    for path in order:
        if column.usable(_property(look, path, column.file) or ""):
            return f"{path}/{column.file}"
    return None


def _uevent(path: str, columns: Sequence[_Column], period_s: float) -> Node:
    def parse(text: str) -> Values:
        said = parse_uevent(text)
        return [value for column in columns for value in column.parse(said.get(column.file.upper(), ""))]

    channels = tuple(replace(channel, source=path) for column in columns for channel in column.channels)
    return Node(path, channels, parse, period_s, STREAM, whole=True)


def _source(
    look: Look, readings: Sequence[tuple[int, int | None]], order: Sequence[str], gauge: quirks.Gauge, made: set[str]
) -> tuple[tuple[EnergySource, ...], tuple[Unavailable, ...]]:
    """Joules from voltage x current, or from the charge drawn where there is no current; or why there are none."""
    volt, ampere, drawn = (f"battery.{q.value}" for q in (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.CHARGE))
    reason, fix = _why_not_consumption(look, readings, order, gauge)
    if not reason and volt not in made:
        reason = "no voltage can be read"
    if reason:
        return (), (Unavailable("battery.energy_j", reason, fix),)
    reason, fix = _why_no_current(readings, gauge, readable=ampere in made)
    if not reason:
        return (EnergySource(SOURCE, ((volt, ampere),), "gauge", ("phone",)),), ()
    if drawn in made:
        return (EnergySource(f"{SOURCE}_charge", ((drawn, volt),), "gauge", ("phone",)),), (
            Unavailable(ampere, reason, fix),
        )
    return (), (Unavailable("battery.energy_j", reason, fix),)


def _why_not_consumption(
    look: Look, readings: Sequence[tuple[int, int | None]], order: Sequence[str], gauge: quirks.Gauge
) -> tuple[str, str]:
    """Why what flows out of the battery is not what the phone consumes, and what helps; empty if it is.

    Where the sign was measured the current itself tells, whatever the status says.
    """
    texts = (_property(look, path, "status") for path in order)
    status = quirks.parse_status(next((text for text in texts if text is not None), ""))
    if status is None:
        return "its status cannot be read, so charging cannot be told from discharging", _METER
    if status != quirks.DISCHARGING:
        return _WHY_STATUS[status], _UNPLUG
    if gauge.is_measured and gauge.scale is not None and gauge.sign is not None:
        flows_a = [raw * gauge.scale * gauge.sign for raw, _ in readings]
        if flows_a and max(flows_a) <= -quirks.CLEAR_A:
            return f"it says that it discharges, and {-max(flows_a):.3g} A flow into it: it charges", _UNPLUG
    if online := _supplies(look):
        return f"it discharges while {' and '.join(online[:3])} may feed the phone past it", _UNPLUG
    return "", ""


def _why_no_current(
    readings: Sequence[tuple[int, int | None]], gauge: quirks.Gauge, *, readable: bool
) -> tuple[str, str]:
    if not readable:
        return "no current can be read", _METER
    raws = [raw for raw, _ in readings]
    if not any(raws):
        return "its current stays at 0, which no phone draws: nothing measures it", _METER
    units, signs = " or ".join(quirks.UNITS), " or ".join(quirks.SIGNS)
    if gauge.scale is None:
        return f"a current of {raws[-1]} may be {units}", f"{_FIND_IT}battery_current_unit = {units}"
    if gauge.sign is None:
        return f"a current of {raws[-1]} is too small to tell its sign", f"{_FIND_IT}battery_current_positive = {signs}"
    return "", ""
