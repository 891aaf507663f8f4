"""From bytes of a meter, with the time at which they were received, to batches and gaps."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.calibration import RANGES, Calibration, Six
from edgewatt.collectors.monsoon.continuity import Continuity, Part
from edgewatt.collectors.monsoon.products import PHONE_VOLTAGE, EveryRow, Product
from edgewatt.collectors.monsoon.readings import Counts, Frames
from edgewatt.collectors.monsoon.rows import Hole, Rows, Stretch
from edgewatt.collectors.monsoon.timeline import Placed, Timeline
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.clockfit import ClockFit

# What lies between a sample and its reception at best: a frame fills (seven samples), and USB asks once a millisecond.
# Assumed: nobody published the meter's own delay.
LATENCY_NS: Final = 2_000_000


class Samples(Protocol):
    """Decodes one kind of wire; SerialSamples and UsbSamples do."""

    calibration: Calibration
    counts: Counts

    def take(self, data: bytes, *, final: bool = False) -> list[Frames]:
        """The frames that became whole with `data`."""
        ...

    def restart(self) -> None:
        """What follows is a new beginning."""
        ...


class Decoding:
    """Everything between a wire and a run, without a clock and without a thread of its own.

    Samples are stamped by the meter's own clock: slot x `slot_ns` since the first reception. `fit` ties it to the
    host's. With `lead_ohm` there is a column for the voltage behind the leads.
    """

    def __init__(
        self, samples: Samples, slot_ns: int, product: Product | None = None, *, lead_ohm: float | None = None
    ) -> None:
        self._samples, self._product, self._lead_ohm = samples, product or EveryRow(), lead_ohm
        self._continuity, self._timeline, self._rows = Continuity(), Timeline(slot_ns), Rows()
        self._restarts: list[str] = []

    @property
    def started(self) -> bool:
        """True once something was received that has a time."""
        return self._timeline.envelope is not None

    @property
    def last_ns(self) -> int:
        """Where the meter's clock stands."""
        return self._timeline.t_ns(self._timeline.next)

    def feed(self, received_ns: int, data: bytes) -> list[Batch | Gap]:
        """What became known with bytes of which the last had arrived by then. Any bytes; never raises."""
        return self._store(
            self._timeline.add(
                self._parts(self._samples.take(data)), received_ns, self._continuity.step, self._continuity.unsure
            )
        )

    def restart(self, cause: str) -> None:
        """The meter was started anew; what is missing until it measures again is a gap with this cause."""
        self._samples.restart()
        self._continuity.restart()
        self._timeline.restart(cause)
        self._restarts.append(cause)

    def flush(self) -> list[Batch | Gap]:
        """What was held back. Nothing can be fed after it."""
        self._samples.take(b"", final=True)
        return self._store(self._timeline.flush())

    def fit(self, clock: str) -> ClockFit:
        """The meter's clock against the host's, as well as it is known now.

        The bound is what a sample may take to arrive at best, and the distance of 95 % of the envelope from its line.
        """
        envelope = self._timeline.envelope
        if envelope is None:
            return ClockFit(clock)
        offset_ns, drift, spread_ns = envelope.fit()
        return ClockFit(clock, envelope.origin_ns, round(offset_ns), drift, LATENCY_NS + round(spread_ns))

    def facts(self) -> Mapping[str, Any]:
        """What was counted, and how the calibration moved."""
        calibration = self._samples.calibration
        counted = {**asdict(self._samples.counts), **asdict(self._rows.counts)}
        known = calibration.first is not None
        return {
            **counted,
            "restarts": len(self._restarts),
            "calibration_readings": list(calibration.readings),
            "main_zero_and_reference_first": _of_main(calibration.first) if calibration.first else None,
            "main_zero_and_reference_last": _of_main(calibration.last) if known else None,
        }

    def _parts(self, frames: Iterable[Frames]) -> list[Part]:
        return [part for some in frames for part in self._continuity.parts(some)]

    def _store(self, placed: Iterable[Placed]) -> list[Batch | Gap]:
        items: list[Batch | Gap] = []
        for found in self._rows.take(placed):
            if isinstance(found, Hole):
                t0_ns, t1_ns = self._timeline.t_ns(found.after), self._timeline.t_ns(found.before)
                items.append(Gap(t0_ns, t1_ns, found.cause, found.lost))
            elif (stored := self._product.take(self._with_lead(found))) is not None:
                items.append(Batch(self._t_ns(stored), stored.columns))
        return items

    def _t_ns(self, rows: Stretch) -> NDArray[np.int64]:
        """A row's time is its slot's; that of a block is its end, half a slot after its last."""
        slots, slot_ns = self._product.slots, self._timeline.slot_ns
        first_ns = self._timeline.t_ns(rows.first * slots) + (0 if slots == 1 else slots * slot_ns - slot_ns // 2)
        return np.arange(first_ns, first_ns + len(rows) * slots * slot_ns, slots * slot_ns, dtype=np.int64)

    def _with_lead(self, rows: Stretch) -> Stretch:
        if self._lead_ohm is None:
            return rows
        columns = rows.columns
        behind = columns["main.voltage_v"] - np.float32(self._lead_ohm) * columns["main.current_a"]
        return Stretch(rows.first, {**columns, PHONE_VOLTAGE: behind})


def _of_main(calibration: tuple[Six, Six]) -> list[float]:
    """Zero and reference of the main channel, each fine and coarse, in raw counts: they move as the meter warms."""
    return [counts for six in calibration for counts in six[: len(RANGES)]]
