"""One GPU: found by its index or UUID, and what it says of itself. Text and numbers of the driver are bounded."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.nvidia.library import FUNCTION_NOT_FOUND, NOT_FOUND, Library, NvmlError
from edgewatt.profiler.errors import DeviceError, UsageError

TEXT_LIMIT: Final = 128
# nvml.h, nvmlDeviceArchitecture_t.
ARCHITECTURES: Final = {
    2: "kepler",
    3: "maxwell",
    4: "pascal",
    5: "volta",
    6: "turing",
    7: "ampere",
    8: "ada",
    9: "hopper",
    10: "blackwell",
}
_INDEX: Final = re.compile(r"[0-9]{1,3}")
_UUID: Final = re.compile(r"GPU-[0-9a-fA-F]{4,16}(-[0-9a-fA-F]{4,16}){0,6}")
_MIG: Final = re.compile(r"MIG-[0-9A-Za-z/-]{1,120}")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU behind its handle; `index` as NVML counts, `uuid` and `name` as it calls itself ("" where it does not)."""

    library: Library
    handle: Any
    index: int
    uuid: str
    name: str
    architecture: str | None

    def ask(self, call: str, *arguments: Any) -> Any:
        """What `nvmlDevice<call>` says of this GPU. Raises NvmlError."""
        return self.library.ask(f"Device{call}", self.handle, *arguments)

    def first(self, *calls: tuple[Any, ...]) -> Any:
        """What the first of the calls answers that this driver and module have. Raises NvmlError."""
        for call in calls[:-1]:
            try:
                return self.ask(*call)
            except NvmlError as failure:
                if failure.is_lost:
                    raise
        return self.ask(*calls[-1])


def find(library: Library, asked: str) -> Gpu:
    """The GPU that `asked` names: "0", or its UUID. Raises UsageError for what is neither, DeviceError without it."""
    if _MIG.fullmatch(asked):
        raise UsageError(_of_slice(library, asked))
    try:
        if _INDEX.fullmatch(asked):
            handle = library.ask("DeviceGetHandleByIndex", int(asked))
        elif _UUID.fullmatch(asked):
            handle = library.ask("DeviceGetHandleByUUID", asked)
        else:
            raise UsageError(f"{asked!r} names no GPU: expected its index (nvml:0) or its UUID (nvml:GPU-...)")
    except NvmlError as failure:
        raise DeviceError(f"GPU {asked}: {failure.words}; {_there(library)}") from None
    return described(library, handle, int(asked) if _INDEX.fullmatch(asked) else 0)


def described(library: Library, handle: Any, index: int) -> Gpu:
    """The GPU behind a handle, with what it says of itself; `index` counts where NVML does not say it."""
    bare = Gpu(library, handle, index, "", "", None)
    said = quietly(lambda: bare.ask("GetIndex"))
    code = quietly(lambda: bare.ask("GetArchitecture"))
    return Gpu(
        library,
        handle,
        said if isinstance(said, int) and 0 <= said < 1000 else index,
        text(quietly(lambda: bare.ask("GetUUID"))),
        text(quietly(lambda: bare.ask("GetName"))) or "NVIDIA GPU",
        ARCHITECTURES.get(code) if isinstance(code, int) else None,
    )


def count(library: Library) -> int:
    """How many GPUs NVML sees. Raises NvmlError."""
    seen = library.ask("DeviceGetCount")
    return min(max(seen, 0), 1000) if isinstance(seen, int) else 0


def quietly(ask: Callable[[], Any]) -> Any:
    """What is answered, None where NVML refuses."""
    try:
        return ask()
    except NvmlError:
        return None


def text(said: Any) -> str:
    """Text of the driver on one line, bounded and printable; "" for anything else."""
    if isinstance(said, bytes):
        said = said.decode(errors="replace")
    if not isinstance(said, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in said[: 4 * TEXT_LIMIT]).split())[:TEXT_LIMIT]


def _there(library: Library) -> str:
    try:
        seen = count(library)
    except NvmlError as failure:
        return f"and how many there are NVML does not say ({failure.words})"
    return f"NVML sees {seen} here, counted from 0" if seen else "NVML sees no GPU here"


def _of_slice(library: Library, asked: str) -> str:
    """Why a MIG slice has no joules, and whose it is."""
    whole = "the whole GPU (nvml:0)"
    try:
        slice_handle = library.ask("DeviceGetHandleByUUID", asked)
        handle = library.ask("DeviceGetDeviceHandleFromMigDeviceHandle", slice_handle)
        uuid = text(quietly(lambda: library.ask("DeviceGetUUID", handle)))
        whole = f"the whole GPU: nvml:{uuid}" if uuid else whole
    except NvmlError as failure:
        if failure.code not in {NOT_FOUND, FUNCTION_NOT_FOUND}:
            whole = f"{whole}; of this one it says: {failure.words}"
    return (
        f"{asked} is a MIG slice: NVML measures power and energy of whole GPUs only, and no share of a slice can be "
        f"told from it. Name {whole}; its joules are those of all slices and of what they share"
    )
