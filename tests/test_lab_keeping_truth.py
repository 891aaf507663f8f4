"""What a run keeps of a virtual phone's truth, with a log that is written by hand."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, WorkloadFacts
from edgewatt.profiler.window import Window
from edgewatt.virtual_lab import keeping_truth
from edgewatt.virtual_lab.keeping_truth import KeepingTruth
from edgewatt.virtual_lab.phone.events import PIPE, parse_event
from edgewatt.virtual_lab.phone.truth import read_truth

S = 1_000_000_000
NOW = HostClock().now_ns
RUNS = 100


@dataclass
class Kernel:
    """Answers each mark in the log of a lab, but only once it was told to."""

    lab: Path
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.log = self.lab / "lab_truth.jsonl"
        self.say({"personality": "old", "quirks": [], "seed": 1, "origin_ns": NOW() - S})
        (self.lab / PIPE).parent.mkdir()
        os.mkfifo(self.lab / PIPE)
        self._pipe = os.open(self.lab / PIPE, os.O_RDWR)
        self.may_answer.set()
        self._ear = threading.Thread(target=self._serve)
        self._ear.start()

    def end(self) -> None:
        self.may_answer.set()
        os.write(self._pipe, b"now 1 end\n")
        self._ear.join()
        os.close(self._pipe)

    def say(self, line: Any) -> None:
        with self.log.open("a") as log:
            log.write(json.dumps(line) + "\n")

    def phase(self, name: str, runs: int = RUNS) -> None:
        """A phase that took all of the time since the one before it."""
        t0_ns, t1_ns = NOW(), NOW() + S // 10
        self.say({"phase": [name, str(t0_ns), str(t1_ns), str(runs)], "pid": 1})

    def _serve(self) -> None:
        while said := os.read(self._pipe, 1 << 12):
            event = parse_event(said.strip())
            assert event is not None
            assert self.may_answer.wait(20)
            if event.what == "end":
                return
            self.say({"mark": list(event.words), "pid": event.pid})


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    found = Kernel(tmp_path)
    yield found
    found.end()


@dataclass
class Inner:
    """A workload whose repeat is a function."""

    act: Callable[[], None]

    def open(self, clock: object) -> WorkloadFacts:
        raise NotImplementedError

    def repeat(self, request: RepeatRequest, sink: object) -> RepeatFacts:
        del request, sink
        self.act()
        return RepeatFacts(iterations=RUNS, target_used="cpu", steady=None)

    def close(self) -> None:
        pass


@dataclass
class Kept:
    """A sink."""

    raws: bytes = b""
    windows: list[Window] = field(default_factory=list)

    def window(self, window: Window) -> None:
        self.windows.append(window)

    def iterations(self, *_: Any) -> None:
        raise AssertionError

    def raw(self, name: str, content: bytes) -> None:
        assert name == "lab_truth.jsonl"
        self.raws += content


def repeated(kernel: Kernel, act: Callable[[], None], *, times: int = 1) -> Kept:
    workload, sink = KeepingTruth(Inner(act), kernel.log), Kept()
    for number in range(times):
        workload.repeat(RepeatRequest(number, "c", 1.0, 0, 1.0), sink)
    return sink


def test_each_repeat_has_its_own_truth_and_the_log_is_copied_once(kernel: Kernel) -> None:
    kernel.phase("measure")  # the runner's own look, before any repeat

    def act() -> None:
        kernel.phase("warmup")
        kernel.phase("measure")

    sink = repeated(kernel, act, times=2)
    assert [(w.name, w.parent, w.config_id, w.clock) for w in sink.windows] == [
        (f"truth/{n}", f"measure/{n}", "c", "host.monotonic") for n in (0, 1)
    ]
    assert sink.raws == kernel.log.read_bytes()
    truth = read_truth(kernel.log)
    for window, phase in zip(sink.windows, (truth.phases[2], truth.phases[4]), strict=True):
        assert (window.t0_ns, window.t1_ns) == (phase.t0_ns, phase.t1_ns)
        assert window.attributes["iterations"] == RUNS
        energy_j = window.attributes["energy_j"]
        assert energy_j["battery"] == truth.energy_j(phase.t0_ns, phase.t1_ns)
        assert set(energy_j) >= {"battery", "cpu", "cpu0", "cpu1", "memory", "other"}


def test_a_rail_is_named_as_its_channel_is(kernel: Kernel) -> None:
    text = kernel.log.read_text().replace('"old"', '"pixel"')
    kernel.log.write_text(text)
    (window,) = repeated(kernel, lambda: kernel.phase("measure")).windows
    assert set(window.attributes["energy_j"]) >= {"s2s_vdd_g3d", "s4m_vdd_cpucl0", "vsys_pwr_display"}


def test_a_log_that_comes_late_is_waited_for(kernel: Kernel) -> None:
    def come() -> None:
        kernel.phase("measure")
        kernel.may_answer.set()

    late = threading.Timer(0.05, come)

    def act() -> None:
        kernel.may_answer.clear()
        late.start()

    sink = repeated(kernel, act)
    late.join()
    assert [window.name for window in sink.windows] == ["truth/0"]
    assert sink.raws == kernel.log.read_bytes()


def test_of_a_repeat_that_began_again_the_last_counts(kernel: Kernel) -> None:
    def act() -> None:
        kernel.phase("measure")
        kernel.phase("measure")

    (window,) = repeated(kernel, act).windows
    assert window.t0_ns == read_truth(kernel.log).phases[-1].t0_ns


@pytest.mark.parametrize("runs", [None, RUNS - 1])
def test_a_tool_that_says_nothing_or_something_else_has_no_truth(kernel: Kernel, runs: int | None) -> None:
    sink = repeated(kernel, lambda: None if runs is None else kernel.phase("measure", runs))
    assert sink.windows == []
    assert sink.raws == kernel.log.read_bytes()


def test_a_repeat_that_fails_keeps_what_the_log_says_and_its_own_error(kernel: Kernel) -> None:
    def fail() -> None:
        raise DeviceError("gone")

    workload, sink = KeepingTruth(Inner(fail), kernel.log), Kept()
    with pytest.raises(DeviceError, match="gone"):
        workload.repeat(RepeatRequest(0, "c", 1.0, 0, 1.0), sink)
    assert sink.raws == kernel.log.read_bytes()
    kernel.log.unlink()
    with pytest.raises(DeviceError, match="gone"):
        workload.repeat(RepeatRequest(0, "c", 1.0, 0, 1.0), sink)


def test_a_kernel_that_is_gone_or_silent_is_an_error(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping_truth, "_ANSWER_S", 0.05)
    with pytest.raises(DeviceError, match="did not answer within"):
        repeated(kernel, kernel.may_answer.clear)
    (kernel.lab / PIPE).unlink()
    with pytest.raises(DeviceError, match="kernel is gone"):
        repeated(kernel, lambda: None)
