"""The shell of a virtual phone: this machine's, as like a phone's as this machine has one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgewatt.profiler.device import open_device
from edgewatt.virtual_lab.phone import shell
from edgewatt.virtual_lab.phone.shell import PhoneShell, machine_shell
from edgewatt.virtual_lab.phone.tree import Tree


def said(command: str) -> str:
    done = subprocess.run([*machine_shell().split(), "-c", command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_tells_microseconds_where_bash_does() -> None:
    bash = shutil.which("bash", path="/usr/bin:/bin")
    version = 0 if bash is None else int(subprocess.check_output([bash, "-c", "echo $BASH_VERSINFO"]))
    assert ("bash" in machine_shell()) == (version >= 5)
    if version >= 5:
        before, stamps = time_us(), [int(said("echo ${EPOCHREALTIME%.*}${EPOCHREALTIME#*.}")) for _ in range(3)]
        assert before <= stamps[0] < stamps[1] < stamps[2] <= time_us()


def time_us() -> int:
    return int(subprocess.check_output(["date", "+%s%6N"]))


def test_scripts_take_it_for_no_mksh_and_it_keeps_to_posix() -> None:
    assert said("echo ${KSH_VERSION-none}") == "none"
    assert said(r"printf '%s\n' 'a\nb'") == r"a\nb"
    # A special built-in that fails ends a POSIX shell.
    assert said("(readonly x=1; x=2; echo on) 2>/dev/null; echo after") == "after"


def test_without_such_a_bash_it_is_sh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shell, "_MACHINE_PATH", str(tmp_path))
    machine_shell.cache_clear()
    try:
        assert machine_shell() == "/bin/sh"
        old = tmp_path / "bash"
        old.write_text("#!/bin/sh\necho\n")
        old.chmod(0o755)
        machine_shell.cache_clear()
        assert machine_shell() == "/bin/sh"
    finally:
        machine_shell.cache_clear()


def test_uptime_in_a_command_is_the_phones(tmp_path: Path) -> None:
    launch = PhoneShell(Tree(tmp_path))("read -r u _ </proc/uptime; cat /x/proc/uptime", {}, "")
    assert launch.argv[-1] == f"read -r u _ <{tmp_path}/proc/uptime; cat /x/proc/uptime"
    assert PhoneShell(Tree(tmp_path))("", {}, "").argv[-1] == "-i"


def test_a_virtual_phone_is_stamped_in_microseconds() -> None:
    device = open_device("virtual:phone?personality=old")
    try:
        assert device.target is not None
        done = device.target.run(["sh", "-c", "echo $EPOCHREALTIME"], timeout_s=20.0)
        assert ("bash" in machine_shell()) == bool(re.fullmatch(rb"[0-9]{10}\.[0-9]{6}", done.stdout.strip()))
    finally:
        device.close()
