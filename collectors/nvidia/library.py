"""NVML as nvidia-ml-py offers it: this file alone imports it, and every way in which it fails is an NvmlError."""

import ctypes
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.errors import DeviceError

# nvml.h, nvmlReturn_t; the words are ours.
UNINITIALIZED: Final = 1
NOT_SUPPORTED: Final = 3
NOT_FOUND: Final = 6
DRIVER_NOT_LOADED: Final = 9
LIBRARY_NOT_FOUND: Final = 12
FUNCTION_NOT_FOUND: Final = 13
GPU_IS_LOST: Final = 15
RESET_REQUIRED: Final = 16
VERSION_MISMATCH: Final = 18
UNKNOWN: Final = 999
WORDS: Final = {
    UNINITIALIZED: "NVML is not initialised",
    2: "invalid argument",
    NOT_SUPPORTED: "not supported by this GPU or driver",
    4: "permission denied",
    NOT_FOUND: "not found",
    DRIVER_NOT_LOADED: "the NVIDIA kernel module is not loaded",
    10: "timed out",
    11: "the kernel found a problem with the GPU's interrupts",
    LIBRARY_NOT_FOUND: "libnvidia-ml.so.1 is not on this machine",
    FUNCTION_NOT_FOUND: "this driver or nvidia-ml-py does not have that call",
    14: "the GPU's infoROM is damaged",
    GPU_IS_LOST: "the GPU is lost: it fell off the bus or cannot be reached",
    RESET_REQUIRED: "the GPU needs a reset",
    17: "the operating system blocked the request",
    VERSION_MISMATCH: "driver library and kernel module are of different versions",
    20: "out of memory",
    21: "no data",
    25: "this driver does not know that version of the argument",
    26: "the call is deprecated",
    UNKNOWN: "unknown error",
}
# What helps where NVML does not start.
FIXES: Final = {
    DRIVER_NOT_LOADED: "sudo modprobe nvidia",
    4: "give this user read and write access to /dev/nvidiactl and /dev/nvidia0",
    LIBRARY_NOT_FOUND: "install the NVIDIA driver; in a container start it with --gpus all",
    VERSION_MISMATCH: "reboot: the driver was upgraded under a kernel module that still runs",
}
# After these nothing more comes from the GPU until somebody acts.
LOST: Final = frozenset({UNINITIALIZED, DRIVER_NOT_LOADED, GPU_IS_LOST, RESET_REQUIRED, VERSION_MISMATCH})
INSTALL: Final = "pip uninstall -y pynvml; pip install --force-reinstall nvidia-ml-py"


class NvmlError(OSError):
    """A call that NVML refused: the call's name, the code of nvmlReturn_t, and what that means."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"nvml{call}: {WORDS.get(code, f'NVML error {code}')}")
        self.call, self.code = call, code

    @property
    def is_lost(self) -> bool:
        """True if asking again is of no use."""
        return self.code in LOST

    @property
    def words(self) -> str:
        """What the code means, without the call."""
        return WORDS.get(self.code, f"NVML error {self.code}")


@dataclass(slots=True)
class Spent:
    """What questions of one kind cost: how many, and how long they took together and at worst."""

    calls: int = 0
    total_ns: int = 0
    worst_ns: int = 0

    def add(self, took_ns: int) -> None:
        """Count one."""
        self.calls += 1
        self.total_ns += took_ns
        self.worst_ns = max(self.worst_ns, took_ns)


@dataclass(frozen=True, slots=True)
class Library:
    """The module `pynvml` of nvidia-ml-py, initialised; `spent` keeps account of what asking cost, by call."""

    module: Any
    clock: Clock = field(default_factory=HostClock)
    spent: dict[str, Spent] = field(default_factory=dict)

    def ask(self, call: str, *arguments: Any) -> Any:
        """What `nvml<call>` answers. Raises NvmlError, also for a call that this module does not have."""
        function = getattr(self.module, f"nvml{call}", None)
        if function is None:
            raise NvmlError(call, FUNCTION_NOT_FOUND)
        before_ns = self.clock.now_ns()
        try:
            return function(*arguments)
        except self.module.NVMLError as error:
            code = getattr(error, "value", UNKNOWN)
            raise NvmlError(call, code if isinstance(code, int) else UNKNOWN) from None
        except (ValueError, TypeError, AttributeError, ctypes.ArgumentError):
            # Bytes that are no text, or an older module that wants other arguments.
            raise NvmlError(call, UNKNOWN) from None
        finally:
            self.spent.setdefault(call, Spent()).add(self.clock.now_ns() - before_ns)


def load() -> Any:
    """The module. Raises DeviceError where it is missing, or another one has its name."""
    try:
        with warnings.catch_warnings():
            # The empty package `pynvml` 13 warns whenever anybody imports the module of nvidia-ml-py.
            warnings.simplefilter("ignore", FutureWarning)
            import pynvml  # type: ignore[import-untyped]  # noqa: PLC0415  (nobody without a GPU pays)
    except ImportError as error:
        raise DeviceError(f"NVIDIA GPUs are read through nvidia-ml-py, which cannot be imported: {error}") from None
    if not hasattr(pynvml, "_nvmlGetFunctionPointer"):
        where = getattr(pynvml, "__file__", None) or "an unknown place"
        raise DeviceError(
            f"the module pynvml at {where} is not that of nvidia-ml-py: another package has taken its name (PyPI's old "
            f"pynvml does). {INSTALL}"
        )
    return pynvml


@contextmanager
def session(clock: Clock | None = None) -> Iterator[Library]:
    """NVML between its nvmlInit and its nvmlShutdown, which NVML counts: each holder has a pair of its own.

    Raises DeviceError without nvidia-ml-py, NvmlError where NVML does not start.
    """
    library = Library(load(), clock or HostClock())
    library.ask("Init")
    try:
        yield library
    finally:
        with suppress(NvmlError):
            library.ask("Shutdown")


def not_started(failure: NvmlError) -> DeviceError:
    """What a user is told when NVML does not start."""
    fix = FIXES.get(failure.code)
    return DeviceError(f"no NVIDIA GPU can be read: {failure.words}{f'. {fix}' if fix else ''}")
