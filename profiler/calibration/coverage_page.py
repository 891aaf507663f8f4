"""docs/calibration-coverage.md, made from needs.py: `python -m edgewatt.profiler.calibration.coverage_page -o FILE`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from edgewatt.profiler.calibration.needs import NEEDS, Need, origins_of
from edgewatt.profiler.calibration.tables import TABLES

_HEAD: Final = """\
# What each system reads from a calibration

Made by `python -m edgewatt.profiler.calibration.coverage_page` from profiler/calibration/needs.py; do not edit.

Steps are those of `edgewatt calibrate --collect`; `isp` is `edgewatt calibrate isp`; *user input* is `--accuracy`,
`--update-bytes` and `--given` of `edgewatt calibrate`; *published* is `edgewatt calibrate --published`, or a phone's
`--power-profile`. Where several produce a column, the first is how you get it for a device of your own.

The columns under *paper* are what the systems' papers, or the data that they stand on, need in order to be built again.
Of AutoFL they were read in images of the paper; of AutoScale, GreenScale, FedGPO, HeteroSwitch and SAFE only abstracts,
READMEs and data sets were readable, so that their columns are remembered or derived.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_systems(), *_tables()])


def _systems() -> Iterator[str]:
    for system, needs in NEEDS.items():
        yield from (f"## {system}", "", "| paper | column | from | remark |", "|---|---|---|---|")
        yield from map(_need, needs)
        yield ""


def _need(need: Need) -> str:
    if need.column is None:
        return f"| {_code(need.paper)} | - | - | {need.note} |"
    return f"| {_code(need.paper)} | `{need.column}` | {', '.join(origins_of(need.column))} | {need.note} |"


def _code(paper: str) -> str:
    return paper.replace("|", "\\|")


def _tables() -> Iterator[str]:
    read = {need.column for needs in NEEDS.values() for need in needs}
    yield from ("## Every column", "", "Those in bold are read by a system; the others are for people and exports.", "")
    yield from ("| table | columns | from |", "|---|---|---|")
    for name, schema in TABLES.items():
        for origins, columns in _by_origin(name, schema):
            cells = [f"**{column}**" if f"{name}.{column}" in read else column for column in columns]
            yield f"| {name} | {', '.join(cells)} | {', '.join(origins)} |"


def _by_origin(name: str, schema: pa.Schema) -> list[tuple[tuple[str, ...], list[str]]]:
    """The columns of a table by what produces them, each once, in order."""
    found: dict[tuple[str, ...], list[str]] = {}
    for column in schema.names:
        found.setdefault(origins_of(f"{name}.{column}"), []).append(column)
    return list(found.items())


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.parse_args().output.write_text(page() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
