"""`with edgewatt.recording("nvml:0", "RUN"):` measures what this very process does in the block."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.outcome import Told, give, outcome_of
from edgewatt.collectors.runtimes.commands.places import marks_in
from edgewatt.collectors.runtimes.commands.workload import RUNTIME
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import config_id, sha256_of_json
from edgewatt.profiler.protocols import RepeatRequest, WorkloadFacts
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.record import recording_of, require_energy
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.windowing import marking
from edgewatt.profiler.windowing.spans import read_marks

# Sampled before and after, at least: several times as long as collectors wait between two looks (0.02 to 0.1 s).
AROUND_S: Final = 0.5


@contextmanager
def recording(
    device: str, path: str | Path, *, meters: Sequence[str] = (), warmup_iterations: int = 0
) -> Iterator[None]:
    """A run of one repeat in the folder `path`, from what the block executes and marks by `edgewatt.window`.

    The instruments are read by threads of this process, which take their share of its interpreter: where that matters,
    run the script under `edgewatt profile --command`, which also repeats it. There is no idle before or after, so that
    only gross energy is known. Left by an exception, the run is kept without a table.

    Raises UsageError for a device that executes elsewhere or a folder that is taken, and as `edgewatt.profile` does.
    """
    if marking.VARIABLE in os.environ:
        raise UsageError(f"{marking.VARIABLE} is set: this program is measured already, by whoever set it")
    words = (Path(sys.executable).name, *(sys.argv if sys.argv and sys.argv[0] else ()))
    with opened(device, meters) as (found, named), tempfile.TemporaryDirectory(prefix="edgewatt-") as folder:
        file = Path(folder) / "marks"
        file.write_bytes(b"")
        with marked_run(found, named, Path(path), words, file, skip=warmup_iterations), _heard(file):
            yield
    process(path)


@contextmanager
def marked_run(
    device: Device, meters: Sequence[Device], path: Path, words: tuple[str, ...], file: Path, *, skip: int = 0
) -> Iterator[Recording]:
    """A run of one repeat of what goes on during the block on this machine and marks its windows in `file`.

    `words` are what it is called. Left by an exception, the run is kept without a window. Raises as `recording` does.
    """
    _check_here(device)
    clock, config = HostClock(), _config(device, words)
    identity = config_id(config)
    seen = dict(device.target.facts()) if device.target is not None else {}
    writer = begin_run(path, device, meters=meters, conditions={**seen, "input_sha256": None})
    writer.update(configs={identity: config})
    with recording_of(writer, device, meters, clock) as run:
        require_energy(run, meters)
        run.begin(identity)
        around_s = max(run.settles_s, AROUND_S) if run.has_energy else 0.0
        run.wait(around_s)
        t0_ns = clock.now_ns()
        yield run
        t1_ns = clock.now_ns()
        run.wait(around_s)  # or the last of it would lie behind the last sample
        spans, broken = read_marks(marks_in(file))
        told = Told((t0_ns, t1_ns), filed=spans, skip=skip, reasons=tuple(broken))
        give(run, RepeatRequest(0, identity, 0.0, 0, 0.0), outcome_of(told), None)


def _check_here(device: Device) -> None:
    """Raise UsageError for a device that is another machine than the one that executes this."""
    if device.target is not None and not isinstance(device.target, LocalTarget):
        raise UsageError(
            f"{device.uri} is another machine, and this process does not run there; "
            f'use `edgewatt profile --command "..." -d {device.uri}`'
        )


def _config(device: Device, words: tuple[str, ...]) -> dict[str, Any]:
    facts = WorkloadFacts(
        model=Asked(words).name,
        model_sha256=sha256_of_json({"command": list(words)}),
        runtime=RUNTIME,
        runtime_version="",
        target_asked=None,
        precision=None,
        threads=None,
        batch=None,
    )
    about = {key: value for key, value in asdict(facts).items() if key not in {"operators", "input_sha256", "task"}}
    return {"device_id": device.device_id, "device": device.name, "soc": device.soc, **about}


@contextmanager
def _heard(file: Path) -> Iterator[None]:
    """`edgewatt.window` marks in this file."""
    os.environ[marking.VARIABLE] = str(file)
    marking.reopen()
    try:
        yield
    finally:
        del os.environ[marking.VARIABLE]
        marking.reopen()
