"""What lies in a packed run beside the run: what it is, how to cite it, and what was replaced."""

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from edgewatt.profiler.storage.manifest import Manifest

README, CITATION, REPORT = "README.md", "CITATION.cff", "REDACTED.json"

# CITATION.cff of the project; a test holds the two together.
CITATION_TEXT: Final = """\
cff-version: 1.2.0
message: If you use edgewatt, or a run that it measured, please cite it as below.
title: edgewatt
abstract: What a neural network costs on a real device, in seconds and joules with an error bar.
type: software
authors:
  - name: The edgewatt authors
version: 0.1.0
license: Apache-2.0
"""

_README: Final = """\
# {title}

{simulated}This is one run of edgewatt {edgewatt}, recorded on {created}, to share: what tells whose device it was, and
where, was replaced before it was packed ({replaced}). What was replaced, and how often, is in REDACTED.json; equal
things have equal stand-ins, also in other runs that were packed {salted}.

    edgewatt export {folder} --to csv -o table.csv    its table
    edgewatt process {folder}                         analyse it again
    edgewatt record -d replay:{folder} -o again       put it through everything that a live run goes through

All commands but `process` also take the zip as it is. Without edgewatt: the tables are Parquet, `run.json` says what
every column is, and docs/run-format.md of edgewatt explains the rest.

It was made by

    {command}

with {versions}.

## How to cite

Cite edgewatt by CITATION.cff, and the run by its fingerprint, which is that of everything in it:

    The edgewatt authors: edgewatt {edgewatt}. Run {fingerprint} of {date}, {device}.
"""


def readme(manifest: Manifest, folder: str, stand_ins: int, *, salted: bool) -> str:
    """The README of a packed run, from its redacted manifest."""
    simulated = "**SIMULATED: nothing here was measured on a real device.** " if manifest.simulated else ""
    versions = ", ".join(f"{name} {of}" for name, of in sorted(manifest.versions.items()))
    return _README.format(
        title=f"A run of {_line(manifest.device.get('name', 'a device'))}",
        simulated=simulated,
        edgewatt=_line(manifest.versions.get("edgewatt", "of unknown version")),
        created=_line(manifest.created),
        date=_line(manifest.created)[:10],
        replaced=f"{stand_ins} different things",
        salted="with the same --salt" if salted else "without a --salt",
        folder=folder,
        command=_line(shlex.join(manifest.command)),
        versions=_line(versions),
        fingerprint=(manifest.digest or "")[:12],
        device=_line(manifest.device.get("name", "a device")),
    )


def report(counts: Mapping[tuple[str, str], int], left_out: Sequence[Mapping[str, str]], *, salted: bool) -> str:
    """What was replaced by what stand-in, how often and in which file, as JSON; never what it was."""
    rows = [{"file": file, "stand_in": token, "times": times} for (file, token), times in sorted(counts.items())]
    data: dict[str, Any] = {"edgewatt": version("edgewatt"), "salted": salted, "replaced": rows}
    return json.dumps({**data, "left_out": list(left_out)}, indent=1) + "\n"


def _line(text: Any) -> str:
    """On one line, whatever it is."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:2000]
