"""The tool at work: its phases through the same governor as in real time, and the edges of every iteration."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from edgewatt.virtual_lab.clocks import DeviceClocks, Instants
from edgewatt.virtual_lab.phone.anatomy import COPY, unit_loads
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.events import Event
from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.tool_delegates import Delegated
from edgewatt.virtual_lab.phone.virtual_time.plan import Iterated, Plan, Pulsed, Times
from edgewatt.virtual_lab.power.load import Change, Kind
from edgewatt.virtual_lab.power.timeline import Timeline

_LOADING = ("cpu", "1", "1")
_PULSES_PID = -1
_BESIDE_PID = 10_000


class Scripted(Body):
    """A body to which everything is told before it happens, and recorded in one go, which is much quicker."""

    def __init__(self, phone: Personality, clocks: DeviceClocks, timeline: Timeline) -> None:
        self._parts: dict[tuple[Kind, str], list[Change]] = {}
        super().__init__(phone, timeline.origin_ns, clocks, timeline)

    def record(self, change: Change) -> None:
        """Keep it until `play`."""
        self._parts.setdefault((change.kind, change.name), []).append(change)

    def play(self) -> None:
        """Let all of it be so."""
        for (kind, name), parts in self._parts.items():
            t_ns, values = np.concatenate([part.t_ns for part in parts]), np.concatenate([part.value for part in parts])
            self.timeline.record(Change(kind, name, t_ns, values))
        self._parts.clear()


def work(
    body: Body, times: Times, plan: Plan, handed: Delegated, beside: Sequence[tuple[int, str, float]] = ()
) -> None:
    """Tell the body the loads and clocks of every process of a plan, whose network is executed as it was `handed` on.

    `beside` works all through the repeats: by processor, `loop` or `copy`, and for which share of the time.
    """
    governor = Governor(body)
    for domain, hz in plan.held_hz:
        governor.limit(domain, (hz, hz), "schedutil", times.begin_ns)
    _pulse(governor, times.trains[:1])
    inferring = handed.unit, str(plan.threads), f"{handed.share:.6g}"
    all_loads = unit_loads(body.phone, handed.unit, plan.threads, handed.share, plan.cpus)
    loads = {name: of for name, of in {**all_loads, COPY: plan.memory}.items() if of > 0}
    co_pids = [(_BESIDE_PID + cpu, cpu, what, part) for cpu, what, part in beside]
    for pid, cpu, what, part in co_pids:
        governor.hear(Event(None, pid, "pin", (str(cpu),)), times.repeats[0].look_ns[0])
        governor.hear(Event(None, pid, "spin", ("1", what, f"{part:.6g}")), times.repeats[0].look_ns[0])
    for pid, repeat in enumerate(times.repeats):
        if plan.cpus:
            governor.hear(Event(None, pid, "pin", (",".join(map(str, plan.cpus)),)), repeat.init_ns[0])
        _begin(governor, pid, repeat.init_ns[0], _LOADING)
        _end(governor, pid, repeat.init_ns[1])
        for phase in (repeat.warmup, repeat.measured):
            begin_ns, end_ns = phase.span_ns
            _begin(governor, pid, begin_ns, inferring)
            if plan.memory > 0:
                body.change("load", COPY, begin_ns, plan.memory)
            _rest(body, phase, loads)
            _end(governor, pid, end_ns)
    for pid, *_ in co_pids:
        _end(governor, pid, times.repeats[-1].exit_ns)
    _pulse(governor, times.trains[1:])
    governor.act(times.end_ns)


def _pulse(governor: Governor, trains: Iterable[Pulsed]) -> None:
    """Pulses of load on one of the big cores."""
    for train in trains:
        for begin_ns, end_ns in zip(train.begin_ns.tolist(), train.end_ns.tolist(), strict=True):
            _begin(governor, _PULSES_PID, begin_ns, _LOADING)
            _end(governor, _PULSES_PID, end_ns)


def _begin(governor: Governor, pid: int, t_ns: int, words: tuple[str, ...]) -> None:
    governor.act(t_ns)
    governor.hear(Event(t_ns, pid, "busy", words), t_ns)


def _end(governor: Governor, pid: int, t_ns: int) -> None:
    governor.act(t_ns)
    governor.hear(Event(t_ns, pid, "idle"), t_ns)


def _rest(body: Body, phase: Iterated, loads: Mapping[str, float]) -> None:
    """Between two iterations nothing of the work goes on."""
    gaps_ns: Instants = np.stack([phase.end_ns[:-1], phase.begin_ns[1:]], axis=1).ravel()
    for name, intensity in loads.items():
        body.record(Change("load", name, gaps_ns, np.tile([0.0, intensity], len(gaps_ns) // 2)))
