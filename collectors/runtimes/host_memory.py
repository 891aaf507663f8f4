"""How much memory there is for a workload."""

from pathlib import Path

import psutil


def available_memory_b(root: Path = Path("/")) -> int:
    """Bytes that a new process could take without swapping: the machine's, or what is left of the tightest cgroup.

    Sources: psutil (MemAvailable on Linux); memory.max and memory.current of the kernel's cgroup-v2.rst.
    """
    return min([int(psutil.virtual_memory().available), *_cgroup_left_b(root)])


def _cgroup_left_b(root: Path) -> list[int]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    inside = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if inside is None:
        return []
    top = root / "sys/fs/cgroup"
    groups = [top / inside, *(top / inside).parents]
    return [left for group in groups if group.is_relative_to(top) and (left := _left_b(group)) is not None]


def _left_b(group: Path) -> int | None:
    try:
        return max(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()), 0)
    except (OSError, ValueError):
        return None
