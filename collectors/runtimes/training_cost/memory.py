"""The memory of a training process: what torch has allocated on CUDA, else what is resident."""

from pathlib import Path
from typing import Any, Final, Protocol

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
# Written there, it sets the peak of the resident memory back to what is resident now (proc(5), since Linux 4.0).
_PEAK: Final = b"5"


class Memory(Protocol):
    """Bytes now, and the most since `reset`."""

    what: str

    def reset(self) -> None:
        """The peak is looked for from now on."""

    def now_b(self) -> int | None:
        """Bytes now."""

    def peak_b(self) -> int | None:
        """The most since reset."""


class Allocated:
    """By torch's caching allocator on one CUDA device."""

    what = "allocated"

    def __init__(self, torch: Any, device: Any) -> None:
        self._cuda, self._device = torch.cuda, device

    def reset(self) -> None:
        """The peak is looked for from now on."""
        self._cuda.reset_peak_memory_stats(self._device)

    def now_b(self) -> int | None:
        """Bytes in tensors."""
        return self._bytes("current")

    def peak_b(self) -> int | None:
        """The most since reset."""
        return self._bytes("peak")

    def _bytes(self, which: str) -> int:
        # memory_allocated() does the same by way of a flat dictionary of hundreds of figures.
        return int(self._cuda.memory_stats_as_nested_dict(self._device)["allocated_bytes"]["all"][which])


class Resident:
    """Of the whole process, as the kernel counts it; None where it does not tell, or its peak cannot be set back."""

    what = "resident"

    def __init__(self) -> None:
        self._resets = True

    def reset(self) -> None:
        """The peak is looked for from now on."""
        try:
            with _CLEAR.open("wb") as file:
                file.write(_PEAK)
        except OSError:
            self._resets = False

    def now_b(self) -> int | None:
        """Bytes of physical memory."""
        return _status(b"VmRSS:")

    def peak_b(self) -> int | None:
        """The most since reset."""
        return _status(b"VmHWM:") if self._resets else None


def memory_of(model: Any) -> Memory:
    """CUDA's where the model's first parameter lies there."""
    import torch  # noqa: PLC0415

    first = next(iter(model.parameters()), None)
    return Allocated(torch, first.device) if first is not None and first.is_cuda else Resident()


def _status(key: bytes) -> int | None:
    try:
        with _STATUS.open("rb") as file:
            text = file.read()
    except OSError:
        return None
    _, found, rest = text.partition(key)
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else None
