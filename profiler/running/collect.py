"""One step of the calibration suite that is made of loads, as a run: a window `load/<n>` for each."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from edgewatt.profiler.analysis.pins import PINNED
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.collecting.load import STEP, Load, Loads, Ran, load_window
from edgewatt.profiler.collecting.offers import Watching
from edgewatt.profiler.collecting.steps import AROUND_S, INTERACTIVE, Asked, Step, Until, lasting
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.own_conditions import OwnConditions
from edgewatt.profiler.running.prepare import prepared
from edgewatt.profiler.running.record import recording_of, require_energy
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.running.thermal import REASON, TOLERANCE_C, ThermalGate
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import SYNC_END, SYNC_START, Window

# The key of a run's conditions under which the step stands: its name, and what it was asked to be.
KEY: Final = "collect"
# The reason code of a load that failed while others went on; so many in a row mean that it is the device that does.
FAILED: Final = "load_failed"
FAILURES_LIMIT: Final = 2


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What holds for every step.

    `thermal_limit_s`: how long one waits at its start until the device is as cool as the last run began; `cool_down_s`:
    each of its windows until it is as cool as at its start (0, both: not at all). `conditions` are set by name.
    """

    thermal_limit_s: float = 30.0
    cool_down_s: float = 0.0
    session: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


def collect(
    device: Device,
    step: Step,
    path: Path,
    *,
    meters: Sequence[Device] = (),
    options: CollectOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The run of one step of loads, recorded into the folder `path`.

    Raises UsageError for a device that executes no loads or a folder that is taken, NotMeasuredError if a meter gives
    no energy, DeviceError if the device fails. Interrupted, the run on disk keeps every window that had ended.
    """
    options, clock, progress = options or CollectOptions(), clock or HostClock(), progress or Silent()
    loads = device.loads
    if loads is None:
        raise UsageError(f"{device.uri} executes no loads: the host, a phone, a board over ssh and a virtual one do")
    if device.quiet is not None and any(meter is not device for meter in meters):
        device = device.quiet()
    asked = {**options.conditions, **step.conditions}
    with prepared(device, asked) as conditions:
        own = OwnConditions(conditions, asked)
        own.try_all(_one_of_each(step))
        conditions.unavailable.extend(own.unavailable)
        facts = dict(device.target.facts()) if device.target is not None else {}
        seen = {**facts, "idle_state": device.idle_state or facts.get("idle_state"), **facts_of(step)}
        writer = begin_run(path, device, meters=meters, conditions=seen, session=options.session)
        with recording_of(writer, device, meters, clock, conditions) as recording:
            require_energy(recording, meters)
            gate = ThermalGate(device, recording, options.thermal_limit_s)
            trains = Synchronising.of(recording, device, meters)
            _Collecting(device, loads, step, recording, own, gate, trains, options, progress).all()
    progress.phase("analysing")
    return process(path)


def facts_of(step: Step) -> dict[str, Any]:
    """What the run of a step says of itself; the same for the same step, wherever its server listens."""
    what = {
        "windows": [_without_address(one) for one in step.windows],
        "others": [None if part is None else repr(part) for part in (step.until, step.executed)],
    }
    return {STEP: step.kind, KEY: {"name": step.name, "sha256": sha256_of_json(what)}, **step.facts}


def _one_of_each(step: Step) -> list[Mapping[str, str]]:
    """What a window of each cluster needs set, so that what cannot be set is found before anything is measured."""
    return list({one.unit: one.conditions for one in step.windows if one.conditions}.values())


def _without_address(one: Asked) -> dict[str, Any]:
    return {key: value for key, value in one.attributes().items() if key != "address"} | {"pin": one.pin}


@dataclass
class _Collecting:
    """What is between looking and analysing."""

    device: Device
    loads: Loads
    step: Step
    recording: Recording
    own: OwnConditions
    gate: ThermalGate
    trains: Synchronising
    options: CollectOptions
    progress: Progress
    _left_s: float = 0.0
    _pin: str = ""
    _count: int = 0
    _failures: int = 0

    def all(self) -> None:
        """Every window. Raises DeviceError if the device fails."""
        settles_s = self.recording.settles_s
        windows = lasting(self.step.windows, settles_s)
        self._left_s = self.step.measured(settles_s) + 2 * self.trains.takes_s
        if self.options.thermal_limit_s:
            self.gate.wait(self.progress, self._left_s)
        self.trains.train(SYNC_START, self.progress, self._left_s)
        self._left_s -= self.trains.takes_s
        for number, one in enumerate(windows, 1):
            self._take(one, f"{number} of {len(windows)}")
        if self.step.until is not None:
            self._until(self.step.until)
        self.own.put_back()
        self.trains.train(SYNC_END, self.progress, self._left_s)

    def _take(self, one: Asked, place: str) -> None:
        """One window, with what it needs set, as cool as it gets within the limit."""
        cool = self.gate.cool_down(self.progress, self._left_s, self.options.cool_down_s)
        if one.pin != self._pin:
            self.own.put_back()  # another cluster is to be free again
        self._pin = one.pin
        reasons = [*self.own.set_for(one.conditions), *([] if cool else [REASON])]
        self.progress.phase(f"{self.step.name}, {place}: {one.label}", self._left_s)
        self._left_s = max(self._left_s - one.load.seconds - AROUND_S, 0.0)
        try:
            ran = self._executed(one.load)
        except DeviceError as error:
            self._failures += 1
            if self._failures >= FAILURES_LIMIT:
                raise
            self.recording.reasons.append(f"{FAILED}:{one.label}: {error}")
            return
        self._failures = 0
        self.recording.window(self._window(one, ran, reasons))
        self._count += 1

    def _executed(self, load: Load) -> Ran:
        target: object = self.device.target
        if self.step.kind == INTERACTIVE and isinstance(target, Watching):
            return watched(target, self.loads, load)
        return self.loads(load)

    def _window(self, one: Asked, ran: Ran, reasons: Sequence[str]) -> Window:
        seen = {key: value for key, value in ran.seen.items() if key != "reasons"}
        pinned_hz = self.own.pinned_hz
        attributes = {
            STEP: self.step.kind,
            "asked": {**one.attributes(), "pinned": bool(pinned_hz)},
            "seen": seen,
            "bound_ns": ran.bound_ns,
            "settles_s": self.recording.settles_s,
            "reasons": [*reasons, *ran.seen.get("reasons", [])],
            **({PINNED: pinned_hz} if pinned_hz else {}),
        }
        return Window(load_window(self._count), ran.t0_ns, ran.t1_ns, self.device.clock, attributes=attributes)

    def _until(self, until: Until) -> None:
        """Idle, hot until it warms no more, then idle until it is as cool as at the start."""
        self._take(until.cool, "idle")
        start_c = self._celsius()
        warmed: list[tuple[float, float]] = []
        hot_s = cool_s = 0.0
        while hot_s < until.limit_s and not _is_steady(warmed, until):
            self._left_s = 2 * until.limit_s - hot_s
            self._take(until.hot, f"hot for {hot_s:.0f} of at most {until.limit_s:.0f} s")
            hot_s += until.hot.load.seconds
            if (now_c := self._celsius()) is not None:
                warmed.append((hot_s, now_c))
        while cool_s < until.limit_s:
            self._left_s = until.limit_s - cool_s
            self._take(until.cool, f"cooling for {cool_s:.0f} of at most {until.limit_s:.0f} s")
            cool_s += until.cool.load.seconds
            now_c = self._celsius()
            if start_c is not None and now_c is not None and now_c <= start_c + TOLERANCE_C:
                return

    def _celsius(self) -> float | None:
        value = self.device.target.facts().get("temperature_c") if self.device.target is not None else None
        return float(value) if isinstance(value, int | float) else None


def watched(target: Watching, loads: Loads, load: Load) -> Ran:
    """A load, and what the device's services say meanwhile. Raises DeviceError."""
    ended = Event()
    with ThreadPoolExecutor(1, "edgewatt-watched") as pool:
        told = pool.submit(target.watched, ended)
        try:
            ran = loads(load)
        finally:
            ended.set()
        return replace(ran, seen={**ran.seen, **told.result()})


def _is_steady(warmed: Sequence[tuple[float, float]], until: Until) -> bool:
    """Whether it warmed by no more than that since so long ago; never where nobody tells how warm it is."""
    if not warmed or warmed[-1][0] < until.steady_s:
        return False
    now_s, now_c = warmed[-1]
    before = [celsius for at_s, celsius in warmed if at_s <= now_s - until.steady_s]
    return bool(before) and now_c - before[-1] <= until.steady_k
