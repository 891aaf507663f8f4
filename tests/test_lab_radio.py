"""The virtual phone's radio: its laws, who sends and receives, what Android says of it, and its nc."""

import io
import math
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.services.wifi import radio
from edgewatt.virtual_lab.phone import services
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.events import PIPE, Event, Events, parse_event
from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.netcat import WIFI, Moving, RefusedError, Way, connected, parse, transfer
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.radio_law import link_bit_per_s, rate_b_per_s, receive_w, rssi_dbm, send_w

MS = 1_000_000
S = 1000 * MS
ORIGIN = 1000 * S
PHONE = replace(personality("pixel"), clock_offset_s=1000.0)


def test_a_weaker_signal_costs_more_and_is_slower() -> None:
    power = send_w(PHONE, -90.0) / send_w(PHONE, -70.0)
    rate = rate_b_per_s(PHONE, -90.0) / rate_b_per_s(PHONE, -70.0)
    assert [power, rate, power / rate] == pytest.approx([1.2, 0.5, 2.4])
    assert send_w(PHONE, -54.0) == PHONE.radio_send_w > receive_w(PHONE, -54.0) == PHONE.radio_receive_w
    assert link_bit_per_s(PHONE, -54.0) == 433e6
    assert math.log(send_w(PHONE, -60.0)) - math.log(send_w(PHONE, -50.0)) == pytest.approx(10 * math.log(1.2) / 20)


def test_a_signal_may_walk_away_and_come_back() -> None:
    walks = replace(PHONE, rssi_dbm=-50.0, rssi_swing_db=30.0, rssi_swing_s=10.0)
    assert [rssi_dbm(walks, 10.0 * n + 5) for n in range(7)] == [-50.0, -60.0, -70.0, -80.0, -70.0, -60.0, -50.0]
    assert rssi_dbm(PHONE, 1e5) == -54.0


@pytest.mark.parametrize("dbm", [-48.0, -70.0, -88.0])
def test_android_says_what_is(dbm: float) -> None:
    body = Body(replace(PHONE, rssi_dbm=dbm), ORIGIN)
    said = [radio(say(body, ORIGIN + n * S) or "") for n in range(5) for say in (services.wifi, services.wifi_dump)]
    assert {one.link_bit_s for one in said} == {round(link_bit_per_s(body.phone, dbm) / 1e6) * 1e6}
    assert {one.rssi_dbm for one in said} == {dbm + off for off in (-2, -1, 0, 1, 2)}


def drawn_w(body: Body, at_ms: int) -> float:
    """What the radio adds at the battery."""
    at_ns = np.array([ORIGIN + at_ms * MS])
    return float(body.timeline.power_w(at_ns, "radio")[0]) - PHONE.radio_idle_w


def test_sending_receiving_and_the_tail() -> None:
    body = Body(PHONE, ORIGIN)
    governor = Governor(body)
    for at_ms, pid, words in ((100, 7, ("send",)), (200, 7, ("send", "receive")), (300, 8, ("send",)), (400, 7, ())):
        governor.act(ORIGIN + at_ms * MS)
        governor.hear(Event(None, pid, "radio", words), ORIGIN + at_ms * MS)
    governor.gone(8, ORIGIN + 500 * MS)
    assert governor.due_ns() == ORIGIN + 700 * MS
    governor.act(ORIGIN + 2 * S)
    up, down = PHONE.radio_send_w, PHONE.radio_receive_w
    expected = {90: 0.0, 190: up, 290: up + down, 390: up + down, 490: up, 690: PHONE.radio_tail_w, 790: 0.0}
    assert {at: drawn_w(body, at) for at in expected} == pytest.approx(expected, abs=1e-3)
    assert float(body.timeline.device.sources[BATTERY].factors["radio"]) == pytest.approx(1 / 0.9)


def test_a_walk_changes_what_a_transfer_draws() -> None:
    body = Body(replace(PHONE, rssi_swing_db=30.0, rssi_swing_s=1.0), ORIGIN)
    governor = Governor(body)
    governor.hear(Event(None, 7, "radio", ("receive",)), ORIGIN + 500 * MS)
    assert governor.due_ns() == ORIGIN + S
    governor.act(ORIGIN + S)
    assert drawn_w(body, 990) == pytest.approx(PHONE.radio_receive_w, rel=1e-3)
    assert drawn_w(body, 1990) == pytest.approx(receive_w(PHONE, -64.0), rel=1e-3)


def test_words_of_nc() -> None:
    asked = parse(["-4w3", "-q", "0", "127.0.0.1", "80"])
    assert (asked.host, asked.port, asked.wait_s, asked.quit_s) == ("127.0.0.1", 80, 3.0, 0.0)
    for wrong in (
        [],
        ["host"],
        ["host", "0"],
        ["host", "70000"],
        ["host", "x"],
        ["-l", "-p", "80"],
        ["-w", "x", "h", "1"],
    ):
        with pytest.raises(RefusedError, match="usage"):
            parse(wrong)


def test_nc_reaches_this_machine_alone_and_only_by_wifi(tmp_path: Path) -> None:
    (tmp_path / WIFI).parent.mkdir(parents=True)
    (tmp_path / WIFI).write_text("1\n")
    with pytest.raises(RefusedError, match="loopback only"):
        connected(parse(["192.0.2.1", "80"]), tmp_path, 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        connected(parse(["127.0.0.1", port]), tmp_path, 0.0).close()
        (tmp_path / WIFI).write_text("0\n")
        with pytest.raises(RefusedError, match="unreachable"):
            connected(parse(["127.0.0.1", port]), tmp_path, 0.0)


def test_bytes_go_both_ways_and_the_kernel_hears_of_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / PIPE)
    pipe = os.open(tmp_path / PIPE, os.O_RDWR | os.O_NONBLOCK)
    moving = Moving(Events.of(str(tmp_path)))
    up, down = (Way(name, lambda: 1e9, 0.0, moving) for name in ("send", "receive"))
    here, there = socket.socketpair()
    source, feeding = os.pipe()
    os.write(feeding, b"up" * 1000)
    os.close(feeding)

    def answer() -> None:
        got = b""
        while chunk := there.recv(4096):
            got += chunk
        there.sendall(bytes(reversed(got)))
        there.close()

    answering = threading.Thread(target=answer)
    answering.start()
    sink = tmp_path / "sink"
    with sink.open("wb") as out:
        transfer(here, up, down, source, out.fileno(), None)
    answering.join()
    here.close()
    assert sink.read_bytes() == b"pu" * 1000
    told = [event for line in io.BytesIO(os.read(pipe, 1 << 16)) if (event := parse_event(line)) is not None]
    os.close(pipe)
    os.close(source)
    assert {event.what for event in told} == {"radio"}
    assert {word for event in told for word in event.words} == {"send", "receive"}
    assert told[-1].words == ()
