"""Which runs may be fitted together: of one device, all simulated or none, and not void."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgewatt.profiler.calibrating.rails import sources_of
from edgewatt.profiler.calibration.head import UsedMeter
from edgewatt.profiler.errors import NotComparableError, UsageError
from edgewatt.profiler.quality.reason import VOID
from edgewatt.profiler.quality.table import quality_of
from edgewatt.profiler.storage.trace import Trace


def device_id_of(trace: Trace) -> str:
    """Which device a run is of: its id, else its name. Raises UsageError where it says neither."""
    for key in ("device_id", "name"):
        said = trace.manifest.device.get(key)
        if isinstance(said, str) and said:
            return said
    raise UsageError(f"{trace.path} does not say of which device it is; expected device_id in run.json")


def usable_runs(traces: Sequence[Trace]) -> tuple[list[Trace], list[str]]:
    """The runs that count, each once, and a sentence on each that does not.

    Raises UsageError without any, NotComparableError for runs of several devices, or simulated and measured ones.
    """
    if not traces:
        raise UsageError("no runs to calibrate from; name the folders that `calibrate --collect` or `profile` made")
    devices = {str(trace.path): device_id_of(trace) for trace in traces}
    if len(set(devices.values())) > 1:
        said = "; ".join(f"{path} is of {device}" for path, device in devices.items())
        raise NotComparableError(
            f"runs of {len(set(devices.values()))} devices cannot be fitted together: {said}. Calibrate each device by "
            "itself, and merge the files"
        )
    simulated = {bool(trace.manifest.simulated) for trace in traces}
    if len(simulated) > 1:
        said = ", ".join(str(trace.path) for trace in traces if trace.manifest.simulated)
        raise NotComparableError(
            f"simulated runs ({said}) cannot be fitted together with measured ones; leave them out"
        )
    kept: dict[str, Trace] = {}
    notes = []
    for trace in traces:
        key = trace.manifest.digest or str(trace.path)
        if key in kept:
            notes.append(f"{trace.path} is {kept[key].path} again, and counts once")
        elif quality_of(trace.manifest.quality_reasons) == VOID:
            notes.append(f"{trace.path} is left out: void ({', '.join(trace.manifest.quality_reasons)})")
        else:
            kept[key] = trace
    if not kept:
        raise UsageError(f"none of the {len(traces)} runs counts: {'; '.join(notes)}")
    return list(kept.values()), notes


def meters_of(traces: Sequence[Trace]) -> tuple[list[UsedMeter], list[str]]:
    """The energy sources of the runs with the gains that were stated, and where runs used different instruments."""
    found: dict[str, list[UsedMeter]] = {}
    serials: dict[str, dict[str, str]] = {}
    for trace in traces:
        columns = trace.columns
        for source in sources_of(trace):
            stated = [columns[column].channel.accuracy for term in source.terms for column in term]
            known = [accuracy for accuracy in stated if accuracy is not None]
            whole = len(known) == len(stated) and known
            gain = max(accuracy.gain_rel for accuracy in known) if whole else None
            basis = "; ".join(dict.fromkeys(accuracy.basis for accuracy in known)) if whole else ""
            found.setdefault(source.name, []).append(UsedMeter(source.name, source.boundary, gain, basis))
            serial = _serial(trace.manifest.device, source.name.partition("/")[0])
            if serial is not None:
                serials.setdefault(source.name, {})[serial] = str(trace.path)
    notes = []
    for name, of in found.items():
        gains = sorted({"unknown" if one.gain_ratio is None else f"{one.gain_ratio:g}" for one in of})
        if len(gains) > 1 or len({one.boundary for one in of}) > 1:
            notes.append(f"{name}: runs state different gains ({', '.join(gains)}); the widest counts for all")
        if len(serials.get(name, {})) > 1:
            each = ", ".join(f"{serial} in {path}" for serial, path in serials[name].items())
            notes.append(f"{name}: {len(serials[name])} instruments with gains of their own ({each}) are fitted as one")
    return [_widest(of) for of in found.values()], notes


def _widest(of: Sequence[UsedMeter]) -> UsedMeter:
    """Unknown where it is unknown in one run; else the widest gain."""
    return max(of, key=lambda one: float("inf") if one.gain_ratio is None else one.gain_ratio)


def _serial(device: Mapping[str, Any], collector: str) -> str | None:
    instruments = device.get("instruments")
    facts = instruments.get(collector) if isinstance(instruments, Mapping) else None
    said = facts.get("serial") if isinstance(facts, Mapping) else None
    return None if said is None else str(said)
