"""What a run says on the terminal: the answer first, each number with its interval, the next command last."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.profiler.analysis.seen import NO_ENERGY_SOURCE, TOO_WIDE
from edgewatt.profiler.analysis.synchronised import TIE
from edgewatt.profiler.channel import WIDEST_FIRST
from edgewatt.profiler.quality.table import in_words, refuses_energy
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_si
from edgewatt.reports.budget import in_a_line
from edgewatt.reports.escape import CELL_LIMIT, display_width, printable
from edgewatt.reports.fold import ANY_WIDTH, BEFORE_CONDITIONS, BETWEEN, REMARK_AT, VALUE_AT, folded, folded_head
from edgewatt.reports.truth import Truth, off_by, truth_of
from edgewatt.reports.wording import Row, accuracy_of, counted, mean_of, runs_on

_LABEL_WIDTH: Final = VALUE_AT - 1
_VALUE_WIDTH: Final = 9
_INTERVAL_WIDTH: Final = REMARK_AT - VALUE_AT - _VALUE_WIDTH - 2


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the answer needs beside the tables: the run's own facts.

    `clock_bound_s` is the largest bound of its clock fits (those of a synchronisation, where there was one), None with
    one clock; `samples` are those of all streams that hold energy, and `samples_lost` those that were counted as lost.
    `unavailable` are as in the manifest. `truth` is what a virtual device knows; `budget` are the rows of that table.
    """

    run: str
    device: str
    simulated: bool = False
    conditions: Mapping[str, Any] | None = None
    unavailable: Sequence[Mapping[str, Any]] = ()
    clock_bound_s: float | None = None
    samples: int | None = None
    samples_lost: int = 0
    notices: Sequence[str] = ()
    truth: Truth = field(default_factory=Truth)
    budget: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Against:
    """A reason against rows of this quality, what the run says of it, and of which energy sources (none: of all)."""

    quality: str
    reason: str
    why: str | None
    sources: tuple[str, ...]


def answer(trace: Trace, width: int = ANY_WIDTH) -> str:
    """The answer of a processed run, or that it has none, as lines for a terminal of `width` columns."""
    results, repeats = trace.results(), trace.repeats()
    rows = [] if results is None else results.to_pylist()
    return answer_of(rows, [] if repeats is None else repeats.to_pylist(), about(trace), width)


def about(trace: Trace) -> About:
    """The facts of a run that its answer shows."""
    manifest = trace.manifest
    of_energy = {trace.columns[column].stream for source in trace.sources for term in source.terms for column in term}
    clocks = {stream.clock for stream in trace.stored_streams.values()} | {w.clock for w in trace.windows()}
    tied = [fit["bound_ns"] for clock, fit in manifest.clocks.items() if TIE in clock]
    bounds = tied or [fit["bound_ns"] for clock, fit in manifest.clocks.items() if clock in clocks]
    return About(
        run=str(trace.path),
        device=str(manifest.device.get("name") or "unnamed device"),
        simulated=manifest.simulated,
        conditions=manifest.conditions,
        unavailable=manifest.unavailable,
        clock_bound_s=max(bounds) / 1e9 if tied or len(bounds) > 1 else None,
        samples=sum(trace.stored_streams[name].rows for name in of_energy) if of_energy else None,
        samples_lost=sum(gap.samples_lost or 0 for gap in trace.gaps() if gap.stream in of_energy),
        notices=trace.notices,
        truth=truth_of(trace),
        budget=[] if (budget := trace.budget()) is None else budget.to_pylist(),
    )


def answer_of(results: Sequence[Row], repeats: Sequence[Row], about: About, width: int = ANY_WIDTH) -> str:
    """The answer from the rows of both tables; the first word of each configuration is SIMULATED where anything is."""
    blocks = [
        _block(widest_first(results, config), one_per_repeat(repeats, config), about)
        for config in dict.fromkeys(row["config_id"] for row in results)
    ] or [[f"{_name(about.device)}: no results, as nothing was executed in a measured window"]]
    if about.simulated or any(row["simulated"] for row in results):
        blocks = [[f"SIMULATED {head}", *rest] for head, *rest in blocks]
    notices = [f"notice: {printable(notice)}" for notice in about.notices]
    lines = [
        *(line for head, *rest in blocks for line in (*folded_head(head, width), *_folded(rest, width))),
        *_folded(notices, width),
        _last(about, has_results=bool(results)),
    ]
    return "\n".join(lines)


def _folded(lines: Sequence[str], width: int) -> list[str]:
    return [part for line in lines for part in folded(line, width)]


def widest_first(results: Sequence[Row], config_id: str) -> list[Row]:
    """The rows of one configuration, one per energy source: a meter's before those of the device's own parts."""
    rank = {boundary: place for place, boundary in enumerate(WIDEST_FIRST)}
    mine = [row for row in results if row["config_id"] == config_id]
    return sorted(mine, key=lambda row: rank.get(row["energy_boundary"], len(rank)))


def one_per_repeat(repeats: Sequence[Row], config_id: str) -> list[Row]:
    """One row per repeat of the configuration, whatever its number of energy sources."""
    return list({row["repeat"]: row for row in repeats if row["config_id"] == config_id}.values())


def _block(results: Sequence[Row], repeats: Sequence[Row], about: About) -> list[str]:
    """One configuration: its line of conditions, then a line per number; energy once per source."""
    first = results[0]
    return [
        _head(first, repeats, about),
        _line("latency", *mean_of(first, "latency_s", "s"), percentiles(first)),
        *(line for row in results for line in _energy(row, about, with_samples=row is first)),
        *_memory(first),
        *_quality(results, about),
    ]


def _head(row: Row, repeats: Sequence[Row], about: About) -> str:
    what = [_name(part) for part in (row["device"] or about.device, row["model"]) if part]
    what += [printable(part, 2 * CELL_LIMIT) for part in [runs_on(row)] if part]
    conditions = ", ".join(conditions_in_words(row, repeats, about.conditions or {}))
    return f"{BETWEEN.join(what)}{BEFORE_CONDITIONS}{conditions}".rstrip()


def conditions_in_words(row: Row, repeats: Sequence[Row], conditions: Mapping[str, Any]) -> list[str]:
    """Repeats, temperatures, what feeds the device and in what state it idled, as far as they are known."""
    temperatures_c = [row[f"temperature_{end}_c"] for row in repeats for end in ("start", "end")]
    known_c = [value for value in temperatures_c if value is not None]
    found = [
        _counts(repeats) if repeats else None,
        f"{min(known_c):.1f} to {max(known_c):.1f} C" if known_c else None,
        "throttled" if any(row["throttled"] for row in repeats) else None,
        conditions.get("power_supply"),
        "charging" if conditions.get("charging") else None,
        state_in_words(row["idle_state"] or ""),
    ]
    return [_name(word) for word in found if word]


def _counts(repeats: Sequence[Row]) -> str:
    """`5 repeats x 500 iterations`, or from the fewest to the most of them."""
    counts = sorted({row["iterations"] for row in repeats if row["iterations"] is not None})
    if not counts:
        return counted(len(repeats), "repeat")
    each = f"{counts[0]:,} to {counts[-1]:,}" if len(counts) > 1 else f"{counts[0]:,}"
    return f"{counted(len(repeats), 'repeat')} x {each} iterations"


def percentiles(row: Row) -> str:
    """`p90 13.1 ms, p99 15.0 ms` of all iterations, or that the runtime does not reveal them."""
    if row["latency_s_mean"] is None:
        return ""
    known = {name: row[f"latency_s_{name}"] for name in ("p90", "p99")}
    if None in known.values():
        return f"p90 and p99 not revealed by {_name(row['runtime'] or 'the runtime')}"
    return ", ".join(f"{name} {format_si(value, 's')}" for name, value in known.items())


def _energy(row: Row, about: About, *, with_samples: bool) -> list[str]:
    """Gross, net and power of one energy source, or why there is no energy; and what is true, where that is known."""
    if row["energy_gross_j_mean"] is None:
        by = f" by {_name(row['energy_source'])}" if row["energy_source"] else ""
        why = _line("energy", f"{no_energy(row)}{by}: {why_no_energy(row, about)}")
        return [why, *_truth(row, about), *_budget(row, about)]
    where = [state_in_words(row["energy_boundary"] or ""), _name(row["energy_source"] or "")]
    remark = ", ".join(filter(None, (accuracy_of(row, "energy_gross_j", "J"), *where)))
    lines = [_line("energy", *mean_of(row, "energy_gross_j", "J"), remark), *_truth(row, about), *_budget(row, about)]
    if row["energy_net_j_mean"] is not None:
        idle = f"above {format_si(row['power_idle_w'], 'W')} {state_in_words(row['idle_state'] or 'idle')}"
        lines.append(_line("  net", *mean_of(row, "energy_net_j", "J"), idle))
    elif TOO_WIDE in (row["quality_reasons"] or ()):
        lines.append(_line("  net", "not given: its interval reaches further than half of it"))
    samples = clock_and_samples(about) if with_samples else ""
    return [*lines, _line("power", format_si(row["power_w"], "W"), "", samples)]


def _budget(row: Row, about: About) -> list[str]:
    """What its uncertainty is made of, and what would shrink it."""
    found = in_a_line(about.budget, row)
    return [] if found is None else [_line("  budget", *found)]


def _truth(row: Row, about: About) -> list[str]:
    """What the energy really was. What is wrong with a sensor's gain is in every number that it gives."""
    truth_j = about.truth.energy_j(row)
    if truth_j is None:
        return []
    off = off_by(row, truth_j)
    is_unknown = off and row["energy_gross_j_accuracy_low"] is None
    why = f"the {state_in_words(row['energy_boundary'] or 'sensor')}'s gain is unknown" if is_unknown else ""
    return [_line("  truth", format_si(truth_j, "J"), off, why)]


def no_energy(row: Row) -> str:
    """What became of an energy that is blank: what was measured too badly was measured all the same."""
    refused = {reason for reason in row["quality_reasons"] or () if refuses_energy(reason)}
    return "not given" if refused == {TOO_WIDE} else "not measured"


def why_no_energy(row: Row, about: About) -> str:
    """The reason that the results give, else what the run says of each instrument."""
    reasons = row["quality_reasons"] or ()
    given = [
        r.removeprefix(f"{NO_ENERGY_SOURCE}:") if r.startswith(NO_ENERGY_SOURCE) else in_words(r, advice=False)
        for r in reasons
        if refuses_energy(r)
    ]
    reasons = given or [f"{u.get('what')}: {u.get('reason')}" for u in about.unavailable] or ["no energy source"]
    return printable("; ".join(reasons))


def clock_and_samples(about: About) -> str:
    """How well the clocks agree, and how many samples were lost; "" where there is no energy."""
    clocks = None if about.clock_bound_s is None else f"clocks agree to {format_si(about.clock_bound_s, 's', digits=1)}"
    samples = None if about.samples is None else f"{about.samples_lost:,} of {counted(about.samples, 'sample')} lost"
    return "; ".join(filter(None, (clocks, samples)))


def _memory(row: Row) -> list[str]:
    if row["memory_peak_b"] is None:
        return []
    times = {"loading": row["init_s"], "first inference": row["first_s"]}
    known = ", ".join(f"{name} {format_si(value, 's')}" for name, value in times.items() if value is not None)
    return [_line("memory", format_si(row["memory_peak_b"], "B"), "peak", known)]


def against(results: Sequence[Row], about: About) -> list[Against]:
    """What speaks against rows that are not good. Why there is no energy stands in its own line already."""
    why = {str(missing.get("what")): str(missing.get("reason")) for missing in about.unavailable}
    found: dict[tuple[str, str], list[str]] = {}
    for row in results:
        if row["quality"] not in {None, "good"}:
            for reason in row["quality_reasons"] or ["no reason given"]:
                if not reason.startswith(NO_ENERGY_SOURCE):
                    found.setdefault((row["quality"], reason), []).append(row["energy_source"] or "")
    return [
        Against(quality, reason, why.get(reason), () if len(sources) == len(results) else tuple(filter(None, sources)))
        for word in dict.fromkeys(quality for quality, _ in found)
        for (quality, reason), sources in found.items()
        if quality == word
    ]


def _quality(results: Sequence[Row], about: About) -> list[str]:
    """A line for each reason of rows that are not good, with what to do; or why, where the run explains it."""
    lines, before = [], None
    for one in against(results, about):
        told = printable(in_words(one.reason) if one.why is None else f"{one.reason}: {one.why}")
        of = f"{', '.join(map(_name, one.sources))}: " if one.sources else ""
        lines.append(_line("" if one.quality == before else _name(one.quality), f"{of}{told}"))
        before = one.quality
    return lines


def _name(text: object) -> str:
    """A name that somebody chose, short and without control characters."""
    return printable(str(text), CELL_LIMIT)


def state_in_words(word: str) -> str:
    """One of our own words as people write it: `battery bypass`, `screen on`."""
    return _name(word.replace("_", " "))


def _line(label: str, value: str, interval: str = "", remark: str = "") -> str:
    value = value or "not measured"
    columns = ((label, _LABEL_WIDTH), (value, _VALUE_WIDTH), (interval, _INTERVAL_WIDTH))
    padded = [text + " " * (width - display_width(text)) for text, width in columns]
    return " ".join([*padded, remark]).rstrip()


def _last(about: About, *, has_results: bool) -> str:
    command = f"   ·   edgewatt export {shlex.quote(about.run)} --to csv -o table.csv" if has_results else ""
    return printable(f"written to {about.run}{command}")
