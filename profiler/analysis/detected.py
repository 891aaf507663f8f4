"""What the recorded samples show against a repeat, whatever was told of it: heat, charging, a gauge nobody can read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

THROTTLED, FELL_BACK, CHARGING, GAUGE_UNDECIDED = "throttled", "fell_back", "charging", "gauge_undecided"

# What tells that clocks are held down by heat, 0 where they are not: PowerManager's thermal status, the kernel's
# cooling devices of clocks, NVML's reasons by temperature, a Jetson's alerts (the collectors' channels).
_HEAT_BEGINS: Final = ("thermal_status", "cooling_")
_HEAT_ENDS: Final = ("_thermal",)
_HEAT_HOLDS: Final = "throttle-alert"
# Boundaries whose joules are also those that flow into a battery, or lack those that flow past it.
CHARGED: Final = frozenset({"gauge", "battery_series", "usb_inline", "wall"})
# A gauge errs by a count now and then; a cable that was plugged in shows for longer (assumed).
_SHARE_IN: Final = 0.05
_RAW: Final = "battery_current_raw.count_n"
# Reasons by which a runtime says itself where it ran.
_TOLD: Final = frozenset({"not_delegated", "partly_delegated", "delegate_failed", "delegate_unknown"})
# What executes on the CPU, whatever it is called.
_CPU: Final = frozenset({"cpu", "xnnpack", "ynnpack"})


def with_findings(trace: Trace, repeats: Sequence[Repeat]) -> list[Repeat]:
    """The repeats with what the samples show: `told["throttled"]` where a sensor tells it, and their reasons."""
    heat = _heat(trace, repeats)
    return [_with(trace.manifest, repeat, was_hot) for repeat, was_hot in zip(repeats, heat, strict=True)]


def charged(trace: Trace, boundary: str, repeats: Sequence[Repeat]) -> list[bool]:
    """Of each repeat, whether current flowed into the battery, which spoils the joules of that boundary."""
    columns = [
        column
        for column, stored in trace.columns.items()
        if stored.channel.quantity is Quantity.CURRENT and stored.channel.boundary == "gauge"
    ]
    if boundary not in CHARGED or not columns:
        return [False] * len(repeats)
    return [any(_flows_in(_inside(trace, column, repeat)) for column in columns) for repeat in repeats]


def undecided_gauge(trace: Trace) -> tuple[str, ...]:
    """The reason for a current that was read and never became amperes."""
    columns = trace.columns
    amperes = [
        c for c, s in columns.items() if s.channel.quantity is Quantity.CURRENT and s.channel.boundary == "gauge"
    ]
    if (
        _RAW not in columns
        or not amperes
        or any(column in term for s in trace.sources for term in s.terms for column in amperes)
    ):
        return ()
    shows_current = any(bool(np.any(values > 0) or np.any(values < 0)) for _, values in trace.series(_RAW).chunks())
    is_known = any(bool(np.isfinite(values).any()) for column in amperes for _, values in trace.series(column).chunks())
    return (GAUGE_UNDECIDED,) if shows_current and not is_known else ()


def fell_back(asked: str | None, used: str | None, reasons: Sequence[str]) -> bool:
    """True where the unit that was asked for is not among those that executed, and no runtime said so itself.

    >>> fell_back("gpu", "cpu", []), fell_back("gpu", "gpu+xnnpack", []), fell_back("cpu", "xnnpack", [])
    (True, False, False)
    """
    if not asked or not used or any(reason.partition(":")[0] in _TOLD for reason in reasons):
        return False
    wanted = asked.partition(":")[0].partition("-")[0]
    executed = {part.partition(":")[0].partition("-")[0] for part in used.split("+")}
    return not (executed & _CPU if wanted in _CPU else wanted in executed)


def _with(manifest: Manifest, repeat: Repeat, was_hot: bool | None) -> Repeat:  # noqa: FBT001
    told: Mapping[str, Any] = repeat.told
    if was_hot is not None:
        told = {**told, "throttled": was_hot or bool(told.get("throttled"))}
    asked = manifest.configs.get(repeat.config_id or "", {}).get("target_asked")
    found = [
        *repeat.reasons,
        *([THROTTLED] if was_hot else []),
        *([FELL_BACK] if fell_back(_text(asked), told.get("target_used"), repeat.reasons) else []),
    ]
    return replace(repeat, told=told, reasons=tuple(dict.fromkeys(found)))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _heat(trace: Trace, repeats: Sequence[Repeat]) -> list[bool | None]:
    """Of each repeat, whether any sensor told of throttling in it; None where none was read in it."""
    columns = [column for column, stored in trace.columns.items() if tells_of_heat(stored.channel.name, column)]
    found: list[bool | None] = []
    for repeat in repeats:
        values = [seen for column in columns if len(seen := _inside(trace, column, repeat))]
        found.append(any(bool(np.any(seen > 0)) for seen in values) if values else None)
    return found


def tells_of_heat(name: str, column: str) -> bool:
    """Whether a state of that channel, above 0, says that clocks are held down by heat."""
    is_state = column.endswith(Quantity.STATE.value)
    return is_state and (name.startswith(_HEAT_BEGINS) or name.endswith(_HEAT_ENDS) or _HEAT_HOLDS in name)


def _inside(trace: Trace, column: str, repeat: Repeat) -> NDArray[np.float64]:
    """The values of a column in a repeat's window, those that were measured."""
    _, values = trace.series(column).between(repeat.t0_ns, repeat.t1_ns).to_numpy()
    known = np.asarray(values, np.float64)
    return known[np.isfinite(known)]


def _flows_in(current_a: NDArray[np.float64]) -> bool:
    return len(current_a) > 0 and float(np.mean(current_a < 0)) > _SHARE_IN
