"""Trains that are really executed: on this machine, and by the script that phones get; and any bytes it may answer."""

import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android import pulses as of_phone
from edgewatt.collectors.android.pulses import BOUND_NS, LIMIT_B, parse_pulses, script
from edgewatt.collectors.android.stamps import UPTIME_STEP_NS, PhoneStamps
from edgewatt.collectors.host import pulses as of_host
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Edges
from tests.adbd.packages import CACHE
from tests.shell_phone import ShellPhone

TRAIN = [(0.03, 0.04), (0.06, 0.02), (0.02, 0.03)]
TOKEN = "c0ffee"
UNPACKED = sorted(str(path) for path in CACHE.glob("adbd-*/root/usr/bin/mksh-static"))[-1:]
SHELLS = [*(shell for shell in ("sh", "bash", "mksh") if shutil.which(shell)), *UNPACKED]
PATIENCE_S = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, pins a process")


def asked_for(edges: Edges, train: list[tuple[float, float]], *, coarse_ns: int) -> bool:
    """True if no pulse and no pause is shorter than asked. Longer ones there may be, on a busy machine."""
    busy_ns, pause_ns = edges.end_ns - edges.begin_ns, edges.begin_ns[1:] - edges.end_ns[:-1]
    lengths = np.array(train) * 1e9
    return bool((busy_ns >= lengths[:, 0] - coarse_ns).all() and (pause_ns >= lengths[:-1, 1] - coarse_ns).all())


def executed(shell: str, text: str) -> bytes:
    """What the script prints, its input being open as adbd leaves it."""
    process = subprocess.Popen(
        [shell, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = process.stdout.read()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
    return said


def test_this_machine_executes_a_train() -> None:
    edges = of_host.pulses(TRAIN)
    assert asked_for(edges, TRAIN, coarse_ns=0)
    assert edges.bound_ns == of_host.BOUND_NS


def test_a_program_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_host, "_PROGRAM", "raise SystemExit('no core')")
    with pytest.raises(DeviceError, match="failed: no core"):
        of_host.pulses(TRAIN)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_phone_s_shell_executes_a_train(shell: str) -> None:
    said = executed(shell, script(TRAIN, TOKEN))
    edges = parse_pulses(said, TOKEN, len(TRAIN), PhoneStamps())
    assert isinstance(edges, Edges), edges
    fine = b"." in said.split(b"\nB ")[1].split(b" ")[0]
    assert edges.bound_ns == (BOUND_NS if fine else UPTIME_STEP_NS)
    # Two looks at a clock of 10 ms; between stamp and loop lies a tenth of a millisecond of rounding.
    assert asked_for(edges, TRAIN, coarse_ns=200_000 if fine else 10_000_000)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("how", ["hang up", "input ends"])
def test_a_train_ends_with_its_connection(shell: str, how: str) -> None:
    """A minute's train is over at once; only a shell that has to wait by `sleep` does not see the end of its input."""
    with subprocess.Popen(
        [shell, "-c", script([(0.01, 0.3)] * 200, TOKEN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"H ")
            if how == "hang up" or shell == "sh":
                process.send_signal(signal.SIGHUP)
            else:
                process.communicate(timeout=PATIENCE_S / 2)
            process.wait(PATIENCE_S / 2)
        finally:
            process.kill()


def test_the_fastest_core_is_asked_for(tmp_path: Path) -> None:
    cpus, calls = tmp_path / "devices" / "system" / "cpu", tmp_path / "calls"
    for core, top_khz in enumerate((1_800_000, 1_800_000, 2_250_000, 2_850_000, 2_250_000)):
        (cpus / f"cpu{core}" / "cpufreq").mkdir(parents=True)
        (cpus / f"cpu{core}" / "cpufreq" / "cpuinfo_max_freq").write_text(f"{top_khz}\n")
    taskset = tmp_path / "taskset"
    taskset.write_text(f'#!/bin/sh\necho "$1 $2" >{calls}\n')
    taskset.chmod(0o755)
    text = f"PATH={tmp_path}:$PATH\n" + script([(0.01, 0.01)], TOKEN, sysfs=str(tmp_path))
    assert f"H {TOKEN} 3 ".encode() in executed("sh", text)
    assert calls.read_text() == "-p 8\n"


def test_a_phone_executes_a_train_over_its_link(tmp_path: Path) -> None:
    shell = ShellPhone(tmp_path)
    phone = shell.phone()
    edges = of_phone.pulses(phone, TRAIN)
    assert len(edges.begin_ns) == len(TRAIN)
    phone.close()


def test_a_shell_that_cannot_is_told(tmp_path: Path) -> None:
    shell = ShellPhone(tmp_path)
    phone = shell.phone()
    phone.proc = str(tmp_path / "nowhere")
    with pytest.raises(DeviceError, match="did not execute the pulses of load"):
        of_phone.pulses(phone, TRAIN)
    phone.close()


def lines(*edges: bytes) -> bytes:
    return b"\n".join([f"H {TOKEN} 7 read".encode(), *edges, f"E {TOKEN}".encode(), b""])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "it printed b''"),
        (b"sh: syntax error", "it printed b'sh: syntax error'"),
        (lines()[:-10], "it printed"),
        (lines(), "1 pulses were asked for"),
        (lines(b"B 1.0 2.00"), "1 pulses were asked for"),
        (lines(b"F  16144.31", b"B  16144.41"), "1 pulses were asked for"),
        (lines(b"B  16144.31", b"F  x"), "a stamp has no uptime"),
        (lines(b"B  16144.31", b"F  16144.31"), "its clock did not go forward"),
        (lines(b"B  16144.31", b"F  16144.41", b"B  16144.51", b"F  16144.61"), "1 pulses were asked for"),
    ],
)
def test_what_is_no_train_is_named(said: bytes, why: str) -> None:
    found = parse_pulses(said, TOKEN, 1, PhoneStamps())
    assert isinstance(found, str)
    assert why in found


def test_a_stepped_wall_clock_does_not_move_the_edges() -> None:
    said = lines(b"B 1795659800.697638 100.00", b"F 1795659800.797638 100.10", b"B 1795663400.897638 100.20")
    said = said.replace(f"E {TOKEN}".encode(), f"F 1795663400.997638 100.30\nE {TOKEN}".encode())
    edges = parse_pulses(said, TOKEN, 2, PhoneStamps())
    assert isinstance(edges, Edges)
    assert [round((b - a) / 1e6) for a, b in pairwise(edges.all_ns.tolist())] == [100, 100, 100]


@given(st.binary(max_size=300), st.integers(0, 5))
def test_any_bytes_give_a_train_or_a_reason(noise: bytes, asked: int) -> None:
    for said in (noise, lines(noise), lines(b"B " + noise, b"F " + noise), noise * (LIMIT_B // 200)):
        assert isinstance(parse_pulses(said, TOKEN, asked, PhoneStamps()), Edges | str)
