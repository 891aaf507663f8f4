"""The phone's `nc HOST PORT` (toybox's; its flags and words are remembered): TCP through a radio that is not there.

It really connects, over this machine's loopback only, and hands on no faster than the radio's rate at its signal
(radio_law.py), half a round trip late each way; the kernel of the phone is told when bytes move. What a TCP connection
does beyond that (slow start, losses, retransmissions) is not modelled.
"""

import ipaddress
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.phone.events import LAB, LOG, Events
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.radio_law import rate_b_per_s, rssi_dbm

WIFI: Final = "settings/global/wifi_on"
CHUNK_B: Final = 32 << 10
# A transfer that pauses for so long is two.
PAUSE_S: Final = 0.02
# At most so much of a transfer's time is made up for if this machine was late (a radio's queue; assumed).
BEHIND_S: Final = 0.05
_UNDER_WAY_B: Final = 128 << 10
USAGE: Final = "usage: nc [-46uN] [-w SECONDS] [-q SECONDS] HOST PORT"
_WITH_VALUE: Final = frozenset("wqWps")
_PORTS: Final = range(1, 1 << 16)


class RefusedError(Exception):
    """What nc says on its way out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to, and how many seconds it may take to connect, and to go on after its input ended (None: any)."""

    host: str
    port: int
    wait_s: float | None = None
    quit_s: float | None = None


def parse(words: Sequence[str]) -> Asked:
    """The command line. Raises RefusedError."""
    values: dict[str, str] = {}
    left = list(words)
    places: list[str] = []
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            places.append(word)
            continue
        for at, flag in enumerate(word[1:], 1):
            if flag in _WITH_VALUE:
                values[flag] = word[at + 1 :] or (left.pop(0) if left else "")
                break
            if flag not in "46N":
                raise RefusedError(f"nc: the virtual phone's has no -{flag}\n{USAGE}")
    if len(places) != 2 or not places[1].isdecimal() or int(places[1]) not in _PORTS:
        raise RefusedError(USAGE)
    return Asked(places[0], int(places[1]), _seconds(values.get("w")), _seconds(values.get("q")))


@dataclass
class Moving:
    """What of both ways is in motion, told to the phone's kernel as it changes."""

    events: Events
    _now: dict[str, bool] = field(default_factory=lambda: {"send": False, "receive": False})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def be(self, way: str, t_ns: int, *, moves: bool) -> None:
        """One way moves from an instant on, or stands still."""
        with self._lock:
            if self._now[way] != moves:
                self._now[way] = moves
                self.events.radio(t_ns, **self._now)


@dataclass
class Way:
    """One way through the radio: bytes come out `late_s` after they went in, and no faster than `rate` allows."""

    name: str
    rate: Callable[[], float]
    late_s: float
    moving: Moving
    _free_s: float = 0.0
    _ends_ns: int = 0

    def through(self, size_b: int) -> None:
        """Wait until so many bytes came out that went in now."""
        now_s = time.monotonic()
        streams = now_s < self._free_s + PAUSE_S
        begin_s = max(self._free_s, now_s - BEHIND_S) if streams else now_s + self.late_s
        if not streams:
            self.still()
            self.moving.be(self.name, round(begin_s * 1e9), moves=True)
        self._free_s = begin_s + size_b / self.rate()
        while (left_s := self._free_s - time.monotonic()) > 0:
            time.sleep(left_s)
        self._ends_ns = time.monotonic_ns()

    def still(self) -> None:
        """Nothing is in motion since the last bytes came out."""
        if self._ends_ns:
            self.moving.be(self.name, self._ends_ns, moves=False)


def transfer(connection: socket.socket, up: Way, down: Way, source: int, sink: int, quit_s: float | None) -> None:
    """Copy both ways until the other end closes, or so many seconds after `source` ended."""
    ended = threading.Event()

    def send() -> None:
        _pump(lambda: os.read(source, CHUNK_B), connection.sendall, up)
        ended.set()
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return
        if quit_s is not None:
            time.sleep(quit_s)
            connection.close()

    threading.Thread(target=send, daemon=True).start()
    _pump(lambda: connection.recv(CHUNK_B), lambda data: _whole(sink, data), down)
    up.still()


def _pump(read: Callable[[], bytes], write: Callable[[bytes], object], way: Way) -> None:
    quiet = threading.Timer(0.0, way.still)
    try:
        while data := read():
            quiet.cancel()
            way.through(len(data))
            write(data)
            quiet = threading.Timer(PAUSE_S, way.still)
            quiet.daemon = True
            quiet.start()
    except OSError:
        pass
    quiet.cancel()
    way.still()


def _whole(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


def connected(asked: Asked, lab: Path, rtt_s: float) -> socket.socket:
    """A connection over loopback, a round trip late. Raises RefusedError, also while Wi-Fi is off."""
    if (lab / WIFI).read_text().strip() == "0":
        raise RefusedError("nc: connect: Network is unreachable")
    try:
        found = socket.getaddrinfo(asked.host, asked.port, type=socket.SOCK_STREAM)
    except OSError:
        raise RefusedError(f"nc: {asked.host}:{asked.port}: Name does not resolve") from None
    family, kind, protocol, _, address = found[0]
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise RefusedError("nc: connect: Network is unreachable (a virtual phone reaches this machine's loopback only)")
    connection = socket.socket(family, kind, protocol)
    # What waits here would seem to be under way in the air.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UNDER_WAY_B)
    connection.settimeout(asked.wait_s)
    time.sleep(rtt_s)
    try:
        connection.connect(address)
    except OSError as error:
        raise RefusedError(f"nc: connect: {os.strerror(error.errno) if error.errno else 'Timer expired'}") from None
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def phone_of(lab: Path) -> tuple[Personality, int]:
    """The phone whose lab that is, and since when it is, on this machine's clock. Raises OSError, ValueError."""
    with (lab / LOG).open("rb") as log:
        head = json.loads(log.readline())
    return personality(head["personality"], head["quirks"]), int(head["origin_ns"])


def main(words: Sequence[str]) -> int:
    """Be nc; its exit code."""
    lab = os.environ.get(LAB, "")
    try:
        asked = parse(words)
        phone, origin_ns = phone_of(Path(lab))
        connection = connected(asked, Path(lab), phone.rtt_s)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1

    def rate(*, down: bool) -> float:
        dbm = rssi_dbm(phone, (time.monotonic_ns() - origin_ns) * 1e-9)
        return rate_b_per_s(phone, dbm, down=down)

    moving = Moving(Events.of(lab))
    up = Way("send", lambda: rate(down=False), phone.rtt_s / 2, moving)
    down = Way("receive", lambda: rate(down=True), phone.rtt_s / 2, moving)
    transfer(connection, up, down, 0, 1, asked.quit_s)
    return 0


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        raise RefusedError(USAGE) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
