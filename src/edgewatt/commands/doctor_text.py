"""What `doctor` says of what it has looked at: lines for people, or plain JSON for programs."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from edgewatt.commands.doctor_look import Looked
from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.units import format_si
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import terminal_width

WIDTH: Final = 120
# Of what has no command: as far as edgewatt knows it is so on this device, whatever is done.
NO_ENERGY: Final = "none: nothing that it has gives joules; a meter beside it does (-m, docs/meters.md)"
NO_FIX: Final = "no fix known on this device"
_LABEL: Final = 13


def as_text(one: Looked) -> str:
    """A device, meter or part of a bench: what it measures, what joules that gives, what is missing and why."""
    lines = [f"{printable(one.name)}   -d {printable(one.uri)}"]
    for kind, names in _kinds(one).items():
        lines += wrapped("measures", f"{kind}: {', '.join(names)}")
    for source, factors in one.sources:
        lines += wrapped("energy", f"{printable(source.name)}  boundary {source.boundary}  {_how(factors)}")
    if one.executes and not any(True for _ in one.sources) and one.problem is None:
        lines += wrapped("energy", NO_ENERGY)
    for u in one.unavailable:
        helps = "" if u.fix else f"  ({NO_FIX})"
        lines += wrapped("not measured", f"{printable(u.what)}: {printable(u.reason)}{helps}")
        lines += wrapped("", f"fix: {printable(u.fix)}") if u.fix else []
    return "\n".join(lines)


def boundaries_as_text(looked: Iterable[Looked]) -> list[str]:
    """One text that says what the boundaries among them mean, or none."""
    known = boundaries(looked)
    if not known:
        return []
    lines = ["boundaries: where the joules are taken; those of two boundaries are never compared or added"]
    for word, text in known.items():
        lines += wrapped(word, text, width=_LABEL + 3)
    return ["\n".join(lines)]


def boundaries(looked: Iterable[Looked]) -> dict[str, str]:
    """Every boundary that occurs, with its meaning."""
    return {word: meaning(word) for word in sorted({s.boundary for one in looked for s, _ in one.sources})}


def left_to_you(looked: Iterable[Looked]) -> list[dict[str, str]]:
    """Every fix that is the user's to do, each once, with what it is for."""
    fixes: dict[tuple[str, str], str] = {}
    for one in looked:
        for u in one.unavailable:
            if u.fix:
                fixes.setdefault((one.uri, u.fix), u.what)
    return [{"device": uri, "what": what, "fix": fix} for (uri, fix), what in fixes.items()]


def as_json(one: Looked) -> dict[str, Any]:
    """It as plain JSON."""
    return {
        "device": one.uri,
        "name": one.name,
        "device_id": one.device_id,
        "simulated": one.simulated,
        "executes": one.executes,
        "problem": one.problem,
        "channels": [
            {"collector": opened.name, "column": c.column, "read_s": read_s, **c.to_json()}
            for opened, c, read_s in one.channels
        ],
        "energy_sources": [_source_as_json(source, factors) for source, factors in one.sources],
        "unavailable": [asdict(u) for u in one.unavailable],
    }


def _source_as_json(source: EnergySource, factors: Sequence[tuple[Channel, float | None]]) -> dict[str, Any]:
    stated = [c.accuracy for c, _ in factors]
    return {
        **source.to_json(),
        "boundary_meaning": meaning(source.boundary),
        "period_s": _slowest_s([c.period_s for c, _ in factors]),
        "read_s": _slowest_s([read_s for _, read_s in factors]),
        "accuracy_known": bool(stated) and None not in stated,
    }


def _how(factors: Sequence[tuple[Channel, float | None]]) -> str:
    """How often it is new, and whether anybody says how right it is."""
    period_s, read_s = _slowest_s([c.period_s for c, _ in factors]), _slowest_s([read for _, read in factors])
    stated = [c.accuracy for c, _ in factors]
    known = bool(stated) and None not in stated
    return f"{_every(period_s, read_s)}, {'accuracy as stated above' if known else 'accuracy unknown'}"


def _slowest_s(periods_s: Sequence[float | None]) -> float | None:
    """The longest of them; None where one is not known."""
    known = [period_s for period_s in periods_s if period_s is not None]
    return max(known) if known and len(known) == len(periods_s) else None


def _kinds(one: Looked) -> dict[str, list[str]]:
    """The names of the channels by what is the same of them: instrument, quantity, rate and accuracy."""
    found: dict[str, list[str]] = {}
    for opened, c, read_s in one.channels:
        kind = f"{opened.name}: {c.quantity.value}  {_every(c.period_s, read_s)}, {_accuracy(c)}"
        found.setdefault(kind, []).append(c.name)
    return found


def wrapped(label: str, text: str, width: int = _LABEL) -> list[str]:
    """`text` below the name of a device, its label before the first line."""
    room = min(WIDTH, terminal_width()) - width - 2
    lines = textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [f"  {label if at == 0 else '':{width}}{line}" for at, line in enumerate(lines)]


def _every(period_s: float | None, read_s: float | None) -> str:
    """How often it is new; where nobody knows that, how often it is read."""
    if period_s is not None:
        return f"new every {format_si(period_s, 's')}"
    return "period unknown" if read_s is None else f"read every {format_si(read_s, 's')}"


def _accuracy(channel: Channel) -> str:
    if channel.accuracy is None:
        return "accuracy unknown"
    return f"gain {channel.accuracy.gain_rel:.2%} ({printable(channel.accuracy.basis)})"
