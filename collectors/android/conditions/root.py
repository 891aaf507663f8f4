"""Commands that need root: adbd that runs as root, or a `su` that lets the shell user in."""

import shlex
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.transports.link import LinkTimeout
from edgewatt.profiler.errors import DeviceError

HINT: Final = "it needs root: `adb root` on a userdebug build, or a phone whose `su` lets the shell in"
# A `su` that asks its owner on the screen waits for about 10 s (Magisk, remembered).
_ASK_S: Final = 20.0
# Magisk's way and that of AOSP's own su, which takes a user first.
_WAYS: Final = ("su -c {}", "su 0 sh -c {}")


@dataclass(frozen=True, slots=True)
class Root:
    """How a command becomes root's; "{}" stands for it, quoted. "" where adbd is root itself."""

    way: str

    def wrap(self, command: str) -> str:
        """The command as root."""
        return self.way.format(shlex.quote(command)) if self.way else command


def root_of(phone: Phone) -> Root | None:
    """Root on this phone; None if there is none. Raises DeviceError if the phone does not answer."""
    asks = [f'elif [ "$({way.format(shlex.quote("id -u"))})" = 0 ]; then echo {at}' for at, way in enumerate(_WAYS)]
    script = f'if [ "$(id -u)" = 0 ]; then echo root; elif ! command -v su >/dev/null; then :; {"; ".join(asks)}; fi'
    try:
        said = phone.sh(f"{{ {script}; }} 2>/dev/null </dev/null", timeout_s=_ASK_S).stdout.decode(errors="replace")
    except LinkTimeout:
        return None
    word = said.strip()
    if word == "root":
        return Root("")
    return next((Root(way) for number, way in enumerate(_WAYS) if word == str(number)), None)


def need_root(phone: Phone, asked: str) -> Root:
    """Root. Raises DeviceError, with what was asked, if the shell is not root."""
    root = root_of(phone)
    if root is None:
        raise DeviceError(f"{phone.uri}: cannot set {asked}: adb's shell there is not root; {HINT}")
    return root
