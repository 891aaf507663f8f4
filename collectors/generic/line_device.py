"""A stream of lines as a meter: `line:/dev/ttyUSB0?as=watts_up_pro`, `line://HOST:PORT?as=FILE.toml&boundary=wall`.

Options: those of every described meter (described.py), and `baud` in place of the file's.
"""

from typing import Final

from edgewatt.collectors.generic.described import OPTIONS, describe
from edgewatt.collectors.generic.line_link import DEFAULT_BAUD, line_address
from edgewatt.collectors.generic.line_stream import CONNECT_S, LineStream, unreachable
from edgewatt.profiler.device import Device, DeviceUri, Family, only_options
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.holding import hold

USAGE: Final = "line:/dev/TTY|//HOST:PORT?as=METER&boundary=WHERE"


def _open(uri: DeviceUri) -> Device:
    """The meter at this address. Raises UsageError for a URI or a file that is none, DeviceError without an answer."""
    only_options(uri, *OPTIONS, "baud")
    described = describe(uri, "line")
    address = line_address(uri.rest, _baud(uri, described.meter.settings.get("baud", DEFAULT_BAUD)))
    if address is None:
        raise UsageError(f"device {uri.text!r}: {uri.rest!r} is no address; expected /dev/ttyUSB0 or //HOST:PORT")
    held = hold(address.what)
    try:
        link = address.connect(CONNECT_S)
    except OSError as error:
        held.release()
        raise DeviceError(unreachable(described, address, error)) from None
    stream = LineStream(described, address, link)

    def close() -> None:
        stream.close()
        held.release()

    return Device(
        uri=uri.text,
        name=described.meter.title,
        device_id=f"{described.name}@{uri.rest}",
        collectors=(stream,),
        facts=described.facts,
        remarks=lambda: _remarks(described.name, stream),
        close=close,
    )


def _baud(uri: DeviceUri, usual: int) -> int:
    text = uri.options.get("baud", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 8 and int(text) > 0):
        raise UsageError(f"device {uri.text!r}: baud is {text!r}, expected a whole number such as 115200")
    return int(text)


def _remarks(name: str, stream: LineStream) -> list[str]:
    counts = {
        "meter_lines_unreadable": stream.unreadable,
        "meter_values_unreadable": stream.wrong,
        "meter_reconnected": stream.returns,
        "meter_clock_restarted": stream.restarts,
    }
    return [f"{code}:{name}:{count}" for code, count in counts.items() if count]


FAMILY: Final = Family(usage=USAGE, open=_open, discover=list)
