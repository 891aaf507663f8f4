"""What `profile --plan --dry-run` says: lines for people, or plain JSON for programs."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from edgewatt.commands.progress import format_left
from edgewatt.profiler.comparing.ratio import ASSUMED_SIGMA_SESSION
from edgewatt.profiler.device import Device
from edgewatt.profiler.planning.estimate import RESERVE, Need
from edgewatt.profiler.planning.ordering import Turn
from edgewatt.profiler.planning.resolving import ASSUMED_SPREAD, resolution
from edgewatt.profiler.running.prospect import Prospect
from edgewatt.reports.escape import printable
from edgewatt.reports.wording import counted

WIDTH: Final = 120
# So many rounds are listed; the JSON has all of them.
_ROUNDS: Final = 6
_LABEL: Final = 12


def as_text(one: Prospect, device: Device) -> str:
    """The estimate as lines: how long, what battery, what is resolved, the rows and their order."""
    head = f"plan {one.plan.file} on {device.name}: {counted(len(one.rows), 'configuration')}, "
    head += f"{counted(len(one.turns), 'repeat')}; nothing was measured"
    lines = [f"SIMULATED {printable(head)}" if device.simulated else printable(head)]
    lines += [*_parts(one), _line("takes", _takes(one)), _line("battery", battery_text(one.need)), *_rows(one)]
    return "\n".join([*lines, *_order(one.missing, len(one.rows))])


def as_json(one: Prospect, device: Device) -> dict[str, Any]:
    """The same as plain JSON; seconds, mWh, shares."""
    left, need = len(one.missing), one.need
    return {
        "plan": str(one.plan.file),
        "sha256": one.identity.plan_sha256,
        "device": device.name,
        "simulated": device.simulated,
        "seconds": {"expected": one.timing.expected_s(left), "most": one.timing.most_s(left)} if left else None,
        "battery": None if need is None else _battery_json(need),
        "assumed": dict(zip(("spread", "session_spread"), _spreads(one), strict=True)),
        "rows": _rows_json(one),
        "order": [[turn.place + 1, turn.repeat] for turn in one.missing],
        "parts": [str(trace.path) for trace in one.parts.traces],
        "next": str(one.parts.path) if left and one.parts.path.name else None,
    }


def battery_text(need: Need | None) -> str:
    """What is needed of the battery, of what is there, and what the power was taken from."""
    if need is None:
        return "none is needed: a meter stands in for it"
    power = f"at {need.power.watts:.3g} W, {need.power.basis}: {need.power.said}"
    if need.battery is None:
        return f"none is needed: the device hangs on a supply, or has none ({need.mwh:,.0f} mWh {power})"
    battery = need.battery
    if battery.left_mwh is None or battery.full_mwh is None or need.share is None:
        return f"needs {need.mwh:,.0f} mWh ({power}); whether it has them is not known: {battery.why_unknown}"
    there = f"{battery.left_mwh:,.0f} of {battery.full_mwh:,.0f} mWh are there"
    fits = "" if need.fits else f"; DOES NOT FIT: {RESERVE:.0%} are to stay"
    return f"needs {need.mwh:,.0f} mWh, {need.share:.1%} of it; {there}{fits}   ({power})"


def _battery_json(need: Need) -> dict[str, Any]:
    battery = need.battery
    return {
        "needs_mwh": need.mwh,
        "share": need.share,
        "left_mwh": None if battery is None else battery.left_mwh,
        "full_mwh": None if battery is None else battery.full_mwh,
        "is_needed": battery is not None,
        "fits": need.fits,
        "power_w": need.power.watts,
        "power_basis": need.power.basis,
    }


def _takes(one: Prospect) -> str:
    left = len(one.missing)
    if not left:
        return "no time: every repeat was measured"
    expected, most = one.timing.expected_s(left), one.timing.most_s(left)
    each = " (each repeat taken as 5 s)" if one.options.iterations else ""
    return f"{format_left(expected)} as a rule, {format_left(most)} if every limit is reached{each}"


def _parts(one: Prospect) -> list[str]:
    if not one.parts.traces:
        return []
    done = len(one.turns) - len(one.missing)
    where = ", ".join(str(trace.path) for trace in one.parts.traces)
    rest = f"; the other {len(one.missing)} go into {one.parts.path}" if one.missing else ""
    return [_line("parts", printable(f"{done} of {len(one.turns)} repeats were measured: {where}{rest}"))]


def _spreads(one: Prospect) -> tuple[float, float]:
    assume = one.plan.tables["assume"]
    return assume.get("spread", ASSUMED_SPREAD), assume.get("session_spread", ASSUMED_SIGMA_SESSION)


def _rows_json(one: Prospect) -> list[dict[str, Any]]:
    spread, session = _spreads(one)
    missing = Counter(turn.place for turn in one.missing)
    rows = []
    for place, row in enumerate(one.rows):
        found = resolution(row.repeats, spread=spread, session_spread=session)
        asked = {key: getattr(row, key) for key in ("model", "target", "threads", "batch", "frequency_hz", "repeats")}
        resolves = {"resolves_within": found.within, "resolves_between": found.between}
        rows.append({"number": place + 1, **asked, "missing": missing[place], **resolves})
    return rows


def _rows(one: Prospect) -> list[str]:
    """A line per row with the smallest change that it resolves, after what that rests on."""
    spread, session = _spreads(one)
    assume = one.plan.tables["assume"]
    of = ["stated" if key in assume else "assumed" for key in ("spread", "session_spread")]
    about = (
        f"the smallest change found in 8 of 10 cases at 95 %, if repeats spread by {spread:.1%} ({of[0]}): between "
        f"rows of this plan; and against another sitting, if sittings spread by {session:.1%} ({of[1]})"
    )
    lines = [_line("resolves", about)]
    width = max(len(printable(row.label)) for row in one.rows)
    for number, (row, found) in enumerate(zip(one.rows, _rows_json(one), strict=True), 1):
        shares = [_share(found[f"resolves_{which}"]) for which in ("within", "between")]
        label = printable(row.label)
        lines.append(
            f"{number:>{_LABEL - 2}}  {label:{width}}  {counted(row.repeats, 'repeat'):>10}  {'  '.join(shares)}"
        )
    return lines


def _share(value: float | None) -> str:
    return "no interval" if value is None else f"{value:6.1%}"


def _order(turns: Sequence[Turn], rows: int) -> list[str]:
    """The rows' numbers, a line per round."""
    rounds: dict[int, list[str]] = {}
    for turn in turns:
        rounds.setdefault(turn.repeat, []).append(str(turn.place + 1))
    lines = [_line("order" if k == 0 else "", " ".join(places)) for k, places in enumerate(rounds.values()) if rows > 1]
    more = [_line("", f"and {len(lines) - _ROUNDS} rounds more")] if len(lines) > _ROUNDS else []
    return [*lines[:_ROUNDS], *more]


def _line(label: str, text: str) -> str:
    """A labelled line, wrapped below itself."""
    return textwrap.fill(text, WIDTH, initial_indent=f"{label:{_LABEL}}", subsequent_indent=" " * _LABEL)
