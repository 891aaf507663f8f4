"""The virtual phone's wire: packets, keys, the handshake, and what becomes of a client that breaks the rules."""

import base64
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.virtual_lab.adb import AdbDevice, Banner, KeyFormatError, parse_public_key, read_keys, serve, transport
from edgewatt.virtual_lab.adb.keys import format_public_key
from edgewatt.virtual_lab.adb.packets import Packet, PacketError, check_payload, decode_header, encode_header
from tests.lab_adb import BANNER, NEW, OLD, OLD_BANNER, Dial, connect, plain_runner, public, public_line, sign

pytest_plugins = ["tests.lab_adb_fixtures"]

WORDS = st.integers(0, 0xFFFFFFFF)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[AdbDevice]:
    with serve(BANNER, plain_runner, tmp_path) as served:
        yield served


@given(WORDS, WORDS, WORDS, st.binary(max_size=200), st.sampled_from([OLD, NEW]))
def test_header_comes_back(command: int, arg0: int, arg1: int, payload: bytes, version: int) -> None:
    data = encode_header(Packet(command, arg0, arg1, payload), version)
    header = decode_header(data, 200)
    assert (header.command, header.arg0, header.arg1, header.length_b) == (command, arg0, arg1, len(payload))
    assert header.checksum == (sum(payload) if version == OLD else 0)
    check_payload(header, payload, version)


def test_bytes_of_a_packet_are_those_of_the_protocol() -> None:
    data = encode_header(Packet(0x4E45504F, 7, 0, b"sync:\0"), OLD)
    assert data == b"OPEN" + bytes([7, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0xF7, 1, 0, 0]) + b"\xb0\xaf\xba\xb1"


@given(st.binary(min_size=24, max_size=24))
def test_any_header_is_read_or_refused(data: bytes) -> None:
    try:
        header = decode_header(data, 1 << 20)
    except PacketError:
        return
    assert header.length_b <= 1 << 20


def test_key_comes_back_and_a_damaged_one_is_refused() -> None:
    line = public_line()
    key = parse_public_key(line + b"\0")
    assert (key, key.comment) == (public(), "tester@desk")
    data = bytearray(base64.b64decode(line.split(b" ")[0]))
    for place in range(0, len(data), 13):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(KeyFormatError):
            parse_public_key(base64.b64encode(damaged))


@given(st.binary(max_size=900))
def test_any_bytes_are_no_key(data: bytes) -> None:
    with pytest.raises(KeyFormatError):
        parse_public_key(data)


def test_signature_is_of_this_key_and_this_token() -> None:
    token, other = bytes(range(20)), bytes(20)
    assert public().verifies(token, sign(token))
    assert not public().verifies(other, sign(token))
    assert not public(1).verifies(token, sign(token))
    assert not public().verifies(token, b"")


def test_file_of_keys_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"# ours\n\n" + public_line() + b"\n" + public_line(1) + b"\r\n")
    assert read_keys(path) == [public(), public(1)]
    path.write_bytes(public_line() + b"\nAAAA me\n")
    with pytest.raises(KeyFormatError, match=r"keys, line 2: the key holds 3 bytes"):
        read_keys(path)


def test_unknown_key_is_asked_for_and_known_afterwards(dial: Dial, device: AdbDevice) -> None:
    client = dial(device.port)
    client.send("CNXN", NEW, 1 << 20, b"host::\0")
    first = client.hear()
    client.send("AUTH", 2, 0, sign(first.payload))
    second = client.hear()
    assert (second.command, second.arg0) == ("AUTH", 1)
    assert second.payload != first.payload
    client.send("AUTH", 3, 0, public_line() + b"\0")
    welcome = client.hear()
    assert (welcome.command, welcome.arg0, welcome.arg1) == ("CNXN", NEW, 1 << 20)
    assert welcome.payload.startswith(b"device::ro.product.name=oriole;ro.product.model=Pixel 6;")
    again = dial(device.port)
    again.send("CNXN", NEW, 1 << 20, b"host::\0")
    token = again.hear().payload
    again.send("AUTH", 2, 0, sign(first.payload))  # an old token's signature opens nothing
    assert again.hear().command == "AUTH"
    again.send("AUTH", 2, 0, sign(token))
    token = again.hear().payload
    again.send("AUTH", 2, 0, sign(token))
    assert again.hear().command == "CNXN"
    assert device.known_keys == (public(),)


@pytest.mark.parametrize("approve", ["never", "file"])
def test_unknown_key_gets_no_answer_and_no_service(dial: Dial, tmp_path: Path, approve: str) -> None:
    keys = tmp_path / "keys"
    keys.write_bytes(public_line(1))
    with serve(BANNER, plain_runner, tmp_path, keys if approve == "file" else "never") as device:
        client = dial(device.port, timeout_s=0.2)
        client.send("CNXN", NEW, 1 << 20, b"host::\0")
        assert client.hear().command == "AUTH"
        client.send("AUTH", 3, 0, public_line() + b"\0")
        client.send("OPEN", 1, 0, b"shell:id\0")
        with pytest.raises(TimeoutError):
            client.hear()
        assert device.known_keys == ((public(1),) if approve == "file" else ())
        if approve == "file":
            client.send("CNXN", NEW, 1 << 20, b"host::\0")
            client.send("AUTH", 2, 0, sign(client.hear().payload, 1))
            assert client.hear().command == "CNXN"


def test_approval_that_is_none_of_the_three_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 'auto', 'never' or the Path"):
        serve(BANNER, plain_runner, tmp_path, "yes")
    with pytest.raises(FileNotFoundError):
        serve(BANNER, plain_runner, tmp_path, tmp_path / "nope")


def test_what_is_no_key_is_not_let_in(dial: Dial, device: AdbDevice) -> None:
    client = dial(device.port)
    client.send("CNXN", NEW, 1 << 20, b"host::\0")
    client.hear()
    client.send("AUTH", 3, 0, b"let me in")
    client.send("AUTH", 2, 0, b"please")
    assert client.hear().command == "AUTH"
    assert device.known_keys == ()


def test_old_clients_and_old_phones_use_checksums_and_short_payloads(dial: Dial, tmp_path: Path) -> None:
    with serve(OLD_BANNER, plain_runner, tmp_path) as device:
        welcome = dial(device.port, NEW).greet()
        assert (welcome.arg0, welcome.arg1) == (OLD, 4096)
        assert (
            welcome.payload
            == b"device::ro.product.name=hammerhead;ro.product.model=Nexus 5;ro.product.device=hammerhead;\0"
        )
        assert welcome.checksum == sum(welcome.payload)
    with serve(BANNER, plain_runner, tmp_path) as device:
        assert dial(device.port, NEW).greet().checksum == 0
        client = dial(device.port, OLD)
        assert client.greet().checksum > 0
        client.send("OPEN", 1, 0, b"shell:id\0", checksum=1)
        assert client.hear() is None


@pytest.mark.parametrize(
    "bad",
    [
        b"OPEN" + bytes(20),
        b"OPEN" + bytes(8) + (1 << 20 | 1).to_bytes(4, "little") + bytes(4) + b"\xb0\xaf\xba\xb1",
        b"STLS" + bytes(16) + b"\xac\xab\xb3\xac",
        b"CNXN" + bytes(16) + b"\xbc\xb1\xa7\xb1",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["magic", "length", "tls", "version", "http"],
)
def test_what_is_no_adb_ends_the_connection(dial: Dial, device: AdbDevice, bad: bytes) -> None:
    client = dial(device.port)
    client.greet()
    client.socket.sendall(bad)
    assert client.hear() is None
    assert dial(device.port).greet().command == "CNXN"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CNXN", "AUTH", "OPEN", "OKAY", "WRTE", "CLSE", "JUNK"]),
            st.integers(0, 3),
            st.integers(0, 3),
            st.sampled_from(
                [b"", b"sync:\0", b"shell,v2,raw:cat\0", b"exec:true\0", b"STAT\1\0\0\0/", b"\0\1\0\0\0x\4"]
            ),
        ),
        max_size=12,
    )
)
def test_any_packets_leave_a_device_that_serves(device: AdbDevice, packets: list[tuple[str, int, int, bytes]]) -> None:
    with closing(connect(device.port)) as client:
        client.greet()
        with suppress(ConnectionError):
            for packet in packets:
                client.send(*packet)
    with closing(connect(device.port)) as client:
        client.greet()
        assert client.run(b"exec:echo on") == b"on\n"
    while device.connections:
        os.sched_yield()


def test_client_that_says_nothing_is_dropped(dial: Dial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HELLO_S", 0.1)
    with serve(BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port)
        client.socket.sendall(b"CNXN")
        assert client.hear() is None


def test_ten_clients_at_once_and_no_more(dial: Dial, device: AdbDevice) -> None:
    clients = [dial(device.port) for _ in range(10)]
    for client in clients:
        client.greet()
    assert device.connections == 10
    assert dial(device.port).hear() is None
    assert [client.run(b"exec:echo %d" % number) for number, client in enumerate(clients)] == [
        b"%d\n" % number for number in range(10)
    ]
    clients[0].close()
    while device.connections == 10:
        assert clients[1].run(b"exec:true") == b""
    assert dial(device.port).greet().command == "CNXN"


def test_banner_claims_only_what_is_there() -> None:
    with pytest.raises(ValueError, match="the virtual adbd has no delayed_ack"):
        Banner("a", "b", "c", ("shell_v2", "delayed_ack"))
    with pytest.raises(ValueError, match="no ';'"):
        Banner("a;features=abb", "b", "c")


def test_key_written_is_what_adb_writes() -> None:
    assert len(base64.b64decode(format_public_key(public()).split(b" ")[0])) == 524
