"""What benchmark_model prints, of every generation, whole and damaged."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.benchmark_model.counts import Count, parse_count
from edgewatt.collectors.runtimes.benchmark_model.delegates import target_used
from edgewatt.collectors.runtimes.benchmark_model.lines import LINE_LIMIT
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, StampedLine, parse, stamped
from edgewatt.collectors.runtimes.benchmark_model.segment import TEXT_LIMIT
from tests.bm_outputs import FAILED_DELEGATE, GENERATIONS, OF_2019, OF_2020, OF_2021, OF_2023, OF_2024

SAMPLES = Path(__file__).parents[2] / "shared/samples/android"
MIB = 1 << 20


def read(text: str) -> Parsed:
    return parse(stamped(text))


def figures(parsed: Parsed) -> dict[str, object]:
    """Every number that was read, by name."""
    found: dict[str, object] = {}
    for name in ("init_s", "first_s", "inference_avg_s", "threads", "model_size_b", "vm_rss_b"):
        found[name] = getattr(parsed, name)
    for name in ("memory_init_b", "memory_overall_b", "memory_peak_b"):
        found[name] = getattr(parsed, name)
    for name in ("warmup", "measured"):
        count = getattr(parsed, name).count
        for field in dataclasses.fields(Count):
            found[f"{name}.{field.name}"] = getattr(count, field.name, None)
    for at, table in enumerate(parsed.op_tables):
        found[f"nodes {at}"] = table.nodes
        found |= {f"row {at} {row.index}": row for row in table.rows}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_is_recognised_and_whole(generation: str) -> None:
    parsed = read(GENERATIONS[generation])
    assert parsed.generation == generation
    assert parsed.complete
    assert parsed.from_start
    assert parsed.outputs == 1
    assert (parsed.errors, parsed.notes) == ((), ())


def test_2019() -> None:
    parsed = read(OF_2019)
    assert (parsed.init_s, parsed.first_s, parsed.threads) == (0.005251, 0.0461, 2)
    assert parsed.warmup.count == Count(11, 0.0461, 0.04521, 0.04499, 0.0461, 0.0453025, 0.00031)
    assert parsed.measured.count == Count(22, 0.0453, 0.0451, 0.045003, 0.045999, 0.0452111, 0.000201)
    assert parsed.memory_overall_b is None
    assert parsed.inference_avg_s == 0.0452111


def test_2020_with_one_warm_up_run_and_a_mean_in_scientific_notation() -> None:
    parsed = read(OF_2020)
    each = 3.1002
    assert parsed.warmup.count == Count(1, each, each, each, each, each)
    assert parsed.measured.count is not None
    assert parsed.measured.count.avg_s == 2.91235
    assert (parsed.memory_init_b, parsed.memory_overall_b) == (int(3.5 * MIB), int(141.25 * MIB))
    assert parsed.memory_peak_b is None
    assert parsed.duplicate_flags == ("num_threads",)
    assert parsed.model_size_b == 6_500_000


def test_2023_with_the_periodic_peak() -> None:
    parsed = read(OF_2023)
    assert (parsed.init_s, parsed.first_s) == (0.016625, 0.0086)
    assert (parsed.memory_peak_b, parsed.vm_rss_b) == (int(12.75 * MIB), 19 * MIB)
    assert parsed.measured.count is not None
    assert (parsed.measured.count.p5_s, parsed.measured.count.median_s, parsed.measured.count.p95_s) == (None,) * 3


def test_percentiles_where_they_are_printed() -> None:
    count = read(OF_2024).measured.count
    assert count is not None
    assert (count.p5_s, count.median_s, count.p95_s) == (0.00648, 0.0065, 0.00652)


def test_the_phases_are_windows_from_their_announcement_to_their_summary() -> None:
    lines = [StampedLine(1000 + n, line.text) for n, line in enumerate(stamped(OF_2023))]
    texts = [line.text for line in lines]
    announced = [n for n, text in enumerate(texts) if "Running benchmark" in text]
    counted = [n for n, text in enumerate(texts) if "count=" in text]
    parsed = parse(lines)
    assert (parsed.warmup.t0_ns, parsed.warmup.t1_ns) == (1000 + announced[0], 1000 + counted[0])
    assert (parsed.measured.t0_ns, parsed.measured.t1_ns) == (1000 + announced[1], 1000 + counted[1])


@pytest.mark.parametrize("ending", ["\r\n", "\n\x1b[0m", " \n", "\nWARNING: linker: unused DT entry\n"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_a_terminal_or_another_stream_puts_in_changes_no_number(generation: str, ending: str) -> None:
    text = GENERATIONS[generation]
    assert figures(read("\x1b[32m" + text.replace("\n", ending))) == figures(read(text))


@pytest.mark.parametrize(
    "prefix", ["I tflite  : ", "05-31 10:38:42.569 22206 22206 I tflite  : ", "I/tflite  ( 4669): ", "    "]
)
@pytest.mark.parametrize("generation", ["tflite-2020", "tflite-2021", "tflite-2024"])
def test_logcat_and_indentation_change_no_number(generation: str, prefix: str) -> None:
    text = GENERATIONS[generation]
    logged = "".join(f"{prefix}{line}\n" for line in text.replace("INFO: ", "").splitlines())
    assert figures(read(logged)) == figures(read(text))
    assert read(logged).complete


def test_logcat_tells_errors_by_their_letter() -> None:
    parsed = read("E tflite  : Failed to load model /x.tflite\nW tflite: odd\n")
    assert parsed.errors == ("Failed to load model /x.tflite",)
    assert parsed.warnings == ("odd",)


def test_a_trimmed_text_is_sorted_by_its_closing_line() -> None:
    parsed = read("\n".join(OF_2020.splitlines()[-6:]) + "\n")
    assert parsed.warmup.count is None
    assert parsed.measured.count is not None
    assert parsed.measured.count.n == 4
    assert parsed.first_s == 3.1002


def test_a_lone_summary_is_neither_warm_up_nor_measurement() -> None:
    parsed = read("count=4 first=2 curr=3 min=2 max=4 avg=3 std=1\n")
    assert parsed.warmup.count is None
    assert not parsed.complete
    assert "does not tell" in parsed.notes[0]


def test_a_closing_line_that_contradicts_is_told() -> None:
    parsed = read(OF_2023.replace("Inference (avg): 6500", "Inference (avg): 6400"))
    assert parsed.complete
    assert "another mean" in parsed.notes[0]
    parsed = read(OF_2023.replace("Warmup (avg): 7190.25", "Warmup (avg): 9"))
    assert parsed.warmup.count is None
    assert parsed.measured.count is not None


def test_the_first_complete_output_of_several_counts() -> None:
    parsed = read(FAILED_DELEGATE + OF_2020 + OF_2023)
    assert parsed.generation == "tflite-2020"
    assert parsed.outputs == 2
    assert parsed.errors == ()
    assert "2 complete outputs" in parsed.notes[0]


def test_without_a_complete_output_the_first_that_got_furthest_counts() -> None:
    head = OF_2023[: OF_2023.index("INFO: Running benchmark for at least 3")]
    parsed = read(FAILED_DELEGATE + head)
    assert parsed.warmup.count is not None
    assert parsed.outputs == 0


def test_unknown_flags_are_named() -> None:
    parsed = read("INFO: STARTING!\nWARN: Unconsumed cmdline flags: --use_warp=true --x\n")
    assert parsed.unknown_flags == ("use_warp", "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count=0", Count(0)),
        ("count=1 curr=905 p5=905 median=905 p95=905", Count(1, *[0.000905] * 5, None, *[0.000905] * 3)),
        ("count=3 curr=7(all same)", Count(3, *[0.000007] * 5, 0.0)),
        ("count=2 curr=7", None),
        ("count=2 first=1 curr=2 min=1 max=2", None),
        ("count=2 first=1 curr=2 min=3 max=2 avg=2 std=1", None),
        ("count=2 first=1 curr=2 min=1 max=2 avg=nan std=1", None),
        ("count=2 first=1 curr=2 min=1 max=2 avg=1e999 std=1", None),
        ("count=2.5 curr=7", None),
        ("count=2 avg=1 avg=2", None),
        ("counts=2 avg=1", None),
    ],
)
def test_a_summary_is_whole_or_nothing(text: str, expected: Count | None) -> None:
    assert parse_count(text) == expected


def test_texts_and_lines_are_bounded() -> None:
    flood = "".join(f"ERROR: {'x' * 3 * LINE_LIMIT}\n" for _ in range(TEXT_LIMIT + 9))
    parsed = read(flood + "count=" + "1" * (1 << 20))
    assert len(parsed.errors) == TEXT_LIMIT
    assert max(map(len, parsed.errors)) <= 300


def test_a_number_at_the_limit_of_a_line_is_not_taken_for_the_whole_of_it() -> None:
    summary = "count=2 first=3 curr=4 min=3 max=4 avg=3.5"
    for shown in range(8):
        line = f"{summary}{' ' * (LINE_LIMIT - len(summary) - shown)}std=1442"
        count = read(f"STARTING!\n\n{line}\n").warmup.count
        assert count is not None
        assert count.std_s is None


@settings(max_examples=200)
@given(text=st.text() | st.binary().map(lambda b: b.decode(errors="replace")))
def test_any_text_gives_a_parsed(text: str) -> None:
    target_used("gpu", read(text))


def line_soup() -> st.SearchStrategy[str]:
    """Real lines in any order, some of them damaged."""
    lines = [line for text in (*GENERATIONS.values(), FAILED_DELEGATE) for line in text.splitlines()]
    damaged = st.tuples(st.sampled_from(lines), st.text(max_size=4), st.integers(0, 60)).map(
        lambda parts: parts[0][: parts[2]] + parts[1] + parts[0][parts[2] :]
    )
    return st.lists(st.sampled_from(lines) | damaged, max_size=30).map("\n".join)


@settings(max_examples=150)
@given(text=line_soup())
def test_lines_in_any_order_give_a_parsed(text: str) -> None:
    for asked in ("cpu", "xnnpack", "gpu-fp16:cl", "nnapi:x", "external:/l.so", "npu"):
        assert target_used(asked, read(text)).target


@pytest.mark.parametrize(
    ("generation", "step"), [("tflite-2019", 1), ("tflite-2021", 7), ("tflite-2024", 1), ("litert", 7)]
)
def test_any_cut_gives_true_numbers_or_none(generation: str, step: int) -> None:
    text = GENERATIONS[generation]
    whole = figures(read(text))
    for end in range(text.index("Initialized session"), len(text), step):
        cut = figures(read(text[:end]))
        # A session's ms come before the more exact us of the closing line.
        assert cut.pop("init_s", whole["init_s"]) == pytest.approx(whole["init_s"], rel=1e-3)
        assert cut.items() <= whole.items(), text[:end][-80:]


@settings(max_examples=150)
@given(generation=st.sampled_from(sorted(GENERATIONS)), data=st.data())
def test_a_lost_beginning_gives_true_numbers_or_none(generation: str, data: st.DataObject) -> None:
    text = GENERATIONS[generation]
    rest = text[data.draw(st.integers(0, len(text))) :]
    cut, whole = read(rest), read(text)
    if cut.measured.count is not None:
        assert cut.measured.count.n == whole.measured.count.n
    if cut.warmup.count is not None:
        assert cut.warmup.count.n == whole.warmup.count.n


def sample(name: str) -> Parsed:
    return read((SAMPLES / name).read_text(errors="replace"))


def samples() -> Iterator[tuple[str, str, float | None, float, float, int | None]]:
    yield "benchmark_model_arm_tc2_xnnpack_1.txt", "tflite-2023", 0.016599, 0.008539, 0.0064795, 11_104_210
    yield "benchmark_model_issue_excerpts.txt", "tflite-2020", 0.000855, 0.04906, 0.0332094, 13_492_237
    yield "benchmark_model_mi11_05_plain.txt", "tflite-2020", 0.016242, 0.360262, 0.249684, 145_551_786
    yield "benchmark_model_mi11_09_plain.txt", "tflite-2020", 0.404292, 0.188086, 0.156669, 63_971_315
    yield "benchmark_model_mi11_13_plain.txt", "tflite-2020", 0.365972, 0.120877, 0.0925712, 64_020_493
    yield "benchmark_model_mobilenet_v1_qemuriscv64_1.txt", "tflite-2021", 0.017187, 3.512391, 2.95034, 48_324_569


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recordings of real phones are not here")
@pytest.mark.parametrize(("name", "generation", "init_s", "first_s", "avg_s", "memory_b"), list(samples()))
def test_recorded(name: str, generation: str, init_s: float, first_s: float, avg_s: float, memory_b: int) -> None:
    parsed = sample(name)
    assert parsed.generation == generation
    assert (parsed.init_s, parsed.first_s, parsed.memory_overall_b) == (init_s, first_s, memory_b)
    assert parsed.measured.count is not None
    assert parsed.measured.count.avg_s == pytest.approx(avg_s, rel=1e-12)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recordings of real phones are not here")
def test_recorded_failures_are_no_results() -> None:
    for path in SAMPLES.glob("benchmark_model_*_err.txt"):
        assert not sample(path.name).complete
    failed = sample("benchmark_model_mi11_25_err.txt")
    assert failed.errors[-2:] == ("Failed to apply NNAPI delegate.", "Benchmarking failed.")
    assert target_used("nnapi:qti-default", failed).reasons == ("delegate_failed",)


def test_2021_has_both_blocks() -> None:
    assert [(table.phase, len(table.rows), table.whole) for table in read(OF_2021).op_tables] == [
        ("init", 2, True),
        ("run", 3, True),
    ]
