"""What `calibrate sensor` says of what it found: lines for people, and one JSON object."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edgewatt.device_profiles.loader import own_folder
from edgewatt.profiler.device import Device
from edgewatt.profiler.gauging.against import STRAIGHT_FROM, UNSEEN_BEND, Line
from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.gauging.gauged import Gauged
from edgewatt.profiler.gauging.meaning import STEP_A, Meaning
from edgewatt.profiler.running.gauging_judge import Against, Alone
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.escape import printable

_WIDTH: Final = 13


def as_text(
    found: Alone | Against, device: Device, saved: Path | None, why_not: str | None, *, keep: bool
) -> Sequence[str]:
    """Lines for a terminal."""
    name = f"SIMULATED {device.name}" if device.simulated else device.name
    lines = [f"{printable(name)}   {printable(_sensor(found))}"]
    lines += _alone(found.gauged) if isinstance(found, Alone) else _against(found)
    if why_not is not None:
        refused = f"refused: nothing is written{' and nothing was' if keep else ''}"
        return [*lines, _line("profile", f"{refused}: {printable(why_not)}")]
    if saved is not None:
        return [*lines, _line("profile", f"written: {saved}")]
    where = "" if isinstance(found, Against) and found.meaning is None else f"; --save writes {own_folder()}"
    return [*lines, _line("profile", f"not written{where}")]


def as_json(found: Alone | Against, device: Device, saved: Path | None, why_not: str | None) -> dict[str, Any]:
    """All of it; what is undecided has its reason."""
    answer = {
        "device": device.uri,
        "name": device.name,
        "device_id": device.device_id,
        "simulated": device.simulated,
        "sensor": _sensor(found),
        "how": found.how,
        "saved": None if saved is None else str(saved),
        "refused": why_not,
    }
    if isinstance(found, Alone):
        of = {key: _value(getattr(found.gauged, key)) for key in ("period", "lag", "window", "resolution", "step")}
        return {**answer, "meaning": _value(found.gauged.meaning), "counts": of, "poll_s": found.gauged.poll_s}
    return {
        **answer,
        "meter": found.meter,
        "boundary": found.boundary,
        "meaning": _value(found.meaning),
        "line": _value(found.line),
        "accuracy_of_meter": None if found.accuracy is None else asdict(found.accuracy),
        "reasons": list(found.reasons),
    }


def _sensor(found: Alone | Against) -> str:
    return found.column if isinstance(found, Alone) else " x ".join(found.columns)


def _value(found: Any) -> Any:
    """Plain JSON of a finding; `{"undecided": why}` where there is none."""
    if isinstance(found, Undecided):
        return {"undecided": found.reason}
    if isinstance(found, Line):
        return {key: _value(getattr(found, key)) for key in found.__slots__}
    return asdict(found) if isinstance(found, Found | Meaning) else found


def _alone(gauged: Gauged) -> list[str]:
    meaning = gauged.meaning
    scale = meaning.scale if isinstance(meaning, Meaning) else None
    poll = "" if gauged.poll_s is None else f", every {format_si(gauged.poll_s, 's')}"
    lines = [_line("looked", f"{gauged.looks:,} times{poll}")]
    if isinstance(meaning, Meaning):
        low, high = (format_si(a, "A") for a in STEP_A)
        lines.append(_line("unit", f"{meaning.unit:12}one busy core draws {low} to {high} (assumed)"))
        way = "up" if meaning.sign > 0 else "down"
        lines.append(_line("sign", f"{_signed(meaning):12}positive while {meaning.positive}: load moves it {way}"))
    else:
        lines += [_line("unit, sign", _undecided(meaning))]
    lines.append(_line("step", _counts(gauged.step, scale)))
    lines.append(_line("period", _seconds(gauged.period)))
    lines.append(_line("lag", _seconds(gauged.lag)))
    lines.append(_line("window", _seconds(gauged.window)))
    lines.append(_line("resolution", _counts(gauged.resolution, scale)))
    return lines


def _signed(meaning: Meaning) -> str:
    return "as is" if meaning.sign > 0 else "inverted"


def _against(found: Against) -> list[str]:
    lines = [_line("against", f"{printable(found.meter)} at {found.boundary}")]
    lines += [_line("noticed", printable(reason)) for reason in found.reasons]
    if isinstance(found.meaning, Meaning):
        lines.append(_line("unit, sign", f"{found.meaning.unit}, positive while {found.meaning.positive}"))
    if isinstance(found.line, Undecided):
        return [*lines, _line("gain", _undecided(found.line))]
    line = found.line
    lines.append(_line("gain", f"{_ratio(line.gain)}   of the meter's reading"))
    lines.append(_line("zero", " ".join(_interval(line.zero, "W"))))
    if line.gain_true is not None and line.zero_true is not None and found.accuracy is not None:
        lines.append(_line("true gain", f"{_ratio(line.gain_true)}   the meter: {printable(found.accuracy.basis)}"))
        lines.append(_line("true zero", " ".join(_interval(line.zero_true, "W"))))
    else:
        lines.append(
            _line("true gain", "unknown: nobody states the meter's own (its profile, or --meter-gain PERCENT)")
        )
    lines.append(
        _line("residual", f"{format_si(line.residual, 'W')} of single values, bend {format_si(line.bend, 'W')}")
    )
    low, high = format_si(line.low, "W"), format_si(line.high, "W")
    lines.append(_line("range", f"{low} to {high}, {line.levels} levels, {line.values} values"))
    if line.levels < STRAIGHT_FROM:
        straight = (
            f"assumed between its levels, within {UNSEEN_BEND:.0%}: as this sensor sees it the load had no others"
        )
        lines.append(_line("straight", straight))
    lines.append(_line("covariance", f"{line.covariance:.3g} W of gain and zero"))
    lines.append(_line("window", _seconds(line.window)))
    return lines


def _line(name: str, text: str) -> str:
    return f"  {name:{_WIDTH}}{text}"


def _undecided(found: Undecided) -> str:
    return f"undecided: {printable(found.reason)}"


def _seconds(found: Found | Undecided) -> str:
    return _undecided(found) if isinstance(found, Undecided) else " ".join(_interval(found, "s"))


def _interval(found: Found, unit: str) -> tuple[str, str]:
    digits = 5 if found.u < 1e-3 * abs(found.value) else 3
    return format_interval(found.value, found.low, found.high, unit, digits=digits)


def _ratio(found: Found) -> str:
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _counts(found: Found | Undecided, scale: float | None) -> str:
    if isinstance(found, Undecided):
        return _undecided(found)
    counts = f"{found.value:.6g} counts"
    return counts if scale is None else f"{format_si(abs(found.value) * scale, 'A')} ({counts})"
