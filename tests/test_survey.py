"""The first look at a phone's files: what real shells read and refuse, and what its parser makes of any bytes."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler import survey as survey_module
from edgewatt.collectors.android.sampler.survey import (
    DENIED,
    EMPTY,
    FAILS,
    FILE_LIMIT_B,
    FILES_LIMIT,
    HANGS,
    MISSING,
    NO_TEXT,
    STRANGE,
    TOO_LONG,
    parse_survey,
    survey,
)
from edgewatt.profiler.errors import DeviceError
from tests.shell_phone import ShellPhone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    tree = tmp_path / "tree"
    (tree / "sys").mkdir(parents=True)
    return Phone("shell:", ShellPhone(tmp_path).connect, sysfs=str(tree / "sys"))


def at(phone: Phone, path: str) -> Path:
    found = Path(phone.sysfs) / path
    found.parent.mkdir(parents=True, exist_ok=True)
    return found


def test_what_is_there_is_read_and_the_rest_has_its_reason(phone: Phone) -> None:
    at(phone, "class/thermal/zone0/temp").write_text("41000\n")
    at(phone, "class/thermal/zone1/temp").write_text("")
    at(phone, "class/thermal/zone2/temp").write_text("41\n42\n\n  x \\n\n")
    at(phone, "big").write_text(("x" * 99 + "\n") * (FILE_LIMIT_B // 90))
    at(phone, "strange").write_text("a\x1fb\n")
    at(phone, "memory").symlink_to("/proc/self/mem")
    at(phone, "iio:device0/energy_value").write_text("t=1\n")
    found = survey(
        phone,
        [
            "{sysfs}/class/thermal/*/temp",
            "{sysfs}/big",
            "{sysfs}/strange",
            "{sysfs}/memory",
            "{sysfs}/iio:device[0-9]/energy_value",
            "{sysfs}/not/there",
            "{sysfs}/not*/there",
            "{proc}/uptime",
        ],
    )
    uptime = found.pop("/proc/uptime")
    assert uptime.text is not None
    assert float(uptime.text.split()[0]) > 0
    texts = {path.removeprefix(f"{phone.sysfs}/"): seen.text for path, seen in found.items() if seen.text is not None}
    assert texts == {
        "class/thermal/zone0/temp": "41000",
        "class/thermal/zone2/temp": "41\n42\n\n  x \\n",
        "iio:device0/energy_value": "t=1",
    }
    reasons = {path.removeprefix(f"{phone.sysfs}/"): seen.reason for path, seen in found.items() if seen.text is None}
    assert reasons.pop("memory") in {FAILS, EMPTY}
    assert reasons == {
        "class/thermal/zone1/temp": EMPTY,
        "big": TOO_LONG,
        "strange": NO_TEXT,
        "not/there": MISSING,
        "not*/there": MISSING,
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_what_is_denied_is_no_missing_file(phone: Phone) -> None:
    at(phone, "secret").write_text("1\n")
    at(phone, "secret").chmod(0)
    at(phone, "kgsl/gpuclk").write_text("1\n")
    at(phone, "kgsl").chmod(0)
    try:
        found = survey(phone, ["{sysfs}/secret", "{sysfs}/kgsl/gpuclk"])
    finally:
        at(phone, "kgsl").chmod(0o700)
    assert {seen.reason for seen in found.values()} == {DENIED}


def test_a_folder_that_cannot_be_listed_can_be_read(phone: Phone) -> None:
    at(phone, "kgsl/gpuclk").write_text("305000000\n")
    at(phone, "kgsl").chmod(0o111)
    try:
        (seen,) = survey(phone, ["{sysfs}/kgsl/gpuclk"]).values()
    finally:
        at(phone, "kgsl").chmod(0o700)
    assert seen.text == "305000000"


@pytest.mark.parametrize("name", ["a\nb", "a'b", "$(reboot)", "a b;c", "\x1f", "a\\b"])
def test_a_hostile_name_is_said_and_not_touched(phone: Phone, name: str) -> None:
    at(phone, "zones/good").write_text("1\n")
    at(phone, f"zones/{name}").write_text("2\n")
    found = survey(phone, ["{sysfs}/zones/*"])
    assert found == {
        f"{phone.sysfs}/zones/good": Seen(f"{phone.sysfs}/zones/good", "1"),
        f"{phone.sysfs}/zones/*": Seen(f"{phone.sysfs}/zones/*", None, STRANGE),
    }


def test_a_file_that_never_answers_is_left_out_and_nothing_stays(
    phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "HANGS_S", 0.3)
    plug = ShellPhone(tmp_path)
    phone = Phone("shell:", plug.connect, sysfs=phone.sysfs)
    at(phone, "a").write_text("1\n")
    os.mkfifo(at(phone, "b"))
    at(phone, "c").write_text("3\n")
    found = survey(phone, ["{sysfs}/[abc]"])
    assert [(Path(path).name, seen.text, seen.reason) for path, seen in found.items()] == [
        ("a", "1", ""),
        ("b", None, HANGS),
        ("c", "3", ""),
    ]
    assert len(plug.streams) == 2
    assert all(stream.process.wait(60) is not None for stream in plug.streams)


def test_a_connection_that_was_lost_is_made_again(phone: Phone, tmp_path: Path) -> None:
    plug = ShellPhone(tmp_path)
    phone = Phone("shell:", plug.connect, sysfs=phone.sysfs)
    at(phone, "a").write_text("1\n")
    assert survey(phone, ["{sysfs}/a"]) == survey(phone, ["{sysfs}/a"])
    plug.unplug()
    assert [seen.text for seen in survey(phone, ["{sysfs}/a"]).values()] == ["1"]
    assert len(plug.links) == 2


def test_files_without_end_are_not_all_looked_at(phone: Phone) -> None:
    for number in range(FILES_LIMIT + 3):
        at(phone, f"many/{number:05}").touch()
    found = survey(phone, ["{sysfs}/many/*"])
    assert len(found) == FILES_LIMIT + 1
    assert found[f"{phone.sysfs}/many/*"].reason.startswith("more than")
    shutil.rmtree(at(phone, "many"))


@pytest.mark.parametrize("pattern", ["/sys/x", "{sysfs}/$(id)", "{sysfs}/a b", "{proc}/x\n", "{tmp}/x", ""])
def test_a_pattern_that_is_none_is_a_mistake_of_ours(phone: Phone, pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        survey(phone, [pattern])


@given(st.binary())
def test_any_bytes_are_a_survey_or_an_error(output: bytes) -> None:
    with pytest.raises(DeviceError):
        parse_survey(output.replace(b".", b""))
    found = parse_survey(output + b"\n.\x1f0\n")
    assert all(seen.path == path and (seen.text is None) == bool(seen.reason) for path, seen in found.items())


def test_a_terminal_between_changes_nothing() -> None:
    output = b"noise\r\n?/sys/a\r\n/sys/a\x1fok\x1f1\x1e2\r\n/sys/b\x1fdenied\r\n.\x1f2\r\n"
    assert parse_survey(output) == {"/sys/a": Seen("/sys/a", "1\n2"), "/sys/b": Seen("/sys/b", None, DENIED)}
