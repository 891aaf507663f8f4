"""Power rails of a Jetson: INA3221 through both of its drivers, and the INA238 of newer carrier boards.

JetPack 4 (kernel 4.9) has ina3221x as an IIO device with milliwatt; later kernels have ina3221 in hwmon with millivolt
and milliampere (kernel Documentation/hwmon/ina3221.rst), whose product is the power. Bus and hwmon numbers change
between boots, and a rail's place on its chip between boards: only labels say what a rail is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Final

import numpy as np

from edgewatt.collectors.android.files.look import Found, folder, name_of, natural, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.hwmon import CURRENT, NOT_A_BUS, NOT_CONNECTED, POWER, VOLTAGE, Kind
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.device_profiles.boards import GENERIC
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, EnergySource, Unavailable, channel_name

COLLECTOR: Final = "jetson"
STREAM: Final = "rails"
# More than any board has: bounds on what one can make us record.
CHIPS: Final = 16
RAILS: Final = 64
# Sensors have steps: the texts of their values return.
_REMEMBERED: Final = 2048

_NAME_IT: Final = "name the board's profile with ?board=PROFILE, or write one: docs/boards.md"
_DRIVERS: Final = "{sysfs}/bus/i2c/drivers"
_HWMON_FILES: Final = (
    *("name", "label", "update_interval", "in*_label", "curr*_label", "power*_label"),
    *("in*_input", "curr*_input", "power*_input", "shunt*_resistor"),
)
_IIO_FILES: Final = ("rail_name_*", "in_power*_input", "in_voltage*_input", "in_current*_input")
_HWMON: Final = ("ina3221", "ina238")
_IIO: Final = f"{_DRIVERS}/ina3221x/*/iio:device*"
_CLASS: Final = "{sysfs}/class/hwmon/hwmon*"
CANDIDATES: Final = (
    *(f"{_DRIVERS}/{driver}/*/hwmon/hwmon*/{file}" for driver in _HWMON for file in _HWMON_FILES),
    *(f"{_IIO}/{file}" for file in _IIO_FILES),
    *(f"{_CLASS}/{file}" for file in _HWMON_FILES),
)
# Shunt voltages, which are no rails: on an INA238 in0 (kernel Documentation/hwmon/ina238.rst).
_SHUNTS: Final = {**NOT_A_BUS, "ina238": frozenset({"0"})}
_SUM: Final = "sum_of_shunt_voltages"
# Least steps of an INA3221 (kernel drivers/hwmon/ina3221.c): 8 mV on the bus, 40 microvolt across the shunt.
_BUS_STEP_V: Final = 0.008
_SHUNT_STEP_V: Final = 40e-6

# The JetPack 4 driver counts in milliwatt; no rail of a board exceeds what Kind says of power.
MILLIWATT: Final = Kind(POWER.quantity, "milliwatt", 1e-3, POWER.low, POWER.high)


@dataclass(frozen=True, slots=True)
class _Chip:
    folder: str
    driver: str
    owner: str


@dataclass(frozen=True, slots=True)
class _Rail:
    """A power, or a voltage and a current; `owner` is the chip that tells equal labels apart."""

    label: str
    owner: str
    inputs: tuple[tuple[str, Kind], ...]
    period_s: float | None = None
    current_step: float | None = None


def find(look: BoardLook) -> Found:
    """The rails that answer or may answer later, the joules that the profile lets be formed, and what is missing."""
    rails = _named([rail for chip in _chips(look) for rail in _rails(look, chip)][:RAILS])
    if not rails:
        reason = f"no INA3221 or INA238 with a rail is visible under {look.at(_DRIVERS)} or {folder(look.at(_CLASS))}"
        return Found(unavailable=(Unavailable("rails", reason),))
    probed = [(rail, [_probe(look, path, kind) for path, kind in rail.inputs]) for rail in rails]
    good = [rail for rail, values in probed if not any(isinstance(value, str) for value in values)]
    missing = [_why_not(look, rail, values) for rail, values in probed if rail not in good]
    if good and all(0.0 in values for rail, values in probed if rail in good):
        reason = "every rail of this board reads 0, so none is measured: a board that draws nothing does not run"
        missing += [Unavailable(f"{rail.label}.power_w", reason) for rail in good]
        good = []
    later = [
        Unavailable(f"{rail.label}.power_w", f"{path}: {look.why(path)}: null until it answers")
        for rail in good
        for path, _ in rail.inputs
        if look.answers_later(path)
    ]
    nodes = tuple(node for rail in good for node in _nodes(look, rail))
    unread = [rail.label for rail in rails if rail not in good]
    sources, no_total = sources_of(look.profile, rail_columns(nodes), unread)
    return Found(nodes, (*missing, *later, *no_total), sources)


def rail_columns(nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """The columns whose product is the power of each rail in `nodes`, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for channel in (channel for node in nodes if node.stream == STREAM for channel in node.channels):
        found[channel.name] = (*found.get(channel.name, ()), channel.column)
    return found


def sources_of(
    profile: DeviceProfile, terms: Mapping[str, tuple[str, ...]], unread: Sequence[str], collector: str = COLLECTOR
) -> tuple[tuple[EnergySource, ...], tuple[Unavailable, ...]]:
    """The joules of the board by its profile's rule, then of each rail; and why there is no total, or no GPU alone.

    A rail that the profile does not know stands for itself.
    """
    known = {name: term for name, term in terms.items() if match(profile, name)}
    others = {name: term for name, term in terms.items() if name not in known}
    found = (
        *energy_sources(profile, collector, known, unreadable=unread),
        *energy_sources(load(GENERIC), collector, others),
    )
    board = [source for source in found if source.boundary == "board"]
    single = [source for source in found if source.boundary != "board"]
    missing = [] if board or not terms else [_no_total(profile, unread)]
    covers = [matched.covers for name in terms if (matched := match(profile, name))]
    if any("gpu" in one for one in covers) and ("gpu",) not in covers:
        mixed = next(name for name in terms if (matched := match(profile, name)) and "gpu" in matched.covers)
        reason = f"{mixed} holds {', '.join(next(one for one in covers if 'gpu' in one))} in one: no rail is the GPU's"
        missing.append(Unavailable("gpu.power_w", reason))
    return (*board, *single), tuple(missing)


def nothing(reason: str) -> Unavailable:
    """What is said of a board without any power that can be read."""
    return Unavailable("board.energy_j", reason, "a meter beside it measures the energy: see --meter")


def _no_total(profile: DeviceProfile, unread: Sequence[str]) -> Unavailable:
    if profile.name == GENERIC:
        return Unavailable(
            "board.energy_j", "no profile knows how the rails of this board nest, so none are added", _NAME_IT
        )
    lacking = f" ({', '.join(unread[:4])} cannot be read)" if unread else ""
    reason = f"the rails that {profile.title} needs for a total are not all there{lacking}, so none are added"
    return Unavailable("board.energy_j", reason)


def without_zeros(batch: Batch, rails: Sequence[tuple[str, ...]]) -> Batch:
    """`batch` with nulls where every rail that has a value reads 0: then nothing is measured.

    One rail at 0 beside live ones is a reading. `rails` are the columns of each, see rail_columns.
    """
    if not rails or not len(batch) or any(column not in batch.columns for columns in rails for column in columns):
        return batch
    if len(batch) == 1 and any(all(abs(batch.columns[c][0]) > 0 for c in columns) for columns in rails):
        return batch  # the usual case, in a tenth of the time
    watts = np.array([np.prod([batch.columns[column] for column in columns], axis=0) for columns in rails])
    dead = (watts == 0).any(axis=0) & ~(np.abs(watts) > 0).any(axis=0)
    if not dead.any():
        return batch
    blank = {c: np.where(dead, np.nan, batch.columns[c]) for columns in rails for c in columns}
    return replace(batch, columns={**batch.columns, **blank})


def _chips(look: BoardLook) -> list[_Chip]:
    """Each chip once, though it is seen by its driver and in /sys/class/hwmon, ordered by its address."""
    found: dict[str, _Chip] = {}
    for driver, pattern in (
        *((driver, f"{_DRIVERS}/{driver}/*/hwmon/hwmon*/*") for driver in _HWMON),
        ("ina3221x", f"{_IIO}/*"),
    ):
        for path in look.matching(pattern):
            place = folder(path)
            owner = place.rpartition(f"/{driver}/")[2].partition("/")[0]
            found.setdefault(name_of(place), _Chip(place, driver, owner))
    for path in look.matching(f"{_CLASS}/name"):
        place, driver = folder(path), look.fact(path) or ""
        if driver in _HWMON:
            found.setdefault(name_of(place), _Chip(place, driver, name_of(place)))
    return sorted(found.values(), key=lambda chip: natural(chip.owner))[:CHIPS]


def _rails(look: BoardLook, chip: _Chip) -> Iterator[_Rail]:
    made = _iio_rails(look, chip) if chip.driver == "ina3221x" else _hwmon_rails(look, chip)
    return (rail for rail in made if channel_name(rail.label) not in (NOT_CONNECTED, _SUM))


def _iio_rails(look: BoardLook, chip: _Chip) -> Iterator[_Rail]:
    for number in _numbers(look, chip, r"rail_name_([0-9]{1,2})"):
        label = look.fact(f"{chip.folder}/rail_name_{number}") or f"{chip.driver}_{number}"
        power = f"{chip.folder}/in_power{number}_input"
        pair = (f"{chip.folder}/in_voltage{number}_input", f"{chip.folder}/in_current{number}_input")
        if power in look.seen or not all(path in look.seen for path in pair):
            yield _Rail(label, chip.owner, ((power, MILLIWATT),))
        else:
            yield _Rail(label, chip.owner, ((pair[0], VOLTAGE), (pair[1], CURRENT)))


def _hwmon_rails(look: BoardLook, chip: _Chip) -> Iterator[_Rail]:
    ms = whole(look.text(f"{chip.folder}/update_interval") or "")
    period_s = ms / 1000 if ms is not None and 0 < ms < 100_000 else None
    for number in _numbers(look, chip, r"in([0-9]{1,2})_(?:label|input)"):
        volt, ampere, power = (f"{chip.folder}/{kind}{number}" for kind in ("in", "curr", "power"))
        if number in _SHUNTS[chip.driver] or not (f"{ampere}_input" in look.seen or f"{power}_input" in look.seen):
            continue
        labels = (*(f"{path}_label" for path in (volt, ampere, power)), f"{chip.folder}/label")
        label = next((text for path in labels if (text := look.fact(path))), f"{chip.driver}_{number}")
        if f"{power}_input" in look.seen:
            yield _Rail(label, chip.owner, ((f"{power}_input", POWER),), period_s)
            continue
        ohm = whole(look.text(f"{chip.folder}/shunt{number}_resistor") or "")
        step_a = _SHUNT_STEP_V / (ohm * 1e-6) if ohm is not None and ohm > 0 else None
        pair = ((f"{volt}_input", VOLTAGE), (f"{ampere}_input", CURRENT))
        yield _Rail(label, chip.owner, pair, period_s, step_a)


def _numbers(look: BoardLook, chip: _Chip, pattern: str) -> list[str]:
    names = (name_of(path) for path in look.matching(f"{chip.folder}/*"))
    return sorted({hit[1] for name in names if (hit := re.fullmatch(pattern, name))}, key=int)


def _named(rails: Sequence[_Rail]) -> list[_Rail]:
    names = unique_names((rail.label, rail.owner) for rail in rails)
    return [replace(rail, label=name) for rail, name in zip(rails, names, strict=True)]


def _probe(look: BoardLook, path: str, kind: Kind) -> float | str | None:
    """Its value, None where it may answer later, or why it never will."""
    if look.text(path) is None:
        return None if look.answers_later(path) else f"{path}: {look.why(path)}"
    value = to_si(kind, look.text(path) or "")
    return f"{path} {look.why(path)}; expected a whole number of {kind.unit}" if value is None else value


def _why_not(look: BoardLook, rail: _Rail, values: Sequence[float | str | None]) -> Unavailable:
    reason = next(value for value in values if isinstance(value, str))
    return Unavailable(f"{rail.label}.power_w", reason, look.fix(*(path for path, _ in rail.inputs)))


def to_si(kind: Kind, text: str) -> float | None:
    """The value of a text in SI; None if it is none, or none that a rail can have."""
    raw = whole(text)
    value = None if raw is None else raw * kind.scale
    return value if value is not None and kind.low <= value <= kind.high else None


@cache
def _parser(kind: Kind) -> Callable[[str], Values]:
    return lru_cache(_REMEMBERED)(lambda text: (to_si(kind, text),))


def _nodes(look: BoardLook, rail: _Rail) -> Iterator[Node]:
    found = match(look.profile, rail.label)
    steps = {VOLTAGE: _BUS_STEP_V, CURRENT: rail.current_step, POWER: None, MILLIWATT: None}
    for path, kind in rail.inputs:
        channel = Channel(
            rail.label,
            kind.quantity,
            source=path,
            period_s=rail.period_s,
            resolution=steps[kind],
            boundary=found.rail.boundary if found else "rail",
            covers=found.covers if found else (),
        )
        yield Node(path, (channel,), _parser(kind), look.rails_s, STREAM)
