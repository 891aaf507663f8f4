"""What can go wrong between a phone and the tables, as changes of the bytes on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.collectors.android.files.odpm import parse_energy
from edgewatt.collectors.android.sampler.lines import STAMPS
from edgewatt.collectors.android.sampler.script import Group
from edgewatt.collectors.android.sampler.survey import FIELD

_FIELD: Final = FIELD.encode()

Lines = Callable[[bytes, Sequence[Group]], bytes]
Text = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One defect; without arguments there is none. `sampler` gets the groups that its lines are of."""

    sampler: Lines = lambda said, _: said
    runner: Text = lambda said: said
    echo: Text = lambda said: said


NONE: Final = Mutation()


def of_node(ending: str, change: Text) -> Lines:
    """Change the text of every node whose path ends so, in every line of the sampler."""

    def changed(said: bytes, groups: Sequence[Group]) -> bytes:
        places = {
            str(number).encode(): [STAMPS + at for at, node in enumerate(group.nodes) if node.path.endswith(ending)]
            for number, group in enumerate(groups)
        }
        lines = said.split(b"\n")
        for n, line in enumerate(lines):
            fields = line.split(_FIELD)
            for at in places.get(fields[0], ()):
                if at < len(fields):
                    fields[at] = change(fields[at])
                    lines[n] = _FIELD.join(fields)
        return b"\n".join(lines)

    return changed


def times(factor: float) -> Text:
    """A whole number, times a factor."""

    def changed(text: bytes) -> bytes:
        number = text.strip()
        return b"%d" % round(int(number) * factor) if number.lstrip(b"-").isdigit() else text

    return changed


def counting(factor: float) -> Text:
    """The text of ODPM's energy_value with every rail's count times a factor."""

    def changed(text: bytes) -> bytes:
        for uws in parse_energy(text.decode().replace("\x1e", "\n")).uws.values():
            text = text.replace(b"], %d" % uws, b"], %d" % round(uws * factor))
        return text

    return changed


def later(seconds: float) -> Text:
    """Lines that begin with a stamp, `<EPOCHREALTIME> <uptime> `, both by so much later."""

    def changed(said: bytes) -> bytes:
        return b"\n".join(_line_later(line, seconds) for line in said.split(b"\n"))

    return changed


def _line_later(line: bytes, seconds: float) -> bytes:
    epoch, _, rest = line.partition(b" ")
    uptime, _, text = rest.partition(b" ")
    if not uptime.replace(b".", b"").isdigit():
        return line
    return b"%s %s %s" % (_added(epoch, seconds, 6), _added(uptime, seconds, 2), text)


def _added(stamp: bytes, seconds: float, decimals: int) -> bytes:
    if not stamp:
        return stamp
    whole, _, part = stamp.replace(b",", b".").partition(b".")
    total = int(whole) * 10**decimals + int(part) + round(seconds * 10**decimals)
    return b"%d.%0*d" % (total // 10**decimals, decimals, total % 10**decimals)


def without(share: float, *, block: bool, seed: int = 0) -> Lines:
    """Lose that share of the sampler's rows: at random, or all in one go in the middle of the run."""

    def changed(said: bytes, _: Sequence[Group]) -> bytes:
        head, *rows = said.split(b"\n")
        if block:
            first = len(rows) // 2
            return b"\n".join([head, *rows[:first], *rows[first + round(share * len(rows)) :]])
        kept = np.random.default_rng(seed).random(len(rows)) >= share
        kept[-2:] = True  # the end of the script, and what follows its newline
        return b"\n".join([head, *(row for row, keep in zip(rows, kept, strict=True) if keep)])

    return changed
