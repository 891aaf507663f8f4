"""What of a capture marks the run: reason codes."""

from collections.abc import Mapping
from typing import Any, Final

from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.protocols import AWAY

# No crystal is that far off (assumed): slots were counted wrongly, as where calibration takes none on some meter.
RATE_OFF: Final = 2e-4
# A drift over less is no statement.
LEAST_ROWS: Final = 50_000

# What the meter's status says after a run (second-hand: the vendor's PT4 reader).
EVENTS: Final = {1: "usb_connection_lost", 2: "too_many_dropped_observations", 3: "reset_by_host"}


def reasons_of(
    facts: Mapping[str, Any], fit: ClockFit, how: str, away: str, not_restored: str | None
) -> tuple[str, ...]:
    """The reason codes of what was counted.

    `how` is what went wrong with the capture itself, `away` why the meter was not there at the end ("": it was).
    """
    found = []
    if facts["lost"]:
        found.append(f"meter_samples_lost:{facts['lost']}")
    if facts["lost_unsure"]:
        found.append(f"meter_loss_unsure:{facts['lost_unsure']} samples more or fewer")
    damaged = facts["checksum_errors"] + facts["bad_packets"]
    if damaged or facts["skipped_b"]:
        found.append(f"meter_frames_damaged:{damaged} and {facts['skipped_b']} bytes skipped")
    if facts["flagged_frames"]:
        found.append(f"meter_overcurrent:{facts['flagged_frames']} frames")
    if facts["restarts"]:
        found.append(f"meter_restarted:{facts['restarts']}")
    if facts["messages_dropped"]:
        found.append(f"capture_overflow:{facts['messages_dropped']}")
    if facts["rows"] >= LEAST_ROWS and abs(fit.drift) > RATE_OFF:
        found.append(f"meter_rate_off:{fit.drift * 1e6:.0f} ppm")
    if facts["passthrough_noted"]:
        found.append(f"usb_passthrough_of_an_earlier_run:{facts['passthrough_noted']}")
    found += _events(facts)
    left = f"usb_passthrough: {not_restored}" if not_restored else ""
    found += [f"{code}:{why}" for code, why in ((AWAY, away), ("capture_failed", how), ("not_restored", left)) if why]
    return tuple(found)


def _events(facts: Mapping[str, Any]) -> list[str]:
    before, after = facts["status_before"] or {}, facts["status_after"] or {}
    old, new = (status.get("events") or {} for status in (before, after))
    code = new.get("event", 0)
    return [f"meter_event:{EVENTS.get(code, code)}"] if code and new != old else []
