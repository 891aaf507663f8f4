"""How warm it was: the hottest of a run's processor sensors at given times."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# How a part of a sensor's name begins where it sits in a processor: drivers coretemp, k10temp, zenpower; zones
# x86_pkg_temp, cpu-thermal, soc_thermal; Jetson's CPU-therm, GPU-therm, tj-thermal; labels Tctl, Tdie, Package.
_PROCESSOR: Final = (
    "cpu",
    "gpu",
    "soc",
    "coretemp",
    "k10temp",
    "zenpower",
    "pkg",
    "package",
    "tctl",
    "tdie",
    "tj",
    "tcpu",
)

# Temperatures are polled once a second or slower; a reading that is older by ten of those says nothing of now.
REACH_NS: Final = 10_000_000_000


def temperatures_c(trace: Trace, at_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Degrees Celsius at times of the host's clock, shape [n]; NaN without a reading within REACH_NS of it.

    Of the sensor that `conditions["temperature_channel"]` names (channel or column), else of the hottest processor
    sensor. The reading that is nearest in time counts.
    """
    hottest = np.full(len(at_ns), np.nan)
    columns = trace.columns
    chosen = chosen_columns(trace)
    for stream in dict.fromkeys(columns[column].stream for column in chosen):
        of_stream = [column for column in chosen if columns[column].stream == stream]
        hottest = np.fmax(hottest, _hottest(trace, stream, of_stream, at_ns))
    return hottest


def chosen_columns(trace: Trace) -> list[str]:
    """The columns of the sensors that count: that which the conditions name, else those of processors."""
    channels = {c: s.channel for c, s in trace.columns.items() if s.channel.quantity is Quantity.TEMPERATURE}
    named: Any = trace.manifest.conditions.get("temperature_channel")
    if named is not None:
        return [column for column, channel in channels.items() if named in {column, channel.name}]
    return [column for column, channel in channels.items() if _is_processor(channel.name)]


def _is_processor(name: str) -> bool:
    return any(part.startswith(_PROCESSOR) for part in re.split(r"[^a-z0-9]+", name))


def _hottest(trace: Trace, stream: str, columns: Sequence[str], at_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    nearest = {column: (np.full(len(at_ns), REACH_NS + 1), np.full(len(at_ns), np.nan)) for column in columns}
    for chunk in trace.chunks(stream, columns):
        for column, (away_ns, found_c) in nearest.items():
            measured = np.isfinite(chunk.columns[column])
            t_ns, value_c = chunk.t_ns[measured], chunk.columns[column][measured]
            if not len(t_ns):
                continue
            after = np.searchsorted(t_ns, at_ns)
            for k in (np.maximum(after - 1, 0), np.minimum(after, len(t_ns) - 1)):
                this_ns = np.abs(t_ns[k] - at_ns)
                nearer = this_ns < away_ns
                away_ns[nearer], found_c[nearer] = this_ns[nearer], value_c[k][nearer]
    hottest = np.full(len(at_ns), np.nan)
    for _, found_c in nearest.values():
        hottest = np.fmax(hottest, found_c)
    return hottest
