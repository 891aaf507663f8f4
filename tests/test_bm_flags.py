"""The flags for a target and a repeat."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.benchmark_model.delegates import wanted_accelerator
from edgewatt.collectors.runtimes.benchmark_model.flags import Dialect, Flags, dialect_of, flags_for, target_flags
from edgewatt.profiler.errors import UsageError

GRAPH = "/data/local/tmp/it's a $(model).tflite"


def flags(
    target: str = "cpu",
    *,
    min_s: float = 10.0,
    iterations: int = 0,
    warmup_s: float = 0.5,
    profile_ops: bool = False,
    dialect: Dialect = "tflite",
    extra: tuple[str, ...] = (),
) -> Flags:
    return flags_for(
        target,
        graph=GRAPH,
        threads=4,
        min_s=min_s,
        iterations=iterations,
        warmup_s=warmup_s,
        profile_ops=profile_ops,
        dialect=dialect,
        extra=extra,
    )


def test_a_repeat_of_so_many_seconds() -> None:
    assert flags().argv == (
        f"--graph={GRAPH}",
        "--num_threads=4",
        "--num_runs=1",
        "--min_secs=10",
        "--max_secs=150",
        "--warmup_runs=1",
        "--warmup_min_secs=0.5",
    )


def test_an_exact_number_of_iterations_is_not_ended_by_time() -> None:
    argv = flags(min_s=0.0, iterations=500, warmup_s=0.0).argv
    assert {"--num_runs=500", "--min_secs=0", "--warmup_min_secs=0", "--max_secs=86400"} <= set(argv)


@given(st.floats(0, 1e6), st.integers(0, 10**9), st.floats(0, 1e6))
def test_the_limit_is_above_what_is_asked(min_s: float, iterations: int, warmup_s: float) -> None:
    given_flags = dict(
        flag.removeprefix("--").split("=", 1)
        for flag in flags(min_s=min_s, iterations=min(iterations, 1) and 0, warmup_s=warmup_s).argv
    )
    assert float(given_flags["max_secs"]) >= max(1.5 * min_s, 1.5 * warmup_s, 150)
    assert float(given_flags["min_secs"]) == pytest.approx(min_s)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("cpu", ()),
        ("xnnpack", ("--use_xnnpack=true",)),
        ("gpu", ("--use_gpu=true",)),
        ("gpu:cl", ("--use_gpu=true", "--gpu_backend=cl")),
        ("gpu-fp32:gl", ("--use_gpu=true", "--gpu_precision_loss_allowed=false", "--gpu_backend=gl")),
        ("gpu-fp16", ("--use_gpu=true", "--gpu_precision_loss_allowed=true")),
        ("nnapi", ("--use_nnapi=true",)),
        ("nnapi:vendor-dsp", ("--use_nnapi=true", "--nnapi_accelerator_name=vendor-dsp")),
        ("hexagon", ("--use_hexagon=true",)),
        ("hexagon:/x", ("--use_hexagon=true", "--hexagon_lib_path=/x")),
        ("external:/x/lib:1.so", ("--external_delegate_path=/x/lib:1.so",)),
    ],
)
def test_targets_of_tensorflow_lite(target: str, expected: tuple[str, ...]) -> None:
    assert target_flags(target, "tflite") == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("cpu", ()),
        ("xnnpack", ("--use_cpu=true",)),
        ("gpu-fp32:cl", ("--use_gpu=true", "--gpu-precision=fp32", "--gpu_backend=opencl")),
        ("npu", ("--use_npu=true",)),
        ("npu:/x", ("--use_npu=true", "--dispatch_library_path=/x", "--compiler_plugin_library_path=/x")),
    ],
)
def test_targets_of_litert(target: str, expected: tuple[str, ...]) -> None:
    assert target_flags(target, "litert") == expected


@pytest.mark.parametrize(
    ("target", "dialect", "says"),
    [
        ("tpu", "tflite", "offers cpu, xnnpack, gpu"),
        ("npu", "tflite", "npu is a target of LiteRT's own tool"),
        ("nnapi", "litert", "nnapi is a target of TensorFlow Lite's tool"),
        ("gpu:metal", "tflite", "cl and gl"),
        ("gpu:metal", "litert", "webgpu"),
        ("gpu:", "tflite", "nothing follows the colon"),
        ("cpu:0", "tflite", "takes nothing there"),
        ("external", "tflite", "external:LIB"),
        ("x\x1b[31m\n", "tflite", "\\x1b"),
    ],
)
def test_a_wrong_target_names_the_known_ones(target: str, dialect: Dialect, says: str) -> None:
    with pytest.raises(UsageError) as error:
        target_flags(target, dialect)
    assert says in str(error.value)
    assert str(error.value).isprintable()


def test_op_profiling_of_either_tool() -> None:
    assert {"--enable_op_profiling=true", "--max_profiling_buffer_entries=16384"} <= set(flags(profile_ops=True).argv)
    litert = flags(profile_ops=True, dialect="litert").argv
    assert "--use_profiler=true" in litert
    assert not any("op_profiling" in flag for flag in litert)


def test_the_users_own_flags_win() -> None:
    made = flags("xnnpack", extra=("--num_threads=1", "--use_xnnpack=false", "--verbose=true", "positional"))
    assert made.overridden == ("num_threads", "use_xnnpack")
    assert made.argv[-4:] == ("--num_threads=1", "--use_xnnpack=false", "--verbose=true", "positional")
    names = [flag.partition("=")[0] for flag in made.argv]
    assert len(names) == len(set(names))


def test_a_flag_that_the_user_gives_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="--verbose is given twice"):
        flags(extra=("--verbose=true", "--verbose=false"))


@given(st.text())
def test_any_target_gives_flags_or_a_usage_error(target: str) -> None:
    for dialect in ("tflite", "litert"):
        try:
            made = target_flags(target, dialect)
        except UsageError:
            continue
        assert all(flag.startswith("--") for flag in made)


@pytest.mark.parametrize(("asked", "wanted"), [("cpu", None), ("gpu-fp16:cl", "gpu"), ("nnapi:a-b", "nnapi")])
def test_the_accelerator_that_a_target_means(asked: str, wanted: str | None) -> None:
    assert wanted_accelerator(asked) == wanted


def test_the_two_tools_are_told_apart_by_a_text_they_hold(tmp_path: Path) -> None:
    runner = tmp_path / "benchmark_model"
    runner.write_bytes(b"\x7fELF" + bytes(5000) + b"\n========== BENCHMARK RESULTS ==========\0" + bytes(50))
    assert dialect_of(runner) == "litert"
    runner.write_bytes(b"\x7fELF" + bytes(5000))
    assert dialect_of(runner) == "tflite"
    for unreadable in (tmp_path, tmp_path / "no"):
        with pytest.raises(UsageError, match="cannot be read"):
            dialect_of(unreadable)
    runner.write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be read"):
        dialect_of(runner)
