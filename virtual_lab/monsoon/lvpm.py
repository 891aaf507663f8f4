"""The LVPM on its serial line: a machine that takes the host's bytes and gives its own, in any kind of time."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edgewatt.virtual_lab.monsoon import lvpm_wire as wire
from edgewatt.virtual_lab.monsoon.adc import What
from edgewatt.virtual_lab.monsoon.meter import Meter, Slots
from edgewatt.virtual_lab.monsoon.spoil import Spoiler

# Pairs of a zero and a reference at the start of a sampling (assumed; the strictest client waits for 5).
FIRST_PAIRS: Final = 5
# A frame that the host does not finish within this is forgotten (assumed).
_PATIENCE_NS: Final = 100_000_000
_CONNECTION_LOST, _TOO_MANY_LOST = 1, 2
_UNLIMITED: Final = 0xFFFFFFFF
_SLOTS_PER_MS: Final = 5
_PAIR: Final[tuple[tuple[int, What], ...]] = ((wire.ZERO, "zero"), (wire.REFERENCE, "reference"))
# No block of samples is longer: memory.
_BLOCK: Final = 5 * 1024 * wire.ENTRIES


@dataclass(slots=True)
class _Sampling:
    """One sampling: the slots it has used, the counts that do not make a frame yet, and when to calibrate."""

    slots: Slots
    wanted: int
    interval: int
    used: int = 0
    data: int = 0
    sequence: int = 0
    due: int = 0
    elapsed_s: float = 0.0
    counts: list[np.ndarray] = field(default_factory=list)
    dead: list[np.ndarray] = field(default_factory=list)


class Lvpm:
    """A meter on its serial line. Instants are ns of the true clock and never go back.

    A sample is the mean over its 200 us. An entry of a calibration takes the time of a sample unless
    `calibration_slots` is false (documented for USB meters, whose calibrations cost measurements; assumed here).
    """

    def __init__(self, meter: Meter, *, calibration_slots: bool = True) -> None:
        self.meter, self._calibration_slots = meter, calibration_slots
        self.spoiler = Spoiler(meter.faults, np.random.default_rng([meter.seed, 2]))
        self._input, self._heard_ns = b"", 0
        self._bits, self._event, self._limits = 0, 0, [0, 0]
        self._sampling: _Sampling | None = None

    def take(self, data: bytes, t_ns: int, *, blocked: bool = False) -> bytes:
        """The host said `data` at `t_ns`: what the meter sent until then, and what it answers. Any bytes will do."""
        out = self.until(t_ns, blocked=blocked)
        if self.meter.link(t_ns) in ("silent", "gone"):
            return out
        if t_ns - self._heard_ns > _PATIENCE_NS:
            self._input = b""
        self._input, self._heard_ns = self._input + data, t_ns
        while self._input and len(self._input) > self._input[0]:
            length, whole = self._input[0], self._input[1 : self._input[0] + 1]
            self._input = self._input[length + 1 :]
            if length == 0:
                continue
            if (length + sum(whole[:-1])) & 0xFF != whole[-1]:
                self._bits |= wire.BAD_CHECKSUM
                self.meter.happened(t_ns, "bad checksum")
                continue
            out += self._obey(whole[:-1], t_ns)
        return out

    def until(self, t_ns: int, *, blocked: bool = False) -> bytes:
        """What the meter sends by itself until `t_ns`; `blocked`: but nobody takes it off the wire."""
        out = bytearray()
        while (sampling := self._sampling) is not None:
            done = sampling.slots.done(t_ns)
            if sampling.used >= sampling.due:
                if self._calibration_slots and sampling.used + 4 > done:
                    break
                out += self._calibrate(sampling, blocked=blocked)
                continue
            count = min(done, sampling.due, sampling.used + _BLOCK) - sampling.used
            count = min(count, sampling.wanted - sampling.data)
            if count > 0:
                out += self._sample(sampling, count, blocked=blocked)
            if sampling.data >= sampling.wanted:
                self._stop(t_ns)
            elif sampling.used >= done:
                break
        if self._sampling is not None and self.meter.link(t_ns) == "gone":
            # The meter notices that its host is gone (assumed; there is an event code for it).
            self._stop(t_ns)
            self._event = _CONNECTION_LOST
        if not blocked:
            out += self.spoiler.released(self.meter.running_s(t_ns))
        return bytes(out)

    @property
    def slots(self) -> Slots | None:
        """The time of the sampling that goes on: the truth about its samples."""
        return None if self._sampling is None else self._sampling.slots

    def _obey(self, body: bytes, t_ns: int) -> bytes:
        kind, *rest = body or b"\0"
        if kind == 0x01 and len(rest) == 2:
            return self._set(rest[0], rest[1], t_ns)
        if kind == 0x02 and len(rest) == 6:
            self._start(int.from_bytes(rest[:4]), int.from_bytes(rest[4:]), t_ns)
        elif kind == 0x03:
            return self._stop(t_ns)
        else:
            self._bits |= wire.BAD_PACKET
            self.meter.happened(t_ns, "bad packet", kind)
        return b""

    def _set(self, what: int, value: int, t_ns: int) -> bytes:
        meter = self.meter
        if what == 0x00:
            return self._status(t_ns, 0)
        if what == 0x01:
            meter.set(t_ns, "voltage_v", round(2.0 + 0.01 * value, 2) if value else 0.0)
        elif what in (0x08, 0x0A):
            self._limits[what == 0x0A] = value
        elif what in (0x09, 0x0B):
            raw = min(value << 8 | self._limits[what == 0x0B], 1023)
            name = "power_up_limit_a" if what == 0x09 else "run_limit_a"
            meter.set(t_ns, name, 8 * (1023 - raw) / 1023)
        elif what == 0x10:
            meter.set(t_ns, "passthrough", value)
        else:
            # 0x1b comes before every start and its purpose is unknown; others rewrite what a meter is.
            meter.happened(t_ns, f"set 0x{what:02x}", value)
        return b""

    def _start(self, wanted: int, interval_ms: int, t_ns: int) -> None:
        wanted = 1 << 62 if wanted == _UNLIMITED else wanted
        interval = max(interval_ms * _SLOTS_PER_MS, 1)
        self._sampling = _Sampling(self.meter.started(t_ns), wanted, interval)

    def _stop(self, t_ns: int) -> bytes:
        was, self._sampling = self._sampling, None
        self.meter.stopped(t_ns)
        if not self.meter.faults.unsolicited:
            return b""
        return self._status(t_ns, wire.AFTER_STOP | (wire.AFTER_SAMPLES if was else 0))

    def _status(self, t_ns: int, bits: int) -> bytes:
        event = _TOO_MANY_LOST if self.spoiler.lost and not self._event else self._event
        body = wire.status_body(self.meter, t_ns, bits | self._bits, event)
        self._bits = 0
        return wire.frame(body)

    def _calibrate(self, sampling: _Sampling, *, blocked: bool) -> bytes:
        """A zero and a reference, each a frame of a fine and a coarse entry; then the next of it is due."""
        # The zeros wander in steps, so that it does not matter in which parts the samples are asked for.
        sampling.elapsed_s = sampling.used * 2e-4
        out = b""
        for kind, what in _PAIR:
            counts = np.zeros((1, 2, 4), np.int64)
            counts[0, :, :3] = self.meter.adc.calibration(what, sampling.elapsed_s, 2)
            rows = wire.sample_frames(counts, kind, sampling.sequence, np.zeros(1, bool))
            sampling.sequence += 1
            if self._calibration_slots:
                sampling.used += 2
            out += self._send(sampling, rows, sampling.slots.edges(sampling.used, 0), blocked=blocked)
        first_ones = sampling.sequence < 2 * FIRST_PAIRS
        wanted = sampling.used if first_ones else sampling.used + sampling.interval
        # A frame that has begun is finished first.
        sampling.due = sampling.used + -(-(wanted - sampling.used) // wire.ENTRIES) * wire.ENTRIES
        return out

    def _sample(self, sampling: _Sampling, count: int, *, blocked: bool) -> bytes:
        edges_ns = sampling.slots.edges(sampling.used, count)
        seen, dead = self.meter.seen(edges_ns)
        sampling.counts.append(self.meter.adc.ranged(seen, sampling.elapsed_s))
        sampling.dead.append(dead)
        sampling.used += count
        sampling.data += count
        counts, gone = np.concatenate(sampling.counts), np.concatenate(sampling.dead)
        frames = len(counts) // wire.ENTRIES
        whole = frames * wire.ENTRIES
        sampling.counts, sampling.dead = [counts[whole:]], [gone[whole:]]
        if not frames:
            return b""
        shaped = counts[:whole].reshape(frames, wire.ENTRIES, 4)
        over = np.asarray(gone[:whole].reshape(frames, wire.ENTRIES).any(axis=1))
        rows = wire.sample_frames(shaped, wire.DATA, sampling.sequence, over)
        sampling.sequence += frames
        first = sampling.used - len(counts)
        return self._send(sampling, rows, wire.ends_ns(sampling.slots.edges(first, whole)), blocked=blocked)

    def _send(self, sampling: _Sampling, rows: wire.Rows, ends_ns: np.ndarray, *, blocked: bool) -> bytes:
        since_ns = self.meter.first_start_ns or sampling.slots.start_ns
        return self.spoiler.sent(rows, (ends_ns - since_ns) * 1e-9, blocked=blocked)
