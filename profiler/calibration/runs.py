"""The runs that a calibration is made of: closed, each once, and one energy source of them one meter."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgewatt.profiler.errors import NotComparableError, UsageError
from edgewatt.profiler.storage.trace import Trace


def open_runs(paths: Sequence[str | Path]) -> list[Trace]:
    """The runs, each once. Raises UsageError for one that is none, was not closed, or is there twice."""
    traces: list[Trace] = []
    for path in paths:
        trace = Trace.open(path)
        if trace.manifest.status == "recording":
            raise UsageError(f"{path} was not closed: `edgewatt process {path}` closes it, then calibrate")
        for before in traces:
            if trace.manifest.digest is not None and trace.manifest.digest == before.manifest.digest:
                raise UsageError(f"{path} is the same run as {before.path}: what is measured once counts once")
        traces.append(trace)
    return traces


def refuse_two_meters(traces: Sequence[Trace]) -> None:
    """Raise NotComparableError if what runs call the same energy source are two meters, or two gains, naming them."""
    for name in sorted({source.name for trace in traces for source in trace.sources}):
        meters = {str(trace.path): said for trace in traces if (said := _meter_of(trace, name)) is not None}
        if len(set(meters.values())) > 1:
            said = "; ".join(f"in {path} it is {meter}" for path, meter in meters.items())
            raise NotComparableError(
                f"{name} is not the same in all runs: {said}. Two meters differ in gain, and which is right is not "
                "guessed: calibrate the runs of each by themselves"
            )


def executed_in(traces: Sequence[Trace]) -> set[tuple[str, str | None]]:
    """(model, precision) of every configuration of the runs."""
    configs = [of for trace in traces for of in trace.manifest.configs.values()]
    return {(str(of["model"]), of.get("precision")) for of in configs if of.get("model") is not None}


def _meter_of(trace: Trace, name: str) -> str | None:
    """Who measured a source in a run, and what it may be wrong by; None where the run has it not."""
    source = next((found for found in trace.sources if found.name == name), None)
    if source is None:
        return None
    accuracies = [trace.columns[column].channel.accuracy for term in source.terms for column in term]
    gains = [accuracy.gain_rel for accuracy in accuracies if accuracy is not None]
    gain = f"gain within {100 * max(gains):g} %" if gains else "gain unknown"
    instruments = trace.manifest.device.get("instruments")
    facts = instruments.get(name.partition("/")[0]) if isinstance(instruments, Mapping) else None
    serial = facts.get("serial") if isinstance(facts, Mapping) else None
    return f"serial {serial} at {source.boundary}, {gain}" if serial is not None else f"at {source.boundary}, {gain}"
