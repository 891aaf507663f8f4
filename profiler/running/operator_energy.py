"""A network and parts of it measured in one run, interleaved, so that the energy of its operators can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.operator_energy.stretches import CONDITION, Stretch, facts_of
from edgewatt.profiler.planning.ordering import Schedule
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, Workload, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.running.configurations import Planned, workload_of
from edgewatt.profiler.running.measuring import measure_many
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.storage.trace import Trace


@dataclass(frozen=True, slots=True)
class PartModel:
    """A file with the operators from `first` to `last` of a network, both included."""

    model: Path
    first: int
    last: int

    @property
    def label(self) -> str:
        """What progress calls it."""
        return f"operator {self.first}" if self.first == self.last else f"operators {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class PartModels:
    """A network of so many `operators`, and parts of it, executed as `request` asks for the whole."""

    request: WorkloadRequest
    operators: int
    parts: Sequence[PartModel]


def profile_operators(
    device: Device,
    parts: PartModels,
    path: Path,
    *,
    meters: Sequence[Device] = (),
    options: ProfileOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The processed trace of a network and of its parts, recorded into the folder `path`.

    A part that the device does not execute is left out, and said. Raises UsageError for one repeat only, from which no
    spread is known, and else as `measure_many`.
    """
    request, options, clock, progress = (
        parts.request,
        options or ProfileOptions(),
        clock or HostClock(),
        progress or Silent(),
    )
    if options.repeats < 2:
        raise UsageError("the energy of operators needs at least 2 repeats, from whose spread its interval comes")
    _check_whole(device, replace(request, note=progress.phase), parts.operators, clock)
    stretches = [Stretch(sha256_of_file(part.model), part.first, part.last) for part in parts.parts]
    whole = Stretch(sha256_of_file(request.model), 0, parts.operators - 1)
    planned = [Planned(request, label="the whole network")]
    planned += [Planned(replace(request, model=part.model), label=part.label) for part in parts.parts]
    schedule = Schedule(seed=request.seed, facts={CONDITION: facts_of(whole, stretches)}, keep_going=True)
    options = replace(options, schedule=schedule)
    guarded = _guarded(device, request.model)
    own = [guarded if meter is device else meter for meter in meters]
    return measure_many(guarded, planned, path, meters=own, options=options, clock=clock, progress=progress)


def _check_whole(device: Device, request: WorkloadRequest, operators: int, clock: Clock) -> None:
    """Look at the network alone: what is wrong with it must not read as something wrong with a part."""
    workload = workload_of(device, request)
    try:
        facts = workload.open(clock)
    finally:
        workload.close()
    if len(facts.operators) != operators:
        raise UsageError(
            f"{facts.runtime} names {len(facts.operators)} operators of {facts.model}, its file {operators}: "
            "parts of the one cannot be matched to the other; do not ask for op profiling (--operators) in the same run"
        )


def _guarded(device: Device, whole: Path) -> Device:
    """The device, on which a part that the runtime refuses is a part that cannot be executed, and no wrong request."""
    make, quiet = device.workload, device.quiet
    if make is None:
        return device

    def workload(request: WorkloadRequest) -> Workload:
        return make(request) if request.model == whole else _Part(make(request))

    return replace(device, workload=workload, quiet=None if quiet is None else lambda: _guarded(quiet(), whole))


class _Part:
    """A workload whose refusals are DeviceErrors."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    def open(self, clock: Clock) -> WorkloadFacts:
        """As the workload does."""
        try:
            return self._workload.open(clock)
        except UsageError as error:
            raise DeviceError(str(error)) from error

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """As the workload does."""
        return self._workload.repeat(request, sink)

    def close(self) -> None:
        """As the workload does."""
        self._workload.close()


__all__ = ["PartModel", "PartModels", "profile_operators"]
