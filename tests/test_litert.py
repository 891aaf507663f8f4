"""The LiteRT workload on real models: what it tells, what it measures, and that nothing of it stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import pytest

from edgewatt.collectors.runtimes.litert import RAW_LIMIT_B, WORKER, LitertWorkload
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import WorkloadRequest
from tests import tflite_models
from tests.litert_runs import ListSink, execute, look, no_child_is_left, repeat
from tests.tflite_builder import TYPES

TINY = bundled_model()


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Any:
    yield
    assert no_child_is_left()


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def saved(content: bytes, name: str = "model.tflite") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return saved


def test_bundled_model_is_what_its_script_makes() -> None:
    assert TINY.read_bytes() == tflite_models.tiny()
    assert TINY.stat().st_size < 100_000


def test_look_tells_what_will_be_executed() -> None:
    facts = look(TINY, threads=1, seed=3)
    assert facts.model == "edgewatt_tiny.tflite"
    assert facts.model_sha256 == sha256_of_file(TINY)
    assert (facts.runtime, facts.runtime_version) == ("litert", version("ai-edge-litert"))
    assert (facts.target_asked, facts.precision, facts.threads, facts.batch) == ("cpu", "fp32", 1, 1)
    assert [op for op, _ in facts.operators] == [
        "CONV_2D",
        *["DEPTHWISE_CONV_2D", "CONV_2D"] * 4,
        "AVERAGE_POOL_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert facts.operators[0] == ("CONV_2D", "stem")


@pytest.mark.long
def test_seed_decides_the_input_data() -> None:
    hashes = [look(TINY, seed=seed).input_sha256 for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_repeat_reports_warm_up_measurement_and_every_iteration() -> None:
    before_ns = time.monotonic_ns()
    _, found, sink = execute(TINY, repeat(seconds=0.2, iterations=20, warmup_limit_s=0.3))
    warm, measured = sink.windows
    assert (warm.name, warm.parent, measured.name, measured.config_id) == ("warmup", "measure/0", "measure/0", "c0ffee")
    assert before_ns < warm.t0_ns < warm.t1_ns <= measured.t0_ns < measured.t1_ns < time.monotonic_ns()
    assert measured.t1_ns - measured.t0_ns >= 0.2e9
    assert len(sink.t0_ns) == len(sink.t1_ns) == found.iterations >= 20
    assert sink.t0_ns.dtype == sink.t1_ns.dtype == np.int64
    assert measured.t0_ns <= sink.t0_ns[0]
    assert (sink.t0_ns < sink.t1_ns).all()
    assert (sink.t1_ns[:-1] <= sink.t0_ns[1:]).all()
    assert sink.t1_ns[-1] == measured.t1_ns
    assert warm.attributes["iterations"] == measured.attributes["warmup_iterations"] > 1


def test_measured_window_carries_what_the_repeat_told() -> None:
    _, found, sink = execute(TINY, repeat(iterations=5))
    assert found.init_s is not None
    assert found.first_s is not None
    assert found.memory_peak_b is not None
    assert 0 < found.first_s < 10
    assert 0 < found.init_s < 10
    # The runtime's library alone is 20 MB on disk and the model 68 kB; neither is a gigabyte.
    assert 1e6 < found.memory_peak_b < 1e9
    attributes = dict(sink.windows[-1].attributes)
    assert attributes.pop("memory_baseline_b") > 1e6
    assert attributes == {
        "order": 4,
        "iterations": 5,
        "init_s": found.init_s,
        "first_s": found.first_s,
        "memory_peak_b": found.memory_peak_b,
        "target_used": "xnnpack",
        "steady": False,
        "latency_stat": "median",
        "warmup_iterations": 1,
        "reasons": [],
    }


@pytest.mark.long
def test_memory_grows_with_the_model(save: Any) -> None:
    small, large = (execute(save(tflite_models.tiled(copies)))[1].memory_peak_b for copies in (1, 10))
    assert small is not None
    assert large is not None
    # Nine more copies of a million floats.
    assert large - small == pytest.approx(36e6, rel=0.1)


def test_whether_warm_up_reached_a_steady_state_is_told() -> None:
    """On a busy machine it may not; then its limit came first."""
    _, found, sink = execute(TINY, repeat(iterations=1, warmup_limit_s=5.0))
    warm = sink.windows[0]
    assert found.steady is warm.attributes["steady"]
    assert warm.t1_ns - warm.t0_ns >= (0.9e9 if found.steady else 5e9)


def test_one_iteration_when_neither_time_nor_count_is_asked_for() -> None:
    assert execute(TINY, repeat(iterations=0))[1].iterations == 1


@pytest.mark.parametrize("dtype", sorted(set(TYPES) - {"bfloat16", "int4"}))
def test_inputs_of_every_type_are_accepted(save: Any, dtype: str) -> None:
    assert look(save(tflite_models.reshaped(dtype))).operators == (("RESHAPE", "y"),)


def test_a_type_that_cannot_be_filled_is_named(save: Any) -> None:
    with pytest.raises(UsageError, match="input 'x' is of type bfloat16"):
        look(save(tflite_models.reshaped("bfloat16")))


@pytest.mark.parametrize(
    "model",
    [
        tflite_models.without_inputs(),
        tflite_models.added([]),
        tflite_models.added([0, 3]),
        tflite_models.added([2, 3]),
        tflite_models.recurrent(),
        tflite_models.quantized_conv("int8"),
        tflite_models.quantized_conv("int16"),
        tflite_models.dense("int4"),
        tflite_models.embedding(10, dtype="int64"),
        tflite_models.embedding(10, axis=1),
        tflite_models.embedding(10, dtype="uint8"),
    ],
    ids=[
        "no input",
        "scalar",
        "no element",
        "two",
        "state",
        "int8",
        "int16",
        "int4",
        "ids",
        "ids on axis 1",
        "8-bit ids",
    ],
)
def test_models_of_every_kind_are_executed(save: Any, model: bytes) -> None:
    """A look executes; an index outside of its table fails, so that these pass shows that every id is inside."""
    assert look(save(model)).operators


def test_what_was_looked_at_is_what_is_repeated(save: Any) -> None:
    assert execute(save(tflite_models.embedding(10)), repeat(iterations=20))[1].iterations == 20
    assert execute(save(tflite_models.reshaped("string")))[1].iterations == 3


@pytest.mark.parametrize(
    ("model", "target", "used", "reasons"),
    [
        (tflite_models.tiny(), "cpu", "xnnpack", ()),
        (tflite_models.tiny(), "xnnpack", "xnnpack", ()),
        (tflite_models.added([4], "int32"), "cpu", "cpu", ()),
        (tflite_models.added([4], "int32"), "xnnpack", "cpu", ("not_delegated",)),
        (tflite_models.half_delegated(), "cpu", "xnnpack", ("partly_delegated",)),
    ],
)
def test_target_used_is_what_happened(
    save: Any, model: bytes, target: str, used: str, reasons: tuple[str, ...]
) -> None:
    facts, found, sink = execute(save(model), target=target)
    assert (facts.target_asked, found.target_used, found.reasons) == (target, used, reasons)
    assert sink.windows[-1].attributes["reasons"] == list(reasons)


@pytest.mark.parametrize("model", [tflite_models.open_batch(), tflite_models.tiny()], ids=["open", "fixed"])
@pytest.mark.long
def test_batch_costs_time(save: Any, model: bytes) -> None:
    path = save(model)
    latency_ns = {}
    for batch in (1, 16):
        facts, _, sink = execute(path, repeat(iterations=30), batch=batch)
        assert facts.batch == batch
        latency_ns[batch] = median((sink.t1_ns - sink.t0_ns).tolist())
    assert latency_ns[16] > 2 * latency_ns[1]


def test_batch_without_a_dimension_for_it_is_refused(save: Any) -> None:
    with pytest.raises(UsageError, match=r"batch 4 was asked for.*a \(5, 3\), b \(5, 3\)"):
        look(save(tflite_models.added([5, 3])), batch=4)


def test_shapes_can_be_given_by_name(save: Any) -> None:
    path = save(tflite_models.open_batch())
    plain, given = look(path), look(path, options={"input_shapes": {"image": [3, 16, 8, 3]}})
    assert plain.input_sha256 != given.input_sha256
    with pytest.raises(UsageError, match="names 'imge', which is no input; the inputs are image"):
        look(path, options={"input_shapes": {"imge": [1]}})
    with pytest.raises(UsageError, match="litert fails while preparing it"):
        look(path, options={"input_shapes": {"image": [1, 8, 8, 7]}})


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"target": "gpu"}, "target 'gpu': LiteRT on this host offers cpu and xnnpack"),
        ({"threads": 0}, "0 threads were asked for; this host has"),
        ({"threads": 100_000}, "100000 threads were asked for; this host has"),
        ({"batch": 0}, "batch 0: at least 1 was expected"),
        ({"runtime": "onnx"}, "runtime 'onnx': known for .tflite models on this host are litert and tflite-runtime"),
        ({"options": {"push": []}}, "LiteRT has no option 'push'"),
        ({"options": {"input_shapes": [1, 2]}}, "input_shapes is"),
        ({"options": {"input_shapes": {"image": [1, -1]}}}, "input_shapes gives"),
        ({"options": {"input_shapes": {"image": "12"}}}, "input_shapes gives '12' for 'image'"),
        ({"options": {"silence_limit_s": 0}}, "silence_limit_s is 0"),
        ({"options": {"silence_limit_s": "long"}}, "silence_limit_s is 'long'"),
    ],
)
def test_wrong_requests_are_refused(request_: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        look(TINY, **request_)
    assert str(caught.value).startswith(says)


def test_a_runtime_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(DeviceError, match=r"pip install 'edgewatt\[tflite-runtime\]'"):
        look(TINY, runtime="tflite-runtime")


@pytest.mark.parametrize(
    ("installed", "says"),
    [
        ({}, "ai-edge-litert or tflite-runtime is not installed, and runs the model: pip install ai-edge-litert"),
        (
            {"tflite-runtime": "2.14.0", "numpy": "2.4.6"},
            "tflite-runtime fails with numpy 2.4.6.*pip install 'numpy<2'",
        ),
    ],
)
def test_an_environment_that_cannot_run_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], says: str
) -> None:
    monkeypatch.setattr("edgewatt.collectors.runtimes.litert_request._installed", installed.get)
    with pytest.raises(DeviceError, match=says):
        look(TINY)


@pytest.mark.skipif(os.cpu_count() == 1, reason="one processor, and threads beyond are refused")
@pytest.mark.long
def test_threads_are_used() -> None:
    counts: list[int] = []

    def count_threads(children: list[psutil.Process]) -> None:
        counts.append(children[0].num_threads())
        raise KeyboardInterrupt

    for threads in (1, 2):
        workload = LitertWorkload(WorkloadRequest(TINY, threads=threads))
        assert workload.open(HostClock()).threads == threads
        with pytest.raises(KeyboardInterrupt):
            workload.repeat(repeat(seconds=60.0), ListSink(count_threads))
    assert counts[1] == counts[0] + 1


def test_every_repeat_is_a_process_of_its_own() -> None:
    pids: list[int] = []
    workload = LitertWorkload(WorkloadRequest(TINY))
    workload.open(HostClock())
    for _ in range(2):
        workload.repeat(repeat(), ListSink(lambda children: pids.extend(child.pid for child in children)))
    workload.close()
    workload.close()
    assert len(set(pids)) == 2
    assert os.getpid() not in pids


def test_repeat_needs_a_look() -> None:
    with pytest.raises(RuntimeError, match="open"):
        LitertWorkload(WorkloadRequest(TINY)).repeat(repeat(), ListSink())


def test_what_the_runtime_prints_is_kept_and_bounded() -> None:
    sink = execute(TINY)[2]
    assert sink.raws["litert.txt"].count(b"XNNPACK delegate for CPU") == 2
    workload = LitertWorkload(WorkloadRequest(TINY))
    workload._keep(bytearray(b"x" * RAW_LIMIT_B))
    workload.open(HostClock())
    workload.repeat(repeat(), sink := ListSink())
    assert sink.raws["litert.txt"] == b"x" * RAW_LIMIT_B + b"\n[edgewatt kept the first MiB]\n"


def test_worker_starts_without_pandas_and_pyarrow() -> None:
    check = "import sys, edgewatt.collectors.runtimes.litert_worker; print({'pandas', 'pyarrow'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "set()\n"


def test_strict_warnings_of_the_user_do_not_reach_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert look(TINY).precision == "fp32"


def test_interrupt_keeps_what_was_measured() -> None:
    def interrupt(children: list[psutil.Process]) -> None:
        assert len(children) == 1
        raise KeyboardInterrupt

    workload, sink = LitertWorkload(WorkloadRequest(TINY)), ListSink(interrupt)
    workload.open(HostClock())
    with pytest.raises(KeyboardInterrupt):
        workload.repeat(repeat(seconds=60.0), sink)
    assert len(sink.t0_ns) > 100
    assert b"XNNPACK" in sink.raws["litert.txt"]


def test_child_ends_when_nobody_reads_any_more(save: Any) -> None:
    """Where the kernel does not end it with its parent, the broken pipe does, at the next frame."""
    question = {
        "task": "measure", "parent": os.getpid(), "model": str(save(tflite_models.without_inputs())), "inputs": [],
        "runtime": "litert", "threads": 1, "seed": 0, "warmup_limit_s": 0.0, "seconds": 600.0, "iterations": 0,
    }  # fmt: skip
    reader, writer = os.pipe()
    argv = [sys.executable, "-m", WORKER, str(writer)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[writer]) as child:
        os.close(writer)
        assert child.stdin is not None
        child.stdin.write(json.dumps(question).encode())
        child.stdin.close()
        assert os.read(reader, 1) == b"J"
        os.close(reader)
        assert child.wait(20) == 1


PARENT = """
import sys
from pathlib import Path
from tests.litert_runs import *

class Telling(ListSink):
    def iterations(self, repeat, t0_ns, t1_ns):
        print(workers()[0].pid, flush=True)
try:
    workload = LitertWorkload(WorkloadRequest(Path(sys.argv[1])))
    workload.open(HostClock())
    workload.repeat(repeat(seconds=600.0), Telling())
except KeyboardInterrupt:
    print("interrupted", no_child_is_left(), flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_child_ends_with_its_parent(ending: signal.Signals) -> None:
    """Ctrl-C reaches the whole group of the terminal, and the child is not in it; kill -9 reaches only the parent."""
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(TINY)], stdout=subprocess.PIPE, text=True, cwd=root, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.killpg(parent.pid, ending)
        rest = parent.stdout.read()
        parent.wait(10)
    assert parent.returncode == (0 if ending == signal.SIGINT else -signal.SIGKILL)
    assert rest.endswith("interrupted True\n" if ending == signal.SIGINT else "")
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
