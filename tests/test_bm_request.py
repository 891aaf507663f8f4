"""What can be asked of benchmark_model: everything else is refused before a phone is touched."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.runtimes.benchmark_model.request import Asked, checked
from edgewatt.collectors.runtimes.benchmark_model.workload import BenchmarkModelWorkload
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import WorkloadRequest
from tests.stub_runner import stub_runner


def unreachable() -> Any:
    raise AssertionError("the phone was touched")


def refuse(match: str, *, request: dict[str, Any] | None = None, **options: Any) -> None:
    """A whole workload refuses, and no phone hears of it."""
    asked = WorkloadRequest(bundled_model(), **(request or {}), options=options)
    with pytest.raises(UsageError, match=match):
        BenchmarkModelWorkload(Phone("adb:", unreachable), asked).open(HostClock())


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    return stub_runner(tmp_path)


def test_options_are_taken_as_given(runner: Path) -> None:
    options = {
        "runner": str(runner),
        "push": [runner],
        "env": {"A_1": "", "b": "x=y"},
        "runner_args": ["--x=1"],
        "detached": True,
        "silence_limit_s": 3,
        "taskset": "f0",
        "op_profiling": True,
        "input_shapes": {"a": [1, 2], "b": (3,)},
    }
    assert checked(WorkloadRequest(bundled_model(), options=options)) == Asked(
        runner,
        (runner,),
        {"A_1": "", "b": "x=y"},
        ("--input_layer=a,b", "--input_layer_shape=1,2:3", "--x=1"),
        detached=True,
        silence_limit_s=3.0,
        taskset="f0",
        op_profiling=True,
    )


def test_no_runner_says_where_there_is_one() -> None:
    refuse("android_aarch64_benchmark_model")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"silence_limit": 1}, "no option 'silence_limit'"),
        ({"push": ["missing"]}, r"--push 'missing' does not exist"),
        ({"push": ["a\0b"]}, r"--push 'a\\x00b'"),
        ({"env": ["A=1"]}, "names and values"),
        ({"env": {"1A": "x"}}, "--env '1A'"),
        ({"env": {"A;touch evil": "x"}}, "--env 'A;touch evil'"),
        ({"env": {"A\n": "x"}}, r"--env 'A\\n'"),
        ({"env": {"A": "x\0y"}}, "holds a NUL"),
        ({"env": {"A": "\udcff"}}, "not valid Unicode"),
        ({"runner_args": ["\0"]}, "--runner-arg .* holds a NUL"),
        ({"runner_args": [3]}, "--runner-arg 3"),
        ({"silence_limit_s": 0}, "silence_limit_s is 0"),
        ({"silence_limit_s": True}, "silence_limit_s is True"),
        ({"taskset": "f0; touch evil"}, "taskset is"),
        ({"input_shapes": {"a,b": [1]}}, "without a comma"),
        ({"input_shapes": {"a": [0]}}, "sizes from 1 on"),
        ({"input_shapes": {"a": "1x2"}}, "sizes from 1 on"),
        ({"input_shapes": [1]}, "a shape for each name"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], match: str, runner: Path) -> None:
    refuse(match, **{"runner": runner, **options})


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        ({"batch": 2}, "batch 2"),
        ({"threads": 0}, "0 threads"),
        ({"runtime": "litert"}, "runtime 'litert'"),
        ({"target": "warp"}, "target 'warp'"),
    ],
)
def test_wrong_requests_are_named(request_: dict[str, Any], match: str, runner: Path) -> None:
    refuse(match, request=request_, runner=runner)


def test_folder_and_missing_file_are_no_runner(tmp_path: Path) -> None:
    refuse("--runner .* is a folder", runner=tmp_path)
    refuse("--runner .* does not exist", runner=tmp_path / "none")


def test_wrong_model_is_named(runner: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(bundled_model().read_bytes()[:2000])
    asked = WorkloadRequest(damaged, options={"runner": runner})
    with pytest.raises(UsageError, match=r"damaged\.tflite': damaged: "):
        BenchmarkModelWorkload(Phone("adb:", unreachable), asked).open(HostClock())


def test_two_files_of_one_name_are_refused(runner: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    other = stub_runner(tmp_path / "a", "lib.so")
    refuse("another file 'lib.so'", runner=runner, push=[stub_runner(tmp_path, "lib.so"), other])
    refuse("another file 'model.tflite'", runner=runner, push=[stub_runner(tmp_path, "model.tflite")])
