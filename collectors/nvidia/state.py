"""What a GPU tells once a second: clocks, temperatures, load, memory, and what slows it down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.generic.polling import Reading
from edgewatt.collectors.nvidia.gpu import Gpu
from edgewatt.collectors.nvidia.library import NvmlError
from edgewatt.collectors.nvidia.power import value_of
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

MEMORY_TEMPERATURE: Final = 82
# nvml.h, nvmlClocksEventReason*: a power cap or brake, and what the temperature forces. A GPU at its power limit
# is not throttled by heat.
POWER_REASONS: Final = 0x4 | 0x80
THERMAL_REASONS: Final = 0x20 | 0x40
# The mask as a float32 is exact up to here; NVML defines eleven bits.
MASK_LIMIT: Final = 1 << 24
# NVML: the share of the last 1/6 to 1 s, by product.
LOAD_WINDOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A call and what it gives: (suffix of the channel, quantity, value of the answer in SI or None)."""

    calls: tuple[tuple[Any, ...], ...]
    gives: tuple[tuple[str, Quantity, Callable[[Any], float | None]], ...]
    window_s: float | None = None


def _number(low: float, high: float, scale: float = 1.0) -> Callable[[Any], float | None]:
    def value(said: Any) -> float | None:
        real = isinstance(said, int | float) and not isinstance(said, bool)
        return float(said) * scale if real and low <= said <= high else None

    return value


def _member(name: str, convert: Callable[[Any], float | None]) -> Callable[[Any], float | None]:
    return lambda said: convert(getattr(said, name, None))


def _field(said: Any) -> float | None:
    """The memory's temperature from its field; 0 means that there is no such sensor."""
    try:
        entry = said[0]
    except (TypeError, IndexError, KeyError):
        return None
    return _number(1, 150)(value_of(entry)) if getattr(entry, "nvmlReturn", None) == 0 else None


def _any_of(bits: int) -> Callable[[Any], float | None]:
    return lambda said: None if (mask := _mask(said)) is None else float(bool(int(mask) & bits))


_mask: Final = _number(0, MASK_LIMIT - 1)
_CELSIUS: Final = _number(-55, 150)
_HERTZ: Final = _number(0, 1e5, 1e6)
_RATIO: Final = _number(0, 100, 0.01)

ASKED: Final = (
    *(
        Asked((("GetClockInfo", code),), ((f"_{name}", Quantity.FREQUENCY, _HERTZ),), 0.0)
        for code, name in enumerate(("graphics", "sm", "memory", "video"))
    ),
    Asked((("GetTemperatureV", 0), ("GetTemperature", 0)), (("_gpu", Quantity.TEMPERATURE, _CELSIUS),)),
    Asked((("GetFieldValues", [MEMORY_TEMPERATURE]),), (("_memory", Quantity.TEMPERATURE, _field),)),
    Asked(
        (("GetUtilizationRates",),),
        (
            ("_gpu", Quantity.LOAD, _member("gpu", _RATIO)),
            ("_memory", Quantity.LOAD, _member("memory", _RATIO)),
        ),
        LOAD_WINDOW_S,
    ),
    Asked((("GetMemoryInfo",),), (("_used", Quantity.MEMORY, _member("used", _number(0, 1 << 50))),), 0.0),
    Asked(
        (("GetCurrentClocksEventReasons",), ("GetCurrentClocksThrottleReasons",)),
        (
            ("_reasons", Quantity.STATE, _mask),
            ("_power_capped", Quantity.STATE, _any_of(POWER_REASONS)),
            ("_thermal", Quantity.STATE, _any_of(THERMAL_REASONS)),
        ),
        0.0,
    ),
)


def survey(gpu: Gpu, name: str) -> tuple[list[Reading], list[Unavailable]]:
    """A reading per call that answers now, and why the rest is missing. Raises NvmlError for a lost GPU."""
    readings: list[Reading] = []
    unavailable: list[Unavailable] = []
    for asked in ASKED:
        columns = [f"{name}{suffix}.{quantity.value}" for suffix, quantity, _ in asked.gives]
        try:
            said = gpu.first(*asked.calls)
        except NvmlError as failure:
            if failure.is_lost:
                raise
            unavailable += [Unavailable(column, str(failure)) for column in columns]
            continue
        values = [value(said) for _, _, value in asked.gives]
        there = tuple(one for one, value in zip(asked.gives, values, strict=True) if value is not None)
        unavailable += [
            Unavailable(column, f"nvmlDevice{asked.calls[0][0]} answers what such a sensor cannot have")
            for column, value in zip(columns, values, strict=True)
            if value is None
        ]
        if there:
            readings.append(_reading(gpu, name, Asked(asked.calls, there, asked.window_s)))
    return readings, unavailable


def _reading(gpu: Gpu, name: str, asked: Asked) -> Reading:
    source = f"nvmlDevice{asked.calls[0][0]}"
    channels = tuple(
        Channel(f"{name}{suffix}", quantity, source=source, window_s=asked.window_s)
        for suffix, quantity, _ in asked.gives
    )

    def read() -> Sequence[float | None]:
        said = gpu.first(*asked.calls)
        return [value(said) for _, _, value in asked.gives]

    return Reading(source, channels, read)
