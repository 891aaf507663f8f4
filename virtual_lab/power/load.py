"""What happens to a device: changes of its state at exact instants of the true clock, and patterns of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = Literal["load", "frequency", "suspended"]


@dataclass(frozen=True, slots=True)
class Change:
    """New values of one thing, from int64 ns of the true clock on, in order of time.

    A load's intensity (0: not running), a domain's requested frequency in Hz, or whether the device is suspended.
    """

    kind: Kind
    name: str
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]


def pulses(load: str, begin_ns: ArrayLike, end_ns: ArrayLike, intensity: ArrayLike = 1.0) -> Change:
    """The load runs from each begin to its end: the iterations of a network, the pulses of a synchronisation.

    `intensity` is one number, or one for each. Raises ValueError if they overlap or are not in order.
    """
    return Change("load", load, *_interleaved(begin_ns, end_ns, intensity))


def level(load: str, t_ns: ArrayLike, intensity: ArrayLike) -> Change:
    """The load runs at this intensity from here on: a screen's brightness, a sampler, another app."""
    return Change("load", load, *_aligned(t_ns, intensity))


def frequency(domain: str, t_ns: ArrayLike, frequency_hz: ArrayLike) -> Change:
    """The governor asks for this frequency from here on; throttling may give less."""
    return Change("frequency", domain, *_aligned(t_ns, frequency_hz))


def suspension(begin_ns: ArrayLike, end_ns: ArrayLike) -> Change:
    """The device is suspended from each begin to its end."""
    return Change("suspended", "", *_interleaved(begin_ns, end_ns, 1.0))


def loop(
    rng: np.random.Generator, start_ns: int, count: int, *, latency_s: float, spread: float = 0.0, gap_s: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Begins and ends of `count` iterations, one after the other, in int64 ns.

    Latencies are log-normal with the median `latency_s` and the standard deviation `spread` of their logarithm
    (assumed: latencies are skewed to the right); between two lies `gap_s`.
    """
    latency_ns = np.rint(1e9 * latency_s * np.exp(spread * rng.standard_normal(count))).astype(np.int64)
    end_ns = start_ns + np.cumsum(latency_ns + round(gap_s * 1e9)) - round(gap_s * 1e9)
    return end_ns - latency_ns, end_ns


def bursts(
    rng: np.random.Generator, load: str, begin_ns: int, end_ns: int, *, rate_hz: float, length_s: float
) -> Change:
    """Something else that wakes up now and then: exponential pauses of mean `1 / rate_hz` and lengths (assumed)."""
    expected = (end_ns - begin_ns) * 1e-9 / (1 / rate_hz + length_s)
    count = int(expected + 6 * expected**0.5) + 6
    times_s = np.stack([rng.exponential(1 / rate_hz, count), rng.exponential(length_s, count)], axis=1)
    edges_ns = begin_ns + np.rint(1e9 * np.cumsum(times_s.ravel())).astype(np.int64).reshape(count, 2)
    edges_ns = np.minimum(edges_ns[edges_ns[:, 0] < end_ns], end_ns)
    return pulses(load, edges_ns[:, 0], edges_ns[:, 1])


def _aligned(t_ns: ArrayLike, value: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    t_ns = np.atleast_1d(np.asarray(t_ns, np.int64))
    if (np.diff(t_ns) < 0).any():
        raise ValueError("the changes are not in order of time")
    return t_ns, np.broadcast_to(np.asarray(value, np.float64), t_ns.shape)


def _interleaved(
    begin_ns: ArrayLike, end_ns: ArrayLike, value: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    begin_ns, end_ns = np.atleast_1d(np.asarray(begin_ns, np.int64)), np.atleast_1d(np.asarray(end_ns, np.int64))
    values = np.zeros((len(begin_ns), 2))
    values[:, 0] = value
    return _aligned(np.stack([begin_ns, end_ns], axis=1).ravel(), values.ravel())
