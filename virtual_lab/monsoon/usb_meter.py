"""A Monsoon on USB: control transfers and bulk packets at given instants, in any kind of time."""

import contextlib
import errno
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.monsoon import usb_wire as wire
from edgewatt.virtual_lab.monsoon.adc import What
from edgewatt.virtual_lab.monsoon.feeds import Instants
from edgewatt.virtual_lab.monsoon.meter import Meter, Slots

# Documented (PyMonsoon's API document): 16 measurements wait for the host, the next are dropped and counted.
QUEUE: Final = 16
# Zeros and references at the start (assumed; PyMonsoon waits for 5 of each).
FIRST_PAIRS: Final = 6
_PAIR: Final[tuple[tuple[int, What], ...]] = ((wire.ZERO, "zero"), (wire.REFERENCE, "reference"))
_SLOTS_PER_MS: Final = 5
_UNLIMITED: Final = 0xFFFFFFFF
# No lot of measurements is longer: memory.
_LOT: Final = 1 << 15


# Entries, when each is complete, and whether the output was dead.
Lot = tuple[wire.Entries, Instants, NDArray[np.bool_]]


@dataclass(slots=True)
class _Sampling:
    """One sampling: slots used, measurements still wanted, when to calibrate, and what was measured but not yet due."""

    slots: Slots
    wanted: int
    interval: int
    used: int = 0
    due: int = 0
    pairs: int = 0
    elapsed_s: float = 0.0
    rows: deque[bytes] = field(default_factory=deque)
    ends_ns: deque[int] = field(default_factory=deque)
    queue: deque[bytes] = field(default_factory=deque)
    sequence: int = 0
    rest: list[Lot] = field(default_factory=list)


class UsbMeter:
    """A meter of either model. Instants are ns of the true clock and never go back. Not thread-safe.

    `queue` measurements wait for the host: more than a meter's own if the host has asked for packets ahead. Errors are
    OSError with the errno that a USB host finds.
    """

    def __init__(self, meter: Meter, queue: int = QUEUE) -> None:
        self.meter, self._queue = meter, queue
        self._rng = np.random.default_rng([meter.seed, 3])
        self._stored: dict[int, int] = {}
        self._channel, self._dropped = 0, meter.faults.dropped
        self._sampling: _Sampling | None = None
        self._delay_ns = round(meter.feed.delay_s * 1e9)
        self._ahead_ns = round(meter.feed.ahead_s * 1e9)

    def get(self, kind: int, request: int, index: int, t_ns: int) -> bytes:
        """A control transfer from the meter: 4 bytes."""
        self._reach(t_ns)
        if (kind, request) != (wire.FROM_METER, wire.VALUE):
            raise OSError(errno.EPIPE, "the meter knows no such request")
        opcode = index & 0xFF
        if self.meter.sampling and opcode not in wire.ALWAYS_ANSWERED:
            return wire.REFUSED.to_bytes(4, "little")
        return (self._value(opcode) & 0xFFFFFFFF).to_bytes(4, "little")

    def put(self, kind: int, request: int, value: int, index: int, data: bytes, t_ns: int) -> None:
        """A control transfer to the meter."""
        self._reach(t_ns)
        if kind != wire.TO_METER or request not in (wire.VALUE, wire.START, wire.STOP):
            raise OSError(errno.EPIPE, "the meter knows no such request")
        if request == wire.START:
            self._start(value, int.from_bytes(data[:4], "little") if data else _UNLIMITED, t_ns)
        elif request == wire.STOP:
            self.stop(t_ns)
        else:
            low, high = value & 0xFFFF, index >> 8
            self._set(index & 0xFF, int.from_bytes(data[:4], "little") if data else low | high << 16, t_ns)

    def packet(self, t_ns: int) -> bytes | None:
        """The next bulk packet, if there is one at `t_ns`: of 3 measurements, or what `short` leaves (assumed)."""
        if self.meter.link(t_ns) == "gone":
            self._reach(t_ns)
        sampling = self._sampling
        if sampling is None:
            return None
        self._measure(sampling, t_ns - self._delay_ns)
        self._fill(sampling, t_ns)
        if self.meter.link(t_ns) != "up":
            return None
        short, drop = self._rng.random(2) if self._unkind else (1.0, 1.0)
        wanted = wire.PER_PACKET if short >= self.meter.faults.short else int(self._rng.integers(1, wire.PER_PACKET))
        left = len(sampling.rows) + len(sampling.queue)
        ending = sampling.wanted <= 0 and left < wanted
        if not sampling.queue or (len(sampling.queue) < wanted and not ending):
            if ending and not left:
                self.stop(t_ns)
            return None
        rows = [sampling.queue.popleft() for _ in range(min(wanted, len(sampling.queue)))]
        if drop < self.meter.faults.drop:
            self._dropped += len(rows)
            return None
        sampling.sequence += 1
        if self.meter.faults.lost.holds(self.meter.running_s(t_ns)):
            return None
        made = wire.packet(self._dropped, sampling.sequence - 1, self._flags(killed=self.meter.killed), rows)
        cut = self._unkind and self._rng.random() < self.meter.faults.cut
        return made[: int(self._rng.integers(1, len(made)))] if cut else made

    def due_ns(self) -> int | None:
        """When there will be a packet, as far as that is known; None if it does not sample."""
        sampling = self._sampling
        if sampling is None:
            return None
        missing = max(wire.PER_PACKET - len(sampling.queue), 1)
        if len(sampling.ends_ns) >= missing:
            return sampling.ends_ns[missing - 1] + self._delay_ns
        missing -= len(sampling.ends_ns)
        # A calibration is measured as a whole.
        missing = max(missing, 3) if sampling.used >= sampling.due else missing
        return int(sampling.slots.edges(sampling.used, missing)[-1]) + self._delay_ns

    def prompt(self, t_ns: int) -> list[bytes]:
        """Every packet until `t_ns`, as a host that is always in time gets them; instead of `packet`, not beside it."""
        packets: list[bytes] = []
        if self._sampling is not None and not self._unkind:
            return self._all_full(self._sampling, t_ns)
        with contextlib.suppress(OSError):
            while (due_ns := self.due_ns()) is not None and due_ns <= t_ns:
                made = self.packet(due_ns)
                packets += [made] if made is not None else []
        return packets

    def stop(self, t_ns: int) -> None:
        """It samples no more, and what nobody took is gone."""
        self._sampling = None
        self.meter.stopped(t_ns)

    @property
    def slots(self) -> Slots | None:
        """The time of the sampling that goes on: the truth about its samples."""
        return None if self._sampling is None else self._sampling.slots

    @property
    def _unkind(self) -> bool:
        faults = self.meter.faults
        return faults.spoil_frames or faults.short > 0

    def _reach(self, t_ns: int) -> None:
        link = self.meter.link(t_ns)
        if link == "gone":
            if self._sampling is not None:
                self.stop(t_ns)
            raise OSError(errno.ENODEV, "the meter is gone")
        if link == "silent":
            raise OSError(errno.ETIMEDOUT, "the meter does not answer")

    def _value(self, opcode: int) -> int:
        meter = self.meter
        live = {
            wire.OP_VOLTAGE: round(meter.voltage_v * wire.PER_VOLT),
            wire.OP_PASSTHROUGH: meter.passthrough,
            wire.OP_CHANNEL: self._channel,
            wire.OP_POWER_UP_LIMIT: wire.limit_raw(meter.model, meter.power_up_limit_a),
            wire.OP_RUN_LIMIT: wire.limit_raw(meter.model, meter.run_limit_a),
            wire.OP_POWER_UP_MS: meter.power_up_ms,
            wire.OP_START_STATUS: wire.SAMPLING if meter.sampling else 0,
        }
        return live[opcode] if opcode in live else {**wire.eeprom(meter), **self._stored}.get(opcode, 0)

    def _set(self, opcode: int, value: int, t_ns: int) -> None:
        meter = self.meter
        if meter.sampling:
            meter.happened(t_ns, f"refused 0x{opcode:02x}", value)
        elif opcode == wire.OP_VOLTAGE:
            self._set_voltage(value / wire.PER_VOLT, t_ns)
        elif opcode == wire.OP_PASSTHROUGH:
            meter.set(t_ns, "passthrough", value & 0xFF)
        elif opcode == wire.OP_CHANNEL:
            self._channel = value & 0xFF
            meter.happened(t_ns, "channel", self._channel)
        elif opcode in (wire.OP_POWER_UP_LIMIT, wire.OP_RUN_LIMIT):
            name = "run_limit_a" if opcode == wire.OP_RUN_LIMIT else "power_up_limit_a"
            meter.set(t_ns, name, wire.limit_a(meter.model, value & 0xFFFF))
        elif opcode == wire.OP_POWER_UP_MS:
            meter.set(t_ns, "power_up_ms", value & 0xFF)
        else:
            self._stored[opcode] = value
            meter.happened(t_ns, f"set 0x{opcode:02x}", value)

    def _set_voltage(self, volts: float, t_ns: int) -> None:
        """Out of range, an HVPM's output trips (second-hand: above 13.5 V), and an LVPM's stays (assumed)."""
        model = self.meter.model
        if volts == 0 or model.lowest_v - 0.005 <= volts <= model.highest_v + 0.005:
            self.meter.set(t_ns, "voltage_v", volts)
        elif model.name == "hvpm":
            self.meter.set(t_ns, "voltage_v", volts)
            self.meter.killed = True
            self.meter.happened(t_ns, "overvoltage", volts)
        else:
            self.meter.happened(t_ns, "voltage refused", volts)

    def _start(self, interval_ms: int, wanted: int, t_ns: int) -> None:
        if self.meter.sampling:
            self.meter.happened(t_ns, "start refused")
            return
        wanted = 1 << 62 if wanted == _UNLIMITED else wanted
        slots = self.meter.started(t_ns - self._delay_ns)
        self._sampling = _Sampling(slots, wanted, max(interval_ms * _SLOTS_PER_MS, 1))

    def _flags(self, *, killed: bool) -> int:
        on = bool(self.meter.voltage_v) and not killed
        return (wire.OUTPUT_ON if on else 0) | (wire.OVERCURRENT if killed else 0)

    def _measure(self, sampling: _Sampling, now_ns: int) -> None:
        """Measure ahead of the clock, as far as the feed can be asked, so that not every packet pays for numpy."""
        if sampling.ends_ns and sampling.ends_ns[-1] > now_ns:
            return
        for rows, ends_ns, _ in self._lots(sampling, now_ns + self._ahead_ns):
            sampling.rows.extend(row.tobytes() for row in rows)
            sampling.ends_ns.extend(int(end_ns) for end_ns in ends_ns)

    def _lots(self, sampling: _Sampling, until_ns: int) -> list[Lot]:
        """Of the slots until `until_ns`."""
        lots: list[Lot] = []
        while sampling.wanted > 0 and (done := sampling.slots.done(until_ns)) > sampling.used:
            first, dead = sampling.used, np.zeros(0, bool)
            if sampling.used >= sampling.due:
                if sampling.used + 3 > done:
                    break
                rows = self._calibrate(sampling)
            else:
                count = min(done, sampling.due, sampling.used + _LOT, sampling.used + sampling.wanted) - sampling.used
                seen, dead = self.meter.seen(sampling.slots.edges(first, count))
                main_v = seen.aux_v if self._channel == 1 else seen.main_v
                counts = self.meter.adc.both(seen, main_v, sampling.elapsed_s)
                rows = wire.entries(counts, wire.MEASURED)
                sampling.used += count
                sampling.wanted -= count
            dead = dead if len(dead) else np.full(len(rows), self.meter.killed)
            lots.append((rows, sampling.slots.edges(first, len(rows))[1:], dead))
        return lots

    def _calibrate(self, sampling: _Sampling) -> wire.Entries:
        """A zero, a reference, and a measurement that counts as invalid (assumed: the switch settles meanwhile)."""
        sampling.elapsed_s = sampling.used * 2e-4
        found = [
            wire.calibration_entry(self.meter.adc.calibration(what, sampling.elapsed_s), kind) for kind, what in _PAIR
        ]
        sampling.pairs += 1
        sampling.used += 3
        sampling.due = sampling.used + (0 if sampling.pairs < FIRST_PAIRS else sampling.interval)
        settling = found[0].copy()
        settling[:, -1] = wire.INVALID
        return np.concatenate([*found, settling])

    def _fill(self, sampling: _Sampling, t_ns: int) -> None:
        """What is complete by now waits for the host, or is dropped."""
        now_ns = t_ns - self._delay_ns
        while sampling.ends_ns and sampling.ends_ns[0] <= now_ns:
            sampling.ends_ns.popleft()
            row = sampling.rows.popleft()
            if len(sampling.queue) < self._queue:
                sampling.queue.append(row)
            else:
                self._dropped += 1

    def _all_full(self, sampling: _Sampling, t_ns: int) -> list[bytes]:
        lots = [*sampling.rest, *self._lots(sampling, t_ns - self._delay_ns)]
        if not lots:
            return []
        rows, ends_ns, dead = (np.concatenate(parts) for parts in zip(*lots, strict=True))
        whole = len(rows) // wire.PER_PACKET * wire.PER_PACKET
        sampling.rest = [(rows[whole:], ends_ns[whole:], dead[whole:])]
        killed = dead[:whole].reshape(-1, wire.PER_PACKET).any(axis=1)
        flags = np.where(killed, self._flags(killed=True), self._flags(killed=False)).astype(np.uint8)
        packets = wire.full_packets(rows, self._dropped, sampling.sequence, flags)
        sampling.sequence += len(packets)
        return [row.tobytes() for row in packets]
