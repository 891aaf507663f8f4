"""What a row of a run emitted: its energy through its supply at an intensity, and its time's share of a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.models.carbon.interval import Interval, total
from edgewatt.models.carbon.place import Place
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.quality.table import in_words, refuses_energy

Row = Mapping[str, Any]
ENERGIES: Final = ("gross", "net")
OPERATIONAL: Final = "operational"
EMBODIED: Final = "embodied"


@dataclass(frozen=True, slots=True)
class Term:
    """A factor of the result in `unit`, and where it is from."""

    name: str
    value: Interval
    unit: str
    basis: str


@dataclass(frozen=True, slots=True)
class Emitted:
    """A part of the result, in kg of CO2e: the product of its terms."""

    name: str
    kg: Interval
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one row of results emitted, in one iteration or in `iterations_n` of them.

    `no_interval` says what the interval of the energy does not hold, as a gain that nobody knows; None where it holds
    all. `notes` are what a reader should know.
    """

    row: Row
    parts: tuple[Emitted, ...]
    iterations_n: int | None
    no_interval: str | None
    notes: tuple[str, ...]

    @property
    def kg(self) -> Interval:
        """The sum of the parts."""
        return total(part.kg for part in self.parts)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a footprint is made with. `supply`: by boundary, since it depends on where joules were taken.

    `place` is what the row ran on, None where its embodied carbon is not counted.
    """

    intensity: Term
    supply: Mapping[str, Term]
    place: Place | None = None
    energy: str = "gross"


def footprint(row: Row, asked: Asked, iterations_n: int | None = None) -> Footprint:
    """The footprint of a row of results: of an iteration, or of `iterations_n` of them.

    Raises NotMeasuredError, with the reasons that the row gives, if it has no energy.
    """
    energy, no_interval = _energy(row, asked.energy, iterations_n or 1)
    supply = asked.supply.get(row["energy_boundary"])
    if supply is None:
        raise NotMeasuredError(f"{_who(row)}: taken at {row['energy_boundary']!r}, which no way from the grid leads to")
    terms = (energy, supply, asked.intensity)
    parts = [Emitted(OPERATIONAL, energy.value * supply.value * asked.intensity.value, terms)]
    notes = _quality(row)
    if asked.place is not None:
        seconds = _seconds(row, iterations_n or 1)
        if seconds is None:
            notes.append(f"{EMBODIED}: not counted, as the run has no latency to share it by")
        else:
            parts.append(_embodied(seconds, asked.place))
    return Footprint(row, tuple(parts), iterations_n, no_interval, tuple(notes))


def _energy(row: Row, kind: str, times: int) -> tuple[Term, str | None]:
    """The energy with an interval that holds both of its own, and what is not in it."""
    name = f"energy_{kind}_j"
    mean = row[f"{name}_mean"]
    if mean is None:
        raise NotMeasuredError(f"{_who(row)}: no {kind} energy: {_why_none(row)}")
    if mean < 0:
        raise NotMeasuredError(f"{_who(row)}: its {kind} energy is {mean:g} J: nothing is emitted by less than none")
    ends = [row[f"{name}_{end}"] for end in ("low", "high", "accuracy_low", "accuracy_high")]
    known = [end for end in ends if end is not None]
    value = Interval(mean, max(min([mean, *known]), 0.0), max([mean, *known])).times(times)
    lacking = [
        *(["without an interval of its repeats"] if None in ends[:2] else []),
        *(["of a sensor whose gain nobody knows"] if None in ends[2:] else []),
    ]
    basis = f"{_basis(row)}, {kind}, {row['energy_source']} ({row['energy_boundary']})"
    return Term("energy", value, "J", basis), f"the energy is {' and '.join(lacking)}" if lacking else None


def _basis(row: Row) -> str:
    return "simulated" if row["simulated"] else "measured"


def _who(row: Row) -> str:
    source = row["energy_source"]
    return f"{row['model'] or 'what was executed'}{f' by {source}' if source else ''}"


def _why_none(row: Row) -> str:
    reasons = row["quality_reasons"] or ()
    given = [reason for reason in reasons if refuses_energy(reason)] or list(reasons)
    return "; ".join(in_words(reason, advice=False) for reason in given) or "no reason was given"


def _seconds(row: Row, times: int) -> Term | None:
    mean, low, high = (row[f"latency_s_{end}"] for end in ("mean", "low", "high"))
    if mean is None:
        return None
    value = Interval(mean, mean if low is None else max(min(low, mean), 0.0), mean if high is None else max(high, mean))
    return Term("time", value.times(times), "s", f"{_basis(row)} latency")


def _embodied(seconds: Term, place: Place) -> Emitted:
    tags = "/".join(dict.fromkeys([part.basis.tag for part in place.parts] + [basis.tag for _, basis in place.bases]))
    per_s = Term("embodied", place.embodied_per_s, "kg/s", f"{place.name}: {place.note} ({tags})")
    return Emitted(EMBODIED, seconds.value * per_s.value, (seconds, per_s))


def _quality(row: Row) -> list[str]:
    reasons = [in_words(reason, advice=False) for reason in row["quality_reasons"] or ()]
    return [] if row["quality"] in (None, "good") else [f"the row is {row['quality']}: {'; '.join(reasons)}"]
