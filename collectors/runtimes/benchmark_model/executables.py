"""What an ELF file is made for, read from its header (elf(5)), and which phones execute it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

# e_machine (elf.h) by the name that `uname -m` and linkers use.
_MACHINES: Final = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
# ABIs of Android (developer.android.com/ndk/guides/abis) by the machine they are for.
_ABIS: Final = {
    "arm64-v8a": "aarch64",
    "armeabi-v7a": "arm",
    "armeabi": "arm",
    "x86_64": "x86_64",
    "x86": "x86",
    "riscv64": "riscv64",
}
_HEADER_B: Final = 64
_CLASS_64: Final = 2
_PT_INTERP: Final = 3
_PROGRAM_HEADERS: Final = 128


def machine_of(abi: str) -> str | None:
    """The machine of an Android ABI; None if it is not a known one."""
    return _ABIS.get(abi.strip())


def elf_machine(path: Path) -> str | None:
    """What an ELF file is for, such as `aarch64`; None if it is no ELF file, or for something else, or unreadable."""
    header = _header(path)
    return None if header is None else _MACHINES.get(_unsigned(header, 18, 2))


def runs_on(machine: str, abis: Sequence[str]) -> bool:
    """Whether a phone of these ABIs (ro.product.cpu.abilist) executes programs for `machine`."""
    return machine in {machine_of(abi) for abi in abis}


def elf_interpreter(path: Path) -> str | None:
    """The program loader that an ELF file asks for, such as `/system/bin/linker64`; None if it has none."""
    header = _header(path)
    if header is None:
        return None
    is_64 = header[4] == _CLASS_64
    word = 8 if is_64 else 4
    table = _unsigned(header, 32 if is_64 else 28, word)
    entry_b, entries = (_unsigned(header, at if is_64 else at - 12, 2) for at in (54, 56))
    try:
        with path.open("rb") as file:
            for number in range(min(entries, _PROGRAM_HEADERS)):
                file.seek(table + number * entry_b)
                entry = file.read(24)
                if _unsigned(entry, 0, 4) == _PT_INTERP:
                    file.seek(_unsigned(entry, 8 if is_64 else 4, word))
                    return file.read(256).partition(b"\0")[0].decode(errors="replace")
    except (OSError, ValueError, OverflowError):
        return None
    return None


def _header(path: Path) -> bytes | None:
    """The header of a little-endian ELF file."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER_B)
    except (OSError, ValueError):
        return None
    is_elf = len(start) >= 20 and start[:4] == b"\x7fELF" and start[4] in (1, _CLASS_64) and start[5] == 1
    return start if is_elf else None


def _unsigned(content: bytes, at: int, size: int) -> int:
    """A little-endian number; bytes that are not there are 0."""
    return int.from_bytes(content[at : at + size], "little")
