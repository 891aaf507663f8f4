"""The server of radio and offload loads: what plain `nc` says and hears, and clients that are hostile."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from edgewatt.profiler.collecting.server import LINE_LIMIT_B, LoadServer, listen, serving
from edgewatt.profiler.errors import UsageError


@pytest.fixture
def server() -> Iterator[LoadServer]:
    with serving() as found:
        yield found


def connected(server: LoadServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20.0)


def all_of(client: socket.socket) -> bytes:
    said = b""
    while chunk := client.recv(1 << 16):
        said += chunk
    return said


def test_what_is_sent_is_counted_with_what_came_behind_the_line(server: LoadServer) -> None:
    with connected(server) as client:
        client.sendall(b"S 30\n" + bytes(5000))
        client.shutdown(socket.SHUT_WR)
        words = all_of(client).split()
    assert words[:2] == [b"S", b"5000"]
    assert 0 <= int(words[2]) < 20_000_000


def test_a_sender_that_goes_on_is_told_when_the_time_is_over(server: LoadServer) -> None:
    with connected(server) as client:
        client.sendall(b"S 50\n")
        client.settimeout(0.001)
        sent_b, said = 0, b""
        while b"\n" not in said:
            try:
                said += client.recv(100)
            except TimeoutError:
                sent_b += client.send(bytes(1000))
    count, took_us = map(int, said.split()[1:])
    assert 0 < count <= sent_b
    assert took_us >= 50_000


def test_bytes_come_until_the_time_is_over(server: LoadServer) -> None:
    with connected(server) as client:
        client.sendall(b"R 20\n")
        client.shutdown(socket.SHUT_WR)  # as `echo | nc` does
        said = all_of(client)
    assert len(said) > 0
    assert not any(said[:1000])


def test_exchanges_follow_each_other_on_one_connection(server: LoadServer) -> None:
    with connected(server) as client:
        for up_b, down_b, work_us in ((0, 0, 0), (100_000, 5, 0), (1, 70_000, 1500)):
            client.sendall(b"X %d %d %d\n" % (up_b, down_b, work_us) + bytes(up_b))
            line = b""
            while not line.endswith(b"\n"):
                line += client.recv(1)
            kind, count, _, worked_us = line.split()
            assert (kind, int(count)) == (b"X", up_b)
            assert int(worked_us) >= work_us
            got_b = 0
            while got_b < down_b:
                got_b += len(client.recv(down_b - got_b))


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"S\n",
        b"S -1\n",
        b"S 99999999999\n",
        b"R 1e9\n",
        b"X 1 2\n",
        b"X 999999999999 0 0\n",
        b"X 0 0 99999999999\n",
        b"\xff\xfe\x00 1\n",
        b"A" * (LINE_LIMIT_B + 1),
        bytes(1 << 16),
    ],
)
def test_who_says_something_else_is_hung_up_on_and_others_go_on(server: LoadServer, said: bytes) -> None:
    with connected(server) as client:
        client.sendall(said)
        with suppress(ConnectionResetError):
            assert all_of(client) == b""
    with connected(server) as client:
        client.sendall(b"X 0 3 0\n")
        assert client.recv(1) == b"X"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cannot listen at 192\.0\.2\.1:0: .*expected an address of this machine"):
        listen("192.0.2.1")


def test_it_is_gone_when_its_block_ends() -> None:
    with serving() as server:
        client = connected(server)
    with client, pytest.raises(OSError, match=r".*"):
        connected(server)
