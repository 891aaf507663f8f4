"""A run of loads on one phone in virtual time, as a calibration executes them: bytes, stamps and truth.

Radio loads draw what the radio's laws say and no processor; a `memory` load's copies are loops that take the memory as
well. Which part of a window the device says is assumed: a loop turn late, a print early.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.profiler.collecting.exchanges import exchanged
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.collecting.steps import AROUND_S, Asked
from edgewatt.virtual_lab.phone.anatomy import BATTERY, RADIO_W, RECEIVE, SEND, TAIL
from edgewatt.virtual_lab.phone.events import Event
from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.radio_law import receive_w, send_w
from edgewatt.virtual_lab.phone.virtual_time import nuisance
from edgewatt.virtual_lab.phone.virtual_time.one_phone import OnePhone
from edgewatt.virtual_lab.phone.virtual_time.plan import NS, Times
from edgewatt.virtual_lab.phone.virtual_time.telling import CLOCKS, DEVICE, GOING_ON, ORIGIN_NS, WORK, Telling
from edgewatt.virtual_lab.phone.virtual_time.work import Scripted
from edgewatt.virtual_lab.power.load import pulses

_LEAD_S, _TAIL_S = 4.0, 2.0
# A frequency is pinned before the load begins, and let go after it has ended.
_PINNED_NS: Final = 300_000_000
_PERIOD_NS: Final = 100_000_000
_TURN_NS: Final = 100_000
_BOUND_NS: Final = 200_000
# Of one transfer: its rate, the signal's wander about where the phone stands, and what Android says of it.
_RATE_REL, _WANDER_DB, _SAID_DB = 0.03, 1.0, 0.7
_PING_REL: Final = 0.15
_MOST, _LISTED = 100_000, 1000


@dataclass(frozen=True, slots=True)
class Executed:
    """A window as it was: from when to when in truth, its true signal, and what the device says of it."""

    asked: Asked
    t0_ns: int
    t1_ns: int
    ran: Ran
    rssi_dbm: float


class VirtualLoads(Telling):
    """`windows` executed in their order, where the phone hears `rssi_dbm`; `turn` parts runs of one seed."""

    def __init__(
        self, one: OnePhone, seed: int, windows: Sequence[Asked], *, turn: int = 0, rssi_dbm: float = -54.0
    ) -> None:
        self.one, self.phone, self.seed, self.turn = one, one.phone, seed, turn
        rng = self._rng(WORK, turn)
        spans_ns = _spans(windows, rng)
        end_ns = spans_ns[-1][1] + round(_TAIL_S * NS)
        self.begin_ns, self.end_ns = ORIGIN_NS, end_ns
        self.sampled_ns = spans_ns[0][0] - round(_LEAD_S / 2 * NS), end_ns - round(_TAIL_S / 2 * NS)
        times = Times(self.begin_ns, self.sampled_ns, (spans_ns[0], spans_ns[-1]), (), end_ns)
        self.clocks = nuisance.clocks_of(self.phone, times, self._rng(CLOCKS), None)
        self.timeline = nuisance.timeline_of(self.phone, ORIGIN_NS, self._rng(DEVICE), one.device)
        self.body = Scripted(self.phone, self.clocks, self.timeline)
        nuisance.going_on(self.body, times, self._rng(GOING_ON, turn), alone=True)
        governor = Governor(self.body)
        self.executed = tuple(
            self._execute(governor, asked, span_ns, rssi_dbm, rng)
            for asked, span_ns in zip(windows, spans_ns, strict=True)
        )
        governor.act(end_ns)
        self._equip()

    def mean_w(self, t0_ns: int, t1_ns: int, source: str = BATTERY) -> float:
        """The true mean power between two instants."""
        return float(self.timeline.energy_j(t0_ns, t1_ns, source)) / (t1_ns - t0_ns) * 1e9

    def _execute(
        self, governor: Governor, asked: Asked, span_ns: tuple[int, int], stands_dbm: float, rng: np.random.Generator
    ) -> Executed:
        load, (t0_ns, t1_ns) = asked.load, span_ns
        dbm = stands_dbm + _WANDER_DB * float(rng.standard_normal())
        governor.act(t0_ns - _PINNED_NS)
        self._pin(governor, asked, t0_ns - _PINNED_NS)
        seen: dict[str, Any] = {}
        if load.kind in ("cpu", "memory"):
            _spin(governor, load, span_ns)
            seen["loops"] = [int(2e5 * load.seconds * rng.uniform(0.9, 1.0)) for _ in load.cpus]
        elif load.kind == "exchange":
            seen = self._exchange(load, span_ns, dbm, rng)
        elif load.kind in ("send", "receive"):
            seen = self._transfer(load, span_ns, dbm, rng)
        governor.act(t1_ns + _PINNED_NS)
        self._unpin(governor, asked, t1_ns + _PINNED_NS)
        if load.address:
            seen["rssi_dbm"] = np.rint(dbm + _SAID_DB * rng.standard_normal(2)).tolist()
        edges_ns = self.clocks.boottime_ns([t0_ns, t1_ns]) + rng.integers(0, _TURN_NS, 2) * np.array([1, -1])
        ran = Ran(int(edges_ns[0]), int(edges_ns[1]), _BOUND_NS, seen)
        return Executed(asked, t0_ns, t1_ns, ran, dbm)

    def _transfer(self, load: Load, span_ns: tuple[int, int], dbm: float, rng: np.random.Generator) -> dict[str, Any]:
        (t0_ns, t1_ns), sends = span_ns, load.kind == "send"
        self.body.change("load", SEND if sends else RECEIVE, t0_ns, self._share(dbm, sends=sends))
        self.body.change("load", SEND if sends else RECEIVE, t1_ns, 0.0)
        self._tail(t1_ns, t1_ns)
        moved_b, seconds = round(self._rate(dbm, rng, down=not sends) * (t1_ns - t0_ns) / NS), (t1_ns - t0_ns) / NS
        if sends:
            return {"sent_b": moved_b, "send_s": [seconds]}
        return {"received_b": moved_b, "receive_s": [seconds]}

    def _exchange(self, load: Load, span_ns: tuple[int, int], dbm: float, rng: np.random.Generator) -> dict[str, Any]:
        """One after the other: bytes up, half a round trip, the work there, half a round trip, bytes down."""
        (t0_ns, t1_ns) = span_ns
        up_s, down_s = (load.sent_b / self._rate(dbm, rng), load.received_b / self._rate(dbm, rng, down=True))
        least_s = up_s + down_s + load.remote_s + self.phone.rtt_s
        count = min(int((t1_ns - t0_ns) / NS / least_s * 0.9) + 1, _MOST)
        rtt_s = self.phone.rtt_s * np.exp(_PING_REL * rng.standard_normal(count))
        begin_s = np.cumsum(up_s + down_s + load.remote_s + rtt_s) - (up_s + down_s + load.remote_s + rtt_s)
        fits = begin_s + least_s < (t1_ns - t0_ns) / NS
        begin_s, rtt_s = begin_s[fits], rtt_s[fits]
        answered_s, whole_s = begin_s + up_s + rtt_s + load.remote_s, begin_s + up_s + rtt_s + load.remote_s + down_s
        for name, from_s, length_s, sends in ((SEND, begin_s, up_s, True), (RECEIVE, answered_s, down_s, False)):
            edges_ns = t0_ns + np.rint(np.stack([from_s, from_s + length_s], axis=1) * NS).astype(np.int64)
            if length_s * NS >= 1:
                self.body.record(pulses(name, edges_ns[:, 0], edges_ns[:, 1], self._share(dbm, sends=sends)))
        self._tail(t0_ns, t1_ns)
        us = np.rint(np.stack([begin_s, answered_s, whole_s]) * 1e6).astype(int)
        remote_us = round(load.remote_s * 1e6)
        hits = [(a, b, c, load.sent_b, load.received_b, remote_us) for a, b, c in us.T.tolist()]
        return exchanged(hits[:_LISTED], load, len(hits))

    def _share(self, dbm: float, *, sends: bool) -> float:
        law = send_w if sends else receive_w
        return min(law(self.phone, dbm, self.one.power_per_db) / RADIO_W, 1.0)

    def _rate(self, dbm: float, rng: np.random.Generator, *, down: bool = False) -> float:
        return self.one.rate_b_per_s(dbm, down=down) * float(np.exp(_RATE_REL * rng.standard_normal()))

    def _tail(self, t0_ns: int, t1_ns: int) -> None:
        """The radio stays awake, through short exchanges as well."""
        self.body.change("load", TAIL, t0_ns, self.phone.radio_tail_w / RADIO_W)
        self.body.change("load", TAIL, t1_ns + round(self.phone.radio_tail_s * NS), 0.0)

    def _pin(self, governor: Governor, asked: Asked, t_ns: int) -> None:
        if asked.frequency_hz is not None:
            governor.limit(self.domain_of(asked.unit), (asked.frequency_hz, asked.frequency_hz), "schedutil", t_ns)

    def _unpin(self, governor: Governor, asked: Asked, t_ns: int) -> None:
        if asked.frequency_hz is not None:
            steps_hz = self.body.steps_hz(self.domain_of(asked.unit))
            governor.limit(self.domain_of(asked.unit), (steps_hz[0], steps_hz[-1]), "schedutil", t_ns)

    def domain_of(self, unit: str | None) -> str:
        """The domain of a unit that its channels call by its first processor. Raises KeyError."""
        return self.one.domain_of(unit)


def _spans(windows: Sequence[Asked], rng: np.random.Generator) -> list[tuple[int, int]]:
    """From when to when each window is executed, with what is around it."""
    now_ns = ORIGIN_NS + round(_LEAD_S * NS)
    spans_ns = []
    for one in windows:
        now_ns += round((AROUND_S + rng.uniform(-0.2, 0.2)) * NS)
        begin_ns, now_ns = now_ns, now_ns + round(one.load.seconds * NS)
        spans_ns.append((begin_ns, now_ns))
    return spans_ns


def _spin(governor: Governor, load: Load, span_ns: tuple[int, int]) -> None:
    """A loop on each processor, as the watch of the real-time lab tells of it."""
    t0_ns, t1_ns = span_ns
    what = "copy" if load.kind == "memory" else "loop"
    for cpu in load.cpus:
        governor.hear(Event(t0_ns, cpu, "pin", (str(cpu),)), t0_ns)
    busy_ns = round(load.duty_ratio * _PERIOD_NS)
    begins_ns = range(t0_ns, t1_ns, _PERIOD_NS) if load.duty_ratio < 1 else (t0_ns,)
    for begin_ns in begins_ns:
        end_ns = min(begin_ns + busy_ns, t1_ns) if load.duty_ratio < 1 else t1_ns
        governor.act(begin_ns)
        for cpu in load.cpus:
            governor.hear(Event(begin_ns, cpu, "spin", ("1", what, "1")), begin_ns)
        governor.act(end_ns)
        for cpu in load.cpus:
            governor.hear(Event(end_ns, cpu, "idle"), end_ns)
