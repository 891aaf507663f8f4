"""The measured repeats of a run: what each of them told, and how fast it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.profiler.analysis.pins import Frequencies, frequencies
from edgewatt.profiler.analysis.temperature import temperatures_c
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.statistics import median
from edgewatt.profiler.storage.checked import FLAG, NUMBER, TEXT, WHOLE, Rule, list_of, shown
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window

MEASURE: Final = "measure/"
# When a machine slept (profiler/running/asleep.py), and what that makes of a repeat.
ASLEEP, SUSPENDED = "suspended/", "suspended"

# Reasons that leave nothing of a repeat: what a workload or a run says of it, and what is found here.
NO_ITERATIONS, NO_LENGTH = "no_iterations", "no_length"
VOID_REASONS: Final = frozenset({"suspended", "failed", NO_ITERATIONS, NO_LENGTH})

_NOT_NEGATIVE = Rule("a number from 0 on", lambda value: NUMBER.holds(value) and value >= 0)
_COUNT = Rule("a whole number from 0 on", lambda value: WHOLE.holds(value) and value >= 0)
_ATTRIBUTES: Final = {
    "iterations": _COUNT,
    "order": _COUNT,
    "memory_peak_b": _COUNT,
    "init_s": _NOT_NEGATIVE,
    "first_s": _NOT_NEGATIVE,
    "latency_s": _NOT_NEGATIVE,
    "latency_stat": TEXT,
    "target_used": TEXT,
    "steady": FLAG,
    "throttled": FLAG,
    "reasons": list_of(TEXT),
}
_INT32_LIMIT: Final = 2**31


@dataclass(frozen=True, slots=True)
class Repeat:
    """One measured window, on the host's clock, with what its workload told and the latency of its iterations.

    `latencies_s` is empty where the runtime reveals none. Temperatures are NaN where no sensor says. `ran` is at which
    frequencies, and whether what was pinned held.
    """

    window: Window
    repeat: int
    order: int
    t0_ns: int
    t1_ns: int
    iterations: int
    told: Mapping[str, Any]
    latencies_s: NDArray[np.float64]
    latency_s: float | None
    latency_stat: str | None
    temperature_start_c: float
    temperature_end_c: float
    reasons: tuple[str, ...] = field(default=())
    ran: Frequencies = field(default_factory=Frequencies)

    @property
    def config_id(self) -> str | None:
        """What was executed."""
        return self.window.config_id


def measured_repeats(trace: Trace) -> list[Repeat]:
    """The repeats of a run, in the order of their windows. Raises UsageError for an attribute that is none."""
    windows = sorted(trace.windows(MEASURE), key=lambda window: window.t0_ns)
    spans_ns = np.asarray([to_host(trace, window) for window in windows], np.int64).reshape(-1, 2)
    starts_c, ends_c = temperatures_c(trace, spans_ns[:, 0]), temperatures_c(trace, spans_ns[:, 1])
    table = trace.iterations()
    ran = frequencies(trace, windows, spans_ns, [_unit(window) for window in windows])
    asleep_ns = [to_host(trace, window) for window in trace.windows(ASLEEP)]
    found = []
    for place, window in enumerate(windows):
        number = _number_of(trace, window)
        told = _checked(trace, window)
        mine = pc.and_(_equals(table["config_id"], window.config_id), pc.equal(table["repeat"], number))
        latencies_s = table["latency_s"].filter(mine).drop_null().to_numpy()
        found.append(
            Repeat(
                window,
                number,
                told.get("order", place),
                int(spans_ns[place, 0]),
                int(spans_ns[place, 1]),
                told.get("iterations", len(latencies_s)),
                told,
                latencies_s,
                *_latency(told, latencies_s),
                float(starts_c[place]),
                float(ends_c[place]),
                _reasons(
                    told, len(latencies_s), spans_ns[place], _slept(spans_ns[place], asleep_ns), ran[place].reasons
                ),
                ran[place],
            )
        )
    return found


def to_host(trace: Trace, window: Window) -> tuple[int, int]:
    """Start and end of a window on the host's clock. Raises NotMeasuredError if its clock was never compared."""
    bounds_ns = trace.clock_fit(window.clock).to_host(np.asarray([window.t0_ns, window.t1_ns], np.int64))
    return int(bounds_ns[0]), int(bounds_ns[1])


def _unit(window: Window) -> str | None:
    """What executed it, as far as anybody says."""
    said = window.attributes.get("target_used")
    return said if isinstance(said, str) else None


def _slept(span_ns: NDArray[np.int64], asleep_ns: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """That it slept, where it may have done so in this window."""
    touched = any(t0_ns <= span_ns[1] and t1_ns >= span_ns[0] for t0_ns, t1_ns in asleep_ns)
    return (SUSPENDED,) if touched else ()


def _number_of(trace: Trace, window: Window) -> int:
    digits = window.name.removeprefix(MEASURE)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise UsageError(f"{trace.path}: window {shown(window.name)}, expected {MEASURE} and the number of a repeat")
    return int(digits)


def _checked(trace: Trace, window: Window) -> dict[str, Any]:
    """The attributes that are there and not null, each of them what it has to be."""
    told = {key: value for key, value in window.attributes.items() if value is not None}
    for key, rule in _ATTRIBUTES.items():
        value = told.get(key)
        if key in told and not rule.holds(value):
            raise UsageError(
                f"{trace.path}: window {shown(window.name)}: {key} is {shown(value)}, expected {rule.expected}; "
                "restore windows.parquet as it was recorded"
            )
    for key in ("iterations", "order"):
        if told.get(key, 0) >= _INT32_LIMIT:
            raise UsageError(
                f"{trace.path}: window {shown(window.name)}: {key} is {told[key]}, which no repeat reaches"
            )
    return told


def _equals(column: Any, value: str | None) -> Any:
    return pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), False)


def _latency(told: Mapping[str, Any], latencies_s: NDArray[np.float64]) -> tuple[float | None, str | None]:
    """The median of the iterations, else what the runtime gives, with its name."""
    if len(latencies_s):
        return median(latencies_s), "median"
    if "latency_s" in told:
        return float(told["latency_s"]), told.get("latency_stat", "mean")
    return None, None


def _reasons(
    told: Mapping[str, Any], stored: int, span_ns: Sequence[int] | NDArray[np.int64], *more: Sequence[str]
) -> tuple[str, ...]:
    iterations = told.get("iterations", stored)
    found = [
        *told.get("reasons", ()),
        *(["not_steady"] if told.get("steady") is False else []),
        *(["throttled"] if told.get("throttled") else []),
        *([NO_ITERATIONS] if not iterations else []),
        *(["iterations_incomplete"] if 0 < stored < iterations else []),
        *(["no_latency"] if not stored and "latency_s" not in told else []),
        *([NO_LENGTH] if span_ns[1] <= span_ns[0] else []),
        *(reason for reasons in more for reason in reasons),
    ]
    return tuple(dict.fromkeys(found))
