"""A Linux board as a device: `ssh://USER@BOARD[:PORT]`, reached by the user's own OpenSSH.

Options: `period` is how often its rails are read, in seconds (0.05); `board` the profile to take whatever its device
tree says; `sysfs`, `proc` and `root` where it has them (/sys, /proc, and what lies before /etc); `sampler=off` reads
nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from edgewatt.collectors.android.pulses import pulses
from edgewatt.collectors.boards.clock import BOARD_CLOCK
from edgewatt.collectors.boards.conditions import Board, known
from edgewatt.collectors.boards.facts import device_id_of_board, name_of_board, static_facts
from edgewatt.collectors.boards.finding import Survey, find, survey_board
from edgewatt.collectors.boards.loads import loads
from edgewatt.collectors.boards.sampler import BoardSampler
from edgewatt.collectors.boards.target import BoardTarget
from edgewatt.collectors.generic.options import period_of
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.jetson.facts import is_simulated, soc_of
from edgewatt.collectors.transports.reached import Reached
from edgewatt.collectors.transports.ssh_address import USAGE, parse_address
from edgewatt.collectors.transports.ssh_link import Connecting
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Device, DeviceUri, Family, only_options, parse_uri
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.undo import Note

SCHEME: Final = "ssh"
FOLDERS: Final = {"sysfs": "/sys", "proc": "/proc", "root": ""}


def open_board(uri: DeviceUri) -> Device:
    """The board at this address. Raises UsageError for a URI that is none, DeviceError if it cannot be reached."""
    only_options(uri, *FOLDERS, "period", "board", "sampler")
    reads = uri.options.get("sampler", "on")
    if reads not in {"on", "off"}:
        raise UsageError(f"device {uri.text!r}: sampler is {reads!r}, expected on or off")
    profile, rails_s = _profile(uri), period_of(uri)
    board = _reached(uri)
    look = partial(survey_board, board, profile=profile, rails_s=rails_s)
    try:
        surveyed = look()
    except BaseException:
        board.hang_up()
        raise
    sampler = BoardSampler(board, lambda: find(look()), surveyed.collector)
    return _device(uri, board, surveyed, (sampler,) if reads == "on" else ())


def put_back(note: Note) -> None:
    """What a run that was killed changed on a board, from its note. Raises DeviceError, UsageError for a wrong one."""
    uri = parse_uri(note.uri)
    if uri.scheme != SCHEME:
        raise UsageError(f"a note of {SCHEME} has the device {note.uri!r}; expected {USAGE}")
    board = _reached(uri)
    try:
        _conditions(uri, board, survey_board(board, profile=_profile(uri))).put_back(note)
    finally:
        board.hang_up()


def _profile(uri: DeviceUri) -> DeviceProfile | None:
    """The one that the user names."""
    return load(uri.options["board"]) if "board" in uri.options else None


def _reached(uri: DeviceUri) -> Reached:
    address = parse_address(uri.rest, uri=uri.text)
    sysfs, proc, root = (_folder(uri, key, usual) for key, usual in FOLDERS.items())
    return Reached(address.text, Connecting(address), sysfs, proc, clock=BOARD_CLOCK, root=root)


def _conditions(uri: DeviceUri, board: Reached, surveyed: Survey) -> Conditions:
    identity, _ = device_id_of_board(surveyed.look, board.uri)
    conditions = known(is_jetson=surveyed.is_jetson)
    return Conditions(Board(board), conditions, family=SCHEME, device_id=identity, uri=uri.text)


def _device(uri: DeviceUri, board: Reached, surveyed: Survey, collectors: tuple[Collector, ...]) -> Device:
    seen = surveyed.look
    target = BoardTarget(board, _conditions(uri, board, surveyed), is_jetson=surveyed.is_jetson)
    identity, basis = device_id_of_board(seen, board.uri)
    facts = static_facts(seen)
    device = Device(
        uri=uri.text,
        name=name_of_board(seen) or board.uri,
        device_id=identity,
        collectors=collectors,
        soc=soc_of(seen) or facts["cpu_model"],
        simulated=is_simulated(seen),
        idle_state="awake",
        target=target,
        facts={**facts, "device_id_basis": basis, "reached_by": "ssh"},
        clock=BOARD_CLOCK,
        pulses=partial(pulses, board),
        loads=loads(board),
        blocked=lambda: _blocked(target),
        remarks=lambda: [f"wall_clock_stepped:{board.stamps.steps}"] if board.stamps.steps else [],
        close=partial(_close, board, target),
    )
    return replace(device, quiet=lambda: replace(device, collectors=()))


def _blocked(target: BoardTarget) -> Sequence[Unavailable]:
    """What of its shell keeps it from being measured well."""
    if target.has_fine_clock():
        return ()
    reason = "its shell has no EPOCHREALTIME (bash before 5, or none), so samples are stamped by /proc/uptime"
    return (Unavailable("times below 10 ms", reason, "install bash 5 or later on the board"),)


def _close(board: Reached, target: BoardTarget) -> None:
    target.close()
    board.hang_up()


def _folder(uri: DeviceUri, key: str, usual: str) -> str:
    """An absolute folder of the board, no slash at its end."""
    text = uri.options.get(key, usual)
    if text and (not text.startswith("/") or not text.isprintable() or ".." in PurePosixPath(text).parts):
        raise UsageError(f"device {uri.text!r}: {key}={text!r} is no absolute folder of a board")
    return text.rstrip("/") or ("" if key == "root" else "/.")


FAMILY: Final = Family(usage=f"{USAGE}[?period=S&board=PROFILE]", open=open_board, discover=list, put_back=put_back)
