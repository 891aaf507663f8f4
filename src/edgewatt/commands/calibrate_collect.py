"""`calibrate --collect`: execute the calibration suite on a device, one run for each of its steps."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgewatt.commands.arguments import add_device, count, positive_seconds
from edgewatt.commands.calibrate_collect_ask import asked
from edgewatt.commands.calibrate_collect_text import as_json, as_text, done_text
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.collecting.offers import Offering
from edgewatt.profiler.collecting.server import serving
from edgewatt.profiler.collecting.steps import STEPS, Step
from edgewatt.profiler.collecting.suite import suite
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.collect import CollectOptions
from edgewatt.profiler.running.collect_kept import folder_for
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable

EPILOG: Final = """\
examples:
  edgewatt calibrate --collect -d virtual:bench -o cal --short --model @tiny        all of it, SIMULATED
  edgewatt calibrate --collect -d adb: -o cal --dry-run      what it would do, how long, what is missing and its fix
  edgewatt calibrate --collect -d adb: -m monsoon:lvpm -o cal --model net.tflite --runner benchmark_model \\
      --server 192.168.1.5:7800                                    with a server for the radio on this machine
  edgewatt calibrate --collect -d adb: -o cal --steps radio --place garden --server 192.168.1.5:7800
                                                                   again where the signal is another
  edgewatt calibrate --collect -d host -o cal --steps cpu,memory,training --training-model train.tflite
  edgewatt calibrate --serve 192.168.1.7:7800                      on a second machine, for --to 192.168.1.7:7800
  edgewatt calibrate cal/* -o phone.zip                            then: the fits

Interrupted, the same command goes on with the steps that are missing (docs/calibration-suite.md).
"""
FAILURES_LIMIT: Final = 2
_SCHEMES_HERE: Final = ("host", "jetson")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate --collect`."""
    add_device(parser, required=True)
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="the folder of the runs, one a step")
    parser.add_argument("--steps", metavar="A,B", help=f"of {','.join(STEPS)} (default: all)")
    parser.add_argument("--short", action="store_true", help="5 frequencies, one round, short windows")
    parser.add_argument("--seconds", type=positive_seconds, metavar="S", help="of each window (default: 10, short: 4)")
    parser.add_argument("--dry-run", action="store_true", help="say what it would do; nothing is measured or set")
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    parser.add_argument("--session", help="name of the sitting (default: this command's time)")
    parser.add_argument(
        "--cool-down", type=positive_seconds, metavar="S", help="before each window, until as cool as at the start"
    )
    parser.add_argument("--thermal-seconds", type=positive_seconds, metavar="S", help="of the long load, at most")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a condition of every step")
    network = parser.add_argument_group("networks")
    network.add_argument(
        "--model", metavar="FILE", action="append", default=[], help="of inference, co_runner and offload; @tiny: ours"
    )
    network.add_argument("--target", metavar="T", action="append", default=[], help="what executes it (default: cpu)")
    network.add_argument("--threads", type=count, metavar="N", action="append", default=[], help="(default: 1 and all)")
    network.add_argument(
        "--batch", type=count, metavar="N", action="append", default=[], help="(default: 1; training: 1 to 32)"
    )
    network.add_argument("--runner", metavar="PATH", type=Path, help="on a phone: the benchmark_model that executes it")
    network.add_argument(
        "--push", metavar="FILE", type=Path, nargs="+", action="extend", default=[], help="files that it needs"
    )
    network.add_argument(
        "--training-model",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="with a signature `train`, one for each batch size (edgewatt model make ... --training)",
    )
    radio = parser.add_argument_group("radio and offload")
    radio.add_argument(
        "--server", metavar="HOST:PORT", help="where the device finds one; an address of this machine: here"
    )
    radio.add_argument("--to", metavar="HOST:PORT", help="a second device, where `calibrate --serve` runs")
    radio.add_argument("--place", metavar="NAME", default="here", help="where the device is (default: here)")


@dataclass
class _Outcome:
    """What came of each step, by its name."""

    kept: dict[str, Path]
    skipped: list[str]
    failed: dict[str, str]


def run(args: argparse.Namespace) -> int:
    """Execute the suite, or say what it would do."""
    progress = ErrorStreamProgress()
    session = args.session or f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    try:
        with opened(args.device, args.meter) as (device, meters):
            _refuse_meter(device)
            with _server(args, device) as address:
                ask, settings = asked(args, device, address)
                steps = suite(_offers(device), ask)
                if args.dry_run:
                    progress.done()
                    print(json.dumps(as_json(device, steps)) if args.json else as_text(device, steps, args.output))
                    return 0
                options = CollectOptions(
                    cool_down_s=args.cool_down or 0.0,
                    thermal_limit_s=0.0 if args.short else CollectOptions().thermal_limit_s,
                    session=session,
                    conditions=settings.conditions,
                )
                found = _all(device, meters, steps, Path(args.output), settings.executed(ask, options), progress)
    finally:
        progress.done()
    runs = sorted(map(str, found.kept.values()))
    if args.json:
        print(json.dumps({**as_json(device, steps), "runs": runs, "failed": found.failed, "skipped": found.skipped}))
    else:
        print(done_text(device, steps, found.kept, found.failed, found.skipped, args.output))
    if found.failed:
        return DeviceError.exit_code
    return 0


def _all(
    device: Device, meters: Sequence[Device], steps: Sequence[Step], folder: Path, execute: Any, progress: Progress
) -> _Outcome:
    """Every step that can be done and was not. Raises DeviceError if two fail one after the other."""
    found = _Outcome({}, [], {})
    failures = 0
    for step in steps:
        if step.unavailable is not None:
            continue
        path, is_done = folder_for(folder, step, device.device_id, [meter.uri for meter in meters])
        if is_done:
            found.kept[step.name] = path
            found.skipped.append(step.name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            trace: Trace = execute(device, step, path, meters, progress)
        except KeyboardInterrupt:
            where = f"; {path} is kept as far as it got" if path.exists() else ""
            raise KeyboardInterrupt(f"the same command goes on where it was{where}") from None
        except DeviceError as error:
            failures += 1
            found.failed[step.name] = str(error)
            print(f"edgewatt: step {step.name} failed: {printable(str(error))}", file=sys.stderr)
            if failures >= FAILURES_LIMIT:
                error.add_note("the same command goes on with what is missing")
                raise
            continue
        failures = 0
        found.kept[step.name] = trace.path
    return found


def _refuse_meter(device: Device) -> None:
    if not isinstance(device.loads, Offering):
        raise UsageError(
            f"{device.uri} executes no loads; -d host, jetson, adb:, ssh://USER@BOARD or virtual:phone does, and a "
            "meter stands with -m"
        )


def _offers(device: Device) -> Any:
    assert isinstance(device.loads, Offering)  # noqa: S101  (_refuse_meter)
    return device.loads.offers()


@contextmanager
def _server(args: argparse.Namespace, device: Device) -> Iterator[str]:
    """The server's address as the device has it, "" where none was named; ours for as long as the block takes.

    A virtual device and this machine itself reach the loopback. Raises UsageError for an address that is none.
    """
    if args.server is None:
        if not (device.simulated or device.uri.partition("?")[0] in _SCHEMES_HERE):
            yield ""
            return
        with serving() as ours:
            yield ours.address
        return
    from edgewatt.commands.calibrate_serve import is_here, place_of  # noqa: PLC0415

    host, port = place_of("--server", args.server)
    if args.dry_run or not is_here(host, port):
        yield args.server
        return
    with serving(host, port) as ours:
        yield ours.address
