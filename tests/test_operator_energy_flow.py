"""A network and its parts in one run, in virtual time: a board whose power is that of the operators it runs."""

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.tflite_graph import read_graph_of
from edgewatt.collectors.runtimes.tflite_prefix import written_parts
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import EnergySource, Opened
from edgewatt.profiler.clock import Clock, ManualClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.running.operator_energy import PartModel, PartModels, profile_operators
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window, measure_window
from tests.measured_runs import rail

S = 1_000_000_000
IDLE_W, BUSY_W, EACH_J = 0.5, 4.0, 0.001
# Of the bundled network's operators, in joules: convolutions and what is between them.
TRUTH = [0.3, 0.1, 0.4, 0.15, 0.5, 0.1, 0.35, 0.1, 0.4, 0.05, 0.02, 0.01]
OPTIONS = ProfileOptions(repeats=4, seconds=20.0, idle_s=5.0, warmup_limit_s=1.0, thermal_limit_s=0.0)


@dataclass
class Board:
    """What ran when, and what it cannot run: models of so many operators. Its power is off by 0.3 % each repeat."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(100 * S))
    refused: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    names: int = 0
    order: list[str] = field(default_factory=list)
    spans: list[tuple[int, int, float]] = field(default_factory=list)
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(8))
    opened: int = 0

    def device(self) -> Device:
        collectors = (Meter(self),)
        return Device(
            "board:", "a board", "b0a4d", collectors, simulated=True, workload=lambda asked: Runs(self, asked)
        )


@dataclass
class Meter:
    """Held back on the device, a sample every 20 ms."""

    board: Board
    waits: threading.Event = field(default_factory=threading.Event)

    def open(self, clock: Clock) -> Opened:
        self.begun_ns = clock.now_ns()
        channel = rail(period_s=0.02)
        return Opened("ina", {"": (channel,)}, sources=(EnergySource("ina/vdd_in", ((channel.column,),), "board"),))

    def read(self, timeout_s: float) -> Batch:
        self.waits.wait(min(timeout_s, 0.01))
        return Batch(np.empty(0, np.int64), {rail().column: np.empty(0)})

    def drain(self) -> Iterator[Batch]:
        t_ns = np.arange(self.begun_ns, self.board.clock.now_ns(), S // 50)
        power_w = np.full(len(t_ns), IDLE_W)
        for t0_ns, t1_ns, busy_w in self.board.spans:
            power_w[(t_ns >= t0_ns) & (t_ns < t1_ns)] = busy_w
        yield Batch(t_ns, {rail().column: power_w})

    def close(self) -> None:
        """Nothing to undo."""


@dataclass
class Runs:
    """A model of as many operators as its file has, each of which takes its energy at the same power."""

    board: Board
    asked: WorkloadRequest

    def open(self, clock: Clock) -> WorkloadFacts:
        del clock
        self.operators = len(read_graph_of(self.asked.model).nodes)
        if self.operators in self.board.refused:
            raise UsageError(f"{self.asked.model.name}: the runtime does not like it")
        self.board.opened += 1
        sha256 = sha256_of_file(self.asked.model)
        names = [("OP", str(k)) for k in range(self.operators + self.board.names)]
        return WorkloadFacts(
            self.asked.model.name, sha256, "stub", "1", "cpu", "fp32", 1, 1, operators=names
        )  # fmt: skip

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        board, clock = self.board, self.board.clock
        if self.operators in board.failing:
            raise DeviceError("it fell over")
        board.order.append(request.config_id)
        energy_j = EACH_J + math.fsum(TRUTH[: self.operators])
        clock.advance(request.warmup_least_s)
        latency_s = energy_j / BUSY_W
        iterations = math.ceil(request.seconds / latency_s)
        t0_ns = clock.now_ns()
        clock.advance(iterations * latency_s)
        t1_ns = clock.now_ns()
        busy_w = BUSY_W * (1 + 0.003 * board.draw.standard_normal())
        board.spans.append((t0_ns - 40_000_000, t1_ns + 40_000_000, busy_w))
        told = {"iterations": iterations, "latency_s": latency_s, "order": request.order, "target_used": "cpu"}
        name = measure_window(request.repeat)
        sink.window(Window(name, t0_ns, t1_ns, config_id=request.config_id, attributes=told))
        return RepeatFacts(iterations, "cpu", True, latency_s=latency_s)

    def close(self) -> None:
        self.board.opened -= hasattr(self, "operators") and self.operators not in self.board.refused


def measured(board: Board, path: Path, most: int = 12, options: ProfileOptions = OPTIONS) -> Trace:
    """The run of the bundled network and at most so many of its parts."""
    parts = path / "parts"
    parts.mkdir()
    cut = written_parts(bundled_model(), parts, most)
    models = [PartModel(part.path, part.first, part.last) for part in cut.parts]
    asked = PartModels(WorkloadRequest(bundled_model()), cut.operators, models)
    return profile_operators(board.device(), asked, path / "run", options=options, clock=board.clock)


def test_operators_of_a_board_are_found(tmp_path: Path) -> None:
    board = Board()
    trace = measured(board, tmp_path)
    rows = trace.operators().to_pylist()[:12]
    told = [row for row in rows if row["energy_j"] is not None]
    assert len(told) > 8
    held = 0
    for row in told:
        members = [k for k, other in enumerate(rows) if other["group"] == row["group"] and row["group"]] or [
            row["index"]
        ]
        truth = math.fsum(TRUTH[k] for k in members) + (EACH_J if 0 in members else 0)
        held += row["energy_low_j"] <= truth <= row["energy_high_j"]
    assert held >= len(told) - 1
    assert [row["latency_s"] for row in rows[1:3]] == pytest.approx([k / BUSY_W for k in TRUTH[1:3]])
    assert board.opened == 0, "every workload was closed"


def test_configurations_are_interleaved_and_mirrored(tmp_path: Path) -> None:
    board = Board()
    measured(board, tmp_path, most=3, options=ProfileOptions(repeats=2, seconds=1.0, idle_s=1.0, thermal_limit_s=0.0))
    assert len(set(board.order[:4])) == 4
    assert board.order[4:] == board.order[:4][::-1]


@pytest.mark.parametrize("board", [Board(refused=(3,)), Board(failing=(3,))], ids=["refused", "failing"])
def test_a_part_that_does_not_run_makes_a_group(tmp_path: Path, board: Board) -> None:
    trace = measured(board, tmp_path)
    rows = trace.operators().to_pylist()[:12]
    assert [row["group"] for row in rows[2:4]] == ["2-3", "2-3"]
    assert rows[2]["energy_j"] == pytest.approx(TRUTH[2] + TRUTH[3], rel=0.2)
    assert rows[3]["energy_j"] is None
    reasons = [reason for reason in trace.manifest.quality_reasons if "operators 0 to 2" in reason]
    assert reasons, "it is said"


@pytest.mark.parametrize(
    ("board", "repeats", "says"),
    [
        (lambda: Board(refused=(12,)), 2, "the runtime does not like it"),
        (Board, 1, "at least 2 repeats"),
        (lambda: Board(names=1), 2, r"names \d+ operators of .*, its file 12"),
    ],
    ids=["the whole", "one repeat", "other operators"],
)
def test_what_cannot_be_told_is_refused_before_it_is_measured(
    tmp_path: Path, board: Callable[[], Board], repeats: int, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        measured(board(), tmp_path, options=ProfileOptions(repeats=repeats, seconds=1.0))
    assert not (tmp_path / "run").exists()
