"""A service that may be there: the commands that ask it, what its first answer offers, and why it may offer nothing."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.nodes import Service
from edgewatt.profiler.channel import EnergySource, Unavailable
from edgewatt.profiler.protocols import Completed

# How long one question may take on the phone: dumpsys itself waits 10 s for a service that hangs (dumpsys -t).
ASK_TIMEOUT_S: Final = 5
# What one answer may print; `dumpsys battery` prints 2 KiB, `dumpsys gpu` some 30 KiB (assumed).
ANSWER_LIMIT_B: Final = 1 << 20
LINE_LIMIT: Final = 4096
_SHOWN: Final = 100

_KNOWN: Final = (
    (re.compile(r"can't find service", re.IGNORECASE), "this phone has no such service"),
    (re.compile(r"permission deni|securityexception|not allowed", re.IGNORECASE), "the service refuses the shell user"),
    (re.compile(r"dump timeout", re.IGNORECASE), "the service did not answer"),
    (re.compile(r"inaccessible or not found|: not found", re.IGNORECASE), "this phone has no such command"),
    (re.compile(r"unknown command", re.IGNORECASE), "this version of Android does not know the question"),
)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(?:[.,][0-9]{1,9})?")
# What `timeout` returns when it ended the command: 124 by GNU, 128 + SIGTERM by toybox.
_TIMED_OUT: Final = (124, 143)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be measured by asking again: the service, the joules that follow from it, and what it cannot tell."""

    service: Service
    sources: tuple[EnergySource, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """`what` is the column, or the kind of column, that is missing without it.

    `commands` are tried in order; `offer` gets the one that was used and what it printed, and returns the reason if
    that is nothing to measure by. It never raises.
    """

    what: str
    commands: tuple[str, ...]
    offer: Callable[[str, str], Offer | str]


def refusal(answer: Completed) -> str | None:
    """Why an answer is none: what the phone said instead, in words of ours; None if it is one."""
    text = answer.stdout[:4096].decode(errors="replace")
    said = answer.stderr[:4096].decode(errors="replace")
    if answer.returncode in _TIMED_OUT:
        return f"no answer within {ASK_TIMEOUT_S} s"
    if known := next((reason for pattern, reason in _KNOWN if pattern.search(f"{text[:400]}\n{said}")), None):
        return known
    return None if text.strip() else "it printed nothing"


def lines(text: str) -> Iterator[str]:
    """The lines of an answer without the space around them, each cut at LINE_LIMIT: no pattern is slow on it."""
    return (line[:LINE_LIMIT].strip() for line in text.split("\n"))


def shown(text: str) -> str:
    """The beginning of what a device said, on one line and fit for a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _SHOWN]).split())
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}...")


def number(text: str) -> float | None:
    """A decimal number, with a point or, as localised builds print it, a comma; None if it is anything else."""
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
