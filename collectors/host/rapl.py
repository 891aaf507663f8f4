"""RAPL: the joules that Intel and AMD processors count, read through powercap.

`energy_uj` counts microjoules up to `max_energy_range_uj` and starts again at 0. Neither vendor states the gain of
these counters, so their channels carry no accuracy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import no_number, parse_int, read_bytes, read_int, unreadable, why
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.powercap import METER, Zone, denied, find_zones, why_none
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.units import Quantity

NAME: Final = "rapl"
SCALE: Final = 1e-6  # microjoule
INT64_MAX: Final = 2**63 - 1
# Fifty updates of a counter that moves every millisecond; a second look for one that moves seldom.
WATCH_S: Final = (0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Counter:
    """A zone that answered: its first value in microjoule, and the largest that it shows (None: not known)."""

    zone: Zone
    first: int
    largest: int | None

    @property
    def label(self) -> str:
        """The name of its channel."""
        return self.zone.label

    @property
    def counter_range(self) -> int | None:
        """One more than the largest value.

        The kernel gives 2^32 - 1 counts as the range (intel_rapl_common.c, get_max_energy_counter), so the true
        modulus lies one count, 15 to 61 microjoule, above it. Which one, powercap does not tell; a wrap-around comes
        at most every ten minutes, and 61 microjoule of 65 kJ are nothing.
        """
        return None if self.largest is None else self.largest + 1

    def read(self) -> list[int | None]:
        """The count in microjoule; None if it is no count that this zone can show. Raises OSError."""
        value = read_int(self.zone.energy)
        return [value if value is not None and 0 <= value <= (self.largest or INT64_MAX) else None]


class Rapl:
    """The energy counters of every RAPL zone, polled every `period_s` seconds (None: as the profile says).

    What cannot be read is in `Opened.unavailable`, each with the permission that would help; with nothing readable
    there are no channels, only reasons. A counter that does not move while it is watched at `open` (0.15 s at most)
    is not measured.
    """

    def __init__(
        self, places: Places = HERE, *, period_s: float | None = None, profile: DeviceProfile | None = None
    ) -> None:
        self._places, self._profile = places, profile or load("linux_rapl")
        self._period_s = self._profile.number("poll_period_s") if period_s is None else period_s
        self._polling: Polling | None = None

    def open(self, clock: Clock) -> Opened:
        """The counters that count, the joules that may be formed of them, and why the rest is missing."""
        counters, unavailable = survey(self._places)
        counters, too_fast = self._without_fast(counters)
        counters, still = _without_still(counters, clock)
        unavailable += [*too_fast, *still]
        channels = {c.label: self._channel(c) for c in counters}
        unread = {u.what.removesuffix(".energy_j") for u in unavailable}
        unavailable += [_without_range(c) for c in counters if c.largest is None]
        self._polling = Polling(
            [Reading(str(c.zone.energy), (channels[c.label],), c.read) for c in counters], clock, self._period_s
        )
        terms = {label: (channel.column,) for label, channel in channels.items()}
        return Opened(
            NAME,
            {"": tuple(channels.values())} if channels else {},
            tuple(unavailable),
            energy_sources(self._profile, NAME, terms, unreadable=unread),
            clock.name,
            facts={"poll_period_s": self._period_s, "profile": self._profile.name},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row of counts, a Gap where zones fail, or an empty Batch if none is due within the timeout."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop reading; nothing is held open."""
        self._polling = None

    def _channel(self, counter: Counter) -> Channel:
        found = match(self._profile, counter.label)
        return Channel(
            counter.label,
            Quantity.ENERGY,
            "counter",
            source=str(counter.zone.energy),
            scale=SCALE,
            counter_range=counter.counter_range,
            period_s=self._profile.number("update_period_s"),
            boundary=found.rail.boundary if found else "rail",
            covers=found.covers if found else (),
        )

    def _without_fast(self, counters: Iterable[Counter]) -> tuple[list[Counter], list[Unavailable]]:
        """Without the counters that could wrap around unseen: polled less often than max_range / (2 x power limit)."""
        limit_w = self._profile.number("power_limit_w")
        kept, dropped = [], []
        for counter in counters:
            longest_s = float("inf") if counter.largest is None else counter.largest * SCALE / (2 * limit_w)
            if longest_s >= self._period_s:
                kept.append(counter)
                continue
            reason = (
                f"{counter.zone.folder}/max_energy_range_uj is {counter.largest}: at {limit_w:.0f} W it could wrap "
                f"around unseen unless read every {longest_s:.3g} s, and it is read every {self._period_s:g} s"
            )
            dropped.append(Unavailable(f"{counter.label}.energy_j", reason))
        return kept, dropped


def survey(places: Places) -> tuple[list[Counter], list[Unavailable]]:
    """The counters that can be read, each once, and why others cannot; without watching whether they move."""
    zones = find_zones(places)
    if not zones:
        return [], [why_none(places)]
    counters, unavailable = [], []
    for same in zones.values():
        answers = [_probe(zone, places) for zone in same]
        counter = next((answer for answer in answers if isinstance(answer, Counter)), None)
        if counter is not None:
            counters.append(counter)
        else:
            unavailable += [answer for answer in answers[:1] if isinstance(answer, Unavailable)]
    return counters, unavailable


def _probe(zone: Zone, places: Places) -> Counter | Unavailable:
    what = f"{zone.label}.energy_j"
    try:
        first = parse_int(read_bytes(zone.energy))
    except PermissionError:
        return denied(zone.label, zone.energy, places)
    except OSError as error:
        return unreadable(what, zone.energy, error)
    if first is None or first < 0:
        return no_number(what, zone.energy, "microjoule")
    try:
        largest = read_int(zone.folder / "max_energy_range_uj")
    except OSError:
        largest = None
    known = largest is not None and max(first, 1) <= largest < INT64_MAX
    return Counter(zone, first, largest if known else None)


def _without_range(counter: Counter) -> Unavailable:
    return Unavailable(
        f"{counter.label}.energy_j across a wrap-around",
        f"{counter.zone.folder}/max_energy_range_uj cannot be read or contradicts the counter: "
        "a count that falls may be a wrap-around or a reset",
    )


def _without_still(counters: Sequence[Counter], clock: Clock) -> tuple[list[Counter], list[Unavailable]]:
    """Without the counters that do not move: nobody counts there, which is not the same as 0 J."""
    still = list(counters)
    failed: dict[str, Unavailable] = {}
    for wait_s in WATCH_S:
        if not still:
            break
        clock.sleep(wait_s)
        still = [c for c in still if not _moved(c, failed)]
    for counter in still:
        reason = (
            f"{counter.zone.energy} stayed at {counter.first} for {sum(WATCH_S):g} s: a counter that does not move "
            "measures nothing, which is not 0 J"
        )
        failed.setdefault(counter.label, Unavailable(f"{counter.label}.energy_j", reason, METER))
    return [c for c in counters if c.label not in failed], list(failed.values())


def _moved(counter: Counter, failed: dict[str, Unavailable]) -> bool:
    try:
        now = counter.read()[0]
    except OSError as error:
        path = counter.zone.energy
        failed[counter.label] = Unavailable(f"{counter.label}.energy_j", f"{path}: {why(error)} at the second look")
        return True
    return now is not None and now != counter.first
