"""ODPM: a counter per rail, in microwatt-seconds. Those of one PMIC update together and share a time base.

Paths and formats as owners of phones published them (personalities.py). Gains are assumed: off by a per cent
(second-hand: nobody states it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.sensors.counters import EnergyCounter, EnergyCounterModel
from edgewatt.virtual_lab.sensors.updates import Instants, Schedule, Updates

_GAIN_SD: Final = 0.01
_START_UWS: Final = (10**8, 10**11)


@dataclass(frozen=True, slots=True)
class Pmic:
    """The counters of one PMIC by the label of their rail, in the order of its channels."""

    number: int
    schedule: Schedule
    counters: Mapping[str, EnergyCounter]


class RailCounters:
    """All counters of one phone."""

    def __init__(self, body: Body, rng: np.random.Generator) -> None:
        self._body = body
        self._updates = Updates(body.phone.odpm_period_s)
        numbers = sorted({rail.pmic for rail in body.phone.rails})
        self.pmics = {
            number: self._pmic(number, own) for number, own in zip(numbers, rng.spawn(len(numbers)), strict=True)
        }
        self._latest: dict[int, tuple[int, str]] = {}

    @property
    def gains(self) -> Mapping[str, float]:
        """By what the counter of each rail is wrong."""
        return {label: counter.gain for pmic in self.pmics.values() for label, counter in pmic.counters.items()}

    def energy_value(self, number: int, t_ns: Instants) -> list[str | None]:
        """What the file of a PMIC says at each instant."""
        index = self.pmics[number].schedule.index(t_ns)
        first, last = int(index.min()), int(index.max())
        if first == last:
            return [self._latest_text(number, first)] * len(index)
        texts = self._texts(number, np.arange(first, last + 1))
        return [texts[at] for at in (index - first).tolist()]

    def uws(self, t_ns: int) -> dict[str, int]:
        """What each rail has counted."""
        at = np.array([t_ns])
        return {
            label: int(counter.after(pmic.schedule.index(at)).raw[0])
            for pmic in self.pmics.values()
            for label, counter in pmic.counters.items()
        }

    def _pmic(self, number: int, rng: np.random.Generator) -> Pmic:
        body, (chip, starting) = self._body, rng.spawn(2)
        rails = [rail for rail in body.phone.rails if rail.pmic == number]
        schedule = Schedule(self._updates, body.timeline.origin_ns, chip)
        starts = starting.integers(*_START_UWS, len(rails)).tolist()
        counters = {
            rail.label: EnergyCounter(
                EnergyCounterModel(rail.label, self._updates, gain_sd=_GAIN_SD, start=start),
                body.timeline,
                own,
                base=lambda t_ns: body.clocks.base_ms(number, t_ns),
                schedule=schedule,
            )
            for rail, start, own in zip(rails, starts, rng.spawn(len(rails)), strict=True)
        }
        return Pmic(number, schedule, counters)

    def _latest_text(self, number: int, index: int) -> str:
        """Of one update; the last one asked for is remembered, since it holds for a while."""
        known = self._latest.get(number)
        if known is None or known[0] != index:
            known = self._latest[number] = (index, self._texts(number, np.array([index]))[0])
        return known[1]

    def _texts(self, number: int, index: Instants) -> list[str]:
        """Of each update, in bulk: a second of a phone is hundreds of numbers."""
        pmic = self.pmics[number]
        counts = [counter.after(index) for counter in pmic.counters.values()]
        stamps = list(map(str, counts[0].stamp.tolist()))
        rows = "".join(f"CH{n}(T=%s)[{label}], %d\n" for n, label in enumerate(pmic.counters))
        columns = [stamps, *(column for count in counts for column in (stamps, count.raw.tolist()))]
        numbers = tuple(chain.from_iterable(zip(*columns, strict=True)))
        return (f"t=%s\n{rows}\0" * len(index) % numbers).split("\0")[:-1]
