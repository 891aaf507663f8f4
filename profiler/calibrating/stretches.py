"""The windows of a run from which a calibration may learn: executed loads, idling, measured repeats."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from edgewatt.profiler.analysis.detected import with_findings
from edgewatt.profiler.analysis.repeats import ASLEEP, SUSPENDED, Repeat, measured_repeats, to_host
from edgewatt.profiler.analysis.seen import IDLE as IDLE_PREFIX
from edgewatt.profiler.collecting.load import PREFIX, STEP
from edgewatt.profiler.storage.checked import NUMBER
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window

IDLE, MEASURE = "idle", "measure"
NO_LENGTH: Final = "no_length"
# Kinds of load after which a radio stays awake for a while: of an idle window behind one the second half counts.
TRANSFERS: Final = frozenset({"send", "receive", "exchange"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window with what was asked for and what was seen on the device, both plain JSON.

    `repeat` has it on the host's clock. `kind` is that of its load, `idle`, or `measure`; `step` that of the suite, ""
    where nobody says; `bound_s` by how much its begin and end may be wrong on their own clock.
    """

    repeat: Repeat
    kind: str
    step: str
    asked: Mapping[str, Any]
    seen: Mapping[str, Any]

    @property
    def window(self) -> Window:
        """The window as it was recorded."""
        return self.repeat.window

    @property
    def bound_s(self) -> float:
        """By how much the stamps of the load may be wrong, in seconds."""
        said = self.window.attributes.get("bound_ns", self.seen.get("bound_ns", 0))
        return float(said) / 1e9 if NUMBER.holds(said) and said > 0 else 0.0

    @property
    def duration_s(self) -> float:
        """From begin to end on the host's clock."""
        return (self.repeat.t1_ns - self.repeat.t0_ns) / 1e9


def stretches_of(trace: Trace) -> list[Stretch]:
    """All of a run's, in the order of time. Raises as `measured_repeats` does."""
    asleep_ns = [to_host(trace, window) for window in trace.windows(ASLEEP)]
    loads = [_load(trace, window, place, asleep_ns) for place, window in enumerate(trace.windows(PREFIX))]
    steps = Counter(load.step for load in loads if load.step)
    said = _step(trace.manifest.conditions.get(STEP))
    of_run = said or (steps.most_common(1)[0][0] if steps else "")
    idles = [
        Stretch(_repeat(trace, window, place, asleep_ns), IDLE, of_run, {}, {})
        for place, window in enumerate(trace.windows(IDLE_PREFIX))
    ]
    measured = [
        Stretch(repeat, MEASURE, _step(repeat.window.attributes.get(STEP)) or of_run, *_parts(repeat.window))
        for repeat in with_findings(trace, measured_repeats(trace))
    ]
    ordered = sorted([*loads, *idles, *measured], key=lambda one: (one.repeat.t0_ns, one.repeat.t1_ns))
    return [*ordered[:1], *(_after_tail(*pair) for pair in pairwise(ordered))]


def _after_tail(before: Stretch, one: Stretch) -> Stretch:
    """An idle window without the part that the tail of a transfer may reach."""
    if one.kind != IDLE or before.kind not in TRANSFERS:
        return one
    window, repeat = one.window, one.repeat
    half = replace(window, t0_ns=window.t0_ns + (window.t1_ns - window.t0_ns) // 2)
    return replace(one, repeat=replace(repeat, window=half, t0_ns=repeat.t0_ns + (repeat.t1_ns - repeat.t0_ns) // 2))


def _load(trace: Trace, window: Window, place: int, asleep_ns: Sequence[tuple[int, int]]) -> Stretch:
    asked, seen = _parts(window)
    repeat = _repeat(trace, window, place, asleep_ns)
    return Stretch(repeat, str(asked.get("kind", "")), _step(window.attributes.get(STEP)), asked, seen)


def _step(said: object) -> str:
    """The kind of a step: `radio` of `radio-kitchen`."""
    return said.partition("-")[0] if isinstance(said, str) else ""


def _parts(window: Window) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What was asked for and what was seen; of a window that does not keep them apart, all of it twice."""
    told = window.attributes
    asked, seen = told.get("asked"), told.get("seen")
    return (asked if isinstance(asked, Mapping) else told), (seen if isinstance(seen, Mapping) else told)


def _repeat(trace: Trace, window: Window, place: int, asleep_ns: Sequence[tuple[int, int]]) -> Repeat:
    t0_ns, t1_ns = to_host(trace, window)
    asleep = any(begin <= t1_ns and end >= t0_ns for begin, end in asleep_ns)
    told = [window.attributes.get("reasons"), _parts(window)[1].get("reasons")]
    said = [reason for one in told if isinstance(one, list | tuple) for reason in one if isinstance(reason, str)]
    reasons = [*said, *([SUSPENDED] if asleep else []), *([NO_LENGTH] if t1_ns <= t0_ns else [])]
    nothing = np.empty(0)
    return Repeat(
        window,
        place,
        place,
        t0_ns,
        t1_ns,
        1,
        {},
        nothing,
        None,
        None,
        float("nan"),
        float("nan"),
        tuple(dict.fromkeys(reasons)),
    )
