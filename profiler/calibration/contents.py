"""The files of a calibration's folder or zip, whoever made it: read into memory, bounded, and never unpacked."""

import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.storage.packing.magic import DAMAGE, is_packed

# A phone's tables take some 100 kB, a fleet's of a hundred devices some 10 MB.
SIZE_LIMIT_B: Final = 64 << 20
FILES_LIMIT: Final = 1000


@dataclass(slots=True)
class Contents:
    """The known files by name, and what there is to say of the others."""

    files: dict[str, bytes] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def unknown(self, name: str) -> None:
        """Say that a file was not read."""
        self.notices.append(f"{shown(name)} belongs to no calibration and was not read")


def holds(path: Path, name: str) -> bool:
    """Whether a folder or zip has a file of that name, where a calibration has it. Never raises."""
    try:
        if not is_packed(path):
            return (path / name).is_file()
        with zipfile.ZipFile(path) as packed:
            return any(info.filename.rpartition("/")[2] == name for info in packed.infolist()[:FILES_LIMIT])
    except (OSError, *DAMAGE):
        return False


def contents_of(path: Path, known: Collection[str], needed: str) -> Contents:
    """The files called one of `known` in the folder or zip `path`.

    Raises UsageError if `needed` is not among them, for a damaged zip, and for what is larger than a calibration is.
    """
    contents = Contents()
    try:
        if is_packed(path):
            _read_zip(path, known, contents)
        elif path.is_dir():
            _read_folder(path, known, contents)
        else:
            raise UsageError(f"{path} is no calibration: expected a folder or a zip, as `edgewatt calibrate -o` makes")
    except OSError as error:
        raise UsageError(f"{error.filename or path} cannot be read: {error.strerror or error}") from None
    except DAMAGE as error:
        raise UsageError(f"{path} is damaged, or no zip: {error}") from None
    if needed not in contents.files:
        raise UsageError(f"{path} is no calibration: it has no {needed}, as `edgewatt calibrate -o` makes")
    return contents


def _read_folder(path: Path, known: Collection[str], contents: Contents) -> None:
    left_b = SIZE_LIMIT_B
    for number, file in enumerate(sorted(path.iterdir())):
        if number >= FILES_LIMIT:
            raise UsageError(f"{path} holds more than {FILES_LIMIT} files, which no calibration does")
        if file.name not in known or not file.is_file():
            contents.unknown(file.name)
            continue
        with file.open("rb") as opened:
            contents.files[file.name] = _bounded(path, opened.read(left_b + 1), left_b)
        left_b -= len(contents.files[file.name])


def _read_zip(path: Path, known: Collection[str], contents: Contents) -> None:
    left_b = SIZE_LIMIT_B
    with zipfile.ZipFile(path) as packed:
        infos = [info for info in packed.infolist() if not info.is_dir()]
        if len(infos) > FILES_LIMIT:
            raise UsageError(f"{path} holds {len(infos)} files, expected at most {FILES_LIMIT}")
        for info in infos:
            top, _, name = info.filename.rpartition("/")
            if name not in known or "/" in top:
                contents.unknown(info.filename)
                continue
            if name in contents.files:
                raise UsageError(f"{path} holds {name} twice, expected one calibration")
            with packed.open(info) as opened:
                contents.files[name] = _bounded(path, opened.read(left_b + 1), left_b)
            left_b -= len(contents.files[name])


def _bounded(path: Path, content: bytes, limit_b: int) -> bytes:
    if len(content) > limit_b:
        raise UsageError(f"{path} holds more than {SIZE_LIMIT_B >> 20} MiB, which no calibration does; it was not read")
    return content
