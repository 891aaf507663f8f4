"""Packing a run: a copy without what gives somebody away, then one zip of it."""

import getpass
import os
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.storage.durable import TEMPORARY, rename_durably
from edgewatt.profiler.storage.integrity import refuse_edited
from edgewatt.profiler.storage.layout import RAW, STREAMS, is_file_name
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, write_manifest
from edgewatt.profiler.storage.packing.inside import CITATION, CITATION_TEXT, README, REPORT, readme, report
from edgewatt.profiler.storage.packing.raw import learn_raw, redacted_raw
from edgewatt.profiler.storage.packing.redactor import Redactor
from edgewatt.profiler.storage.packing.stored import learn_manifest, learn_table, redacted_manifest, redacted_table
from edgewatt.profiler.storage.packing.zipped import write_zip
from edgewatt.profiler.storage.streams import PARQUET
from edgewatt.profiler.storage.trace import Trace

TOP: Final = "edgewatt-run"
# Of a run and its manifest as it is packed: hashes in its tables, and what they become.
Hashes = Callable[[Trace, Manifest], Mapping[str, str]]
# Where the files of a run lie: in its folder, and in two below it.
_ROOMS: Final = ("", STREAMS, RAW)
_TEXTS: Final = frozenset({".json", ".toml", ".txt", ".csv", ".md", ".log"})


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a run: the zip, how many bytes and files it has, how often each stand-in was put, what is missing.

    `replaced` is stand-in -> times; `left_out` is a list of file and why.
    """

    path: Path
    size_b: int
    files: int
    replaced: Mapping[str, int]
    left_out: tuple[Mapping[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """It as plain JSON."""
        return {
            "written": str(self.path),
            "size_b": self.size_b,
            "files": self.files,
            "replaced": dict(self.replaced),
            "left_out": list(self.left_out),
        }


def pack(
    run: str | Path, output: str | Path, *, salt: str = "", here: bool = True, hashes: Hashes | None = None
) -> Packed:
    """The run in the folder `run` as the zip `output`, without what gives somebody away.

    With a `salt`, stand-ins are equal only to those of runs that were packed with the same. `here` False: what this
    machine and its user are called is not looked for. `hashes` says, of hashes in its tables that were made of what is
    replaced, what they become, so that analysing it again gives the same.

    Raises UsageError if there is no closed run, or an edited one, if `output` exists or cannot be written.
    """
    run, output = Path(run), Path(output)
    trace = Trace.open(run)
    if trace.path != run:
        raise UsageError(f"{run} is packed already; share it as it is")
    if trace.manifest.status == "recording":
        raise UsageError(f"{run} was not closed: `edgewatt process {run}` closes it, then pack it")
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output} exists already; nothing was packed")
    # To sign it anew would hide that somebody changed it.
    refuse_edited(run, [name for name in trace.verify() if f"edited:{name}" not in trace.manifest.quality_reasons])
    redactor = Redactor(salt)
    temporary = output.with_name(output.name + TEMPORARY)
    try:
        with tempfile.TemporaryDirectory(prefix="edgewatt-pack-") as folder:
            copied = _copy(trace, Path(folder), redactor, hashes, here=here, salted=bool(salt))
            write_zip(Path(folder), temporary, TOP)
            files = sum(1 for file in Path(folder).rglob("*") if file.is_file())
        rename_durably(temporary, output)
    except OSError as error:
        raise UsageError(f"cannot pack to {error.filename or output}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    replaced: Counter[str] = Counter()
    for (_, token), times in redactor.counts.items():
        replaced[token] += times
    return Packed(output, output.stat().st_size, files, dict(sorted(replaced.items())), tuple(copied))


def _copy(
    trace: Trace, folder: Path, redactor: Redactor, hashes: Hashes | None, *, here: bool, salted: bool
) -> list[dict[str, str]]:
    """The run without what gives somebody away, in `folder`; what was left out."""
    left_out: list[dict[str, str]] = []
    files = list(_files(trace.path, left_out))
    learn_manifest(trace.manifest, redactor)
    if here:
        _learn_here(redactor)
    for file in files:
        learn_table(file, redactor) if file.suffix == PARQUET else learn_raw(file, redactor)
    manifest = redacted_manifest(trace.manifest, redactor, FILE_NAME)
    for before, after in hashes(trace, manifest).items() if hashes is not None else ():
        redactor.known(before, "config", after)
    for file in files:
        why = _copied(trace.path, file, folder, redactor)
        left_out += [{"file": file.relative_to(trace.path).as_posix(), "why": why}] if why else []
    left_out = [{**one, "file": redactor.text(one["file"], "names of files")} for one in left_out]
    signed = {
        name: {"sha256": sha256_of_file(file), "size": file.stat().st_size}
        for file in sorted(folder.rglob("*"))
        if file.is_file() and (name := file.relative_to(folder).as_posix()) in _recorded(trace, redactor)
    }
    manifest = write_manifest(folder, replace(manifest, files=signed))
    stand_ins = len({token for _, token in redactor.counts})
    (folder / README).write_text(readme(manifest, TOP, stand_ins, salted=salted))
    (folder / CITATION).write_text(CITATION_TEXT)
    (folder / REPORT).write_text(report(redactor.counts, left_out, salted=salted))
    for name in (FILE_NAME, README, REPORT):
        if redactor.leaks((folder / name).read_text()):
            raise EdgewattError(f"{name} still has what gives somebody away, so nothing was packed; please report this")
    return left_out


def _recorded(trace: Trace, redactor: Redactor) -> set[str]:
    return {redactor.text(name) for name in trace.manifest.files}


def _copied(run: Path, file: Path, folder: Path, redactor: Redactor) -> str:
    """Put one file of the run into `folder`; why it was left out, or "" if it was not."""
    name = redactor.text(file.relative_to(run).as_posix(), "names of files")
    output = folder / name
    output.parent.mkdir(exist_ok=True)
    if file.suffix == PARQUET:
        redacted_table(file, output, redactor, name)
        return ""
    return redacted_raw(file, output, redactor, name)


def _files(run: Path, left_out: list[dict[str, str]]) -> Iterator[Path]:
    """What belongs to a run, in order; of the rest, why it is left out."""
    for room in _ROOMS:
        folder = run / room
        if folder.is_symlink() and room:
            left_out.append({"file": room, "why": "a link"})
        for path in sorted(folder.iterdir()) if folder.is_dir() and not (room and folder.is_symlink()) else ():
            name = path.relative_to(run).as_posix()
            if name in {FILE_NAME, README, CITATION, REPORT} or (path.is_dir() and name in _ROOMS):
                continue
            if why := _why_not(path, room):
                left_out.append({"file": name, "why": why})
            else:
                yield path


def _why_not(path: Path, room: str) -> str:
    if path.is_symlink() or not path.is_file():
        return "no plain file"
    if not is_file_name(path.name):
        return "a name that no file of a run has"
    known = path.suffix == PARQUET if room == STREAMS else room == RAW or path.suffix in {PARQUET, *_TEXTS}
    return "" if known else "it is not known to belong to a run"


def _learn_here(redactor: Redactor) -> None:
    """What this machine and its user are called."""
    redactor.known(socket.gethostname(), "host")
    redactor.known(Path.home().name, "user")
    with suppress(OSError, KeyError):
        redactor.known(getpass.getuser(), "user")
    if host := os.environ.get("HOSTNAME"):
        redactor.known(host, "host")
