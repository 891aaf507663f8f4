"""A full disk: one clear line, what was recorded is kept, and recording can go on once there is room."""

import ast
import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.trace import Trace
from tests.recorded_runs import begin, everything, rows_by_stream, step


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("needs a small file system, and there is no mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs a small file system, and mounting a tmpfs failed: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a test that failed may still hold a file


def record_until_full(run: Path) -> tuple[dict[str, int], str]:
    """The samples flushed before the disk was full, by stream, and what was said then."""
    writer = begin(run)
    flushed: dict[str, int] = {}
    with pytest.raises(UsageError) as full:  # noqa: PT012  (whichever flush comes to it)
        for number in range(1000):
            step(writer, number, rows=1000)
            writer.flush()
            flushed = {"load": number + 1, "meter": 1000 * (number + 1), "meter-slow": number + 1}
    with pytest.raises(UsageError, match="cannot write"):
        writer.close()
    return flushed, str(full.value)


def test_a_full_disk_keeps_what_was_recorded(small_disk: Path) -> None:
    run = small_disk / "run"
    flushed, said = record_until_full(run)
    assert "\n" not in said
    assert said.startswith(f"cannot write {run}/")
    assert "No space left on device" in said
    assert f"`edgewatt process {run}`" in said
    read = rows_by_stream(Trace.open(run))
    assert all(flushed[name] <= read[name] <= flushed[name] + 1000 for name in flushed)
    before = everything(Trace.open(run))
    fill(small_disk / "filler")
    with pytest.raises(UsageError, match="No space left on device"):
        recover(run)
    assert everything(Trace.open(run)) == before
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert everything(recover(run)) == before


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  (how it ends)


def test_no_room_for_the_final_form_keeps_the_recorded_one(small_disk: Path) -> None:
    writer = begin(small_disk / "run")
    for number in range(10):
        step(writer, number, rows=1000)
    writer.flush()
    filler = small_disk / "filler"
    fill(filler)
    before = everything(Trace.open(writer.path))
    with pytest.raises(UsageError, match=r"cannot write .*No space left on device"):
        writer.close()
    assert len(list(writer.path.rglob("*.arrows"))) == 7
    assert everything(Trace.open(writer.path)) == before
    filler.unlink()
    assert everything(recover(writer.path)) == before


def test_what_did_not_fit_is_written_once_there_is_room(small_disk: Path) -> None:
    writer = begin(small_disk / "run")
    step(writer, 0, rows=1000)
    writer.flush()
    filler = small_disk / "filler"
    fill(filler)
    os.truncate(filler, filler.stat().st_size - 2 * 4096)  # so that half of the next batch fits
    step(writer, 1, rows=1000)
    for _ in range(3):
        with pytest.raises(UsageError, match="No space left on device"):
            writer.flush()
    filler.unlink()
    step(writer, 2, rows=1000)
    writer.flush()
    assert rows_by_stream(Trace.open(writer.path)) == {"load": 3, "meter": 3000, "meter-slow": 3}
    writer.close()
    trace = Trace.open(writer.path)
    assert trace.notices == []
    assert rows_by_stream(trace) == {"load": 3, "meter": 3000, "meter-slow": 3}
    assert [window.name for window in trace.windows()] == ["measure/0", "measure/1", "measure/2"]


FILE_LIMIT_B = 60_000


def test_a_file_that_may_not_grow_is_said_like_a_full_disk(tmp_path: Path) -> None:
    """The same through a limit on the size of a file, for machines where nothing can be mounted."""
    run = tmp_path / "run"
    code = f"import pathlib, tests.test_full_disk as t; print(t.record_until_full(pathlib.Path({str(run)!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT_B, FILE_LIMIT_B)),
    )
    flushed, said = ast.literal_eval(done.stdout)
    assert "File too large" in said
    read = rows_by_stream(Trace.open(run))
    assert flushed["meter"] >= 3000
    assert all(flushed[name] <= read[name] for name in flushed)
    before = everything(Trace.open(run))
    assert everything(recover(run)) == before
