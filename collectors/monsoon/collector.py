"""A Monsoon as a collector: a capture beside the run, its samples decoded here."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from edgewatt.collectors.monsoon.decoding import Decoding
from edgewatt.collectors.monsoon.messages import Message, Received
from edgewatt.collectors.monsoon.offered import NAME, channels_of, facts_of, powers, sources_of
from edgewatt.collectors.monsoon.options import Options
from edgewatt.collectors.monsoon.products import Blocks, EveryRow
from edgewatt.collectors.monsoon.running import Running
from edgewatt.collectors.monsoon.verdict import reasons_of
from edgewatt.collectors.monsoon.wiring import Wiring
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Learnt

# Starting Python, opening, stopping, asking, and setting the passthrough, each verified.
START_S: Final = 20.0
# PyMonsoon gives a meter 20,000 samples for its first calibration.
CALIBRATE_S: Final = 5.0


class Monsoon:
    """One meter that was opened and answered. `launch` starts its capture; `put_back` restores it where that could not.

    Samples are stamped by the meter's own clock, `monsoon.<serial>`; its fit is learnt as they come.
    """

    def __init__(
        self,
        wiring: Wiring,
        options: Options,
        profile: DeviceProfile,
        launch: Callable[[], Running],
        put_back: Callable[[], None],
    ) -> None:
        self._wiring, self._options, self._profile = wiring, options, profile
        self._launch, self._put_back = launch, put_back
        self._clock_name = f"{NAME}.{wiring.status.serial}"
        self._running: Running | None = None
        self._decoding: Decoding | None = None
        self._items: deque[Batch | Gap] = deque()
        self._over: End | None = None
        self._told: dict[str, Any] = {}
        self._reasons: tuple[str, ...] = ()
        self._away = ""

    def open(self, clock: Clock) -> Opened:  # noqa: ARG002  (samples are stamped where they are received)
        """Start the capture, and wait until it measures. Raises DeviceError if it does not."""
        self._decoding = Decoding(
            self._wiring.samples(self._options.channels),
            1_000_000 // self._wiring.status.rate_khz,
            EveryRow()
            if self._options.block == 1
            else Blocks(self._options.block, powers(self._options, self._wiring)),
            lead_ohm=self._options.lead_ohm,
        )
        self._items.clear()
        self._over, self._told, self._reasons, self._away = None, {}, (), ""
        self._running = self._launch()
        try:
            self._wait_for(lambda: "sampling" in self._told, START_S, "did not begin to sample")
            self._wait_for(self._measures, CALIBRATE_S, "sent no calibrated samples")
        except BaseException:
            self.close()
            raise
        return Opened(
            NAME,
            {"": channels_of(self._options, self._wiring, self._profile)},
            sources=sources_of(self._options, self._wiring),
            clock=self._clock_name,
            facts=facts_of(self._options, self._wiring, self._profile),
        )

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """The next samples or what is missing; End once the meter has been away for too long."""
        deadline_s = time.monotonic() + timeout_s
        while not self._items and self._over is None:
            left_s = deadline_s - time.monotonic()
            self._listen(max(left_s, 0.0))
            if left_s <= 0:
                break
        if self._items:
            return self._items.popleft()
        return self._over or Batch.empty()

    def close(self) -> None:
        """Stop the capture and wait until the meter is as it was. Idempotent."""
        if self._running is None:
            return
        running, self._running = self._running, None
        for message in running.end():
            if not isinstance(message, Received):
                self._told[message["says"]] = message
        running.close()
        ended = self._told.get("ended")
        not_restored = "the capture did not say" if ended is None else ended["not_restored"]
        if not_restored:
            try:
                self._put_back()
            except DeviceError as error:
                not_restored = str(error)
            else:
                not_restored = None
        if self._decoding is not None:
            fit = self._decoding.fit(self._clock_name)
            self._reasons = reasons_of(self._facts(), fit, running.how, self._away, not_restored)

    def learnt(self) -> Learnt:
        """The fit of the meter's clock, and what was counted so far."""
        if self._decoding is None or not self._decoding.started:
            return Learnt()
        return Learnt((self._decoding.fit(self._clock_name),), self._facts(), self._reasons)

    def _facts(self) -> Mapping[str, Any]:
        assert self._decoding is not None  # noqa: S101  (asked after opening)
        sampling, ended = self._told.get("sampling", {}), self._told.get("ended", {})
        return {
            **self._decoding.facts(),
            "status_before": sampling.get("status"),
            "status_after": ended.get("status"),
            "passthrough_noted": sampling.get("noted"),
            "messages_dropped": ended.get("dropped", 0),
        }

    def _measures(self) -> bool:
        return any(isinstance(item, Batch) for item in self._items)

    def _wait_for(self, happened: Callable[[], bool], seconds: float, why: str) -> None:
        deadline_s = time.monotonic() + seconds
        while not happened():
            if self._over is not None:
                raise DeviceError(self._over.cause)
            if time.monotonic() >= deadline_s:
                raise DeviceError(f"Monsoon {self._wiring.status.serial} {why} within {seconds:g} s")
            self._listen(0.1)

    def _listen(self, timeout_s: float) -> None:
        if self._running is None or self._decoding is None:
            self._over = self._over or End("closed")
            return
        for message in self._running.messages(timeout_s):
            self._take(message, self._decoding)
        if self._running.over and self._over is None:
            self._items.extend(self._decoding.flush())
            self._over = End("the capture of the meter ended")
            self._items.append(Gap(self._decoding.last_ns, self._decoding.last_ns, self._over.cause))

    def _take(self, message: Message, decoding: Decoding) -> None:
        if isinstance(message, Received):
            self._items.extend(decoding.feed(message.received_ns, message.data))
            return
        says, why = message["says"], str(message.get("why", ""))
        self._told[says] = message
        self._away = {"silent": why, "gave_up": why, "again": ""}.get(says, self._away)
        if says == "silent":
            self._items.append(Gap(decoding.last_ns, decoding.last_ns, why))
        elif says == "again":
            decoding.restart(why)
        elif says in ("failed", "gave_up"):
            self._over = End(why)
