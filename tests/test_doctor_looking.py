"""The look of doctor: everything at hand, what fails said in its place, and what is harmless done."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from edgewatt.commands import doctor, doctor_fix, doctor_look
from edgewatt.commands.doctor_look import Asked, look
from edgewatt.commands.doctor_text import as_json, as_text, boundaries_as_text, left_to_you
from edgewatt.profiler.channel import Accuracy, Boundary, Channel, EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device, Family, Found
from edgewatt.profiler.errors import DeviceError, NotMeasuredError, UsageError
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.units import Quantity
from edgewatt.reports.boundaries import MEANING, UNKNOWN, meaning
from tests.shell import called

WATTS = Channel("main", Quantity.POWER, period_s=0.01, accuracy=Accuracy(0.01, 0.0, "datasheet"), boundary="usb_inline")
METER = Opened("meter", {"": (WATTS,)}, sources=(EnergySource("meter/main", (("main.power_w",),), "usb_inline"),))


class Opens:
    """An instrument that answers, or does not."""

    def __init__(self, answer: Opened | Exception) -> None:
        self.answer, self.closed = answer, False

    def open(self, _: Clock) -> Opened:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def read(self, timeout_s: float) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


def device(uri: str, *answers: Opened | Exception, **more: Any) -> Device:
    return Device(uri, uri, uri, tuple(Opens(answer) for answer in answers), **more)


def family(found: Sequence[Found], opened: Any) -> Any:
    def opens(_: Any) -> Device:
        if isinstance(opened, Exception):
            raise opened
        return opened  # type: ignore[no-any-return]

    made = Family("x", opens, lambda: list(found))
    return SimpleNamespace(load=lambda: made, value="module:FAMILY")


def broken() -> Any:
    raise RuntimeError("its library is gone")


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "a": SimpleNamespace(load=broken, value="their.module:FAMILY"),
        "b": family([Found("b:1", "b", (Unavailable("device", "unplugged", "plug it in"),))], DeviceError("gone")),
        "c": family([Found("c:7", "meter")], UsageError("device 'c:7': where? Write c:7?boundary=x if so")),
        "d": family(
            [Found("d:1", "d")], device("d:1", NotMeasuredError("no rails"), METER, beside=(device("e", METER),))
        ),
    }
    monkeypatch.setattr(doctor_look, "families", lambda: known)
    monkeypatch.setattr("edgewatt.profiler.device.families", lambda: known)


@pytest.mark.usefixtures("several")
def test_what_fails_is_said_and_the_next_one_looked_at() -> None:
    a, b, c, d, e = look(Asked(), Silent())
    reason = "what is registered for it (their.module:FAMILY) failed: RuntimeError: its library is gone"
    assert a.unavailable == (Unavailable("device", reason),)
    assert b.unavailable == (Unavailable("device", "unplugged", "plug it in"),)
    assert c.unavailable == (Unavailable("device", "where?", "write c:7?boundary=x if so"),)
    assert [u.reason for u in d.unavailable] == ["no rails"]
    assert [one.uri for one in (d, e)] == ["d:1", "e"]
    assert {one["fix"] for one in left_to_you([a, b, c, d, e])} == {"plug it in", "write c:7?boundary=x if so"}


@pytest.mark.usefixtures("several")
def test_one_that_is_named_fails_in_one_line_and_a_meter_beside_it_does_not() -> None:
    with pytest.raises(DeviceError, match="gone"):
        look(Asked("b:1"), Silent())
    d, _, b = look(Asked("d:1", ("b:1",)), Silent())
    assert d.problem is None
    assert b.problem == "gone"


@pytest.mark.usefixtures("several")
def test_rate_boundary_and_accuracy_of_every_source() -> None:
    d = look(Asked("d:1"), Silent())[0]
    assert "energy       meter/main  boundary usb_inline  new every 10.0 ms, accuracy as stated above" in as_text(d)
    (source,) = as_json(d)["energy_sources"]
    assert (source["boundary_meaning"], source["period_s"], source["accuracy_known"]) == (
        MEANING["usb_inline"],
        0.01,
        True,
    )
    assert MEANING["usb_inline"].split(",")[0] in " ".join(boundaries_as_text([d])[0].split())
    assert boundaries_as_text([]) == []


def test_a_meter_of_an_unknown_kind_is_a_wrong_word() -> None:
    done = called("doctor", "-d", "host", "-m", "nosuch:1")
    assert (done.returncode, "nothing is registered for 'nosuch'" in done.stderr) == (2, True)


def test_every_boundary_has_a_meaning() -> None:
    assert set(MEANING) == set(get_args(Boundary))
    assert meaning("moon") == UNKNOWN


def test_only_a_key_of_ones_own_that_others_can_read_is_closed(tmp_path: Path) -> None:
    key = tmp_path / ".android" / "adbkey"
    key.parent.mkdir()
    key.write_text("key")
    key.chmod(0o644)
    (one,) = doctor_fix.fix("host", tmp_path)
    assert (one.problem, key.stat().st_mode & 0o777) == (None, 0o600)
    assert doctor_fix.fix("host", tmp_path) == []
    key.unlink()
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "elsewhere").chmod(0o644)
    key.symlink_to(tmp_path / "elsewhere")
    assert doctor_fix.fix("host", tmp_path) == []
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o644


def test_the_adb_server_is_started_where_it_is_needed_and_not_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(doctor_fix.shutil, "which", lambda _: "/usr/bin/adb")
    monkeypatch.setattr(doctor_fix.adb_server, "is_running", lambda: bool(started))
    assert doctor_fix.fix("host", tmp_path, lambda: started.append(1)) == []
    (one,) = doctor_fix.fix(None, tmp_path, lambda: started.append(1))
    assert "it was started" in one.what
    assert doctor_fix.fix("adb:", tmp_path, lambda: started.append(1)) == []

    def fails() -> None:
        raise DeviceError("no adb server can be started")

    started.clear()
    (one,) = doctor_fix.fix(None, tmp_path, fails)
    assert one.problem == "no adb server can be started"
    assert "not done: no adb server" in doctor_fix.as_text([one], [])[0]


def test_doctor_as_json_says_what_is_left_to_whom(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    done = called("doctor", "-d", f"host?sysfs={tmp_path / 'sys'}", "--fix", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert said.keys() >= {"devices", "benches", "boundaries", "left_changed", "fixed", "left_to_you"}
    fixes = [u["fix"] for u in said["devices"][0]["unavailable"] if u["fix"]]
    assert sorted(one["fix"] for one in said["left_to_you"]) == sorted(set(fixes))
    text = called("doctor", "-d", f"host?sysfs={tmp_path / 'sys'}", "--fix").stdout
    assert "left to you" in text
    assert os.environ["XDG_STATE_HOME"] not in text


def test_harmless_is_defined_where_it_is_asked_for() -> None:
    assert "never asks for root" in doctor.EPILOG
