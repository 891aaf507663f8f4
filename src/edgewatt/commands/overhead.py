"""What `doctor --overhead` does: measure what sampling costs a device, say it, and keep it for later runs."""

import argparse
import json
from typing import Any, Final

from edgewatt.commands.doctor_text import wrapped
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.running.observer import Effect, Observer, keep
from edgewatt.profiler.running.overhead import OverheadOptions, measure
from edgewatt.profiler.units import format_interval
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.escape import printable

EPILOG: Final = """\
what edgewatt itself costs a device (leave it idle; 12 blocks, half of them sampled):
  edgewatt doctor --overhead -d my-bench                  by the bench's meter, which goes on while nothing is sampled
  edgewatt doctor --overhead -d adb: -m 'monsoon:?boundary=battery_bypass' --seconds 20
  edgewatt doctor --overhead -d adb:                      by the phone's own counters, read before and after each block
It is kept; later runs on that device carry it as `observer` in their run.json (docs/doctor.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the measurement; `--seconds` is that of checking a meter."""
    group = parser.add_argument_group("what edgewatt itself costs")
    group.add_argument(
        "--overhead", action="store_true", help="measure the sampler's watts on DEVICE; --seconds is that of a block"
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the order of the blocks (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Measure, say it, and keep it. Raises NotMeasuredError, once said, where a meter was named and tells nothing."""
    if args.device is None:
        raise UsageError("the overhead on which device? name it with -d")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}, expected a whole number from 0 on")
    progress = ErrorStreamProgress()
    try:
        with opened(args.device, args.meter) as (device, meters):
            name = f"SIMULATED {device.name}" if device.simulated else device.name
            options = OverheadOptions(block_s=args.seconds, seed=args.seed)
            found = measure(device, meters, options=options, progress=progress)
    finally:
        progress.done()
    path = keep(found)
    if args.json:
        answer: dict[str, Any] = {"device": args.device, "name": name, **found.to_json(), "kept": str(path)}
        print(json.dumps(answer))
    else:
        print("\n".join([f"{printable(name)}   -d {printable(args.device)}", *as_text(found), f"kept in {path}"]))
    if args.meter and not found.effects:
        raise NotMeasuredError(f"the overhead was asked of {', '.join(args.meter)}: {found.reason}")
    return 0


def as_text(found: Observer) -> list[str]:
    """The lines that belong below the device's name."""
    lines = wrapped("sampler", f"{found.sampler}; {found.blocks} blocks of {found.block_s:g} s, idle device")
    for effect in found.effects:
        value, interval = format_interval(effect.watts, effect.low_w, effect.high_w, "W")
        lines += wrapped("costs", f"{value} {interval}  {printable(effect.source)}, boundary {effect.boundary}")
        lines += wrapped("", f"{_verdict(effect)}; boundary: {meaning(effect.boundary)}")
    if found.reason:
        lines += wrapped("cannot tell", f"the watts: {printable(found.reason)}")
    if found.cpu_ratio is None:
        return lines + wrapped("processor", f"not measured: {printable(found.cpu_basis)}")
    known = found.cpu_low is not None and found.cpu_high is not None
    interval = f" [{found.cpu_low:.2%}, {found.cpu_high:.2%}]" if known else ""
    return lines + wrapped("processor", f"{found.cpu_ratio:.2%}{interval} of one, {printable(found.cpu_basis)}")


def _verdict(effect: Effect) -> str:
    """Whether it is told from nothing at all."""
    share = f", {effect.watts / effect.off_w:.1%} of the {effect.off_w:.3g} W without it" if effect.off_w > 0 else ""
    if effect.low_w <= 0 <= effect.high_w:
        return f"not told from 0 W: at most {effect.high_w:.2g} W{share}"
    return f"told from 0 W{share}"
