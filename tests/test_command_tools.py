"""What trtexec and onnxruntime_perf_test print, in outputs that we wrote in their formats, and any bytes."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes import ort_perf, trtexec
from edgewatt.collectors.runtimes.commands.summary import Listener, Summary
from edgewatt.collectors.runtimes.commands.tools import tool_of
from edgewatt.collectors.runtimes.ort_perf import OrtPerf
from edgewatt.collectors.runtimes.trtexec import NO_TIMES, Trtexec, times_of

PERCENTILES = "percentile(90%) = 1.6 ms, percentile(95%) = 1.7 ms, percentile(99%) = 1.9 ms"
TRT_10 = f"""\
&&&& RUNNING TensorRT.trtexec [TensorRT v100300] [b7] # trtexec --onnx=net.onnx
[01/02/2026-10:00:00] [I] === Model Options ===
[01/02/2026-10:00:01] [I] TensorRT version: 10.3.0
[01/02/2026-10:00:20] [I] Engine built in 19.25 sec.
[01/02/2026-10:00:21] [I] Engine deserialized in 0.103 sec.
[01/02/2026-10:00:21] [I] Starting inference
[01/02/2026-10:00:24] [I] Warmup completed 135 queries over 200 ms
[01/02/2026-10:00:24] [I] Timing trace has 2000 queries over 3.0039 s
[01/02/2026-10:00:24] [I]
[01/02/2026-10:00:24] [I] === Trace details ===
[01/02/2026-10:00:24] [I] Average on 10 runs - GPU latency: 1.4891 ms - Host latency: 1.52709 ms (enqueue 0.251123 ms)
[01/02/2026-10:00:24] [I] === Performance summary ===
[01/02/2026-10:00:24] [I] Throughput: 665.801 qps
[01/02/2026-10:00:24] [I] Latency: min = 1.4 ms, max = 2.5 ms, mean = 1.55 ms, median = 1.5 ms, {PERCENTILES}
[01/02/2026-10:00:24] [I] Enqueue Time: min = 0.2 ms, max = 0.5 ms, mean = 0.3 ms, median = 0.25 ms, {PERCENTILES}
[01/02/2026-10:00:24] [I] GPU Compute Time: min = 1.3 ms, max = 2.4 ms, mean = 1.45 ms, median = 1.4 ms, {PERCENTILES}
[01/02/2026-10:00:24] [I] Total Host Walltime: 3.0039 s
[01/02/2026-10:00:24] [I] Total GPU Compute Time: 2.9 s
[01/02/2026-10:00:24] [W] * GPU compute time is unstable, with coefficient of variance = 2.1%.
&&&& PASSED TensorRT.trtexec [TensorRT v100300] [b7] # trtexec --onnx=net.onnx
"""
TRT_7 = """\
[05/09/2021-17:02:29] [I] Starting inference threads
[05/09/2021-17:02:32] [I] Warmup completed 0 queries over 200 ms
[05/09/2021-17:02:32] [I] Timing trace has 0 queries over 3.00956 s
[05/09/2021-17:02:32] [I] Host Latency
[05/09/2021-17:02:32] [I] min: 4.34442 ms (end to end 4.35388 ms)
[05/09/2021-17:02:32] [I] max: 7.12915 ms (end to end 7.14398 ms)
[05/09/2021-17:02:32] [I] mean: 4.52398 ms (end to end 4.53851 ms)
[05/09/2021-17:02:32] [I] median: 4.49951 ms (end to end 4.51025 ms)
[05/09/2021-17:02:32] [I] percentile: 5.46606 ms at 99% (end to end 6.10291 ms at 99%)
[05/09/2021-17:02:32] [I] throughput: 0 qps
[05/09/2021-17:02:32] [I] walltime: 3.00956 s
[05/09/2021-17:02:32] [I] GPU Compute
[05/09/2021-17:02:32] [I] mean: 4.42492 ms
[05/09/2021-17:02:32] [I] median: 4.40088 ms
[05/09/2021-17:02:32] [I] total compute time: 2.93372 s
&&&& PASSED TensorRT.trtexec # trtexec --onnx=net.onnx --explicitBatch=1
"""
ORT = """\
Setting intra_op_num_threads to 1
Session creation time cost: 0.217932 s
First inference time cost: 196 ms
Total inference time cost: 0.49481 s
Total inference requests: 5
Average inference time cost total: 98.962 ms
Total inference run time: 0.494854 s
Number of inferences per second: 10.104
Avg CPU usage: 11 %
Peak working set size: 271122432 bytes
Avg CPU usage:11
Peak working set size:271122432
Runs:5
Min Latency: 0.0958204 s
P50 Latency: 0.0995086 s
P99 Latency: 0.101519 s
"""
ORT_2019 = """\
Session creation time cost:1.84149 s
Total inference time cost:0.734606 s
Total inference requests:1
Average inference time cost:734.606 ms
Total inference run time:0.734761 s
"""


def heard(listener: Listener, text: str) -> Summary | str:
    """What a tool sums up, each of its lines 10 ns after the one before."""
    for place, line in enumerate(text.splitlines()):
        listener.hear(line.encode(), place * 10)
    return listener.summary()


def test_trtexec_10() -> None:
    found = heard(Trtexec(), TRT_10)
    assert isinstance(found, Summary)
    assert (found.iterations, found.seconds, found.ended_ns) == (2000, 3.0039, 70)
    assert found.latency_s == pytest.approx(0.0015)
    assert (found.latency_stat, found.version) == ("median", "10.3.0")
    assert found.warmup_s == pytest.approx(0.2)
    assert (found.warmup_iterations, found.init_s) == (135, 0.103)
    assert found.figures["latency_p99_s"] == pytest.approx(0.0019)
    assert found.figures["compute_median_s"] == pytest.approx(0.0014)
    assert found.figures["engine_built_s"] == 19.25
    assert found.reasons == (trtexec.FROM_SUMMARY,)


def test_trtexec_7_counts_no_queries() -> None:
    """The number of runs is the total of their compute time through its mean."""
    found = heard(Trtexec(), TRT_7)
    assert isinstance(found, Summary)
    assert found.iterations == 663
    assert found.latency_s == pytest.approx(0.00449951)
    assert found.figures["compute_mean_s"] == pytest.approx(0.00442492)
    assert found.figures["latency_p99_s"] == pytest.approx(0.00546606)
    assert found.reasons == (trtexec.FROM_SUMMARY, trtexec.COUNT_BY_TIME)


def test_queries_of_an_implicit_batch_are_not_runs() -> None:
    found = heard(Trtexec(), TRT_10.replace("has 2000 queries", "has 16000 queries"))
    assert isinstance(found, Summary)
    assert (found.iterations, found.reasons[-1]) == (2000, trtexec.COUNT_BY_TIME)


@pytest.mark.parametrize(("tag", "version"), [("v8401", "8.4.1"), ("v100300", "10.3.0"), ("v8.6.1", "8.6.1")])
def test_the_version_by_its_tag(tag: str, version: str) -> None:
    listener = Trtexec()
    heard(listener, f"&&&& RUNNING TensorRT.trtexec [TensorRT {tag}] # trtexec --onnx=x")
    assert listener.version == version


@pytest.mark.parametrize("missing", ["Timing trace", "Latency: min"])
def test_trtexec_without_its_summary(missing: str) -> None:
    lines = [line for line in TRT_10.splitlines() if missing not in line]
    assert heard(Trtexec(), "\n".join(lines)) == trtexec.NO_SUMMARY


def test_onnxruntime() -> None:
    found = heard(OrtPerf(), ORT)
    assert isinstance(found, Summary)
    assert (found.iterations, found.seconds, found.ended_ns) == (5, 0.494854, 10)
    assert (found.latency_s, found.latency_stat) == (0.0995086, "median")
    assert (found.init_s, found.memory_peak_b) == (0.217932, 271122432)
    assert found.first_s == pytest.approx(0.196)
    assert found.figures["cpu_share"] == pytest.approx(0.11)


def test_onnxruntime_of_2019_gives_a_mean() -> None:
    found = heard(OrtPerf(), ORT_2019)
    assert isinstance(found, Summary)
    assert found.latency_s == pytest.approx(0.734606)
    assert (found.iterations, found.latency_stat) == (1, "mean")
    assert found.first_s is None


@pytest.mark.parametrize(("listener", "text"), [(Trtexec, TRT_10), (Trtexec, TRT_7), (OrtPerf, ORT)])
def test_other_lines_between_change_nothing(listener: type[Trtexec | OrtPerf], text: str) -> None:
    noisy = "".join(f"{line}\n[I] \nlatency 3\n\x1b[0m\n" for line in text.splitlines())
    plain, between = heard(listener(), text), heard(listener(), noisy)
    assert isinstance(plain, Summary)
    assert isinstance(between, Summary)
    assert (plain.iterations, plain.latency_s, plain.figures) == (
        between.iterations,
        between.latency_s,
        between.figures,
    )


LINES = [line.encode() for line in (TRT_10 + TRT_7 + ORT + ORT_2019).splitlines()]


@pytest.mark.parametrize(("listener", "no_summary"), [(Trtexec, trtexec.NO_SUMMARY), (OrtPerf, ort_perf.NO_SUMMARY)])
@given(st.lists(st.one_of(st.sampled_from(LINES), st.binary(max_size=60)), max_size=40), st.integers(0, 2**32))
def test_any_lines_give_a_summary_or_the_reason(
    listener: type[Trtexec | OrtPerf], no_summary: str, lines: list[bytes], seed: int
) -> None:
    found = listener()
    for line in lines:
        found.hear(line, 1)
        mutated = bytearray(line)
        for _ in range(2 if line else 0):
            mutated[random.Random(seed).randrange(len(line))] = seed % 256
        found.hear(bytes(mutated), 2)
    summary = found.summary()
    if isinstance(summary, str):
        assert summary == no_summary
        return
    assert summary.iterations > 0
    assert summary.seconds > 0
    assert summary.latency_s >= 0
    json.dumps(dict(summary.figures), allow_nan=False)


def query(
    start_ms: float, end_ms: float, latency_ms: float, names: tuple[str, str] = ("H2d", "D2h")
) -> dict[str, float]:
    return {f"start{names[0]}Ms": start_ms, f"end{names[1]}Ms": end_ms, "latencyMs": latency_ms, "computeMs": 1.0}


@pytest.mark.parametrize("names", [("H2d", "D2h"), ("In", "Out")])
def test_every_query_of_a_file_of_times(names: tuple[str, str]) -> None:
    content = json.dumps([query(200.0, 201.5, 1.5, names), query(201.0, 203.0, 1.75, names)]).encode()
    found = times_of(content, 10_000_000)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[7_000_000, 8_500_000], [8_000_000, 9_750_000]], "the last one ends at the end"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[1]",
        b"[{}]",
        b'[{"startH2dMs": NaN, "endD2hMs": 1, "latencyMs": 1}]',
        b'[{"startH2dMs": 1, "endD2hMs": 1e400, "latencyMs": 1}]',
        b'[{"startH2dMs": 1, "endD2hMs": ' + b"9" * 400 + b', "latencyMs": 1}]',
        b'[{"startH2dMs": "1", "endD2hMs": 2, "latencyMs": true}]',
        b"[" * 100_000,
    ],
)
def test_a_file_of_nonsense_has_no_times(content: bytes) -> None:
    assert times_of(content, 0) == NO_TIMES


@given(st.binary(max_size=200))
def test_any_file_of_times(content: bytes) -> None:
    assert isinstance(times_of(content, 0), str | np.ndarray)


def test_a_tool_behind_another_program() -> None:
    found = tool_of(["taskset", "-c", "1", "/usr/src/tensorrt/bin/trtexec", "--exportTimes=t.json"])
    assert found is not None
    assert (found.name, found.times(["--exportTimes=a", "--exportTimes=b"])) == ("trtexec", "b")
    assert tool_of(["python", "train.py", "--trtexec"]) is None
