"""How every run begins: what it says of itself before the first sample."""

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.clock import WALL_CLOCK
from edgewatt.profiler.clockfit import IDENTITY, ClockFit
from edgewatt.profiler.device import Device
from edgewatt.profiler.running import observer
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.tables import SCHEMA_VERSION

# The distributions whose version can change what a run contains.
_RECORDED_VERSIONS: Final = (
    "edgewatt",
    "numpy",
    "pyarrow",
    "psutil",
    "ai-edge-litert",
    "tflite-runtime",
    "adb-shell",
    "adbutils",
    "nvidia-ml-py",
)


def begin_run(
    path: Path,
    device: Device,
    *,
    meters: Sequence[Device] = (),
    conditions: Mapping[str, Any] | None = None,
    session: str | None = None,
) -> RunWriter:
    """The writer of a new run at `path`, its manifest on disk. Raises UsageError if the folder is taken.

    Without a `session` the run is a sitting of its own, which is the cautious reading: two runs are then
    compared with the spread between sittings in the interval.
    """
    created = datetime.now(UTC)
    manifest = Manifest(
        schema=SCHEMA_VERSION,
        status="recording",
        simulated=any(d.simulated for d in (device, *meters)),
        created=created.isoformat(timespec="milliseconds"),
        command=[Path(sys.argv[0]).name, *sys.argv[1:]],
        versions=_versions(),
        device={
            **device.facts,
            "uri": device.uri,
            "name": device.name,
            "device_id": device.device_id,
            "soc": device.soc,
            "idle_state": device.idle_state,
            "session": session or f"{created:%Y%m%dT%H%M%S}-{os.getpid()}",
            **_observed(device),
        },
        meter=None if not meters else {m.uri: {"name": m.name, "device_id": m.device_id, **m.facts} for m in meters},
        conditions=dict(conditions or {}),
        clocks={fit.clock: fit.to_json() for fit in (IDENTITY, wall_clock())},
    )
    return RunWriter.create(path, manifest)


def _observed(device: Device) -> dict[str, Any]:
    """What `doctor --overhead` found that sampling costs this device; a replay keeps what its run knew."""
    found = None if device.recorded is not None else observer.kept(device.device_id)
    return {} if found is None else {"observer": found.to_json()}


def wall_clock() -> ClockFit:
    """The wall clock as it stands now: what others stamped with it can be placed, unless it is stepped meanwhile."""
    before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
    return ClockFit(WALL_CLOCK, wall_ns, (before_ns + after_ns) // 2 - wall_ns, 0.0, -((before_ns - after_ns) // 2))


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _RECORDED_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
