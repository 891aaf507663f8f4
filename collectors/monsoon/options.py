"""What can be said of a meter behind the ? of its URI, and what is said where it is wrong."""

import math
from dataclasses import dataclass
from typing import Final, cast

from edgewatt.collectors.monsoon.calibration import CHANNELS
from edgewatt.collectors.monsoon.passthrough import MODES
from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.device import DeviceUri, only_options
from edgewatt.profiler.errors import UsageError

BOUNDARIES: Final = ("battery_bypass", "battery_series", "usb_inline")
OPTIONS: Final = (
    "boundary",
    "channels",
    "channel",
    "rate",
    "voltage",
    "off",
    "current_limit",
    "passthrough",
    "lead",
    "profile",
    "backend",
)
USB_BOUNDARY: Final = "usb_inline"
RATE_HZ: Final = 5000


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said. `block` is how many samples are one row; `volt` and `limit_a` None: left as they are.

    `lead_ohm` is the resistance of both leads together. `backend` is "NAME@ARGUMENT" of an entry point for pyusb.
    """

    boundary: Boundary
    channels: tuple[str, ...]
    block: int
    volt: float | None
    off: bool
    limit_a: float | None
    passthrough: str | None
    lead_ohm: float | None
    profile: str | None
    backend: str | None


def options_of(uri: DeviceUri) -> Options:
    """The options of a URI. Raises UsageError for one that is unknown or wrong, and without a boundary."""
    only_options(uri, *OPTIONS)
    channels = _channels(uri)
    if "lead" in uri.options and CHANNELS[0] not in channels:
        raise UsageError(f"device {uri.text!r}: lead is of the main channel, and channel={channels[0]} leaves it out")
    return Options(
        _boundary(uri, channels),
        channels,
        _block(uri),
        _number(uri, "voltage", "volts", 20),
        _one_of(uri, "off", ("no", "yes")) == "yes",
        _number(uri, "current_limit", "amperes", 20),
        _one_of(uri, "passthrough", MODES) if "passthrough" in uri.options else None,
        _number(uri, "lead", "ohms", 10),
        uri.options.get("profile"),
        uri.options.get("backend"),
    )


def _boundary(uri: DeviceUri, channels: tuple[str, ...]) -> Boundary:
    if channels == ("usb",):
        if uri.options.get("boundary", USB_BOUNDARY) != USB_BOUNDARY:
            raise UsageError(
                f"device {uri.text!r}: the USB channel lies in the USB cable, so its boundary is {USB_BOUNDARY}, not "
                f"{uri.options['boundary']}"
            )
        return USB_BOUNDARY
    if "boundary" not in uri.options:
        joined = "&" if uri.options else "?"
        raise UsageError(
            f"device {uri.text!r}: where on the power path does it measure? Joules of two places are not comparable. "
            f"Write {uri.text}{joined}boundary=battery_bypass if it stands in for the battery, battery_series if it "
            "lies between battery and phone, usb_inline if it lies in the USB cable; in a bench.toml it is said once"
        )
    return cast("Boundary", _one_of(uri, "boundary", BOUNDARIES))


def _channels(uri: DeviceUri) -> tuple[str, ...]:
    if "channel" in uri.options:
        if "channels" in uri.options:
            raise UsageError(
                f"device {uri.text!r}: channel is one alone, channels are main and others: give one of them"
            )
        return (_one_of(uri, "channel", CHANNELS),)
    names = uri.options.get("channels", CHANNELS[0]).split(",")
    for name in names:
        if name not in CHANNELS:
            raise UsageError(f"device {uri.text!r}: channels has {name!r}, expected some of {','.join(CHANNELS)}")
    return tuple(name for name in CHANNELS if name in {CHANNELS[0], *names})


def _block(uri: DeviceUri) -> int:
    rate_hz = _number(uri, "rate", "hertz", RATE_HZ)
    if rate_hz is None:
        return 1
    block = round(RATE_HZ / rate_hz) if rate_hz >= 1 else 0
    if not block or not math.isclose(RATE_HZ / block, rate_hz, rel_tol=1e-6):
        raise UsageError(
            f"device {uri.text!r}: rate is {uri.options['rate']!r}; it has to divide {RATE_HZ} evenly, as 1000, 500, "
            "250, 100, 50 or 10 do, so that each row is the mean of the same number of samples"
        )
    return block


def _number(uri: DeviceUri, key: str, unit: str, most: float) -> float | None:
    text = uri.options.get(key)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise UsageError(f"device {uri.text!r}: {key} is {text!r}, expected {unit} from 0 to {most:g}")
    return value


def _one_of(uri: DeviceUri, key: str, words: tuple[str, ...]) -> str:
    word = uri.options.get(key, words[0])
    if word not in words:
        raise UsageError(f"device {uri.text!r}: {key} is {word!r}, expected one of {', '.join(words)}")
    return word
