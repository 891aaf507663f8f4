"""Samples in chunks, and the energy of windows over them: what the tests of energy share."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.windows import WindowEnergies, energy_of_windows
from edgewatt.profiler.units import Quantity

MS = 1_000_000
S = 1_000_000_000
POWER = Channel("rail", Quantity.POWER)
VOLT, AMPERE = Channel("main", Quantity.VOLTAGE), Channel("main", Quantity.CURRENT)
JOULES = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6)


def chunked(t_ns: ArrayLike, columns: dict[str, ArrayLike], sizes: Sequence[int] = ()) -> Iterator[Batch]:
    """The samples in chunks of the given sizes, the rest in one."""
    at, arrays = np.asarray(t_ns, np.int64), {name: np.asarray(values) for name, values in columns.items()}
    start = 0
    for size in (*sizes, len(at)):
        part = slice(start, start + size)
        yield Batch(at[part], {name: values[part] for name, values in arrays.items()})
        start = min(start + size, len(at))


def of_power(
    t_ns: ArrayLike,
    power_w: ArrayLike,
    t0_ns: ArrayLike,
    t1_ns: ArrayLike,
    *,
    channel: Channel = POWER,
    **options: object,
) -> WindowEnergies:
    return energy_of_windows(chunked(t_ns, {channel.column: power_w}), [(channel,)], t0_ns, t1_ns, **options)  # type: ignore[arg-type]


def of_counter(
    t_ns: ArrayLike, raw: ArrayLike, t0_ns: ArrayLike, t1_ns: ArrayLike, *, channel: Channel = JOULES, **options: object
) -> WindowEnergies:
    counts = np.asarray(raw, np.int64)
    return energy_of_windows(chunked(t_ns, {channel.column: counts}), [(channel,)], t0_ns, t1_ns, **options)  # type: ignore[arg-type]
