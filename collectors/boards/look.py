"""A first look at a board's files, over its Link: what each said, and what only its shell can tell.

Three things no line of text carries: the strings of a device tree end in NUL, which a shell's `read` drops; which
device a chip of hwmon is, is a link; and who the board is beyond its files.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.sampler.survey import PATH, survey
from edgewatt.collectors.android.state.sections import ask
from edgewatt.collectors.jetson import facts
from edgewatt.collectors.jetson.finding import patterns as jetson_patterns
from edgewatt.collectors.jetson.look import Roots
from edgewatt.collectors.transports.reached import Reached

# What stands for the places that a survey knows by name.
_PLACES: Final = Roots("{sysfs}", "{proc}", "{sysfs}/kernel/debug", "{root}")
JETSON: Final = jetson_patterns(_PLACES)
_TREES: Final = ("firmware/devicetree/base", "device-tree")
_STRINGS: Final = ("model", "compatible", "serial-number")
# What of a board is told by its shell, more than any board has.
_TOLD_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """What a board said: files by path, and the device behind each of hwmon's folders ("" if it says none)."""

    seen: Mapping[str, Seen]
    devices: Mapping[str, str] = field(default_factory=dict)


def roots_of(board: Reached) -> Roots:
    """Where the board's files are."""
    return Roots(board.sysfs, board.proc, f"{board.sysfs}/kernel/debug", board.root)


def look_at_board(board: Reached, patterns: Iterable[str]) -> Answers:
    """What the files say that match `patterns` (with {sysfs}, {proc}, {root}). Raises DeviceError without an answer."""
    seen = survey(board, dict.fromkeys(patterns))
    trees = (f"{board.sysfs}/{_TREES[0]}", f"{board.proc}/{_TREES[1]}")
    strings = [f"{tree}/{file}" for tree in trees for file in _STRINGS]
    hwmon = shlex.quote(f"{board.sysfs}/class/hwmon")
    answers = ask(
        board,
        {
            **{path: f"tr '\\000' '\\n' <{shlex.quote(path)}" for path in strings},
            "devices": f'for p in {hwmon}/hwmon*/device;do echo "${{p%/device}} $(readlink -f "$p")";done',
        },
    )
    told = {path: Seen(path, "\0".join(answers[path].split("\n"))) for path in strings if answers[path].strip()}
    return Answers({**seen, **told}, _devices(answers["devices"]))


def _devices(answer: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in answer.split("\n")[:_TOLD_LIMIT])
    return {path: clean(device.rpartition("/")[2]) for path, _, device in pairs if PATH.fullmatch(path)}


def told_by_jetson(board: Reached) -> dict[str, Any]:
    """What a Jetson's own programs say beside its files; one that does not run or answer is left out."""
    questions = {name: f"$within {shlex.join(argv)}" for name, argv in facts.COMMANDS.items()}
    return facts.told(ask(board, questions))
