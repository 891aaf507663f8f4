"""LiteRT's own results, as text and as JSON."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.benchmark_model.counts import Count
from edgewatt.collectors.runtimes.benchmark_model.delegates import target_used
from edgewatt.collectors.runtimes.benchmark_model.litert_results import LitertResults, parse_json
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, parse, stamped
from tests.bm_outputs import OF_LITERT

SAMPLES = Path(__file__).parents[2] / "shared/samples/android"
MIB = 1 << 20

OF_PYTHON = """\

========================================
 BENCHMARK RESULTS
========================================
Model initialization:  9.50 ms
Warmup (first):        7.75 ms
Warmup (avg):          6.50 ms (5 runs)
Inference (avg):       6.25 ms (20 runs)
Inference (min):       5.00 ms
Inference (max):       12.50 ms
Inference (median):    6.00 ms
Inference (std):       1.75 ms
Inference (p5):        5.50 ms
Inference (p95):       8.50 ms
Throughput:            87.13 MB/s
Fully accelerated:     True
========================================
"""

LATENCY: dict[str, object] = {
    "init_ms": 9.5,
    "warmup_first_ms": 7.75,
    "warmup_avg_ms": 6.5,
    "num_warmup_runs": 5,
    "avg_ms": 6.25,
    "min_ms": 5,
    "median_ms": 6.0,
    "num_runs": 20,
}
JSON = {"fully_accelerated": False, "latency": LATENCY}


def read(text: str) -> Parsed:
    return parse(stamped(text))


def test_the_lines_of_the_runs_are_more_exact_than_the_block() -> None:
    parsed = read(OF_LITERT)
    assert parsed.measured.count is not None
    assert (parsed.measured.count.avg_s, parsed.measured.count.median_s) == (0.0552505, 0.05524)
    assert (parsed.init_s, parsed.first_s) == (0.82075, 0.061)
    assert (parsed.memory_init_b, parsed.memory_overall_b, parsed.memory_peak_b) == (51.5 * MIB, 70.25 * MIB, None)


def test_the_block_alone() -> None:
    parsed = read(OF_LITERT[OF_LITERT.index("INFO: [benchmark_litert_model.h:80]") :])
    assert parsed.generation == "litert"
    assert parsed.warmup.count == Count(9, 0.061, avg_s=0.056)
    assert parsed.measured.count == Count(50, min_s=0.0541, max_s=0.057, avg_s=0.05525, std_s=0.0004)
    assert (parsed.init_s, parsed.first_s) == (0.82075, 0.061)


def test_the_block_of_the_python_tool_with_its_percentiles() -> None:
    parsed = read(OF_PYTHON)
    assert parsed.measured.count == Count(
        20, min_s=0.005, max_s=0.0125, avg_s=0.00625, std_s=0.00175, p5_s=0.0055, median_s=0.006, p95_s=0.0085
    )
    assert parsed.fully_accelerated is True
    assert target_used("npu", parsed).target == "npu"


def test_no_runs_are_no_result() -> None:
    text = OF_PYTHON.replace("(20 runs)", "(0 runs)")
    assert not read(text).complete


def test_a_block_that_ends_early_has_no_number_of_the_last_line() -> None:
    for at in range(len(OF_PYTHON)):
        count = read(OF_PYTHON[:at]).measured.count
        if count is not None:
            assert count.n == 20
            assert count.max_s in (None, 0.0125)
            assert count.p95_s in (None, 0.0085)


def test_other_texts_do_not_pass_for_the_block() -> None:
    assert read("Inference (avg):  6.25 ms (20 runs)\n").measured.count is None
    assert read(OF_PYTHON.replace("6.25 ms", "6.25 us")).measured.count is None


def test_json() -> None:
    assert parse_json(json.dumps(JSON)) == LitertResults(
        init_s=0.0095,
        first_s=0.00775,
        warmup=Count(5, 0.00775, avg_s=0.0065),
        measured=Count(20, min_s=0.005, avg_s=0.00625, median_s=0.006),
        fully_accelerated=False,
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no object `latency`"),
        ('{"latency": {"avg_ms": NaN, "num_runs": 3}}', "no avg_ms"),
        ('{"latency": {"avg_ms": 1e400, "num_runs": 3}}', "no avg_ms"),
        ('{"latency": {"avg_ms": 1, "num_runs": true}}', "no num_runs"),
        ("[" * 100_000, "no JSON"),
        (" " * (1 << 21), "longer than"),
    ],
)
def test_other_json_gives_its_reason(text: str, reason: str) -> None:
    found = parse_json(text)
    assert isinstance(found, str)
    assert reason in found


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(changed=st.dictionaries(st.sampled_from(sorted(LATENCY)), _VALUES), text=st.text())
def test_any_json_gives_a_value_or_a_reason(changed: dict[str, object], text: str) -> None:
    for content in (json.dumps({"latency": {**LATENCY, **changed}}), text):
        found = parse_json(content)
        assert isinstance(found, str) or found.measured is not None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recordings are not here")
def test_recorded_json() -> None:
    found = parse_json((SAMPLES / "litert_benchmark_python_host.json").read_text())
    assert isinstance(found, LitertResults)
    assert found.measured is not None
    assert (found.init_s, found.measured.n, found.measured.avg_s) == (0.00968, 20, 0.00659)
    assert (found.measured.median_s, found.measured.p95_s) == (0.00599, 0.00849)
    assert found.fully_accelerated is True
