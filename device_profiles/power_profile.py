"""A phone's power_profile.xml: what its maker says that its units draw, for whoever has no meter.

    adb pull /system/framework/framework-res.apk

The maker's statement, and known to be off: many files are another phone's, or Android's empty one. Currents are of the
battery, in mA, so that watts need a voltage: SUPPLY_V, unless a radio states its own.

How the currents add up (Android's calculators of battery use, remembered): always `cpu.suspend`, awake besides
`cpu.idle`, with any processor at work besides `cpu.active`, for each cluster at work its `cpu.cluster_power`, and for
each processor at work the `cpu.core_power` of its clock. Older files have one current per clock, `cpu.active`, and
nothing else; and radios by `wifi.on` and `wifi.active` in place of `wifi.controller`.
"""

import io
import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.device_profiles.android_xml import SIZE_LIMIT, Element, elements
from edgewatt.profiler.errors import UsageError

# The voltage of Green FL (arXiv 2303.14604) for all currents but the radios'.
SUPPLY_V: Final = 3.8
BASIS: Final = "published"
INSIDE: Final = "res/xml/power_profile.xml"
_APK_LIMIT: Final = 256 << 20
# What zipfile and what it unpacks with raise.
_UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, OverflowError),
)
_WRONG_LIMIT: Final = 20

# Android's own file, which many phones ship, has 0.1 mA for all of them.
_PLACEHOLDER_MA: Final = 0.1
# No current of a phone's unit is larger: half a charger of 240 W at 4 V.
_MA_LIMIT: Final = 30_000.0
# What a radio of a phone can run on (assumed): from a regulator or from the battery.
_VOLT_LOW: Final = 1.5
_VOLT_HIGH: Final = 20.0
_SPEEDS: Final = re.compile(r"cpu\.(core_)?speeds(\.cluster[0-9]{1,2})?")
_OLDEST: Final = "cpu.speeds"


@dataclass(frozen=True, slots=True)
class UnitPower:
    """One clock of one cluster; `unit` is its first processor (cpu0), `cores` how many there are, None if unsaid.

    `busy_w` is what one of its processors adds at this clock, `cluster_w` the cluster as soon as one of them works,
    `active_w` any processor at work, `idle_w` being awake, `base_w` being there at all. None: not stated.
    """

    unit: str
    cores: int | None
    frequency_hz: float
    busy_w: float
    cluster_w: float | None
    active_w: float | None
    idle_w: float | None
    base_w: float | None
    basis: str = BASIS


@dataclass(frozen=True, slots=True)
class RadioPower:
    """A radio: wlan or cell. `transmit_w` has one for each level of power, from the lowest; None: not stated."""

    radio: str
    idle_w: float | None
    receive_w: float
    transmit_w: tuple[float, ...]
    volt: float
    basis: str = BASIS


@dataclass(frozen=True, slots=True)
class PowerProfile:
    """What the file states: its currents by their names in mA (voltages in mV, clocks in kHz), one or several each.

    `unusable` has in words what cannot be used.
    """

    stated: Mapping[str, tuple[float, ...]]
    supply_v: float = SUPPLY_V
    unusable: tuple[str, ...] = field(default=())

    @property
    def battery_coulomb(self) -> float | None:
        """The nominal charge of the battery (battery.capacity, mAh)."""
        stated = self._one("battery.capacity")
        return None if stated is None or not stated > 0 else stated * 3.6

    def rows(self) -> tuple[UnitPower, ...]:
        """The processors, by cluster and clock. None for clusters whose currents cannot be used."""
        return tuple(row for cluster in self._clusters() for row in cluster)

    def radios(self) -> tuple[RadioPower, ...]:
        """The radios whose currents are stated."""
        return tuple(radio for radio in (self._wlan(), self._controller("cell", "modem")) if radio)

    def screen_w(self) -> tuple[float, float] | None:
        """What the screen adds when it is on at its darkest, and at its brightest; None if not stated."""
        on, full = (self._w(f"screen.{key}") or self._w(f"screen.{key}.display0") for key in ("on", "full"))
        return None if on is None or full is None else (on, on + full)

    def _one(self, name: str) -> float | None:
        found = self.stated.get(name, ())
        return found[0] if len(found) == 1 else None

    def _w(self, name: str) -> float | None:
        """A current that is stated once, as watts; None for none."""
        milliampere = self._one(name)
        return None if milliampere is None else milliampere * 1e-3 * self.supply_v

    def _clusters(self) -> list[list[UnitPower]]:
        found = []
        first = 0
        for number, cores in enumerate(_cores(self.stated)):
            speeds, powers = _clocks(self.stated, number)
            if not _why_not(speeds, powers):
                found.append([self._row(number, first, cores, hz, ma) for hz, ma in zip(speeds, powers, strict=True)])
            first += cores or 0
        return found

    def _row(self, number: int, first: int, cores: int | None, khz: float, milliampere: float) -> UnitPower:
        return UnitPower(
            f"cpu{first}",
            cores,
            frequency_hz=khz * 1e3,
            busy_w=milliampere * 1e-3 * self.supply_v,
            cluster_w=self._w(f"cpu.cluster_power.cluster{number}"),
            active_w=None if _OLDEST in self.stated else self._w("cpu.active"),
            idle_w=self._w("cpu.idle"),
            base_w=self._w("cpu.suspend"),
        )

    def _wlan(self) -> RadioPower | None:
        if found := self._controller("wlan", "wifi", self._one("wifi.active") or 0.0):
            return found
        on, active = self._w("wifi.on"), self._w("wifi.active")
        if not on or not active:
            return None
        return RadioPower("wlan", on, on + active, (on + active,), self.supply_v)

    def _controller(self, radio: str, name: str, beside: float = 0.0) -> RadioPower | None:
        """By `<name>.controller.*`, its voltage in mV; `beside`: a current that flows besides, in mA (Green FL)."""
        idle, receive, millivolt = (self._one(f"{name}.controller.{key}") for key in ("idle", "rx", "voltage"))
        transmit = self.stated.get(f"{name}.controller.tx", ())
        volt = millivolt * 1e-3 if millivolt else self.supply_v
        if not receive or not transmit or not all(0 < ma <= _MA_LIMIT for ma in (receive, *transmit)):
            return None
        if not _VOLT_LOW <= volt <= _VOLT_HIGH:
            return None
        watts = [(beside + milliampere) * 1e-3 * volt for milliampere in (receive, *transmit)]
        return RadioPower(radio, None if idle is None else idle * 1e-3 * volt, watts[0], tuple(watts[1:]), volt)


def read_power_profile(raw: bytes, *, supply_v: float = SUPPLY_V, file: str = "") -> PowerProfile:
    """What a power_profile.xml states: as text, packed, or inside of an .apk; `file` is what errors call it.

    Raises UsageError with what is wrong.
    """
    where = f"power profile {file}".rstrip()
    if not 1 <= supply_v <= 20:
        raise UsageError(f"{where}: a supply of {supply_v:g} V, expected 1 to 20")
    try:
        found = elements(_inside(raw) if raw.startswith(b"PK\x03\x04") else raw)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not found or found[-1].depth != 0 or found[-1].tag != "device":
        raise UsageError(f"{where}: no XML whose root is <device>, as a power_profile.xml has")
    stated, wrong = _stated(found)
    return PowerProfile(stated, supply_v, (*wrong, *_unusable(stated)))


def load_power_profile(path: str | Path, *, supply_v: float = SUPPLY_V) -> PowerProfile:
    """As `read_power_profile`, of a file. Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_APK_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"power profile {path}: cannot be read ({error})") from None
    if len(raw) > _APK_LIMIT:
        raise UsageError(f"power profile {path}: over {_APK_LIMIT} bytes, expected a power_profile.xml or an .apk")
    return read_power_profile(raw, supply_v=supply_v, file=str(path))


def _inside(raw: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as apk, apk.open(INSIDE) as file:
            return file.read(SIZE_LIMIT + 1)
    except KeyError:
        raise ValueError(
            f"an .apk without {INSIDE}; try the overlays of its maker (/vendor/overlay, /product/overlay)"
        ) from None
    except _UNREADABLE as error:
        raise ValueError(f"an .apk that cannot be read ({error})") from None


def _stated(found: tuple[Element, ...]) -> tuple[dict[str, tuple[float, ...]], list[str]]:
    """The numbers by name, and in words what is none. Of a name that is there twice the last counts."""
    stated: dict[str, tuple[float, ...]] = {}
    wrong: list[str] = []
    pending: list[str] = []
    for one in found:
        if one.tag == "value":
            pending.append(one.text)
            continue
        texts = pending if one.tag == "array" else [one.text]
        name, pending = one.attributes.get("name", "")[:100], []
        if one.tag not in ("item", "array") or not name:
            continue
        numbers = [_number(text) for text in texts]
        if numbers and None not in numbers:
            stated[name] = tuple(number for number in numbers if number is not None)
        elif any(texts) and len(wrong) < _WRONG_LIMIT:
            wrong.append(f"{name!r}: {' '.join(texts)[:40]!r}, expected numbers from 0 on")
    return stated, wrong


def _number(text: str) -> float | None:
    try:
        number = float(text[:40])
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _cores(stated: Mapping[str, tuple[float, ...]]) -> list[int | None]:
    """How many processors each cluster has; a file that does not say has one cluster of nobody knows how many."""
    said = stated.get("cpu.clusters.cores")
    if said is not None and len(said) <= 16 and all(1 <= cores <= 64 for cores in said):
        return [int(cores) for cores in said]
    return [None] if any(_SPEEDS.fullmatch(name) for name in stated) else []


def _clocks(stated: Mapping[str, tuple[float, ...]], number: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The clocks of a cluster in kHz, and the current of a processor at each in mA; of three generations of files."""
    of = f".cluster{number}"
    clocks = [f"cpu.core_speeds{of}", f"cpu.speeds{of}", *([_OLDEST] if number == 0 else [])]
    currents = [f"cpu.core_power{of}", f"cpu.active{of}", *(["cpu.active"] if _OLDEST in stated else [])]
    speeds, powers = (next((stated[key] for key in keys if key in stated), ()) for keys in (clocks, currents))
    return (speeds, powers) if speeds and powers else ((), ())


def _why_not(speeds: tuple[float, ...], powers: tuple[float, ...]) -> str:
    """Why the currents of a cluster cannot be used; blank if they can."""
    if not speeds:
        return "no clocks with a current each"
    if len(speeds) != len(powers):
        return f"{len(speeds)} clocks and {len(powers)} currents, expected as many"
    if not all(10_000 <= speed <= 100_000_000 for speed in speeds):
        return f"clocks of {min(speeds):g} to {max(speeds):g}, expected kHz from 10 000 to 100 000 000"
    if max(powers) <= _PLACEHOLDER_MA:
        return f"no current is above {_PLACEHOLDER_MA:g} mA, as in Android's own file, which describes no phone"
    return f"a current of {max(powers):g} mA, expected at most {_MA_LIMIT:g}" if max(powers) > _MA_LIMIT else ""


def _unusable(stated: Mapping[str, tuple[float, ...]]) -> list[str]:
    clusters = _cores(stated)
    reasons = [(number, _why_not(*_clocks(stated, number))) for number in range(len(clusters))]
    found = [f"cluster {number}: {why}" for number, why in reasons if why]
    if not clusters:
        found.append("no clusters of processors")
    if clusters == [None] and any(_clocks(stated, 1)):
        found.append("clusters but the first: cpu.clusters.cores does not say how many processors they have")
    for name in ("wifi", "modem"):
        millivolt = stated.get(f"{name}.controller.voltage", (0.0,))[0]
        if millivolt and not _VOLT_LOW <= millivolt * 1e-3 <= _VOLT_HIGH:
            found.append(f"{name}.controller.voltage: {millivolt:g}, expected mV from {_VOLT_LOW * 1e3:g} on")
    return found
