"""Where the numbers come from: versions, hashes, clocks, calibrations, instruments, and the command that made them."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgewatt.profiler.analysis.process import METHOD_KEY
from edgewatt.profiler.analysis.synchronised import TIE
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.units import format_duration, format_si
from edgewatt.reports.escape import CELL_LIMIT, printable
from edgewatt.reports.page.section import Section, ToldRun
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render

_TEXT_LIMIT: Final = 400


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The provenance of each run."""
    html = render(
        __package__,
        "provenance.html",
        blocks=[_block(run) for run in runs],
        several=len(runs) > 1,
        host_clock=HOST_CLOCK,
    )
    return Section("provenance", "Provenance", html)


def _block(run: ToldRun) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "label": run.label,
        "command": " ".join(map(shlex.quote, manifest.command)),
        "facts": Table(("", ""), list(_facts(run))),
        "models": _models(manifest),
        "instruments": _instruments(manifest),
        "channels": _channels(run),
        "clocks": _clocks(manifest),
        "files": _files(manifest),
        "missing": _missing(manifest),
    }


def _facts(run: ToldRun) -> Iterator[list[Any]]:
    manifest, device = run.manifest, run.manifest.device
    yield ["device", _name(device.get("name"))]
    for key in ("device_id", "soc", "uri", "session"):
        if device.get(key) is not None:
            yield [key.replace("_", " "), _name(device[key])]
    yield [
        "measured or simulated",
        "simulated: a virtual device, nothing was measured" if run.is_simulated else "measured",
    ]
    yield ["recorded", _name(manifest.created)]
    yield ["status", manifest.status]
    yield ["quality", manifest.quality or "not judged"]
    yield ["versions", _name(", ".join(f"{name} {of}" for name, of in manifest.versions.items()))]
    yield ["schema", f"{manifest.schema}, method of analysis {_method(run) or 'unknown'}"]
    if manifest.digest:
        yield ["digest of run.json", _name(manifest.digest)]


def _method(run: ToldRun) -> str:
    """The version of the method that made the results, as their file says it."""
    stored = run.trace.stored_tables.get("results")
    metadata = {} if stored is None or stored.schema is None else stored.schema.metadata or {}
    return printable(metadata.get(METHOD_KEY, b"").decode("ascii", "replace"), CELL_LIMIT)


def _models(manifest: Manifest) -> Table | None:
    found = {(str(of.get("model")), of.get("model_sha256")) for of in manifest.configs.values() if of.get("model")}
    rows = [[Name(model), _name(sha256) if sha256 else "not known"] for model, sha256 in sorted(found, key=str)]
    return Table(("model", "SHA-256"), rows) if rows else None


def _instruments(manifest: Manifest) -> Table | None:
    """Every instrument with what it said of itself, the meter first."""
    of_device = manifest.device.get("instruments")
    found = dict(of_device) if isinstance(of_device, Mapping) else {}
    rows = []
    if manifest.meter:
        told = {name: value for name, value in manifest.meter.items() if name != "instruments"}
        rows.append(["meter", _name(_text(told))])
        more = manifest.meter.get("instruments")
        found = {**(dict(more) if isinstance(more, Mapping) else {}), **found}
    rows += [[Name(name), _name(_text(facts))] for name, facts in found.items()]
    return Table(("instrument", "what it said of itself"), rows) if rows else None


def _channels(run: ToldRun) -> Table | None:
    """Every channel with its accuracy, and who states it: a datasheet, a calibration; blank where nobody does."""
    rows = []
    for column, stored in run.trace.columns.items():
        channel = stored.channel
        accuracy = channel.accuracy
        said = "" if accuracy is None else f"gain within {100 * accuracy.gain_rel:.2g} %, offset {accuracy.offset:.2g}"
        rows.append([
            Name(column),
            Name(stored.stream),
            f"{run.trace.stored_streams[stored.stream].rows:,}",
            "" if channel.period_s is None else format_si(channel.period_s, "s"),
            (channel.boundary or "").replace("_", " "),
            said,
            "" if accuracy is None else _name(accuracy.basis),
        ])  # fmt: skip
    header = ("channel", "stream", "samples", "new value every", "boundary", "standard uncertainty", "who states it")
    return Table(header, rows, (2, 3)) if rows else None


def _clocks(manifest: Manifest) -> Table | None:
    """How each clock was mapped to the host's."""
    rows = [
        [
            Name(_clock(clock)),
            _apart(fit.get("offset_ns")),
            "" if not _is_number(fit.get("drift")) else f"{1e6 * fit['drift']:.3g} ppm",
            _si(fit.get("bound_ns"), 1e-9),
        ]
        for clock, fit in manifest.clocks.items()
        if isinstance(fit, Mapping)
    ]
    return Table(("clock", f"beside {HOST_CLOCK}", "drift", "within"), rows, (1, 2, 3)) if rows else None


def _clock(name: str) -> str:
    """A clock as it is named, or as an energy source showed it."""
    source, tie, clock = name.partition(TIE)
    return f"{clock}, by pulses of load in {source}" if tie else name


def _apart(offset_ns: Any) -> str:
    """How far a clock is ahead of the host's: its offset is what is added to it to get there."""
    if not _is_number(offset_ns):
        return ""
    said = format_duration(abs(offset_ns) / 1e9)
    return f"{said} ahead" if offset_ns < 0 else f"{said} behind" if offset_ns > 0 else "the same"


def _files(manifest: Manifest) -> Table | None:
    rows = [[Name(path), f"{of['size']:,}", _name(of["sha256"])] for path, of in manifest.files.items()]
    return Table(("file", "bytes", "SHA-256 as recorded"), rows, (1,)) if rows else None


def _missing(manifest: Manifest) -> Table | None:
    rows = [[_name(of.get(name)) for name in ("what", "reason", "fix")] for of in manifest.unavailable]
    return Table(("not measured", "why", "what would help"), rows) if rows else None


def _si(value: Any, factor: float) -> str:
    return format_si(value * factor, "s") if _is_number(value) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(text: Any) -> Name:
    return Name("" if text is None else text, _TEXT_LIMIT)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(of)}" for key, of in value.items() if of is not None) or "nothing"
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
