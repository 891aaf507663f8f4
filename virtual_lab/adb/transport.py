"""One client's connection: the handshake, the streams, and two threads that never wait for each other.

One thread reads packets and sorts them; the other sends what everybody has to say, so that a client that does not
listen stops nobody but itself. Flow control bounds what waits: one WRTE per stream, and its answers.
"""

import contextlib
import os
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgewatt.virtual_lab.adb.banner import Banner
from edgewatt.virtual_lab.adb.faults import NS_PER_S, Faults, Pace
from edgewatt.virtual_lab.adb.keys import TOKEN_B, Approval
from edgewatt.virtual_lab.adb.packets import (
    AUTH,
    AUTH_PUBLIC_KEY,
    AUTH_SIGNATURE,
    AUTH_TOKEN,
    CLSE,
    CNXN,
    HEADER_B,
    OKAY,
    OPEN,
    STLS,
    VERSION_CHECKSUMS,
    WRTE,
    Header,
    Packet,
    PacketError,
    check_payload,
    decode_header,
    encode_header,
)
from edgewatt.virtual_lab.adb.streams import Stream, StreamEndedError

# Assumed, each: a client has so long to say CNXN, so many tries to sign, so many streams and unsent answers.
HELLO_S: Final = 10.0
TRIES: Final = 256
STREAMS: Final = 256
UNSENT: Final = 4096
# A payload shorter than the frame around a byte of a shell stream carries nothing.
_LEAST_MAXDATA_B: Final = 64

# SO_LINGER on, for no time: closing breaks the connection.
_RESET: Final = struct.pack("2i", 1, 0)

Service = Callable[[Stream], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a device share. `find` gives the service of a name, or None to refuse it."""

    banner: Banner
    approval: Approval
    faults: Faults
    find: Callable[[bytes], Service | None]


class Connection:
    """Serves one client until it leaves, breaks the protocol, or is told to go."""

    def __init__(self, client: socket.socket, around: Surroundings, gone: Callable[["Connection"], None]) -> None:
        self._client, self._around, self._gone = client, around, gone
        self._version = VERSION_CHECKSUMS
        self._maxdata_b = around.banner.maxdata_b
        self._token = b""
        self._tries_left = TRIES
        self._hello = False
        self._online = False
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._services: list[threading.Thread] = []
        self._ending = threading.Lock()
        self._ended = threading.Event()
        self._unsent: queue.SimpleQueue[tuple[int, Packet] | None] = queue.SimpleQueue()
        self._reading, self._sending = Pace(around.faults, self._ended), Pace(around.faults, self._ended)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._reader = threading.Thread(target=self._run, name="virtual adbd reader", daemon=True)
        self._writer = threading.Thread(target=self._send_all, name="virtual adbd writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._writer.start()
        self._reader.start()

    def end(self, *, reset: bool = False) -> None:
        """Have it end now; `reset` breaks the connection, else it is closed."""
        with self._ending, contextlib.suppress(OSError):
            self._ended.set()
            if self._wake < 0:
                return
            os.eventfd_write(self._wake, 1)
            if reset:
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._client.shutdown(socket.SHUT_RD)

    def join(self, timeout_s: float) -> None:
        """Wait for its threads, its services' too."""
        self._reader.join(timeout_s)

    def send(self, packet: Packet) -> None:
        """Have it sent after all that was said before."""
        if self._unsent.qsize() > UNSENT:
            self.end(reset=True)
        elif not self._ended.is_set():
            self._unsent.put((time.monotonic_ns() + self._around.faults.late_ns, packet))

    def _run(self) -> None:
        try:
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._client.settimeout(HELLO_S)
            while self._receive():
                pass
        except (OSError, PacketError):
            pass
        finally:
            self.end()
            self._drop_streams()
            self._unsent.put(None)
            self._writer.join()
            for service in self._services:
                service.join()
            with self._ending:
                self._client.close()
                os.close(self._wake)
                self._wake = -1
            self._gone(self)

    def _receive(self) -> bool:
        """One packet; False if the client is gone. Raises OSError, PacketError."""
        head = self._read(HEADER_B)
        if head is None:
            return False
        header = decode_header(head, self._around.banner.maxdata_b)
        payload = self._read(header.length_b)
        if payload is None:
            return False
        check_payload(header, payload, header.arg0 if header.command == CNXN else self._version)
        self._obey(header, payload)
        return True

    def _read(self, size_b: int) -> bytearray | None:
        data = bytearray(size_b)
        view = memoryview(data)
        while view:
            step_b = self._reading.step_b(len(view))
            got_b = self._client.recv_into(view[:step_b]) if step_b else 0
            if not got_b or self._ended.is_set():
                return None
            self._reading.moved(got_b)
            view = view[got_b:]
        return data

    def _obey(self, header: Header, payload: bytearray) -> None:
        if header.command == CNXN:
            self._connect(header)
        elif header.command == AUTH:
            self._authenticate(header.arg0, payload)
        elif header.command == STLS:
            raise PacketError("STLS: there is no TLS here, and the client would go on in it")
        elif self._online:
            self._obey_stream(header, payload)

    def _connect(self, header: Header) -> None:
        self._drop_streams()
        if header.arg0 < VERSION_CHECKSUMS or header.arg1 < _LEAST_MAXDATA_B:
            raise PacketError(f"CNXN of version {header.arg0:#x} with {header.arg1} bytes at most")
        banner = self._around.banner
        self._client.settimeout(None)
        self._version = min(header.arg0, banner.version)
        self._maxdata_b = min(header.arg1, banner.maxdata_b)
        self._online = False
        self._challenge()

    def _challenge(self) -> None:
        if self._tries_left == 0:
            raise PacketError(f"{TRIES} signatures, none of a known key")
        self._tries_left -= 1
        self._token = os.urandom(TOKEN_B)
        self.send(Packet(AUTH, AUTH_TOKEN, 0, self._token))

    def _authenticate(self, kind: int, payload: bytearray) -> None:
        if self._online or not self._token:
            return
        if kind == AUTH_SIGNATURE:
            if self._around.approval.signed(self._token, bytes(payload)):
                self._welcome()
            else:
                self._challenge()
        elif kind == AUTH_PUBLIC_KEY and self._around.approval.offered(bytes(payload)):
            self._welcome()

    def _welcome(self) -> None:
        self._token, self._online = b"", True
        banner = self._around.banner
        self.send(Packet(CNXN, banner.version, banner.maxdata_b, banner.encode()))

    def _obey_stream(self, header: Header, payload: bytearray) -> None:
        if header.command == OPEN:
            self._open(header, bytes(payload))
            return
        stream = self._streams.get(header.arg1)
        if stream is None or header.arg0 not in {stream.remote_id, 0}:
            if header.command == OKAY:
                self.send(Packet(CLSE, header.arg1, header.arg0))
        elif header.command == OKAY:
            stream.acknowledge()
        elif header.command == WRTE:
            stream.deliver(payload)
        elif header.command == CLSE:
            self._streams.pop(header.arg1, None)
            stream.end()
            stream.close()

    def _open(self, header: Header, name: bytes) -> None:
        """Start a service, or refuse: arg1 would be the bytes of a delayed acknowledgement, which is not claimed."""
        if header.arg0 == 0:
            return
        service = self._around.find(name.rstrip(b"\0")) if header.arg1 == 0 else None
        if service is None or len(self._streams) >= STREAMS:
            self.send(Packet(CLSE, 0, header.arg0))
            return
        stream = Stream(self._next_id, header.arg0, self._maxdata_b, self.send)
        self._streams[stream.local_id] = stream
        self._next_id += 1
        self.send(Packet(OKAY, stream.local_id, stream.remote_id))
        self._services = [thread for thread in self._services if thread.is_alive()]
        self._services.append(threading.Thread(target=self._serve, args=(service, stream), daemon=True))
        self._services[-1].start()

    def _serve(self, service: Service, stream: Stream) -> None:
        try:
            service(stream)
        except StreamEndedError:
            pass
        except PacketError:
            self.end(reset=True)
        finally:
            stream.close()
            self._streams.pop(stream.local_id, None)

    def _drop_streams(self) -> None:
        for stream in tuple(self._streams.values()):
            stream.end()
        self._streams.clear()

    def _send_all(self) -> None:
        with contextlib.suppress(OSError):
            while (entry := self._unsent.get()) is not None:
                due_ns, packet = entry
                wait_s = (due_ns - time.monotonic_ns()) / NS_PER_S
                if wait_s > 0 and self._ended.wait(wait_s):
                    return
                if not self._write_packet(packet):
                    return
        self.end()

    def _write_packet(self, packet: Packet) -> bool:
        """Whether it went out whole; the payload is not copied."""
        parts = [memoryview(encode_header(packet, self._version)), memoryview(packet.payload)]
        while parts := [part for part in parts if part]:
            step_b = self._sending.step_b(sum(map(len, parts)))
            if not step_b or self._ended.is_set():
                return False
            try:
                sent_b = self._client.sendmsg(_first(parts, step_b), (), socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait_for_room()
                continue
            self._sending.moved(sent_b)
            for index, part in enumerate(parts):
                parts[index] = part[sent_b:]
                sent_b = max(sent_b - len(part), 0)
        return True

    def _wait_for_room(self) -> None:
        poll = select.poll()
        poll.register(self._client, select.POLLOUT)
        poll.register(self._wake, select.POLLIN)
        poll.poll()


def _first(parts: list[memoryview], size_b: int) -> list[memoryview]:
    """The first `size_b` bytes of these parts."""
    taken = []
    for part in parts:
        taken.append(part[:size_b])
        size_b -= len(taken[-1])
    return taken
