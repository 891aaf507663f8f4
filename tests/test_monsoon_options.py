"""What can be written behind `monsoon:`, and what is said where it is wrong; the lock that others honour."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgewatt.collectors.monsoon import discover, lock, searching
from edgewatt.collectors.monsoon.device import FAMILY
from edgewatt.collectors.monsoon.offered import stated
from edgewatt.collectors.monsoon.options import options_of
from edgewatt.device_profiles.loader import load, parse
from edgewatt.profiler.device import Found, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError


def test_without_a_boundary_it_is_refused_and_says_what_to_write() -> None:
    with pytest.raises(UsageError, match=r"monsoon:1\?boundary=battery_bypass if it stands in for the battery"):
        FAMILY.open(parse_uri("monsoon:1"))
    with pytest.raises(UsageError, match=r"monsoon:1\?rate=500&boundary=battery_bypass"):
        FAMILY.open(parse_uri("monsoon:1?rate=500"))


def test_the_options_are_read() -> None:
    said = "boundary=battery_series&channels=usb&rate=500&voltage=4.2&off=yes&current_limit=3&passthrough=off&lead=0.05"
    options = options_of(parse_uri(f"monsoon:?{said}"))
    assert (options.boundary, options.channels, options.block) == ("battery_series", ("main", "usb"), 10)
    assert (options.volt, options.off, options.limit_a, options.passthrough) == (4.2, True, 3.0, "off")
    assert options.lead_ohm == 0.05


def test_by_default_nothing_is_changed() -> None:
    options = options_of(parse_uri("monsoon:?boundary=usb_inline"))
    assert (options.volt, options.off, options.limit_a, options.passthrough, options.block) == (
        None,
        False,
        None,
        None,
        1,
    )


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("rate=3000", "has to divide 5000 evenly"),
        ("rate=0", "has to divide 5000 evenly"),
        ("rate=nan", "expected hertz"),
        ("voltage=four", "expected volts"),
        ("voltage=inf", "expected volts"),
        ("channels=main,battery", "channels has 'battery'"),
        ("passthrough=maybe", "expected one of off, on, auto"),
        ("boundary=wall", "expected one of battery_bypass"),
        ("speed=1", "no option 'speed'"),
    ],
)
def test_what_is_wrong_is_named(option: str, words: str) -> None:
    text = option if option.startswith("boundary") else f"boundary=usb_inline&{option}"
    with pytest.raises(UsageError, match=words):
        options_of(parse_uri(f"monsoon:?{text}"))


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(DeviceError, match=r"/dev/no-such-port: cannot be opened: no such file"):
        FAMILY.open(parse_uri("monsoon:/dev/no-such-port?boundary=usb_inline"))


@pytest.mark.parametrize("rest", ["../etc", "a b", "x" * 65, "1;reboot"])
def test_what_is_neither_a_path_nor_a_serial_number_is_refused(rest: str) -> None:
    with pytest.raises(UsageError, match="expected a path"):
        searching.address_of(rest, None, None)


def test_with_none_or_several_at_hand_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "serial_paths", list)
    monkeypatch.setattr(searching, "usb_at_hand", lambda _backend=None: [])
    with pytest.raises(DeviceError, match="no Monsoon at hand"):
        searching.address_of("", None, None)
    monkeypatch.setattr(searching, "serial_paths", lambda: ["/dev/ttyACM0"])
    assert searching.address_of("", None, None).path == "/dev/ttyACM0"
    monkeypatch.setattr(searching, "usb_at_hand", lambda _backend=None: [Found("monsoon:52217", "Monsoon 52217")])
    with pytest.raises(DeviceError, match="more than one Monsoon"):
        searching.address_of("", None, None)
    assert searching.address_of("52217", None, None).serial == "52217"


def test_a_meter_on_usb_that_pyusb_cannot_reach_is_listed_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, text in {"idVendor": "2ab9", "idProduct": "0001", "serial": "52217"}.items():
        (tmp_path / "1-1").mkdir(exist_ok=True)
        (tmp_path / "1-1" / key).write_text(f"{text}\n")

    def missing(_backend: object) -> list[object]:
        raise DeviceError(discover.NO_PYUSB)

    monkeypatch.setattr(discover, "find_all", missing)
    (found,) = discover.usb_at_hand(sysfs=tmp_path)
    assert found.uri == "monsoon:52217"
    assert "pyusb" in found.blocked[0].reason
    assert "edgewatt[usb]" in found.blocked[0].fix


def test_discovery_never_fails() -> None:
    assert all(found.uri.startswith("monsoon:") for found in FAMILY.discover())


def test_the_lock_is_the_one_that_other_tools_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "FOLDER", tmp_path)
    theirs = tmp_path / f"monsoon.{os.uname().sysname}.ttyACM7"
    taking = (
        "import fcntl,sys;f=open(sys.argv[1],'w');fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB);print('y',flush=1);input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", taking, str(theirs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "y\n"
        with pytest.raises(DeviceError, match=f"/dev/ttyACM7: in use by process {other.pid}"):
            lock.lock_port("/dev/ttyACM7")
        other.communicate("\n")
    with lock.lock_port("/dev/ttyACM7"):
        refused = subprocess.run(
            [sys.executable, "-c", taking, str(theirs)], capture_output=True, text=True, check=False
        )
        assert "BlockingIOError" in refused.stderr
        with pytest.raises(DeviceError, match="in use by this very run"):
            lock.lock_port("/dev/ttyACM7")


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "FOLDER", tmp_path)
    (tmp_path / f"monsoon.{os.uname().sysname}.ttyACM8").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceError, match="cannot be opened"):
        lock.lock_port("/dev/ttyACM8")


@pytest.mark.parametrize("name", ["monsoon_lvpm", "monsoon_hvpm"])
def test_no_accuracy_is_claimed_that_nobody_states(name: str) -> None:
    assert stated(load(name), "current", "a") is None
    assert stated(load(name), "voltage", "v") is None


def test_an_accuracy_that_a_profile_states_is_used() -> None:
    text = 'name = "mine"\nkind = "meter"\ntitle = "mine"\n'
    text += '[facts.current_gain_ratio]\nvalue = 0.005\nsource = "certificate"\n'
    accuracy = stated(parse(text.encode(), "mine.toml"), "current", "a")
    assert accuracy is not None
    assert (accuracy.gain_rel, accuracy.offset, accuracy.basis) == (0.005, 0.0, "certificate")
