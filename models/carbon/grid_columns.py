"""What a column of a user's file of intensities is, by its name: Electricity Maps, WattTime, or our own columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.models.carbon.units import INTENSITIES
from edgewatt.profiler.comparing.columns import listed
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Told:
    """What the name of a column says of its values; None where it does not."""

    unit: str | None = None
    kind: str | None = None
    scope: str | None = None


# Names without case, blanks and signs. Electricity Maps' as its portal writes them (read where people use such files);
# WattTime's from version 3 (`point_time,value`, no unit in it) and before (`timestamp,MOER`: lb/MWh, remembered).
VALUES: Final[Mapping[str, Told]] = {
    "carbonintensitygco2eqkwhdirect": Told("g/kWh", "average", "direct"),
    "carbonintensitygco2eqkwhlifecycle": Told("g/kWh", "average", "lifecycle"),
    "carbonintensitygco2eqkwhlca": Told("g/kWh", "average", "lifecycle"),
    "moer": Told("lb/MWh", "marginal", "direct"),
    "gco2eperkwh": Told("g/kWh"),
    "gperkwh": Told("g/kWh"),
    "lbpermwh": Told("lb/MWh"),
    "lbspermwh": Told("lb/MWh"),
    "lbsco2permwh": Told("lb/MWh"),
    "value": Told(),
    "carbonintensity": Told(),
}
# Times of the first are UTC by their name; of the others each has to say its offset.
TIMES_UTC: Final = ("datetimeutc", "tsutc", "timeutc")
TIMES: Final = ("pointtime", "timestamp", "datetime", "time")
ZONES: Final = ("zoneid", "zone", "region", "ba")
_STEPS: Final = ("resolutions", "frequency")
_UNITS: Final = ("units", "unit")
# As the units of a file may be written, and what a signal of WattTime is.
UNIT_WORDS: Final[Mapping[str, str]] = {
    "lbsco2permwh": "lb/MWh",
    "lbspermwh": "lb/MWh",
    "gco2eqkwh": "g/kWh",
    "gco2eperkwh": "g/kWh",
    **{re.sub(r"[^a-z]", "", unit.lower()): unit for unit in INTENSITIES},
}
SIGNALS: Final[Mapping[str, str]] = {"co2_moer": "marginal", "co2_aoer": "average"}
EXPECTED: Final = (
    "expected Electricity Maps' (Datetime (UTC), Zone id, Carbon intensity gCO2eq/kWh (Life cycle)), WattTime's "
    "(point_time, value; or timestamp, MOER), or ts_utc, zone, gco2e_per_kwh or lb_per_mwh, kind, scope"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns of a file; None where it has none. `told` is what the value's name says."""

    time: str
    is_utc: bool
    value: str
    told: Told
    zone: str | None
    step: str | None
    unit: str | None
    kind: str | None
    scope: str | None
    signal: str | None
    estimated: str | None
    source: str | None
    licence: str | None

    @property
    def wanted(self) -> list[str]:
        """All that there are."""
        names = (self.time, self.value, self.zone, self.step, self.unit, self.kind, self.scope, self.signal)
        return [name for name in (*names, self.estimated, self.source, self.licence) if name is not None]


def columns_of(path: Path, names: Sequence[str], *, kind: str | None, scope: str | None) -> Columns:
    """The columns by their names; `kind` and `scope` choose where a file has several. Raises UsageError."""
    plain = {plain_name(name): name for name in names}
    if len(plain) < len(names):
        raise UsageError(f"{path}: two columns have one name ({listed(names)}); keep one of them")
    value, told = _value(path, plain, kind, scope)
    utc = _first(plain, TIMES_UTC)
    time = utc or _first(plain, TIMES)
    if time is None:
        raise UsageError(f"{path}: no column is a time ({listed(names)}); {EXPECTED}")
    return Columns(
        time=time,
        is_utc=utc is not None,
        value=value,
        told=told,
        zone=_first(plain, ZONES),
        step=_first(plain, _STEPS),
        unit=_first(plain, _UNITS),
        kind=plain.get("kind"),
        scope=plain.get("scope"),
        signal=plain.get("signaltype"),
        estimated=_first(plain, ("dataestimated", "estimated")),
        source=_first(plain, ("datasource", "source")),
        licence=_first(plain, ("licence", "license")),
    )


def plain_name(name: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("₂", "2"))


def _value(path: Path, plain: Mapping[str, str], kind: str | None, scope: str | None) -> tuple[str, Told]:
    found = {name: told for key, told in VALUES.items() if (name := plain.get(key)) is not None}
    if not found:
        raise UsageError(f"{path}: no column is an intensity ({listed(list(plain.values()))}); {EXPECTED}")
    if len({told.kind for told in found.values()}) > 1:
        kept = {name: told for name, told in found.items() if kind is not None and told.kind == kind}
        if not kept:
            raise UsageError(
                f"{path}: {listed(list(found))} are average and marginal, or do not say which; --kind average or "
                "marginal chooses where the names say it, and the two are never mixed"
            )
        found = kept
    wanted = {name: told for name, told in found.items() if told.scope in (None, scope or "lifecycle")}
    if len(found) > 1 and len(wanted) == 1:
        found = wanted
    if len(found) > 1:
        raise UsageError(f"{path}: {listed(list(found))} are all intensities; keep one of them")
    return next(iter(found.items()))


def _first(plain: Mapping[str, str], keys: Sequence[str]) -> str | None:
    return next((plain[key] for key in keys if key in plain), None)
