"""Loads over OpenSSH's own server: what its shell executes and says, and that nothing of them stays there."""

import threading
import time

import pytest

from edgewatt.collectors.boards.device import FAMILY
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.collecting.offers import LoadStopped, Offering
from edgewatt.profiler.collecting.server import serving
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import DeviceError
from tests.adbd.packages import Unavailable
from tests.sshd.packages import netcat
from tests.sshd.server import Board, running_with

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer
SCRIPT = ": edgewatt-"


@pytest.fixture
def transferring(board: Board) -> Board:
    """With Debian's nc in the path of its user's shell, which bash sets in its .bashrc over SSH as well."""
    try:
        program, environment = netcat()
    except Unavailable as reason:
        pytest.skip(str(reason))
    (board.home / "bin").mkdir()
    nc = board.home / "bin" / "nc"
    needs = " ".join(f"{key}='{value}'" for key, value in environment.items())
    nc.write_text(f'#!/bin/sh\n{needs} exec {program} "$@"\n')
    nc.chmod(0o755)
    (board.home / ".bashrc").write_text(f"PATH={board.home}/bin:$PATH\n")
    return board


def test_a_board_executes_every_load(transferring: Board) -> None:
    device = FAMILY.open(parse_uri(transferring.address.text))
    loads = device.loads
    assert isinstance(loads, Offering)
    offers = loads.offers()
    cpu = offers.cpus[-1]
    with serving() as server:
        asked = [
            Load("idle", 0.2),
            Load("cpu", 0.4, (cpu,)),
            Load("cpu", 0.5, (cpu,), 0.5),
            Load("memory", 0.4, (cpu,), memory_b=1 << 20),
            Load("send", 0.4, address=server.address),
            Load("receive", 0.4, address=server.address),
            Load("exchange", 0.4, address=server.address, sent_b=1000, received_b=100),
        ]
        assert not offers.lacking
        found = [loads(load) for load in asked]
    for load, ran in zip(asked, found, strict=True):
        assert 0.3 * load.seconds < (ran.t1_ns - ran.t0_ns) / 1e9 < 60, load
        assert not ran.seen.get("reasons"), load
        if load.kind == "cpu":
            assert ran.seen["loops"][0] > 0
        if load.kind in ("send", "receive"):
            assert ran.seen["sent_b" if load.kind == "send" else "received_b"] > 0
            assert ran.seen["rssi_dbm"] == [None, None] or all(dbm < 0 for dbm in ran.seen["rssi_dbm"])
        if load.kind == "exchange":
            assert len(ran.seen["receive_s"]) == len(ran.seen["send_s"]) > 0
    device.close()


def test_a_load_that_is_stopped_leaves_no_loop_behind(board: Board) -> None:
    device = FAMILY.open(parse_uri(board.address.text))
    loads = device.loads
    assert isinstance(loads, Offering)
    if "cpu" in loads.offers().lacking:
        pytest.skip("no taskset here")
    cpu = loads.offers().cpus[-1]
    said: list[Exception] = []

    def execute() -> None:
        try:
            loads(Load("cpu", 60.0, (cpu,)))
        except DeviceError as error:
            said.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    while not running_with(SCRIPT):
        thread.join(0.05)
    loads.stop()
    thread.join(20)
    assert [type(error) for error in said] == [LoadStopped]
    while running_with(SCRIPT):  # until its shell has noticed; the test's own limit ends it otherwise
        thread.join(0.05)
        time.sleep(0.05)
    device.close()


def test_a_server_that_is_not_there_is_named(transferring: Board) -> None:
    device = FAMILY.open(parse_uri(transferring.address.text))
    loads = device.loads
    assert isinstance(loads, Offering)
    with serving() as server:
        gone = server.address
    with pytest.raises(DeviceError, match=r"server at 127\.0\.0\.1"):
        loads(Load("send", 0.3, address=gone))
    device.close()
