"""Streams of the virtual phone: flow control, ids, and the processes behind them."""

import contextlib
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.virtual_lab.adb import AdbDevice, Launch, serve
from edgewatt.virtual_lab.adb.packets import PacketError
from edgewatt.virtual_lab.adb.shell_v2 import Unframer, frame
from tests.lab_adb import BANNER, OLD_BANNER, Client, Dial, plain_runner

pytest_plugins = ["tests.lab_adb_fixtures"]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[AdbDevice]:
    with serve(BANNER, plain_runner, tmp_path) as served:
        yield served


@pytest.fixture
def client(dial: Dial, device: AdbDevice) -> Iterator[Client]:
    attached = dial(device.port)
    attached.greet()
    yield attached
    attached.close()


def parts(data: bytes) -> dict[int, bytes]:
    """What a shell v2 stream said, by kind."""
    unframer, found = Unframer(), {}
    unframer.feed(data)
    for kind, piece in unframer.packets():
        found[kind] = found.get(kind, b"") + piece
    return found


def running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def until_gone(pid: int) -> None:
    end_s = time.monotonic() + 10
    while running(pid):
        assert time.monotonic() < end_s, f"{pid} is still there"
        os.sched_yield()


def test_output_errors_and_status_are_apart(client: Client) -> None:
    said = parts(client.run(b"shell,v2,raw:echo out; echo err >&2; test -t 1 || exit 7"))
    assert said == {1: b"out\n", 2: b"err\n", 3: b"\x07"}
    assert parts(client.run(b"shell,v2,raw:kill -9 $$", 2)) == {3: b"\x89"}
    assert (
        parts(client.run(b"shell,v2:cd /; pwd; echo $USER $TMPDIR $TERM", 3))[1] == b"/\nshell /data/local/tmp dumb\n"
    )


def test_legacy_services_run_on_a_raw_terminal(client: Client) -> None:
    command = b"echo out; echo err >&2; test -t 0 && test -t 1 && test -t 2 && echo tty"
    assert client.run(b"shell:" + command) == b"out\nerr\ntty\n"
    assert client.run(b"exec:" + command, 2) == b"out\nerr\ntty\n"
    assert client.run(b"exec:printf '\\001\\003\\r\\n\\377'", 3) == b"\x01\x03\r\n\xff"


def test_interactive_shell_has_a_cooked_terminal_of_its_own(client: Client) -> None:
    said = client.run(b"shell:", stdin=b"echo t''ty; tty </dev/tty\nexit\n").decode()
    assert "tty\r\n/dev/tty\r\n" in said
    sized = parts(
        client.run(
            b"shell,v2,TERM=xterm,pty:read x; stty size; echo $TERM", 2, frame(5, b"33x99,0x0") + frame(0, b"\n")
        )
    )
    assert sized[1].replace(b"\r", b"").endswith(b"\n33 99\nxterm\n")


def test_standard_input_and_its_end(client: Client) -> None:
    stdin = frame(0, b"abc") + frame(0, b"def") + frame(4, b"") + frame(0, b"late")
    assert parts(client.run(b"shell,v2,raw:cat; echo .", stdin=stdin)) == {1: b"abcdef.\n", 3: b"\0"}
    assert parts(client.run(b"shell,v2,raw:exec <&-; sleep 0; echo on", 2, stdin))[1] == b"on\n"
    assert client.run(b"exec:head -c 3", 3, b"xyz") == b"xyz"


def test_one_write_is_under_way_and_none_is_longer_than_maxdata(dial: Dial, tmp_path: Path) -> None:
    with serve(BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port, timeout_s=0.3)
        client.greet(maxdata_b=100)
        client.send("OPEN", 1, 0, b"exec:head -c 1000 /dev/zero\0")
        remote_id = client.hear_of("OKAY", 1).arg0
        sizes = [len(client.hear_of("WRTE", 1).payload)]
        with pytest.raises(TimeoutError):
            client.hear()
        while sum(sizes) < 1000:
            client.send("OKAY", 1, remote_id)
            sizes.append(len(client.hear_of("WRTE", 1).payload))
        assert max(sizes) <= 100
        client.send("OKAY", 1, remote_id)
        assert client.hear_of("CLSE", 1).arg0 == remote_id


def test_input_that_nobody_reads_is_not_acknowledged_for_ever(dial: Dial, tmp_path: Path) -> None:
    with serve(BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port, timeout_s=0.3)
        client.greet()
        remote_id = client.open(b"shell,v2,raw:exec sleep 1000")

        def send_for_ever() -> None:
            for _ in range(128):
                client.send("WRTE", 1, remote_id, frame(0, bytes(65536)))
                client.hear_of("OKAY", 1)

        with pytest.raises(TimeoutError):
            send_for_ever()
        client.send("WRTE", 1, remote_id, b"one more")
        assert client.hear() is None, "a WRTE before the OKAY breaks the rules"


def test_streams_do_not_wait_for_each_other(client: Client) -> None:
    blocked = client.open(b"exec:head -c 3000000 /dev/zero; echo end", 1)
    assert client.run(b"exec:echo free", 2) == b"free\n"
    client.send("OKAY", 1, blocked)
    assert client.read_all(1).endswith(b"end\n")


@pytest.mark.parametrize(
    "service", [b"nonsense:", b"root:", b"reboot:", b"tcp:80", b"shell", b"exec:", b"exec,v2:id", b"sync:x", b""]
)
def test_unknown_service_is_refused(client: Client, service: bytes) -> None:
    client.send("OPEN", 9, 0, service + b"\0")
    said = client.hear()
    assert (said.command, said.arg0, said.arg1) == ("CLSE", 0, 9)


def test_delayed_acknowledgement_and_stream_zero_are_refused(client: Client) -> None:
    client.send("OPEN", 9, 1 << 20, b"shell:id\0")
    assert client.hear()[:3] == ("CLSE", 0, 9)
    client.send("OPEN", 0, 0, b"shell:id\0")
    client.send("WRTE", 5, 6, b"nobody's")
    client.send("CLSE", 5, 6)
    client.send("OKAY", 5, 6)
    assert client.hear()[:3] == ("CLSE", 6, 5), "only an OKAY of nobody's is answered"


def test_shell_v2_is_not_there_where_it_is_not_claimed(dial: Dial, tmp_path: Path) -> None:
    with serve(OLD_BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port, 0x01000000)
        client.greet()
        client.send("OPEN", 1, 0, b"shell,v2,raw:id\0")
        assert client.hear().command == "CLSE"
        assert client.run(b"shell:echo old", 2) == b"old\n"


@pytest.mark.parametrize("service", [b"shell,v2,raw:", b"shell:", b"exec:", b"shell,v2,pty:"])
@pytest.mark.parametrize("how", ["stream", "connection", "cut"])
def test_client_that_leaves_hangs_up_on_the_group(device: AdbDevice, client: Client, service: bytes, how: str) -> None:
    remote_id = client.open(service + b"sleep 1000 & echo $$ $!; wait")
    said = client.hear_of("WRTE", 1).payload
    pids = [int(word) for word in (parts(said)[1] if b"v2" in service else said).split()]
    assert all(map(running, pids))
    if how == "stream":
        client.send("CLSE", 1, remote_id)
        assert client.hear_of("CLSE", 1).arg0 == remote_id
    elif how == "connection":
        client.close()
    else:
        device.faults.cut()
        assert client.hear() is None
    for pid in pids:
        until_gone(pid)


def test_what_was_detached_lives_on_until_the_device_is_off(dial: Dial, tmp_path: Path) -> None:
    with serve(BANNER, plain_runner, tmp_path) as device:
        client = dial(device.port)
        client.greet()
        command = b"nohup sleep 1000 >/dev/null 2>&1 & echo $!; setsid sleep 1000 >/dev/null 2>&1 & echo $!"
        pids = [int(word) for word in parts(client.run(b"shell,v2,raw:" + command))[1].split()]
        client.close()
        while device.connections:
            os.sched_yield()
        assert all(map(running, pids))
    assert not any(map(running, pids))


def test_runner_that_fails_is_told(dial: Dial, tmp_path: Path) -> None:
    def broken(command: str, environment: object, cwd: str) -> Launch:
        del environment
        if command == "os":
            raise OSError("no such phone")
        return Launch(["/nonexistent/sh"], {}, Path(cwd))

    with serve(BANNER, broken, tmp_path) as device:
        client = dial(device.port)
        client.greet()
        assert parts(client.run(b"shell,v2,raw:os")) == {2: b"error: no such phone\n", 3: b"\xff"}
        assert client.run(b"exec:os", 2) == b"error: no such phone\n"
        assert b"/nonexistent/sh" in parts(client.run(b"shell,v2,raw:x", 3))[2]


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20))), st.integers(1, 9))
def test_frames_come_out_of_any_pieces(packets: list[tuple[int, bytes]], step: int) -> None:
    data, unframer, found = b"".join(frame(*packet) for packet in packets), Unframer(), []
    for start in range(0, len(data), step):
        unframer.feed(data[start : start + step])
        found += unframer.packets()
    assert found == packets


def test_impossible_frame_is_refused(client: Client) -> None:
    unframer = Unframer()
    unframer.feed(struct.pack("<BI", 0, 1 << 21))
    with pytest.raises(PacketError):
        list(unframer.packets())
    remote_id = client.open(b"shell,v2,raw:cat")
    client.send("WRTE", 1, remote_id, b"\0\xff\xff\xff\xff")
    while client.hear() is not None:
        pass
