"""What a plan comes to on a device, before anything is measured; and measuring what of it is missing."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.estimate import AROUND_S, ASSUMED_W, Need, Power, Timing, battery_of, need_of
from edgewatt.profiler.planning.ordering import Schedule, Turn, interleaved
from edgewatt.profiler.planning.parts import RAW_NAME, Identity, Parts, parts_of
from edgewatt.profiler.planning.plan_file import PlanFile
from edgewatt.profiler.planning.rows import Row, plan_sha256
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.measuring import Planned, measure_many
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.running.prepare import Conditioned
from edgewatt.profiler.running.recording import PERIOD_UNKNOWN_S
from edgewatt.profiler.running.seen_power import remember_power, seen_power
from edgewatt.profiler.running.synchronise import SYNCHRONISING_S
from edgewatt.profiler.running.thermal import Ambient
from edgewatt.profiler.storage.trace import Trace

# The steps of every cluster, ascending, where a device tells them.
STEPS: Final = "frequency_steps_hz"
_BYPASS: Final = "battery_bypass"


@dataclass(frozen=True, slots=True)
class Prospect:
    """A plan on a device: its rows, every turn in order, the parts so far, how long the rest takes and what it needs.

    `need` is None where a meter stands in for the battery.
    """

    plan: PlanFile
    rows: Sequence[Row]
    turns: Sequence[Turn]
    parts: Parts
    identity: Identity
    options: ProfileOptions
    timing: Timing
    need: Need | None

    @property
    def missing(self) -> Sequence[Turn]:
        """The turns that are to be measured."""
        return self.parts.missing


def prospect(
    device: Device, meters: Sequence[Device], plan: PlanFile, rows: Sequence[Row], path: Path | None
) -> Prospect:
    """What the plan comes to, with what was measured of it at `path` already. Only looks at the device.

    Raises UsageError for a frequency or a condition that the device lacks, or a `path` that is taken by something
    else.
    """
    facts = dict(device.target.facts()) if device.target is not None else {}
    _refuse_lacking(device, facts, rows)
    _refuse_unknown(device, {*plan.conditions, *(name for row in rows for name in row.conditions)})
    options = options_of(plan)
    turns = interleaved([row.repeats for row in rows], plan.plain.get("seed", 0))
    identity = Identity(plan_sha256(plan, rows), device.device_id, tuple(meter.uri for meter in meters))
    parts = Parts((), tuple(turns), Path()) if path is None else parts_of(path, identity, turns)
    timing = _timing(device, meters, options)
    seconds = timing.expected_s(len(parts.missing)) if parts.missing else 0.0
    bypassed = any(meter.facts.get("boundary") == _BYPASS for meter in meters)
    need = None if bypassed else need_of(seconds, _power(plan, device), battery_of(facts))
    return Prospect(plan, rows, turns, parts, identity, options, timing, need)


def measure_plan(
    one: Prospect, device: Device, meters: Sequence[Device], *, progress: Progress, clock: Clock | None = None
) -> Trace:
    """The processed trace of what was missing, in a run of its own; the parts before it are closed and get tables.

    Raises as measure_many does, and UsageError if one of those is being recorded at this moment.
    """
    close_parts(one)
    schedule = Schedule(
        turns=one.missing,
        facts=one.identity.facts(one.parts.number),
        raw={RAW_NAME: one.plan.raw},
        keep_going=True,
    )
    planned = [planned_of(one.plan, row) for row in one.rows]
    options = replace(one.options, schedule=schedule)
    trace = measure_many(
        device, planned, one.parts.path, meters=meters, options=options, clock=clock, progress=progress
    )
    remember_power(trace)
    return trace


def close_parts(one: Prospect) -> None:
    """Give every part its tables, and close one that crashed. Raises UsageError if one is being recorded now."""
    for trace in one.parts.traces:
        if trace.manifest.status == "recording" or trace.repeats() is None:
            process(trace.path)


def options_of(plan: PlanFile) -> ProfileOptions:
    """How long each step takes, as the plan says it, else as ever."""
    plain, usual = plan.plain, ProfileOptions()
    thermal, room = plan.tables["thermal"], plan.tables["room"]
    return ProfileOptions(
        repeats=plain.get("repeats", usual.repeats),
        seconds=plain.get("seconds", usual.seconds),
        iterations=plain.get("iterations", 0),
        idle_s=plain.get("idle", usual.idle_s),
        warmup_limit_s=plain.get("warmup", usual.warmup_limit_s),
        thermal_limit_s=thermal.get("limit", usual.thermal_limit_s),
        cool_down_s=thermal.get("cool_down", usual.cool_down_s),
        session=plain.get("session"),
        conditions=plan.conditions,
        ambient=Ambient(room["celsius"], *_room_limits(room)) if room else None,
    )


def _room_limits(room: Mapping[str, Any]) -> tuple[float, float]:
    usual = Ambient(0.0)
    return room.get("tolerance", usual.tolerance_c), room.get("limit", usual.limit_s)


def planned_of(plan: PlanFile, row: Row) -> Planned:
    """What is measured of a row of a plan."""
    request = WorkloadRequest(
        model=row.path,
        target=row.target,
        threads=row.threads,
        batch=row.batch,
        runtime=plan.plain.get("runtime"),
        frequency_hz=row.frequency_hz,
        options=row.options,
    )
    return Planned(request, row.repeats, row.conditions, row.label)


def _refuse_lacking(device: Device, facts: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Raise UsageError for a frequency that no cluster has, where the device tells which it has."""
    clusters = facts.get(STEPS)
    if not clusters:
        return
    has = sorted({step for steps in clusters for step in steps})
    for row in rows:
        if row.frequency_hz is not None and row.frequency_hz not in has:
            listed = ", ".join(f"{step:.0f}" for step in has)
            raise UsageError(f"{device.name} has no frequency of {row.frequency_hz:.0f} Hz; it has {listed}")


def _refuse_unknown(device: Device, names: AbstractSet[str]) -> None:
    """Raise UsageError for a condition that the device does not have, before anything is set."""
    target: object = device.target
    if not isinstance(target, Conditioned):
        return
    for name in sorted(names):
        if name not in target.condition_names:
            known = ", ".join(target.condition_names)
            raise UsageError(f"[set] {name}: {device.name} has no such condition; it has {known}")


def _timing(device: Device, meters: Sequence[Device], options: ProfileOptions) -> Timing:
    trains_s = 2 * SYNCHRONISING_S if device.pulses is not None and any(m.uri != device.uri for m in meters) else 0.0
    waits_s = 0.0 if options.ambient is None else options.ambient.limit_s
    around_s = 2 * options.idle_s + trains_s
    repeat_s = options.repeat_s + AROUND_S + PERIOD_UNKNOWN_S / 2
    most_s = repeat_s + options.warmup_limit_s / 2 + PERIOD_UNKNOWN_S / 2 + options.cool_down_s
    return Timing(repeat_s, most_s, around_s, around_s + waits_s + 2 * options.thermal_limit_s)


def _power(plan: PlanFile, device: Device) -> Power:
    if (stated := plan.tables["assume"].get("power_w")) is not None:
        return Power(float(stated), "stated", "by the plan")
    return seen_power(device.device_id) or Power(ASSUMED_W, "assumed", "a device that works with all it has")
