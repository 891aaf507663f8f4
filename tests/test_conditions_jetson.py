"""Power mode, clocks and fan of a Jetson, on itself and over a link: its programs as scripts, its files a tree."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edgewatt.collectors.boards.conditions import Board, known
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.transports.reached import Reached
from edgewatt.commands import left_changed
from edgewatt.profiler import undo
from edgewatt.profiler.device import open_device
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.jetson_trees import orin_nx
from tests.shell_phone import ShellPhone
from tests.trees import write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="executes scripts for boards")

NOBODY = (1 << 31) - 1
# What the two programs do to the board's files, as far as it can be seen there. Mode 1 asks for a reboot.
NVPMODEL = """#!/bin/sh
at={root}/mode
case $1 in
  -q) echo "NV Power Mode: X"; cat $at ;;
  -m) [ "$2" = 1 ] && {{ echo "REBOOT required, continue? (YES/NO)"; read -r x || exit 1; }}; echo "$2" >$at ;;
esac
"""
CLOCKS = """#!/bin/sh
cpu={root}/sys/devices/system/cpu/cpufreq/policy0
gpu={root}/sys/class/devfreq/17000000.gpu
case $1 in
  --store) {{ cat $cpu/scaling_min_freq; cat $gpu/min_freq; }} >"$2" ;;
  --restore) {{ read -r a; read -r b; }} <"$2"; echo $a >$cpu/scaling_min_freq; echo $b >$gpu/min_freq ;;
  "") cat $cpu/scaling_max_freq >$cpu/scaling_min_freq; cat $gpu/max_freq >$gpu/min_freq ;;
esac
"""
Make = Callable[[], Conditions]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = orin_nx(tmp_path / "b").root
    modes = "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=10W >\n< POWER_MODEL ID=2 NAME=15W >"
    write(made / "etc/nvpmodel.conf", modes)
    write(made / "mode", 2)
    write(made / "usr/sbin/nvpmodel", NVPMODEL.format(root=made)).chmod(0o755)
    write(made / "usr/bin/jetson_clocks", CLOCKS.format(root=made)).chmod(0o755)
    (made / "run").mkdir()
    return made


@pytest.fixture
def here(root: Path) -> Conditions:
    made: Conditions = open_device(f"jetson?root={root}").target._conditions  # type: ignore[union-attr]
    return made


@pytest.fixture(params=["here", "over a link"])
def made(request: pytest.FixtureRequest, root: Path) -> Iterator[Conditions]:
    if request.param == "here":
        yield request.getfixturevalue("here")
        return
    shell = ShellPhone(root)
    reached = Reached("ssh://me@board", shell.connect, f"{root}/sys", f"{root}/proc", root=str(root))
    yield Conditions(Board(reached), known(is_jetson=True), family="ssh", device_id="b", uri="ssh://me@board")
    reached.hang_up()
    shell.end()


def seen(root: Path) -> dict[str, str]:
    files = {
        "mode": "mode",
        "cpu": "sys/devices/system/cpu/cpufreq/policy0/scaling_min_freq",
        "gpu": "sys/class/devfreq/17000000.gpu/min_freq",
        "fan": "sys/class/hwmon/hwmon0/pwm1",
        "governor": "sys/devices/system/cpu/cpufreq/policy0/scaling_governor",
    }
    return {name: (root / path).read_text().strip() for name, path in files.items()}


@pytest.mark.parametrize(
    ("name", "value", "after"),
    [
        ("nvpmodel", "MAXN", {"mode": "0"}),
        ("nvpmodel", "0", {"mode": "0"}),
        ("jetson_clocks", "on", {"cpu": "3400000", "gpu": "918000000"}),
        ("fan", "255", {"fan": "255"}),
        ("governor", "performance", {"governor": "performance"}),
    ],
)
def test_what_is_set_comes_back(made: Conditions, root: Path, name: str, value: str, after: dict[str, str]) -> None:
    before = seen(root)
    made.apply(name, value)
    assert seen(root) == before | after
    assert [note.what for note in undo.notes()] == [name]
    made.undo(name)
    assert seen(root) == before
    assert undo.notes() == []
    assert list((root / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nvpmodel", "30W", r"has no such power mode; expected 0 .MAXN., 1 .10W., 2 .15W."),
        ("jetson_clocks", "off", "expected jetson_clocks=on"),
        ("fan", "256", "expected a whole number from 0"),
    ],
)
def test_wrong_values_are_named(here: Conditions, name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        here.apply(name, value)


def test_a_mode_that_needs_a_reboot_is_refused(made: Conditions, root: Path) -> None:
    with pytest.raises(DeviceError, match=r"nvpmodel=1 was not taken: 2, expected 1 .*REBOOT.*needs a reboot"):
        made.apply("nvpmodel", "1")
    assert seen(root)["mode"] == "2"
    assert undo.notes() == []


def test_what_is_not_installed_is_named(here: Conditions, root: Path) -> None:
    (root / "usr/sbin/nvpmodel").unlink()
    (root / "sys/class/hwmon/hwmon0/pwm1").unlink()
    for name, value, said in (("nvpmodel", "0", "no nvpmodel is installed"), ("fan", "9", "it has no pwmfan")):
        with pytest.raises(DeviceError, match=said):
            here.apply(name, value)


@pytest.mark.parametrize(("name", "value"), [("jetson_clocks", "on"), ("nvpmodel", "0"), ("fan", "200")])
def test_a_killed_run_s_note_puts_it_back(root: Path, name: str, value: str) -> None:
    before, target = seen(root), open_device(f"jetson?root={root}").target
    assert target is not None
    target.apply(name, value)
    (note,) = undo.notes()
    note.path.write_text(json.dumps(asdict(replace(note, pid=NOBODY))))
    assert seen(root) != before
    (left,) = left_changed.put_back()
    assert left.problem is None
    assert seen(root) == before


@pytest.mark.parametrize(
    ("what", "original"),
    [
        ("nvpmodel", "7"),
        ("nvpmodel", "0; reboot"),
        ("fan", "hwmon0/pwm1=256"),
        ("fan", "hwmon0/../../x=1"),
        ("jetson_clocks", "off"),
        ("jetson_clocks", "off $(reboot)=1-2"),
    ],
)
def test_a_note_that_says_anything_else_is_not_followed(here: Conditions, root: Path, what: str, original: str) -> None:
    before = seen(root)
    note = undo.Note(here._family, here._device_id, what, original, "jetson")
    with pytest.raises(DeviceError, match="a note says"):
        here.put_back(note)
    assert seen(root) == before
