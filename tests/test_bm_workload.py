"""The benchmark_model workload in the machine's own shell, with a runner of ours that prints what the tool prints."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgewatt.collectors.android.guarding.guard import Guard
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.runtimes.benchmark_model import runner_script
from edgewatt.collectors.runtimes.benchmark_model.workload import RAW_NAME, BenchmarkModelWorkload
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import Operator, RepeatRequest, WorkloadRequest
from tests.litert_runs import ListSink
from tests.shell_phone import ShellPhone
from tests.stub_runner import stub_runner


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[ShellPhone]:
    tmp = tmp_path / "it's data"
    tmp.mkdir()
    shell = ShellPhone(tmp)
    yield shell
    shell.end()
    assert list(tmp.iterdir()) == []
    assert runners(shell) == []


def runners(shell: ShellPhone) -> list[psutil.Process]:
    """What still executes in a folder on the phone."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(str(shell.tmp)):
                found.append(process)
    return found


def workload(shell: ShellPhone, phone: Phone | None = None, model: Path | None = None, **options: Any) -> Any:
    target = options.pop("target", "cpu")
    mode = {"MODE": options.pop("mode", ""), **options.pop("env", {})}
    runner = stub_runner(shell.tmp.parent)
    request = WorkloadRequest(
        model or bundled_model(), target=target, threads=2, options={"runner": runner, "env": mode, **options}
    )
    return BenchmarkModelWorkload(phone or shell.phone(), request)


def repeat(seconds: float = 0.2, warmup_limit_s: float = 0.1) -> RepeatRequest:
    return RepeatRequest(3, "c0ffee", seconds, 20, warmup_limit_s, order=4)


def test_look_tells_what_will_be_executed(shell: ShellPhone) -> None:
    one = workload(shell)
    facts = one.open(HostClock())
    assert (facts.model, facts.model_sha256) == ("edgewatt_tiny.tflite", sha256_of_file(bundled_model()))
    assert facts.runtime == "benchmark_model"
    assert facts.runtime_version.startswith(sha256_of_file(shell.tmp.parent / "benchmark_model")[:12])
    assert (facts.target_asked, facts.precision, facts.threads, facts.batch) == ("cpu", "fp32", 2, 1)
    assert facts.input_sha256 is None
    assert facts.operators[0] == ("CONV_2D", "stem")
    assert {Path(remote).name for remote in shell.pushed} == {"model.tflite", "runner"}
    one.close()
    one.close()


def test_repeat_gives_windows_on_the_phones_clock(shell: ShellPhone) -> None:
    one, sink = workload(shell), ListSink()
    one.open(HostClock())
    found = one.repeat(repeat(), sink)
    one.close()
    warm, measured = sink.windows
    assert (warm.name, warm.parent, warm.clock) == ("warmup", "measure/3", PHONE_CLOCK)
    assert (measured.name, measured.config_id, measured.clock) == ("measure/3", "c0ffee", PHONE_CLOCK)
    uptime_ns = float(Path("/proc/uptime").read_text().split()[0]) * 1e9
    assert uptime_ns - 60e9 < warm.t0_ns < warm.t1_ns <= measured.t0_ns < measured.t1_ns <= uptime_ns
    assert warm.t1_ns - warm.t0_ns >= 0.09e9
    assert measured.t1_ns - measured.t0_ns >= 0.19e9
    learnt = dict(measured.attributes)
    assert learnt["order"] == 4
    assert learnt["iterations"] == found.iterations == 20
    assert (learnt["latency_s"], learnt["latency_stat"]) == (0.002, "mean")
    assert (learnt["init_s"], learnt["first_s"]) == (0.0125, 0.009)
    assert learnt["memory_peak_b"] == round(11.25 * 2**20)
    assert learnt["warmup_iterations"] == 5
    assert learnt["steady"] is found.steady is None
    assert learnt["printed"]["min_s"] == 0.0019
    assert sink.stamps == []
    raw = sink.raws[RAW_NAME].decode()
    assert raw.count("INFO: STARTING!\n") == 2  # the look and the repeat
    assert "edgewatt-" not in raw


def test_warm_up_is_as_long_as_a_slow_sensor_needs(shell: ShellPhone) -> None:
    one, sink = workload(shell), ListSink()
    one.open(HostClock())
    one.repeat(replace(repeat(warmup_limit_s=20.0), warmup_least_s=2.2), sink)
    one.close()
    warm, _ = sink.windows
    assert 2.19e9 <= warm.t1_ns - warm.t0_ns < 15e9


def test_median_is_preferred_where_the_tool_prints_one(shell: ShellPhone) -> None:
    one = workload(shell, env={"PERCENTILES": " p5=1910 median=1990 p95=2200"})
    one.open(HostClock())
    found = one.repeat(repeat(), ListSink())
    one.close()
    assert (found.latency_s, found.latency_stat) == (0.00199, "median")


def test_operators_are_profiled_apart_from_the_repeats(shell: ShellPhone) -> None:
    one, sink = workload(shell, op_profiling=True), ListSink()
    facts = one.open(HostClock())
    one.repeat(repeat(), sink)
    one.close()
    assert facts.operators == [
        Operator("CONV_2D", "stem/Relu", 0.0015, "measured"),
        Operator("SOFTMAX", "class", 0.0005, "measured"),
    ]
    assert sink.raws[RAW_NAME].count(b"Run Order") == 1


def test_lines_held_back_by_a_buffer_do_not_make_a_window_of_nothing(shell: ShellPhone) -> None:
    one, sink = workload(shell, mode="buffered"), ListSink()
    one.open(HostClock())
    found = one.repeat(RepeatRequest(0, "c0ffee", 0.2, 100, 0.1), sink)
    one.close()
    assert found.reasons == ("window_from_summary",)
    assert sink.windows[-1].t1_ns - sink.windows[-1].t0_ns == 200_000_000
    assert len(sink.windows) == 1  # when the warm-up was, nobody knows


def test_detached_repeat_leaves_the_connection_silent(shell: ShellPhone) -> None:
    one, sink = workload(shell, detached=True), ListSink()
    one.open(HostClock())
    streams = len(shell.streams)
    found = one.repeat(repeat(), sink)
    assert len(shell.streams) == streams  # the guard's, and none for the runner
    one.close()
    assert found.iterations == 20
    assert [window.name for window in sink.windows] == ["warmup", "measure/3"]
    assert sink.windows[1].t1_ns - sink.windows[1].t0_ns >= 0.19e9


NASTY = "a b'c\"d; touch evil $(touch evil) `touch evil` \\n \n &"


def test_names_and_values_are_no_commands(shell: ShellPhone, tmp_path: Path) -> None:
    model = tmp_path / NASTY
    model.write_bytes(bundled_model().read_bytes())
    extra = tmp_path / f"extra {NASTY.replace(chr(10), '')}"
    extra.write_text("extra content\n")
    one = workload(
        shell, model=model, mode="tell", env={"TOLD": NASTY}, runner_args=[f"--x={NASTY}", "-"], push=[extra]
    )
    sink = ListSink()
    one.open(HostClock())
    one.repeat(repeat(), sink)
    folder = one._runner._workplace.folder
    one.close()
    raw = sink.raws[RAW_NAME].decode()
    assert f"[--x={NASTY}]\n[-]\n" in raw
    assert f"<{NASTY}>\n<{folder}>\nextra content\n" in raw
    assert list(shell.tmp.glob("**/evil")) == []
    assert not Path("evil").exists()


def test_slept_phone_voids_the_repeat(shell: ShellPhone, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "uptime").write_text("100.00 50.00\n")
    (proc / "stat").write_text("cpu0 1000 0 1000 8000 0 0 0 0 0 0\n")
    phone = shell.phone()
    phone.proc = str(proc)
    one, sink = workload(shell, phone, env={"AWAKE": f"echo 160.00 50.00 >'{proc}/uptime'"}), ListSink()
    one.open(HostClock())
    found = one.repeat(repeat(), sink)
    one.close()
    assert found.reasons[0] == "suspended"
    assert sink.windows[-1].attributes["suspended_s"] == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("fail", DeviceError, "GPU delegate fails"),
        ("crash", DeviceError, "SIGSEGV"),
        ("garbage", DeviceError, "without a result"),
    ],
)
def test_failure_is_explained_before_the_run_begins(
    mode: str, error: type[EdgewattError], words: str, shell: ShellPhone
) -> None:
    one = workload(shell, mode=mode)
    with pytest.raises(error, match=words):
        one.open(HostClock())
    one.close()


def test_runner_that_floods_is_ended(shell: ShellPhone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_script, "OUTPUT_LIMIT_B", 200_000)
    one = workload(shell, mode="flood")
    with pytest.raises(DeviceError, match="MiB and was ended"):
        one.open(HostClock())
    end_s = time.monotonic() + 20
    while runners(shell) and time.monotonic() < end_s:  # it is hung up on, and ends in its own time
        time.sleep(0.01)
    assert runners(shell) == []
    one.close()


def test_line_without_end_is_cut_and_does_no_harm(shell: ShellPhone) -> None:
    one, sink = workload(shell, mode="oneline"), ListSink()
    one.open(HostClock())
    found = one.repeat(repeat(), sink)
    one.close()
    assert found.iterations == 20
    assert len(sink.raws[RAW_NAME]) < 200_000


@pytest.mark.parametrize("how", ["attached", "detached"])
def test_runner_that_hangs_is_ended(how: str, shell: ShellPhone) -> None:
    one = workload(shell, mode="hang", silence_limit_s=0.5, detached=how == "detached")
    one.open(HostClock())
    with pytest.raises(DeviceError, match=r"was ended after .* without a result while loading the model"):
        one.repeat(repeat(), ListSink())
    assert runners(shell) == []
    one.close()


def when_started(shell: ShellPhone, then: Callable[[], object]) -> threading.Thread:
    """Does something once a repeat measures."""

    def wait() -> None:
        end_s = time.monotonic() + 20
        while not list(shell.tmp.glob("*/work/started")) and time.monotonic() < end_s:
            time.sleep(0.01)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_lost_connection_begins_the_repeat_again(shell: ShellPhone) -> None:
    one, sink = workload(shell, mode="wait"), ListSink()
    one.open(HostClock())
    thread = when_started(shell, shell.unplug)
    found = one.repeat(repeat(), sink)
    thread.join()
    first, second = (int(pid) for pid in next(shell.tmp.glob("*/work/started")).read_text().split())
    assert first != second
    assert not psutil.pid_exists(first)
    assert found.reasons == ("restarted:connection lost",)
    assert [window.name for window in sink.windows] == ["warmup", "measure/3"]
    assert len([remote for remote in shell.pushed if remote.endswith("model.tflite")]) == 1
    one.close()


def test_phone_that_stays_away_is_given_up_and_put_back_by_its_guard(shell: ShellPhone) -> None:
    phone = shell.phone()
    phone.monotonic_s = lambda: 20 * time.monotonic()
    phone.__dict__["guard"] = Guard(phone, grace_s=0)
    one, sink = workload(shell, phone, mode="slow"), ListSink()
    one.open(HostClock())
    thread = when_started(shell, lambda: shell.unplug(stay_away=True))
    with pytest.raises(LinkLost, match=r"unplugged .*tried again for 30 s") as failure:
        closing(one, lambda: one.repeat(repeat(), sink))
    thread.join()
    assert failure.value.__notes__[0].startswith("shell: unplugged")
    assert b"Running benchmark" in sink.raws[RAW_NAME]


def test_what_cannot_be_removed_is_named_and_hides_no_other_error(shell: ShellPhone) -> None:
    folder = shell.tmp.parent / "bin"
    folder.mkdir()
    (folder / "rm").write_text('#!/bin/sh\necho "rm: Device or resource busy" >&2\nexit 1\n')
    (folder / "rm").chmod(0o755)
    path = shell.env["PATH"]
    for leading in (None, UsageError("what led here")):
        one = workload(shell)
        one.open(HostClock())
        shell.env["PATH"] = f"{folder}:{path}"
        with pytest.raises(EdgewattError) as failure:
            closing(one, partial(fail, leading))
        said = str(failure.value) if leading is None else leading.__notes__[0]
        assert "stays on the phone: rm: Device or resource busy" in said
        assert failure.value is leading or leading is None
        shell.env["PATH"] = path
        for left in shell.tmp.glob("edgewatt-*"):
            shutil.rmtree(left)


def closing(one: BenchmarkModelWorkload, act: Callable[[], object]) -> None:
    """As a run does it."""
    try:
        act()
    finally:
        one.close()


def fail(error: Exception | None) -> None:
    if error is not None:
        raise error
