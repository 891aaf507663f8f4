"""Loads on a device that is reached over a Link: one script in its shell for each, and what it says of itself.

Each load has a connection of its own, so that a thread may execute one while something else is measured.
"""

import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.load_script import ASK, LEAD_S, NO_COPROCESS, NO_DD, NO_NC, burst, script
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.android.stamps import UPTIME_STEP_NS, PhoneStamps
from edgewatt.collectors.host.load_clusters import CANDIDATES, clusters_in
from edgewatt.collectors.transports.link import Link, LinkTimeout
from edgewatt.collectors.transports.reached import Reached
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.checking import TRANSFERS, check
from edgewatt.profiler.collecting.exchanges import exchanged
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.collecting.offers import LoadStopped, Offers
from edgewatt.profiler.errors import DeviceError

# Between a stamp and the load that it stands for lies one turn of the shell's loop; assumed, as of pulses.py.
BOUND_NS: Final = 200_000
# What the shell may take to begin, to end a burst or an exchange, and to print.
_BESIDE_S: Final = 25.0
_READ_S: Final = 0.2
LIMIT_B: Final = 1 << 20
_LOOP: Final = re.compile(rb"L (-|[0-9]{1,4}) ([0-9]{1,12}) (\S*) ?(\S+) (\S*) ?(\S+)")
_LOOP_COARSE: Final = re.compile(rb"L (-|[0-9]{1,4}) ([0-9]{1,12})  ?(\S+)  ?(\S+)")
_UNPINNED: Final = re.compile(rb"U ([0-9]{1,4})")
_SENT: Final = re.compile(rb"T S ([0-9]{1,18}) ([0-9]{1,12})")
_COUNTED: Final = re.compile(rb"T *([0-9]{1,18})")
_EXCHANGE: Final = re.compile(rb"X" + rb" ([0-9]{1,12})" * 3 + rb" X" + rb" ([0-9]{1,12})" * 3)

# The strength of the signal in dBm, asked over a connection; None where it does not tell.
Signal = Callable[[Link], float | None]
# Why no frequency can be held; None where one can.
WhyUnpinned = Callable[[], Unavailable | None]


class ShellLoads:
    """The Loads of a phone or a board; see Offering. `signal` is asked before and after a transfer."""

    def __init__(
        self, device: Reached, signal: Signal, why_unpinned: WhyUnpinned, interface: str | None = None
    ) -> None:
        self._device, self._signal, self._why_unpinned = device, signal, why_unpinned
        self._interface = interface
        self._running: set[threading.Event] = set()

    def __call__(self, load: Load) -> Ran:
        """See Loads. Raises UsageError for a load that is none, LoadStopped after `stop`."""
        check(load)
        token = secrets.token_hex(8)
        text = script(load, token, proc=self._device.proc)
        stopped = threading.Event()
        self._running.add(stopped)
        link = self._device.connect()
        try:
            asks = bool(load.address)
            before = self._signal(link) if asks else None
            said = self._executed(link, text, load, f"E {token}".encode(), stopped)
            after = self._signal(link) if asks else None
        finally:
            self._running.discard(stopped)
            link.close()
        found = parse_load(said, token, load, self._device.stamps)
        if isinstance(found, str):
            raise DeviceError(f"{self._device.uri}: its shell did not execute a load ({load.kind}): {found}")
        if not asks:
            return found
        return Ran(found.t0_ns, found.t1_ns, found.bound_ns, {**found.seen, "rssi_dbm": [before, after]})

    def offers(self) -> Offers:
        """See Offering."""
        clusters = clusters_in(survey(self._device, dict.fromkeys(CANDIDATES)))
        said = self._device.sh(ASK).stdout.split()
        lacking = lacking_of({word.decode(errors="replace") for word in said})
        return Offers(clusters, lacking, self._interface, self._why_unpinned())

    def stop(self) -> None:
        """See Offering."""
        for stopped in tuple(self._running):
            stopped.set()

    def _executed(self, link: Link, text: str, load: Load, last: bytes, stopped: threading.Event) -> bytes:
        """What the script printed up to its last line. Its input stays open meanwhile."""
        end_s = self._device.monotonic_s() + LEAD_S + load.seconds + _BESIDE_S
        stream = link.stream(text)
        said = b""
        try:
            while last not in said and len(said) < LIMIT_B:
                if stopped.is_set():
                    raise LoadStopped(f"{self._device.uri}: a load was stopped before its time")
                if self._device.monotonic_s() >= end_s:
                    raise LinkTimeout(
                        f"{self._device.uri}: a load of {load.seconds:g} s ({load.kind}) has not ended {_BESIDE_S:g} s "
                        "after it should have"
                    )
                chunk = stream.read(_READ_S)
                if chunk is None:
                    break
                said += chunk
            return said or stream.stderr
        finally:
            stream.close()


def lacking_of(has: set[str]) -> Mapping[str, Unavailable]:
    """The kinds of load that a shell with these tools cannot execute."""
    lacking: dict[str, Unavailable] = {}
    if "dd" not in has:
        lacking["memory"] = Unavailable("memory loads", NO_DD, "install coreutils or toybox")
    if "taskset" not in has:
        why = "it has no taskset, so that nothing is bound to one processor"
        lacking["cpu"] = Unavailable("loads of clusters", why, "install util-linux (a phone: Android 8 or later)")
    if "nc" not in has:
        of_all = Unavailable("transfers", NO_NC, "install netcat-openbsd (a phone: Android 9 or later has toybox's)")
        lacking |= dict.fromkeys(TRANSFERS, of_all)
    elif "coprocess" not in has:
        lacking["exchange"] = Unavailable("exchanges", NO_COPROCESS, "install bash")
    return lacking


def parse_load(said: bytes, token: str, load: Load, stamps: PhoneStamps) -> Ran | str:
    """When the load ran and what was seen, whatever came, or what is wrong with it.

    It ran from when its last loop began to when its first one ended.
    """
    body = _body(said, token)
    if isinstance(body, str):
        return body
    loops = [hit for line in body if (hit := _loop(line))]
    expected = len(load.cpus) if load.kind in ("cpu", "memory") and load.duty_ratio and load.cpus else 1
    if len(loops) != expected:
        said_so = b" / ".join(body)[:80]
        server = f"; is there a server at {load.address}, and can it be reached from there?" if load.address else ""
        return f"{expected} loops were asked for, and it printed {said_so!r}{server}"
    begun = [stamps.to_ns(loop[2], loop[3]) for loop in loops]
    ended = [stamps.to_ns(loop[4], loop[5]) for loop in loops]
    known0, known1 = [t for t in begun if t is not None], [t for t in ended if t is not None]
    if len(known0) != expected or len(known1) != expected:
        return "a stamp has no uptime"
    t0_ns, t1_ns = max(known0), min(known1)
    if t1_ns <= t0_ns:
        return "its clock did not go forward, or its loops did not run at the same time"
    seen = _seen(body, loops, load, (t1_ns - t0_ns) / 1e9)
    if isinstance(seen, str):
        return seen
    return Ran(t0_ns, t1_ns, BOUND_NS if all(loop[2] for loop in loops) else UPTIME_STEP_NS, seen)


def _body(said: bytes, token: str) -> list[bytes] | str:
    """The lines between the script's first and its last, or what it said instead."""
    begin, end = f"H {token} ".encode(), f"E {token}".encode()
    lines = [line.strip(b"\r\n") for line in said[:LIMIT_B].split(b"\n")]
    if refused := next((line for line in lines if line.startswith(b"N ")), None):
        return clean(refused[2:200].decode(errors="replace")) or "it says no reason"
    places = [at for at, line in enumerate(lines) if line.startswith(begin)]
    if not places or end not in lines[places[0] :]:
        return f"it printed {said[:80]!r}"
    return [line for line in lines[places[0] + 1 : lines.index(end, places[0])] if line]


def _loop(line: bytes) -> tuple[bytes, ...] | None:
    """Processor, loops, and two stamps of two words each; the first word is empty in a shell without EPOCHREALTIME."""
    if coarse := _LOOP_COARSE.fullmatch(line):
        return coarse[1], coarse[2], b"", coarse[3], b"", coarse[4]
    fine = _LOOP.fullmatch(line)
    return None if fine is None else fine.groups()


def _seen(
    body: Sequence[bytes], loops: Sequence[tuple[bytes, ...]], load: Load, seconds: float
) -> dict[str, Any] | str:
    seen: dict[str, Any] = {}
    counts = {int(loop[0]): int(loop[1]) for loop in loops if loop[0] != b"-"}
    if counts:
        seen["loops"] = [counts.get(cpu) for cpu in load.cpus]
    if unpinned := [int(hit[1]) for line in body if (hit := _UNPINNED.fullmatch(line))]:
        seen["reasons"] = [f"not_bound:cpu{cpu}" for cpu in unpinned]
    if load.kind == "memory" and counts:
        seen["copied_b"] = sum(counts.values()) * burst(load.memory_b) * load.memory_b
    if load.kind in TRANSFERS:
        return _transferred(body, load, seconds)
    return seen


def _transferred(body: Sequence[bytes], load: Load, seconds: float) -> dict[str, Any] | str:
    """What went over the network; what the server says of it where it does."""
    said = next((line for line in body if line.startswith(b"T")), b"")
    unheard = f"the server at {load.address} did not answer: is it running, and can it be reached from there?"
    if load.kind == "send":
        sent = _SENT.fullmatch(said.strip())
        return unheard if sent is None else {"sent_b": int(sent[1]), "send_s": [int(sent[2]) / 1e6]}
    if load.kind == "receive":
        counted = _COUNTED.fullmatch(said.strip())
        received_b = 0 if counted is None else int(counted[1])
        return {"received_b": received_b, "receive_s": [seconds]} if received_b else unheard
    hits = [tuple(map(int, hit.groups())) for line in body if (hit := _EXCHANGE.fullmatch(line))]
    count = sum(int(hit[2]) for line in body if (hit := re.match(rb"L (-) ([0-9]{1,12}) ", line)))
    return exchanged(hits, load, count) if hits and count else unheard
