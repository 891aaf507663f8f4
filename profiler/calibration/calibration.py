"""What models load: fitted from measured runs, or published by papers. One folder, or the same as a zip.

calibration = read_calibration("s10e.zip")
calibration.table("power").to_pandas()
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa

from edgewatt.profiler.calibration.contents import contents_of
from edgewatt.profiler.calibration.head import FILE_NAME, Head, head_from, head_text
from edgewatt.profiler.calibration.refusing import refuse_impossible
from edgewatt.profiler.calibration.table_file import table_from, write_table
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import TEMPORARY, replace_file, sync_file, sync_folder
from edgewatt.profiler.storage.packing.zipped import write_zip

T = TypeVar("T")
TOP: Final = "calibration"
_OF_ALL: Final = ("published", "assumed")  # what nobody measured may be of every device
_PARQUET: Final = ".parquet"
_ZIP: Final = ".zip"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of one or several devices; `tables` have exactly the columns of TABLES, one that is absent no rows.

    `notices` are what a reader should know of the file: what in it is unknown and was not read.
    """

    head: Head
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def table(self, name: str) -> pa.Table:
        """A table of TABLES, without rows where nothing of it is known. Raises KeyError for another name."""
        found = self.tables.get(name)
        return TABLES[name].empty_table() if found is None else found

    def rows(self, name: str, **equal: Any) -> list[dict[str, Any]]:
        """The rows of a table in which these columns are these values; a row of every device is of any device_id."""
        rows: list[dict[str, Any]] = self.table(name).to_pylist()
        return [row for row in rows if all(_is(row, column, value) for column, value in equal.items())]


def _is(row: Mapping[str, Any], column: str, value: Any) -> bool:
    return row[column] == value or (column == "device_id" and row[column] is None)


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as the table `name` of TABLES: null where a row does not say. Raises KeyError for a column it has not."""
    schema = TABLES[name]
    for row in rows:
        if unknown := [column for column in row if column not in schema.names]:
            raise KeyError(f"{name} has no column {', '.join(unknown)}")
    return pa.Table.from_pylist([dict(row) for row in rows], schema)


def calibration_of_rows(head: Head, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Calibration:
    """A calibration from rows by table, without the tables that have none."""
    return Calibration(head, {name: table_of(name, of) for name, of in rows.items() if of})


def write_calibration(calibration: Calibration, path: str | Path) -> Path:
    """Write it as a new folder, or, where `path` ends in .zip, as one file whose bytes depend on what is in it alone.

    Returns the path. Raises UsageError if it exists, cannot be written, or a row is what no reader takes.
    """
    path = Path(path)
    _refuse_odd(str(path), calibration)
    head_from(head_text(calibration.head).encode(), f"{path}: {FILE_NAME}")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; nothing was written")
    try:
        if path.suffix.lower() == _ZIP:
            _write_zip(calibration, path)
        else:
            _write_folder(calibration, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def read_calibration(path: str | Path) -> Calibration:
    """The calibration in the folder or zip `path`.

    Raises UsageError for what is none, is damaged, of a newer schema, or holds a row that cannot be, naming table, row,
    column, value and what was expected.
    """
    contents = contents_of(Path(path), {FILE_NAME, *(f"{name}{_PARQUET}" for name in TABLES)}, FILE_NAME)
    head = head_from(contents.files[FILE_NAME], f"{path}: {FILE_NAME}")
    tables, notices = {}, list(contents.notices)
    for name in TABLES:
        if (raw := contents.files.get(f"{name}{_PARQUET}")) is not None:
            tables[name], said = table_from(raw, name, f"{path}: {name}{_PARQUET}")
            notices += said
    calibration = Calibration(head, {name: table for name, table in tables.items() if table.num_rows}, tuple(notices))
    _refuse_odd(str(path), calibration)
    return calibration


def merged(first: Calibration, second: Calibration) -> Calibration:
    """Both in one. Raises UsageError if a table has rows of the same device in both, or the two say it otherwise."""
    for device_id, device in first.head.devices.items():
        if second.head.devices.get(device_id, device) != device:
            raise UsageError(
                f"device {device_id!r} is {device} in one calibration and {second.head.devices[device_id]} in the "
                "other: they are not of the same device"
            )
    for name in TABLES:
        if both := _devices_in(first, name) & _devices_in(second, name):
            raise UsageError(
                f"both calibrations have rows of {min(both)!r} in {name}: which of them hold is not guessed; leave one "
                "out, or calibrate all its runs together"
            )
    head = replace(
        first.head,
        created=max(first.head.created, second.head.created),
        versions={**second.head.versions, **first.head.versions},
        devices={**first.head.devices, **second.head.devices},
        meters=_once(first.head.meters, second.head.meters),
        runs=_once(first.head.runs, second.head.runs),
        inputs=_once(first.head.inputs, second.head.inputs),
        notes=_once(first.head.notes, second.head.notes),
    )
    names = [name for name in TABLES if name in first.tables or name in second.tables]
    tables = {name: pa.concat_tables([first.table(name), second.table(name)]).combine_chunks() for name in names}
    return Calibration(head, tables, (*first.notices, *second.notices))


def _once(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys([*first, *second]))


def _devices_in(calibration: Calibration, name: str) -> set[str]:
    return {device_id for device_id in calibration.table(name)["device_id"].to_pylist() if device_id is not None}


def _refuse_odd(where: str, calibration: Calibration) -> None:
    for name, table in calibration.tables.items():
        if name not in TABLES or table.schema != TABLES[name]:
            raise UsageError(f"{where}: {name} has not the columns of a table of a calibration")
        refuse_impossible(f"{where}: {name}", name, table)
        _refuse_devices(f"{where}: {name}", table, calibration.head)


def _refuse_devices(where: str, table: pa.Table, head: Head) -> None:
    for device_id, basis in zip(table["device_id"].to_pylist(), table["basis"].to_pylist(), strict=True):
        if device_id not in head.devices and not (device_id is None and basis in _OF_ALL):
            raise UsageError(f"{where} has rows of {device_id!r}, which {FILE_NAME} does not know")


def _write_folder(calibration: Calibration, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    temporary.mkdir()
    try:
        _fill(calibration, temporary)
        temporary.rename(path)
        sync_folder(path.parent)
    except BaseException:
        _remove(temporary)
        raise


def _write_zip(calibration: Calibration, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="edgewatt-calibration-") as folder:
        inside = Path(folder) / TOP
        inside.mkdir()
        _fill(calibration, inside)
        packed = Path(folder) / "packed"
        write_zip(inside, packed, TOP)
        replace_file(path, packed.read_bytes())


def _fill(calibration: Calibration, folder: Path) -> None:
    (folder / FILE_NAME).write_text(head_text(calibration.head), encoding="utf-8", newline="\n")
    for name, table in calibration.tables.items():
        if table.num_rows:
            write_table(table, folder / f"{name}{_PARQUET}")
    for file in folder.iterdir():
        sync_file(file)


def _remove(folder: Path) -> None:
    with suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
