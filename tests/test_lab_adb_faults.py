"""Faults of the virtual phone, on demand and while clients are attached."""

import collections
import fcntl
import os
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.virtual_lab.adb import AdbDevice, Faults, serve
from tests.lab_adb import BANNER, Client, Dial, plain_runner

pytest_plugins = ["tests.lab_adb_fixtures"]


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def device(tmp_path: Path, faults: Faults) -> Iterator[AdbDevice]:
    with serve(BANNER, plain_runner, tmp_path, "auto", faults) as served:
        yield served


@pytest.fixture
def client(device: AdbDevice, dial: Dial) -> Client:
    attached = dial(device.port, timeout_s=30.0)
    attached.greet()
    return attached


def test_cut_breaks_every_connection_and_new_ones_are_welcome(
    device: AdbDevice, client: Client, faults: Faults, dial: Dial
) -> None:
    other = dial(device.port)
    other.greet()
    client.send("OPEN", 1, 0, b"exec:cat /dev/zero\0")
    client.hear_of("WRTE", 1)
    faults.cut()
    for broken in (client, other):
        with pytest.raises(ConnectionResetError):
            collections.deque(iter(lambda link=broken.socket: link.recv(1 << 20), b""), maxlen=0)
    assert dial(device.port).greet().command == "CNXN"


def test_refusal_is_the_kernels_and_open_connections_stay(
    device: AdbDevice, client: Client, faults: Faults, dial: Dial
) -> None:
    faults.refuse()
    with pytest.raises(ConnectionRefusedError):
        dial(device.port)
    assert client.run(b"exec:echo on") == b"on\n"
    faults.refuse(refusing=False)
    assert dial(device.port).greet().command == "CNXN"


def test_device_can_begin_by_refusing(tmp_path: Path, dial: Dial) -> None:
    faults = Faults()
    faults.refuse()
    with serve(BANNER, plain_runner, tmp_path, "auto", faults) as device:
        with pytest.raises(ConnectionRefusedError):
            dial(device.port)
        faults.refuse(refusing=False)
        assert dial(device.port).greet().command == "CNXN"


def test_stall_says_nothing_and_then_all(device: AdbDevice, faults: Faults, dial: Dial) -> None:
    client = dial(device.port, timeout_s=0.3)
    client.greet()
    faults.stall(3600)
    client.send("OPEN", 1, 0, b"exec:echo on\0")
    with pytest.raises(TimeoutError):
        client.hear()
    client.socket.settimeout(30)
    faults.stall(0)
    assert client.read_all() == b"on\n"


def test_stalled_device_can_be_cut_and_closed(tmp_path: Path, dial: Dial) -> None:
    faults = Faults()
    with serve(BANNER, plain_runner, tmp_path, "auto", faults) as device:
        client, other = dial(device.port), dial(device.port)
        # Both are taken before the cut, or the second one is a new connection, which nothing cuts.
        client.greet()
        other.greet()
        faults.stall(3600)
        faults.cut()
        assert client.hear() is None
        while device.connections:
            os.sched_yield()
        other = dial(device.port)
    assert other.hear() is None


def test_late_is_late_and_in_order(client: Client, faults: Faults) -> None:
    faults.late(0.2)
    begin_s = time.monotonic()
    client.open(b"exec:seq 100")
    faults.late(0)
    data = client.read_all()
    assert time.monotonic() - begin_s >= 0.2
    assert data.split() == [b"%d" % number for number in range(1, 101)]


def test_slow_carries_no_more_than_it_may(client: Client, faults: Faults) -> None:
    faults.slow(1_000_000)
    begin_s = time.monotonic()
    assert len(client.run(b"exec:head -c 300000 /dev/zero")) == 300_000
    assert time.monotonic() - begin_s >= 0.28
    begin_s = time.monotonic()
    remote_id = client.open(b"shell,v2,raw:cat", 2)
    client.send("WRTE", 2, remote_id, b"\0" + (200_000).to_bytes(4, "little") + bytes(200_000))
    client.hear_of("OKAY", 2)
    assert time.monotonic() - begin_s >= 0.18
    faults.slow(None)
    assert client.run(b"exec:echo on", 3) == b"on\n"


def test_client_that_does_not_listen_stops_only_itself(
    device: AdbDevice, client: Client, tmp_path: Path, dial: Dial
) -> None:
    (tmp_path / "big").write_bytes(bytes(1 << 20))
    streams = [client.open(b"sync:", number) for number in range(1, 31)]
    for number, remote_id in enumerate(streams, 1):
        client.send("WRTE", number, remote_id, b"RECV\4\0\0\0/big")
    other = dial(device.port)
    other.greet()
    seen_b = -1
    while seen_b != (seen_b := unread_b(client)):
        assert other.run(b"exec:echo on") == b"on\n"
    assert 0 < seen_b < 30 << 20
    while unread_b(client):
        client.socket.recv(1 << 20)
    device.faults.cut()
    while device.connections:
        os.sched_yield()


def unread_b(client: Client) -> int:
    return int(struct.unpack("i", fcntl.ioctl(client.socket, termios.FIONREAD, bytes(4)))[0])


def test_device_closes_in_the_middle_of_everything(tmp_path: Path, dial: Dial) -> None:
    with serve(BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port)
        client.greet()
        for number, service in enumerate([b"exec:cat /dev/zero", b"shell:", b"shell,v2,raw:cat", b"sync:"], 1):
            client.open(service, number)
    while client.hear() is not None:
        pass
    device.close()
    with pytest.raises(ConnectionRefusedError):
        dial(device.port)


def test_port_that_is_asked_for(tmp_path: Path, device: AdbDevice) -> None:
    port = device.port
    device.close()
    with serve(BANNER, plain_runner, tmp_path, port=port) as again:
        assert again.serial == f"127.0.0.1:{port}"
