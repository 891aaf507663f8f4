"""How rows of our tables are said in words, the same on the terminal, in Markdown and wherever else people read."""

from collections.abc import Mapping
from typing import Any

from edgewatt.profiler.units import format_interval, format_si

Row = Mapping[str, Any]


def runs_on(row: Row) -> str:
    """What executed the model: `cpu, 4 threads, batch 8, int8, litert 2.1.0, at 1.80 GHz`; without what is unknown."""
    threads, batch, frequency_hz = row.get("threads"), row.get("batch"), row.get("frequency_hz")
    parts = [
        row.get("target_used") or row.get("target_asked"),
        threads and counted(threads, "thread"),
        batch and batch > 1 and f"batch {batch}",
        row.get("precision"),
        " ".join(str(part) for part in (row.get("runtime"), row.get("runtime_version")) if part),
        frequency_hz and f"at {format_si(frequency_hz, 'Hz')}",
    ]
    return ", ".join(str(part) for part in parts if part)


def counted(number: int, noun: str) -> str:
    """`1 thread`, `4 threads`, `155,000 samples`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def mean_of(row: Row, name: str, unit: str) -> tuple[str, str]:
    """A mean of the results and its interval, `("12.4 ms", "[12.2, 12.6]")`; ("", "") where it was not measured.

    One repeat has no interval, and says so in its place.
    """
    mean, low, high = (row[f"{name}_{bound}"] for bound in ("mean", "low", "high"))
    if mean is None:
        return "", ""
    if low is None or high is None:
        return format_si(mean, unit), "one repeat, no interval"
    return format_interval(mean, low, high, unit)


def accuracy_of(row: Row, name: str, unit: str) -> str:
    """The accuracy interval of a mean of the results, `accuracy [37.2, 39.0]`, or why there is none."""
    mean, low, high = (row[f"{name}_{bound}"] for bound in ("mean", "accuracy_low", "accuracy_high"))
    if mean is None:
        return ""
    return (
        "accuracy unknown" if low is None or high is None else f"accuracy {format_interval(mean, low, high, unit)[1]}"
    )
