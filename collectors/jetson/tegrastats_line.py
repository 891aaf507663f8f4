"""One line of tegrastats, of any release, in any order of its fields: values in SI by column, and what was not read.

Grammar: recorded lines of L4T 28 to 39 and NVIDIA's tables per release (Jetson Linux Developer Guide, Tegrastats
Utility). Of `cur/avg` and `cur/max` only cur counts: avg is the mean since that tegrastats was started. Null are: a
sensor at -256 C (gated), a clock of 0 or `off` (gated), a load without its per cent, the PMIC's fixed 100 and 50 C, and
an EMC_FREQ of 0 % without a clock, which releases up to 32 print for whoever is not root. A rail called NC is none.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.host.temperature import HIGHEST_C, LOWEST_C
from edgewatt.collectors.jetson.heat import PLACEHOLDER, is_fixed
from edgewatt.profiler.channel import channel_name

LINE_LIMIT: Final = 8192
CORES: Final = 64
CLUSTERS: Final = 8
HIGHEST_MHZ: Final = 20_000
# More than any board draws (assumed); above it a number is no rail's.
HIGHEST_MW: Final = 10_000_000

_N: Final = "[0-9]{1,9}"
_NAME: Final = "[A-Za-z][A-Za-z0-9_-]{0,31}"
_TEMPERATURE: Final = re.compile(rf"({_NAME})@(-?{_N}(?:\.{_N})?)C(?:/-?{_N}(?:\.{_N})?C)?")
# Rails of releases up to 32 have no unit.
_OLD_RAIL: Final = re.compile(r"(?:VDD|VIN|POM|SYS)[A-Za-z0-9_]{0,28}|GPU|CPU|SOC|CV|NC")
_RAIL: Final = re.compile(_NAME)
_MILLIWATT: Final = re.compile(rf"({_N})(mW)?/{_N}(?:mW)?(?:/{_N}(?:mW)?)?")
_MEMORY: Final = re.compile(rf"({_N})/{_N}([kMG]B)")
_BLOCKS: Final = re.compile(rf"(?:{_N}x)?{_N}[kMG]B\)")
_ENGINE: Final = re.compile(
    r"(?:NVENC|NVDEC|NVJPG|NVJPEG|MSENC|VIC|OFA|NVDLA|DLA|PVA|APE|SE|EMC|GR3D|CVNAS)[0-9]{0,2}(?:_FREQ)?"
    r"|[A-Z][A-Z0-9]{0,15}_FREQ"
)
_CLOCKED: Final = re.compile(rf"off|({_N})%(?:@({_N})|@\[([0-9,]{{0,80}})\])?|@?({_N})|@\[([0-9,]{{0,80}})\]")
_CORE: Final = re.compile(rf"({_N})%(?:@({_N}))?|off")
_SHARED: Final = re.compile(rf"(?:@({_N}))?")
_MTS: Final = re.compile(rf"fg ({_N})% bg ({_N})%")
STAMP: Final = re.compile(r"(?<!\S)[0-9]{2}-[0-9]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?!\S)")

_MEMORIES: Final = {"RAM": "memory_used.memory_b", "SWAP": "swap_used.memory_b", "IRAM": "iram_used.memory_b"}
_DEVICES: Final = {"gr3d": "gpu", "gr3d2": "gpc1"}

Read = Callable[[str], float | None]


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a line: its column, its number as it stands there (None: there is none), and what that is in SI."""

    column: str
    number: str | None
    read: Read

    @property
    def value(self) -> float | None:
        """The value in SI; None where it is not measured."""
        return None if self.number is None else self.read(self.number)


@dataclass(frozen=True, slots=True)
class Line:
    """`values` by column, None where a field says that it is not measured; `left` are words that no field is.

    `stamp` is the board's local time as it stands there, without a zone.
    """

    values: dict[str, float | None]
    stamp: str | None
    left: tuple[str, ...]

    @property
    def rails(self) -> tuple[str, ...]:
        """The columns of power rails."""
        return tuple(column for column in self.values if column.endswith(".power_w"))

    @property
    def is_one(self) -> bool:
        """True if it has what every line of tegrastats has."""
        return _MEMORIES["RAM"] in self.values and "cpu0.load_ratio" in self.values


def text_of(raw: bytes | str) -> str:
    """A line as text, bounded, with one space between words."""
    text = raw[:LINE_LIMIT] if isinstance(raw, str) else raw[:LINE_LIMIT].decode("ascii", "replace")
    text = text.replace("B(lfb", "B (lfb").rstrip()
    return text if text.isprintable() and "  " not in text else " ".join(text.split())


def said_by(text: str) -> tuple[list[Said], list[str]]:
    """What the fields of a text say, without its time, and the words that are none."""
    words, at = text.split(), 0
    found: list[Said] = []
    left: list[str] = []
    while at < len(words):
        word, after = words[at], words[at + 1] if at + 1 < len(words) else ""
        if "@" in word:
            said, took = _temperature(word), 1
        elif word == "MTS":
            said, took = _mts(" ".join(words[at + 1 : at + 5])), 5
        else:
            said, took = _pair(word, after), 2
        if said is None:
            left.append(word)
            took = 1
        found += said or ()
        at += took
    return found, left


def line_of(text: str) -> Line:
    """What a text says: of any text a Line, in whose `left` is whatever makes no sense."""
    stamp = STAMP.search(text)
    found, left = said_by(STAMP.sub("", text))
    return Line(agreed(found), None if stamp is None else stamp[0], tuple(left))


def agreed(found: Iterable[Said]) -> dict[str, float | None]:
    """The values by column. One name that stands there twice means nothing, unless both say the same."""
    values: dict[str, float | None] = {}
    for said in found:
        value = said.value
        values[said.column] = None if said.column in values and values[said.column] != value else value
    return values


def _pair(name: str, text: str) -> list[Said] | None:
    """The field that a name and what follows it are; None if they are none."""
    if name == "CPU" and text.startswith("["):
        return _cores(text)
    if name in _MEMORIES:
        return _memory(name, text)
    if name in ("(lfb", "(cached"):
        return [] if _BLOCKS.fullmatch(text) else None
    return _clocks(name, text) if _ENGINE.fullmatch(name) else _rail(name, text)


def _temperature(word: str) -> list[Said] | None:
    hit = _TEMPERATURE.fullmatch(word)
    if hit is None:
        return None
    name = channel_name(hit[1])
    return [Said(f"{name}.temperature_c", hit[2], pmic_celsius if name.startswith(PLACEHOLDER) else celsius)]


def _rail(name: str, text: str) -> list[Said] | None:
    hit = _MILLIWATT.fullmatch(text)
    if hit is None or not (_RAIL if hit[2] else _OLD_RAIL).fullmatch(name):
        return None
    return [] if name == "NC" else [Said(f"{channel_name(name)}.power_w", hit[1], watts)]


def _memory(name: str, text: str) -> list[Said] | None:
    hit = _MEMORY.fullmatch(text)
    return None if hit is None else [Said(_MEMORIES[name], hit[1], _IN_BYTES[hit[2]])]


def _clocks(name: str, text: str) -> list[Said] | None:
    """A load, a clock, or a clock per cluster of the graphics unit."""
    hit = _CLOCKED.fullmatch(text)
    if hit is None:
        return None
    load, mhz, listed = hit[1], hit[2] or hit[4], hit[3] or hit[5]
    plain = channel_name(name).removesuffix("_freq")
    device = _DEVICES.get(plain, plain)
    found = []
    if load is not None or text.startswith("@["):
        is_doubtful = device == "emc" and mhz is None
        found.append(Said(f"{device}.load_ratio", load, share_above_0 if is_doubtful else share))
    if listed:
        prefix = "gpc" if device == "gpu" else f"{device}_"
        clocks = listed.split(",")[:CLUSTERS]
        found += [Said(f"{prefix}{number}.frequency_hz", one or None, hertz) for number, one in enumerate(clocks)]
    elif mhz is not None or text == "off":
        found.append(Said(f"{device}.frequency_hz", mhz, hertz))
    return found


def _cores(text: str) -> list[Said] | None:
    """Every processor of `[p%@MHz,off,...]`, or of `[p%,off,...]@MHz`."""
    inside, closed, after = text[1:].partition("]")
    shared = _SHARED.fullmatch(after)
    if not closed or shared is None:
        return None
    found = []
    for number, core in enumerate(inside.split(",")[:CORES]):
        hit = _CORE.fullmatch(core)
        if hit is None:
            return None
        mhz = None if hit[1] is None else hit[2] or shared[1]
        found += [Said(f"cpu{number}.load_ratio", hit[1], share), Said(f"cpu{number}.frequency_hz", mhz, hertz)]
    return found


def _mts(text: str) -> list[Said] | None:
    hit = _MTS.fullmatch(text)
    return None if hit is None else [Said("mts_fg.load_ratio", hit[1], share), Said("mts_bg.load_ratio", hit[2], share)]


def celsius(text: str) -> float | None:
    """Degrees Celsius; None for a sensor that is gated or not there."""
    value_c = float(text)
    return value_c if LOWEST_C < value_c < HIGHEST_C and value_c != 0 else None


def pmic_celsius(text: str) -> float | None:
    """Degrees Celsius of a PMIC, which never measures any on most boards."""
    value_c = celsius(text)
    return None if is_fixed(PLACEHOLDER, value_c) else value_c


def watts(text: str) -> float | None:
    """Milliwatts in watts."""
    mw = int(text)
    return mw / 1000 if mw <= HIGHEST_MW else None


def share(text: str) -> float | None:
    """Per cent as a share."""
    percent = int(text)
    return percent / 100 if percent <= 100 else None


def share_above_0(text: str) -> float | None:
    """Per cent as a share, where 0 is what those are told who may not know."""
    return share(text) or None


def hertz(text: str) -> float | None:
    """Megahertz in hertz; None for a clock that is gated."""
    mhz = int(text)
    return mhz * 1e6 if 0 < mhz <= HIGHEST_MHZ else None


def _in_bytes(unit: int) -> Read:
    return lambda text: float(int(text) * unit)


_IN_BYTES: Final = {"kB": _in_bytes(1 << 10), "MB": _in_bytes(1 << 20), "GB": _in_bytes(1 << 30)}
