"""Opening a packed run that came from anybody: nothing outside, no links, no bombs; into a folder of this process."""

import re
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.layout import is_file_name
from edgewatt.profiler.storage.manifest import FILE_NAME
from edgewatt.profiler.storage.packing.magic import DAMAGE, is_packed

# An hour at 5 kHz takes some 100 MB (facts/peers.md, section 6); a day would still fit.
SIZE_LIMIT_B: Final = 8 << 30
FILES_LIMIT: Final = 10_000
# Numbers of a run compress some fivefold, its texts some twentyfold; what expands more says nothing.
RATIO_LIMIT: Final = 200
RATIO_FROM_B: Final = 16 << 20
DEPTH: Final = 3
_CHUNK_B: Final = 1 << 20
_ENCRYPTED: Final = 0x1
_DRIVE: Final = re.compile(r"[A-Za-z]:")

# What was unpacked, by the file and its state; it goes when the process ends.
_unpacked: dict[tuple[str, int, int], tuple["tempfile.TemporaryDirectory[str]", Path]] = {}


def folder_of(path: str | Path) -> Path:
    """The folder of the run that `path` names: itself, or, for a zip, a copy that lives as long as this process.

    Raises UsageError for a zip that is damaged, holds no run or more than a run has, or names what it must not.
    """
    path = Path(path)
    if not is_packed(path):
        return path
    seen = path.stat()
    key = (str(path.resolve()), seen.st_mtime_ns, seen.st_size)
    if key not in _unpacked:
        folder = tempfile.TemporaryDirectory(prefix="edgewatt-packed-")
        try:
            _unpacked[key] = folder, _unpack(path, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
    return _unpacked[key][1]


def _unpack(path: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as packed:
            infos = _checked(path, packed.infolist())
            tops = {
                info.filename.rpartition("/")[0] for info in infos if PurePosixPath(info.filename).name == FILE_NAME
            }
            if len(tops) != 1:
                raise UsageError(f"{path} holds {len(tops)} runs, expected one, as `edgewatt pack` makes")
            left_b = _allowed_b(path)
            for info in infos:
                left_b -= _extract(packed, info, folder, left_b)
            return folder / tops.pop()
    except DAMAGE as error:
        raise UsageError(f"{path} is damaged, or no zip that `edgewatt pack` makes: {error}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be unpacked: {error.strerror or error}") from None


def _allowed_b(path: Path) -> int:
    return min(SIZE_LIMIT_B, max(RATIO_FROM_B, RATIO_LIMIT * path.stat().st_size))


def _checked(path: Path, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The files. Raises UsageError for whatever no run has."""
    if len(infos) > FILES_LIMIT:
        raise UsageError(f"{path} holds {len(infos)} files, expected at most {FILES_LIMIT}")
    files = [info for info in infos if not info.is_dir()]
    names = [info.filename.lower() for info in files]
    if len(set(names)) != len(names):
        raise UsageError(f"{path} holds a name twice, expected each once")
    for info in infos:
        parts = info.filename.rstrip("/").split("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        shown = repr(info.filename)[:80]
        if not 0 < len(parts) <= DEPTH or not all(map(is_file_name, parts)) or _DRIVE.match(info.filename):
            raise UsageError(f"{path} holds {shown}, which is no name of a file in a run; nothing was unpacked")
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise UsageError(f"{path} holds {shown}, which is a link or a device; nothing was unpacked")
        if info.flag_bits & _ENCRYPTED:
            raise UsageError(f"{path} is encrypted; expected a zip that `edgewatt pack` makes")
    if (total_b := sum(info.file_size for info in files)) > _allowed_b(path):
        raise UsageError(f"{path} would take {total_b} bytes, more than a run of its size can; nothing was unpacked")
    return files


def _extract(packed: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, left_b: int) -> int:
    """Write one file, whatever its size is said to be; how large it is. Raises UsageError beyond `left_b`."""
    target = folder.joinpath(*info.filename.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    written_b = 0
    with packed.open(info) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK_B):
            written_b += len(chunk)
            if written_b > left_b:
                raise UsageError(f"{packed.filename} holds more than a run of its size can; it was not unpacked")
            file.write(chunk)
    return written_b
