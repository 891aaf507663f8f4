"""What every simulated system is given on the command line, and how its output is written."""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.device_profiles.published import published
from edgewatt.profiler.calibration.calibration import Calibration, read_calibration
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.figure import Figure

SEEDS_LIMIT: Final = 100


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
