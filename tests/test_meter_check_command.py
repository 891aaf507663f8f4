"""`edgewatt doctor --check-resistor`, `--check-zero` and `--fix` as a person types them, on the lab's meters."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.profiler import undo
from edgewatt.virtual_lab.monsoon.feeds import Constant, Resistor
from edgewatt.virtual_lab.monsoon.serve import MonsoonLab, lvpm_on_pty
from tests.shell import called, called_json

# No process has this number (documented: Linux, at most 2^22 of them).
NOBODY = (1 << 22) + 1


@pytest.fixture
def with_resistor() -> Iterator[str]:
    with lvpm_on_pty(Resistor(10.0), seed=1, exact=True) as lab:
        yield uri(lab)


def uri(lab: MonsoonLab) -> str:
    return f"monsoon:{lab.path}?boundary=battery_bypass"


def profile(tmp_path: Path, gain: float) -> Path:
    path = tmp_path / "mine.toml"
    facts = {"voltage_low_v": 2.01, "voltage_high_v": 4.55, "current_limit_a": 8.0, "current_gain_ratio": gain}
    tables = "".join(f'[facts.{key}]\nvalue = {value}\nsource = "assumed: a test"\n' for key, value in facts.items())
    path.write_text(f'name = "mine"\nkind = "meter"\ntitle = "Mine"\n{tables}')
    return path


def test_a_resistor_is_found_by_ohms_law(with_resistor: str) -> None:
    words = ("doctor", "-d", with_resistor, "--check-resistor", "10", "--tolerance", "0.1", "--seconds", "1")
    said = called_json(*words)
    check = said["check"]
    assert check["expected_a"] == pytest.approx(0.4, rel=2e-3)
    assert check["ampere"]["mean"] == pytest.approx(0.4, rel=2e-3)
    assert check["watt"]["mean"] == pytest.approx(1.6, rel=2e-3)
    assert abs(check["gain"]["value"]) < 2e-3
    assert check["gain"]["verdict"] == "unknown"
    assert (said["samples_lost"], said["gaps"]) == (0, 0)
    assert said["rate_hz"] == pytest.approx(said["rate_nominal_hz"], rel=3e-3)


def test_it_is_said_in_words(with_resistor: str) -> None:
    done = called("doctor", "-d", with_resistor, "--check-resistor", "10", "--seconds", "1")
    assert done.returncode == 0
    assert "10 ohm within 1.00%, assumed" in done.stdout
    assert "could state current_gain_ratio" in done.stdout
    assert "measuring" in done.stderr


@pytest.mark.long
def test_further_off_than_stated_is_a_device_that_fails(with_resistor: str, tmp_path: Path) -> None:
    device = f"{with_resistor}&profile={profile(tmp_path, 0.005)}"
    for ohm, code, verdict in (("9.7", 6, "outside"), ("10", 0, "within")):
        done = called("doctor", "-d", device, "--check-resistor", ohm, "--tolerance", "0.1", "--seconds", "1")
        assert f"{verdict} what is stated" in done.stdout
        assert done.returncode == code, done.stderr


@pytest.mark.long
def test_another_wiring_is_one_line(with_resistor: str) -> None:
    done = called("doctor", "-d", with_resistor, "--check-resistor", "1000", "--seconds", "1")
    assert done.returncode == 6
    assert done.stdout == ""
    assert "look whether the resistor is connected" in done.stderr.splitlines()[-1]


def test_nothing_connected_shows_the_offset() -> None:
    with lvpm_on_pty(Constant(0.0), seed=5) as lab:
        said = called_json("doctor", "-d", uri(lab), "--check-zero", "--seconds", "1")
        drawn_a = lab.meter.about["drawn"]["offset_fine_a"]
    offset = said["check"]["offset"]
    assert offset["value"] == pytest.approx(drawn_a, abs=5e-6)
    assert 0 < said["check"]["ampere"]["noise"] < 2e-5


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--check-zero",), 2, "name it with -d"),
        (("-d", "host", "--tolerance", "1", "--check-zero"), 2, "--check-resistor"),
        (("-d", "host", "--check-resistor", "-3"), 2, "no resistance in ohm"),
        (("-d", "host", "--check-zero", "--seconds", "0"), 2, "no number of seconds"),
        (("-d", "virtual:phone", "--check-zero", "--check-resistor", "3"), 2, "not allowed with"),
    ],
)
def test_wrong_words(words: tuple[str, ...], code: int, said: str) -> None:
    done = called("doctor", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_what_killed_runs_left_is_listed_and_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with lvpm_on_pty(Constant(0.1), passthrough=1) as lab:
        device_id = f"monsoon-lvpm-{lab.meter.about['serial']}"
        undo.keep(undo.Note("monsoon", device_id, "usb_passthrough", "off", uri(lab), pid=NOBODY))
        listed = called("doctor", "-d", "host")
        assert f"usb_passthrough of {device_id} was off" in listed.stdout
        assert "put it back with: edgewatt doctor --fix" in listed.stdout
        assert lab.meter.passthrough == 1
        (left,) = called_json("doctor", "-d", "host", "--fix")["left_changed"]
        assert (left["done"], left["problem"]) == (True, None)
        assert lab.meter.passthrough == 0
    assert undo.notes() == []


def test_what_cannot_be_put_back_stays_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    undo.keep(undo.Note("nobodys", "x", "colour", "red", "nobodys:x", pid=NOBODY))
    undo.keep(undo.Note("monsoon", "monsoon-lvpm-1", "usb_passthrough", "on", "monsoon:/dev/none", pid=NOBODY))
    done = called("doctor", "-d", "host", "--fix")
    assert done.returncode == 6
    assert "nothing that is installed puts back" in done.stdout
    assert "/dev/none" in done.stdout
    assert len(undo.notes()) == 2


def test_what_a_running_process_will_put_back_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    undo.keep(undo.Note("monsoon", "monsoon-lvpm-1", "usb_passthrough", "on", "monsoon:/dev/none", pid=os.getpid()))
    done = called("doctor", "-d", "host")
    assert f"process {os.getpid()}, which is still there" in done.stdout


def test_a_bench_is_switched_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    bench = f'[b]\ndevice = "host"\n[b.relay]\nafter = ["touch", {json.dumps(str(tmp_path / "back"))}]\n'
    (tmp_path / "bench.toml").write_text(bench)
    undo.keep(undo.Note("bench", "b", "relay", f"touch {tmp_path / 'back'}", str(tmp_path / "bench.toml"), pid=NOBODY))
    done = called("doctor", "-d", "host", "--fix", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").exists()
    assert undo.notes() == []
