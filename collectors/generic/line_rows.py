"""Lines out of bytes, and rows out of lines, as a meter's TOML describes them. Any bytes are taken."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.generic.described import si_value
from edgewatt.device_profiles.meter import Column, Meter, Place
from edgewatt.profiler.storage.checked import shown

# Far above any meter's row; what is longer is no line but noise.
LINE_LIMIT: Final = 4096


class Lines:
    """Cuts bytes into lines, none longer than LINE_LIMIT; LF, CR or both end one.

    `skip_first` leaves out what comes before the first line end: who joins in midway may get "2.5" of "12.5".
    """

    def __init__(self, *, skip_first: bool) -> None:
        self._rest = b""
        self._skips, self._joined = skip_first, False
        self.too_long = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """The lines that `data` completes, each with whether it is known to be whole."""
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            is_whole, self._joined = self._joined or not self._skips, True
            if len(line) > LINE_LIMIT:
                self.too_long += 1
                yield line[:LINE_LIMIT], False
            elif line:
                yield line, is_whole
        if len(self._rest) > LINE_LIMIT:
            self.too_long += self._joined or not self._skips
            self._rest, self._joined, self._skips = b"", False, True


@dataclass(frozen=True, slots=True)
class Row:
    """What a line says: a value in SI per column (NaN: not measured), the meter's own time in ns, what was wrong."""

    values: Sequence[float]
    time_ns: int | None = None
    wrong: tuple[str, ...] = ()


class Rows:
    """Tells rows from chatter and garbage; a header line says where named columns stand."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._prefix: str = meter.settings.get("prefix", "")
        self._end: str = meter.settings.get("end", "")
        self._separator: str | None = meter.settings.get("separator", ",")
        if self._separator == " ":
            self._separator = None
        self._count: int | None = meter.settings.get("fields")
        places = [column.place for column in meter.columns] + ([meter.time.place] if meter.time else [])
        self._named = {place.named for place in places if place.named is not None}
        self._header: Mapping[str, int] = {}

    @property
    def waits_for_header(self) -> bool:
        """True if columns have names and no header has said where they are."""
        return bool(self._named) and not self._header

    def parse(self, line: bytes, *, whole: bool = True) -> Row | str | None:
        """The row in `line`; why it is none; or None for chatter. Of a line that is not `whole` a header counts."""
        text = line.decode(errors="replace").strip()
        fields = [field.strip() for field in text.removesuffix(self._end).split(self._separator)]
        if self._named and self._named <= set(fields):
            self._header = {name: fields.index(name) for name in self._named}
            return None
        if not whole or not text.startswith(self._prefix) or not text or self.waits_for_header:
            return None
        if self._count is not None and len(fields) != self._count:
            return f"{len(fields)} fields in place of {self._count}: {shown(text)}"
        return self._row(fields, text)

    def _row(self, fields: Sequence[str], text: str) -> Row | str:
        found = [self._value(column, fields) for column in self._meter.columns]
        wrong = tuple(reason for reason in found if isinstance(reason, str))
        time_ns = None
        if self._meter.time is not None:
            time_ns = _time_ns(self._at(self._meter.time.place, fields), self._meter.time.unit_ns)
            if time_ns is None:
                return f"no time of the meter: {shown(text)}"
        if len(wrong) == len(found):
            return f"{wrong[0]}: {shown(text)}"
        return Row([math.nan if isinstance(value, str) else value for value in found], time_ns, wrong)

    def _value(self, column: Column, fields: Sequence[str]) -> float | str:
        field = self._at(column.place, fields)
        return f"no {column.quantity.value}" if field is None else si_value(column, field)

    def _at(self, place: Place, fields: Sequence[str]) -> str | None:
        if place.after is not None:
            index = fields.index(place.after) + 1 if place.after in fields else len(fields)
        else:
            index = self._header[place.named] if place.named is not None else (place.field or 0) - 1
        return fields[index] if 0 <= index < len(fields) else None


def _time_ns(text: str | None, unit_ns: int) -> int | None:
    """A meter's time, not below 0, in ns; None if it is none."""
    whole, _, fraction = (text or "").partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 18):
        return None
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    return int(whole) * unit_ns + round(float(f"0.{fraction or 0}") * unit_ns)
