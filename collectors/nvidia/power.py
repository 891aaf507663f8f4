"""Energy and power of a GPU: which of NVML's several answers there are, and what each is.

TotalEnergyConsumption counts millijoules since the driver was loaded (Volta and newer). Power comes by field value and
scope, in milliwatts: 186 is instantaneous, 185 averaged over a second; scope 0 is the GPU, 1 the module (GH200: with
the processor), 2 the memory, which lies inside the GPU's (nvml.h, NVML_FI_DEV_POWER_INSTANT, nvmlPowerScopeType_t).
Only where a driver has none of the GPU's is nvmlDeviceGetPowerUsage asked, whose meaning depends on the chip.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.nvidia.gpu import Gpu
from edgewatt.collectors.nvidia.library import UNKNOWN, NvmlError
from edgewatt.device_profiles.gpus import seconds
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Unavailable
from edgewatt.profiler.units import Quantity

ENERGY_CALL: Final = "GetTotalEnergyConsumption"
INSTANT, AVERAGE = 186, 185
GPU_SCOPE, MODULE_SCOPE, MEMORY_SCOPE = 0, 1, 2
MILLI: Final = 1e-3
# No GPU draws more (assumed, generously); one that answers draws something, and drivers that are asked too fast or do
# not know answer 0.
HIGHEST_W: Final = 1e4
# Members of nvmlValue_t by NVML_VALUE_TYPE_*.
MEMBERS: Final = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}

# What is inside the number; the memory's is inside the GPU's.
OF_GPU: Final = ("gpu", "gpu_memory")
COVERS: Final = {"_module": ("gpu", "gpu_memory", "module"), "_memory": ("gpu_memory",)}


@dataclass(frozen=True, slots=True)
class Power:
    """One power that answered: its channel, and the field and scope behind it (None: nvmlDeviceGetPowerUsage)."""

    channel: Channel
    field: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Powers:
    """What can be measured of a GPU's energy and power.

    `counter` is None without an energy counter that answers.
    """

    gpu: Gpu
    counter: Channel | None
    powers: tuple[Power, ...]
    unavailable: tuple[Unavailable, ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All of them, the counter first."""
        return (*([] if self.counter is None else [self.counter]), *(power.channel for power in self.powers))

    def energy(self) -> int | None:
        """The counter in millijoule. Raises NvmlError."""
        return energy_mj(self.gpu)

    def watts(self) -> list[float | None]:
        """Each of `powers`, None where it is not measured now. Raises NvmlError if none can be."""
        return watts(self.gpu, [power.field for power in self.powers])

    def sources(self, name: str) -> tuple[EnergySource, ...]:
        """The joules that can be formed: of the counter, of the best power of the GPU, of the module."""
        found = []
        if self.counter is not None:
            found.append(EnergySource(f"{name}/energy", ((self.counter.column,),), "board", self.counter.covers))
        for what, chosen in (("power", _best(self.powers)), ("module", _of(self.powers, f"{name}_module"))):
            if chosen is not None:
                channel = chosen.channel
                found.append(EnergySource(f"{name}/{what}", ((channel.column,),), "board", channel.covers))
        return tuple(found)


# Channel, scope, and the fields to try in turn.
POWERS: Final = (
    ("_instant", GPU_SCOPE, (INSTANT,)),
    ("_average", GPU_SCOPE, (AVERAGE,)),
    ("_module", MODULE_SCOPE, (INSTANT, AVERAGE)),
    ("_memory", MEMORY_SCOPE, (INSTANT, AVERAGE)),
)


def survey(gpu: Gpu, name: str, profile: DeviceProfile) -> Powers:
    """What answers now, and why the rest is missing. Raises NvmlError for a GPU that is lost."""
    unavailable: list[Unavailable] = []
    counter: Channel | None = _counter(name, profile)
    if refused := _refused(f"{name}.{Quantity.ENERGY.value}", lambda: energy_mj(gpu)):
        counter = None
        unavailable.append(refused)
    powers: list[Power] = []
    for suffix, scope, fields in POWERS:
        found = [_probe(gpu, _power(name, suffix, field, profile), (field, scope)) for field in fields]
        there = [one for one in found if isinstance(one, Power)]
        powers += there[:1]
        unavailable += [one for one in found[:1] if isinstance(one, Unavailable) and not there]
    if not any(power.field is not None and power.field[1] == GPU_SCOPE for power in powers):
        usage = _probe(gpu, _power(name, "_usage", None, profile), None)
        if isinstance(usage, Power):
            powers.insert(0, usage)
        else:
            unavailable.append(usage)
    return Powers(gpu, counter, tuple(powers), tuple(unavailable))


def _counter(name: str, profile: DeviceProfile) -> Channel:
    return Channel(
        name,
        Quantity.ENERGY,
        "counter",
        source=f"nvmlDevice{ENERGY_CALL}",
        scale=MILLI,
        period_s=seconds(profile, "update_period_s"),
        accuracy=_accuracy(profile),
        boundary="board",
        covers=OF_GPU,
    )


def _power(name: str, suffix: str, field: int | None, profile: DeviceProfile) -> Channel:
    averages = field == AVERAGE or (field is None and profile.facts["usage_is"].value == "average")
    return Channel(
        f"{name}{suffix}",
        Quantity.POWER,
        source="nvmlDeviceGetPowerUsage" if field is None else f"nvmlDeviceGetFieldValues {field}",
        period_s=seconds(profile, "update_period_s"),
        window_s=seconds(profile, "average_window_s" if averages else "instant_window_s"),
        resolution=MILLI,
        accuracy=_accuracy(profile),
        boundary="board",
        covers=COVERS.get(suffix, OF_GPU),
    )


def _accuracy(profile: DeviceProfile) -> Accuracy | None:
    """What is stated of the gain, as a limit: a rectangle."""
    limit = profile.facts.get("gain_limit_ratio")
    return None if limit is None else Accuracy(profile.number("gain_limit_ratio") / math.sqrt(3), 0.0, limit.source)


def _probe(gpu: Gpu, channel: Channel, field: tuple[int, int] | None) -> Power | Unavailable:
    return _refused(channel.column, lambda: watts(gpu, [field])[0]) or Power(channel, field)


def _refused(what: str, ask: Callable[[], float | None]) -> Unavailable | None:
    """Why it is not measured; None where it answers. Raises NvmlError for a GPU that is lost."""
    try:
        value = ask()
    except NvmlError as error:
        if error.is_lost:
            raise
        return Unavailable(what, str(error))
    return Unavailable(what, "reads 0 or what no GPU draws, which is not measured") if value is None else None


def energy_mj(gpu: Gpu) -> int | None:
    """The energy counter in millijoule; None for 0 (a counter that does not count) and what int64 cannot hold."""
    said = gpu.ask(ENERGY_CALL)
    return said if type(said) is int and 0 < said < 2**63 else None


def watts(gpu: Gpu, fields: Sequence[tuple[int, int] | None]) -> list[float | None]:
    """Powers by (field, scope), or None for nvmlDeviceGetPowerUsage; None where one alone fails.

    Raises NvmlError for a GPU that is lost, and where all fail.
    """
    values: list[float | None] = [None] * len(fields)
    failure: NvmlError | None = None
    keys = [key for key in fields if key is not None]
    answered = iter(_fields(gpu, keys) if keys else ())
    for at, key in enumerate(fields):
        try:
            raw = gpu.ask("GetPowerUsage") if key is None else _value(next(answered, None))
        except NvmlError as refused:
            if refused.is_lost:
                raise
            failure = refused
            continue
        values[at] = _si(raw)
    if failure is not None and all(value is None for value in values):
        raise failure
    return values


def _fields(gpu: Gpu, keys: Sequence[tuple[int, int]]) -> Any:
    """NVML's entries for the keys, in their order; nothing from a module that does not take scopes."""
    entries = gpu.ask("GetFieldValues", list(keys))
    try:
        return list(entries)[: len(keys)]
    except TypeError:
        return []


def _value(entry: Any) -> Any:
    """The number in a field's entry. Raises NvmlError with the code that NVML put there."""
    code = getattr(entry, "nvmlReturn", UNKNOWN)
    if code != 0:
        raise NvmlError("DeviceGetFieldValues", code if isinstance(code, int) else UNKNOWN)
    return value_of(entry)


def value_of(entry: Any) -> Any:
    """The number in a field's entry, by the type that NVML put beside it; None for no such type."""
    member = MEMBERS.get(getattr(entry, "valueType", -1), "")
    return getattr(getattr(entry, "value", None), member, None)


def _si(raw: Any) -> float | None:
    """Watts of milliwatts; None for 0 and what cannot be true."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw < HIGHEST_W / MILLI:
        return None
    return float(raw) * MILLI


def _best(powers: Sequence[Power]) -> Power | None:
    """The power of the GPU that looks at the shortest stretch: instantaneous, else what there is."""
    order = [(INSTANT, GPU_SCOPE), None, (AVERAGE, GPU_SCOPE)]
    of_gpu = [power for power in powers if power.field in order]
    return min(of_gpu, key=lambda power: order.index(power.field), default=None)


def _of(powers: Sequence[Power], name: str) -> Power | None:
    return next((power for power in powers if power.channel.name == name), None)
