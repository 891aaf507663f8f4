"""Steps of training: how a device can do them, or why not; and the signature `train` of a file executed by LiteRT."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.training import ways
from edgewatt.collectors.runtimes.training.ways import LITERT, TORCH, Way, training, ways_of
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import Completed, RepeatFacts, RepeatRequest, Target, WorkloadFacts, WorkloadRequest
from tests.test_command_running import Kept

# Made by benchmarks/make_tiny_training.py: batches of 4.
MODEL = Path(__file__).parent / "fixtures" / "training.tflite"
HERE = Device("host", "host", "here", (), target=LocalTarget())


@dataclass
class Elsewhere:
    """A board that answers every command alike."""

    code: int
    asked: list[list[str]] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        assert timeout_s > 10
        self.asked.append(list(argv))
        return Completed(self.code, b"", b"")


def elsewhere(code: int, **more: Any) -> Device:
    return Device("ssh://b", "board", "b", (), target=cast("Target", Elsewhere(code)), **more)


def executed(device: Device, way: Way, batch: int, seconds: float) -> tuple[WorkloadFacts, RepeatFacts, Kept]:
    made = training(device, way, seconds).workload
    assert made is not None
    workload, sink = made(WorkloadRequest(Path(way.name), "cpu", 1, batch)), Kept()
    try:
        facts = workload.open(HostClock())
        return facts, workload.repeat(RepeatRequest(0, "c", seconds, 0, 0.0), sink), sink
    finally:
        workload.close()


def test_a_signature_is_trained_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "find_spec", lambda _: None)
    found, lacking = ways_of(HERE, (1, 2), [MODEL])
    assert lacking is None
    assert list(found) == [LITERT]
    assert list(found[LITERT].commands) == [4]
    facts, told, sink = executed(HERE, found[LITERT], 4, 0.02)
    assert (facts.model, facts.batch, facts.runtime) == ("training.tflite", 4, "litert training")
    assert facts.model_sha256 == sha256_of_file(MODEL)
    assert told.iterations == len(sink.pairs) >= 3
    assert all(begun_ns < ended_ns for begun_ns, ended_ns in sink.pairs)
    assert told.memory_peak_b is not None
    assert told.memory_peak_b > 10_000_000


def test_what_cannot_be_trained_is_named(tmp_path: Path) -> None:
    again = tmp_path / "again.tflite"
    shutil.copy(MODEL, again)
    for models, why in (
        ([bundled_model()], "has no signature 'train'"),
        ([tmp_path / "gone.tflite"], "there is no such file"),
        ([MODEL, again], "has batches of 4 as well"),
    ):
        with pytest.raises(UsageError, match=why):
            ways_of(HERE, (1,), models)


def test_a_phone_and_a_board_say_what_they_lack() -> None:
    found, lacking = ways_of(elsewhere(0, workload=lambda _: pytest.fail("not executed")), (1,), [MODEL])
    assert not found
    assert lacking is not None
    assert "executes no training signature" in lacking.reason
    assert "--command" in (lacking.fix or "")
    found, lacking = ways_of(elsewhere(1), (1,), [])
    assert not found
    assert lacking is not None
    assert "imports no torch" in lacking.reason


def test_a_board_with_torch_trains_by_a_program_of_ours() -> None:
    board = elsewhere(0)
    found, lacking = ways_of(board, (1, 8), [])
    assert lacking is None
    assert found[TORCH].commands[8][:2] == ("python3", "-c")
    assert found[TORCH].commands[8][3:] == ("8",)
    assert found[TORCH].digests[1] == found[TORCH].digests[8]
    assert cast("Elsewhere", board.target).asked == [["python3", "-c", "import torch"]]


@pytest.mark.extra
@pytest.mark.long
def test_torch_trains_here() -> None:
    pytest.importorskip("torch")
    found, _ = ways_of(HERE, (2,), [])
    facts, told, sink = executed(HERE, found[TORCH], 2, 0.05)
    assert (facts.model, facts.batch, facts.runtime) == ("cnn_mnist", 2, "torch training")
    assert told.iterations == len(sink.pairs) >= 3
    assert told.memory_peak_b is not None
    # Weights, gradients, and torch itself.
    assert told.memory_peak_b > 2 * 4 * 1_663_370
