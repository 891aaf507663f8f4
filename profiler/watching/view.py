"""What is seen of the devices at one instant: plain values, for whoever shows them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# `opening`: asked for the first time. `silent`: connected, and no sample for too long. `waiting`: lost, and tried again
# in a while. `ended`: it said that it ended. `refused`: trying again would not help.
State = Literal["opening", "connected", "silent", "waiting", "ended", "refused"]


@dataclass(frozen=True, slots=True, eq=False)
class LineView:
    """A channel or an energy source now: its value in SI (None: not measured), and its series by seconds.

    `series` (means), `low` and `high` are float64 [BINS], a value per whole second before now, the newest last, NaN
    where nothing came.
    `energy_j` are the joules of an energy source since the watch began, over `covered_s` seconds with samples.
    """

    name: str
    unit: str
    quantity: str
    value: float | None
    series: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    boundary: str | None = None
    energy_j: float | None = None
    covered_s: float = 0.0

    @property
    def is_source(self) -> bool:
        """True of an energy source."""
        return self.boundary is not None


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream: samples since the watch began, how many a second now (None: none came yet), and what is missing.

    `lost` counts what is known to be missing; `lost_unknown` says that nobody counted some of it. `dropped` are samples
    that came and were thrown away here, because nobody looked.
    """

    name: str
    samples: int
    rate_hz: float | None
    lost: int
    lost_unknown: bool
    gaps: int
    last_gap: str
    dropped: int
    silent_s: float | None


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock of a device's own: how wrong the fit to the host's may be, and how far the newest look lay beside it.

    `residual_s` is None before a second look and for a clock that its own instrument fits; `drift` is None as long.
    """

    name: str
    bound_s: float
    residual_s: float | None = None
    drift: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device now. `why` says what the state comes from, `retry_s` when it is tried again, `lost_times` how often."""

    uri: str
    label: str
    name: str
    simulated: bool
    state: State
    why: str
    retry_s: float | None
    connected_s: float | None
    lost_times: int
    lines: tuple[LineView, ...]
    streams: tuple[StreamView, ...]
    clocks: tuple[ClockView, ...]
    unavailable: tuple[tuple[str, str], ...]

    @property
    def samples(self) -> int:
        """Samples of all its streams."""
        return sum(stream.samples for stream in self.streams)

    @property
    def lost(self) -> int:
        """Samples that are known to be missing, those thrown away here included."""
        return sum(stream.lost + stream.dropped for stream in self.streams)

    @property
    def gaps(self) -> int:
        """Stretches without samples, in all streams."""
        return sum(stream.gaps for stream in self.streams)


@dataclass(frozen=True, slots=True)
class View:
    """All devices at `unix_s` (the wall clock); the watch began at `began_s`.

    `second` counts whole seconds of the host's clock: the newest value of a series is of the one before it.
    """

    unix_s: float
    began_s: float
    devices: tuple[DeviceView, ...]
    second: int = 0

    @property
    def has_series(self) -> bool:
        """False if it was seen for its newest values alone; without lines there is nothing that lacks any."""
        return all(len(line.series) for device in self.devices for line in device.lines)

    @property
    def simulated(self) -> bool:
        """True if anything in it is."""
        return any(device.simulated for device in self.devices)
