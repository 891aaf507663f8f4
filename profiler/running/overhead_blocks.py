"""The blocks of an overhead measurement: a device sampled as a run samples it, or left alone, and what saw it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.overhead_effect import Block
from edgewatt.profiler.running.record import recording_of
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# A look at counters takes at least one sample of each; a gauge of a phone is read once a second.
LOOK_S: Final = 2.5
# Of a block with a meter, so much of its samples have to be there.
COVERAGE: Final = 0.5
_OWN: Final = f"sampler.{Quantity.LOAD.value}"


@dataclass(slots=True)
class Costs:
    """What was seen of the sampler's processor time: of itself on the device, or of this process on the same machine.

    Shares of one processor, a value for each block; `state` is how the sampler worked.
    """

    on_device: list[float] = field(default_factory=list)
    here_on: list[float] = field(default_factory=list)
    here_off: list[float] = field(default_factory=list)
    state: str = "polling"


@contextmanager
def sampled(device: Device, path: Path, clock: Clock, costs: Costs) -> Iterator[Recording]:
    """The device while it is sampled into a run at `path`; what its sampler says of itself joins `costs`."""
    writer = begin_run(path, device)
    with recording_of(writer, device, (), clock) as recording:
        if not any(opened.channels for opened in recording.opened):
            raise DeviceError(f"{device.uri}: nothing of it can be sampled, so that nothing disturbs it")
        states = [opened.facts["detached"] for opened in recording.opened if "detached" in opened.facts]
        yield recording
    trace = Trace.open(path)
    if _OWN in trace.columns:
        costs.state = "detached" if any(states) else "attached"
        _, load = trace.series(_OWN).to_numpy()
        if len(load := load[np.isfinite(load)]):
            costs.on_device.append(float(load.mean()))


@contextmanager
def timed(times: list[float]) -> Iterator[None]:
    """Adds the share of one processor that this process takes meanwhile."""
    began_s, cpu_s = time.monotonic(), time.process_time()
    yield
    times.append((time.process_time() - cpu_s) / max(time.monotonic() - began_s, 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A counter in SI at an instant of the host's clock, and the smallest step that it was seen to make."""

    t_ns: int
    value: float
    step: float


def counter_sources(trace: Trace) -> list[EnergySource]:
    """The sources made of counters alone, which go on while nobody reads them; the battery's charge among them."""
    columns = trace.columns
    found = [s for s in trace.sources if all(_is_counted([columns[c].channel for c in term]) for term in s.terms)]
    gauges = [s for s in trace.sources if s.boundary == "gauge" and s not in found]
    for source in gauges:
        for term in source.terms:
            charge = f"{term[0].partition('.')[0]}.{Quantity.CHARGE.value}"
            volt = f"{term[0].partition('.')[0]}.{Quantity.VOLTAGE.value}"
            if charge in columns and columns[charge].channel.kind == "counter" and volt in columns:
                found.append(EnergySource(f"{source.name}_charge", ((charge, volt),), source.boundary, source.covers))
    return found


def _is_counted(term: Sequence[Channel]) -> bool:
    counters = [channel for channel in term if channel.kind == "counter"]
    gauges = [channel.quantity for channel in term if channel.kind == "gauge"]
    return len(counters) == 1 and gauges in ([], [Quantity.VOLTAGE])


def counted_block(first: Trace, last: Trace, source: EnergySource, on_s: float, origin_ns: int) -> Block | None:
    """The mean power of a block from a source's first count in one trace to its last in another; None: not seen.

    In `on_s` seconds of it the device was sampled.
    """
    power_w, u_w, at_s, took_s = 0.0, 0.0, 0.0, math.inf
    for term in source.terms:
        counter = next(c for c in term if first.columns[c].channel.kind == "counter")
        volts = [_mean(trace, c) for c in term if c != counter for trace in (first, last)]
        begin, end = _count(first, counter, last=False), _count(last, counter, last=True)
        if begin is None or end is None or end.t_ns <= begin.t_ns or not all(map(math.isfinite, volts)):
            return None
        took_s = (end.t_ns - begin.t_ns) / NS_PER_S
        channel = first.columns[counter].channel
        grown = end.value - begin.value
        if grown < 0 and channel.counter_range is not None:
            grown += channel.counter_range * channel.scale
        if grown < 0:
            return None
        factor = float(np.mean(volts)) if volts else 1.0
        # Two readings of a counter in steps: their difference is off by a triangle of the step to either side.
        step = min(begin.step, end.step)
        power_w += grown * factor / took_s
        u_w = math.hypot(u_w, step * factor / math.sqrt(6) / took_s if math.isfinite(step) else grown * factor / took_s)
        at_s = ((begin.t_ns + end.t_ns) / 2 - origin_ns) / NS_PER_S
    return Block(at_s, min(on_s / took_s, 1.0), power_w, u_w)


def _count(trace: Trace, column: str, *, last: bool) -> Counted | None:
    if column not in trace.columns:
        return None
    t_ns, value = trace.series(column).to_numpy()
    seen = np.isfinite(value)
    t_ns, value = t_ns[seen], value[seen]
    if not len(value):
        return None
    steps = np.diff(value)
    at = -1 if last else 0
    resolution = trace.columns[column].channel.resolution
    step = resolution or float(min(steps[steps > 0], default=math.inf))
    return Counted(int(t_ns[at]), float(value[at]), step)


def _mean(trace: Trace, column: str) -> float:
    if column not in trace.columns:
        return math.nan
    _, value = trace.series(column).to_numpy()
    value = value[np.isfinite(value)]
    return float(value.mean()) if len(value) else math.nan


def metered_blocks(trace: Trace, windows: Sequence[tuple[int, int, bool]]) -> Mapping[EnergySource, list[Block]]:
    """What each source of a meter's trace says of each window (from, to, sampled) of the host's clock."""
    t0_ns = np.array([t0 for t0, _, _ in windows], np.int64)
    t1_ns = np.array([t1 for _, t1, _ in windows], np.int64)
    found = {}
    for source in trace.sources:
        energies = energy_of_source(trace, source, t0_ns, t1_ns, min_coverage=COVERAGE)
        seen_s = energies.duration_s * energies.coverage
        power_w = np.full(len(windows), np.nan)
        np.divide(energies.energy_j, seen_s, out=power_w, where=seen_s > 0)
        middle_s = ((t0_ns - t0_ns[0]) / 2 + (t1_ns - t0_ns[0]) / 2) / NS_PER_S
        found[source] = [
            Block(float(at_s), float(on), float(watts))
            for at_s, (_, _, on), watts in zip(middle_s, windows, power_w, strict=True)
        ]
    return found
