"""The virtual phone alive: its clocks, its counters against its own truth, its faults, and it as a device."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import numpy as np
import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import open_device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import RepeatRequest, WorkloadRequest
from edgewatt.profiler.window import Window
from edgewatt.virtual_lab.phone.anatomy import unit_loads
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.clockwork import uptime_text
from edgewatt.virtual_lab.phone.events import Event
from edgewatt.virtual_lab.phone.governor import LINGER_NS, RAMP_NS, Governor
from edgewatt.virtual_lab.phone.lab import PhoneLab, phone_lab
from edgewatt.virtual_lab.phone.nodes import Instruments, nodes
from edgewatt.virtual_lab.phone.pen import TORN_NS, Pen
from edgewatt.virtual_lab.phone.personalities import PERSONALITIES, personality
from edgewatt.virtual_lab.phone.truth import RAW, read_truth, timing_error, true_energies

MS = 1_000_000
S = 1_000_000_000


@pytest.fixture(scope="module")
def lab() -> Iterator[PhoneLab]:
    with phone_lab("pixel", seed=5) as found:
        yield found


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.005)


# The clock and the files


def test_uptime_is_the_phones_clock(lab: PhoneLab) -> None:
    clocks = read_truth(lab.truth).clocks
    for _ in range(20):
        before_ns = time.monotonic_ns()
        said_s = float((lab.tree.root / "proc/uptime").read_text().split()[0])
        low_s, high_s = (int(clocks.boottime_ns(t)) / 1e9 for t in (before_ns, time.monotonic_ns()))
        # 10 ms of the file's own step, and as much for a machine that is busy.
        assert low_s - 0.02 <= said_s <= high_s


@pytest.mark.parametrize(("ns", "text"), [(0, "0.00 0.00\n"), (19 * MS, "0.01 0.06\n"), (86_400 * S, "86400.00 ")])
def test_uptime_is_cut_and_not_rounded(ns: int, text: str) -> None:
    assert uptime_text(ns, cpus=8).startswith(text)


def test_a_reader_never_meets_half_a_file(tmp_path: Path) -> None:
    pen = Pen(tmp_path)
    for number in range(200):
        pen.write("a/b", f"{number}\n" * 50, number)
        assert len((tmp_path / "a/b").read_text().split()) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    pen.write("a/b", None, 0)
    assert not (tmp_path / "a/b").exists()


def test_a_torn_file_is_whole_again_after_a_while(tmp_path: Path) -> None:
    pen = Pen(tmp_path, torn=1.0)
    pen.write("node", "123456789\n", 0)
    assert (tmp_path / "node").read_text() == "12345"
    assert pen.mend(TORN_NS - 1) == TORN_NS
    assert pen.mend(TORN_NS) is None
    assert (tmp_path / "node").read_text() == "123456789\n"


# What the personalities say


def at(body: Body, t_ns: int) -> dict[str, list[str | None]]:
    instruments = Instruments.of(body, 1)
    return {path: said for node in nodes(body, instruments) for path, said in node.texts(np.array([t_ns])).items()}


@pytest.mark.parametrize("name", PERSONALITIES)
def test_every_file_of_every_personality_has_a_text(name: str) -> None:
    body = Body(personality(name), S)
    written = {path: text for path, (text,) in at(body, 2 * S).items() if text is not None}
    assert all(text.endswith("\n") for text in written.values())
    assert any(path.endswith("time_in_state") for path in written)


@pytest.mark.parametrize(
    ("name", "scale"), [("pixel", -1e6), ("samsung", -1e3), ("xiaomi", 1e3), ("oneplus", 1e3), ("snapdragon", -1e6)]
)
def test_a_gauge_lies_in_the_unit_and_sign_of_its_maker(name: str, scale: float) -> None:
    body = Body(personality(name, ["gauge_gain_rel=0", "gauge_period_s=1"]), S)
    raw = next(float(text or "") for path, (text,) in at(body, 20 * S).items() if path.endswith("battery/current_now"))
    power_w = float(body.timeline.power_w(19 * S, "battery"))
    assert raw / scale == pytest.approx(power_w / 4.1, rel=0.05)


def test_an_unknown_personality_or_quirk_names_those_there_are() -> None:
    for quirks, said in ((["colour=red"], "gauge_unit"), (["gauge_unit=kA"], "uA, mA"), (["torn"], "NAME=VALUE")):
        with pytest.raises(UsageError, match=said):
            personality("pixel", quirks)
    with pytest.raises(UsageError, match="samsung"):
        personality("nokia")


# Who works


def test_threads_go_to_the_biggest_cores_that_are_on() -> None:
    assert unit_loads(personality("pixel"), "cpu", 3, 1.0)["cpu2"] == 1.0
    assert unit_loads(personality("pixel"), "cpu", 3, 1.0)["cpu1"] == 0.5
    assert unit_loads(personality("snapdragon"), "cpu", 1, 1.0) == {"cpu0": 1 / 6, "cpu1": 0.0, "gpu": 0.0, "npu": 0.0}
    assert unit_loads(personality("pixel"), "gpu", 4, 0.75)["gpu"] == 0.75


def test_the_clock_rises_with_work_and_falls_after_it() -> None:
    body = Body(personality("pixel"), 0)
    governor = Governor(body)
    governor.hear(Event(S, 7, "busy", ("cpu", "1", "1")), S)
    governor.act(S + RAMP_NS)
    governor.hear(Event(2 * S, 7, "idle"), 2 * S)
    governor.act(2 * S + LINGER_NS)
    steps = body.steps_hz("cpu2")
    at = [body.hz("cpu2", t) for t in (S - 1, S, S + RAMP_NS, 2 * S + LINGER_NS - 1, 2 * S + LINGER_NS)]
    assert at == [steps[0], steps[4], steps[-1], steps[-1], steps[0]]
    governor.limit("cpu2", (steps[2], steps[3]), "schedutil", 3 * S)
    governor.hear(Event(3 * S, 7, "busy", ("cpu", "1", "1")), 3 * S)
    assert body.hz("cpu2", 3 * S) == steps[3]


def test_a_process_that_dies_at_work_works_no_more() -> None:
    governor = Governor(Body(personality("pixel"), 0))
    governor.hear(Event(S, 7, "busy", ("gpu", "1", "1")), S)
    governor.gone(7, 2 * S)
    assert not governor.working
    assert float(governor.body.timeline.use(2 * S, "gpu")) == 0.0


def test_garbage_events_change_nothing() -> None:
    body, random = Body(personality("old"), 0), Random(3)
    governor = Governor(body)
    for number in range(200):
        words = tuple(random.choices(["x", "-1", "cpu", "1e999", "nan", ""], k=random.randrange(5)))
        governor.hear(Event(number, 1, random.choice(["busy", "set", "idle", "no"]), words), number)
    assert 0.0 <= float(body.timeline.use(S, "cpu0")) <= 1.0


# Its truth


def test_rails_count_what_the_truth_says(lab: PhoneLab) -> None:
    def seen() -> dict[str, int]:
        return rails(lab.tree.root / "sys/bus/iio/devices/iio:device0/energy_value")

    before = seen()
    execute(lab.tree.lab, f"--graph={bundled_model()}", "--min_secs=0.5", "--warmup_min_secs=0.1")
    ended_ms = seen()["T"]
    until(lambda: seen()["T"] > ended_ms + 100)
    after, truth = seen(), read_truth(lab.truth)
    t0_ns, t1_ns = (int(truth.clocks.when_boottime(look["T"] * MS)) for look in (before, after))
    for rail in ("S2M_VDD_CPUCL2", "S1M_VDD_MIF", "S5M_VDD_INT"):
        counted_j = (after[rail] - before[rail]) * 1e-6
        # Its gain is off by 1 % (one sigma), and its stamps are whole milliseconds.
        assert counted_j == pytest.approx(truth.energy_j(t0_ns, t1_ns, rail), rel=0.05), rail
    assert after["VSYS_PWR_RFFE"] == before["VSYS_PWR_RFFE"]


def test_every_edge_counts_from_when_it_happened(lab: PhoneLab) -> None:
    execute(lab.tree.lab, f"--graph={bundled_model()}", "--num_runs=20", "--min_secs=0", "--run_delay=0.005")
    truth = read_truth(lab.truth)
    measured = truth.energies(sources=["cpu2"])[-1]
    assert measured.phase.runs == 20
    assert len(truth.logged_late_ns) >= 2 * 20
    # One that a busy machine tells late is moved to the first instant that is still open; never back.
    assert min(truth.moved_ns) == 0
    assert median(truth.moved_ns) == 0
    # Between iterations it rests, so that it takes less than at work throughout.
    lasted_s = (measured.phase.t1_ns - measured.phase.t0_ns) * 1e-9
    assert 0.05 < measured.energy_j / lasted_s < 0.9 * 1.9
    assert timing_error(truth)["median_s"] < 0.05


def rails(path: Path) -> dict[str, int]:
    head, *rows = path.read_text().splitlines()
    return {"T": int(head[2:]), **{row.split("[")[1].split("]")[0]: int(row.split(", ")[1]) for row in rows}}


def execute(lab: Path, *flags: str) -> None:
    tool = [sys.executable, "-m", "edgewatt.virtual_lab.phone.benchmark_model", *flags]
    subprocess.run(tool, env={**os.environ, "EDGEWATT_LAB": str(lab)}, check=True, stdout=subprocess.DEVNULL)


def test_the_truth_is_the_same_made_again(lab: PhoneLab) -> None:
    once, again = read_truth(lab.truth), read_truth(lab.truth)
    span = (once.timeline.origin_ns, once.timeline.origin_ns + S)
    assert once.energy_j(*span) == again.energy_j(*span) > 0.1
    assert set(once.sources) >= {"battery", "cpu", "gpu", "S2S_VDD_G3D"}


def test_a_log_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / RAW
    path.parent.mkdir()
    assert true_energies(tmp_path) == []
    for text in ("", "{}\n", json.dumps({"personality": "pixel", "quirks": [], "origin_ns": "x"}), "[]\n{}\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match="no log"):
            true_energies(tmp_path)


# As a device


@dataclass
class Kept:
    """A sink that keeps what a repeat gave."""

    raws: dict[str, bytes] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)

    def window(self, window: Window) -> None:
        self.windows.append(window)

    def iterations(self, *_: Any) -> None:
        raise AssertionError("benchmark_model reveals none")

    def raw(self, name: str, content: bytes) -> None:
        self.raws[name] = self.raws.get(name, b"") + content


def test_it_is_a_device_that_keeps_its_truth_and_leaves_nothing(tmp_path: Path) -> None:
    uri = "virtual:phone?personality=old&seed=4&quirk=screen=1;gauge_period_s=0.5"
    device, sink = open_device(uri), Kept()
    try:
        assert (device.simulated, device.uri, device.device_id) == (True, uri, "virtual-old-4")
        assert device.target is not None
        assert device.workload is not None
        lab = Path(device.target.run(["sh", "-c", "echo $EDGEWATT_LAB"], timeout_s=10.0).stdout.decode().strip())
        assert lab.is_dir()
        workload = device.workload(WorkloadRequest(bundled_model()))
        try:
            assert workload.open(HostClock()).runtime == "benchmark_model"
            done = workload.repeat(RepeatRequest(0, "c", seconds=0.2, iterations=0, warmup_limit_s=0.1), sink)
        finally:
            workload.close()
    finally:
        device.close()
    assert not lab.exists()
    (tmp_path / "raw").mkdir()
    (tmp_path / RAW).write_bytes(sink.raws["lab_truth.jsonl"])
    measured = [e for e in true_energies(tmp_path) if e.source == "battery"]
    assert measured[-1].phase.runs == done.iterations
    assert 0.05 < measured[-1].energy_j < 5.0
    (exact,) = [w for w in sink.windows if w.name == "truth/0"]
    assert exact.attributes["energy_j"]["battery"] == pytest.approx(measured[-1].energy_j, rel=1e-12)
    assert (exact.t0_ns, exact.t1_ns) == (measured[-1].phase.t0_ns, measured[-1].phase.t1_ns)
    (window,) = [w for w in sink.windows if w.name == "measure/0"]
    clocks = read_truth(tmp_path / RAW).clocks
    began_ns = int(clocks.boottime_ns(measured[-1].phase.t0_ns))
    assert abs(window.t0_ns - began_ns) < 0.5 * S


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("virtual:toaster", "virtual:phone"),
        ("virtual:phone?personality=nokia", "samsung"),
        ("virtual:phone?quirk=colour=red", "gauge_unit"),
        ("virtual:phone?seed=x", "seed"),
        ("virtual:phone?colour=red", "colour"),
    ],
)
def test_a_device_that_the_lab_has_not_is_a_line(uri: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_device(uri)
