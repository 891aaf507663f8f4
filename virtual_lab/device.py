"""Virtual devices as devices: `virtual:phone[?personality=NAME&seed=N&quirk=NAME=VALUE;NAME=VALUE]`.

The lab runs as a process of its own, `edgewatt lab phone`, and is spoken to like any other phone: over its adbd. Its
benchmark_model is the runner unless another one is given. Options beside the three go to the phone's own URI (period,
services, sampler, profile). Every run gets the truth so far as `raw/lab_truth.jsonl`.
"""

import json
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device, DeviceUri, Family, open_device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, Workload, WorkloadFacts, WorkloadRequest
from edgewatt.virtual_lab.phone.personalities import DEFAULT, personality
from edgewatt.virtual_lab.phone.truth import TRUTH

PHONE: Final = "phone"
_OURS: Final = ("personality", "seed", "quirk")
_START_S: Final = 60.0
_END_S: Final = 20.0
_USAGE: Final = 2
_SEED_DIGITS: Final = 19


def _open(uri: DeviceUri) -> Device:
    """A virtual phone of its own, which ends with the device."""
    if uri.rest != PHONE:
        raise UsageError(f"device {uri.text!r}: the lab has no {uri.rest!r}; it has virtual:{PHONE}")
    name, seed = uri.options.get("personality", DEFAULT), uri.options.get("seed", "0")
    quirks = [quirk for quirk in uri.options.get("quirk", "").split(";") if quirk]
    personality(name, quirks)
    if not (seed.isascii() and seed.isdigit() and len(seed) < _SEED_DIGITS):
        raise UsageError(f"device {uri.text!r}: seed is {seed!r}, expected a whole number from 0 on")
    quirk_words = [word for quirk in quirks for word in ("--quirk", quirk)]
    lab = Lab.start("--personality", name, "--seed", seed, *quirk_words)
    try:
        inner = open_device(lab.uri({k: v for k, v in uri.options.items() if k not in _OURS}))
    except BaseException:
        lab.end()
        raise
    return _as_virtual(uri, lab, inner)


def _as_virtual(uri: DeviceUri, lab: "Lab", inner: Device) -> Device:
    said = lab.said

    def close() -> None:
        try:
            inner.close()
        finally:
            lab.end()

    device = replace(
        inner,
        uri=uri.text,
        name=str(said["title"]),
        device_id=f"virtual-{said['personality']}-{said['seed']}",
        simulated=True,
        facts={**inner.facts, "personality": said["personality"], "seed": said["seed"]},
        workload=None if inner.workload is None else _with_runner(inner.workload, said),
        close=close,
    )
    quiet = inner.quiet
    return device if quiet is None else replace(device, quiet=lambda: replace(device, collectors=quiet().collectors))


def _with_runner(
    make: Callable[[WorkloadRequest], Workload], said: Mapping[str, Any]
) -> Callable[[WorkloadRequest], Workload]:
    """The phone's own benchmark_model where the user brings none, and the truth kept with the run."""

    def workload(request: WorkloadRequest) -> Workload:
        options = {"runner": Path(said["benchmark_model"]), **request.options}
        return KeepingTruth(make(replace(request, options=options)), Path(said["truth"]))

    return workload


@dataclass
class KeepingTruth:
    """A workload that copies what the lab's log says anew into the run after each repeat."""

    inner: Workload
    log: Path
    _copied_b: int = 0

    def open(self, clock: Clock) -> WorkloadFacts:
        """As the workload itself."""
        return self.inner.open(clock)

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """As the workload itself, then the truth of it."""
        try:
            return self.inner.repeat(request, sink)
        finally:
            with self.log.open("rb") as log:
                log.seek(self._copied_b)
                news = log.read()
            whole = news[: news.rfind(b"\n") + 1]
            self._copied_b += len(whole)
            sink.raw(TRUTH, whole)

    def close(self) -> None:
        """As the workload itself."""
        self.inner.close()


@dataclass
class Lab:
    """The lab's process and what it said of itself."""

    process: "subprocess.Popen[bytes]"
    said: Mapping[str, Any]

    @classmethod
    def start(cls, *words: str) -> "Lab":
        """A virtual phone that answers. Raises UsageError or DeviceError with what the lab said instead."""
        process = subprocess.Popen(
            [sys.executable, "-m", "edgewatt", "lab", PHONE, "--attached", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        line = _first_line(process)
        try:
            return cls(process, json.loads(line))
        except ValueError:
            ended = _end(process)
            text = line.decode(errors="replace").strip() or f"it said nothing within {_START_S:g} s"
            kind = UsageError if ended == _USAGE else DeviceError
            raise kind(f"the virtual phone did not start: {text}") from None

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


def _end(process: "subprocess.Popen[bytes]") -> int:
    """It ends with its input; its exit code."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        code = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if process.stdout is not None:
        process.stdout.close()
    return code


FAMILY: Final = Family(usage="virtual:phone[?personality=NAME&seed=N&quirk=NAME=VALUE]", open=_open, discover=list)
