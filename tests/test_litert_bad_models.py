"""Models that are missing, cut, hostile or too big: one line, the right exit code, never a hang or a crash of ours."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.litert import LitertWorkload
from edgewatt.collectors.runtimes.model_file import bundled_model, look_at_model_file
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.protocols import WorkloadRequest
from tests import tflite_models
from tests.litert_runs import ListSink, look, no_child_is_left, repeat

TINY = bundled_model()
CONTENT = TINY.read_bytes()
# A look takes 0.1 s; this is what a machine may be slower, and still no hang.
LIMIT_S = 20.0


def refused(path: Path, kind: type[EdgewattError] = UsageError, **request: Any) -> str:
    """The one line with which a model is refused."""
    with pytest.raises(kind) as caught:
        look(path, **request)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 1000
    assert no_child_is_left()
    return line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\0", "is not a .tflite model: bytes 4 to 8 are b''"),
        (b"hello, world", "is not a .tflite model: bytes 4 to 8 are b'o, w' and not b'TFL3'"),
        (b"PK\x03\x04 rest of a zip", "it is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "`git lfs pull`"),
        (b"<!DOCTYPE html><p>404", "it is a web page"),
        (b"\x89HDF\r\n\x1a\n", "it is HDF5"),
        (b"\x1f\x8b\x08\0", "it is gzip"),
        (b"LITERTLM\0", "it is a .litertlm bundle"),
        (b"\x08\0\0\0TFL3", "damaged: an offset leads to byte 8 of 8"),
        (CONTENT[:50_000], "damaged: "),
        (CONTENT[:-1], "damaged: "),
        (tflite_models.outside_buffer(10**6, 16), "damaged: a buffer claims 16 bytes at byte 1000000"),
        (tflite_models.referring(code=7), "damaged: an operator is number 7 of 1"),
        (tflite_models.referring(operand=9), "damaged: an operator's tensors are 1 to 9 of 2"),
        (tflite_models.custom("Sparkle"), "needs operators that litert does not have, among Sparkle"),
        (tflite_models.custom("FlexErf"), "among FlexErf: Select TensorFlow op(s)"),
        (tflite_models.custom("\x1b[2Jgone\n"), r"among \x1b[2Jgone\n: Encountered unresolved custom op"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", value)[:30] if isinstance(value, str) else "",
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    line = refused(path)
    assert line.startswith(f"model '{path}'")
    assert says in line


def test_missing_folder_pipe_and_forbidden(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.tflite").endswith("does not exist")
    assert "is a folder" in refused(tmp_path)
    assert "cannot be read: Not a directory" in refused(TINY / "deeper.tflite")
    assert "cannot be read: File name too long" in refused(tmp_path / ("x" * 300))
    assert "cannot be read: embedded null" in refused(Path("a\0b"))
    os.mkfifo(tmp_path / "pipe.tflite")
    assert "is a device, pipe or socket" in refused(tmp_path / "pipe.tflite")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read" in refused(tmp_path / "loop")


@pytest.mark.parametrize(
    "name", ["new\nline\r.tflite", "\x1b[31mred\x1b[0m.tflite", "\u202eetilft.tflite", b"\xff\xfe.tflite"]
)
def test_hostile_names_are_escaped_and_work(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    assert refused(path).endswith(".tflite' does not exist")
    path.write_bytes(CONTENT[:-1])
    assert "damaged" in refused(path)
    path.write_bytes(CONTENT)
    facts = look(path)
    assert facts.model.isprintable()
    assert facts.model.encode().endswith(b".tflite")


def test_a_file_larger_than_memory_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    path.write_bytes(CONTENT)
    os.truncate(path, 4 * psutil.virtual_memory().total)
    begin = time.monotonic()
    assert "is too big for this host: it needs" in refused(path, DeviceError)
    assert time.monotonic() - begin < LIMIT_S


@pytest.mark.parametrize(
    ("model", "tensor", "request_"),
    [
        (tflite_models.added([1, 2_000_000, 1_000_000]), "a", {}),
        (tflite_models.tiled(2_000_000), "rows", {}),
        (tflite_models.open_batch(), "image", {"batch": 2**31 - 1}),
    ],
    ids=["input", "inside", "batch"],
)
def test_tensors_larger_than_memory_are_named(
    tmp_path: Path, model: bytes, tensor: str, request_: dict[str, int]
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    line = refused(path, DeviceError, **request_)
    assert "is too big for this host: no memory while preparing it (not tried)" in line
    assert f"its tensor '{tensor}' takes" in line


LIMITED = """
import resource, sys
from tests.litert_runs import *
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
try:
    look(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_an_allocation_that_fails_is_a_lack_of_memory(tmp_path: Path) -> None:
    """Two gigabytes of address space stand for a machine that has no more; the rows need four."""
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite_models.tiled(1000))
    argv = [sys.executable, "-c", LIMITED, str(path), str(2 << 30)]
    said = subprocess.check_output(
        argv, text=True, cwd=Path(__file__).parents[1], env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    )
    assert said.startswith(f"DeviceError model '{path}' is too big for this host: no memory while preparing it")
    assert "its tensor 'rows' takes 4.00 GB" in said


def test_a_changed_file_is_not_measured_on(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    workload = LitertWorkload(WorkloadRequest(path))
    workload.open(HostClock())
    path.write_bytes(tflite_models.open_batch())
    with pytest.raises(UsageError, match="was changed while it was measured"):
        workload.repeat(repeat(), ListSink())
    path.unlink()
    with pytest.raises(UsageError, match="went away while it was measured"):
        workload.repeat(repeat(), ListSink())


def broken_repeat(then: Callable[[list[psutil.Process]], None], **options: float) -> tuple[EdgewattError, ListSink]:
    """A repeat of a minute, and what is done to its process when the first iterations arrive."""
    workload, sink = LitertWorkload(WorkloadRequest(TINY, options=options)), ListSink(then)
    workload.open(HostClock())
    with pytest.raises(DeviceError) as caught:
        workload.repeat(repeat(seconds=60.0), sink)
    assert no_child_is_left()
    return caught.value, sink


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGKILL, r"was killed \(SIGKILL\) while measuring, as it is when memory runs out"),
        (signal.SIGSEGV, "was ended by SIGSEGV while measuring"),
        (signal.SIGTERM, "was ended by SIGTERM"),
        (signal.SIGRTMAX, "was ended by SIGRTMAX"),
    ],
)
def test_a_process_that_dies_keeps_its_iterations(number: signal.Signals, says: str) -> None:
    error, sink = broken_repeat(lambda children: children[0].send_signal(number))
    assert re.search(says, str(error))
    # One second of about 0.3 ms each, however slow the machine.
    assert len(sink.t0_ns) > 10
    assert [window.name for window in sink.windows] == ["warmup"]


def test_a_process_that_hangs_is_ended() -> None:
    error, sink = broken_repeat(lambda children: children[0].suspend(), silence_limit_s=2.0)
    assert "was ended after 2 s without a sign of life while measuring" in str(error)
    assert len(sink.t0_ns) > 10


CRASHING = """
import os
class Interpreter:
    def __init__(self, **request):
        os.kill(os.getpid(), 11)
"""


@pytest.mark.parametrize(
    ("runtime", "kind", "says"),
    [
        ("raise ImportError('libc.so.7: not found')", DeviceError, "litert cannot be imported: libc.so.7: not found"),
        (
            "import sys, os; os.write(int(sys.argv[1]), b'*' * 99)",
            DeviceError,
            "wrote garbage while importing the runtime",
        ),
        (
            "import time; time.sleep(600)",
            DeviceError,
            "ended after 2 s without a sign of life while importing the runtime",
        ),
        (
            "import os; print('sorry', flush=True); os._exit(3)",
            EdgewattError,
            "ended with 3 while importing.*printed: sorry",
        ),
        (CRASHING, UsageError, r"crashes litert \(SIGSEGV\) while loading it; the file is most likely damaged"),
        ("import os; os.abort()", DeviceError, "was ended by SIGABRT while importing the runtime"),
    ],
)
def test_a_runtime_that_is_broken_is_told_from_a_bad_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, kind: type[EdgewattError], says: str
) -> None:
    """What no real runtime does on request: one that stands in its place fails in each way."""
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").touch()
    (tmp_path / "ai_edge_litert" / "interpreter.py").write_text(runtime)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert re.search(says, refused(TINY, kind, options={"silence_limit_s": 2.0}))


def overwritten(flips: list[tuple[int, int]]) -> bytes:
    content = bytearray(CONTENT)
    for place, value in flips:
        content[place] = value
    return bytes(content)


DAMAGE = st.one_of(
    st.integers(1, len(CONTENT) - 1).map(lambda end: CONTENT[:end]),
    st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=20).map(
        overwritten
    ),
    # The tables of this file stand in its last 3 kB; what is before are weights, which any bytes are.
    st.lists(
        st.tuples(st.integers(len(CONTENT) - 3200, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=5
    ).map(overwritten),
)


@settings(
    max_examples=60,
    deadline=LIMIT_S * 1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(DAMAGE)
@pytest.mark.long
def test_a_damaged_model_gives_a_result_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    try:
        facts = look(path)
    except (UsageError, DeviceError) as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert facts.operators
    assert no_child_is_left()


@given(st.binary(max_size=100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_looked_at_without_a_crash(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    try:
        assert look_at_model_file(path).size_b == len(content)
    except UsageError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
