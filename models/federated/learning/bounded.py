"""Files of a user's data folder: read whole up to a limit, unpacked up to a limit, or refused by name."""

import json
import zlib
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

MIB: Final = 1 << 20
GZIP: Final = b"\x1f\x8b"


def content_of(path: Path, limit: int, expected: str) -> bytes:
    """The bytes of a file, unpacked if it is gzip; at most `limit` of them. Raises UsageError that says what it is."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: cannot be read ({why}); expected {expected}") from None
    if len(content) > limit:
        raise UsageError(f"{path}: larger than {limit // MIB} MiB; expected {expected}")
    found = inflated(content, limit) if content.startswith(GZIP) else content
    if isinstance(found, str):
        raise UsageError(f"{path}: {found}; expected {expected}")
    return found


def inflated(content: bytes, limit: int) -> bytes | str:
    """What a gzip file of one member holds, or why it is refused."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        found = unpacking.decompress(content, limit + 1)
    except zlib.error as error:
        return f"is no readable gzip ({error})"
    if len(found) > limit:
        return f"unpacks to more than {limit // MIB} MiB"
    if not unpacking.eof:
        return "ends in the middle of its gzip"
    return found


def json_of(path: Path, limit: int, expected: str) -> Any:
    """The JSON of a file. Raises UsageError."""
    content = content_of(path, limit, expected)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no readable JSON ({shown(str(error))}); expected {expected}") from None


def first_of(folder: Path, names: tuple[str, ...], expected: str) -> Path:
    """The first of these names that is in the folder. Raises UsageError that lists them."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(f"{folder}: has none of {', '.join(names)}; expected {expected}")
