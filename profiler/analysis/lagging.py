"""How late a sensor tells what it saw, where `calibrate sensor` found that out: its windows are looked for later."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.energy.budget import Instrument
from edgewatt.profiler.storage.checked import NUMBER
from edgewatt.profiler.storage.trace import Trace

# Among the facts of an instrument: by column its lag and the standard uncertainty of that, in seconds.
LAGS: Final = "lags_s"
# What is later than that is no lag of a sensor (profiler/gauging looks up to about as far; assumed).
_MOST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Lag:
    """From the end of what a value speaks of until it could be read, in seconds."""

    s: float
    u_s: float

    def moved(self, repeats: Sequence[Repeat]) -> list[Repeat]:
        """The repeats where a sensor that is so late shows them."""
        by_ns = round(self.s * NS_PER_S)
        return [replace(repeat, t0_ns=repeat.t0_ns + by_ns, t1_ns=repeat.t1_ns + by_ns) for repeat in repeats]

    def unsure(self, instrument: Instrument) -> Instrument:
        """The instrument with what is not known of the lag, as an offset between two clocks is: a rectangle of u."""
        return replace(instrument, bounds_s=(*instrument.bounds_s, math.sqrt(3) * self.u_s))


def lag_of(trace: Trace, source: EnergySource) -> Lag | None:
    """The longest lag of the columns of a source; None where none was found, or what is told is no lag."""
    columns = {column: trace.columns[column].stream for term in source.terms for column in term}
    known = [lag for column, stream in columns.items() if (lag := _told(trace.manifest.device, column, stream))]
    return max(known, key=lambda lag: lag.s, default=None)


def _told(device: Mapping[str, Any], column: str, stream: str) -> Lag | None:
    instruments = device.get("instruments")
    for name, facts in instruments.items() if isinstance(instruments, Mapping) else ():
        lags = facts.get(LAGS) if isinstance(facts, Mapping) else None
        if (stream == name or stream.startswith(f"{name}-")) and isinstance(lags, Mapping):
            told = lags.get(column)
            if isinstance(told, list | tuple) and len(told) == 2 and all(map(NUMBER.holds, told)):
                lag_s, u_s = told
                return Lag(float(lag_s), float(u_s)) if 0 < lag_s <= _MOST_S and 0 <= u_s <= _MOST_S else None
    return None
