"""One condition that is about to be changed: what is there, what is wanted, and the commands for either way."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.sections import ask
from edgewatt.profiler.errors import DeviceError, UsageError

# `svc`, `input` and, before Android 8, `settings` start a virtual machine first: a second or two on an old phone.
SET_TIMEOUT_S: Final = 20.0
SETTLE_S: Final = 5.0
POLL_S: Final = 0.25

ON: Final = "on"
OFF: Final = "off"

Look = Callable[[Phone], str]

# What a setting may be that we put back: a number, a word, a list of words.
_SETTING: Final = re.compile(r"[A-Za-z0-9_.,:-]{1,128}")
UNSET: Final = "null"


@dataclass(frozen=True, slots=True)
class Change:
    """How a condition is set and put back, as commands for the phone's shell whose values were checked.

    `look` tells what is there now in the words of `before` and `wanted`; `look_back`, where it differs, is asked
    after putting back. `settle_s` is how long the phone may take, `hint` what the user can do if it cannot be set.
    With `by_screen` it works only while the screen is on, with `goes_dark` it turns that off. `pins` are the clusters
    that it holds at one frequency in hertz, by their channels' names.
    """

    before: str
    wanted: str
    look: Look
    put: str
    put_back: str
    hint: str
    settle_s: float = SETTLE_S
    look_back: Look | None = None
    by_screen: bool = False
    goes_dark: bool = False
    pins: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_needed(self) -> bool:
        """False if what is wanted is what is there."""
        return self.before != self.wanted


def on_or_off(name: str, value: str) -> str:
    """The value. Raises UsageError if it is neither on nor off."""
    if value not in (ON, OFF):
        raise UsageError(f"{name}={value!r}: expected {name}=on or {name}=off")
    return value


def settings(phone: Phone, *which: tuple[str, str]) -> list[str]:
    """Several settings in one round trip. Raises DeviceError if one cannot be read, or is nothing to put back."""
    questions = {f"{space} {key}": f"$within settings get {space} {key}" for space, key in which}
    values = []
    for name, answer in ask(phone, questions).items():
        text = answer.strip()
        if not _SETTING.fullmatch(text):
            seen = f"it says {clean(text, 60)!r}" if text else "it says nothing"
            raise DeviceError(
                f"{phone.uri}: cannot read `settings get {name}`: {seen}; expected a number, a word or null. Without "
                "it nobody could put back what was there"
            )
        values.append(text)
    return values


def put_setting(namespace: str, key: str, value: str) -> str:
    """The command that sets a setting to a value that `settings` told."""
    if value == UNSET:
        return f"settings delete {namespace} {key} >/dev/null"
    return f"settings put {namespace} {key} {shlex.quote(value)}"
