"""From the bytes of a virtual run to a recorded one, by the code that a real run takes; only threads and links are not.

The lines of a run come in one go, so that they reach the parsers in another order than in real time: the echoes of the
start, the sampler, the runner, the echoes of the end.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from edgewatt.collectors.android.device import _remarks
from edgewatt.collectors.android.files.catalogue import find_nodes
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.reading import BETWEEN_LOOKS_S
from edgewatt.collectors.android.sampler.attached import NAME, Plan, plan
from edgewatt.collectors.android.sampler.reader import Reader
from edgewatt.collectors.android.sampler.script import Group
from edgewatt.collectors.android.sampler.survey import parse_survey
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.android.state.sections import split
from edgewatt.collectors.android.state.sleep import parse_state
from edgewatt.collectors.android.target import PhoneTarget
from edgewatt.collectors.runtimes.benchmark_model.output import parse
from edgewatt.collectors.runtimes.benchmark_model.printed import Printed
from edgewatt.collectors.runtimes.benchmark_model.told import facts_of, give, measured_span
from edgewatt.collectors.runtimes.benchmark_model.workload import SUSPENDED, WARMUP_S, _conditions
from edgewatt.collectors.transports.link import Link
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.device_profiles.phones import choose
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Accuracy, Opened
from edgewatt.profiler.clock import NS_PER_S, ManualClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.protocols import Completed, RepeatRequest
from edgewatt.profiler.running.clocks import DeviceClock
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, Window
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.telling import Telling
from tests.virtual_time.mutations import NONE, Mutation

URI: Final = "virtual:phone"
SYSFS, PROC = "/sys", "/proc"
TOKEN: Final = "0123456789abcdef"
CHUNK_B: Final = 64 << 10
FACTS: Final = {
    "device": "phone",
    "device_id": "virtual",
    "soc": "virtual",
    "model": "net.tflite",
    "model_sha256": "ab" * 32,
    "runtime": "benchmark_model",
    "runtime_version": "virtual",
    "target_asked": "cpu",
    "precision": "fp32",
    "threads": 4,
    "batch": 1,
    "frequency_hz": None,
}
CONFIG: Final = config_id(FACTS)
# What sleep.look asks, in its order.
QUESTIONS: Final = ("boot", "before_ticks", "ticks", "before", "power", "after", "suspended", "battery", "thermal")
MARK: Final = "look"
# Standard uncertainties of gains with which the lab draws them (phone/gauge.py, phone/rails.py).
VOLTAGE_GAIN, RAIL_GAIN = 0.002, 0.01


@dataclass(frozen=True)
class Answering:
    """The phone's connection, over which it is only asked for its time, which passes on `clock`."""

    run_of: Telling
    change: Mutation
    clock: ManualClock

    def run(self, command: str, **limits: object) -> Completed:
        """What it says of its clock."""
        assert f"{PROC}/uptime" in command, limits
        asked_ns, said, answered_ns = self.run_of.echo(self.clock.now_ns())
        self.clock.advance((answered_ns - asked_ns) / NS_PER_S)
        return Completed(0, self.change.echo(said), b"")


def recorded(
    run: VirtualRun,
    folder: Path,
    change: Mutation = NONE,
    *,
    sources: Collection[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    rates: Callable[[Plan], Plan] = lambda reading: reading,
    more: Callable[[RunWriter], None] = lambda _: None,
    facts: Mapping[str, Any] = FACTS,
) -> Trace:
    """The run as it lies in `folder`, a new one, before it is closed.

    With `sources` only the streams are read from which these energy sources are formed. `rates` changes what is read,
    `more` adds to the run, and `facts` are those of what is executed.
    """
    clock = ManualClock(run.begin_ns)
    link = cast("Link", Answering(run, change, clock))
    phone = Phone(URI, lambda: link, sysfs=SYSFS, proc=PROC)
    profile = choose(run.properties)
    comparing = DeviceClock(
        Device(URI, "phone", "virtual", (), target=PhoneTarget(phone, profile), clock=PHONE_CLOCK), clock
    )
    writer = RunWriter.create(folder, replace(_manifest(), conditions=dict(conditions or {})))
    writer.update(clocks={**writer.manifest.clocks, **comparing.begin()}, configs={config_id(facts): dict(facts)})
    _sample(writer, run, phone, rates(_plan(run, profile, clock.now_ns(), sources)), change)
    more(writer)
    for name, (t0_ns, t1_ns) in zip((IDLE_BEFORE, IDLE_AFTER), run.idle_ns, strict=True):
        writer.window(Window(name, t0_ns, t1_ns))
    for repeat in range(run.plan.repeats):
        _execute(writer, run, phone, repeat, change, facts)
    clock.advance((run.idle_ns[1][1] - clock.now_ns()) / NS_PER_S)
    fit = comparing.end()
    reasons = [*comparing.reasons, *_remarks(phone)]
    writer.update(clocks={**writer.manifest.clocks, fit.clock: fit.to_json()}, quality_reasons=reasons)
    writer.flush(sync=False)
    writer.abandon()
    return Trace.open(folder)


def _manifest() -> Manifest:
    device = {"name": "phone", "device_id": "virtual", "idle_state": "awake", "session": "virtual"}
    return Manifest(
        simulated=True, created="2026-01-02T03:04:05.678+00:00", command=["edgewatt"], versions={}, device=device
    )


def _plan(run: Telling, profile: DeviceProfile, at_ns: int, sources: Collection[str] | None) -> Plan:
    later_ns = at_ns + round(BETWEEN_LOOKS_S * NS_PER_S)
    looks = [parse_survey(run.survey(t_ns, SYSFS, PROC)) for t_ns in (at_ns, later_ns)]
    whole = plan(find_nodes(looks[1], profile, sysfs=SYSFS, proc=PROC, earlier=looks[0]))
    return whole if sources is None else replace(whole, groups=_groups_of(whole, sources))


def _groups_of(whole: Plan, sources: Collection[str]) -> tuple[Group, ...]:
    terms = [term for source in whole.found.sources if source.name in sources for term in source.terms]
    columns = {column for term in terms for column in term}
    return tuple(g for g in whole.groups if any(c.column in columns for node in g.nodes for c in node.channels))


def _sample(writer: RunWriter, run: Telling, phone: Phone, reading: Plan, change: Mutation) -> None:
    groups = reading.groups
    writer.add_collector(calibrated(reading.opened(NAME, {}), run))
    if not groups:
        return
    asked = [(group.period_s, [node.path for node in group.nodes]) for group in groups]
    said = change.sampler(run.sampler(asked, TOKEN, *run.sampled_ns), groups)
    reader = Reader(groups, phone.stamps)
    reader.begin(TOKEN)
    for start in range(0, len(said), CHUNK_B):
        reader.feed(said[start : start + CHUNK_B])
        for item in reader.take():
            writer.batch(NAME, item) if isinstance(item, Batch) else writer.gap(NAME, item)
    device = writer.manifest.device
    writer.update(device={**device, "instruments": {NAME: dict(reader.learnt().facts)}})


def calibrated(opened: Opened, run: Telling) -> Opened:
    """The gains of current, voltage and rails stated as they were drawn: what `calibrate` would put into a profile."""
    gain_rel = {Quantity.CURRENT: run.phone.gauge_gain_rel, Quantity.VOLTAGE: VOLTAGE_GAIN, Quantity.ENERGY: RAIL_GAIN}
    channels = {
        stream: tuple(
            replace(c, accuracy=Accuracy(gain_rel[c.quantity], 0.0, "as drawn")) if c.quantity in gain_rel else c
            for c in of
        )
        for stream, of in opened.channels.items()
    }
    return replace(opened, channels=channels)


def _execute(
    writer: RunWriter, run: VirtualRun, phone: Phone, repeat: int, change: Mutation, facts: Mapping[str, Any] = FACTS
) -> None:
    """What BenchmarkModelWorkload.repeat does with what it hears."""
    request = RepeatRequest(repeat, config_id(facts), run.plan.seconds, 0, WARMUP_S, order=repeat)
    states = [parse_state(_answers(run, t_ns)) for t_ns in run.looks_ns[repeat]]
    printed = Printed(TOKEN, phone.stamps)
    parsed = parse(printed.lines([change.runner(run.runner(repeat, TOKEN))]))
    span = measured_span(parsed, printed.last_ns)
    if span is None:
        raise DeviceError("no line of the runner has a stamp")
    more = _conditions(*states)
    slept = (SUSPENDED,) if more["suspended_s"] else ()
    give(writer, request, parsed, span, facts_of(parsed, facts["target_asked"], (*slept, *span.reasons)), more)


def _answers(run: VirtualRun, t_ns: int) -> dict[str, str]:
    return dict(zip(QUESTIONS, split(run.slept(t_ns, MARK), MARK, len(QUESTIONS)), strict=True))
