"""Benches: which device hangs on which meter, relay, hub port and room sensor, as `bench.toml` says.

[s10e]                                        # edgewatt profile MODEL -d s10e -o RUN
device = "adb+tcp://192.168.1.5:5555"         # what -d would say
room = "hwmon:sht3x"                          # something that tells how warm it is here

[s10e.meter]                                  # or several: [[s10e.meter]]
uri = "monsoon:12431"                         # what -m would say; every other key is an option of it
boundary = "battery_bypass"
voltage = 4.2

[s10e.hub_port]                               # and [s10e.relay]: programs, never through a shell
before = ["uhubctl", "-l", "1-1", "-p", "2", "-a", "off"]
after = ["uhubctl", "-l", "1-1", "-p", "2", "-a", "on"]
timeout_s = 10

It is looked for in the current folder, then in `$XDG_CONFIG_HOME/edgewatt/`; the first that has a name, has it.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from edgewatt.profiler.device import families
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import FLAG, NUMBER, OBJECT, TEXT, Rule, checked, shown

FILE: Final = "bench.toml"
SIZE_LIMIT: Final = 1 << 20
SWITCHES: Final = ("relay", "hub_port")
TIMEOUT_S: Final = 10.0

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.IGNORECASE)
_URI: Final = Rule(
    "a device such as adb:SERIAL", lambda v: isinstance(v, str) and 0 < len(v) <= 1000 and v.isprintable()
)
_ARGV: Final = Rule(
    "a list of texts, a program and its arguments",
    lambda v: (
        isinstance(v, list) and 0 < len(v) <= 100 and all(isinstance(x, str) and "\0" not in x for x in v) and v[0]
    ),
)
_SECONDS: Final = Rule("a number of seconds above 0", lambda v: NUMBER.holds(v) and 0 < v <= 3600)
_METERS: Final = Rule(
    "a table, or a list of tables", lambda v: OBJECT.holds(v) or (isinstance(v, list) and all(map(OBJECT.holds, v)))
)


@dataclass(frozen=True, slots=True)
class Switch:
    """A relay or hub port: what is executed before a run and after it, each a program with its arguments."""

    what: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Bench:
    """A bench of this name as the `file` describes it; device, meters and room are URIs."""

    name: str
    file: Path
    device: str
    meters: tuple[str, ...] = ()
    room: str | None = None
    switches: tuple[Switch, ...] = ()

    @property
    def holds(self) -> tuple[str, ...]:
        """What no two runs may have at once, whatever bench it belongs to: the addresses, without their options."""
        meters = [f"meter {_address(uri)}" for uri in self.meters]
        return tuple(dict.fromkeys([f"device {_address(self.device)}", *meters]))


def bench_named(text: str) -> Bench | None:
    """The bench that `text` names; None where it is a device's URI, or there are no benches. Raises UsageError."""
    if _NAME.fullmatch(text) is None or text in families():
        return None
    found = benches()
    if not found or text in found:
        return found.get(text)
    known = ", ".join(f"{bench.name} ({bench.file})" for bench in found.values())
    raise UsageError(f"device {text!r}: nothing is registered for it, and no bench is called so; benches are {known}")


def benches() -> dict[str, Bench]:
    """Every bench by its name. Raises UsageError for a file that is none: file, line or key, seen, expected."""
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    found: dict[str, Bench] = {}
    for file in (Path(FILE), base / "edgewatt" / FILE):
        if file.is_file():
            found = {**read_benches(file), **found}
    return found


def read_benches(file: Path) -> dict[str, Bench]:
    """The benches of one file. Raises UsageError."""
    try:
        with file.open("rb") as opened:
            data = _toml(opened.read(SIZE_LIMIT + 1))
        found = {name: _bench(name, file, table) for name, table in data.items()}
        if any(bench.switches for bench in found.values()):
            _check_owner(file)
    except OSError as error:
        raise UsageError(f"benches {file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"benches {file}: {str(error) or type(error).__name__}") from None
    return found


def _toml(raw: bytes) -> dict[str, Any]:
    if len(raw) > SIZE_LIMIT:
        raise ValueError(f"over {SIZE_LIMIT} bytes, expected a small TOML file")
    return tomllib.loads(raw.decode())


def _check_owner(file: Path) -> None:
    """Programs are started only where nobody else can have written them."""
    seen = file.stat()
    if seen.st_uid not in (0, os.geteuid()) or seen.st_mode & 0o002:
        raise ValueError("names programs to start, and others can write it: `chown $USER`, `chmod o-w`")


def _bench(name: str, file: Path, table: Any) -> Bench:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{shown(name)} is no name for a bench, expected letters, digits, . _ and -")
    if name in families():
        raise ValueError(f"{name} is a kind of device already; call the bench something else")
    optional = {"room": _URI, "meter": _METERS, **dict.fromkeys(SWITCHES, OBJECT)}
    data = checked(table, name, {"device": _URI}, optional)
    meters = data.get("meter", [])
    return Bench(
        name=name,
        file=file,
        device=data["device"],
        meters=tuple(_meter(f"{name}.meter", m) for m in (meters if isinstance(meters, list) else [meters])),
        room=data.get("room"),
        switches=tuple(_switch(f"{name}.{what}", what, data[what]) for what in SWITCHES if what in data),
    )


def _meter(where: str, table: Mapping[str, Any]) -> str:
    """The URI of a meter with its options."""
    if not _URI.holds(table.get("uri")):
        raise ValueError(f"{where}: uri is {shown(table.get('uri'))}, expected a meter such as monsoon:12431")
    options: dict[str, str] = {}
    for key, value in table.items():
        if key == "uri":
            continue
        if FLAG.holds(value):
            options[key] = "yes" if value else "no"
        elif NUMBER.holds(value) or (TEXT.holds(value) and value):
            options[key] = str(value)
        else:
            raise ValueError(f"{where}: {key} is {shown(value)}, expected a text, a number, true or false")
    uri: str = table["uri"]
    joined = "&" if "?" in uri else "?"
    return uri if not options else f"{uri}{joined}{urlencode(options)}"


def _switch(where: str, what: str, table: Any) -> Switch:
    data = checked(table, where, {}, {"before": _ARGV, "after": _ARGV, "timeout_s": _SECONDS})
    return Switch(what, tuple(data.get("before", ())), tuple(data.get("after", ())), data.get("timeout_s", TIMEOUT_S))


def _address(uri: str) -> str:
    return uri.partition("?")[0]
