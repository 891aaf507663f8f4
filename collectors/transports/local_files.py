"""Files of this machine on their way to and from a device: read in blocks, written whole or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from edgewatt.profiler.errors import DeviceError

# As many frames of adb's sync service (64 KiB) as fit into the largest ADB packet.
BLOCK_B: Final = 15 << 16


def blocks(content: Path | bytes, what: str) -> Iterator[bytes]:
    """The content in order. Raises DeviceError for what is no file that can be read."""
    if isinstance(content, bytes):
        yield from (content[at : at + BLOCK_B] for at in range(0, len(content), BLOCK_B))
        return
    try:
        with content.open("rb") as file:
            while block := file.read(BLOCK_B):
                yield block
    except (OSError, ValueError) as error:
        raise DeviceError(f"cannot {what}: {error}; expected a file") from None


def length_b(content: Path | bytes) -> int:
    """How much it is now; 0 for a file that cannot be asked."""
    try:
        return len(content) if isinstance(content, bytes) else content.stat().st_size
    except (OSError, ValueError):
        return 0


@contextmanager
def whole_file(local: Path, what: str) -> Iterator[BinaryIO]:
    """A file that gets its name when everything is in it. Raises DeviceError if it cannot be written."""
    part = local.parent / f".{local.name[:64]}.{secrets.token_hex(4)}.part"
    try:
        with part.open("xb") as file:
            yield file
        part.replace(local)
    except (OSError, ValueError) as error:
        raise DeviceError(f"cannot {what}: {error}; expected a folder with room for it") from None
    finally:
        with suppress(OSError, ValueError):
            part.unlink()
