"""What is seen as plain JSON: one object a second, and what the page is told."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgewatt.profiler.watching.view import DeviceView, LineView, View
from edgewatt.reports.escape import printable
from edgewatt.reports.live.wording import clock_text, first_look, lost_text, name_of, rate_text, state_text, value_text

# What the page draws; what it is told again each time, for what comes late; and in how many digits.
PAGE_BINS: Final = 90
STEP_BINS: Final = 10
PAGE_LINES: Final = 24
DIGITS: Final = 6
CHANNEL_LIMIT: Final = 80


def view_json(view: View) -> dict[str, Any]:
    """Everything that is seen now, without series; null is "not measured". Times are seconds, values in SI."""
    return {
        "unix_s": round(view.unix_s, 3),
        "simulated": view.simulated,
        "devices": [_device_json(device) for device in view.devices],
    }


def _device_json(device: DeviceView) -> dict[str, Any]:
    return {
        "device": device.uri,
        "name": device.name,
        "simulated": device.simulated,
        "state": device.state,
        "why": device.why,
        "retry_s": device.retry_s,
        "connected_s": device.connected_s,
        "lost_times": device.lost_times,
        "energy": [
            {
                "source": line.name,
                "boundary": line.boundary,
                "power_w": line.value,
                "energy_j": line.energy_j,
                "covered_s": line.covered_s,
            }
            for line in device.lines
            if line.is_source
        ],
        "channels": {f"{line.name}.{line.quantity}": line.value for line in device.lines if not line.is_source},
        "streams": {
            stream.name: {
                "samples": stream.samples,
                "rate_hz": stream.rate_hz,
                "lost": None if stream.lost_unknown else stream.lost,
                "dropped": stream.dropped,
                "gaps": stream.gaps,
                "silent_s": stream.silent_s,
            }
            for stream in device.streams
        },
        "clocks": {
            clock.name: {"residual_s": clock.residual_s, "bound_s": clock.bound_s, "drift": clock.drift}
            for clock in device.clocks
        },
        "unavailable": [{"what": what, "reason": reason} for what, reason in device.unavailable],
    }


def page_json(view: View, bins: int = PAGE_BINS) -> dict[str, Any]:
    """What the page shows: texts that are ready, and the newest `bins` seconds of its lines.

    `second` is the one after them. Device text is printable and bounded.
    """
    return {
        "unix_s": round(view.unix_s, 3),
        "simulated": view.simulated,
        "second": view.second,
        "devices": [_on_page(device, bins) for device in view.devices],
    }


def _on_page(device: DeviceView, bins: int) -> dict[str, Any]:
    return {
        "label": printable(device.label, CHANNEL_LIMIT),
        "name": name_of(device),
        "simulated": device.simulated,
        "state": device.state,
        "status": state_text(device),
        "rate": rate_text(device),
        "lost": lost_text(device),
        "clock": clock_text(device.clocks) or "the host's own clock",
        "lines": _lines_on_page(lines_on_page(device), bins),
    }


def lines_on_page(device: DeviceView) -> list[LineView]:
    """The lines of a device that the page shows now: which sensor is the hottest may change with every view."""
    return first_look(device)[:PAGE_LINES]


def _lines_on_page(lines: Sequence[LineView], bins: int) -> list[dict[str, Any]]:
    return [
        {
            "name": printable(line.name, CHANNEL_LIMIT),
            "what": line.boundary or line.quantity.rpartition("_")[0],
            "value": value_text(line),
            "energy": None if line.energy_j is None else f"{line.energy_j:,.1f} J in {line.covered_s:,.0f} s",
            **curve,
        }
        for line, curve in zip(lines, curves(lines, bins), strict=True)
    ]


def curves(lines: Sequence[LineView], bins: int) -> list[dict[str, list[float | None]]]:
    """Mean, least and most of each line in its newest `bins` seconds, oldest first; None where no sample came."""
    if not lines:
        return []
    of = np.array([[each[-bins:] for each in (line.series, line.low, line.high)] for line in lines])
    known = np.isfinite(of)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(of))))
        short = np.rint(of * scale) / scale
    short = np.where(np.isfinite(short), short, of)  # zero, and what is next to it
    told = short.astype(object)
    told[~known] = None
    return [dict(zip(("mean", "low", "high"), curve, strict=True)) for curve in told.tolist()]
