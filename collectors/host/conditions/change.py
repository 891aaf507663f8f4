"""One condition of a Linux system that is about to be changed: what is there, what is wanted, and the steps to it.

What puts it back is such a change too, made from the words in which `before` was noted, whose every value is checked
against what the system allows now: nothing that a note says is executed as it stands.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from edgewatt.collectors.host.conditions.system import Execute, Step, System, Write

# The kernel's files tell at once; assumed to be enough for what a program of the system sets.
SETTLE_S: Final = 1.0
PROGRAM_S: Final = 15.0
POLL_S: Final = 0.1
# So many files are named one by one in a command for people.
_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Change:
    """From `before` to `wanted` by `steps`; `look` tells what is there in the words of both.

    `pins` are the clusters that it holds at one frequency in hertz, by their channels' names. `hint` is what the user
    can do where it is not taken, `settle_s` how long it may take.
    """

    before: str
    wanted: str
    steps: Sequence[Step]
    look: Callable[[System], str]
    hint: str
    settle_s: float = SETTLE_S
    pins: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_needed(self) -> bool:
        """False if what is wanted is what is there."""
        return self.before != self.wanted


@dataclass(frozen=True, slots=True)
class Condition:
    """How one condition changes to a value that was asked for, and back to what was noted.

    Both raise DeviceError where the system lacks it or the note is none of it, `asked` UsageError for a wrong value.
    """

    asked: Callable[[System, str], Change]
    noted: Callable[[System, str], Change]


def by_hand(system: System, steps: Sequence[Step]) -> str:
    """The command that a user types for these steps, one line."""
    words = []
    for (value, _), group in groupby(steps, _kind):
        alike = list(group)
        if isinstance(alike[0], Execute):
            words += [f"sudo {shlex.join(step.argv)}" for step in alike if isinstance(step, Execute)]
            continue
        paths = list(dict.fromkeys(system.at(step.path) for step in alike if isinstance(step, Write)))
        shown = " ".join(map(shlex.quote, paths)) if len(paths) <= _NAMED else _pattern(paths)
        words.append(f"echo {value} | sudo tee {shown}")
    # Of what is written twice (clusters.limit_settings) the second alone: limits are raised before they meet.
    return " && ".join(reversed(dict.fromkeys(reversed(words))))


def _kind(step: Step) -> tuple[str, str]:
    """A value and the name of the files that get it side by side; of a program itself."""
    if isinstance(step, Execute):
        return "", shlex.join(step.argv)
    return step.value, step.path.rpartition("/")[2]


def _pattern(paths: Sequence[str]) -> str:
    """Files of many clusters: policy*."""
    folder, _, name = paths[0].rpartition("/")
    return f"{folder.rstrip('0123456789')}*/{name}"
