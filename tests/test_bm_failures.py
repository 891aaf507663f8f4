"""Delegates that did not execute, and runs that gave no measurement: never taken for success, always explained."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.benchmark_model.delegates import Used, target_used
from edgewatt.collectors.runtimes.benchmark_model.executables import elf_interpreter, elf_machine, runs_on
from edgewatt.collectors.runtimes.benchmark_model.failures import explain
from edgewatt.collectors.runtimes.benchmark_model.missing import no_runner
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, parse, stamped
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from tests.bm_outputs import FAILED_DELEGATE, OF_2019, OF_2020, OF_2021, OF_2023, OF_LITERT

PHONE = ("arm64-v8a", "armeabi-v7a", "armeabi")
XNNPACK = "VERBOSE: Replacing 40 out of 42 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions"


def read(text: str) -> Parsed:
    return parse(stamped(text))


def with_lines(*lines: str) -> Parsed:
    """The output of 2023 with these lines about delegates instead of its own."""
    kept = [line for line in OF_2023.splitlines() if "elegate" not in line]
    at = next(n for n, line in enumerate(kept) if "Loaded model" in line)
    return read("\n".join([*kept[: at + 1], *lines, *kept[at + 1 :]]) + "\n")


GPU = "TfLiteGpuDelegateV2"
COMPLETELY = "INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate."
PARTLY = (
    "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate w/ 2 "
    "delegate kernels."
)
REFUSED = "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate."


def replacing(nodes: int, total: int, kernel: str, partitions: int, subgraph: int = 0) -> str:
    return (
        f"VERBOSE: Replacing {nodes} out of {total} node(s) with delegate ({kernel}) node, "
        f"yielding {partitions} partitions for subgraph {subgraph}."
    )


@pytest.mark.parametrize(
    ("asked", "lines", "expected"),
    [
        ("gpu", (COMPLETELY,), Used("gpu")),
        ("gpu", (PARTLY,), Used("gpu+cpu", ("partly_delegated",))),
        ("gpu", (REFUSED,), Used("cpu", ("not_delegated",))),
        ("gpu", (REFUSED, XNNPACK), Used("xnnpack", ("not_delegated",))),
        ("gpu", (), Used("cpu", ("not_delegated",))),
        ("gpu", ("INFO: Created TensorFlow Lite delegate for GPU.",), Used("cpu", ("not_delegated",))),
        ("gpu", ("INFO: Created 0 GPU delegate kernels.",), Used("cpu", ("not_delegated",), partitions=0)),
        ("gpu-fp16:cl", (replacing(42, 42, GPU, 1), COMPLETELY), Used("gpu", (), 42, 42, 1)),
        (
            "gpu",
            (replacing(40, 42, GPU, 2), replacing(2, 3, "TfLiteXNNPackDelegate", 1), PARTLY),
            Used("gpu+xnnpack", ("partly_delegated",), 42, 40, 2),
        ),
        ("gpu", (replacing(7, 7, GPU, 1), replacing(7, 7, GPU, 1)), Used("gpu", (), 7, 7, 1)),
        (
            "gpu",
            (replacing(7, 7, GPU, 1), replacing(2, 3, GPU, 2, subgraph=1)),
            Used("gpu+cpu", ("partly_delegated",), 10, 9, 3),
        ),
        ("gpu", ("INFO: Failed to apply GPU delegate.",), Used("cpu", ("delegate_failed",))),
        ("gpu", ("WARN: GPU acceleration is unsupported on this platform.",), Used("cpu", ("not_delegated",))),
        (
            "gpu",
            ("WARN: Unconsumed cmdline flags: --use_gpu=true",),
            Used("cpu", ("not_delegated", "unknown_flags:use_gpu")),
        ),
        (
            "nnapi:x",
            ("Replacing 5 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 partitions.",),
            Used("nnapi", (), None, 5, 1),
        ),
        (
            "nnapi",
            ("Replacing 5 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 3 partitions.",),
            Used("nnapi+cpu", ("partly_delegated",), None, 5, 3),
        ),
        (
            "hexagon",
            ("INFO: TfLiteHexagonDelegate delegate: 31 nodes delegated out of 31 nodes with 1 partitions.",),
            Used("hexagon", (), 31, 31, 1),
        ),
        (
            "hexagon",
            ("WARN: Could not create Hexagon delegate: platform may not support delegate",),
            Used("cpu", ("not_delegated",)),
        ),
        (
            "external:/l.so",
            ("INFO: TfLiteQnnDelegate delegate: 0 nodes delegated out of 31 nodes with 0 partitions.",),
            Used("cpu", ("not_delegated",), 31, 0, 0),
        ),
        (
            "external:/l.so",
            ("INFO: Explicitly applied EXTERNAL delegate, and the model graph will be completely executed",),
            Used("external"),
        ),
        ("cpu", (), Used("cpu")),
        ("cpu", (XNNPACK,), Used("xnnpack", ("partly_delegated",), 42, 40, 3)),
        ("cpu", ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",), Used("xnnpack")),
        ("cpu", (COMPLETELY,), Used("gpu")),
        ("xnnpack", (replacing(9, 9, "TfLiteXNNPackDelegate", 1),), Used("xnnpack", (), 9, 9, 1)),
        ("xnnpack", (replacing(0, 9, "TfLiteXNNPackDelegate", 0),), Used("cpu", ("not_delegated",), 9, 0, 0)),
        (
            "npu",
            ("VERBOSE: Replacing 1 out of 1 node(s) with delegate (DispatchDelegate) node, yielding 1 partitions",),
            Used("npu", (), 1, 1, 1),
        ),
        (
            "npu",
            ("WARNING: [npu_registry.cc:32] NPU accelerator could not be loaded and registered: 1.",),
            Used("cpu", ("not_delegated",)),
        ),
    ],
)
def test_what_executed(asked: str, lines: tuple[str, ...], expected: Used) -> None:
    assert target_used(asked, with_lines(*lines)) == expected


def test_generations_that_do_not_say() -> None:
    assert target_used("gpu", read(OF_2019)) == Used("cpu", ("delegate_unknown",))
    assert target_used("gpu", read(OF_2020)) == Used("gpu", partitions=1)
    assert target_used("nnapi", read(OF_2021)) == Used("nnapi+cpu", ("partly_delegated",))
    assert target_used("gpu", read(OF_LITERT)) == Used("gpu", (), 66, 66, 1)
    assert target_used("cpu", read(OF_2019)) == Used("cpu")
    counting = OF_2019.replace("resolved reporter", replacing(4, 9, "TfLiteXNNPackDelegate", 2))
    assert target_used("gpu", read(counting)) == Used("xnnpack", ("not_delegated",))


def test_rows_of_the_run_show_what_executed() -> None:
    rows = OF_2021[OF_2021.index("Operator-wise") :]
    assert target_used("nnapi", read(rows)) == Used("nnapi+cpu", ("partly_delegated",))
    assert target_used("gpu", read(rows)).reasons == ("delegate_unknown",)


def test_a_model_named_like_a_message_is_none() -> None:
    parsed = with_lines(f"INFO: Graph: [{COMPLETELY}]")
    assert target_used("gpu", parsed) == Used("cpu", ("not_delegated",))


def elf(path: Path, machine: int, *, interpreter: str = "", bits: int = 64) -> Path:
    """An ELF file of one program header."""
    kind = 2 if bits == 64 else 1
    start = b"\x7fELF" + bytes([kind, 1, 1]) + bytes(9)
    size, entry = (64, 56) if bits == 64 else (52, 32)
    header = "<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH"
    start += struct.pack(header, 3, machine, 1, 0, size, 0, 0, size, entry, int(bool(interpreter)), 0, 0, 0)
    at, name = size + entry, interpreter.encode() + b"\0"
    if bits == 64:
        start += struct.pack("<IIQQQQQQ", 3, 4, at, 0, 0, len(name), len(name), 1)
    else:
        start += struct.pack("<IIIIIIII", 3, at, 0, 0, len(name), len(name), 4, 1)
    path.write_bytes(start + name)
    return path


@pytest.mark.parametrize(
    ("machine", "bits", "name"), [(183, 64, "aarch64"), (40, 32, "arm"), (62, 64, "x86_64"), (9, 64, None)]
)
def test_elf_headers(tmp_path: Path, machine: int, bits: int, name: str | None) -> None:
    file = elf(tmp_path / "x", machine, interpreter="/system/bin/linker64", bits=bits)
    assert elf_machine(file) == name
    assert elf_interpreter(file) == "/system/bin/linker64"


@settings(max_examples=100)
@given(content=st.binary(max_size=150), start=st.sampled_from([b"", b"\x7fELF\x02\x01", b"\x7fELF\x01\x01"]))
def test_any_file_has_a_machine_or_none(tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.elf"
    file.write_bytes(start + content)
    machine, _ = elf_machine(file), elf_interpreter(file)
    assert machine is None or start
    assert elf_machine(file.with_name("absent")) is None


def test_which_phone_executes_what() -> None:
    assert runs_on("aarch64", PHONE)
    assert runs_on("arm", PHONE)
    assert not runs_on("x86_64", PHONE)
    assert not runs_on("arm", ["arm64-v8a"])


def why(tmp_path: Path, text: str = "", code: int | None = 1, stderr: str = "", **more: object) -> EdgewattError:
    runner = tmp_path / "benchmark_model"
    if not runner.exists():
        elf(runner, 183, interpreter="/system/bin/linker64")
    return explain(read(text), code, stderr, runner=runner, model="m.tflite", abis=PHONE, **more)


@pytest.mark.parametrize("stderr", ["sh: ./x: not executable: 64-bit ELF file", "x: Exec format error", ""])
def test_a_runner_for_another_architecture_names_both(tmp_path: Path, stderr: str) -> None:
    elf(tmp_path / "benchmark_model", 62)
    error = why(tmp_path, code=126, stderr=stderr)
    assert isinstance(error, UsageError)
    assert "exec format error" in str(error)
    assert "x86_64" in str(error)
    assert "arm64-v8a" in str(error)


def test_a_runner_for_gnu_linux_is_named(tmp_path: Path) -> None:
    elf(tmp_path / "benchmark_model", 183, interpreter="/lib/ld-linux-aarch64.so.1")
    assert "made for GNU/Linux" in str(why(tmp_path, code=127, stderr="sh: x: No such file or directory"))


BEGUN = OF_2023[: OF_2023.index("INFO: The input model")]


@pytest.mark.parametrize(
    ("text", "code", "stderr", "kind", "says"),
    [
        ("", 1, 'CANNOT LINK EXECUTABLE "./x": library "libQnn.so" not found: needed by main executable', UsageError,
         "--push PATH/libQnn.so"),
        ("", 127, "x: error while loading shared libraries: libz.so.1: cannot open", UsageError, "LD_LIBRARY_PATH"),
        ("", 1, 'CANNOT LINK EXECUTABLE "x": cannot locate symbol "_ZN1a" referenced', UsageError, "no symbol _ZN1a"),
        ("", 126, "sh: /data/x: can't execute: Permission denied", DeviceError, "noexec"),
        (FAILED_DELEGATE, 1, "", DeviceError, "NNAPI delegate fails on this phone: NN API returned error"),
        (f"{BEGUN}ERROR: Disallowed CPU fallback detected.\n", 1, "", DeviceError, "--require_full_delegation"),
        ("INFO: STARTING!\n", 1, "ERROR: Failed to parse flag 'num_runs' against argv '--num_runs=x'", UsageError,
         "--num_runs"),
        ("STARTING!\nFailed to load model /m.tflite\nBenchmarking failed.\n", 1, "", UsageError, "cannot be loaded"),
        ("STARTING!\n", 1, "ERROR: Encountered unresolved custom op: FlexErf.", UsageError, "the operator FlexErf"),
        (BEGUN, 137, "", DeviceError, "memory runs out"),
        (BEGUN, 134, "terminating with uncaught exception of type std::bad_alloc", DeviceError, "memory runs out"),
        (BEGUN, 139, "", DeviceError, "crashed (SIGSEGV) while loading the model"),
        (BEGUN, 1, "Segmentation fault", DeviceError, "SIGSEGV"),
        (BEGUN, 129, "", DeviceError, "ended by SIGHUP"),
        ("INFO: STARTING!\nWARN: Unconsumed cmdline flags: --warp=1\n", 3, "", DeviceError, "unknown flags warp"),
        ("", 0, "", DeviceError, "ended with 0 without a result while starting"),
        ("", None, "", DeviceError, "it printed nothing of the cause"),
    ],
)  # fmt: skip
def test_failures_say_what_to_do(
    tmp_path: Path, text: str, code: int | None, stderr: str, kind: type[EdgewattError], says: str
) -> None:
    error = why(tmp_path, text, code, stderr)
    assert type(error) is kind
    assert says in str(error)
    assert str(error).isprintable()


def test_a_timeout_says_how_far_it_came(tmp_path: Path) -> None:
    head = OF_2023[: OF_2023.index("INFO: count=71")]
    assert "after 30 s without a result while warming up" in str(why(tmp_path, head, 137, timeout_s=30.0))


def test_a_library_that_the_gpu_goes_without_is_not_the_cause(tmp_path: Path) -> None:
    stderr = 'ERROR: Can not open OpenCL library - dlopen failed: library "libOpenCL.so" not found'
    assert "libOpenCL" not in str(why(tmp_path, BEGUN, 139, stderr)).partition("it printed")[0]


@settings(max_examples=150)
@given(text=st.text(), code=st.none() | st.integers(-300, 300), stderr=st.text())
def test_any_failure_is_one_printable_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, code: int | None, stderr: str
) -> None:
    assert str(why(tmp_path_factory.getbasetemp(), text, code, stderr)).isprintable()


def test_what_google_publishes_is_named() -> None:
    said = no_runner(PHONE)
    assert "android_aarch64_benchmark_model" in said
    assert "litert/binaries/latest/android_arm64/benchmark_model" in said
    assert "android_arm_benchmark_model" in no_runner(["armeabi-v7a"])
    assert "build" in no_runner(["riscv64"])
    assert "android_aarch64_benchmark_model" in no_runner()
