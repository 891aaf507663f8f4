"""Virtual devices as devices: `virtual:phone[?personality=NAME&seed=N&quirk=NAME=VALUE;NAME=VALUE]`, `virtual:bench`.

The lab runs as a process of its own, `edgewatt lab phone`, and is spoken to like any other phone: over its adbd. Its
benchmark_model is the runner unless another one is given. Options beside the three go to the phone's own URI (period,
services, sampler, profile). Every run gets the truth of its repeats (keeping_truth.py). On a bench a virtual Monsoon
stands in for the phone's battery; `fault=NAME=VALUE;...` are its faults.

`virtual:jetson[?board=NAME&seed=N&fault=NAME=VALUE]` is a board, as who is on it finds it.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from edgewatt.profiler.collecting.offers import Offering
from edgewatt.profiler.device import Device, DeviceUri, Family, open_device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Workload, WorkloadRequest
from edgewatt.virtual_lab.keeping_truth import Copied, KeepingTruth
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.personalities import DEFAULT, personality
from edgewatt.virtual_lab.truth_of_loads import TruthfulLoads

PHONE, BENCH, JETSON = "phone", "bench", "jetson"
_OURS: Final = ("personality", "seed", "quirk", "fault")
_OF_BOARD: Final = ("board", "seed", "fault")
# The meter's channel, and what hangs on it.
_MAIN: Final = {"main": BATTERY}
_BOUNDARY: Final = "battery_bypass"
_START_S: Final = 60.0
_END_S: Final = 20.0
_USAGE: Final = 2
_SEED_DIGITS: Final = 19


def _open(uri: DeviceUri) -> Device:
    """A virtual phone or board of its own, which ends with the device; on a bench with its meter beside it."""
    if uri.rest == JETSON:
        return _board(uri)
    if uri.rest not in (PHONE, BENCH):
        raise UsageError(
            f"device {uri.text!r}: the lab has no {uri.rest!r}; it has virtual:{JETSON}, virtual:{PHONE} "
            f"and virtual:{BENCH}"
        )
    name, seed = uri.options.get("personality", DEFAULT), uri.options.get("seed", "0")
    quirks = [quirk for quirk in uri.options.get("quirk", "").split(";") if quirk]
    personality(name, quirks)
    _check_seed(uri, seed)
    faults = [fault for fault in uri.options.get("fault", "").split(";") if fault]
    if faults and uri.rest == PHONE:
        raise UsageError(f"device {uri.text!r}: a phone has no fault of a meter; it has quirks")
    words = [word for quirk in quirks for word in ("--quirk", quirk)]
    words += [word for fault in faults for word in ("--fault", fault)]
    with ExitStack() as stack:
        lab = Lab.start(uri.rest, "--personality", name, "--seed", seed, *words)
        stack.callback(lab.end)
        inner = open_device(lab.uri({k: v for k, v in uri.options.items() if k not in _OURS}))
        stack.callback(inner.close)
        beside = _meter(uri, lab.said) if uri.rest == BENCH else ()
        for meter in beside:
            stack.callback(meter.close)
        return _as_virtual(uri, lab.said, inner, beside, stack.pop_all().close)


def _check_seed(uri: DeviceUri, seed: str) -> None:
    if not (seed.isascii() and seed.isdigit() and len(seed) < _SEED_DIGITS):
        raise UsageError(f"device {uri.text!r}: seed is {seed!r}, expected a whole number from 0 on")


def _board(uri: DeviceUri) -> Device:
    """A virtual Jetson, by the driver of real ones."""
    given = {name: uri.options[name] for name in ("board", "seed") if name in uri.options}
    _check_seed(uri, given.get("seed", "0"))
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    words += [word for fault in uri.options.get("fault", "").split(";") if fault for word in ("--fault", fault)]
    with ExitStack() as stack:
        lab = Lab.start(JETSON, *words)
        stack.callback(lab.end)
        where = {"root": str(lab.said["jetson"]), "tegrastats": str(lab.said["tegrastats"])}
        others = {name: value for name, value in uri.options.items() if name not in _OF_BOARD}
        inner = open_device(f"jetson?{urlencode({**others, **where})}")
        stack.callback(inner.close)
        return replace(
            inner,
            uri=uri.text,
            name=f"virtual {lab.said['model']}",
            device_id=f"virtual-{lab.said['board']}-{lab.said['seed']}",
            simulated=True,
            facts={**inner.facts, "board": lab.said["board"], "seed": lab.said["seed"]},
            close=stack.pop_all().close,
        )


def _meter(uri: DeviceUri, said: Mapping[str, Any]) -> tuple[Device, ...]:
    """The Monsoon of a bench, by its own driver."""
    meter = open_device(f"monsoon:{said['monsoon']}?boundary={_BOUNDARY}")
    device_id = f"virtual-monsoon-{said['seed']}"
    return (
        replace(meter, uri=f"{uri.text} (meter)", name=f"virtual {meter.name}", device_id=device_id, simulated=True),
    )


def _as_virtual(
    uri: DeviceUri, said: Mapping[str, Any], inner: Device, beside: tuple[Device, ...], close: Callable[[], None]
) -> Device:

    also = _MAIN if beside else {}
    loads = inner.loads
    device = replace(
        inner,
        uri=uri.text,
        name=str(said["title"]),
        device_id=f"virtual-{said['personality']}-{said['seed']}",
        simulated=True,
        facts={**inner.facts, "personality": said["personality"], "seed": said["seed"]},
        workload=None if inner.workload is None else _with_runner(inner.workload, said, also),
        loads=TruthfulLoads(loads, Path(said["truth"]), also) if isinstance(loads, Offering) else loads,
        beside=beside,
        close=close,
    )
    quiet = inner.quiet
    return device if quiet is None else replace(device, quiet=lambda: replace(device, collectors=quiet().collectors))


def _with_runner(
    make: Callable[[WorkloadRequest], Workload], said: Mapping[str, Any], also: Mapping[str, str]
) -> Callable[[WorkloadRequest], Workload]:
    """The phone's own benchmark_model where the user brings none, and the truth kept with the run."""
    copied = Copied()

    def workload(request: WorkloadRequest) -> Workload:
        options = {"runner": Path(said["benchmark_model"]), **request.options}
        return KeepingTruth(make(replace(request, options=options)), Path(said["truth"]), also, copied)

    return workload


@dataclass
class Lab:
    """The lab's process and what it said of itself."""

    process: "subprocess.Popen[bytes]"
    said: Mapping[str, Any]

    @classmethod
    def start(cls, what: str, *words: str) -> "Lab":
        """A virtual phone or bench that answers. Raises UsageError or DeviceError with what the lab said instead."""
        process = subprocess.Popen(
            [sys.executable, "-m", "edgewatt", "lab", what, "--attached", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        line = _first_line(process)
        try:
            return cls(process, json.loads(line))
        except ValueError:
            ended, rest = _end(process)
            last = (line + rest).decode(errors="replace").strip().rpartition("\n")[2]
            text = last.removeprefix("edgewatt lab: ") or f"it said nothing within {_START_S:g} s"
            kind = UsageError if ended == _USAGE else DeviceError
            raise kind(f"the virtual {what} did not start: {text}") from None

    def uri(self, options: Mapping[str, str]) -> str:
        """The phone as a device of adb."""
        roots = {name: str(self.said[name]) for name in ("sysfs", "proc", "tmp")}
        return f"adb+tcp://{self.said['adb']}?{urlencode({**options, **roots})}"

    def end(self) -> None:
        """End it; nothing of it stays."""
        _end(self.process)


def _first_line(process: "subprocess.Popen[bytes]") -> bytes:
    if process.stdout is None:
        raise RuntimeError("a pipe was asked for")
    ready, _, _ = select.select([process.stdout], [], [], _START_S)
    return process.stdout.readline() if ready else b""


def _end(process: "subprocess.Popen[bytes]") -> tuple[int, bytes]:
    """It ends with its input; its exit code, and what it had said that nobody read."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        code = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    rest = b""
    if process.stdout is not None:
        os.set_blocking(process.stdout.fileno(), False)  # whoever it started may still hold the other end
        rest = process.stdout.read() or b""
        process.stdout.close()
    return code, rest


FAMILY: Final = Family(
    usage="virtual:phone|bench[?personality=NAME&seed=N&quirk=NAME=VALUE], virtual:jetson[?board=NAME&seed=N]",
    open=_open,
    discover=list,
)
