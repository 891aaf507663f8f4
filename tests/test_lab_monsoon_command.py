"""`edgewatt lab monsoon` as any client finds it: a line of JSON, a terminal, nothing left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

from edgewatt.virtual_lab.monsoon.feeds import Constant, Supplied
from edgewatt.virtual_lab.monsoon.phone import OfPhone
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty, usb_on_socket
from edgewatt.virtual_lab.monsoon.usb import backend_at
from edgewatt.virtual_lab.phone.lab import phone_lab
from edgewatt.virtual_lab.phone.truth import read_truth
from tests.monsoon_decode import START, STATUS_REQUEST, STOP, decode, decode_packets, frames, request, status
from tests.shell import EDGEWATT, edgewatt
from tests.test_lab_monsoon_feeds import timeline
from tests.test_lab_monsoon_usb import HVPM, found, get, packets, put, start


@contextmanager
def lab(*words: str, end: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """What it said; ended, and checked to have gone, after."""
    process = subprocess.Popen([EDGEWATT, "lab", "monsoon", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield said
    finally:
        process.send_signal(end)
        out, err = process.communicate(timeout=30)
    assert process.returncode == (130 if end is signal.SIGINT else 0), err
    assert (out, b"Traceback" in err) == (b"", False)
    assert_gone(said)


def assert_gone(said: dict[str, Any]) -> None:
    folder = Path(said["log"]).parent
    wait_until(lambda: not folder.exists() and not [pid for pid in pids() if str(folder) in files_of(pid)])


def wait_until(what: Any) -> None:
    end_s = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]


def files_of(pid: str) -> str:
    with contextlib.suppress(OSError):
        return " ".join(str(link.readlink()) for link in (Path("/proc") / pid / "fd").iterdir())
    return ""


def open_port(path: str) -> serial.Serial:
    return serial.Serial(path, timeout=60)


def read_frames(port: serial.Serial, count: int) -> Iterator[bytes]:
    for _ in range(count):
        length = port.read(1)
        yield from frames(length + port.read(length[0]))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_goes_without_a_trace(end: signal.Signals) -> None:
    with lab("--current", "0.5", "--voltage", "3.8", "--seed", "4", end=end) as said:
        assert (said["simulated"], said["model"], said["seed"], said["voltage_v"]) == (True, "lvpm", 4, 3.8)
        assert said["feed"]["constant"]["main_a"] == 0.5
        assert said["spread"]["gain"] == 0.005
        with open_port(said["monsoon"]) as port:
            port.write(STATUS_REQUEST)
            (body,) = read_frames(port, 1)
        assert status(body)["serial"] == said["serial"]
        assert status(body)["setting"] == 180
        assert os.path.realpath(said["link"]) == said["monsoon"]


def test_it_ends_with_its_input_where_it_was_told_to() -> None:
    with subprocess.Popen(
        [EDGEWATT, "lab", "monsoon", "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(30) == 0
    assert_gone(said)


@pytest.mark.parametrize("model", ["lvpm", "hvpm"])
def test_killed_outright_it_leaves_no_process(model: str) -> None:
    with subprocess.Popen([EDGEWATT, "lab", "monsoon", "--model", model], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.kill()
    assert_gone(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--voltage", "5"), "2.01 to 4.55"),
        (("--fault", "colour=red"), "unsolicited"),
        (("--current", "-1"), "from 0 on"),
        (("--phone", "/dev/null"), "no log"),
        (("--phone", "/dev/null", "--current", "1"), "exclude"),
    ],
)
def test_a_wrong_word_is_a_line_and_code_2(words: tuple[str, ...], said: str) -> None:
    done = edgewatt("lab", "monsoon", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_samples_come_as_time_passes_and_what_is_done_is_logged() -> None:
    with lvpm_on_pty(Constant(0.75), seed=2, exact=True) as meter, open_port(meter.path) as port:
        port.write(request(1, 1, 0xDC) + request(1, 0x10, 0) + START)
        found = decode(read_frames(port, 400))
        assert meter.meter.sampling
        port.write(STOP)
        assert sum(found.main_a) / len(found.main_a) == pytest.approx(0.75, rel=2e-3)
        assert sum(found.volts) / len(found.volts) == pytest.approx(4.2, rel=1e-3)
        port.write(STATUS_REQUEST)
        wait_until(lambda: not meter.meter.sampling)
        assert (meter.meter.voltage_v, meter.meter.passthrough) == (4.2, 0)
        began = next(one for one in meter.meter.log if one.what == "start")
        took_s = (time.monotonic_ns() - began.t_ns) * 1e-9
        assert took_s >= len(found.main_a) / 5000


def test_a_feed_of_this_process_is_served_by_a_thread() -> None:
    truth = timeline()
    with lvpm_on_pty(Supplied(truth, "battery"), exact=True) as meter, open_port(meter.path) as port:
        port.write(START)
        found = decode(read_frames(port, 60))
        port.write(STOP)
    idle_w = float(truth.power_w(0, "battery"))
    assert sum(found.main_a) / len(found.main_a) * 4.0 == pytest.approx(idle_w, rel=0.02)


def test_a_phone_hangs_on_a_meter_in_another_process() -> None:
    with phone_lab("old", ["screen=1"]) as phone:
        with lvpm_on_pty(OfPhone(str(phone.truth)), exact=True, passthrough=0) as meter, open_port(meter.path) as port:
            port.write(START)
            found = decode(read_frames(port, 700))
            port.write(STOP)
            began = next(one for one in meter.meter.log if one.what == "start")
        # The log has what happened until now; the last samples are older than that.
        truth = read_truth(phone.truth)
    slots = len(found.main_a) + 2 * (len(found.kinds) - found.kinds.count(0))
    took_ns = round(slots * began.value)
    power_w = truth.energy_j(began.t_ns, began.t_ns + took_ns) / (took_ns * 1e-9)
    assert np.mean(np.array(found.main_a) * np.array(found.volts)) == pytest.approx(power_w, rel=0.01)
    assert power_w > 0.3


def test_unplugged_its_terminal_ends_and_its_link_leads_to_the_next() -> None:
    with lvpm_on_pty(Constant(), faults=["disconnect=0.2:0.2"]) as meter:
        with open_port(meter.path) as port:
            port.write(START)
            with pytest.raises((serial.SerialException, IndexError)):
                list(read_frames(port, 10_000))
        wait_until(lambda: Path(meter.link).exists())
        with open_port(meter.link) as port:
            port.write(STATUS_REQUEST)
            (body,) = read_frames(port, 1)
        assert status(body)["event_code"] == 1
        assert not meter.meter.sampling


@pytest.mark.long
def test_a_client_that_does_not_read_loses_frames_and_no_more() -> None:
    with lvpm_on_pty(Constant()) as meter, open_port(meter.path) as port:
        port.write(START)
        time.sleep(2)  # a terminal holds less than that at 46 kB/s, and how much cannot be asked
        found = decode(read_frames(port, 1600))
        port.write(STOP)
    gaps = np.flatnonzero(np.diff(found.sequence) % 16 != 1)
    assert len(gaps) == 1


SCRIPT = """
import os, signal, sys, usb.core
from edgewatt.virtual_lab.monsoon.usb import backend_at
device = usb.core.find(backend=backend_at(sys.argv[1]))
device.set_configuration()
usb.util.claim_interface(device, 0)
device.ctrl_transfer(0x40, 1, 0, 0x10, (0).to_bytes(4, "little"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_usb_meter_outlives_its_clients() -> None:
    with usb_on_socket(Constant(0.3), exact=True, passthrough=1) as meter:
        killed = subprocess.run([sys.executable, "-c", SCRIPT, meter.path], check=False)
        assert killed.returncode == -signal.SIGKILL
        device = found(backend_at(meter.path))
        assert get(device, 0x10) == 0
        put(device, 0x41, 5 << 20)
        start(device)
        seen = decode_packets_of(device)
        assert seen == pytest.approx(0.3, rel=2e-3)
        assert (meter.meter.voltage_v, meter.meter.passthrough) == (5.0, 0)
        device.ctrl_transfer(0x40, 3, 0, 0, None)
    with pytest.raises(OSError, match="No such file"):
        backend_at(meter.path)


def decode_packets_of(device: Any) -> float:
    return float(decode_packets(packets(device, 600), *HVPM).main_a.mean())


def test_a_feed_that_cannot_travel_is_refused_on_a_socket() -> None:
    with pytest.raises(ValueError, match="this process"), usb_on_socket(Supplied(timeline(), "battery")):
        pass
