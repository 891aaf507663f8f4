"""What goes wrong with a Monsoon, from the shell: one line, the right exit code, and the meter as it was before."""

import fcntl
import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import MonsoonLab, lvpm_on_pty, usb_on_socket
from tests.monsoon_shell import ON, Ended, measures, reasons, record, recording, uri, wait_until
from tests.shell import edgewatt

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def lvpm() -> Iterator[MonsoonLab]:
    with lvpm_on_pty(Constant(0.5), passthrough=ON) as lab:
        yield lab
        assert_untouched(lab)


@pytest.fixture
def hvpm() -> Iterator[MonsoonLab]:
    with usb_on_socket(Constant(0.5), passthrough=ON) as lab:
        yield lab
        assert_untouched(lab)


def assert_untouched(lab: MonsoonLab) -> None:
    assert list(lab.meter.values("voltage_v")) == []
    assert (lab.meter.voltage_v, lab.meter.passthrough, lab.meter.sampling) == (4.0, ON, False)


def assert_refused(done: Ended, code: int, said: str) -> None:
    assert (done.code, done.out) == (code, "")
    assert said in done.line


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        ("voltage=5", 2, "2.01 to 4.55 V"),
        ("voltage=2.5", 2, "would not survive below 3 V"),
        ("voltage=-1", 2, "volts from 0"),
        ("voltage=nan", 2, "volts from 0"),
        ("current_limit=9", 2, "at most 8 A"),
        ("channels=main,moon", 2, "expected some of main,usb,aux"),
        ("rate=3333", 2, "has to divide 5000"),
        ("passthrough=maybe", 2, "expected one of off, on, auto"),
        ("colour=red", 2, "no option 'colour'"),
        ("profile=nowhere.toml", 2, "nowhere.toml"),
    ],
)
def test_what_an_lvpm_cannot_do_is_refused(lvpm: MonsoonLab, tmp_path: Path, option: str, code: int, said: str) -> None:
    assert_refused(record(uri(lvpm, option), tmp_path / "run"), code, said)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("voltage=50", "volts from 0 to 20"),
        ("voltage=14", "0.8 to 13.5 V"),
        ("voltage=9", "more than 1 V above that is refused"),
    ],
)
def test_what_an_hvpm_cannot_do_is_refused(hvpm: MonsoonLab, tmp_path: Path, option: str, said: str) -> None:
    assert_refused(record(uri(hvpm, option), tmp_path / "run"), 2, said)


def test_it_has_to_be_said_where_it_measures(lvpm: MonsoonLab, tmp_path: Path) -> None:
    assert_refused(record(f"monsoon:{lvpm.path}", tmp_path / "run"), 2, "where on the power path does it measure?")


def test_a_wrong_dac_is_refused_before_anything_is_set(tmp_path: Path) -> None:
    with usb_on_socket(Constant(0.1), faults=["dac=1.3"], passthrough=ON) as lab:
        assert_refused(record(uri(lab, "voltage=4.2"), tmp_path / "run"), 6, "DAC calibration")
        assert_untouched(lab)
    with lvpm_on_pty(Constant(0.1), faults=["dac=1.3"], passthrough=ON) as lab:
        assert_refused(record(uri(lab, "voltage=4.2"), tmp_path / "run"), 6, "Nothing was changed")
        assert_untouched(lab)


def test_a_voltage_that_does_not_come_out_is_put_back(tmp_path: Path) -> None:
    with lvpm_on_pty(Constant(0.1), faults=["dac=1.3"], voltage_v=0.0, passthrough=ON) as lab:
        assert_refused(record(uri(lab, "voltage=4.2"), tmp_path / "run"), 6, "It is off again")
        assert lab.meter.voltage_v == 0.0


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("monsoon:/dev/ttyACM77", "/dev/ttyACM77"),
        ("monsoon:/dev/null", "/dev/null"),
        ("monsoon:/tmp", "/tmp"),
        ("monsoon:99999999", "no Monsoon 99999999"),
        ("monsoon:", "no Monsoon at hand"),
        ("monsoon:?backend=lab@/tmp/none", "/tmp/none"),
    ],
)
def test_no_meter_there(tmp_path: Path, where: str, said: str) -> None:
    joined = "&" if "?" in where else "?"
    assert_refused(record(f"{where}{joined}boundary=battery_bypass", tmp_path / "run"), 6, said)


@pytest.mark.parametrize("wire", ["serial", "usb"])
def test_a_meter_that_says_nothing(tmp_path: Path, wire: str) -> None:
    make = lvpm_on_pty if wire == "serial" else usb_on_socket
    with make(Constant(0.1), faults=["mute=1"], passthrough=ON) as lab:
        assert_refused(record(uri(lab), tmp_path / "run"), 6, "answer")
        assert_untouched(lab)


def test_something_else_at_the_port(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        tty.setraw(ours)
        tty.setraw(theirs)
        os.write(ours, b"\xff\x00AT+OK\r\n" * 100)
        device = f"monsoon:{os.ttyname(theirs)}?boundary=usb_inline"
        assert_refused(record(device, tmp_path / "run"), 6, "no answer of a Monsoon")
    finally:
        os.close(ours)
        os.close(theirs)


def test_no_permission_says_the_udev_rule(tmp_path: Path) -> None:
    with usb_on_socket(Constant(0.1), faults=["denied=1"], passthrough=ON) as lab:
        done = record(uri(lab), tmp_path / "run")
        assert_refused(done, 6, "permission denied")
        assert 'ATTR{idVendor}=="2ab9"' in done.line


def test_without_pyusb_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "__init__.py").write_text("raise ModuleNotFoundError('usb')\n")
    device = "monsoon:12345?boundary=battery_bypass&backend=lab@/tmp/none"
    done = record(device, tmp_path / "run", PYTHONPATH=str(tmp_path))
    assert_refused(done, 6, "pip install 'edgewatt[usb]'")


def test_a_second_process_is_told_who_has_it(lvpm: MonsoonLab, tmp_path: Path) -> None:
    with recording(uri(lvpm), tmp_path / "first") as first:
        wait_until(measures(tmp_path / "first"))
        assert_refused(record(uri(lvpm), tmp_path / "second"), 6, f"in use by process {first.pid}")
        done = edgewatt("doctor", "-d", uri(lvpm))
        assert (done.returncode, f"process {first.pid}" in done.stderr) == (6, True)
        first.terminate()
        first.communicate()


def test_another_tool_is_told_by_its_lock(lvpm: MonsoonLab, tmp_path: Path) -> None:
    name = Path(f"/tmp/monsoon.{os.uname().sysname}.{Path(lvpm.path).name}")
    with name.open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert_refused(record(uri(lvpm), tmp_path / "run"), 6, f"in use by process {os.getpid()}")


@pytest.mark.parametrize("fault", ["cut=0.003", "garbage=0.01", "checksum=0.003"])
def test_damaged_frames_are_recorded(tmp_path: Path, fault: str) -> None:
    with lvpm_on_pty(Constant(0.5), faults=[fault], passthrough=ON, seed=2) as lab:
        assert record(uri(lab), tmp_path / "run", 2).code == 0
        assert_untouched(lab)
    trace = Trace.open(tmp_path / "run")
    assert "meter_frames_damaged" in reasons(tmp_path / "run")
    lost = sum(gap.samples_lost or 0 for gap in trace.gaps())
    current_a = np_mean(trace)
    assert current_a == pytest.approx(0.5, rel=0.02)
    if not fault.startswith("garbage"):
        assert lost > 0
        assert {gap.cause for gap in trace.gaps()} >= {"frames damaged between the meter and this machine"}


def np_mean(trace: Trace) -> float:
    parts = [chunk.columns["main.current_a"] for chunk in trace.chunks("monsoon", ["main.current_a"])]
    return float(sum(part.sum(dtype=float) for part in parts) / sum(map(len, parts)))


@pytest.mark.parametrize("wire", ["serial", "usb"])
def test_unplugged_and_back_is_a_gap_with_its_cause(tmp_path: Path, wire: str) -> None:
    make = lvpm_on_pty if wire == "serial" else usb_on_socket
    with make(Constant(0.5), faults=["disconnect=1:0.3"], passthrough=ON) as lab:
        assert record(uri(lab, link=True), tmp_path / "run", 4).code == 0
        assert_untouched(lab)
    trace = Trace.open(tmp_path / "run")
    longest = max(trace.gaps(), key=lambda gap: gap.t1_ns - gap.t0_ns)
    assert 0.2e9 < longest.t1_ns - longest.t0_ns < 3e9
    assert ("hung up" if wire == "serial" else "gone") in longest.cause
    assert "meter_restarted" in reasons(tmp_path / "run")


@pytest.mark.parametrize("wire", ["serial", "usb"])
def test_unplugged_for_good_keeps_the_run(tmp_path: Path, wire: str) -> None:
    make = lvpm_on_pty if wire == "serial" else usb_on_socket
    with make(Constant(0.5), faults=["disconnect=1"], passthrough=ON) as lab:
        done = record(uri(lab), tmp_path / "run", 3)
    assert done.code == 6
    assert "was lost while it was recorded" in done.line
    trace = Trace.open(tmp_path / "run")
    assert trace.manifest.status == "complete"
    assert 0 < trace.rows("monsoon") < 6000
    assert ("hung up" if wire == "serial" else "gone") in trace.gaps()[-1].cause
    assert "meter_away" in reasons(tmp_path / "run")


def test_too_much_current_marks_the_run(tmp_path: Path) -> None:
    with lvpm_on_pty(Constant(0.5), faults=["overcurrent=1"]) as lab:
        assert record(uri(lab), tmp_path / "run", 3).code == 0
    assert "meter_overcurrent" in reasons(tmp_path / "run")


SHIM = """
import time
times, real = [0], time.time
def jumping():
    times[0] += 1
    return real() + (3600.0 if times[0] % 2 else -86400.0)
time.time, time.time_ns = jumping, lambda: int(jumping() * 1e9)
"""


def test_steps_of_the_wall_clock_do_not_matter(lvpm: MonsoonLab, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHIM)
    done = record(uri(lvpm), tmp_path / "run", 2, PYTHONPATH=str(tmp_path))
    assert done.code == 0
    trace = Trace.open(tmp_path / "run")
    assert (trace.gaps(), reasons(tmp_path / "run")) == ([], [])
    stamps = [chunk.t_ns for chunk in trace.chunks("monsoon", ["main.current_a"], host_clock=False)]
    assert int(stamps[-1][-1]) - int(stamps[0][0]) == (trace.rows("monsoon") - 1) * 200_000
