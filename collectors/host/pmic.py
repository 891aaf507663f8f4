"""The rails of a Raspberry Pi 5, as its firmware reads them from the power management chip.

`vcgencmd pmic_read_adc` prints a line per reading, `VDD_CORE_A current(7)=5.03652000A` and `VDD_CORE_V
volt(15)=0.89369880V`; a rail has both. EXT5V and BATT have a voltage alone and are no rails. Earlier boards have no
such chip and answer `error=1`. The firmware takes about 23 ms for it (second-hand).
"""

import errno
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import read_text
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.powercap import METER
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable, channel_name
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.units import Quantity

NAME: Final = "pmic"
WAIT_S: Final = 2.0
# Where the program is: the package raspi-utils, and the folder of older systems (remembered).
PROGRAMS: Final = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")
_LINE: Final = re.compile(
    r"\s*(\w{1,32})_([AV])\s+(?:current|volt)\(\d{1,3}\)=(-?\d{1,6}(?:\.\d{1,12})?)[AV]\s*", re.ASCII
)
_RAILS_LIMIT: Final = 64
# No rail of a small board exceeds these (assumed, generously).
_MOST: Final = {"A": 30.0, "V": 30.0}


class Pmic:
    """The rails of a Raspberry Pi 5, read every `period_s` seconds (None: as the profile says).

    On an earlier one, or where its firmware does not answer, there are no channels but the reason.
    """

    def __init__(
        self, places: Places = HERE, *, period_s: float | None = None, profile: DeviceProfile | None = None
    ) -> None:
        self._profile = profile or load("raspberry_pi_5")
        self._places, self._period_s = places, period_s or self._profile.number("poll_period_s")
        self._polling: Polling | None = None

    def open(self, clock: Clock) -> Opened:
        """The rails that have a current and a voltage, and the joules of them."""
        rails, unavailable = survey(self._places)
        channels = {rail: self._channels(rail) for rail in rails}
        columns = tuple(channel for pair in channels.values() for channel in pair)
        readings = [Reading("vcgencmd", columns, lambda: self._read(rails))] if rails else []
        self._polling = Polling(readings, clock, self._period_s)
        terms = {rail: (volts.column, amperes.column) for rail, (volts, amperes) in channels.items()}
        return Opened(
            NAME,
            {"": columns} if columns else {},
            tuple(unavailable),
            energy_sources(self._profile, NAME, terms),
            clock.name,
            facts={"poll_period_s": self._period_s, "profile": self._profile.name} if rails else {},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row of volts and amperes, a Gap where the firmware fails, or an empty Batch if none is due."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop reading; nothing is held open."""
        self._polling = None

    def _read(self, rails: tuple[str, ...]) -> list[float | None]:
        try:
            found = parse_adc(_asked(self._places))
        except DeviceError as error:
            raise OSError(errno.EIO, str(error)) from None
        return [value for rail in rails for value in found.get(rail, (None, None))]

    def _channels(self, rail: str) -> tuple[Channel, Channel]:
        found = match(self._profile, rail)
        boundary, covers = (found.rail.boundary, found.covers) if found else (None, ())
        volts, amperes = (
            Channel(rail, quantity, source="vcgencmd pmic_read_adc", boundary=boundary, covers=covers)
            for quantity in (Quantity.VOLTAGE, Quantity.CURRENT)
        )
        return volts, amperes


def pmics(places: Places) -> tuple[Pmic, ...]:
    """That of this machine; none if it is no Raspberry Pi."""
    return (Pmic(places),) if _model(places) else ()


def survey(places: Places) -> tuple[tuple[str, ...], list[Unavailable]]:
    """The rails of this machine by name, in the order of their lines, and why there are none where it is a Pi."""
    model = _model(places)
    if not model:
        return (), []
    if _program(places) is None:
        return (), [Unavailable(NAME, f"{model}: vcgencmd is not installed", "sudo apt install raspi-utils")]
    try:
        said = _asked(places)
    except DeviceError as error:
        return (), [Unavailable(NAME, f"{model}: {error}", "sudo usermod -aG video $USER, then log in again")]
    rails = tuple(parse_adc(said))
    if not rails:
        return (), [Unavailable(NAME, f"{model}: its firmware tells no currents; a Raspberry Pi 5 does", METER)]
    return rails, []


def parse_adc(said: bytes) -> Mapping[str, tuple[float | None, float | None]]:
    """Volts and amperes by rail, of those that have a line for both; None for a value that cannot be true."""
    values: dict[str, dict[str, float]] = {}
    for line in said.decode("ascii", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is not None and len(values) < _RAILS_LIMIT:
            values.setdefault(channel_name(found[1]), {}).setdefault(found[2], float(found[3]))
    return {
        rail: (_plausible(of["V"], "V"), _plausible(of["A"], "A"))
        for rail, of in values.items()
        if of.keys() == {"A", "V"}
    }


def _model(places: Places) -> str:
    model = read_text(places.sysfs / "firmware/devicetree/base/model") or ""
    return model.strip("\0 ") if model.startswith("Raspberry Pi") else ""


def _plausible(value: float, unit: str) -> float | None:
    return value if math.isfinite(value) and 0 <= value <= _MOST[unit] else None


def _program(places: Places) -> Path | None:
    return next((path for name in PROGRAMS if (path := places.root / name).is_file()), None)


def _asked(places: Places) -> bytes:
    """What the firmware prints. Raises DeviceError."""
    program = _program(places)
    if program is None:
        raise DeviceError("vcgencmd is not there any more")
    done = LocalTarget(places).run([str(program), "pmic_read_adc"], timeout_s=WAIT_S)
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[:200].decode("utf-8", "replace").strip()
        raise DeviceError(f"vcgencmd pmic_read_adc failed: {said or f'exit code {done.returncode}'}")
    return done.stdout
