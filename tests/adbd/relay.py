"""What lies between a client and adbd: a fast relay that can be slow, narrow, frozen or cut on demand."""

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

CHUNK_B: Final = 256 << 10
# What one direction may hold back for a delay or a slow reader before its sender has to wait.
HELD_B: Final = 8 << 20
USUAL_B: Final = 1 << 20
HEADER_B: Final = 24
RESET: Final = b"\1\0\0\0\0\0\0\0"  # SO_LINGER of no time: closing resets the connection

Dial = Callable[[], socket.socket]


def _length_of(packet: bytes) -> int:
    """Of the payload of an adb packet, as its header says it; more than there is without a header."""
    return int.from_bytes(packet[12:16], "little") if len(packet) >= HEADER_B else 1


@dataclass(slots=True, eq=False)
class Flow:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    up: bool  # from the client
    held: deque[tuple[float, memoryview]] = field(default_factory=deque)  # when it may go on, and what
    held_b: int = 0
    blocked: bool = False  # the sink takes no more for now
    ended: bool = False  # the source said that nothing follows
    closed: bool = False  # and the sink was told
    watched: int = 0
    begun: bool = False
    first: bytes = b""
    other: "Flow" = field(init=False)


@dataclass(slots=True)
class Relay:
    """Accepts on `listener` and relays to what `dial` connects to. Driven by `turn`, in one thread.

    `epoll` is shared with the owner, who gets back the descriptors that are not the relay's.
    """

    listener: socket.socket | None
    dial: Dial
    epoll: select.epoll
    delay_s: float = 0.0
    buffer_b: int = 0
    hidden: list[str] = field(default_factory=list)
    frozen: bool = False
    accepted: int = 0
    up_b: int = 0
    down_b: int = 0
    flows: dict[int, Flow] = field(default_factory=dict)  # by their source

    def __post_init__(self) -> None:
        if self.listener is not None:
            self.plug(self.listener)

    def turn(self, longest_s: float) -> list[int]:
        """Wait for something to happen and do what follows; the owner's descriptors that are ready."""
        others = []
        for number, events in self.epoll.poll(self._patience_s(longest_s)):
            flow = self.flows.get(number)
            if flow is not None:
                self._ready(flow, events)
            elif self.listener is not None and number == self.listener.fileno():
                self._accept()
            else:
                others.append(number)
        if self.delay_s:
            now = time.monotonic()
            for flow in list(self.flows.values()):
                if flow.held and not flow.blocked and flow.held[0][0] <= now:
                    self._drain(flow)
        return others

    def freeze(self, *, frozen: bool) -> None:
        """Stop, or go on, moving bytes; connections stay open, and new ones wait."""
        self.frozen = frozen
        if self.listener is not None:
            self.epoll.modify(self.listener, 0 if frozen else select.EPOLLIN)
        self._refresh()

    def slow(self, delay_s: float) -> None:
        """Every byte takes so much longer, each way."""
        self.delay_s = delay_s
        self._refresh()

    def narrow(self, buffer_b: int) -> None:
        """Buffers of this size towards clients, from the next connection on; 0 is the usual size."""
        if self.listener is not None and buffer_b != self.buffer_b:
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                self.listener.setsockopt(socket.SOL_SOCKET, option, buffer_b or USUAL_B)
        self.buffer_b = buffer_b

    def hide(self, *, features: list[str]) -> None:
        """Connections to come learn of no such features of adbd, as from an older one."""
        self.hidden = features

    def cut(self) -> None:
        """Reset all connections, as when a phone leaves the network and comes back."""
        for flow in list(self.flows.values()):
            with suppress(OSError):
                flow.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._hang_up(flow)

    def unplug(self) -> None:
        """Cut, and listen no more."""
        self.cut()
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def plug(self, listener: socket.socket) -> None:
        """Listen there instead."""
        if self.listener is not listener:
            self.unplug()
        self.listener = listener
        listener.setblocking(False)
        buffer_b, self.buffer_b = self.buffer_b, 0
        self.narrow(buffer_b)
        self.epoll.register(listener, 0 if self.frozen else select.EPOLLIN)

    def _refresh(self) -> None:
        for flow in list(self.flows.values()):
            if flow.source.fileno() >= 0:
                self._drain(flow)

    def _accept(self) -> None:
        if self.listener is None:
            return
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        try:
            server = self.dial()
        except OSError:  # adbd is not there, and its port neither
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        self.accepted += 1
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up, down = Flow(client, server, up=True), Flow(server, client, up=False)
        up.other, down.other = down, up
        for flow in (up, down):
            self.flows[flow.source.fileno()] = flow
            self.epoll.register(flow.source, 0)
            self._watch(flow)

    def _patience_s(self, longest_s: float) -> float:
        if not self.delay_s or self.frozen:
            return longest_s
        due = [flow.held[0][0] for flow in self.flows.values() if flow.held and not flow.blocked]
        return max(min(min(due) - time.monotonic(), longest_s), 0.0) if due else longest_s

    def _watch(self, flow: Flow) -> None:
        """Wait for what the source of this flow, the sink of the other, can do next."""
        wanted = 0
        if not self.frozen:
            if not flow.ended and flow.held_b < HELD_B:
                wanted |= select.EPOLLIN
            if flow.other.blocked:
                wanted |= select.EPOLLOUT
        if wanted != flow.watched:
            flow.watched = wanted
            self.epoll.modify(flow.source, wanted)

    def _ready(self, flow: Flow, events: int) -> None:
        if self.frozen:
            if events & (select.EPOLLHUP | select.EPOLLERR):  # reported unasked, again and again
                self._hang_up(flow)
            return
        if events & select.EPOLLOUT:
            self._drain(flow.other)
        if events & ~select.EPOLLOUT and flow.source.fileno() >= 0:
            self._read(flow)

    def _read(self, flow: Flow) -> None:
        try:
            data = flow.source.recv(CHUNK_B)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up(flow)
            return
        if data:
            passed = data if flow.begun else self._first(flow, data)
            flow.held.append((time.monotonic() + self.delay_s if self.delay_s else 0.0, memoryview(passed)))
            flow.held_b += len(passed)
        elif flow.ended:  # both directions are over, and epoll says so unasked
            self._hang_up(flow)
            return
        flow.ended = not data
        self._drain(flow)

    def _first(self, flow: Flow, data: bytes) -> bytes:
        """The first packet whole, edited where it is adbd's banner; nothing as long as a part of it is missing."""
        flow.first += data
        whole = flow.up or not self.hidden or len(flow.first) >= HEADER_B + _length_of(flow.first)
        if not whole and not flow.ended:
            return b""
        flow.begun = True
        return flow.first if flow.up else self._older(flow.first)

    def _older(self, banner: bytes) -> bytes:
        """A banner in which features are misspelt, so that its length and its checksum, a sum, stay."""
        for name in self.hidden:
            banner = banner.replace(name.encode(), f"{name[:-2]}{name[-1]}{name[-2]}".encode())
        return banner

    def _drain(self, flow: Flow) -> None:
        """Pass on what may be passed on."""
        if not self.frozen:
            try:
                self._pass_on(flow, time.monotonic() if self.delay_s else float("inf"))
            except OSError:
                self._hang_up(flow)
                return
        if flow.closed and flow.other.closed:
            self._hang_up(flow)
            return
        self._watch(flow)
        self._watch(flow.other)

    def _pass_on(self, flow: Flow, now: float) -> None:
        flow.blocked = False
        while flow.held and flow.held[0][0] <= now:
            due, data = flow.held[0]
            try:
                sent = flow.sink.send(data)
            except BlockingIOError:
                flow.blocked = True
                return
            flow.held_b -= sent
            self._count(sent, up=flow.up)
            if sent < len(data):
                flow.held[0] = (due, data[sent:])
                flow.blocked = True
                return
            flow.held.popleft()
        if flow.ended and not flow.held and not flow.closed:
            flow.closed = True
            flow.sink.shutdown(socket.SHUT_WR)

    def _count(self, moved_b: int, *, up: bool) -> None:
        if up:
            self.up_b += moved_b
        else:
            self.down_b += moved_b

    def _hang_up(self, flow: Flow) -> None:
        for sock in (flow.source, flow.sink):
            self.flows.pop(sock.fileno(), None)
            sock.close()  # and epoll forgets it
