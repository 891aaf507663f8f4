"""A bench, opened: held for this run alone, its relays switched, its meters and its room sensor beside the device."""

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from edgewatt.profiler.bench import Bench, Switch, bench_named
from edgewatt.profiler.device import Device, open_device, opened_devices, parse_uri
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.holding import hold
from edgewatt.profiler.undo import LENGTH_LIMIT, Note, find, forget, keep

FAMILY: Final = "bench"
_SAID_LIMIT: Final = 200


@contextmanager
def opened(
    text: str, meters: Sequence[str] = (), options: Mapping[str, str] | None = None
) -> Iterator[tuple[Device, list[Device]]]:
    """The device or bench that `text` names, and its meters with those of `meters`; closed at the end.

    `options` are added to the device's address where it does not say them.

    Raises as `opened_devices`, UsageError for a wrong bench.toml, and DeviceError where a bench is in use.
    """
    bench = bench_named(text)
    if bench is None:
        with opened_devices(_with(text, options or {}), meters) as found:
            yield found
        return
    with ExitStack() as stack:
        for what in bench.holds:
            stack.enter_context(hold(what))
        for switch in bench.switches:
            stack.enter_context(_switched(bench, switch))
        named = list(dict.fromkeys([*bench.meters, *meters]))
        inner, opened_meters = stack.enter_context(opened_devices(_with(bench.device, options or {}), named))
        room = None
        if bench.room is not None:
            room = open_device(bench.room)
            stack.callback(room.close)
        device = _on_bench(inner, bench, room)
        yield device, [device if meter is inner else meter for meter in opened_meters]


def _with(uri: str, options: Mapping[str, str]) -> str:
    said = parse_uri(uri).options
    added = urlencode({key: value for key, value in options.items() if key not in said})
    return uri if not added else f"{uri}{'&' if '?' in uri else '?'}{added}"


def left_switched(bench: Bench, switch: Switch) -> str | None:
    """The command that puts back what a run that was killed has left; None if there is none."""
    note = find(FAMILY, bench.name, switch.what)
    return None if note is None else note.original


def put_back(note: Note) -> None:
    """Run the second program of a switch that a killed run has left. Raises DeviceError, UsageError."""
    bench = bench_named(note.device_id)
    switch = None if bench is None else next((s for s in bench.switches if s.what == note.what and s.after), None)
    if bench is None or switch is None:
        raise DeviceError(f"bench.toml says no more how to switch it back; it was: {note.original}")
    with ExitStack() as stack:
        for what in bench.holds:
            stack.enter_context(hold(what))
        _execute(f"bench {bench.name}: {switch.what}", switch.after, switch.timeout_s)


def _on_bench(device: Device, bench: Bench, room: Device | None) -> Device:
    """The device with the room's instruments, also where it keeps still."""
    extra = () if room is None else room.collectors
    found = replace(
        device,
        collectors=(*device.collectors, *extra),
        room=extra,
        facts={**device.facts, "bench": bench.name, **({} if room is None else {"room": room.uri})},
    )
    quiet = device.quiet
    if quiet is None:
        return found
    return replace(found, quiet=lambda: replace(found, collectors=(*quiet().collectors, *extra)))


@contextmanager
def _switched(bench: Bench, switch: Switch) -> Iterator[None]:
    """Between its two programs. That the second has to be run is noted before the first, in case this is killed."""
    where = f"bench {bench.name}: {switch.what}"
    note = None
    if switch.after:
        command = shlex.join(switch.after)[:LENGTH_LIMIT]
        shown = "".join(c if c.isprintable() else "?" for c in command)
        note = keep(Note(FAMILY, bench.name, switch.what, shown, str(bench.file)[:LENGTH_LIMIT]))
    try:
        _execute(where, switch.before, switch.timeout_s)
        yield
    except BaseException as error:
        try:
            _execute(where, switch.after, switch.timeout_s)
        except DeviceError as another:
            error.add_note(str(another))
        else:
            _forget(note)
        raise
    _execute(where, switch.after, switch.timeout_s)
    _forget(note)


def _forget(note: Note | None) -> None:
    if note is not None:
        forget(note)


def _execute(where: str, argv: Sequence[str], timeout_s: float) -> None:
    """Run a program, without a shell and without input. Raises DeviceError with what it said last."""
    if not argv:
        return
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"{where}: {shlex.join(argv)} has not ended within {timeout_s:g} s") from None
    except (OSError, ValueError) as error:
        raise DeviceError(f"{where}: {shlex.join(argv)} cannot be started: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        said = f": {lines[-1][:_SAID_LIMIT]}" if lines else ""
        raise DeviceError(f"{where}: {shlex.join(argv)} ended with {done.returncode}{said}")
