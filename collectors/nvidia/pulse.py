"""The beat of a GPU's sensor: how often it has a new value, measured on the GPU at hand, and how that was found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from edgewatt.collectors.nvidia.library import NvmlError
from edgewatt.collectors.nvidia.power import Powers
from edgewatt.collectors.nvidia.updates import Answers, Update, Watched, watch
from edgewatt.profiler.channel import Channel, EnergySource, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock

# A first look ends after so many new values, or so many seconds: seven of a sensor with 100 ms, one or two of a second.
ENOUGH: Final = 7
LOOK_S: Final = 1.2
# Of a sensor of which nobody knows anything (assumed: as those of Turing and newer).
ASSUMED_S: Final = 0.1
# A measured period this close to the published one confirms it.
CONFIRMS: Final = 0.05
# Power that is new within this share of the period around a move of the counter is new with it.
TOGETHER: Final = 0.15

# What following every value of a fast sensor may cost.
CHEAP: Final = 0.01

Basis = Literal["measured", "published", "assumed"]
ASSUMED: Basis = "assumed"


@dataclass(slots=True)
class Pulse:
    """New values come every `period_s`, the last at `last_ns` (None: none was seen); `basis` says who says so.

    `asking_s`: what one round of questions takes. `together`: power has a new value when the counter moves (None: not
    seen, and taken to be so). The rest counts the rounds of following it, those in which a new value was caught, and
    how far apart the answers lay between which it came.
    """

    period_s: float
    basis: Basis
    last_ns: int | None = None
    bound_ns: int = 0
    together: bool | None = None
    asking_s: float = 0.0
    rounds: int = 0
    caught: int = 0
    apart_ns: int = 0

    @property
    def is_cheap(self) -> bool:
        """True if following every new value, three questions to the counter and one to power, costs under CHEAP."""
        return 2 * self.asking_s <= CHEAP * self.period_s

    def next_ns(self, now_ns: int, every: int) -> float:
        """When the next value is expected that is looked at."""
        step_ns = self.period_s * NS_PER_S
        return now_ns + step_ns if self.last_ns is None else self.last_ns + every * step_ns

    def note(self, update: Update, period_ns: float) -> None:
        """A round of following it is over; the period as it is known by now."""
        self.rounds += 1
        if update.seen:
            self.caught += 1
            self.apart_ns += update.high_ns - update.low_ns
        if self.caught >= ENOUGH:
            self.period_s, self.basis = period_ns / NS_PER_S, "measured"

    def facts(self) -> dict[str, Any]:
        """What was found, as plain JSON. `stamp_bound_s`: by how much the stamp of a new value can be wrong."""
        return {
            "update_period_s": self.period_s,
            "update_period_basis": self.basis,
            "power_with_counter": self.together,
            "updates_followed": self.rounds,
            "updates_caught": self.caught,
            "stamp_bound_s": self.apart_ns / self.caught / 2 / NS_PER_S if self.caught else None,
        }

    def usable(self, sources: Sequence[EnergySource]) -> tuple[tuple[EnergySource, ...], tuple[Unavailable, ...]]:
        """Without those whose readings would be stamped at another sensor's updates."""
        if self.together is not False:
            return tuple(sources), ()
        kept = tuple(source for source in sources if source.name.endswith("/energy"))
        reason = "power is not new when the energy counter moves, so its readings are of unknown age; take the counter"
        return kept, tuple(Unavailable(source.name, reason) for source in sources if source not in kept)


def first_look(powers: Powers, clock: Clock) -> tuple[Powers, Pulse]:
    """The sensor watched: how often it has a new value; without a counter that does not move.

    Raises NvmlError for a GPU that is lost.
    """
    if not powers.channels:
        return powers, Pulse(ASSUMED_S, "assumed")
    answers = watch(lambda: ask_all(powers), clock, LOOK_S, enough=ENOUGH)
    lead = answers.of(0)
    if powers.counter is not None and not len(lead.changes_ns):
        raw = next((row[0] for row in answers.rows if row[0] is not None), None)
        why = (
            f"the energy counter stayed at {raw} mJ for {lead.seconds:.1f} s: a counter that does not move measures "
            "nothing, which is not 0 J"
        )
        missing = (*powers.unavailable, Unavailable(powers.counter.column, why))
        powers = replace(powers, counter=None, unavailable=missing)
        if not powers.powers:
            return powers, Pulse(ASSUMED_S, "assumed")
        answers = Answers([row[1:] for row in answers.rows], answers.before_ns, answers.after_ns)
        lead = answers.of(0)
    published_s = powers.channels[0].period_s
    pulse = _pulse(lead, published_s)
    if powers.counter is not None and powers.powers:
        pulse.together = together(lead, answers.of(1), pulse.period_s)
    return _with_period(powers, pulse), pulse


def ask_all(powers: Powers) -> list[float | int | None]:
    """The counter, where there is one, and the powers; None for what is refused. Raises for a GPU that is lost."""
    found: list[float | int | None] = []
    for ask, count in (
        (lambda: [powers.energy()], int(powers.counter is not None)),
        (powers.watts, len(powers.powers)),
    ):
        if not count:
            continue
        try:
            found += ask()
        except NvmlError as failure:
            if failure.is_lost:
                raise
            found += [None] * count
    return found


def _pulse(lead: Watched, published_s: float | None) -> Pulse:
    last_ns = int(lead.changes_ns[-1]) if len(lead.changes_ns) else None
    bound_ns = int(np.median(lead.bound_ns)) if len(lead.bound_ns) else 0
    period_s, basis = ASSUMED_S, ASSUMED
    if lead.period_s is not None:
        period_s, basis = lead.period_s, "measured"
    elif published_s is not None:
        period_s, basis = published_s, "published"
    return Pulse(period_s, basis, last_ns, bound_ns, asking_s=lead.call_s)


def together(counter: Watched, power: Watched, period_s: float | None) -> bool | None:
    """Whether power changed when the counter did; None where too few changes were seen of either."""
    if period_s is None or len(counter.changes_ns) < 3 or len(power.changes_ns) < 3:
        return None
    apart_ns = [int(np.min(np.abs(counter.changes_ns - t_ns))) for t_ns in power.changes_ns]
    return bool(np.median(apart_ns) <= TOGETHER * period_s * NS_PER_S)


def _with_period(powers: Powers, pulse: Pulse) -> Powers:
    """The channels with the period that was measured, in two digits where it contradicts what is published."""
    if pulse.basis != "measured":
        return powers

    def measured(channel: Channel) -> Channel:
        known_s = channel.period_s
        if known_s is not None and abs(pulse.period_s - known_s) <= CONFIRMS * known_s:
            return channel
        return replace(channel, period_s=float(f"{pulse.period_s:.2g}"))

    counter = None if powers.counter is None else measured(powers.counter)
    return replace(
        powers, counter=counter, powers=tuple(replace(p, channel=measured(p.channel)) for p in powers.powers)
    )
