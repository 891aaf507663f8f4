"""How much memory there is, and how much a process took: read from /proc, cgroups, or not at all."""

from pathlib import Path

import psutil
import pytest

from edgewatt.collectors.runtimes.host_memory import available_memory_b
from edgewatt.collectors.runtimes.resident import Resident, forget_peak, resident


def group(root: Path, path: str, limit: str, used: str) -> None:
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text(used)


def inside(root: Path, line: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line)
    return root


@pytest.mark.parametrize("line", ["0::/", "0::/a/b\n", "11:memory:/a\n", "garbage"])
def test_without_a_limit_it_is_the_machine(tmp_path: Path, line: str) -> None:
    available_b = available_memory_b(inside(tmp_path, line))
    assert 0 < available_b <= psutil.virtual_memory().total


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    root = inside(tmp_path, "0::/outer/middle/inner\n")
    group(root, "outer", "1000\n", "900\n")
    group(root, "outer/middle", "5000\n", "10\n")
    group(root, "outer/middle/inner", "max\n", "10\n")
    assert available_memory_b(root) == 100


def test_a_group_over_its_limit_has_nothing_left(tmp_path: Path) -> None:
    group(inside(tmp_path, "0::/a\n"), "a", "1000", "1200")
    assert available_memory_b(tmp_path) == 0


def test_a_machine_without_proc_has_no_groups(tmp_path: Path) -> None:
    assert available_memory_b(tmp_path) > 0


def test_resident_memory_grows_with_what_is_touched() -> None:
    forget_peak()
    before = resident()
    block = bytearray(50 << 20)
    after = resident()
    assert before is not None
    assert after is not None
    assert after.peak_b - before.now_b == pytest.approx(len(block), rel=0.1)


def test_status_is_read_in_kib(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t    200 kB\nVmRSS:\t    150 kB\n")
    assert resident(status) == Resident(now_b=150 * 1024, peak_b=200 * 1024)


@pytest.mark.parametrize("content", [None, "", "VmHWM: many kB\nVmRSS: 1 kB\n", "VmRSS:\nVmHWM:\n"])
def test_a_status_that_tells_nothing_is_unknown_and_not_zero(tmp_path: Path, content: str | None) -> None:
    status = tmp_path / "status"
    if content is not None:
        status.write_text(content)
    assert resident(status) is None


def test_a_peak_that_cannot_be_forgotten_is_no_error(tmp_path: Path) -> None:
    forget_peak(tmp_path / "none" / "clear_refs")
