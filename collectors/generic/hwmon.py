"""Rails of hwmon chips (INA2xx, INA3221, POWER-Z, server power supplies, GPUs) as Linux exposes them.

Files and units: kernel Documentation/hwmon/sysfs-interface.rst (power in microwatt, in in millivolt, curr in
milliampere, intervals in millisecond). A chip that gives power is read as power; on others a voltage and a current
of the same label or number make a rail. A voltage without a current, as of Super-I/O chips, is no rail.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.collectors.generic.chips import Chip, find_chips
from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import no_number, parse_int, read_bytes, read_int, unique_names, unreadable
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable, channel_name
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.units import Quantity

NAME: Final = "hwmon"
ROOT: Final = Path("/sys/class/hwmon")
# An INA3221 takes 6.6 ms for its channels by default, and a read may wait for it (kernel drivers/hwmon/ina3221.c).
PERIOD_S: Final = 0.02
# Not bus voltages: shunt voltages in microvolt and their sum (kernel Documentation/hwmon/ina3221.rst).
NOT_A_BUS: Final = {"ina3221": frozenset({"4", "5", "6", "7"})}
# What belongs together although number and label say otherwise: VBUS is in0 and IBUS curr1 (kernel
# drivers/hwmon/powerz.c, POWER-Z KM002C and KM003C).
PAIRED: Final = {"powerz": (("0", "1"),)}
# What Jetson boards call an input that leads nowhere.
NOT_CONNECTED: Final = "nc"

_POWER: Final = re.compile(r"power([0-9]{1,3})_(input|average)")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: the factor from its unit to SI, and what no rail of a board exceeds (assumed, generously)."""

    quantity: Quantity
    unit: str
    scale: float
    low: float
    high: float


POWER: Final = Kind(Quantity.POWER, "microwatt", 1e-6, 0.0, 1e5)
VOLTAGE: Final = Kind(Quantity.VOLTAGE, "millivolt", 1e-3, 0.0, 1e4)
CURRENT: Final = Kind(Quantity.CURRENT, "milliampere", 1e-3, -1e4, 1e4)
TEMPERATURE: Final = Kind(Quantity.TEMPERATURE, "millidegree", 1e-3, -55.0, 150.0)


@dataclass(frozen=True, slots=True)
class Input:
    """One file and its kind."""

    path: Path
    kind: Kind

    def read(self) -> float | None:
        """The value in SI; None where it is gated or cannot be true. Raises OSError."""
        return self.to_si(read_int(self.path))

    def to_si(self, raw: int | None) -> float | None:
        """`raw` in SI, None if no rail can have it."""
        value = None if raw is None else raw * self.kind.scale
        return value if value is not None and self.kind.low <= value <= self.kind.high else None


@dataclass(frozen=True, slots=True)
class Rail:
    """A power, or a voltage and a current; `owner` is the device that tells equal labels apart."""

    label: str
    owner: str
    inputs: tuple[Input, ...]
    period_s: float | None
    window_s: float | None = None

    def read(self) -> list[float | None]:
        """The value of each input in SI. Raises OSError."""
        return [one.read() for one in self.inputs]


class Hwmon:
    """Power of every rail below `root`, polled every `period_s` seconds.

    Each rail is an energy source of its own unless the profile forms totals. What cannot be read is in
    `Opened.unavailable`; with nothing readable there are no channels, only reasons. While every rail reads 0 nothing is
    measured: a board that draws nothing does not run this. With a `name` it is a meter beside others: only the rails of
    the `chip` of this key count (see Chip.key), every channel begins with the name, and 0 is a value.
    """

    def __init__(
        self,
        root: Path = ROOT,
        *,
        period_s: float = PERIOD_S,
        profile: DeviceProfile | None = None,
        chip: str | None = None,
        name: str | None = None,
    ) -> None:
        self._root, self._period_s, self._profile = root, period_s, profile or load("linux_hwmon")
        self._chip, self._name = chip, name
        self._polling: Polling | None = None
        self._columns: list[tuple[str, ...]] = []

    def open(self, clock: Clock) -> Opened:
        """The rails that answer, the joules of each, and why the others are missing."""
        rails, unavailable = survey(self._root, self._chip, self._name)
        channels = {rail.label: self._channels(rail) for rail in rails}
        terms = {label: tuple(c.column for c in made) for label, made in channels.items()}
        self._columns = list(terms.values())
        readings = [Reading(f"{rail.label} ({rail.inputs[0].path})", channels[rail.label], rail.read) for rail in rails]
        self._polling = Polling(readings, clock, self._period_s)
        unread = {u.what.partition(".")[0] for u in unavailable}
        stream = self._name or NAME
        return Opened(
            stream,
            {"": tuple(c for made in channels.values() for c in made)} if channels else {},
            tuple(unavailable),
            energy_sources(self._profile, stream, terms, unreadable=unread),
            clock.name,
            facts={"poll_period_s": self._period_s, "profile": self._profile.name},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row of watts (or volts and amperes), a Gap where rails fail, or an empty Batch if none is due."""
        item = Batch.empty() if self._polling is None else self._polling.read(timeout_s)
        if self._name is not None or isinstance(item, Gap) or not len(item):
            return item
        return _without_zeros(item, self._columns)

    def close(self) -> None:
        """Stop reading; nothing is held open."""
        self._polling = None

    def _channels(self, rail: Rail) -> tuple[Channel, ...]:
        found = match(self._profile, rail.label)
        return tuple(
            Channel(
                rail.label,
                one.kind.quantity,
                source=str(one.path),
                period_s=rail.period_s,
                window_s=rail.window_s,
                resolution=one.kind.scale if len(rail.inputs) > 1 else None,
                boundary=found.rail.boundary if found else "rail",
                covers=found.covers if found else (),
            )
            for one in rail.inputs
        )


def survey(root: Path, key: str | None = None, name: str | None = None) -> tuple[list[Rail], list[Unavailable]]:
    """The rails that can be read, with unique labels, and why others cannot.

    With a `key` those of that chip alone; with a `name` their labels begin with it.
    """
    chips = [chip for chip in find_chips(root) if key is None or chip.key == key]
    found = [rail for chip in chips for rail in rails_of(chip) if channel_name(rail.label) != NOT_CONNECTED]
    if not found:
        reason = f"no chip under {root} has a power, or a voltage with its current"
        return [], [Unavailable("hwmon", reason, "measure with an external meter (-m)")]
    prefix = "" if name is None else f"{name}_"
    names = unique_names((f"{prefix}{rail.label}", rail.owner) for rail in found)
    named = [replace(rail, label=name) for rail, name in zip(found, names, strict=True)]
    probed = [(rail, probe(rail)) for rail in named]
    rails = [(rail, values) for rail, values in probed if not isinstance(values, Unavailable)]
    unavailable = [values for _, values in probed if isinstance(values, Unavailable)]
    if name is None and rails and all(0.0 in values for _, values in rails):
        unavailable += [
            Unavailable(
                f"{rail.label}.power_w",
                f"{rail.inputs[0].path}: every rail of this machine reads 0, so none is measured",
            )
            for rail, _ in rails
        ]
        rails = []
    return [rail for rail, _ in rails], unavailable


def rails_of(chip: Chip) -> Iterator[Rail]:
    """The rails of a chip by its files and labels, whether or not they can be read."""
    period_s = chip.seconds("update_interval")
    powers = {found[1]: found[2] for name in sorted(chip.files) if (found := _POWER.fullmatch(name))}
    for number, item in powers.items():
        window_s = chip.seconds(f"power{number}_average_interval") if item == "average" else None
        inputs = (Input(chip.folder / f"power{number}_{item}", POWER),)
        yield Rail(chip.label(f"power{number}") or f"{chip.name}_{number}", chip.device, inputs, period_s, window_s)
    if powers:
        return
    for volt, curr in _pairs(chip):
        pair = (Input(chip.folder / f"{volt}_input", VOLTAGE), Input(chip.folder / f"{curr}_input", CURRENT))
        label = chip.label(volt) or chip.label(curr) or f"{chip.name}_{curr.removeprefix('curr')}"
        yield Rail(label, chip.device, pair, period_s)


def _pairs(chip: Chip) -> list[tuple[str, str]]:
    """Voltage and current that belong together: of one label, else of one number where labels do not contradict."""
    volts = _numbered(chip, "in", NOT_A_BUS.get(chip.name, frozenset()))
    currents = _numbered(chip, "curr", frozenset())
    labels = {label: number for number, label in volts.items() if label is not None}
    pairs = [(labels[label], number) for number, label in currents.items() if label in labels]
    pairs += [pair for pair in PAIRED.get(chip.name, ()) if pair[0] in volts and pair[1] in currents]
    paired = {volt for volt, _ in pairs}
    pairs += [
        (number, number)
        for number, label in currents.items()
        if number in volts and number not in paired and label not in labels and (label is None or volts[number] is None)
    ]
    return [(f"in{volt}", f"curr{current}") for volt, current in sorted(pairs, key=lambda pair: int(pair[1]))]


def _numbered(chip: Chip, kind: str, without: frozenset[str]) -> Mapping[str, str | None]:
    found = [hit[1] for name in chip.files if (hit := re.fullmatch(f"{kind}([0-9]{{1,3}})_input", name))]
    return {number: chip.label(f"{kind}{number}") for number in sorted(found, key=int) if number not in without}


def probe(rail: Rail) -> list[float | None] | Unavailable:
    """Its first values, None where gated; or why it is none."""
    values: list[float | None] = []
    for one in rail.inputs:
        what = f"{rail.label}.{one.kind.quantity.value}"
        try:
            raw = read_bytes(one.path)
        except BlockingIOError:
            values.append(None)
            continue
        except OSError as error:
            return unreadable(what, one.path, error)
        values.append(one.to_si(parse_int(raw)))
        if values[-1] is None:
            return no_number(what, one.path, one.kind.unit)
    return values


def _without_zeros(row: Batch, rails: Sequence[tuple[str, ...]]) -> Batch:
    """`row`, or a row of nulls if every rail that has a value reads 0."""
    products = [np.prod([row.columns[column][0] for column in columns]) for columns in rails]
    known = [product for product in products if not np.isnan(product)]
    if not known or any(product != 0 for product in known):
        return row
    return replace(row, columns={column: np.full_like(values, np.nan) for column, values in row.columns.items()})
