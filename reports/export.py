"""Results for other programs and for people: one function per format, one table that names them."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow.parquet as pq

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import TEMPORARY, rename_durably
from edgewatt.profiler.storage.manifest import plain
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import SCHEMA_VERSION
from edgewatt.reports.ci.series import write_github_action_benchmark, write_otava
from edgewatt.reports.export_csv import write_csv
from edgewatt.reports.export_markdown import write_markdown
from edgewatt.reports.figures.asked import FIGURE_FORMATS, Asked
from edgewatt.reports.formats.chosen import Chosen
from edgewatt.reports.formats.consumers import CONSUMERS, exporter_for
from edgewatt.reports.source import Source, Table

Exporter = Callable[[Source, BinaryIO], None]
Write = Callable[[BinaryIO], object]

STANDARD_OUTPUT: Final = "-"


def write_parquet(source: Source, file: BinaryIO) -> None:
    """The table as it is stored: the types of architecture.md, zstd."""
    pq.write_table(source.rows(), file, compression="zstd")


def write_json(source: Source, file: BinaryIO) -> None:
    """One object, `{"schema": 1, "table": "results", "rows": [...]}`, a row per line; not finite is null."""
    rows = [json.dumps(plain(row, "row"), allow_nan=False) for row in source.rows().to_pylist()]
    head = json.dumps({"schema": SCHEMA_VERSION, "table": source.table})
    lines = ",\n".join(rows)
    file.write(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n'.encode())


def _elsewhere(module: str, name: str) -> Exporter:
    """An exporter that is imported when it is used, with what it needs."""

    def write(source: Source, file: BinaryIO) -> None:
        getattr(import_module(f"edgewatt.reports.{module}"), name)(source, file)

    return write


FORMATS: Final[Mapping[str, Exporter]] = {
    "csv": write_csv,
    "chrome": _elsewhere("traces.chrome", "write_chrome"),
    "github-action-benchmark": write_github_action_benchmark,
    "json": write_json,
    "latex": _elsewhere("latex", "write_latex"),
    "markdown": write_markdown,
    "otava": write_otava,
    "parquet": write_parquet,
    "perfetto": _elsewhere("traces.perfetto", "write_perfetto"),
    **{to: _elsewhere("figures.draw", f"write_{to}") for to in FIGURE_FORMATS},
    **{to: exporter_for(to) for to in CONSUMERS},
}
# Formats that show a whole run, so that no table of it is chosen; and those that are no text for a terminal.
_WHOLE: Final = ("chrome", "perfetto", *FIGURE_FORMATS)
_BINARY: Final = {"parquet": "Parquet", "perfetto": "A Perfetto trace", "pdf": "PDF", "png": "PNG"}
_PICKLE_ENDINGS: Final = (".pkl", ".pickle")


def export(
    runs: Sequence[Trace],
    to: str,
    output: str | Path,
    *,
    table: Table = "results",
    calibrations: Sequence[Calibration] = (),
    chosen: Chosen | None = None,
    asked: Asked | None = None,
) -> tuple[str, ...]:
    """Write `table` of the runs in the format `to` into the file `output`, or to standard output if that is `-`.

    Returns what the format left out, each a sentence. The file is the old one or the whole new one, whatever happens.
    Raises UsageError for an unknown format, a run without the table, a calibration or choice that the format does not
    take, or an `output` that cannot be written; NotMeasuredError for a figure (`asked`) with nothing in it.
    """
    if to not in FORMATS:
        raise UsageError(f"--to {to}: no such format; known are {', '.join(FORMATS)}")
    if "\0" in str(output):
        raise UsageError(f"-o {str(output)!r}: no file can have a NUL in its name")
    source = Source(runs, table, calibrations, chosen or Chosen(), asked=asked or Asked())
    _refuse_unfit(source, to, str(output))
    if str(output) == STANDARD_OUTPUT:
        _to_standard_output(FORMATS[to], source, to)
    else:
        _to_file(partial(FORMATS[to], source), Path(output))
    return tuple(source.notices)


def _refuse_unfit(source: Source, to: str, output: str) -> None:
    """What is only for the formats of other programs, and a pickle that nobody asked for."""
    if to not in CONSUMERS and source.calibrations:
        raise UsageError(f"--to {to} is made of runs; the tables of a calibration are Parquet already")
    if to not in CONSUMERS and source.chosen != Chosen():
        raise UsageError(f"--to {to} takes all rows; choosing them is for {', '.join(CONSUMERS)}")
    if to in _WHOLE and source.table != "results":
        raise UsageError(f"--to {to} is made of whole runs; leave --table away")
    if to not in FIGURE_FORMATS and source.asked != Asked():
        raise UsageError(f"--to {to} is no figure; --kind and --width are for {', '.join(FIGURE_FORMATS)}")
    if to in CONSUMERS and output.lower().endswith(_PICKLE_ENDINGS) and not source.chosen.pickled:
        raise UsageError(f"-o {output}: JSON under the name of a pickle; say --pickle for one, or call it .json")


def _to_standard_output(exporter: Exporter, source: Source, to: str) -> None:
    if (to in _BINARY or source.chosen.pickled) and sys.stdout.isatty():
        what = "A pickle" if source.chosen.pickled else _BINARY[to]
        raise UsageError(f"{what} is no text for a terminal; name a file with -o, or send standard output elsewhere")
    sys.stdout.flush()
    exporter(source, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def write_file(output: Path, content: bytes) -> None:
    """Write a file that is the old one or the whole new one. Raises UsageError if it cannot be written."""
    _to_file(lambda file: file.write(content), output)


def _to_file(write: Write, output: Path) -> None:
    try:
        path = output.resolve()  # a link stays a link
        if path.exists() and not path.is_file():
            _into(write, path)  # a device or a pipe is written to, never replaced; a folder refuses
        else:
            _replace(write, path)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError up to Python 3.12
        raise _unwritable(output, error) from None


def _replace(write: Write, path: Path) -> None:
    temporary = path.with_name(f".edgewatt-{os.getpid()}{TEMPORARY}")
    try:
        _into(write, temporary)
        rename_durably(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _into(write: Write, path: Path) -> None:
    with path.open("wb") as file:
        write(file)


def _unwritable(output: Path, error: Exception) -> UsageError:
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return UsageError(
        f"{output}: cannot be written ({why}); name a file in a folder that exists, or - for standard output"
    )
