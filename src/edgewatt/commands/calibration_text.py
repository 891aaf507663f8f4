"""What a calibration says on the terminal: what it is of, what it holds by basis, its fits, and what is missing."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgewatt.commands.calibration_notes import gathered
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.coverage import missing, rows_by_basis
from edgewatt.profiler.calibration.tables import BASES
from edgewatt.reports.calibration_words import blank, fits_of, quality_of_fit, terms
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import terminal_width
from edgewatt.reports.text import text_table
from edgewatt.reports.wording import counted

_WIDTH: Final = 110
_INDENT: Final = 15
_NOTES: Final = 12

Row = Mapping[str, Any]


def as_text(calibration: Calibration) -> list[str]:
    """Its lines; the first word is SIMULATED where any of its devices is."""
    return [
        *_devices(calibration),
        *_made(calibration),
        "",
        *_tables(calibration),
        *_units(calibration),
        *_fits(calibration),
        *_notes([*calibration.head.notes, *calibration.notices]),
        "",
        *_missing(calibration),
    ]


def as_json(calibration: Calibration, written: str | None = None) -> dict[str, Any]:
    """The same as plain JSON, with every row of `fits`."""
    head = calibration.head
    return {
        "schema": head.schema,
        "created": head.created,
        "simulated": head.simulated,
        "devices": {
            key: {"name": of.name, "soc": of.soc, "simulated": of.simulated} for key, of in head.devices.items()
        },
        "meters": [
            {"source": of.source, "boundary": of.boundary, "gain_ratio": of.gain_ratio, "basis": of.basis}
            for of in head.meters
        ],
        "runs": [
            {"digest": of.digest, "step": of.step, "device_id": of.device_id, "name": of.name} for of in head.runs
        ],
        "inputs": [{"column": of.column, "of": of.of, "value": of.value} for of in head.inputs],
        "rows": rows_by_basis(calibration),
        "fits": calibration.rows("fits"),
        "missing": {
            system: [{"column": of.column, "origins": of.origins} for of in found]
            for system, found in missing(calibration).items()
        },
        "notes": list(head.notes),
        "notices": list(calibration.notices),
        "written": written,
    }


def _devices(calibration: Calibration) -> Iterator[str]:
    head = calibration.head
    for number, (device_id, device) in enumerate(head.devices.items()):
        simulated = "SIMULATED " if device.simulated or (number == 0 and head.simulated) else ""
        soc = f" · {device.soc}" if device.soc else ""
        yield printable(f"{simulated}{device.name}{soc} · {device_id}")
    if not head.devices:
        yield "a calibration of no device"


def _made(calibration: Calibration) -> Iterator[str]:
    head = calibration.head
    steps = ", ".join(dict.fromkeys(run.step or "no step of the suite" for run in head.runs))
    yield printable(f"made {head.created} from {counted(len(head.runs), 'run')}{f': {steps}' if steps else ''}")
    for meter in head.meters:
        gain = "its gain is unknown" if meter.gain_ratio is None else f"gain within {100 * meter.gain_ratio:.2g} %"
        yield printable(f"  {meter.source} at {meter.boundary}, {gain}")
    for given in head.inputs:
        of = f" of {given.of}" if given.of else ""
        yield printable(f"  given by the user: {given.column}{of} = {given.value}")


def _tables(calibration: Calibration) -> list[str]:
    found = rows_by_basis(calibration)
    if not found:
        return ["no rows"]
    used = [basis for basis in BASES if any(basis in of for of in found.values())]
    rows = [[name, str(sum(of.values())), *(str(of.get(basis, "")) for basis in used)] for name, of in found.items()]
    return text_table(["table", "rows", *used], rows, right=range(1, len(used) + 2)).splitlines()


def _units(calibration: Calibration) -> Iterator[str]:
    """Of each unit with steps of frequency, which of them have a power."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in calibration.rows("power"):
        if row["frequency_hz"] is not None:
            key = tuple(row[name] or "" for name in ("device_id", "unit", "energy_source"))
            groups.setdefault(key, []).append(row)
    if groups:
        yield from ("", "frequencies")
    for (device_id, unit, source), rows in groups.items():
        of = f"{unit}{f' by {source}' if source else ''}"
        whose = f", {device_id}" if len(calibration.head.devices) > 1 else ""
        known = sorted(row["frequency_hz"] for row in rows if row["busy_w"] is not None)
        without = sorted(row["frequency_hz"] for row in rows if row["busy_w"] is None)
        steps = next((f" of its {row['steps_n']}" for row in rows if row["steps_n"] is not None), "")
        said = f"busy_w at {_steps(known)}{steps}" + (f"; none at {_steps(without)}" if without else "")
        yield from _wrapped(f"  {of}{whose}: {said}")


def _steps(frequencies_hz: Sequence[float]) -> str:
    if not frequencies_hz:
        return "no step"
    return ", ".join(f"{hz / 1e6:g}" for hz in frequencies_hz) + " MHz"


def _fits(calibration: Calibration) -> Iterator[str]:
    groups = fits_of(calibration.rows("fits"))
    if groups:
        yield from ("", "fits")
    for (device_id, fit, of, source), rows in groups.items():
        where = "".join([f" of {of}" if of else "", f" by {source}" if source else ""])
        whose = f", {device_id}" if len(calibration.head.devices) > 1 else ""
        yield from _wrapped(f"  {fit}{where}{whose}: {terms(rows)}; {quality_of_fit(rows)}")


def _missing(calibration: Calibration) -> Iterator[str]:
    yield "columns that a system reads and that are still blank, and what gives them"
    filled = rows_by_basis(calibration)
    for system, found in missing(calibration).items():
        by_origin: dict[str, dict[str, list[str]]] = {}
        for one in found:
            table, _, column = one.column.partition(".")
            by_origin.setdefault(one.origins[0], {}).setdefault(table, []).append(column)
        parts = [
            f"{origin}: {', '.join(blank(table, of, is_there=table in filled) for table, of in tables.items())}"
            for origin, tables in by_origin.items()
        ]
        yield from _wrapped(f"  {system:<{_INDENT - 2}}{'; '.join(parts) or 'none'}")


def _notes(every: Sequence[str]) -> list[str]:
    notes = gathered(every)
    shown = notes[:_NOTES]
    if len(notes) > _NOTES:
        shown.append(f"and {len(notes) - _NOTES} more: --json has them all")
    return ["", "notes", *(part for note in shown for part in _wrapped(f"  {note}"))] if shown else []


def _wrapped(line: str) -> list[str]:
    width = min(_WIDTH, terminal_width())
    return textwrap.wrap(printable(line), width, subsequent_indent=" " * _INDENT, break_on_hyphens=False) or [""]
