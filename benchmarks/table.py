"""Runs every benchmark here and writes docs/performance.md: figures are ratios to a limit or to a peer."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
OUTPUT: Final = HERE.parent / "docs" / "performance.md"
SCRIPTS: Final = (
    *("startup", "storage", "energy", "litert_agreement", "adb", "sampler"),
    *("monsoon_decode", "monsoon_live"),
    *("jetson_tegrastats", "jetson_polling", "window_cost"),
)
VERSIONS: Final = ("edgewatt", "numpy", "pyarrow", "ai-edge-litert", "adb-shell", "adbutils")

HEAD: Final = """\
# How fast edgewatt itself is

Written by `make benchmarks`; tests do not time. Every figure is a ratio to a limit or to a peer that ran beside it in
the same run, so that it holds when the machine is slow or busy.

Measured on {date}: {machine}, {cores} cores, Python {python}, {versions}.

| figure | ratio | wanted | detail |
|---|---|---|---|
"""


def rows_of(script: str) -> list[dict[str, Any]]:
    """What one benchmark printed as JSON."""
    print(f"{script} ...", flush=True)
    done = subprocess.run(
        [sys.executable, HERE / f"{script}.py", "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def table_row(row: dict[str, Any]) -> str:
    """One row of the table."""
    return f"| {row['figure']} | {row['ratio']:.3g} | {row.get('limit', '')} | {row.get('detail', '')} |"


def main() -> None:
    """Write the table."""
    rows = [row for script in SCRIPTS for row in rows_of(script)]
    head = HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=platform.machine(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        versions=", ".join(f"{name} {version(name)}" for name in VERSIONS),
    )
    OUTPUT.write_text(head + "\n".join(map(table_row, rows)) + "\n")
    print(OUTPUT.read_text())


if __name__ == "__main__":
    main()
