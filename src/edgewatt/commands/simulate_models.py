"""What the files of measured networks tell by themselves: layers, MACs, bytes; nobody has to give those."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.model_summary.summary import Summary, summarise
from edgewatt.commands.arguments import model_path
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.errors import EdgewattError, UsageError

COUNTED: Final = ("conv_n", "fc_n", "rc_n", "macs_n", "input_b", "output_b")
Row = Mapping[str, Any]


def with_counts(layers: Calibration, calibration: Calibration, beside: Path, given: Sequence[str]) -> Calibration:
    """`layers` and a row of `models` for each network of `calibration` whose counts nobody gave and whose file is here.

    A file is that of a network if its SHA-256 is that of the measured rows: one of `given`, one of that name in the
    folder `beside`, or the network that comes with edgewatt. Raises UsageError for a given file that is of none.
    """
    wanted = _wanted(calibration)
    found: dict[str, Row] = {}
    for text in given:
        summary = summarise(model_path(text))
        names = [name for name, digest in wanted.items() if _is(summary, name, digest)]
        if not names:
            raise UsageError(_stranger(text, summary, calibration))
        found |= {name: _row(name, summary) for name in names}
    for name, digest in wanted.items():
        if name not in found and (summary_here := _here(name, digest, beside)) is not None:
            found[name] = _row(name, summary_here)
    if not found:
        return layers
    return calibration_of_rows(layers.head, {"models": [*layers.rows("models"), *found.values()]})


def _wanted(calibration: Calibration) -> dict[str, str | None]:
    """The networks that were executed, with the digest of their file; without those all of whose counts are there."""
    told = {row["model"] for row in calibration.rows("models") if all(row[column] is not None for column in COUNTED)}
    rows = calibration.rows("inference")
    return {row["model"]: row["model_sha256"] for row in rows if row["model"] and row["model"] not in told}


def _here(name: str, digest: str | None, beside: Path) -> Summary | None:
    for path in _places(name, beside):
        try:
            if path.is_file() and _is(summary := summarise(path), name, digest):
                return summary
        except (EdgewattError, OSError):
            continue  # a file of that name that cannot be read is not the network; what lacks is named later
    return None


def _places(name: str, beside: Path) -> Iterator[Path]:
    """Where a network may lie; a name in a calibration is no path."""
    ours = bundled_model()
    if name == ours.name:
        yield ours
    if name == Path(name).name and name.endswith(".tflite"):
        yield beside / name


def _is(summary: Summary, name: str, digest: str | None) -> bool:
    return summary.file.sha256 == digest if digest else summary.file.name == name


def _row(name: str, summary: Summary) -> dict[str, Any]:
    layers, first = summary.layers, summary.to_json()
    by_table = layers.source == "table"
    how = f"layers of {layers.name} in AutoScale's table (remembered)" if by_table else "layers counted in its graph"
    return {
        "model": name,
        "model_sha256": summary.file.sha256,
        "conv_n": layers.used.conv,
        "fc_n": layers.used.fc,
        "rc_n": layers.used.rc,
        "macs_n": first["macs"],
        "parameters_n": summary.parameters,
        "input_b": first["in_bytes"],
        "output_b": first["out_bytes"],
        "basis": "published" if by_table else "measured",
        "source": f"counted in {summary.file.name}; {how}",
    }


def _stranger(text: str, summary: Summary, calibration: Calibration) -> str:
    executed = {row["model"]: row["model_sha256"] for row in calibration.rows("inference") if row["model"]}
    known = ", ".join(f"{name} ({digest[:12]}...)" if digest else name for name, digest in executed.items()) or "none"
    same = any(digest == summary.file.sha256 for digest in executed.values())
    if same:
        return f"--model {text}: the calibration has all counts of it already (rows of `models`); leave it away"
    return (
        f"--model {text}: no inference of the calibration is of this file (SHA-256 {summary.file.sha256[:12]}...); "
        f"it has {known}"
    )
