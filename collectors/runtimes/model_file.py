"""What can be said of a model file before anything runs it; and the small model that comes with edgewatt."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.host_memory import available_memory_b
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.tflite_structure import IDENTIFIER
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.units import format_si

# How files begin that people give instead of a .tflite, and what to do about each.
_OTHERS: Final[Mapping[bytes, str]] = {
    b"version https://git-lfs": "it is a Git LFS pointer; fetch the file itself with `git lfs pull`",
    b"PK\x03\x04": "it is a zip archive (.keras, .task, .pte, a download?); unpack or convert it",
    b"\x89HDF": "it is HDF5 (Keras .h5); convert it with TFLiteConverter.from_keras_model",
    b"\x1f\x8b": "it is gzip; unpack it",
    b"LITERTLM": "it is a .litertlm bundle; profile the .tflite inside",
    b"<!DOCTYPE": "it is a web page; the download went wrong",
    b"<html": "it is a web page; the download went wrong",
}

SMALLER: Final = "free memory, or use a smaller model, batch or input shape"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that may be a model: where it is, the name under which it is shown and stored, and its content's hash."""

    path: Path
    name: str
    size_b: int
    modified_ns: int
    sha256: str

    @property
    def shown(self) -> str:
        """The path for a message, with everything escaped that could play tricks on a terminal."""
        return shown(self.path)


def bundled_model() -> Path:
    """The small convolutional network that comes with edgewatt (benchmarks/make_tiny_model.py makes it)."""
    return Path(str(files("edgewatt.collectors.runtimes") / "edgewatt_tiny.tflite"))


def shown(path: Path) -> str:
    """The beginning of a message about a model file."""
    return f"model '{printable(str(path))}'"


def look_at_model_file(path: Path) -> ModelFile:
    """Size, name and hash of a file that begins as a .tflite does and fits into memory.

    Raises UsageError if it is no such file, DeviceError if it is larger than the memory that is available.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{shown(path)} is a folder; a .tflite file was expected (convert a SavedModel first)")
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{shown(path)} is a device, pipe or socket; a .tflite file was expected")
        with path.open("rb") as file:
            _check_beginning(path, found.st_size, file.read(64))
        check_fits(shown(path), found.st_size)
        return ModelFile(path, printable(path.name), found.st_size, found.st_mtime_ns, sha256_of_file(path))
    except FileNotFoundError:
        raise UsageError(f"{shown(path)} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{shown(path)} cannot be read: {reason}") from error


def _check_beginning(path: Path, size_b: int, beginning: bytes) -> None:
    if size_b == 0:
        raise UsageError(f"{shown(path)} is empty; was its download or conversion interrupted?")
    for magic, advice in _OTHERS.items():
        if beginning.startswith(magic):
            raise UsageError(f"{shown(path)} is not a .tflite model: {advice}")
    if beginning[4:8] != IDENTIFIER:
        raise UsageError(
            f"{shown(path)} is not a .tflite model: bytes 4 to 8 are {beginning[4:8]!r} and not {IDENTIFIER!r}; "
            "convert it with TFLiteConverter or litert-torch"
        )


def check_fits(what: str, needed_b: int) -> None:
    """Raise DeviceError if `needed_b` bytes are more than the memory that is available."""
    if needed_b > (left_b := available_memory_b()):
        raise DeviceError(
            f"{what} is too big for this host: it needs {format_si(needed_b, 'B')} of memory and "
            f"{format_si(left_b, 'B')} are available; {SMALLER}"
        )


def check_unchanged(model: ModelFile) -> None:
    """Raise UsageError if the file is no longer the one that was looked at."""
    try:
        found = model.path.stat()
    except OSError as error:
        raise UsageError(f"{model.shown} went away while it was measured: {error.strerror}") from error
    if (found.st_size, found.st_mtime_ns) != (model.size_b, model.modified_ns):
        raise UsageError(f"{model.shown} was changed while it was measured; run it again on a file that stays")
