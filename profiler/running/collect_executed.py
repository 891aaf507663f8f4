"""The steps of the calibration suite that execute networks or commands: repeats, as in any other run."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewatt.profiler.collecting.steps import Executed, Step
from edgewatt.profiler.device import Device
from edgewatt.profiler.planning.ordering import Schedule
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.co_running import CO_RUNNER, ON, beside
from edgewatt.profiler.running.collect import CollectOptions, facts_of
from edgewatt.profiler.running.measuring import Planned, measure_many
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_si


@dataclass(frozen=True, slots=True)
class Each:
    """The configurations of a step, how often and how long each is executed, and the seed of their order."""

    planned: Sequence[Planned]
    repeats: int
    seconds: float
    seed: int = 0


def planned_of(executed: Executed, models: Sequence[Path], options: Mapping[str, Any]) -> list[Planned]:
    """Every combination that a step asks for, left free and at each frequency."""
    conditions = {CO_RUNNER: ON} if executed.co_load is not None else {}
    found = []
    for model, target, threads, batch, hertz in itertools.product(
        models, executed.targets, executed.threads, executed.batches, (None, *executed.frequencies_hz)
    ):
        request = WorkloadRequest(model, target, threads, batch, frequency_hz=hertz, options=options)
        pinned = "" if hertz is None else f" at {format_si(hertz, 'Hz')}"
        of_batch = "" if batch == 1 else f", batch {batch}"
        label = f"{model.name} {target}, {threads} thread{'' if threads == 1 else 's'}{of_batch}{pinned}"
        found.append(Planned(request, None, conditions, label))
    return found


def execute(
    device: Device,
    step: Step,
    path: Path,
    *,
    meters: Sequence[Device],
    each: Each,
    options: CollectOptions,
    progress: Progress,
) -> Trace:
    """The run of a step whose repeats execute networks or commands. Raises as `measure_many` does."""
    if step.executed is not None and step.executed.co_load is not None:
        device, meters = _beside(device, meters, step)
    profile = ProfileOptions(
        repeats=each.repeats,
        seconds=each.seconds,
        idle_s=max(each.seconds, 2.0),
        warmup_limit_s=min(20.0, 3 * each.seconds),
        thermal_limit_s=options.thermal_limit_s,
        cool_down_s=options.cool_down_s,
        session=options.session,
        conditions={**options.conditions, **step.conditions},
        schedule=Schedule(seed=each.seed, facts=facts_of(step), keep_going=True),
    )
    return measure_many(device, each.planned, path, meters=meters, options=profile, progress=progress)


def _beside(device: Device, meters: Sequence[Device], step: Step) -> tuple[Device, Sequence[Device]]:
    assert step.executed is not None  # noqa: S101  (execute)
    assert step.executed.co_load is not None  # noqa: S101
    found = beside(device, step.executed.co_load)
    return found, [found if meter is device else meter for meter in meters]
