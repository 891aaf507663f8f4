"""What every simulated system is given on the command line, and how its output is written."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.device_profiles.published import published
from edgewatt.profiler.calibration.calibration import Calibration, read_calibration
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.figure import Figure
from edgewatt.reports.escape import printable
from edgewatt.reports.simulation import simulation_text

SEEDS_LIMIT: Final = 100
# Before so much is done nobody knows how long the rest takes (assumed).
_TELLS: Final = 0.05


def say_progress(shown: ErrorStreamProgress, begun_s: float, text: str, done: float) -> None:
    """What is done next; how long the rest takes as soon as some of it has told."""
    taken_s = time.monotonic() - begun_s
    shown.phase(printable(text), taken_s * (1 - done) / done if done > _TELLS else None)


def print_found(
    args: argparse.Namespace, system: str, name: str, said: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str]
) -> int:
    """Print a system's figures below what is `said` of them, or as one JSON object, notes apart; the exit code."""
    if args.json:
        print("\n".join(map(printable, notes)), file=sys.stderr)
        print(json.dumps({"system": system, "calibration": name, "figures": rows}))
        return 0
    print(simulation_text(system, name, said, rows, notes))
    if args.output is not None:
        print(f"written to {args.output}")
    return 0


def seeds(text: str) -> int:
    """A number of seeds. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= SEEDS_LIMIT):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to {SEEDS_LIMIT}")
    return int(text)


def add_common(parser: argparse.ArgumentParser) -> None:
    """The arguments that all systems share."""
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="of `edgewatt calibrate`, or a .toml as published (default: the paper's testbed, where it could be read)",
    )
    parser.add_argument("--seeds", metavar="N", type=seeds, default=5, help="how many agents learn (default 5)")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="a new folder for tables (Parquet) and charts (JSON)")


def calibration_given(file: str | None, system: str) -> tuple[Calibration, str]:
    """The calibration, and what to call it. Raises UsageError."""
    if file is None:
        calibration = published(system)
        return calibration, f"{calibration.head.notes[0]} (as published)"
    return (published(file) if file.endswith(".toml") else read_calibration(file)), file


def refuse_existing(output: str | None) -> None:
    """Raise UsageError before anything is simulated if `output` cannot become a new folder."""
    if output is None:
        return
    path = Path(output)
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; nothing was simulated")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: {path.absolute().parent} is no folder; nothing was simulated")


def write_output(
    output: str, tables: Mapping[str, pa.Table], figures: Sequence[Figure], more: Mapping[str, bytes]
) -> None:
    """A new folder: NAME.parquet for each table, figures.json, and the files of `more`. Raises UsageError."""
    path = Path(output)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as folder:
            inside = Path(folder) / "made"
            inside.mkdir()
            for name, table in tables.items():
                pq.write_table(table, inside / f"{name}.parquet")
            (inside / "figures.json").write_text(figures_json(figures), encoding="utf-8")
            for name, content in more.items():
                (inside / name).write_bytes(content)
            inside.rename(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def figures_json(figures: Sequence[Figure]) -> str:
    """The charts as JSON, each with the fields of Figure."""
    rows: list[dict[str, Any]] = [asdict(figure) for figure in figures]
    return json.dumps(rows, indent=1) + "\n"
