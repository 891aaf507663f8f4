"""Governor, frequency and turbo of a host: set, verified, noted before, and put back from the note alone."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edgewatt.commands import left_changed
from edgewatt.profiler import undo
from edgewatt.profiler.device import Device, open_device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Target
from edgewatt.profiler.running import prepare
from edgewatt.profiler.running.prepare import prepared
from tests.trees import as_somebody_else, open_folder, write

CPUFREQ = "devices/system/cpu/cpufreq"
TURBO = "devices/system/cpu/intel_pstate/no_turbo"
NOBODY = (1 << 31) - 1
CLUSTERS = {0: (300000, 1800000, "300000 600000 1800000"), 4: (500000, 2400000, "500000 1804800 2400000")}


def clusters(sysfs: Path) -> Path:
    for number, (low, high, steps) in CLUSTERS.items():
        files: dict[str, int | str] = {
            "scaling_min_freq": low,
            "scaling_max_freq": high,
            "cpuinfo_min_freq": low,
            "cpuinfo_max_freq": high,
        }
        words = {"scaling_available_frequencies": steps, "scaling_available_governors": "schedutil performance"}
        for name, text in {**files, **words, "scaling_governor": "schedutil", "scaling_cur_freq": high}.items():
            write(sysfs / CPUFREQ / f"policy{number}" / name, text)
    write(sysfs / TURBO, 0)
    return sysfs


def state(sysfs: Path) -> list[str]:
    names = ("scaling_governor", "scaling_min_freq", "scaling_max_freq")
    paths = [sysfs / CPUFREQ / f"policy{n}" / name for n in CLUSTERS for name in names]
    return [path.read_text().strip() for path in (*paths, sysfs / TURBO)]


BEFORE = ["schedutil", "300000", "1800000", "schedutil", "500000", "2400000", "0"]


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield clusters(tmp_path / "sys")
    assert left_by_us() == []


def left_by_us() -> list[undo.Note]:
    return [note for note in undo.notes() if note.pid == os.getpid()]


def host(sysfs: Path) -> Device:
    return open_device(f"host?sysfs={sysfs}")


def target(sysfs: Path) -> Target:
    found = host(sysfs).target
    assert found is not None
    return found


def killed(sysfs: Path, what: str, value: str) -> undo.Note:
    """As a run leaves it that set something and was killed."""
    target(sysfs).apply(what, value)
    (note,) = left_by_us()
    dead = replace(note, pid=NOBODY)
    note.path.write_text(json.dumps(asdict(dead)))
    return dead


@pytest.mark.parametrize(
    ("name", "value", "after"),
    [
        ("governor", "performance", ["performance", "300000", "1800000", "performance", "500000", "2400000", "0"]),
        ("frequency", "max", ["schedutil", "1800000", "1800000", "schedutil", "2400000", "2400000", "0"]),
        ("frequency", "1804800000", ["schedutil", "1800000", "1800000", "schedutil", "1804800", "1804800", "0"]),
        ("frequency", "policy4:min", ["schedutil", "300000", "1800000", "schedutil", "500000", "500000", "0"]),
        ("turbo", "off", [*BEFORE[:-1], "1"]),
    ],
)
def test_what_is_set_is_noted_before_and_put_back(sysfs: Path, name: str, value: str, after: list[str]) -> None:
    on = target(sysfs)
    on.apply(name, value)
    assert state(sysfs) == after
    assert [note.what for note in undo.notes()] == [name]
    on.undo(name)
    on.undo(name)
    assert state(sysfs) == BEFORE
    assert undo.notes() == []


def test_a_driver_without_steps_takes_any_frequency_between_its_ends(sysfs: Path) -> None:
    for number in CLUSTERS:
        (sysfs / CPUFREQ / f"policy{number}/scaling_available_frequencies").unlink()
    on = target(sysfs)
    on.apply("frequency", "1234567000")
    assert on.facts()["pinned_hz"] == {"cpu0": 1234567000.0, "cpu4": 1234567000.0}
    on.undo("frequency")
    assert "pinned_hz" not in on.facts()
    assert state(sysfs) == BEFORE


def test_boost_is_turbo_where_the_driver_is_another(sysfs: Path) -> None:
    (sysfs / TURBO).unlink()
    boost = write(sysfs / CPUFREQ / "boost", 1)
    on = target(sysfs)
    on.apply("turbo", "off")
    assert boost.read_text().strip() == "0"
    on.undo("turbo")
    assert boost.read_text().strip() == "1"
    write(sysfs / TURBO, 0)


def test_what_is_there_already_needs_neither_a_note_nor_permission(sysfs: Path) -> None:
    target(sysfs).apply("governor", "schedutil")
    assert undo.notes() == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("colour", "red", "condition 'colour' is not known on host; known are governor, frequency, turbo"),
        ("governor", "a b", "expected the name of a governor"),
        ("governor", "powersave", "policy0 of host has schedutil, performance"),
        ("frequency", "fast", "expected min, max, whole hertz"),
        ("frequency", "1500000000", "no cluster of host has that step; they have policy0: 300000000 600000000"),
        ("frequency", "policy9:max", "host has no cluster 'policy9'; it has policy0, policy4"),
        ("turbo", "yes", "expected turbo=on or turbo=off"),
    ],
)
def test_wrong_names_and_values_are_named(sysfs: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        target(sysfs).apply(name, value)
    assert said in str(error.value)
    assert state(sysfs) == BEFORE


def test_a_machine_without_cpufreq_says_so(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    for name, value in (("governor", "performance"), ("frequency", "max"), ("turbo", "off")):
        with pytest.raises(DeviceError, match=f"cannot set {name}={value}"):
            target(tmp_path / "sys").apply(name, value)


def test_without_permission_there_is_the_command_that_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as folder:
        sysfs = clusters(folder / "sys")
        (folder / "state").mkdir(mode=0o777)
        (folder / "state").chmod(0o777)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        on = target(sysfs)
        for path in sysfs.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with as_somebody_else(folder):
            said = {name: refused(on, name, value) for name, value in (("governor", "performance"), ("turbo", "off"))}
        assert f"echo performance | sudo tee {sysfs}/{CPUFREQ}/policy0/scaling_governor {sysfs}" in said["governor"]
        assert said["turbo"].endswith(f"Set it before the run with: echo 1 | sudo tee {sysfs}/{TURBO}")
        assert "\n" not in "".join(said.values())
        assert undo.notes() == []
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


def refused(on: Target, name: str, value: str) -> str:
    with pytest.raises(DeviceError) as error:
        on.apply(name, value)
    return str(error.value)


def test_what_is_not_taken_is_put_back_and_said(sysfs: Path) -> None:
    deaf = sysfs / CPUFREQ / "policy4/scaling_governor"
    deaf.unlink()
    deaf.symlink_to("/dev/null")
    with pytest.raises(DeviceError, match="policy4 does not tell its governor"):
        target(sysfs).apply("governor", "performance")
    deaf.unlink()
    write(deaf, "schedutil")
    assert state(sysfs) == BEFORE


def test_a_killed_run_is_told_of_marked_and_put_back(sysfs: Path, caplog: pytest.LogCaptureFixture) -> None:
    killed(sysfs, "governor", "performance")
    with prepared(host(sysfs), {}) as conditions:
        assert conditions.reasons == ["left_changed:governor"]
    assert "it was policy0=schedutil policy4=schedutil. Put it back with: edgewatt doctor --fix" in caplog.text
    assert state(sysfs)[0] == "performance"
    (left,) = left_changed.put_back()
    assert (left.done, left.problem) == (True, None)
    assert state(sysfs) == BEFORE
    assert undo.notes() == []


def test_a_run_that_sets_the_same_puts_back_what_there_was_first(sysfs: Path) -> None:
    killed(sysfs, "governor", "performance")
    with prepared(host(sysfs), {"governor": "performance"}) as conditions:
        assert conditions.reasons == []
        assert state(sysfs)[0] == "performance"
    assert state(sysfs) == BEFORE
    assert undo.notes() == []


def test_what_somebody_put_back_meanwhile_is_forgotten(sysfs: Path) -> None:
    killed(sysfs, "frequency", "max")
    for number, (low, _, _) in CLUSTERS.items():
        write(sysfs / CPUFREQ / f"policy{number}/scaling_min_freq", low)
    assert prepare.left_changed(host(sysfs)) == []
    assert undo.notes() == []


def test_what_another_process_holds_is_left_to_it(sysfs: Path) -> None:
    note = killed(sysfs, "governor", "performance")
    note.path.write_text(json.dumps(asdict(replace(note, pid=os.getppid()))))
    with pytest.raises(DeviceError, match=f"changed by process {os.getppid()}, which is still there"):
        target(sysfs).apply("governor", "schedutil")
    assert prepare.left_changed(host(sysfs)) == []
    (left,) = left_changed.put_back()
    assert (left.done, left.is_in_use) == (False, True)
    assert state(sysfs)[0] == "performance"


@pytest.mark.parametrize(
    "original",
    [
        "policy0=schedutil policy4=$(reboot)",
        "policy0=schedutil policy9=schedutil",
        "policy0=ondemand policy4=schedutil",
        "../../../etc/passwd=x",
        "rm -rf /",
    ],
)
def test_a_note_that_says_anything_else_is_not_followed(sysfs: Path, original: str) -> None:
    note = killed(sysfs, "governor", "performance")
    note.path.write_text(json.dumps(asdict(replace(note, original=original))))
    after = state(sysfs)
    (left,) = left_changed.put_back()
    assert left.problem is not None
    with pytest.raises(DeviceError):
        target(sysfs).apply("governor", "schedutil")
    assert state(sysfs) == after
    assert "left_changed:governor" in prepare.left_changed(host(sysfs))
    assert str(left.note.path) in left_changed.as_text([left])[0]


@pytest.mark.parametrize("limits", ["policy0=1-2", "policy0=300000-99999999", "policy0=600000-300000", "policy0=x"])
def test_limits_that_a_cluster_cannot_have_are_not_written(sysfs: Path, limits: str) -> None:
    note = killed(sysfs, "frequency", "max")
    note.path.write_text(json.dumps(asdict(replace(note, original=limits))))
    (left,) = left_changed.put_back()
    assert left.problem is not None
    assert "which it cannot" in left.problem


def test_a_folder_is_not_the_machine(sysfs: Path, tmp_path: Path) -> None:
    """Two trees of one installation have notes of their own, and each goes to its own tree alone."""
    other = clusters(tmp_path / "other")
    killed(sysfs, "turbo", "off")
    assert prepare.left_changed(host(other)) == []
    note = undo.notes()[0]
    note.path.write_text(json.dumps(asdict(replace(note, uri=f"host?sysfs={other}"))))
    (left,) = left_changed.put_back()
    assert left.problem is not None
    assert "which is not here" in left.problem
    assert state(other) == BEFORE
