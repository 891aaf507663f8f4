"""The collector on the lab's meters: a serial LVPM on a terminal in a process of its own, USB in ours."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.monsoon.device import open_meter, put_back_noted
from edgewatt.profiler import undo
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Learnt
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import MonsoonLab, lvpm_on_pty

OFF, ON, AUTO = 0, 1, 2
WAIT_S = 30.0


@pytest.fixture(autouse=True)
def no_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def lab() -> Iterator[MonsoonLab]:
    with lvpm_on_pty(Constant(0.75), seed=1, exact=True, passthrough=ON) as meter:
        yield meter


def opened(lab: MonsoonLab, options: str = "") -> Device:
    return open_meter(parse_uri(f"monsoon:{lab.path}?boundary=battery_bypass{options}"))


def measure(
    device: Device, done: Callable[[list[Batch | Gap | End]], bool]
) -> tuple[Opened, list[Batch | Gap], Learnt]:
    """What a device gives until that is enough, or it ends; the device is closed."""
    (collector,) = device.collectors
    items: list[Batch | Gap | End] = []
    try:
        answer = collector.open(HostClock())
        deadline_s = time.monotonic() + WAIT_S
        while not done(items) and time.monotonic() < deadline_s:
            items.append(collector.read(0.2))
            if isinstance(items[-1], End):
                break
    finally:
        collector.close()
        device.close()
    assert done(items), items[-3:]
    return answer, [i for i in items if not isinstance(i, End) and (isinstance(i, Gap) or len(i))], collector.learnt()


def rows(count: int) -> Callable[[list[Batch | Gap | End]], bool]:
    return lambda items: sum(len(item) for item in items if isinstance(item, Batch)) >= count


def waited_for(happened: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def columns(items: list[Batch | Gap], name: str) -> np.ndarray:
    return np.concatenate([item.columns[name] for item in items if isinstance(item, Batch)])


def test_the_power_of_a_known_current_is_within_the_calibration(lab: MonsoonLab) -> None:
    answer, items, learnt = measure(opened(lab), rows(5000))
    power = columns(items, "main.current_a") * columns(items, "main.voltage_v").astype(np.float64)
    assert power.mean() == pytest.approx(0.75 * 4.0, rel=1e-3)
    (source,) = answer.sources
    assert source.terms == (("main.voltage_v", "main.current_a"),)
    assert source.boundary == "battery_bypass"
    t_ns = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    assert (np.diff(t_ns) > 0).all()
    (fit,) = learnt.fits
    assert fit.clock == answer.clock
    began_ns = next(one.t_ns for one in lab.meter.log if one.what == "start")
    assert abs(int(fit.to_host(t_ns[:1])[0]) - began_ns) < 1e9
    assert fit.bound_ns > 0


def test_blocks_have_the_same_power(lab: MonsoonLab) -> None:
    answer, items, _ = measure(opened(lab, "&rate=100"), rows(50))
    power_w = columns(items, "main.power_w")
    assert power_w == pytest.approx(np.full(len(power_w), 3.0), rel=1e-3)
    assert answer.sources[0].terms == (("main.power_w",),)
    assert answer.channels[""][0].window_s == pytest.approx(0.01)


def test_passthrough_is_off_while_it_measures_and_put_back(lab: MonsoonLab) -> None:
    device = opened(lab, "&passthrough=off")
    assert lab.meter.passthrough == ON
    (collector,) = device.collectors
    collector.open(HostClock())
    assert lab.meter.passthrough == OFF
    assert [note.original for note in undo.notes("monsoon")] == ["on"]
    collector.close()
    device.close()
    assert lab.meter.passthrough == ON
    assert undo.notes() == []


RUN = """
import sys, time
from edgewatt.collectors.monsoon.device import open_meter
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import parse_uri
device = open_meter(parse_uri(sys.argv[1]))
device.collectors[0].open(HostClock())
print(device.collectors[0]._running is not None, flush=True)
while True: device.collectors[0].read(0.2)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_leaves_the_meter_as_it_was(lab: MonsoonLab, number: int) -> None:
    uri = f"monsoon:{lab.path}?boundary=battery_bypass&passthrough=off"
    with subprocess.Popen([sys.executable, "-c", RUN, uri], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "True\n"
        assert lab.meter.passthrough == OFF
        run.send_signal(number)
    waited_for(lambda: lab.meter.passthrough == ON and not lab.meter.sampling)
    waited_for(lambda: undo.notes() == [])
    assert lab.meter.voltage_v == 4.0


def test_what_a_killed_capture_left_is_put_back_by_the_run(lab: MonsoonLab) -> None:
    device = opened(lab, "&passthrough=off")
    (collector,) = device.collectors
    collector.open(HostClock())
    capture = _child_of(os.getpid())
    os.kill(capture, signal.SIGKILL)
    waited_for(lambda: isinstance(collector.read(0.2), End))
    collector.close()
    device.close()
    assert lab.meter.passthrough == ON
    assert undo.notes() == []


def _child_of(pid: int) -> int:
    """The capture process among the children of a process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid), "-ww"], capture_output=True, text=True, check=True
    )
    return next(int(line.split()[0]) for line in listed.stdout.splitlines() if "monsoon.capture" in line)


def test_a_note_of_an_earlier_run_is_put_back_by_the_next(lab: MonsoonLab) -> None:
    device = opened(lab)
    undo.keep(undo.Note("monsoon", device.device_id, "usb_passthrough", "auto", device.uri))
    _, _, learnt = measure(device, rows(10))
    assert lab.meter.passthrough == AUTO
    assert undo.notes() == []
    assert "usb_passthrough_of_an_earlier_run:auto" in learnt.reasons


def test_notes_are_put_back_without_a_run(lab: MonsoonLab) -> None:
    device = opened(lab)
    device.close()
    undo.keep(undo.Note("monsoon", device.device_id, "usb_passthrough", "off", device.uri))
    assert [why for _, why in undo.undo("monsoon", put_back_noted)] == [None]
    assert lab.meter.passthrough == OFF


def test_a_second_process_gets_one_line(lab: MonsoonLab) -> None:
    device = opened(lab)
    uri = f"monsoon:{lab.path}?boundary=battery_bypass"
    second = subprocess.run([sys.executable, "-c", RUN, uri], capture_output=True, text=True, check=False)
    assert f"DeviceError: Monsoon on {lab.path} is in use by process {os.getpid()}" in second.stderr
    with pytest.raises(DeviceError, match="in use by this very run"):
        opened(lab)
    device.close()
    opened(lab).close()


def test_the_voltage_is_ramped_from_the_live_one_and_stays(lab: MonsoonLab) -> None:
    device = opened(lab, "&voltage=4.3")
    device.close()
    assert device.facts["measured_v"] == pytest.approx(4.3, abs=0.05)
    set_to = lab.meter.values("voltage_v")
    assert set_to[-1] == pytest.approx(4.3)
    assert all(4.0 < volt <= 4.3 for volt in set_to)
    assert lab.meter.voltage_v == pytest.approx(4.3)


@pytest.mark.parametrize("option", ["voltage=5", "voltage=2.5", "voltage=1", "current_limit=9"])
def test_what_the_meter_or_the_phone_cannot_take_is_refused(lab: MonsoonLab, option: str) -> None:
    with pytest.raises(UsageError):
        opened(lab, f"&{option}")
    assert lab.meter.values("voltage_v") == []
    assert lab.meter.voltage_v == 4.0


def test_the_output_is_switched_off_only_when_asked(lab: MonsoonLab) -> None:
    opened(lab).close()
    assert lab.meter.voltage_v == 4.0
    opened(lab, "&off=yes").close()
    assert lab.meter.voltage_v == 0.0
