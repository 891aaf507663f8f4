"""Latency of the LiteRT workload beside the runtime's own `litert-benchmark`, interleaved in one run.

Both execute the same file in fresh processes in the order A B B A, with the same number of warm-up and measured
iterations, on one thread, and give one median per process; the intervals are Student's t over processes.

The two do not time quite the same call. Ours is `Interpreter.invoke()`; theirs is `CompiledModel.run_by_name()`, which
looks its buffers up and registers them on every call. An empty network shows what that costs: a fixed time per call.
litert-benchmark rounds its answer to 0.01 ms, 3 % of the bundled model; it is started here with that rounding undone.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests import tflite_models  # noqa: E402

from edgewatt.collectors.runtimes.litert import LitertWorkload  # noqa: E402
from edgewatt.profiler.clock import HostClock  # noqa: E402
from edgewatt.profiler.protocols import RepeatRequest, WorkloadRequest  # noqa: E402
from edgewatt.profiler.window import Window  # noqa: E402

UNROUNDED = """
from ai_edge_litert.tools import benchmark_litert_model as tool
tool.round = lambda value, digits: value
tool.main()
"""
MODELS: dict[str, Callable[[], bytes]] = {
    "empty": tflite_models.without_inputs,
    "tiny": tflite_models.tiny,
    "larger": lambda: tflite_models.conv_net(160, 32, [(64, 2), (128, 1), (128, 2), (256, 1), (256, 1), (256, 2)]),
}


class Latencies:
    """A sink that keeps latencies only."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.s: list[float] = []

    def window(self, window: Window) -> None:
        """Not needed."""

    def iterations(self, _repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        """Keep what each took."""
        self.s += ((t1_ns - t0_ns) / 1e9).tolist()

    def raw(self, name: str, content: bytes) -> None:
        """Not needed."""


@dataclass(frozen=True)
class Interval:
    """A mean over processes and its 95 % interval."""

    mean: float
    low: float
    high: float


def t_interval(values: Sequence[float]) -> Interval:
    """Student's t over independent values."""
    mean, error = statistics.mean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def ours_s(model: Path, seconds: float, warmup_s: float) -> list[float]:
    """Latencies of one repeat of the workload."""
    workload, sink = LitertWorkload(WorkloadRequest(model)), Latencies()
    workload.open(HostClock())
    workload.repeat(RepeatRequest(0, "agreement", seconds, 0, warmup_s), sink)
    workload.close()
    return sink.s


def theirs_s(model: Path, iterations: int, warm_ups: int) -> float:
    """The median of one process of litert-benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        argv = ["--model", str(model), "--num_runs", str(iterations), "--warmup_runs", str(warm_ups)]
        command = [sys.executable, "-c", UNROUNDED, *argv, "--num_threads", "1", "--result_json", str(answer)]
        subprocess.run(command, check=True, capture_output=True)
        return float(json.loads(answer.read_text())["latency"]["median_ms"]) / 1e3


def compare(name: str, model: Path, blocks: int, seconds: float) -> dict[str, object]:
    """`blocks` times A B B A of one model: both latencies, their ratio and whether the intervals overlap."""
    pilot_s = statistics.median(ours_s(model, 0.2, 0.2))
    iterations, warm_ups = round(seconds / pilot_s), round(seconds / 2 / pilot_s)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(blocks):
        for mine in (True, False, False, True):
            if mine:
                ours.append(statistics.median(ours_s(model, seconds, seconds / 2)))
            else:
                theirs.append(theirs_s(model, iterations, warm_ups))
    a, b = t_interval(ours), t_interval(theirs)
    ratio = t_interval([math.log(x) - math.log(y) for x, y in zip(ours, theirs, strict=True)])
    shown = [f"{1e6 * x.mean:.2f} us [{1e6 * x.low:.2f}, {1e6 * x.high:.2f}]" for x in (a, b)]
    overlap = a.low <= b.high and b.low <= a.high
    return {
        "figure": f"latency of the {name} model / litert-benchmark",
        "ratio": math.exp(ratio.mean),
        "limit": "the empty model is the cost of a call alone" if name == "empty" else "intervals overlap",
        "detail": f"[{math.exp(ratio.low):.3f}, {math.exp(ratio.high):.3f}]; ours {shown[0]}, theirs {shown[1]}, "
        f"{'overlap' if overlap else 'apart'}, {len(ours)} processes each",
        "model": name,
        "processes": len(ours),
        "iterations": iterations,
        "ours_s": [a.mean, a.low, a.high],
        "theirs_s": [b.mean, b.low, b.high],
        "overlap": overlap,
    }


def line(row: dict[str, object]) -> str:
    """One row for people."""
    return f"{row['figure']}: {row['ratio']:.4f} {row['detail']}"


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5, help="of A B B A (default: 5, so 10 processes each)")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured per process (default: 2)")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models:
            path = Path(folder) / f"{name}.tflite"
            path.write_bytes(MODELS[name]())
            rows.append(compare(name, path, args.blocks, args.seconds))
            if not args.json:
                print(line(rows[-1]), flush=True)
    if args.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
