"""What the sensor of a GPU at hand is like: how often it is new, over what it averages, and what asking it costs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.nvidia import power, state
from edgewatt.collectors.nvidia.gpu import Gpu, find
from edgewatt.collectors.nvidia.library import NvmlError, not_started, session
from edgewatt.collectors.nvidia.load import pulses_on
from edgewatt.collectors.nvidia.power import Powers
from edgewatt.collectors.nvidia.pulse import ask_all, together
from edgewatt.collectors.nvidia.updates import Answers, Watched, watch
from edgewatt.collectors.nvidia.window_fit import WindowFit, fit_window
from edgewatt.device_profiles.gpus import choose, seconds
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Pulses, length_s, train

WATCH_S: Final = 3.0
# Some forty edges at random phases: a quarter of them falls into a window of a quarter of the period.
TRAIN_S: Final = 12.0
SEED: Final = 0

Basis = Literal["measured", "published", "unknown"]


@dataclass(frozen=True, slots=True)
class Sensor:
    """What was found of a GPU's sensor; None where neither it nor anybody says it.

    `period_s`: a new value comes every so many seconds, between `period_low_s` and `period_high_s` in nine of ten
    cases, from `updates` of them. `window_s` is what its instantaneous power averages over. `share` of the time in
    which values are averaged: below 1 it does not look at the rest. `call_s`: what one call costs, by its name.
    `notes` say why something was not measured.
    """

    gpu: str
    uuid: str
    profile: str
    period_s: float | None
    period_basis: Basis
    period_low_s: float | None
    period_high_s: float | None
    updates: int
    counter: bool
    power_with_counter: bool | None
    window_s: float | None
    window_basis: Basis
    window: WindowFit | None
    call_s: dict[str, float]
    notes: tuple[str, ...]

    @property
    def share(self) -> float | None:
        """Window over period, at most 1."""
        return None if self.window_s is None or not self.period_s else min(self.window_s / self.period_s, 1.0)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "share": self.share}


def find_sensor(asked: str, clock: Clock, *, pulses: Callable[[str], Pulses | None] = pulses_on) -> Sensor:
    """Watch the GPU `asked` (index or UUID) for WATCH_S, then under pulses of load where `pulses` gives any.

    Raises DeviceError without such a GPU, or where it gives neither energy nor power.
    """
    try:
        with session(clock) as library:
            gpu = find(library, asked)
            profile = choose(gpu.architecture, gpu.name)
            powers = power.survey(gpu, "gpu", profile)
            if not powers.channels:
                reasons = "; ".join(dict.fromkeys(one.reason for one in powers.unavailable))
                raise DeviceError(f"{gpu.name} gives neither energy nor power: {reasons}")
            answers = watch(lambda: ask_all(powers), clock, WATCH_S)
            costs = _costs(gpu)
            fit, note = _under_load(gpu, powers, clock, pulses(gpu.uuid))
    except NvmlError as error:
        raise not_started(error) from None
    return _sensor(gpu, profile, powers, answers, (fit, note), costs)


def _sensor(
    gpu: Gpu,
    profile: DeviceProfile,
    powers: Powers,
    answers: Answers,
    loaded: tuple[WindowFit | None, str],
    costs: dict[str, float],
) -> Sensor:
    lead, fit = _lead(answers), loaded[0]
    published_s = seconds(profile, "update_period_s")
    between_s = np.diff(lead.changes_ns) / NS_PER_S
    low_s, high_s = np.quantile(between_s, [0.05, 0.95]).tolist() if len(between_s) > 1 else (None, None)
    window_s = fit.window_s if fit is not None else seconds(profile, "instant_window_s")
    notes = [loaded[1]] if loaded[1] else []
    if lead.period_s is None:
        notes.append(f"its value changed {len(lead.changes_ns)} times in {lead.seconds:.1f} s: too seldom for a period")
    known: Basis = "published" if published_s is not None else "unknown"
    counts = powers.counter is not None
    return Sensor(
        gpu=gpu.name,
        uuid=gpu.uuid,
        profile=profile.name,
        period_s=lead.period_s or published_s,
        period_basis="measured" if lead.period_s is not None else known,
        period_low_s=low_s,
        period_high_s=high_s,
        updates=len(lead.changes_ns),
        counter=counts and len(answers.of(0).changes_ns) > 0,
        power_with_counter=together(lead, answers.of(1), lead.period_s) if counts and powers.powers else None,
        window_s=window_s,
        window_basis="measured" if fit is not None else "unknown" if window_s is None else "published",
        window=fit,
        call_s=costs,
        notes=tuple(notes),
    )


def _lead(answers: Answers) -> Watched:
    """The first value that changes: the counter, else a power."""
    columns = [answers.of(k) for k in range(len(answers.rows[0]))]
    return next((one for one in columns if len(one.changes_ns)), columns[0])


def _costs(gpu: Gpu) -> dict[str, float]:
    """Mean seconds per call: of what was asked so far, and of one round of everything else."""
    state.survey(gpu, "gpu")
    spent = gpu.library.spent
    return {
        call: of.total_ns / of.calls / NS_PER_S for call, of in sorted(spent.items()) if call.startswith("DeviceGet")
    }


def _under_load(gpu: Gpu, powers: Powers, clock: Clock, pulses: Pulses | None) -> tuple[WindowFit | None, str]:
    """The window of the best power, or why it was not measured. The counter is not asked: that took an H100 4 ms."""
    if not powers.powers:
        return None, "the averaging window was not measured: there is no power beside the counter"
    if pulses is None:
        return None, "the averaging window was not measured: without torch no load of known phase can be made"
    asked, alone = train(SEED, TRAIN_S), replace(powers, counter=None)
    try:
        with ThreadPoolExecutor(1) as pool:
            executed = pool.submit(pulses, asked)
            answers = watch(lambda: ask_all(alone), clock, length_s(asked), until=executed.done)
            edges = executed.result()
    except DeviceError as error:
        return None, f"the averaging window was not measured: {error}"
    t_ns, power_w = updates_of(answers, 0)
    fit = fit_window(t_ns, power_w, edges)
    return fit, "" if fit is not None else f"{gpu.name}'s power does not follow the pulses of load"


def updates_of(answers: Answers, column: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every update of a value that was seen to change, and when it came.

    What came out the same is left out: a sensor that left an update out looks just so (an H100 does, once in a while).
    """
    t_ns = answers.of(column).changes_ns
    values = np.asarray([np.nan if row[column] is None else row[column] for row in answers.rows], np.float64)
    after = np.searchsorted(np.asarray(answers.before_ns, np.int64), t_ns)
    inside = after < len(values)
    return t_ns[inside], values[after[inside]]
