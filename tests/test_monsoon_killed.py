"""In whatever way a recording of a Monsoon ends, the meter is as it was before, or that is noted and put back."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from edgewatt.profiler import undo
from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import MonsoonLab, lvpm_on_pty, usb_on_socket
from tests.monsoon_shell import OFF, ON, ended, manifest, marked, measures, reasons, record, recording, uri, wait_until
from tests.shell import edgewatt

pytestmark = pytest.mark.long

Make = Callable[..., object]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(params=["serial", "usb"])
def lab(request: pytest.FixtureRequest) -> Iterator[MonsoonLab]:
    make = lvpm_on_pty if request.param == "serial" else usb_on_socket
    with make(Constant(0.5), passthrough=ON) as meter:
        yield meter
        assert meter.meter.voltage_v == 4.0
        assert list(meter.meter.values("voltage_v")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_is_as_it_was(lab: MonsoonLab, tmp_path: Path, number: signal.Signals) -> None:
    with recording(uri(lab, "passthrough=off"), tmp_path / "run") as process:
        wait_until(measures(tmp_path / "run"))
        assert lab.meter.passthrough == OFF
        process.send_signal(number)
        done = ended(process)
    assert done.code == 130
    assert "the run up to now is kept" in done.line
    assert (lab.meter.passthrough, lab.meter.sampling) == (ON, False)
    assert undo.notes() == []
    assert Trace.open(tmp_path / "run").rows("monsoon") > 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_killed_its_capture_puts_it_back(lab: MonsoonLab, tmp_path: Path, number: signal.Signals) -> None:
    with recording(uri(lab, "passthrough=off"), tmp_path / "run") as process:
        wait_until(measures(tmp_path / "run"))
        process.send_signal(number)
        assert process.wait(30) == -number
        wait_until(lambda: (lab.meter.passthrough, lab.meter.sampling) == (ON, False))
        wait_until(lambda: undo.notes() == [])
    assert manifest(tmp_path / "run")["status"] == "recording"
    assert Trace.open(tmp_path / "run").rows("monsoon") > 0


def test_its_capture_killed_the_run_puts_it_back(lab: MonsoonLab, tmp_path: Path) -> None:
    with recording(uri(lab, "passthrough=off"), tmp_path / "run") as process:
        wait_until(measures(tmp_path / "run"))
        (capture,) = [one for one in marked(tmp_path / "run") if one.pid != process.pid]
        capture.kill()
        done = ended(process)
    assert done.code == 6
    assert "the capture of the meter ended" in done.line
    assert (lab.meter.passthrough, lab.meter.sampling) == (ON, False)
    assert undo.notes() == []
    assert "capture_failed" in reasons(tmp_path / "run")


def killed_at_once(lab: MonsoonLab, run: Path) -> None:
    """A recording whose processes are killed, none of which has time for anything."""
    with recording(uri(lab, "passthrough=off"), run) as process:
        wait_until(measures(run))
        both: list[psutil.Process] = marked(run)
        assert len(both) == 2
        for one in both:
            one.suspend()
        for one in both:
            one.kill()
        process.wait(30)
    assert (lab.meter.passthrough, lab.meter.sampling) == (OFF, True)
    (note,) = undo.notes()
    assert (note.what, note.original) == ("usb_passthrough", "on")


def test_all_of_it_killed_the_next_run_puts_it_back(lab: MonsoonLab, tmp_path: Path) -> None:
    killed_at_once(lab, tmp_path / "run")
    assert record(uri(lab), tmp_path / "next").code == 0
    assert (lab.meter.passthrough, lab.meter.sampling) == (ON, False)
    assert undo.notes() == []
    assert "usb_passthrough_of_an_earlier_run" in reasons(tmp_path / "next")


def test_all_of_it_killed_doctor_says_and_puts_it_back(lab: MonsoonLab, tmp_path: Path) -> None:
    killed_at_once(lab, tmp_path / "run")
    said = edgewatt("doctor", "-d", "host").stdout
    assert "was on, changed " in said
    assert "edgewatt doctor --fix" in said
    done = edgewatt("doctor", "-d", "host", "--fix")
    assert done.returncode == 0, done.stderr
    assert "was on: put back" in done.stdout
    assert (lab.meter.passthrough, lab.meter.sampling) == (ON, False)
    assert undo.notes() == []


def test_unplugged_what_could_not_be_put_back_is_noted_and_marked(tmp_path: Path) -> None:
    with lvpm_on_pty(Constant(0.5), faults=["disconnect=1:4"], passthrough=ON) as meter:
        done = record(uri(meter, "passthrough=off", link=True), tmp_path / "run", 2)
        assert done.code == 6
        assert "not_restored" in reasons(tmp_path / "run")
        assert [note.original for note in undo.notes()] == ["on"]
        wait_until(Path(meter.link).exists)
        assert edgewatt("doctor", "-d", "host", "--fix").returncode == 0
        assert meter.meter.passthrough == ON
    assert undo.notes() == []
