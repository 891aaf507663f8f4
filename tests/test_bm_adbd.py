"""A model on a phone over the real adbd: what happens to a run, and what stays on the phone, whatever goes wrong."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.android.guarding.guard import Guard
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.runtimes.benchmark_model.workload import RAW_NAME, BenchmarkModelWorkload
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.transports import adb_direct
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import RepeatRequest, WorkloadRequest
from tests.adbd.running import PeerPhone, StartPhone
from tests.litert_runs import ListSink
from tests.stub_runner import stub_runner

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]


def until(true: Callable[[], object], within_s: float = 40.0) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def ours(peer: PeerPhone) -> list[str]:
    """What of us executes in it."""
    words = ("/data/local/tmp/edgewatt-", "./runner", "sleep", "cat")
    return [line for line in peer.processes().values() if any(word in line.split("tests.adbd")[0] for word in words)]


@pytest.fixture
def peer(pixel: PeerPhone) -> Iterator[PeerPhone]:
    yield pixel
    assert pixel.files() == []
    until(lambda: ours(pixel) == [], 10.0)  # by itself, and not by what a guard does in 15 s


def connected(peer: PeerPhone, *, grace_s: int = 15) -> Phone:
    phone = Phone(peer.uri, partial(adb_direct.connect, peer.host, peer.port))
    phone.__dict__["guard"] = Guard(phone, grace_s=grace_s)
    return phone


def workload(phone: Phone, tmp_path: Path, mode: str = "", **options: Any) -> BenchmarkModelWorkload:
    options = {"runner": stub_runner(tmp_path), "env": {"MODE": mode}, **options}
    return BenchmarkModelWorkload(phone, WorkloadRequest(bundled_model(), threads=2, options=options))


def repeat(seconds: float = 0.3) -> RepeatRequest:
    return RepeatRequest(0, "c0ffee", seconds, 20, 0.1)


def when_started(peer: PeerPhone, *then: Callable[[], object]) -> threading.Thread:
    """Do things once a repeat measures."""

    def wait() -> None:
        until(lambda: any(name.endswith("/started") for name in peer.files()))
        for act in then:
            act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("hidden", ["", "shell_v2"])
@pytest.mark.parametrize("how", ["attached", "detached"])
def test_repeats_are_measured_and_nothing_stays(hidden: str, how: str, peer: PeerPhone, tmp_path: Path) -> None:
    peer.hide(*hidden.split())
    phone, sink = connected(peer), ListSink()
    one = workload(phone, tmp_path, detached=how == "detached", push=[Path(__file__)])
    facts = one.open(HostClock())
    assert {name.rpartition("/")[2] for name in peer.files() if "/work/" in name} == {
        "model.tflite",
        "runner",
        Path(__file__).name,
    }
    for _ in range(2):
        assert one.repeat(repeat(), sink).reasons == ()
    one.close()
    phone.close()
    assert facts.precision == "fp32"
    assert [window.name for window in sink.windows] == ["warmup", "measure/0"] * 2
    for window in sink.windows[1::2]:
        assert window.t1_ns - window.t0_ns > 0.25e9  # attached, an edge is a line's arrival
        assert window.t0_ns % 10_000_000 or window.t1_ns % 10_000_000  # finer than /proc/uptime
    assert sink.raws[RAW_NAME].count(b"INFO: STARTING!\n") == 3


def faults(peer: PeerPhone, name: str) -> tuple[Callable[[], object], ...]:
    return {
        "cut": (peer.cut,),
        "adbd killed": (peer.kill_adbd, peer.start_adbd),
        "all killed": (lambda: peer.kill_adbd(shells=True), peer.start_adbd),
    }[name]


@pytest.mark.parametrize("fault", ["cut", "adbd killed", "all killed"])
def test_lost_connection_costs_a_repeat_and_not_the_run(fault: str, peer: PeerPhone, tmp_path: Path) -> None:
    phone, sink = connected(peer), ListSink()
    one = workload(phone, tmp_path, mode="wait")
    one.open(HostClock())
    phone.guard.add("screen", "echo undone >/data/local/tmp/mark")
    thread = when_started(peer, *faults(peer, fault))
    found = one.repeat(repeat(), sink)
    thread.join()
    assert found.reasons == ("restarted:connection lost",)
    assert [window.name for window in sink.windows] == ["warmup", "measure/0"]
    assert phone.guard.undone == ()
    one.close()
    phone.close()


@pytest.mark.parametrize("fault", ["cut", "adbd killed", "all killed"])
def test_detached_repeat_outlives_its_connection(fault: str, peer: PeerPhone, tmp_path: Path) -> None:
    phone, sink = connected(peer), ListSink()
    one = workload(phone, tmp_path, mode="mark", detached=True)
    one.open(HostClock())
    thread = when_started(peer, *faults(peer, fault))
    found = one.repeat(repeat(2.0), sink)
    thread.join()
    # Where a phone ends all that its adbd had started, nothing can outlive it.
    assert found.reasons == (("restarted:connection lost",) if fault == "all killed" else ())
    assert [window.name for window in sink.windows] == ["warmup", "measure/0"]
    assert sink.windows[1].t1_ns - sink.windows[1].t0_ns >= 1.99e9
    one.close()
    phone.close()


def test_phone_that_is_away_for_good_is_put_back_by_its_guard(peer: PeerPhone, tmp_path: Path) -> None:
    phone, sink = connected(peer, grace_s=1), ListSink()
    phone.monotonic_s = lambda: 20 * time.monotonic()
    one = workload(phone, tmp_path, mode="slow")
    one.open(HostClock())
    phone.guard.add("screen", "echo undone >/data/local/tmp/mark")
    thread = when_started(peer, peer.unplug)
    with pytest.raises(DeviceError, match=r"refused|lost|tried again"):
        one.repeat(repeat(), sink)
    thread.join()
    with pytest.raises(DeviceError):
        one.close()
    phone.hang_up()
    until(lambda: peer.files() == ["mark"])
    until(lambda: ours(peer) == [])
    assert b"Running benchmark" in sink.raws[RAW_NAME]
    peer.write("/data/local/tmp/mark", None)


def test_killed_program_leaves_nothing(peer: PeerPhone, tmp_path: Path) -> None:
    stub_runner(tmp_path)
    script = f"""
import pathlib
from tests.test_bm_adbd import *
class Peer: uri, host, port = {peer.uri!r}, {peer.host!r}, {peer.port}
phone = connected(Peer, grace_s=1)
one = workload(phone, pathlib.Path({str(tmp_path)!r}), mode="slow")
one.open(HostClock())
one.repeat(repeat(), ListSink())
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    until(lambda: any(name.endswith("/started") for name in peer.files()))
    process.kill()
    process.wait()
    until(lambda: peer.files() == [])
    until(lambda: ours(peer) == [])


def test_full_phone_is_named_and_stays_empty(fresh_phone: StartPhone, tmp_path: Path) -> None:
    peer = fresh_phone("pixel", tmp_size_b=1 << 20)
    phone = connected(peer)
    one = workload(phone, tmp_path)
    with pytest.raises(DeviceError, match=r"no space left"):
        one.open(HostClock())
    one.close()
    assert peer.files() == []
    with pytest.raises(DeviceError):
        phone.link.push(b"x" * (2 << 20), "/data/local/tmp/filler")
    phone.sh("cat /dev/zero >/data/local/tmp/filler")
    with pytest.raises(DeviceError, match=r"no space left for /data/local/tmp/edgewatt-"):
        phone.guard.folder  # noqa: B018
    assert peer.files() == ["filler"]
    phone.close()


def test_runner_for_another_machine_is_named(peer: PeerPhone, tmp_path: Path) -> None:
    phone = connected(peer)
    other = tmp_path / "other"
    other.write_bytes(
        b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + (243).to_bytes(2, "little") + bytes(44)
    )
    one = workload(phone, tmp_path, runner=other)
    with pytest.raises(UsageError, match=r"made for riscv64.*exec format error"):
        one.open(HostClock())
    one.close()
    assert peer.files() == []
    phone.close()


@pytest.mark.long
def test_garbage_and_a_flood_are_ended(peer: PeerPhone, tmp_path: Path) -> None:
    phone = connected(peer)
    one = workload(phone, tmp_path, mode="garbage")
    with pytest.raises(DeviceError, match="without a result"):
        one.open(HostClock())
    one.close()
    one = workload(phone, tmp_path, mode="flood")
    with pytest.raises(DeviceError, match="printed more than 4 MiB and was ended"):
        one.open(HostClock())
    assert len(one._held) < 2 << 20
    one.close()
    phone.close()
