"""How the stamps of another clock are mapped to the host's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.errors import DeviceError


@dataclass(frozen=True, slots=True)
class Echo:
    """One bracketed question for the time: asked and answered on the host's clock, stamped by the device between."""

    asked_ns: int
    device_ns: int
    answered_ns: int


@dataclass(frozen=True, slots=True)
class ClockFit:
    """host = device + offset_ns + drift x (device - origin_ns), wrong by at most `bound_ns` (a rectangle).

    `drift` is dimensionless (50e-6 is 50 ppm). The identity is the fit of the host's own clock.
    """

    clock: str
    origin_ns: int = 0
    offset_ns: int = 0
    drift: float = 0.0
    bound_ns: int = 0

    @property
    def u_offset_s(self) -> float:
        """Standard uncertainty of the offset in seconds: the bound divided by sqrt 3."""
        return self.bound_ns / 1e9 / math.sqrt(3)

    def to_host(self, t_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Device stamps, int64 of any shape, on the host's clock."""
        if self.drift == 0.0:
            return t_ns + self.offset_ns if self.offset_ns else t_ns
        drifted_ns: NDArray[np.int64] = np.rint((t_ns - self.origin_ns) * self.drift).astype(np.int64)
        return t_ns + self.offset_ns + drifted_ns

    def to_json(self) -> dict[str, Any]:
        """The fit as plain JSON, for `run.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The fit that `to_json` wrote. Raises TypeError if it is none."""
        return cls(**data)


IDENTITY = ClockFit(HOST_CLOCK)


def fit_echoes(clock: str, start: Sequence[Echo], end: Sequence[Echo] = ()) -> ClockFit:
    """The fit through the echo of least round trip at the start and, for the drift, at the end.

    The bound is half of the longer of the two round trips. Raises DeviceError without an echo, or when a
    stamp at the end is not later than the one at the start.
    """
    if not start:
        raise DeviceError(f"clock {clock}: no answer to a question for the time; its samples cannot be placed")
    first = min(start, key=_round_trip_ns)
    if not end:
        return ClockFit(clock, first.device_ns, _offset_ns(first), 0.0, _bound_ns(first))
    last = min(end, key=_round_trip_ns)
    elapsed_ns = last.device_ns - first.device_ns
    if elapsed_ns <= 0:
        raise DeviceError(f"clock {clock} went back by {-elapsed_ns} ns during the run; its samples cannot be placed")
    drift = (_offset_ns(last) - _offset_ns(first)) / elapsed_ns
    return ClockFit(clock, first.device_ns, _offset_ns(first), drift, max(_bound_ns(first), _bound_ns(last)))


def _round_trip_ns(echo: Echo) -> int:
    return echo.answered_ns - echo.asked_ns


def _bound_ns(echo: Echo) -> int:
    return -(-_round_trip_ns(echo) // 2)


def _offset_ns(echo: Echo) -> int:
    return (echo.asked_ns + echo.answered_ns) // 2 - echo.device_ns
