"""The configurations of a run: opened, told apart by their config_id, and closed again."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import CONFIG_KEYS, config_id
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import Workload, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.running.own_conditions import own_conditions

# The reason code of a configuration that the device cannot execute.
NOT_EXECUTED = "not_executed"


@dataclass(frozen=True, slots=True)
class Planned:
    """One configuration of a run: what is executed, how often (None: as the options say), and what its repeats need.

    `conditions` are set for its repeats alone, and so is the frequency of the request; what cannot be set marks them.
    `label` is what progress calls it.
    """

    request: WorkloadRequest
    repeats: int | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that was opened. `config` is what the manifest says of it, `conditions` what its repeats need.

    In `config` frequency_hz is None, as only the analysis of what was recorded shows whether a pin held; what was asked
    for is frequency_asked_hz, and the config_id is of that.
    """

    identity: str
    workload: Workload
    facts: WorkloadFacts
    config: Mapping[str, Any]
    conditions: Mapping[str, str]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The configurations that the device can execute by their place in the plan, and what it cannot."""

    configurations: Mapping[int, Configuration]
    unavailable: tuple[Unavailable, ...] = ()

    @property
    def first(self) -> Configuration:
        """The first of them; there always is one."""
        return next(iter(self.configurations.values()))


def open_configurations(
    device: Device, planned: Sequence[Planned], clock: Clock, progress: Progress, stack: ExitStack, *, keep_going: bool
) -> Opened:
    """Look at each; `stack` closes them. Raises UsageError for a bad request or two that are the same.

    What the device cannot execute is a DeviceError, or with `keep_going` left out, unless nothing is left.
    """
    if not planned:
        raise UsageError("nothing is planned: there is no configuration to measure")
    found: dict[int, Configuration] = {}
    missing: list[Unavailable] = []
    failed: DeviceError | None = None
    for place, one in enumerate(planned):
        try:
            opened = _opened(device, one, clock, progress, stack)
        except DeviceError as error:
            if not keep_going:
                raise
            failed = error
            missing.append(Unavailable(f"{NOT_EXECUTED}:{one.label}", str(error)))
            continue
        if twin := next((other for other in found.values() if other.identity == opened.identity), None):
            raise _same(twin, opened)
        found[place] = opened
    if failed is not None and not found:
        raise failed
    return Opened(found, tuple(missing))


def _opened(device: Device, one: Planned, clock: Clock, progress: Progress, stack: ExitStack) -> Configuration:
    workload = workload_of(device, replace(one.request, note=progress.phase))
    stack.callback(workload.close)
    facts = workload.open(clock)
    config: dict[str, Any] = {"device_id": device.device_id, "device": device.name, "soc": device.soc, **_config(facts)}
    identity = config_id(config)
    if facts.frequency_hz is not None:
        config |= {"frequency_hz": None, "frequency_asked_hz": facts.frequency_hz}
    return Configuration(
        identity, workload, facts, config, own_conditions(facts.frequency_hz, one.conditions), one.label
    )


def workload_of(device: Device, request: WorkloadRequest) -> Workload:
    """What executes it there. Raises UsageError for a device that executes nothing."""
    if device.workload is None:
        raise UsageError(f"{device.uri} is a meter and executes nothing; name it with -m, and the device with -d")
    return device.workload(request)


def _config(facts: WorkloadFacts) -> Mapping[str, Any]:
    told = {key: value for key, value in asdict(facts).items() if key not in {"operators", "input_sha256"}}
    return told if facts.task is not None else {key: value for key, value in told.items() if key != "task"}


def _same(one: Configuration, other: Configuration) -> UsageError:
    what = ", ".join(str(getattr(one.facts, key)) for key in CONFIG_KEYS if getattr(one.facts, key, None) is not None)
    more = "" if one.label == other.label else f" ({one.label}; {other.label})"
    return UsageError(
        f"two configurations are the same, {what}{more}: their rows could not be told apart. They differ by "
        f"{', '.join(CONFIG_KEYS[1:])}; measure what differs in nothing else in runs of their own, and rename one of "
        "two models of one name"
    )
