"""Instruments that speak SCPI, asked over PyVISA for what a TOML file describes (device_profiles/meter.py).

`scpi:RESOURCE?as=METER&boundary=WHERE`: RESOURCE is VISA's own name, such as `TCPIP::10.0.0.7::INSTR` or
`USB0::0x0B21::0x0025::C2UF01234::INSTR`. Options: those of every described meter (described.py), `period` in seconds,
and `library` for another VISA than PyVISA finds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from edgewatt.collectors.generic.described import OPTIONS, Described, describe, si_value
from edgewatt.collectors.generic.options import period_of
from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.scpi_session import ScpiSession, unanswered
from edgewatt.device_profiles.meter import Column
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device, DeviceUri, Family, only_options
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.holding import hold
from edgewatt.profiler.storage.checked import shown

READ_S: Final = 0.1


class Scpi:
    """The Collector of one instrument: every query once per `period_s`, stamped at the middle of them all."""

    def __init__(self, described: Described, session: ScpiSession, period_s: float) -> None:
        self._described, self._session, self._period_s = described, session, period_s
        self._polling: Polling | None = None
        self.wrong = 0

    def open(self, clock: Clock) -> Opened:
        """Start it. Raises DeviceError if it does not answer, or to none of its queries with a value."""
        by_query: dict[str, list[Column]] = {}
        for column in self._described.meter.columns:
            by_query.setdefault(column.query or "", []).append(column)
        self._check(by_query, clock)
        readings = [
            Reading(query, self._described.channels(columns), self._asking(query, columns, clock))
            for query, columns in by_query.items()
        ]
        self._polling = Polling(readings, clock, self._period_s)
        return Opened(
            self._described.name,
            {"": tuple(channel for reading in readings for channel in reading.channels)},
            sources=self._described.sources(),
            clock=clock.name,
            facts={"poll_period_s": self._period_s, "queries": list(by_query)},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row, a Gap while it does not answer, or an empty Batch if none is due."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop it, and hang up."""
        self._polling = None
        self._session.close()

    def _check(self, by_query: Mapping[str, Sequence[Column]], clock: Clock) -> None:
        separator: str = self._described.meter.settings.get("separator", ",")
        wrong = []
        try:
            self._session.open()
            for query, columns in by_query.items():
                answer = self._session.ask(query, clock)
                if all(isinstance(_value(column, answer.split(separator)), str) for column in columns):
                    wrong.append(f"{query} is answered {shown(answer)}")
        except OSError as error:
            raise unanswered(self._described.meter.title, error) from None
        if len(wrong) == len(by_query):
            self._session.close()
            raise DeviceError(f"{self._described.meter.name} does not describe this instrument: {'; '.join(wrong)}")

    def _asking(self, query: str, columns: Sequence[Column], clock: Clock) -> Callable[[], list[float | None]]:
        separator: str = self._described.meter.settings.get("separator", ",")

        def ask() -> list[float | None]:
            fields = self._session.ask(query, clock).split(separator)
            values = [_value(column, fields) for column in columns]
            self.wrong += sum(isinstance(value, str) for value in values)
            return [None if isinstance(value, str) else value for value in values]

        return ask


def _value(column: Column, fields: Sequence[str]) -> float | str:
    at = (column.place.field or 1) - 1
    return si_value(column, fields[at]) if at < len(fields) else "no such field"


def _open(uri: DeviceUri) -> Device:
    """The instrument that the URI names. Raises UsageError for a wrong URI, DeviceError without the right answer."""
    only_options(uri, *OPTIONS, "library", "period")
    described = describe(uri, "scpi")
    if not uri.rest or not uri.rest.isprintable():
        raise UsageError(f"device {uri.text!r}: expected a VISA resource, such as scpi:TCPIP::10.0.0.7::INSTR")
    settings = described.meter.settings
    session = ScpiSession(uri.rest, settings, uri.options.get("library", ""))
    period_s = period_of(uri, settings.get("read_s", READ_S)) or READ_S
    held = hold(f"instrument {uri.rest}")
    try:
        session.open()
    except OSError as error:
        held.release()
        raise unanswered(uri.rest, error) from None
    collector = Scpi(described, session, period_s)

    def close() -> None:
        collector.close()
        held.release()

    return Device(
        uri=uri.text,
        name=session.identity or described.meter.title,
        device_id=session.identity or f"{described.name}@{uri.rest}",
        collectors=(collector,),
        facts={**described.facts, "identity": session.identity},
        remarks=lambda: _remarks(described.name, collector, session),
        close=close,
    )


def _remarks(name: str, collector: Scpi, session: ScpiSession) -> list[str]:
    counts = {"meter_values_unreadable": collector.wrong, "meter_reconnected": session.returns}
    return [f"{code}:{name}:{count}" for code, count in counts.items() if count]


FAMILY: Final = Family(usage="scpi:RESOURCE?as=METER&boundary=WHERE[&period=S]", open=_open, discover=list)
