"""What `calibrate --collect` says: every step, its windows, how long, what is missing and its fix; and at the end."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgewatt.commands.progress import format_left
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.steps import Executed, Step
from edgewatt.profiler.device import Device
from edgewatt.reports.escape import printable
from edgewatt.reports.wording import counted


def as_json(device: Device, steps: Sequence[Step]) -> dict[str, Any]:
    """The suite as one object."""
    return {
        "device": device.uri,
        "name": device.name,
        "device_id": device.device_id,
        "simulated": device.simulated,
        "steps": [_step_json(step) for step in steps],
    }


def as_text(device: Device, steps: Sequence[Step], folder: str) -> str:
    """The suite before it is executed."""
    lines = [_head(device)]
    for step in steps:
        lines += _step_text(step)
    doable = [step for step in steps if step.unavailable is None]
    total = format_left(sum(step.measured() for step in doable))
    lines.append(f"{counted(len(doable), 'step')} of {len(steps)}, about {total}, into {printable(folder)}")
    return "\n".join(lines)


def done_text(
    device: Device,
    steps: Sequence[Step],
    kept: Mapping[str, Path],
    failed: Mapping[str, str],
    skipped: Sequence[str],
    folder: str,
) -> str:
    """What came of it, and what to do next."""
    lines = [_head(device)]
    for step in steps:
        if step.name in kept:
            was = "  (was there)" if step.name in skipped else ""
            lines.append(f"  {step.name:22}{printable(str(kept[step.name]))}{was}")
        elif step.name in failed:
            lines.append(f"  {step.name:22}failed: {printable(failed[step.name])}")
        elif step.unavailable is not None:
            lines.append(f"  {step.name:22}not done: {_why(step.unavailable)}")
    if kept:
        where = printable(shlex.quote(folder.rstrip("/")))
        lines.append(f"next: edgewatt calibrate {where}/* -o calibration.zip")
    return "\n".join(lines)


def _head(device: Device) -> str:
    return f"{'SIMULATED ' if device.simulated else ''}{printable(device.name)}"


def _step_text(step: Step) -> list[str]:
    if step.unavailable is not None:
        return [f"  {step.name:22}not here: {_why(step.unavailable)}"]
    lines = [f"  {step.name:22}{_what(step)}, about {format_left(step.measured())}"]
    return lines + [f"  {'':22}{printable(one.what)}: {_why(one)}" for one in step.remarks]


def _what(step: Step) -> str:
    if step.executed is not None:
        return _executed(step.executed)
    if step.until is not None:
        return f"{step.until.hot.label} until steady, at most {format_left(step.until.limit_s)}, then as long to cool"
    kinds: dict[str, int] = {}
    for one in step.windows:
        kinds[one.load.kind] = kinds.get(one.load.kind, 0) + 1
    return f"{counted(len(step.windows), 'window')}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items())


def _executed(executed: Executed) -> str:
    parts = [
        f"on {', '.join(executed.targets)}",
        f"threads {', '.join(map(str, executed.threads))}",
        f"batch {', '.join(map(str, executed.batches))}",
    ]
    if executed.frequencies_hz:
        steps = ", ".join(f"{hz / 1e6:,.0f}" for hz in executed.frequencies_hz)
        parts.append(f"free and at {steps} MHz")
    if executed.co_load is not None:
        load = executed.co_load
        parts.append(f"beside {counted(len(load.cpus), 'loop')} ({load.kind}), busy {load.duty_ratio:.0%} of the time")
    return "; ".join(parts)


def _why(one: Unavailable) -> str:
    return printable(f"{one.reason}. {one.fix}" if one.fix else one.reason)


def _step_json(step: Step) -> dict[str, Any]:
    until, executed = step.until, step.executed
    return {
        "name": step.name,
        "kind": step.kind,
        "seconds": step.measured(),
        "unavailable": None if step.unavailable is None else asdict(step.unavailable),
        "remarks": [asdict(one) for one in step.remarks],
        "windows": [{"seconds": one.load.seconds, **one.attributes()} for one in step.windows],
        "until": None if until is None else {"load": until.hot.attributes(), "limit_s": until.limit_s},
        "executed": None if executed is None else asdict(executed),
    }
