"""The radio at work: who sends and receives, at which signal, and the tail after the last transfer."""

from dataclasses import dataclass, field

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.virtual_lab.phone.anatomy import RADIO_W, RECEIVE, SEND, TAIL
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.radio_law import receive_w, rssi_dbm, send_w


@dataclass
class Radio:
    """Takes what programs tell in the order in which it is read, as the governor does."""

    body: Body
    _moving: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    _tail_ns: int | None = None
    _acted_ns: int = 0

    def hear(self, pid: int, words: tuple[str, ...], t_ns: int) -> int:
        """A process sends, receives, both or neither from `t_ns` on; the instant that counts."""
        up, down = "send" in words, "receive" in words
        if up or down:
            self._moving[pid] = up, down
        elif self._moving.pop(pid, None) is None:
            return t_ns
        return self._settle(t_ns)

    def gone(self, pid: int, t_ns: int) -> None:
        """A process ended."""
        if self._moving.pop(pid, None) is not None:
            self._settle(t_ns)

    def due_ns(self) -> int | None:
        """When the tail ends, or what moves comes to another signal."""
        if self._moving and self.body.phone.rssi_swing_db > 0:
            since_ns = max(self.body.settled_ns, self._acted_ns) - self.body.origin_ns
            station_ns = round(self.body.phone.rssi_swing_s * NS_PER_S)
            return self.body.origin_ns + (since_ns // station_ns + 1) * station_ns
        return self._tail_ns

    def act(self, until_ns: int) -> None:
        """Let what is due be so."""
        self._acted_ns = max(self._acted_ns, until_ns)
        if self._tail_ns is not None and self._tail_ns <= until_ns:
            self.body.change("load", TAIL, self._tail_ns, 0.0)
            self._tail_ns = None
        if self._moving and self.body.phone.rssi_swing_db > 0:
            self._draw(until_ns)

    def _settle(self, t_ns: int) -> int:
        phone = self.body.phone
        was_ns, t_ns = t_ns, self._draw(t_ns)
        if self._moving:
            self._tail_ns = None
            self.body.change("load", TAIL, t_ns, 0.0)
        elif phone.radio_tail_s > 0:
            self.body.change("load", TAIL, t_ns, min(phone.radio_tail_w / RADIO_W, 1.0))
            self._tail_ns = max(was_ns, t_ns) + round(phone.radio_tail_s * NS_PER_S)
        return t_ns

    def _draw(self, t_ns: int) -> int:
        phone = self.body.phone
        dbm = rssi_dbm(phone, (t_ns - self.body.origin_ns) / NS_PER_S)
        up, down = (any(one[which] for one in self._moving.values()) for which in (0, 1))
        loads = {SEND: up * send_w(phone, dbm) / RADIO_W, RECEIVE: down * receive_w(phone, dbm) / RADIO_W}
        return self.body.load({name: min(share, 1.0) for name, share in loads.items()}, t_ns)
