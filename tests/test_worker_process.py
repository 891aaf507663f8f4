"""A child process and its frames: what it prints is bounded, what it says is read, and it always ends."""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.frames import JSON, LIMIT_B, STAMPS, Frame, FrameParser, send, send_json
from edgewatt.collectors.runtimes.worker_process import WorkerProcess
from edgewatt.profiler.errors import DeviceError
from tests.litert_runs import no_child_is_left

HEAD = """
import json, os, sys, time
from edgewatt.collectors.runtimes.frames import send_json
fd = int(sys.argv[1])
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that the child can import, to be written by the test; afterwards no child is left."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield tmp_path / "odd_worker.py"
    assert no_child_is_left()


def listen(limit_s: float = 20.0, **request: object) -> tuple[WorkerProcess, list[Frame]]:
    with WorkerProcess("odd_worker", request, output_limit_b=1000) as process:
        return process, list(process.frames(limit_s))


def test_prints_do_not_mix_with_frames(worker: Path) -> None:
    worker.write_text(
        HEAD + "question = json.load(sys.stdin)\nprint('S' * 50, flush=True)\nos.write(2, b'noise')\n"
        "send_json(fd, 'done', got=question['asked'])\nprint('bye')\n"
    )
    process, frames = listen(asked=[1, "\udc80"])
    assert frames == [{"says": "done", "got": [1, "\udc80"]}]
    assert bytes(process.output) == b"S" * 50 + b"\nnoisebye\n"
    assert process.returncode == 0


def test_a_flood_of_prints_is_cut_and_does_not_block(worker: Path) -> None:
    worker.write_text(HEAD + "for _ in range(100):\n    os.write(1, b'x' * 65536)\nsend_json(fd, 'done')\n")
    process, frames = listen()
    assert frames == [{"says": "done"}]
    assert bytes(process.output) == b"x" * 1000


def test_silence_ends_it(worker: Path) -> None:
    worker.write_text(HEAD + "send_json(fd, 'hello')\ntime.sleep(600)\n")
    process, frames = listen(1.0)
    assert frames == [{"says": "hello"}]
    assert process.silent
    assert process.returncode == -9


def test_prints_are_no_sign_of_life(worker: Path) -> None:
    worker.write_text(HEAD + "while True:\n    os.write(1, b'still busy')\n")
    process, frames = listen(1.0)
    assert frames == []
    assert process.silent


def test_garbage_ends_it(worker: Path) -> None:
    worker.write_text(HEAD + "os.write(fd, b'Segmentation fault' * 10)\ntime.sleep(600)\n")
    process, frames = listen()
    assert frames == []
    assert process.garbled


def test_death_is_told_with_its_signal(worker: Path) -> None:
    worker.write_text(HEAD + "print('last words', flush=True)\nos.kill(os.getpid(), 11)\n")
    process, _ = listen()
    assert process.returncode == -11
    assert bytes(process.output) == b"last words\n"


def test_an_error_of_the_reader_ends_it(worker: Path) -> None:
    worker.write_text(HEAD + "send_json(fd, 'hello')\ntime.sleep(600)\n")
    process = WorkerProcess("odd_worker", {}, output_limit_b=1000)
    with pytest.raises(KeyboardInterrupt), process:
        raise KeyboardInterrupt(next(process.frames(20.0)))
    assert process.returncode == -9


def test_a_closed_pipe_is_not_the_end_of_the_process(worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewatt.collectors.runtimes.worker_process.EXIT_LIMIT_S", 0.2)
    worker.write_text(HEAD + "os.close(fd)\ntime.sleep(600)\n")
    process, frames = listen()
    assert frames == []
    assert process.silent


def test_nothing_in_the_current_folder_is_imported(
    worker: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = tmp_path_factory.mktemp("hostile")
    (hostile / "json.py").write_text("raise SystemExit('owned')")
    monkeypatch.chdir(hostile)
    worker.write_text(HEAD + "send_json(fd, 'done')\n")
    assert listen()[1] == [{"says": "done"}]


def test_no_python_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(DeviceError, match="cannot start /nowhere/python"):
        WorkerProcess("odd_worker", {}, output_limit_b=1000)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@given(st.lists(st.one_of(st.binary().map(lambda b: b * 16), st.dictionaries(st.text(), st.integers()))), st.data())
def test_frames_survive_any_chopping(frames: list[bytes | dict[str, int]], data: st.DataObject) -> None:
    sent = b"".join(_frame(frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    parser = FrameParser()
    pieces = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    heard = [frame for piece in pieces for frame in parser.feed(piece)]
    assert heard == [frame if isinstance(frame, bytes) else {"says": "x", **frame} for frame in frames]


def _frame(frame: bytes | dict[str, int]) -> bytes:
    if isinstance(frame, bytes):
        return struct.pack("<cI", STAMPS, len(frame)) + frame
    payload = json.dumps({"says": "x", **frame}).encode()
    return struct.pack("<cI", JSON, len(payload)) + payload


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    try:
        frames = list(FrameParser().feed(data))
    except ValueError:
        return
    assert sum(5 + len(frame) for frame in frames if isinstance(frame, bytes)) <= len(data)


def test_a_length_beyond_all_reason_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no frame begins with"):
        list(FrameParser().feed(struct.pack("<cI", JSON, LIMIT_B + 1)))


@pytest.mark.parametrize(
    ("kind", "payload"), [(STAMPS, b"x" * 15), (JSON, b"[1, 2]"), (JSON, b"{}"), (JSON, b"{"), (JSON, b"\xff")]
)
def test_a_frame_that_holds_nonsense_is_refused(kind: bytes, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(FrameParser().feed(struct.pack("<cI", kind, len(payload)) + payload))


def test_what_is_sent_is_read() -> None:
    reader, writer = os.pipe()
    send_json(writer, "hello", n=1)
    send(writer, STAMPS, memoryview(struct.pack("<4q", 1, 2, 3, 4)).cast("q"))
    os.close(writer)
    assert list(FrameParser().feed(os.read(reader, 1000))) == [
        {"says": "hello", "n": 1},
        struct.pack("<4q", 1, 2, 3, 4),
    ]
    os.close(reader)
