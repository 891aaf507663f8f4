"""Power, voltage, current and temperature of one chip of Linux iio (INA2xx, PAC193x, ADCs, room sensors).

Files and units: kernel Documentation/ABI/testing/sysfs-bus-iio. A value is (raw + offset) * scale, or `input` as it is,
in milliwatt, millivolt, milliampere and millidegree Celsius; scale and offset may be one channel's or its whole kind's.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.chips import Chip
from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import PAGE, names_in, read_bytes, read_text, unique_names, unreadable
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Boundary, Channel, EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.units import Quantity

ROOT: Final = Path("/sys/bus/iio/devices")
# Where no sampling frequency is stated; and the fastest that files are read: one over I2C takes about a millisecond.
PERIOD_S: Final = 0.02
SHORTEST_S: Final = 0.002
# Each kind with its quantity and what no sensor of a bench exceeds in SI (assumed, as for hwmon).
KINDS: Final = {
    "power": (Quantity.POWER, -1e5, 1e5),
    "voltage": (Quantity.VOLTAGE, -1e4, 1e4),
    "current": (Quantity.CURRENT, -1e4, 1e4),
    "temp": (Quantity.TEMPERATURE, -100.0, 200.0),
}
MILLI: Final = 1e-3
_VALUE: Final = re.compile(r"in_(power|voltage|current|temp)([0-9]{0,3})((?:_[a-z0-9]{1,32})?)_(raw|input)")
_NUMBER: Final = re.compile(rb"\s*([+-]?[0-9]{1,19}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?)\s*")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One value of a chip: its file, what makes it SI, and what it is."""

    path: Path
    kind: str
    number: str
    label: str
    factor: float
    offset: float

    def read(self) -> list[float | None]:
        """The value in SI; None where it is gated or cannot be true. Raises OSError."""
        raw = parse_number(read_bytes(self.path))
        value = None if raw is None else (raw + self.offset) * self.factor
        _, low, high = KINDS[self.kind]
        return [value if value is not None and low <= value <= high else None]

    def channel(self, boundary: Boundary | None, period_s: float | None) -> Channel:
        """What it measures; its steps are those of the raw count."""
        step = abs(self.factor) if self.path.name.endswith("_raw") else None
        where = None if self.kind == "temp" else boundary
        quantity = KINDS[self.kind][0]
        return Channel(self.label, quantity, source=str(self.path), period_s=period_s, resolution=step, boundary=where)


class Iio:
    """Every value of one chip, read every `period_s` seconds (by default as often as the chip says that it samples)."""

    def __init__(self, chip: Chip, name: str, boundary: Boundary | None, period_s: float | None = None) -> None:
        self._chip, self._name, self._boundary, self._period_s = chip, name, boundary, period_s
        self._polling: Polling | None = None

    def open(self, clock: Clock) -> Opened:
        """The values that answer, the joules of each power or of voltage times current, and why others are missing."""
        sensors, unavailable = survey(self._chip, self._name)
        stated_s = sampling_period_s(self._chip)
        channels = [sensor.channel(self._boundary, stated_s) for sensor in sensors]
        readings = [
            Reading(f"{channel.name} ({sensor.path})", (channel,), sensor.read)
            for sensor, channel in zip(sensors, channels, strict=True)
        ]
        period_s = self._period_s or max(stated_s or PERIOD_S, SHORTEST_S)
        self._polling = Polling(readings, clock, period_s)
        return Opened(
            self._name,
            {"": tuple(channels)} if channels else {},
            tuple(unavailable),
            self._sources(sensors, channels),
            facts={"poll_period_s": period_s},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row, a Gap where the chip fails, or an empty Batch if none is due."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop reading; nothing is held open."""
        self._polling = None

    def _sources(self, sensors: list[Sensor], channels: list[Channel]) -> tuple[EnergySource, ...]:
        if self._boundary is None:
            return ()
        columns = {sensor.path: channel.column for sensor, channel in zip(sensors, channels, strict=True)}
        return tuple(
            EnergySource(
                f"{self._name}/{parts[-1].label}", (tuple(columns[part.path] for part in parts),), self._boundary
            )
            for parts in rails(sensors)
        )


def find_iio(root: Path = ROOT) -> list[Chip]:
    """The chips below `root`, ordered by the device that they are: numbers change between boots."""
    chips = []
    for name in names_in(root):
        folder = root / name
        if name.startswith("iio:device") and folder.is_dir():
            owner = folder.resolve().parent.name if folder.is_symlink() else ""
            chips.append(Chip(folder, read_text(folder / "name", 256) or name, owner, frozenset(names_in(folder))))
    return sorted(chips, key=lambda chip: (chip.device, chip.name, chip.folder.name))


def survey(chip: Chip, name: str) -> tuple[list[Sensor], list[Unavailable]]:
    """The values that answer or are gated at the moment, labels unique and after `name`; why the others are missing."""
    found, unavailable = [], []
    for sensor in _sensors(chip):
        what = f"{name}_{sensor.label}.{KINDS[sensor.kind][0].value}"
        try:
            raw = read_bytes(sensor.path)
        except BlockingIOError:
            found.append(sensor)
            continue
        except OSError as error:
            unavailable.append(unreadable(what, sensor.path, error))
            continue
        if parse_number(raw) is None:
            unavailable.append(Unavailable(what, f"{sensor.path} reads {raw[:40]!r}, expected a number"))
        elif not math.isfinite(sensor.factor):
            unavailable.append(Unavailable(what, f"{sensor.path} has no scale beside it, so its unit is unknown"))
        else:
            found.append(sensor)
    if not found and not unavailable:
        unavailable.append(Unavailable(name, f"{chip.folder} has no power, voltage, current or temperature"))
    labels = unique_names((f"{name}_{sensor.label}", "") for sensor in found)
    return [replace(sensor, label=label) for sensor, label in zip(found, labels, strict=True)], unavailable


def rails(sensors: Sequence[Sensor]) -> Sequence[tuple[Sensor, ...]]:
    """What gives watts: every power; without one, a voltage and a current of one number."""
    if powers := [(sensor,) for sensor in sensors if sensor.kind == "power"]:
        return powers
    volts = {sensor.number: sensor for sensor in sensors if sensor.kind == "voltage"}
    return [(volts[s.number], s) for s in sensors if s.kind == "current" and s.number in volts]


def sampling_period_s(chip: Chip) -> float | None:
    """How often the chip samples, as it states it, in seconds."""
    for name in ("in_sampling_frequency", "sampling_frequency"):
        frequency_hz = _number_in(chip, name)
        if frequency_hz is not None and 1e-3 <= frequency_hz <= 1e7:
            return 1 / frequency_hz
    return None


def parse_number(raw: bytes) -> float | None:
    """The one number of an attribute, whole or decimal; None if it holds anything else."""
    match = _NUMBER.fullmatch(raw[:PAGE])
    return None if match is None else float(match[1])


def _sensors(chip: Chip) -> Iterator[Sensor]:
    for name in sorted(chip.files):
        hit = _VALUE.fullmatch(name)
        if hit is None or (hit[4] == "raw" and name.removesuffix("raw") + "input" in chip.files):
            continue
        channel = f"in_{hit[1]}{hit[2]}{hit[3]}"
        told = read_text(chip.folder / f"{channel}_label", 256) if f"{channel}_label" in chip.files else None
        label = told or f"{hit[1]}{hit[2]}{hit[3]}"
        if hit[4] == "input":
            yield Sensor(chip.folder / name, hit[1], hit[2], label, MILLI, 0.0)
            continue
        scale = _shared(chip, hit[1], channel, "scale")
        factor = math.nan if scale is None else scale * MILLI
        yield Sensor(chip.folder / name, hit[1], hit[2], label, factor, _shared(chip, hit[1], channel, "offset") or 0.0)


def _shared(chip: Chip, kind: str, channel: str, item: str) -> float | None:
    """A channel's own scale or offset, else that of its kind."""
    own = _number_in(chip, f"{channel}_{item}")
    return _number_in(chip, f"in_{kind}_{item}") if own is None else own


def _number_in(chip: Chip, name: str) -> float | None:
    try:
        return parse_number(read_bytes(chip.folder / name)) if name in chip.files else None
    except OSError:
        return None
