"""Whether the files of a run belong together and are what was recorded; what is not is refused by its name."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, is_edited
from edgewatt.profiler.storage.streams import StoredTable
from edgewatt.profiler.tables import SCHEMA_KEY

ACCEPT: Final = "--accept-edits"
_SHOWN: Final = 5


def refuse_mixed(manifest: Manifest, tables: Iterable[StoredTable]) -> None:
    """Raise UsageError for a file that another version of the schema wrote than run.json; one that is silent passes."""
    for table in tables:
        said = {} if table.schema is None else table.schema.metadata or {}
        version = said.get(SCHEMA_KEY, str(manifest.schema).encode()).decode(errors="replace")
        if version != str(manifest.schema):
            raise UsageError(
                f"{table.path}: written in schema {shown(version)}, and {FILE_NAME} beside it is of schema "
                f"{manifest.schema}: files of two runs were mixed; put back the one that was recorded with the others"
            )


def refuse_edited(run: Path, edited: Sequence[str]) -> None:
    """Raise UsageError naming the recorded files that somebody changed; nothing where there are none."""
    if not edited:
        return
    more = f" and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else ""
    named = f"{', '.join(edited[:_SHOWN])}{more}"
    were = "is not what was" if len(edited) == 1 else "are not what was"
    raise UsageError(
        f"{run}: {named} {were} recorded: changed, replaced or removed by hand since. Restore what was recorded, or "
        f"record again; `edgewatt process {run} {ACCEPT}` takes it as it is, and marks every row with it for good"
    )


def refuse_edited_table(run: Path, manifest: Manifest, name: str) -> None:
    """Raise UsageError if `name`.parquet is not the table that was made of the run, or if run.json was changed.

    A run without any sums, as of an early version, passes.
    """
    if is_edited(manifest):
        refuse_edited(run, [FILE_NAME])
    file = f"{name}.parquet"
    known = manifest.files.get(file)
    if not manifest.files or (known is not None and sha256_of_file(run / file) == known["sha256"]):
        return
    raise UsageError(
        f"{run}: {file} is not the table that was made of this run: changed or replaced by hand, or left by a process "
        f"that was ended. `edgewatt process {run}` makes it again and keeps this one beside it"
    )
