"""Our transport for adb-shell, over real sockets: everything is sent, nothing is lost, and the end is the end."""

import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from adb_shell.adb_device import AdbDevice, AdbDeviceTcp
from adb_shell.adb_message import AdbMessage
from adb_shell.exceptions import InvalidResponseError, TcpTimeoutException
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.transports.adb_socket import PacketSocket, hang_up, prepare, receive, send_all
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.profiler.errors import DeviceError

LONG_S = 20.0
SMALL_B = 4096


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_B)
        yield made


@pytest.fixture
def ends(listener: socket.socket) -> Iterator[tuple[PacketSocket, socket.socket]]:
    """Ours, connected and with small buffers, and the other side's."""
    ours = PacketSocket("127.0.0.1", listener.getsockname()[1])
    ours.connect(LONG_S)
    assert ours._socket is not None
    ours._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_B)
    theirs, _ = listener.accept()
    with theirs:
        yield ours, theirs
        ours.close()


def wire(command: bytes, data: bytes = b"") -> bytes:
    return bytes(AdbMessage(command, 1, 2, data).pack()) + data


def whole(ours: PacketSocket, timeout_s: float = LONG_S) -> bytes:
    """A packet, read as adb-shell does."""
    header = ours.bulk_read(24, timeout_s)
    size_b = struct.unpack("<6I", header)[3]
    return header + (ours.bulk_read(size_b, timeout_s) if size_b else b"")


def test_it_sends_everything_through_a_small_buffer(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    content, got = os.urandom(3 << 20), bytearray()

    def take() -> None:
        while len(got) < len(content) and (data := theirs.recv(1 << 16)):
            got.extend(data)

    taker = threading.Thread(target=take)
    taker.start()
    assert ours.bulk_write(content, LONG_S) == len(content)
    taker.join(LONG_S)
    assert got == content


def test_a_reader_that_stands_still_is_a_timeout(ends: tuple[PacketSocket, socket.socket]) -> None:
    with pytest.raises(LinkTimeout, match="took no data"):
        ends[0].bulk_write(bytes(16 << 20), 0.05)


def test_nagle_is_off_and_silent_loss_is_seen(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours = ends[0]._socket
    assert ours is not None
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_packet_in_pieces_is_waited_for_without_loss(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    sent = wire(b"WRTE", b"x" * 100)
    for at in range(0, len(sent) - 1, 31):
        theirs.sendall(sent[at : at + 31] if at + 31 < len(sent) else sent[at:-1])
        with pytest.raises(TcpTimeoutException):
            ours.bulk_read(24, 0.005)
    theirs.sendall(sent[-1:])
    assert whole(ours) == sent


def test_packets_that_come_together_are_told_apart(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    sent = [wire(b"WRTE", b"first"), wire(b"OKAY"), wire(b"WRTE", bytes(5000)), wire(b"CLSE")]
    theirs.sendall(b"".join(sent))
    assert [whole(ours) for _ in sent] == sent


def test_the_largest_packet_is_taken(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    sent = wire(b"WRTE", os.urandom(1 << 20))
    sender = threading.Thread(target=theirs.sendall, args=(sent,))
    sender.start()
    assert whole(ours) == sent
    sender.join(LONG_S)


def test_a_closed_connection_is_lost_at_once(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(wire(b"WRTE", b"half")[:-2])
    theirs.close()
    with pytest.raises(LinkLost):
        ours.bulk_read(24, LONG_S)


def test_a_reset_is_lost_at_once(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    with pytest.raises(LinkLost, match="the connection ended: Connection reset by peer"):
        ours.bulk_read(24, LONG_S)
    with pytest.raises(LinkLost):
        ours.bulk_write(b"x", LONG_S)


def test_closing_wakes_whoever_waits(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, _ = ends
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            ours.bulk_read(24, LONG_S)
        except LinkLost as error:
            caught.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    ours.close()
    ours.close()
    waiter.join(LONG_S)
    assert len(caught) == 1
    with pytest.raises(LinkLost, match="closed"):
        ours.bulk_read(24, 0)


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b"HTTP/1.0 400 Bad Request\r\n\r\n", bytes(24)])
def test_what_is_no_packet_is_refused(ends: tuple[PacketSocket, socket.socket], sent: bytes) -> None:
    ends[1].sendall(sent)
    with pytest.raises(InvalidResponseError):
        ends[0].bulk_read(24, LONG_S)


def test_a_packet_of_gigabytes_is_refused_before_it_is_read(ends: tuple[PacketSocket, socket.socket]) -> None:
    command = int.from_bytes(b"WRTE", "little")
    ends[1].sendall(struct.pack("<6I", command, 1, 2, (1 << 20) + 1, 0, command ^ 0xFFFFFFFF))
    with pytest.raises(InvalidResponseError):
        ends[0].bulk_read(24, LONG_S)


@given(sent=st.binary(min_size=24, max_size=200))
def test_any_bytes_are_a_packet_or_an_error_of_three(sent: bytes) -> None:
    ours, (near, far) = PacketSocket("", 0), socket.socketpair()
    near.setblocking(False)
    ours._socket = near
    with far:
        far.sendall(sent)
        far.shutdown(socket.SHUT_WR)
        try:
            assert len(whole(ours)) >= 24
        except (LinkLost, InvalidResponseError):
            pass
        finally:
            ours.close()


def test_the_banner_is_kept_and_a_wish_for_tls_noted(ends: tuple[PacketSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(wire(b"CNXN", b"device::features=shell_v2,cmd"))
    whole(ours)
    assert (ours.banner, ours.wants_tls) == (b"device::features=shell_v2,cmd", False)
    command = int.from_bytes(b"STLS", "little")
    theirs.sendall(struct.pack("<6I", command, 0x01000000, 0, 0, 0, command ^ 0xFFFFFFFF))
    whole(ours)
    assert ours.wants_tls


def test_adb_shell_takes_it_for_a_transport() -> None:
    AdbDevice(PacketSocket("127.0.0.1", 5555))
    assert isinstance(AdbDeviceTcp("127.0.0.1")._io_manager._transport, PacketSocket.__mro__[1])


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("127.0.0.1", r"no adbd answers on 127.0.0.1:1: connection refused; .*`adb tcpip 5555` over USB first"),
        ("no-such-host.invalid", r"no adbd answers on no-such-host.invalid:1: "),
        ("a" * 70 + ".example", "no host of this name is known"),
    ],
)
def test_no_connection_is_one_clear_line(host: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message) as raised:
        PacketSocket(host, 1).connect(LONG_S)
    assert "\n" not in str(raised.value)


def test_bytes_over_a_pair_of_sockets() -> None:
    near, far = socket.socketpair(socket.AF_UNIX)
    near.setblocking(False)
    with far:
        assert receive(near, 10, 0.0) == b""
        far.sendall(b"0123456789abc")
        assert receive(near, 10, LONG_S) == b"0123456789"
        far.close()
        assert receive(near, 10, LONG_S) == b"abc"
        assert receive(near, 10, LONG_S) is None
        with pytest.raises(LinkLost, match="Broken pipe"):
            send_all(near, b"x", LONG_S)
    hang_up(near)
    with pytest.raises(LinkLost, match="closed"):
        receive(near, 10, 0.0)


def test_prepare_makes_a_socket_that_does_not_block(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as sock:
        prepare(sock)
        assert not sock.getblocking()
