"""A plan measured on a device that is made up, in time of its own: interleaved, marked, continued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.clock import Clock, ManualClock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.planning.plan_file import parse_plan
from edgewatt.profiler.planning.rows import rows_of
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.protocols import (
    Completed,
    RepeatFacts,
    RepeatRequest,
    Sink,
    WorkloadFacts,
    WorkloadRequest,
)
from edgewatt.profiler.running.prospect import Prospect, measure_plan, prospect
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window, measure_window

S = 1_000_000_000
STEPS = [1e9, 2e9]


@dataclass
class Made:
    """A device: what it is told to do, and what was asked of it."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(S))
    celsius: list[float] = field(default_factory=lambda: [30.0])
    rooted: bool = True
    fails: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    stops_after: int | None = None
    reasons: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    set_now: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, int, str | None]] = field(default_factory=list)

    @property
    def device(self) -> Device:
        return Device("made", "made up", "f00d", (), target=self, workload=lambda request: Work(self, request))

    # Target

    def run(self, argv: Any, *, timeout_s: float) -> Completed:
        raise DeviceError(f"not asked for: {argv} {timeout_s}")

    def push(self, local: Path, remote: str) -> None:
        raise DeviceError(f"not asked for: {local} {remote}")

    def pull(self, remote: str, local: Path) -> None:
        raise DeviceError(f"not asked for: {local} {remote}")

    def probe_clock(self, clock: Clock) -> Echo:
        raise DeviceError(f"not asked for: {clock}")

    def facts(self) -> Mapping[str, Any]:
        now = self.celsius.pop(0) if len(self.celsius) > 1 else self.celsius[0]
        return {"temperature_c": now, "frequency_steps_hz": [STEPS]}

    def apply(self, condition: str, value: str) -> None:
        if not self.rooted:
            raise DeviceError(f"cannot set {condition}: no root")
        self.set_now[condition] = value

    def undo(self, condition: str) -> None:
        self.set_now.pop(condition, None)

    @property
    def condition_names(self) -> Sequence[str]:
        return ("frequency", "screen")

    @property
    def pinned_hz(self) -> Mapping[str, float]:
        return {"cpu0": float(self.set_now["frequency"])} if "frequency" in self.set_now else {}


@dataclass
class Work:
    """A model whose repeats take what they are asked for."""

    made: Made
    request: WorkloadRequest

    def open(self, clock: Clock) -> WorkloadFacts:
        assert clock is self.made.clock
        asked = self.request
        if asked.target in self.made.refuses:
            raise DeviceError(f"no {asked.target} here")
        found = (asked.target, "int8", asked.threads, asked.batch, asked.frequency_hz)
        return WorkloadFacts(asked.model.name, "ab" * 32, "litert", "2", *found, input_sha256=asked.model.name)

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        made, taken = self.made, self.made.taken
        if made.stops_after is not None and len(taken) >= made.stops_after:
            raise KeyboardInterrupt
        if self.request.target in made.fails:
            raise DeviceError("it broke")
        taken.append((self.request.target, request.repeat, made.set_now.get("frequency")))
        begin_ns = made.clock.now_ns()
        made.clock.advance(request.seconds)
        told = {"iterations": 10, "order": request.order, "target_used": "cpu", "latency_s": 0.01}
        reasons = {"reasons": list(made.reasons.get(request.order, ()))}
        span = (begin_ns, made.clock.now_ns())
        window = Window(measure_window(request.repeat), *span, config_id=request.config_id, attributes=told | reasons)
        sink.window(window)
        return RepeatFacts(10, "cpu", steady=True)

    def close(self) -> None:
        """Nothing is left."""


def looked(made: Made, folder: Path, text: str, path: str = "run") -> Prospect:
    (folder / "net.tflite").write_bytes(b"net")
    plan = parse_plan(f'models = ["net.tflite"]\nseconds = 1\n{text}'.encode(), folder / "plan.toml")
    return prospect(made.device, [], plan, rows_of(plan, lambda model: folder / model), folder / path)


def measured(made: Made, folder: Path, text: str) -> Trace:
    one = looked(made, folder, text)
    return measure_plan(one, made.device, [], progress=Silent(), clock=made.clock)


def rows_in(trace: Trace) -> list[dict[str, Any]]:
    results = trace.results()
    assert results is not None
    rows: list[dict[str, Any]] = results.to_pylist()
    return rows


def test_one_run_has_a_row_per_configuration_and_its_repeats_interleaved(tmp_path: Path) -> None:
    made = Made()
    trace = measured(made, tmp_path, 'targets = ["cpu", "gpu", "npu"]\nrepeats = 4\nseed = 2\n')
    targets = [target for target, _, _ in made.taken]
    assert targets[:3] == targets[5:2:-1]
    assert [sorted(targets[k : k + 3]) for k in range(0, 12, 3)] == [["cpu", "gpu", "npu"]] * 4
    assert {(row["target_asked"], row["latency_s_n"]) for row in rows_in(trace)} == {
        ("cpu", 4),
        ("gpu", 4),
        ("npu", 4),
    }
    repeats = trace.repeats()
    assert repeats is not None
    by_order = sorted(repeats.to_pylist(), key=lambda row: row["order"])
    assert [row["target_asked"] for row in by_order] == targets
    assert (trace.path / "raw" / "plan.toml").read_bytes().startswith(b"models")


def test_a_frequency_is_set_for_its_own_repeats_alone(tmp_path: Path) -> None:
    made = Made()
    trace = measured(made, tmp_path, "frequencies_hz = [0, 1_000_000_000, 2_000_000_000]\nrepeats = 2\n")
    assert sorted(at or "" for _, _, at in made.taken) == ["", "", *["1000000000"] * 2, *["2000000000"] * 2]
    assert made.set_now == {}
    asked = [config.get("frequency_asked_hz") for config in trace.manifest.configs.values()]
    assert asked == [None, 1e9, 2e9]
    assert {
        window.attributes["pinned_hz"]["cpu0"] for window in trace.windows() if "pinned_hz" in window.attributes
    } == {
        1e9,
        2e9,
    }
    assert all(row["frequency_hz"] is None for row in rows_in(trace)), "nothing that was recorded shows that it held"


def test_without_root_a_row_is_marked_and_has_no_frequency(tmp_path: Path) -> None:
    made = Made(rooted=False)
    trace = measured(made, tmp_path, "frequencies_hz = [0, 1_000_000_000]\nrepeats = 2\n")
    free, pinned = sorted(rows_in(trace), key=lambda row: row["quality"])
    assert (free["quality"], pinned["quality"]) == ("good", "marked")
    assert "not_set:frequency=1000000000" in pinned["quality_reasons"]
    assert pinned["frequency_hz"] is None
    assert pinned["config_id"] != free["config_id"], "it is what was asked for"
    assert any("no root" in missing["reason"] for missing in trace.manifest.unavailable)


def test_a_frequency_that_it_lacks_is_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no frequency of 1500000000 Hz; it has 1000000000, 2000000000"):
        looked(Made(), tmp_path, "frequencies_hz = [1_500_000_000]\n")


@pytest.mark.parametrize("table", ["[set]", "[[for]]\nmodel = 'net.tflite'\nset = { %s }"])
def test_a_condition_that_it_lacks_is_refused_before_anything_is_set(tmp_path: Path, table: str) -> None:
    said = 'screeen = "off"'
    text = f"{table % said}\n" if "%" in table else f"{table}\n{said}\n"
    with pytest.raises(UsageError, match=r"screeen: made up has no such condition; it has frequency, screen"):
        looked(Made(), tmp_path, text)


def test_a_device_that_never_cools_goes_on_and_says_so(tmp_path: Path) -> None:
    made = Made(celsius=[30.0, 30.0, 30.0, 60.0])
    trace = measured(made, tmp_path, 'targets = ["cpu", "gpu"]\nrepeats = 2\n[thermal]\ncool_down = 5\n')
    assert len(made.taken) == 4
    assert all("hot" in row["quality_reasons"] for row in rows_in(trace))
    assert made.clock.now_ns() <= S + (4 * (1 + 5) + 30) * S, "within the limit of each"


def test_a_device_that_cools_is_waited_for(tmp_path: Path) -> None:
    made = Made(celsius=[30.0, 30.0, 30.0, 40.0, 35.0, 31.0])
    trace = measured(made, tmp_path, "repeats = 2\n[thermal]\ncool_down = 60\n")
    assert not any("hot" in row["quality_reasons"] for row in rows_in(trace))


def test_a_room_that_nobody_measures_is_said(tmp_path: Path) -> None:
    trace = measured(Made(), tmp_path, "repeats = 2\n[room]\ncelsius = 23\n")
    assert "ambient_unknown" in trace.manifest.quality_reasons


def test_what_the_device_cannot_execute_is_left_out_and_said(tmp_path: Path) -> None:
    made = Made(refuses={"gpu"}, fails={"npu"})
    trace = measured(made, tmp_path, 'targets = ["cpu", "gpu", "npu"]\nrepeats = 3\n')
    assert [row["target_asked"] for row in rows_in(trace)] == ["cpu"]
    assert len(made.taken) == 3
    reasons = trace.manifest.quality_reasons
    assert any(reason.startswith("not_executed:net.tflite gpu") for reason in reasons)
    assert any(reason == "repeat_failed:net.tflite npu, 1 thread: it broke" for reason in reasons)


def test_nothing_that_can_be_executed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no cpu here"):
        measured(Made(refuses={"cpu"}), tmp_path, "repeats = 2\n")
    with pytest.raises(DeviceError, match="it broke"):
        measured(Made(fails={"cpu"}), tmp_path, "repeats = 2\n")


def test_what_was_interrupted_is_continued_beside_it(tmp_path: Path) -> None:
    text = 'targets = ["cpu", "gpu"]\nrepeats = 4\nseed = 9\n'
    made = Made(stops_after=3)
    with pytest.raises(KeyboardInterrupt):
        measured(made, tmp_path, text)
    first = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*.parquet")}

    rest = looked(replace(made, stops_after=None), tmp_path, text)
    assert (len(rest.turns), len(rest.missing), rest.parts.path) == (8, 5, tmp_path / "run.2")
    assert [turn.order for turn in rest.missing] == [3, 4, 5, 6, 7]
    made.stops_after = None
    second = measured(made, tmp_path, text)
    assert second.path == tmp_path / "run.2"
    assert len(made.taken) == 8
    assert len(set(made.taken)) == 8, "none twice"
    assert {file: file.read_bytes() for file in first} == first, "what was recorded stays"
    parts = [Trace.open(tmp_path / name) for name in ("run", "run.2")]
    orders = [row["order"] for part in parts if (table := part.repeats()) for row in table.to_pylist()]
    assert sorted(orders) == list(range(8)), "the first part got its tables too"
    assert looked(made, tmp_path, text).missing == ()


def test_a_repeat_that_is_void_is_measured_again(tmp_path: Path) -> None:
    made = Made(reasons={1: ("suspended",)})
    measured(made, tmp_path, "repeats = 3\n")
    assert [turn.order for turn in looked(made, tmp_path, "repeats = 3\n").missing] == [1]


def test_only_the_same_plan_on_the_same_device_is_continued(tmp_path: Path) -> None:
    made = Made()
    measured(made, tmp_path, "repeats = 2\n")
    with pytest.raises(UsageError, match=r"run exists already and is of another plan"):
        looked(made, tmp_path, "repeats = 3\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"run\.json"):
        looked(made, tmp_path, "repeats = 2\n", "other")
