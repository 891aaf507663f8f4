"""When a phone was charged, by what plug, and how much went in: the charge log of interactive use.

It is asked with `-c`, which only prints. `--checkin` also clears the last finished statistics (its own help says so),
and `--reset` begins anew: neither is used. Android begins anew by itself when a full phone is unplugged, so the log
reaches back to then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services.asking import refusal, shown
from edgewatt.collectors.android.services.battery_history import UNKNOWN_PLUG, moments
from edgewatt.collectors.android.services.battery_stays import Anchor, Stay, anchors_of, stays
from edgewatt.collectors.android.services.batteryservice import COULOMB_PER_UAH, HIGH_UAH, HIGH_V, LOW_UAH, LOW_V
from edgewatt.profiler.errors import DeviceError

COMMAND: Final = "dumpsys batterystats -c"
# Recorded: 50,000 lines, some 3 MB; dumpsys itself gives a service 10 s.
TIMEOUT_S: Final = 30.0
LIMIT_B: Final = 32 << 20
# Beyond so many, it is no phone's log.
CHARGES_LIMIT: Final = 10_000
_COULOMB_PER_MAH: Final = 1000 * COULOMB_PER_UAH
_LEAST_MAH: Final = LOW_UAH / 1000
_MOST_MAH: Final = HIGH_UAH / 1000
# A charge counter that stays, while the level rises by so much, does not count (assumed).
_STUCK: Final = 0.03

NO_CLOCK = "the log gives no time of day for it"
LOCAL_CLOCK = "the log gives local time, and the phone's time zone was not told"


@dataclass(frozen=True, slots=True)
class Charge:
    """One stay on one plug. Times are UTC in seconds since 1970, null with a reason in `reasons`.

    `energy_in_j` is what the battery gained, by its own gauge: neither what the phone used meanwhile nor what its
    charger lost is in it. `energy_how` is "charge counter" (in steps of 1 mAh) or "level".
    """

    t0_s: float | None
    t1_s: float | None
    duration_s: float
    level_from_ratio: float | None
    level_to_ratio: float | None
    plug: str
    energy_in_j: float | None
    energy_how: str | None
    screen_on_s: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargeLog:
    """The charges of the stretch from `t0_s` to `t1_s` (UTC) that the log covers, and why it says less than asked."""

    charges: tuple[Charge, ...] = ()
    t0_s: float | None = None
    t1_s: float | None = None
    reasons: tuple[str, ...] = ()

    def rows(self, device_id: str, *, basis: str, source: str) -> list[dict[str, Any]]:
        """Rows of the table `charge` of a calibration; a charge without a time of day is none."""
        return [
            {
                "device_id": device_id,
                "t0_s": one.t0_s,
                "t1_s": one.t1_s,
                "energy_in_j": one.energy_in_j,
                "level_from_ratio": one.level_from_ratio,
                "level_to_ratio": one.level_to_ratio,
                "plug": one.plug,
                "basis": basis,
                "source": source,
            }
            for one in self.charges
            if one.t0_s is not None
        ]


def charge_log(phone: Phone, *, capacity_coulomb: float | None = None) -> ChargeLog:
    """Ask the phone. A refusal is a log without charges and with a reason; raises DeviceError as Phone.sh does."""
    answer = phone.sh(COMMAND, timeout_s=TIMEOUT_S, limit_b=LIMIT_B)
    if why := refusal(answer):
        return ChargeLog(reasons=(f"{COMMAND}: {why}",))
    return parse_batterystats(answer.stdout, capacity_coulomb=capacity_coulomb)


def parse_batterystats(raw: bytes, *, zone_s: float | None = None, capacity_coulomb: float | None = None) -> ChargeLog:
    """The charges in what `dumpsys batterystats -c` or `--history` printed; any bytes are accepted.

    `zone_s`: how far the phone's local time is ahead of UTC, for the text form. `capacity_coulomb`: of the full
    battery, for phones without a charge counter. Raises DeviceError for a capacity that cannot be.
    """
    if capacity_coulomb is not None and not 0 < capacity_coulomb < 1e6:
        raise DeviceError(f"a battery of {capacity_coulomb:g} C is none of a phone; 4000 mAh are 14400 C")
    text = raw.decode(errors="replace")
    history, why = moments(text)
    if not history:
        return ChargeLog(reasons=(f"{why}; it reads {shown(text)}",))
    clock = _Clock(anchors_of(history), zone_s)
    charges: list[Charge] = []
    reasons = [] if why is None else [why]
    for stay in stays(history):
        if len(charges) == CHARGES_LIMIT:
            reasons.append(f"only the first {CHARGES_LIMIT} charges are kept")
            break
        charges.append(_charge(stay, clock, capacity_coulomb))
    if not charges:
        reasons.append("the phone was not plugged in within its log")
    last = len(clock.anchors) - 1
    return ChargeLog(tuple(charges), clock.utc_s(history[0].ms, 0), clock.utc_s(history[-1].ms, last), tuple(reasons))


@dataclass(frozen=True, slots=True)
class _Clock:
    """Per start of the phone: its clock less the history's time, and whether that clock is local."""

    anchors: Sequence[Anchor | None]
    zone_s: float | None

    def why_not(self, boot: int) -> str | None:
        anchor = self.anchors[boot]
        if anchor is None:
            return NO_CLOCK
        return LOCAL_CLOCK if anchor[1] and self.zone_s is None else None

    def utc_s(self, ms: int, boot: int) -> float | None:
        anchor = self.anchors[boot]
        if anchor is None or self.why_not(boot):
            return None
        return (ms + anchor[0]) / 1000 - (self.zone_s or 0.0 if anchor[1] else 0.0)


def _charge(stay: Stay, clock: _Clock, capacity_coulomb: float | None) -> Charge:
    reasons = list(stay.reasons)
    if why := clock.why_not(stay.boot):
        reasons.append(why)
    if stay.plug == UNKNOWN_PLUG:
        reasons.append("the log names no plug that Android documents")
    levels = [level for level, _, _ in stay.seen if level is not None]
    energy_j, how = _energy(stay, levels, capacity_coulomb)
    return Charge(
        clock.utc_s(stay.t0_ms, stay.boot),
        clock.utc_s(stay.t1_ms, stay.boot),
        (stay.t1_ms - stay.t0_ms) / 1000,
        levels[0] / 100 if levels else None,
        levels[-1] / 100 if levels else None,
        stay.plug,
        energy_j,
        how if energy_j is not None else None,
        stay.screen_ms / 1000,
        tuple(reasons if energy_j is not None else [*reasons, how]),
    )


def _energy(stay: Stay, levels: Sequence[int], capacity_coulomb: float | None) -> tuple[float | None, str]:
    """What the battery gained in joules, and how that is known, or why it is not."""
    volts = [None if mv is None or not LOW_V <= mv / 1000 <= HIGH_V else mv / 1000 for _, mv, _ in stay.seen]
    known = [(mah, volt) for (_, _, mah), volt in zip(stay.seen, volts, strict=True) if mah is not None and volt]
    counts = len(known) > 1 and all(_LEAST_MAH <= mah <= _MOST_MAH for mah, _ in known)
    rise = (levels[-1] - levels[0]) / 100 if levels else 0.0
    told = [volt for volt in volts if volt is not None]
    if not told:
        return None, "no energy: the log has no voltage for it"
    if counts and not (rise >= _STUCK and len({mah for mah, _ in known}) == 1):
        coulomb_volts = sum((mah1 - mah0) * (volt0 + volt1) / 2 for (mah0, volt0), (mah1, volt1) in pairwise(known))
        return coulomb_volts * _COULOMB_PER_MAH, "charge counter"
    if capacity_coulomb is not None and levels:
        return rise * capacity_coulomb * sum(told) / len(told), "level"
    return None, "no energy: this phone counts no charge; told its battery's capacity, the level gives an estimate"
