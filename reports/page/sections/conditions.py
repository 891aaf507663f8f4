"""Under which conditions it was measured: what was asked, what was seen, what changed, and what was left so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from edgewatt.profiler.analysis.conditions import COMPARABILITY_KEYS, comparability
from edgewatt.profiler.quality.table import FOUND, code_of, in_words
from edgewatt.profiler.units import format_si
from edgewatt.reports.page.section import Section, ToldRun
from edgewatt.reports.page.sections.configurations import Configuration, configurations
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render

_LEFT: Final = ("left_changed", "not_restored")
_NOT_SET: Final = "not_set"
_SET: Final = "--set"
_HZ: Final = "_hz"
_TEXT_LIMIT: Final = 240
_LINES_LIMIT: Final = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition that was asked for by name, the value, and what came of it."""

    name: str
    value: str
    became: str


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The conditions of the runs, one column each."""
    every = configurations(runs)
    blocks = [
        {
            "label": run.label,
            "asked": list(_asked(run)),
            "changed": _bounded(list(_changed(run, [one for one in every if one.run is run]))),
            "left": [in_words(reason) for reason in run.manifest.quality_reasons if code_of(reason) in _LEFT],
        }
        for run in runs
    ]
    deciding, unknown = _deciding(runs)
    html = render(
        __package__,
        "conditions.html",
        blocks=blocks,
        several=len(runs) > 1,
        deciding=deciding,
        unknown=unknown,
        others=_others(runs),
        executed=_executed(every),
    )
    return Section("conditions", "Conditions", html)


def _asked(run: ToldRun) -> Iterator[Asked]:
    """Each `--set NAME=VALUE` of the command, and each default that the device could not be given."""
    words = run.manifest.command
    given = [after for word, after in pairwise(words) if word == _SET]
    given += [word.removeprefix(f"{_SET}=") for word in words if word.startswith(f"{_SET}=")]
    failed = {
        reason.removeprefix(FOUND).partition(":")[2]: reason
        for reason in run.manifest.quality_reasons
        if code_of(reason) == _NOT_SET
    }
    why = {str(missing.get("what")): str(missing.get("reason")) for missing in run.manifest.unavailable}
    named = dict(one.partition("=")[::2] for one in given)
    for name, value in named.items():
        if name in failed:
            yield Asked(name, value, f"not set: {why.get(f'{_NOT_SET}:{name}', in_words(failed[name]))}")
        else:
            yield Asked(name, value, "set, and put back at the end")
    for name, reason in failed.items():
        if name not in named:
            yield Asked(name, "", f"not set: {why.get(f'{_NOT_SET}:{name}', in_words(reason))}")


def _changed(run: ToldRun, mine: Sequence[Configuration]) -> Iterator[str]:
    """What did not stay as it was: temperatures, throttling, and frequencies that did not hold."""
    for one in mine:
        of = f"{one.label}: " if len(mine) > 1 else ""
        yield from (f"{of}{said}" for said in (*_warmed(one), *_frequencies(one)))
    if run.manifest.status != "complete":
        yield f"the run is {run.manifest.status}: it did not end as it was meant to"


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - _LINES_LIMIT
    return [*lines[:_LINES_LIMIT], f"and {more} more of other configurations"] if more > 0 else lines


def _warmed(one: Configuration) -> Iterator[str]:
    ends = [(row["temperature_start_c"], row["temperature_end_c"]) for row in one.repeats]
    known = [pair for pair in ends if None not in pair]
    if known:
        rise = max(end - start for start, end in known)
        low, high = min(min(pair) for pair in known), max(max(pair) for pair in known)
        yield f"{low:.1f} to {high:.1f} C, at most {rise:+.1f} C within a repeat"
    throttled = [row["repeat"] for row in one.repeats if row["throttled"]]
    if throttled:
        yield f"throttled in repeat {', '.join(map(str, throttled))}"


def _frequencies(one: Configuration) -> Iterator[str]:
    """Between which frequencies each unit ran, over all repeats; of a run that recorded it."""
    shares = one.run.manifest.configs.get(one.config_id, {}).get("frequency_shares")
    found: dict[str, set[float]] = {}
    for of_repeat in shares.values() if isinstance(shares, Mapping) else ():
        for unit, steps in of_repeat.items() if isinstance(of_repeat, Mapping) else ():
            if isinstance(steps, Mapping):
                found.setdefault(str(unit), set()).update(hz for step in steps if (hz := _number(step)) is not None)
    for unit, steps_hz in found.items():
        if steps_hz:
            low, high = (format_si(end, "Hz") for end in (min(steps_hz), max(steps_hz)))
            yield f"{unit} held {low}" if len(steps_hz) == 1 else f"{unit} between {low} and {high}"


def _number(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _deciding(runs: Sequence[ToldRun]) -> tuple[Table, str]:
    """What has to be equal for two runs to be compared, blank where a run does not know it; and what none knows."""
    every = [comparability(run.manifest.conditions) for run in runs]
    keys = [key for key in every[0] if any(of[key] is not None for of in every)]
    unknown = ", ".join(key.replace("_", " ") for key in every[0] if key not in keys)
    rows = [_row(key, [of[key] for of in every]) for key in keys]
    return Table(_header(runs), rows), unknown


def _others(runs: Sequence[ToldRun]) -> Table | None:
    every = [run.manifest.conditions for run in runs]
    keys = [key for key in dict.fromkeys(key for of in every for key in of) if key not in COMPARABILITY_KEYS]
    rows = [_row(key, [of.get(key) for of in every]) for key in keys if any(of.get(key) is not None for of in every)]
    return Table(_header(runs), rows) if rows else None


def _header(runs: Sequence[ToldRun]) -> list[str]:
    if len(runs) == 1:
        return ["condition", "seen"]
    return ["condition", *(str(Name(run.label)) for run in runs), ""]


def _row(key: str, values: Sequence[Any]) -> list[Any]:
    cells = [None if value is None else Name(_text(value, key), _TEXT_LIMIT) for value in values]
    known = {_text(value) for value in values if value is not None}
    return [
        Name(key.removesuffix(_HZ).replace("_", " ")),
        *cells,
        *(["differs" if len(known) > 1 else ""] if len(values) > 1 else []),
    ]


def _text(value: Any, key: str = "") -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{inner}: {_text(of, key)}" for inner, of in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_text(of, key) for of in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and key.endswith(_HZ):
        return format_si(value, "Hz")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _executed(every: Sequence[Configuration]) -> Table | None:
    """What was asked to execute each configuration, beside what did."""
    rows = [
        [
            Name(one.label, 120),
            Name(row["target_asked"]),
            Name(row["target_used"]) if row["target_used"] else "nobody says",
            "" if row["frequency_hz"] is None else f"{format_si(row['frequency_hz'], 'Hz')}, verified",
        ]
        for one in every
        for row in one.rows[:1]
    ]
    return Table(("configuration", "target asked", "target used", "frequency pinned"), rows) if rows else None
