"""Loads in mksh behind the real adbd, as uid 2000; and the virtual phone, whose radio is a server of this machine."""

import threading

import pytest

from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.collecting.offers import LoadStopped, Offering
from edgewatt.profiler.collecting.server import serving
from edgewatt.profiler.device import open_device
from tests.adbd.running import PeerPhone

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]


def test_a_phone_executes_loads_and_stamps_them_by_its_own_clock(pixel: PeerPhone) -> None:
    before = pixel.files()
    device = open_device(pixel.uri)
    try:
        loads = device.loads
        assert isinstance(loads, Offering)
        offers = loads.offers()
        assert [(one.unit, one.cpus) for one in offers.clusters] == [
            ("cpu0", (0, 1, 2, 3)),
            ("cpu4", (4, 5)),
            ("cpu6", (6, 7)),
        ]
        assert offers.unpinned is not None, "it is not rooted"
        assert "root" in offers.unpinned.reason
        ran = loads(Load("cpu", 0.3, (0, 1), 0.5))
        assert 0 < ran.t1_ns - ran.t0_ns < 30e9
        assert ran.bound_ns == 200_000
        assert len(ran.seen["loops"]) == 2
        idle = loads(Load("idle", 0.1))
        assert idle.t0_ns > ran.t1_ns, "on one clock"
    finally:
        device.close()
    assert pixel.files() == before


def test_a_load_that_is_stopped_ends_on_the_phone_too(pixel: PeerPhone) -> None:
    device = open_device(pixel.uri)
    loads = device.loads
    assert isinstance(loads, Offering)
    timer = threading.Timer(0.5, loads.stop)
    timer.start()
    try:
        with pytest.raises(LoadStopped):
            loads(Load("cpu", 300.0, (0,)))
    finally:
        timer.cancel()
        device.close()


def test_a_virtual_phone_sends_to_a_server_of_this_machine_over_its_radio() -> None:
    device = open_device("virtual:phone")
    loads = device.loads
    assert isinstance(loads, Offering)
    try:
        with serving() as server:
            sent = loads(Load("send", 0.2, address=server.address))
            exchanged = loads(Load("exchange", 0.2, address=server.address, sent_b=1000, received_b=10))
    finally:
        device.close()
    assert sent.seen["sent_b"] > 0
    assert sent.seen["send_s"][0] >= 0.2
    assert exchanged.seen["exchanges_n"] >= 1
    assert all(seconds > 0 for seconds in exchanged.seen["send_s"])
    assert all(-127 < dbm < 0 for dbm in sent.seen["rssi_dbm"])
