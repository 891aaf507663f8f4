"""From a virtual phone that executes loads to recorded runs, by the code that a real run takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from edgewatt.collectors.android.device import _remarks
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import Plan as Reading
from edgewatt.collectors.android.sampler.script import Group
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.android.target import PhoneTarget
from edgewatt.collectors.transports.link import Link
from edgewatt.device_profiles.phones import choose
from edgewatt.profiler.analysis.pins import PINNED
from edgewatt.profiler.clock import NS_PER_S, ManualClock
from edgewatt.profiler.collecting.load import STEP, load_window
from edgewatt.profiler.collecting.steps import Step
from edgewatt.profiler.device import Device
from edgewatt.profiler.running.clocks import DeviceClock
from edgewatt.profiler.running.collect import facts_of
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.window import Window
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.one_phone import OnePhone
from edgewatt.virtual_lab.phone.virtual_time.suite import VirtualLoads
from tests.virtual_suite.cases import SHORT, Case, Placed, placed, windows_of
from tests.virtual_suite.meter import suite_meter
from tests.virtual_time import chain
from tests.virtual_time.chain import PROC, SYSFS, URI, Answering
from tests.virtual_time.mutations import NONE

# Read no faster than so, or a suite of minutes costs many seconds of processor time.
_SLOWEST_S: Final[Mapping[str, float]] = {"odpm0": 0.25, "odpm1": 0.25, "freq": 1.0, "battery": 1.0, "": 1.0}
_POWER: Final = ("odpm0", "odpm1", "battery")
HOTTEST: Final = "big"
# What of it nobody calibrates with.
_LEFT: Final = ("gpu.",)


def suite(one: OnePhone, seed: int, folder: Path, case: Case = SHORT) -> list[Trace]:
    """All runs of a suite, each in a folder of its own below `folder`, as they lie there."""
    return [trace for _, _, trace in executed(one, seed, folder, case)]


def executed(
    one: OnePhone, seed: int, folder: Path, case: Case = SHORT
) -> Iterator[tuple[Placed, VirtualLoads | VirtualRun, Trace]]:
    """Every step that can be done, what really happened in it, and its run."""
    for turn, at in enumerate(placed(case, one.phone, seed)):
        step = at.step
        if step.unavailable is not None:
            continue
        if step.executed is not None:
            beside = network(one, seed, case, step)
            yield at, beside, beside_recorded(beside, folder / step.name, case, step)
            continue
        run = VirtualLoads(one, seed, windows_of(step), turn=turn, rssi_dbm=at.rssi_dbm)
        yield at, run, recorded(step, run, folder / step.name, case)


def recorded(step: Step, run: VirtualLoads, folder: Path, case: Case = SHORT) -> Trace:
    """One run of loads as it lies in `folder`, with the windows that profiler/running/collect.py would give it."""
    clock = ManualClock(run.begin_ns)
    link = cast("Link", Answering(run, NONE, clock))
    phone = Phone(URI, lambda: link, sysfs=SYSFS, proc=PROC)
    profile = choose(run.properties)
    target = PhoneTarget(phone, profile)
    comparing = DeviceClock(Device(URI, "phone", "virtual", (), target=target, clock=PHONE_CLOCK), clock)
    writer = RunWriter.create(folder, replace(chain._manifest(), conditions=conditions_of(step)))
    writer.update(clocks={**writer.manifest.clocks, **comparing.begin()})
    reading = chain._plan(run, profile, clock.now_ns(), None)
    chain._sample(writer, run, phone, rates(case)(reading), NONE)
    _meter(writer, run, case)
    for number, one in enumerate(run.executed):
        pinned_hz = {one.asked.unit: one.asked.frequency_hz} if one.asked.pin else {}
        attributes = {
            STEP: step.kind,
            "asked": {**one.asked.attributes(), "pinned": bool(pinned_hz)},
            "seen": dict(one.ran.seen),
            "bound_ns": one.ran.bound_ns,
            "settles_s": 0.0,
            "reasons": [],
            **({PINNED: pinned_hz} if pinned_hz else {}),
        }
        writer.window(Window(load_window(number), one.ran.t0_ns, one.ran.t1_ns, PHONE_CLOCK, attributes=attributes))
    clock.advance((run.end_ns - clock.now_ns()) / NS_PER_S)
    fit = comparing.end()
    reasons = [*comparing.reasons, *_remarks(phone)]
    writer.update(clocks={**writer.manifest.clocks, fit.clock: fit.to_json()}, quality_reasons=reasons)
    writer.flush(sync=False)
    writer.abandon()
    return Trace.open(folder)


def beside_recorded(run: VirtualRun, folder: Path, case: Case, step: Step) -> Trace:
    """A network's repeats beside a co-runner: an ordinary run whose conditions tell of it."""
    return chain.recorded(
        run, folder, conditions=conditions_of(step), rates=rates(case), more=lambda writer: _meter(writer, run, case)
    )


def network(one: OnePhone, seed: int, case: Case, step: Step) -> VirtualRun:
    """A network on the biggest cores beside a co-runner, by the slowdown's law.

    The co-runner's loops are a level instead of a duty, which is the same in the mean; so are its copies.
    """
    cpu_ratio, memory_ratio = (float(step.facts[f"co_{what}_ratio"]) for what in ("cpu", "memory"))
    slower_by = one.slowdown(cpu_ratio, memory_ratio)
    plan = replace(case.network, latency_s=case.network.latency_s * slower_by)
    load = None if step.executed is None else step.executed.co_load
    what = "copy" if load is not None and load.kind == "memory" else "loop"
    beside = [] if load is None else [(cpu, what, load.duty_ratio) for cpu in load.cpus]
    return VirtualRun(one.phone, seed, plan, device=one.device, beside=beside, alone=True)


def conditions_of(step: Step) -> dict[str, Any]:
    """Of a run of a step; its temperature is that of the biggest processors, by the name of their zone."""
    return {**facts_of(step), "temperature_channel": HOTTEST}


def rates(case: Case) -> Callable[[Reading], Reading]:
    """The streams at modest rates; beside a meter without the phone's own power."""
    return lambda reading: replace(reading, groups=tuple(_slower(reading.groups, metered=case.metered)))


def _slower(groups: Sequence[Group], *, metered: bool) -> Iterator[Group]:
    for group in groups:
        nodes = tuple(
            node for node in group.nodes if not all(channel.column.startswith(_LEFT) for channel in node.channels)
        )
        if not (metered and group.stream in _POWER):
            yield replace(group, nodes=nodes, period_s=max(group.period_s, _SLOWEST_S.get(group.stream, 0.0)))


def _meter(writer: RunWriter, run: VirtualLoads | VirtualRun, case: Case) -> None:
    if case.metered:
        suite_meter(run.seed).record(writer, run.timeline, run.sampled_ns, run.seed)
