"""From the bytes of a phone and of its meter to a recorded run, by the code that a real bench takes."""

from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import numpy as np

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.pulses import parse_pulses
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.android.target import PhoneTarget
from edgewatt.collectors.monsoon.decoding import Decoding
from edgewatt.collectors.monsoon.meter import NS_PER_MS
from edgewatt.collectors.monsoon.offered import NAME, channels_of, facts_of, sources_of
from edgewatt.collectors.monsoon.options import Options, options_of
from edgewatt.collectors.monsoon.verdict import reasons_of
from edgewatt.collectors.monsoon.wiring import wiring_of
from edgewatt.collectors.transports.link import Link
from edgewatt.device_profiles.loader import DeviceProfile, Fact, load
from edgewatt.device_profiles.phones import choose
from edgewatt.profiler.analysis.synchronised import train_attributes
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, ManualClock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.running.clocks import DeviceClock
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, SYNC_END, SYNC_START, Window
from edgewatt.virtual_lab.monsoon.build import SPREAD
from edgewatt.virtual_lab.monsoon.meter import Meter
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_meter.mutations import NONE, Mutation
from tests.virtual_meter.wires import LINES, Line, asked, deliveries
from tests.virtual_time.chain import CONFIG, FACTS, PROC, SYSFS, TOKEN, URI, Answering, _execute, _manifest

SOURCE: Final = f"{NAME}/main"
OPTIONS: Final = options_of(parse_uri("monsoon:virtual?boundary=battery_bypass"))
# A meter is found and asked before it samples.
_BEGIN_NS: Final = 10_000_000
_CURRENT: Final = "main.current_a"


def stated(profile: DeviceProfile) -> DeviceProfile:
    """The profile of a bench that states the spread from which the lab draws gains and offsets."""
    values = {
        "current_gain_ratio": SPREAD.gain,
        "current_offset_a": SPREAD.offset_coarse_a,
        "voltage_gain_ratio": SPREAD.voltage_gain,
    }
    return replace(profile, facts={**profile.facts, **{key: Fact(value, "as drawn") for key, value in values.items()}})


def recorded(run: VirtualRun, model: str, meter: Meter, folder: Path, change: Mutation = NONE) -> Trace:
    """The run as it lies in `folder`, a new one, before it is closed. The phone's own sensors are left alone."""
    clock = ManualClock(run.begin_ns)
    link = cast("Link", Answering(run, change.phone, clock))
    phone = Phone(URI, lambda: link, sysfs=SYSFS, proc=PROC)
    target = PhoneTarget(phone, choose(run.properties))
    comparing = DeviceClock(Device(URI, "phone", "virtual", (), target=target, clock=PHONE_CLOCK), clock)
    writer = RunWriter.create(folder, _manifest())
    writer.update(clocks={**writer.manifest.clocks, **comparing.begin()}, configs={CONFIG: dict(FACTS)})
    for name, (t0_ns, t1_ns) in zip((IDLE_BEFORE, IDLE_AFTER), run.idle_ns, strict=True):
        writer.window(Window(name, t0_ns, t1_ns))
    _train(writer, run, phone, SYNC_START, change)
    for repeat in range(run.plan.repeats):
        _execute(writer, run, phone, repeat, change.phone)
    _train(writer, run, phone, SYNC_END, change)
    clock.advance((run.idle_ns[1][1] - clock.now_ns()) / NS_PER_S)
    of_phone = comparing.end()
    of_meter, reasons = _measure(writer, run, model, meter, change)
    fits = {fit.clock: fit.to_json() for fit in (of_phone, of_meter)}
    writer.update(clocks={**writer.manifest.clocks, **fits}, quality_reasons=[*comparing.reasons, *reasons])
    writer.flush(sync=False)
    writer.abandon()
    return Trace.open(folder)


def _train(writer: RunWriter, run: VirtualRun, phone: Phone, name: str, change: Mutation) -> None:
    """What a phone's `pulses` and the run's Synchronising do with what the script printed."""
    place = (SYNC_START, SYNC_END).index(name)
    said = change.pulses(run.pulses(place, TOKEN))
    edges = parse_pulses(said, TOKEN, len(run.plan.trains[place]), phone.stamps)
    if isinstance(edges, str):
        raise DeviceError(edges)
    span = int(edges.begin_ns[0]), int(edges.end_ns[-1])
    writer.window(Window(name, *span, clock=PHONE_CLOCK, attributes=train_attributes(edges, [SOURCE])))


def _measure(
    writer: RunWriter, run: VirtualRun, model: str, meter: Meter, change: Mutation
) -> tuple[ClockFit, tuple[str, ...]]:
    """What the collector of a meter does with what its capture hands on; the fit of its clock, and what marks it."""
    line: Line = LINES[model](meter, run.begin_ns + _BEGIN_NS)
    client = asked(line)
    client.stop()
    wiring = wiring_of(client)
    profile = stated(load(f"monsoon_{wiring.status.model}"))
    options: Options = OPTIONS
    clock = f"{NAME}.{wiring.status.serial}"
    decoding = Decoding(wiring.samples(options.channels), NS_PER_MS // wiring.status.rate_khz)
    writer.add_collector(
        Opened(
            NAME,
            {"": channels_of(options, wiring, profile)},
            sources=sources_of(options, wiring),
            clock=clock,
            facts=facts_of(options, wiring, profile),
        )
    )
    client.start()
    rng = np.random.default_rng((meter.seed, 7))
    for received_ns, data in deliveries(client, line, run.times.end_ns, rng):
        _store(writer, decoding.feed(received_ns, data), change, run.begin_ns)
    _store(writer, decoding.flush(), change, run.begin_ns)
    fit = decoding.fit(clock)
    told = {"status_before": None, "status_after": None, "passthrough_noted": None, "messages_dropped": 0}
    return fit, reasons_of({**decoding.facts(), **told}, fit, how="", away="", not_restored=None)


def _store(writer: RunWriter, items: list[Batch | Gap], change: Mutation, begin_ns: int) -> None:
    for item in items:
        if isinstance(item, Gap):
            writer.gap(NAME, item)
            continue
        later_ns = np.where(item.t_ns - begin_ns >= change.late_from_s * 1e9, round(change.late_s * 1e9), 0)
        current = {_CURRENT: item.columns[_CURRENT] * np.float32(change.factor)}
        writer.batch(NAME, Batch(item.t_ns + later_ns, {**item.columns, **current}))
