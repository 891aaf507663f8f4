"""The constants of act.toml in SI, each with its tag and its source."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from edgewatt.models.carbon.nearest import unknown
from edgewatt.models.carbon.units import UNITS, in_si
from edgewatt.models.scheduling.constants import Constant

FOLDER: Final = Path(__file__).parent


@cache
def tables_of(name: str) -> Mapping[str, Mapping[str, Constant]]:
    """The tables of NAME.toml beside this file, each constant in SI: `tables_of("act")["epa"]["28nm"]` is in J/m2."""
    found: dict[str, dict[str, Constant]] = {}
    for table in tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["table"]:
        unit, tag, source = table["unit"], table["tag"], table["source"]
        for key, value in table["values"].items():
            found.setdefault(table["name"], {})[key] = Constant(in_si(value, unit), UNITS[unit][1], tag, source)
    return found


def number(file: str, table: str, key: str, what: str) -> float:
    """The value of a constant of a table, in SI; errors as of `constant`."""
    return float(constant(file, table, key, what).value)


def constant(file: str, table: str, key: str, what: str) -> Constant:
    """A constant of a table; `what` it is called in an error. Raises UsageError with the names that there are."""
    known = tables_of(file)[table]
    if key not in known:
        raise unknown(what, key, known)
    return known[key]
