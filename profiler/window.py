"""Named stretches of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgewatt.profiler.clock import HOST_CLOCK

IDLE_BEFORE, IDLE_AFTER = "idle/before", "idle/after"
SYNC_START, SYNC_END = "sync/start", "sync/end"
WARMUP = "warmup"


def measure_window(repeat: int) -> str:
    """The name of the measured window of a repeat, counted from 0."""
    return f"measure/{repeat}"


def truth_window(repeat: int) -> str:
    """The name of the window in which a virtual device says what the measured phase of a repeat really took."""
    return f"truth/{repeat}"


@dataclass(frozen=True, slots=True)
class Window:
    """From `t0_ns` to `t1_ns` of the clock called `clock`; `parent` is the name of the window it belongs to.

    `attributes` holds what was learnt in it (a measured window: iterations, init_s, first_s, memory_peak_b, ...).
    """

    name: str
    t0_ns: int
    t1_ns: int
    clock: str = HOST_CLOCK
    parent: str | None = None
    config_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
