"""What sampling costs the device that is sampled (measurement.md, "The observer disturbs"): A/B on an idle device.

Blocks with the sampler and blocks without it alternate in a seeded order (ABBA). The watts come from what goes on
looking while the sampler is off: a meter beside the device, or counters of its own that go on counting, read before and
after each block. A block of the one kind then begins, ends and is interrupted exactly as one of the other.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edgewatt.profiler.channel import WIDEST_FIRST, EnergySource
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.observer import Effect, Observer
from edgewatt.profiler.running.overhead_blocks import (
    LOOK_S,
    Costs,
    counted_block,
    counter_sources,
    metered_blocks,
    sampled,
    timed,
)
from edgewatt.profiler.running.overhead_effect import QUADS, Block, effect_of, order
from edgewatt.profiler.running.prepare import prepared
from edgewatt.profiler.running.record import recording_of, require_energy
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.statistics import interval_of_mean
from edgewatt.profiler.storage.trace import Trace

BLOCK_S: Final = 10.0
# Opening and closing a sampler once, for what is said to be left (assumed).
_OPENING_S: Final = 1.5
_NOTHING: Final = (
    "no source of energy goes on while its sampler is off: it has no counter of joules or coulombs that can be read; "
    "measure it with a meter beside it (-m)"
)
# So many blocks tell the processor time where nothing tells the watts.
_WITHOUT_COUNTERS: Final = 8


@dataclass(frozen=True, slots=True)
class OverheadOptions:
    """How it is measured: `quads` times four blocks of `block_s` seconds each, in the order of `seed`."""

    block_s: float = BLOCK_S
    quads: int = QUADS
    seed: int = 0


def measure(
    device: Device,
    meters: Sequence[Device] = (),
    *,
    options: OverheadOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Observer:
    """What the sampler of an idle `device` costs it, by `meters` beside it or by counters of its own.

    Raises UsageError for a meter, a replay or a device that is named as its own meter, NotMeasuredError for a meter
    without energy, DeviceError if something fails.
    """
    options, clock, progress = options or OverheadOptions(), clock or HostClock(), progress or Silent()
    if device.recorded is not None or device.target is None:
        raise UsageError(f"{device.uri} executes nothing, so that nothing on it is disturbed; name the device itself")
    if any(meter is device for meter in meters):
        raise UsageError(f"{device.uri} cannot tell its own sampler's watts as its own meter; leave -m away")
    costs = Costs()
    with tempfile.TemporaryDirectory(prefix="edgewatt-") as folder, prepared(device, {}):
        bench = _Bench(device, meters, Path(folder), options, clock, progress, costs)
        found = bench.metered() if meters else bench.counted()
    return _observer(device, meters, options, costs, found)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One measurement while it goes on; its runs lie in `folder` until it ends."""

    device: Device
    meters: Sequence[Device]
    folder: Path
    options: OverheadOptions
    clock: Clock
    progress: Progress
    costs: Costs

    def metered(self) -> Mapping[EnergySource, list[Block]]:
        """What meters beside the device say; they go on through all of it."""
        path, windows = self.folder / "meters", []
        writer = begin_run(path, self.meters[0], meters=self.meters[1:])
        with recording_of(writer, self.meters[0], self.meters[1:], self.clock) as meters:
            require_energy(meters, self.meters)
            for k, on in self._blocks(self.options.block_s + meters.settles_s):
                if on:
                    with sampled(self.device, self.folder / f"on-{k}", self.clock, self.costs):
                        windows.append((*self._stretch(meters, on=True), True))
                else:
                    windows.append((*self._stretch(meters, on=False), False))
        return metered_blocks(Trace.open(path), windows)

    def _stretch(self, meters: Recording, *, on: bool) -> tuple[int, int]:
        """A stretch in which nothing begins or ends, once the meters have seen what began before it."""
        meters.wait(meters.settles_s)
        t0_ns = self.clock.now_ns()
        with timed(self.costs.here_on if on else self.costs.here_off):
            meters.wait(self.options.block_s)
        return t0_ns, self.clock.now_ns()

    def counted(self) -> Mapping[EnergySource, list[Block]]:
        """What the device's own counters say, from before each block to after it."""
        found: dict[EnergySource, list[Block]] = {}
        self.progress.phase("looking at its counters")
        # What is loaded and compiled once, is by then.
        has_counters = bool(counter_sources(self._sample("warm-up", LOOK_S, Costs())))
        origin_ns, half_s = self.clock.now_ns(), self.options.block_s / 2
        for k, on in self._blocks(self.options.block_s + 2 * LOOK_S):
            costs = self.costs if on else Costs()
            sampled_s = LOOK_S + (half_s if on else 0.0)
            first = self._sample(f"{k}-first", sampled_s, costs)
            if not on:
                with timed(self.costs.here_off):
                    self.clock.sleep(self.options.block_s)
            last = self._sample(f"{k}-last", sampled_s, costs)
            for source in counter_sources(first):
                block = counted_block(first, last, source, 2 * sampled_s, origin_ns)
                if block is not None:
                    found.setdefault(source, []).append(block)
            if not has_counters and k + 1 == _WITHOUT_COUNTERS:
                break
        return found

    def _sample(self, name: str, seconds: float, costs: Costs) -> Trace:
        path = self.folder / name
        with sampled(self.device, path, self.clock, costs) as recording, timed(costs.here_on):
            recording.wait(seconds)
        return Trace.open(path)

    def _blocks(self, block_s: float) -> Iterator[tuple[int, bool]]:
        plan = order(self.options.seed, self.options.quads)
        for k, on in enumerate(plan):
            what = f"block {k + 1} of {len(plan)}, {'sampled' if on else 'left alone'}"
            self.progress.phase(what, (len(plan) - k) * (block_s + _OPENING_S))
            yield k, on


def _observer(
    device: Device,
    meters: Sequence[Device],
    options: OverheadOptions,
    costs: Costs,
    found: Mapping[EnergySource, list[Block]],
) -> Observer:
    told = [effect_of(source.name, source.boundary, blocks) for source, blocks in found.items()]
    effects = sorted((e for e in told if isinstance(e, Effect)), key=lambda e: WIDEST_FIRST.index(e.boundary))
    unknown = [f"{s.name}: {e}" for s, e in zip(found, told, strict=True) if isinstance(e, str)]
    reason = "; ".join(unknown) or ("" if effects else _NOTHING)
    seen = Observer(
        device.device_id,
        datetime.now(UTC).isoformat(timespec="seconds"),
        simulated=any(d.simulated for d in (device, *meters)),
        sampler=costs.state,
        blocks=max(map(len, found.values()), default=2 * len(costs.here_off)),
        block_s=options.block_s,
        effects=tuple(effects),
        reason=reason,
    )
    return _with_cpu(seen, costs, own_clock=device.clock == HostClock.name)


def _with_cpu(seen: Observer, costs: Costs, *, own_clock: bool) -> Observer:
    """With the processor time that the sampler took, where it can be seen."""
    if costs.on_device:
        values, basis = costs.on_device, "of the sampler's shell on the device, /proc/self/stat"
    elif own_clock and costs.here_on and costs.here_off:
        idle = sum(costs.here_off) / len(costs.here_off)
        values, basis = [on - idle for on in costs.here_on], "of this process, which samples on the device itself"
    else:
        return replace(seen, cpu_basis="its sampler does not tell its processor time")
    mean = interval_of_mean(values)
    assert mean is not None  # noqa: S101  (there are values)
    return replace(seen, cpu_ratio=mean.mean, cpu_low=mean.low, cpu_high=mean.high, cpu_basis=basis)
