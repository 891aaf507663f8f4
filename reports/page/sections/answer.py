"""The answer, first on the page: latency and energy per inference with both intervals, and whether they count."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edgewatt.profiler.quality.table import reason_of
from edgewatt.profiler.units import format_si
from edgewatt.reports.answer import (
    About,
    about,
    against,
    clock_and_samples,
    conditions_in_words,
    no_energy,
    percentiles,
    why_no_energy,
)
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.page.section import Section, ToldRun
from edgewatt.reports.page.sections.configurations import Configuration, configurations
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.truth import off_by
from edgewatt.reports.wording import Row, accuracy_of, counted, mean_of

# Beyond so many configurations a table says it better than cards.
CARDS_LIMIT: Final = 4
_SOURCES: Final = (
    *("energy source", "boundary", "energy", "95 %", "accuracy", "above idle", "95 %", "power", "idle"),
    *("truth", "off by"),
)
_NAMES: Final = 2
_NUMBERS: Final = range(_NAMES, len(_SOURCES))
_CSS: Final = """\
.card small { display: block; }
#answer caption { text-align: left; }
#answer caption ~ tbody th { min-width: min(18rem, 38vw); }
.reasons { padding-left: 1.2rem; }"""


@dataclass(frozen=True, slots=True)
class Said:
    """A reason against a configuration: the word for its weight, the code, its meaning, and what to do."""

    quality: str
    code: str
    meaning: str
    advice: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A large number and what stands below it; `value` is "" where it was not measured, and `lines` say why."""

    title: str
    value: str
    lines: Sequence[str] = field(default_factory=list)


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The answer of every configuration of the runs."""
    every = configurations(runs)
    facts = {id(run): about(run.trace) for run in runs}
    has_cards = len(every) <= CARDS_LIMIT
    html = render(
        __package__,
        "answer.html",
        answers=[_answer(one, facts[id(one.run)]) for one in every] if has_cards else [],
        overview=_overview(every, facts) if len(every) > 1 else None,
        reasons=[] if has_cards else _once([list(_reasons(one.rows, facts[id(one.run)])) for one in every]),
        silent=[_silent(run, facts[id(run)]) for run in runs if not any(one.run is run for one in every)],
        several=len(runs) > 1,
    )
    return Section("answer", "Answer", html, css=_CSS)


def _answer(one: Configuration, facts: About) -> dict[str, Any]:
    first = one.rows[0]
    qualities = {row["quality"] for row in one.rows}
    return {
        "label": one.label,
        "device": first["device"] or facts.device,
        "is_simulated": one.is_simulated,
        "conditions": conditions_in_words(first, one.repeats, facts.conditions or {}),
        "latency": _latency(first),
        "energy": _energy(one.rows, facts),
        "memory": _memory(first),
        "quality": next((word for word in ("void", "marked", "good") if word in qualities), "not judged"),
        "reasons": list(_reasons(one.rows, facts)),
        "sources": _sources(one.rows, facts) if any(row["energy_source"] for row in one.rows) else None,
        "blanks": _blanks(one.rows, facts),
        "boundaries": _boundaries(one.rows),
        "samples": clock_and_samples(facts),
    }


def _latency(row: Row) -> Card:
    value, interval = mean_of(row, "latency_s", "s")
    if not value:
        return Card("latency per inference", "", ["not measured"])
    repeats = f"{interval} repeatability, 95 %" if interval.startswith("[") else interval
    return Card("latency per inference", value, [repeats, percentiles(row)])


def _energy(rows: Sequence[Row], facts: About) -> Card:
    """Of the widest boundary that has joules, which is the first."""
    row = _widest(rows)
    where = _where(row)
    title = f"energy per inference{f', {where}' if where else ''}"
    value, interval = mean_of(row, "energy_gross_j", "J")
    if not value:
        return Card(title, "", [f"{no_energy(row)}: {why_no_energy(row, facts)}"])
    repeats = f"{interval} repeatability, 95 %" if interval.startswith("[") else interval
    truth_j = facts.truth.energy_j(row)
    truth = "" if truth_j is None else f"truth {format_si(truth_j, 'J')}, {off_by(row, truth_j)}".rstrip(", ")
    others = counted(len(rows) - 1, "further source") + " below" if len(rows) > 1 else ""
    return Card(title, value, [repeats, _accuracy(row), truth, others])


def _widest(rows: Sequence[Row]) -> Row:
    """Of those that have joules the first, which has the widest boundary; else the first of all."""
    return next((row for row in rows if row["energy_gross_j_mean"] is not None), rows[0])


def _accuracy(row: Row) -> str:
    said = accuracy_of(row, "energy_gross_j", "J")
    if "[" in said:
        return f"{said.removeprefix('accuracy ')} accuracy, 95 %"
    return f"{said}: nobody stated or calibrated the sensor's gain"


def _where(row: Row) -> str:
    return ", ".join(filter(None, ((row["energy_boundary"] or "").replace("_", " "), row["energy_source"])))


def _memory(row: Row) -> str:
    if row["memory_peak_b"] is None:
        return ""
    times = {"loading": row["init_s"], "first inference": row["first_s"]}
    known = [f"{name} {format_si(value, 's')}" for name, value in times.items() if value is not None]
    return ", ".join([f"{format_si(row['memory_peak_b'], 'B')} peak memory", *known])


def _reasons(rows: Sequence[Row], facts: About) -> Iterator[Said]:
    for one in against(rows, facts):
        known = reason_of(one.reason)
        yield Said(one.quality, one.reason, one.why or known.meaning, known.advice, ", ".join(one.sources))


def _sources(rows: Sequence[Row], facts: About) -> Table:
    """Every energy source with its boundary: none is added to another. A column that no source fills is left out."""
    mine = [_source(row, facts) for row in rows if row["energy_source"]]
    used = [k for k in range(len(_SOURCES)) if k < _NAMES or any(cells[k] not in {None, ""} for cells in mine)]
    table = [[cells[k] for k in used] for cells in mine]
    return Table([_SOURCES[k] for k in used], table, [place for place, k in enumerate(used) if k in _NUMBERS])


def _blanks(rows: Sequence[Row], facts: About) -> dict[str, list[str]]:
    """The sources without an energy by the reason: said below the table, which it would make wider than a page."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["energy_source"] and row["energy_gross_j_mean"] is None:
            found.setdefault(why_no_energy(row, facts), []).append(row["energy_source"])
    return found


def _boundaries(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What the boundaries of a table mean, each once."""
    words = dict.fromkeys(row["energy_boundary"] for row in rows if row["energy_boundary"])
    return [(word.replace("_", " "), meaning(word)) for word in words]


def _source(row: Row, facts: About) -> list[Any]:
    truth_j = facts.truth.energy_j(row)
    return [
        Name(row["energy_source"]),
        (row["energy_boundary"] or "").replace("_", " "),
        *mean_of(row, "energy_gross_j", "J"),
        accuracy_of(row, "energy_gross_j", "J").removeprefix("accuracy "),
        *mean_of(row, "energy_net_j", "J"),
        *(None if row[name] is None else format_si(row[name], "W") for name in ("power_w", "power_idle_w")),
        None if truth_j is None else format_si(truth_j, "J"),
        off_by(row, truth_j).removeprefix("off by "),
    ]


def _overview(every: Sequence[Configuration], facts: dict[int, About]) -> Table:
    rows = []
    for one in every:
        of = facts[id(one.run)]
        for row in one.rows if len(every) > CARDS_LIMIT else [_widest(one.rows)]:
            truth_j = of.truth.energy_j(row)
            rows.append([
                Name(one.label, 120),
                "simulated" if one.is_simulated else "measured",
                *mean_of(row, "latency_s", "s"),
                *mean_of(row, "energy_gross_j", "J"),
                accuracy_of(row, "energy_gross_j", "J").removeprefix("accuracy "),
                None if truth_j is None else format_si(truth_j, "J"),
                Name(_where(row) or "no energy source"),
                row["quality"],
            ])  # fmt: skip
    header = ["configuration", "", "latency", "95 %", "energy", "95 %", "accuracy", "truth", "energy from", "quality"]
    if all(row[7] is None for row in rows):
        header, rows = [*header[:7], *header[8:]], [[*row[:7], *row[8:]] for row in rows]
    return Table(header, rows, range(2, 8 if "truth" in header else 7), "All configurations")


def _once(each: Sequence[Sequence[Said]]) -> list[Said]:
    """Each reason once, with how many of the configurations it speaks against."""
    every = [said for of in each for said in of]
    count = Counter((said.quality, said.code) for said in every)
    first = {(said.quality, said.code): said for said in reversed(every)}
    return [replace(first[key], of=f"{n} of {len(each)} configurations") for key, n in count.items()]


def _silent(run: ToldRun, facts: About) -> dict[str, Any]:
    """A run without results: that nothing was executed in a measured window, or what the run says against itself."""
    reasons = [(reason_of(code), code) for code in run.manifest.quality_reasons]
    return {
        "label": run.label,
        "device": facts.device,
        "is_simulated": run.is_simulated,
        "quality": run.manifest.quality or "not judged",
        "reasons": [Said(known.weight, code, known.meaning, known.advice) for known, code in reasons],
        "unavailable": run.manifest.unavailable,
    }
