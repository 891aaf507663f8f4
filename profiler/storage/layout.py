"""Where things lie in the folder of a run."""

import re
from typing import Final

import pyarrow as pa

from edgewatt.profiler.tables import GAPS, ITERATIONS, OPERATORS, WINDOWS

STREAMS: Final = "streams"
RAW: Final = "raw"
RECORDED_TABLES: Final[dict[str, pa.Schema]] = {
    "windows": WINDOWS,
    "iterations": ITERATIONS,
    "operators": OPERATORS,
    "gaps": GAPS,
}
DAMAGED: Final = ".damaged"  # the ending of an Arrow stream that is kept although it is in Parquet up to its damage
ALWAYS_STORED: Final = ("windows", "gaps")  # without rows they say "none"; the others are absent where nothing is known

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}", re.ASCII)


def is_file_name(name: str) -> bool:
    """True for a name that is safe in every folder: bounded, no separators, not hidden."""
    return _FILE_NAME.fullmatch(name) is not None


def stream_name(collector: str, suffix: str) -> str:
    """The whole name of a collector's stream."""
    return f"{collector}-{suffix}" if suffix else collector
