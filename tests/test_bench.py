"""Benches: what bench.toml may say, who holds one, what is switched, and what is put back."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.commands.benches import check
from edgewatt.profiler.bench import Bench, Switch, bench_named, benches, read_benches
from edgewatt.profiler.bench_devices import left_switched, opened
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.holding import hold
from edgewatt.profiler.running.record import record
from edgewatt.profiler.undo import Note, keep
from tests.shell import called, edgewatt
from tests.specimens import host, replay

BENCHES = """
[s10e]
device = "adb+tcp://192.168.1.5:5555"
room = "hwmon:sht3x"

[s10e.meter]
uri = "monsoon:12431?name=main"
boundary = "battery_bypass"
voltage = 4.2
auto = true

[s10e.hub_port]
before = ["uhubctl", "-a", "off"]
after = ["uhubctl", "-a", "on"]
timeout_s = 3

[Desk-2]
device = "host"
[[Desk-2.meter]]
uri = "line:/dev/ttyUSB0"
as = "watts_up_pro"
[[Desk-2.meter]]
uri = "hwmon:powerz"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and where configuration is looked for below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def bench_of(folder: Path, **switch: Any) -> Path:
    """A bench `lab`: the host, a stored run as its meter, and a relay that writes down what it is told."""
    (folder / "device").mkdir()
    (folder / "meter").mkdir()
    uri, meter = host(folder / "device").uri, replay(folder / "meter").uri
    relay = "".join(f"{key} = {json.dumps(value)}\n" for key, value in switch.items())
    text = f'[lab]\ndevice = "{uri}"\n[lab.meter]\nuri = "{meter}"\n' + (f"[lab.relay]\n{relay}" if relay else "")
    (folder / "bench.toml").write_text(text)
    return folder / "bench.toml"


def writes(word: str) -> list[str]:
    """A program that appends a word to the file `switched`."""
    return [sys.executable, "-c", "import sys; open('switched', 'a').write(sys.argv[1])", word]


def test_a_bench_is_read_as_it_is_written(here: Path) -> None:
    (here / "bench.toml").write_text(BENCHES)
    found = bench_named("s10e")
    assert found == Bench(
        "s10e",
        Path("bench.toml"),
        "adb+tcp://192.168.1.5:5555",
        ("monsoon:12431?name=main&boundary=battery_bypass&voltage=4.2&auto=yes",),
        "hwmon:sht3x",
        (Switch("hub_port", ("uhubctl", "-a", "off"), ("uhubctl", "-a", "on"), 3),),
    )
    assert found.holds == ("device adb+tcp://192.168.1.5:5555", "meter monsoon:12431")
    desk = bench_named("Desk-2")
    assert desk is not None
    assert desk.meters == ("line:/dev/ttyUSB0?as=watts_up_pro", "hwmon:powerz")


def test_the_folder_at_hand_comes_before_the_home(here: Path) -> None:
    config = here / "config/edgewatt"
    config.mkdir(parents=True)
    (config / "bench.toml").write_text('[a]\ndevice = "host"\n[b]\ndevice = "host"\n')
    assert bench_named("a") is not None
    (here / "bench.toml").write_text('[a]\ndevice = "adb:"\n')
    assert {name: bench.device for name, bench in benches().items()} == {"a": "adb:", "b": "host"}


def test_what_is_no_bench_is_left_to_the_devices(here: Path) -> None:
    assert bench_named("s10e") is None, "no file"
    (here / "bench.toml").write_text("broken")
    for text in ("host", "adb:", "adb+tcp://h:1", "replay:runs/a", "host?x=1", ""):
        assert bench_named(text) is None
    (here / "bench.toml").write_text('[a]\ndevice = "host"\n')
    with pytest.raises(UsageError, match=r"device 'b': nothing is registered for it, and no bench .* are a \(bench"):
        bench_named("b")


WRONG = {
    "[a]\ndevice =\n": r"Invalid value \(at line 2, column 9\)",
    "a = 1": "a is 1, expected an object",
    "[a]": "a: key 'device' is missing, expected a device such as adb:SERIAL",
    "[a]\ndevice = 1": "a: device is 1, expected a device",
    '[a]\ndevice = "host"\ncolour = 1': "a: key 'colour' is unknown, expected only device, room, meter, relay, hub",
    '[host]\ndevice = "adb:"': "host is a kind of device already",
    '["a b"]\ndevice = "adb:"': "'a b' is no name for a bench",
    '[a]\ndevice = "host"\nmeter = 3': "a: meter is 3, expected a table, or a list of tables",
    '[a]\ndevice = "host"\n[a.meter]\nboundary = "wall"': "a.meter: uri is None, expected a meter such as",
    '[a]\ndevice = "host"\n[a.meter]\nuri = "x:"\nvoltage = [1]': r"a.meter: voltage is \[1\], expected a text",
    '[a]\ndevice = "host"\n[a.relay]\nbefore = "uhubctl -a off"': "a.relay: before is 'uhubctl -a off', expected a li",
    '[a]\ndevice = "host"\n[a.relay]\nbefore = []': r"a.relay: before is \[\], expected a list of texts",
    '[a]\ndevice = "host"\n[a.relay]\ntimeout_s = 0': "a.relay: timeout_s is 0, expected a number of seconds",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_one_line_with_its_line_or_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=WRONG[text]) as caught:
        read_benches(file)
    assert str(caught.value).startswith(f"benches {file}: ")
    assert "\n" not in str(caught.value)


@given(raw=st.binary(max_size=200))
def test_any_file_holds_benches_or_is_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "bench.toml"
    file.write_bytes(raw)
    try:
        found = read_benches(file)
    except UsageError:
        return
    assert all(isinstance(bench, Bench) for bench in found.values())


def test_programs_that_others_can_have_written_are_not_started(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text('[a]\ndevice = "host"\n[a.relay]\nbefore = ["x"]\n')
    file.chmod(0o646)
    with pytest.raises(UsageError, match="others can write it: `chown"):
        read_benches(file)
    file.write_text('[a]\ndevice = "host"\n')
    assert read_benches(file), "without a program nothing can happen"


def test_a_run_on_a_bench_has_its_meter_and_switches_around_it(here: Path) -> None:
    bench_of(here, before=writes("on "), after=writes("off "))
    with opened("lab") as (device, meters):
        assert (here / "switched").read_text() == "on "
        assert device.facts["bench"] == "lab"
        assert [meter.uri for meter in meters] == [f"replay:{here / 'meter/run'}"]
        trace = record(device, here / "run", meters=meters, seconds=0.3)
        with pytest.raises(DeviceError, match="device host is in use by this very run"), opened("lab"):
            pass
    assert (here / "switched").read_text() == "on off "
    assert "meter/main" in [source.name for source in trace.sources]
    assert trace.manifest.device["bench"] == "lab"
    assert left_switched(bench_named("lab"), Switch("relay")) is None  # type: ignore[arg-type]


def test_a_room_sensor_is_read_beside_the_device_also_when_that_keeps_still(here: Path) -> None:
    bench_of(here)
    (here / "room").mkdir()
    room = replay(here / "room").uri
    text = (here / "bench.toml").read_text().replace("[lab.meter]", f'room = "{room}"\n[lab.meter]')
    (here / "bench.toml").write_text(text)
    with opened("lab") as (device, _):
        assert len(device.collectors) == 4
        assert device.facts["room"] == room


def test_what_was_switched_is_put_back_when_the_run_fails(here: Path) -> None:
    bench_of(here, before=writes("on "), after=writes("off "))
    with pytest.raises(KeyboardInterrupt), opened("lab"):
        raise KeyboardInterrupt
    assert (here / "switched").read_text() == "on off "


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["no-such-program"], "bench lab: relay: no-such-program cannot be started: "),
        ([sys.executable, "-c", "import sys; sys.exit('port 2 is gone')"], "ended with 1: port 2 is gone"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "has not ended within 0.2 s"),
    ],
)
def test_a_relay_that_fails_is_said_before_anything_is_opened(here: Path, argv: list[str], says: str) -> None:
    bench_of(here, before=argv, timeout_s=0.2 if "sleep" in argv[-1] else 20)
    with pytest.raises(DeviceError) as caught, opened("lab"):
        pytest.fail("opened")
    assert says in str(caught.value)


def test_what_cannot_be_put_back_is_added_to_what_went_wrong_and_stays_noted(here: Path) -> None:
    bench_of(here, before=writes("on "), after=["no-such-program", "--off"])
    with pytest.raises(DeviceError, match="pulled") as caught, opened("lab"):
        raise DeviceError("the cable was pulled")
    assert "no-such-program --off cannot be started" in caught.value.__notes__[0]
    bench = bench_named("lab")
    assert bench is not None
    assert left_switched(bench, bench.switches[0]) == "no-such-program --off"


def test_one_meter_is_not_given_to_two_runs_and_who_has_it_is_said(here: Path) -> None:
    bench_of(here)
    with opened("lab"):
        done = edgewatt("record", "-d", "lab", "-o", "second", cwd=here)
        looked = edgewatt("doctor", "-d", "lab", cwd=here)
    assert done.returncode == 6
    assert f"device host is in use by process {os.getpid()}; wait for it or stop it" in done.stderr
    assert not (here / "second").exists()
    assert looked.returncode == 6
    assert f"in use by process {os.getpid()}" in looked.stdout
    with opened("lab"):
        pass


def test_a_hold_goes_with_its_process_however_that_ends() -> None:
    code = "import os; from edgewatt.profiler.holding import hold; hold('a meter'); print(os.getpid()); input()"
    child = subprocess.Popen([sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pid = child.stdout.readline().strip()
    with pytest.raises(DeviceError, match=f"a meter is in use by process {pid}; wait for it or stop it"):
        hold("a meter")
    child.kill()
    child.communicate()
    hold("a meter").release()


def test_doctor_looks_at_every_bench_and_switches_nothing(here: Path) -> None:
    bench_of(here, before=writes("on "), after=["no-such-program"])
    with (here / "bench.toml").open("a") as file:
        file.write('[far]\ndevice = "replay:nowhere"\n')
    lab, far = check()
    assert [(part.what, part.problem is None) for part in lab.parts] == [
        ("device", True),
        ("meter", True),
        ("relay", False),
    ]
    assert lab.problem == "bench lab: relay: no-such-program is no program that can be started here"
    assert lab.answering == [part.name for part in lab.parts[:2]]
    assert far.as_text().startswith(
        "bench far   -d far   (bench.toml)\n  device       replay:nowhere  device 'replay:now"
    )
    assert not (here / "switched").exists()
    assert check("far")[0].as_json() == far.as_json()
    assert check("host") == []


def test_doctor_says_what_a_killed_run_has_left_switched(here: Path) -> None:
    bench_of(here, before=writes("on "), after=writes("off "))
    bench = bench_named("lab")
    assert bench is not None
    keep(Note("bench", "lab", "relay", "relay-tool --off", "bench.toml"))
    assert (check("lab")[0].problem or "").endswith("left it switched; put it back: relay-tool --off")
    with opened("lab"):
        pass
    assert check("lab")[0].problem is None, "a run that comes to its end puts it back"


def test_a_broken_file_does_not_blind_doctor(here: Path) -> None:
    (here / "bench.toml").write_text("[a")
    done = called("doctor", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "bench.toml   benches bench.toml: Expected ']'" in done.stdout


def test_a_lock_that_cannot_be_a_lock_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with hold("x") as held:
        assert held.what == "x"
        (lock,) = (tmp_path / "edgewatt/locks").iterdir()
        assert lock.read_text() == f"{os.getpid()}\n"
        lock.write_text("junk")
        with pytest.raises(DeviceError, match="x is in use by another process"):
            hold("x")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(DeviceError, match=r"x cannot be locked: .*directory"):
        hold("x")


def test_the_bench_of_the_guide_is_one(here: Path) -> None:
    guide = (Path(__file__).parents[1] / "docs/meters.md").read_text()
    start = guide.index("    [s10e]")
    (here / "bench.toml").write_text(textwrap.dedent(guide[start : guide.index("    edgewatt doctor", start)]))
    (bench,) = read_benches(here / "bench.toml").values()
    assert bench.meters == ("monsoon:12431?boundary=battery_bypass&voltage=4.2",)
    assert [switch.what for switch in bench.switches] == ["hub_port"]
