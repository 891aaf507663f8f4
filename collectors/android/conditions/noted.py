"""How a condition of a phone is put back, as the note on this machine's disk has it, beside the one on the phone.

The guard's note dies with a phone that is switched off. What this one holds is the same command, and read again it is
hostile: it is taken to words, each of which has to be one of the few that conditions put back with, and the command is
made anew from those words.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from edgewatt.collectors.android.conditions.change import POLL_S, SET_TIMEOUT_S, SETTLE_S, UNSET, put_setting, settings
from edgewatt.collectors.android.conditions.radios import RADIO_S, switches_of
from edgewatt.collectors.android.conditions.root import need_root
from edgewatt.collectors.android.conditions.screen import power_of
from edgewatt.collectors.android.conditions.wakelock import LOCK
from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.host.conditions.clusters import FOLDER
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.undo import ORIGINAL_LIMIT

PIECES: Final = 200
_SETTINGS: Final = frozenset(
    {
        ("system", "screen_off_timeout"),
        ("system", "screen_brightness"),
        ("system", "screen_brightness_mode"),
        ("global", "airplane_mode_radios"),
        ("global", "stay_on_while_plugged_in"),
    }
)
_SWITCH: Final = {"enable": True, "disable": False}
_KEYS: Final = {"223": "off", "224": "on"}
_VALUE: Final = re.compile(r"[A-Za-z0-9_.,:-]{1,128}")
# Files below sysfs, and what may be written there.
_FILES: Final = (
    (re.compile(r"power/wake_unlock"), re.compile(LOCK)),
    (re.compile(r"class/power_supply/battery/[a-z_]{1,40}"), re.compile(r"[01]")),
    (re.compile(rf"{FOLDER}/policy[0-9]{{1,3}}/scaling_governor"), re.compile(r"[A-Za-z0-9_]{1,32}")),
    (re.compile(rf"{FOLDER}/policy[0-9]{{1,3}}/scaling_(min_freq|max_freq|setspeed)"), re.compile(r"[0-9]{3,8}")),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One step of putting back: the words of a command, and for a file its path below sysfs and its value."""

    words: tuple[str, ...]
    path: str = ""
    value: str = ""

    @property
    def is_lasting(self) -> bool:
        """Whether what it puts back stays: a screen goes dark by itself."""
        return self.words[0] != "input"


def words_of(put_back: str) -> str:
    """The command of a Change without how it becomes root, as a note keeps it."""
    parts = [_inner(part) or shlex.join(part) if part[:1] == ["su"] else None for part in _parts(put_back)]
    unwrapped = [part for part in parts if part is not None]
    return ("; ".join(unwrapped) if unwrapped and len(unwrapped) == len(parts) else put_back)[:ORIGINAL_LIMIT]


def pieces_of(phone: Phone, text: str) -> list[Piece]:
    """What a note says. Raises DeviceError for anything that no condition puts back with."""
    parts = _parts(text)
    pieces = [_piece(phone, part) for part in parts if part not in (["trap", "", "HUP"], [":"])]
    known = [piece for piece in pieces if piece is not None]
    if not known or len(known) < len(pieces) or len(known) > PIECES:
        raise DeviceError(
            f"{phone.uri}: a note says how to put something back in words that no condition uses, and nothing of it is "
            f"executed: {clean(text)!r}. Look at it, and do it by hand in `adb shell`"
        )
    return known


def is_back(phone: Phone, pieces: Sequence[Piece]) -> bool:
    """Whether everything that lasts is as the note says: then the guard on the phone did it, or a user."""
    return all(_is_so(phone, piece) for piece in pieces if piece.is_lasting)


def command_of(phone: Phone, pieces: Sequence[Piece]) -> str:
    """What the phone's shell is to execute, which goes on although it cuts the connection. Raises DeviceError."""
    command = "; ".join(_command(phone, piece) for piece in pieces)
    if any(piece.path for piece in pieces):
        command = need_root(phone, "what a run that was killed left").wrap(command)
    return f"trap '' HUP; {command}"


def put_back(phone: Phone, text: str) -> None:
    """Do what a note says, and verify it. Raises DeviceError."""
    pieces = pieces_of(phone, text)
    done = phone.sh(command_of(phone, pieces), timeout_s=SET_TIMEOUT_S)
    end_s = phone.monotonic_s() + (RADIO_S if any(p.words[0] in {"svc", "cmd"} for p in pieces) else SETTLE_S)
    while wrong := [piece for piece in pieces if not _is_so(phone, piece)]:
        if phone.monotonic_s() >= end_s:
            said = clean((done.stderr or done.stdout).decode(errors="replace"))
            raise DeviceError(
                f"{phone.uri}: it did not follow{f' ({said})' if said else ''}. By hand, in `adb shell`: "
                f"{'; '.join(_command(phone, piece) for piece in wrong)}"
            )
        phone.sleep(POLL_S)


def _parts(text: str) -> list[list[str]]:
    """The words of each command of a line; one that is none for a line that is none."""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";>")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError:
        words = ["?"]
    return [list(part) for is_end, part in groupby(words, lambda word: word == ";") if not is_end]


def _inner(words: list[str]) -> str:
    """What `Root.wrap` wrapped; "" if it did not."""
    match words:
        case ["su", "-c", inner] | ["su", "0", "sh", "-c", inner]:
            return inner
    return ""


def _piece(phone: Phone, words: list[str]) -> Piece | None:
    match words:
        case ["settings", "put", space, key, value] if (space, key) in _SETTINGS and _VALUE.fullmatch(value):
            return Piece(tuple(words))
        case ["settings", "delete", space, key, ">", "/dev/null"] if (space, key) in _SETTINGS:
            return Piece(("settings", "put", space, key, UNSET))
        case (
            ["svc", "wifi" | "bluetooth", "enable" | "disable"]
            | ["cmd", "connectivity", "airplane-mode", "enable" | "disable"]
            | ["cmd", "battery", "reset"]
            | ["input", "keyevent", "223" | "224"]
        ):
            return Piece(tuple(words))
        case ["echo", value, ">", file] if file.startswith(f"{phone.sysfs}/"):
            path = file.removeprefix(f"{phone.sysfs}/")
            if any(where.fullmatch(path) and what.fullmatch(value) for where, what in _FILES):
                return Piece(("echo",), path, value)
    return None


def _command(phone: Phone, piece: Piece) -> str:
    if piece.path:
        return f"echo {piece.value} >{shlex.quote(f'{phone.sysfs}/{piece.path}')}"
    if piece.words[0] == "settings":
        return put_setting(*piece.words[2:])
    return shlex.join(piece.words)


def _is_so(phone: Phone, piece: Piece) -> bool:
    """Whether the phone is as a step leaves it. Raises DeviceError if it does not answer."""
    match piece.words:
        case ("settings", _, space, key, value):
            return settings(phone, (space, key)) == [value]
        case ("svc", "wifi", verb):
            return switches_of(phone).wifi is _SWITCH[verb]
        case ("svc", _, verb):
            return switches_of(phone).bluetooth is _SWITCH[verb]
        case ("cmd", _, _, verb):
            return switches_of(phone).airplane is _SWITCH[verb]
        case ("input", _, key):
            return power_of(phone).screen in (_KEYS[key], None)
    return _is_written(phone, piece) if piece.path else True


def _is_written(phone: Phone, piece: Piece) -> bool:
    unlock = piece.path.endswith("wake_unlock")
    path = shlex.quote(f"{phone.sysfs}/{piece.path.replace('wake_unlock', 'wake_lock')}")
    seen = phone.sh(f"cat {path}")
    if seen.returncode != 0:
        seen = phone.sh(need_root(phone, "what a run that was killed left").wrap(f"cat {path}"))
    said = seen.stdout.decode(errors="replace").split()
    return LOCK not in said if unlock else piece.path.endswith("setspeed") or said == [piece.value]
