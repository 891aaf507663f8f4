"""What one phone has that another of its kind has not, and what goes on in it beside the measurement.

All sizes are assumed where they stand, but for the slew: the kernel's clock is slewed by at most 500 ppm (documented:
ntp_adjtime(2)).
"""

from dataclasses import replace
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import ClockSpread, DeviceClocks, Slew, Step, Suspension, drawn_clocks
from edgewatt.virtual_lab.phone.anatomy import BACKGROUND, CELL, HOST, NEIGHBOUR, SKIN, SOC, device_of
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.virtual_time.plan import NS, Times
from edgewatt.virtual_lab.power.domains import Device
from edgewatt.virtual_lab.power.load import Change, bursts, pulses
from edgewatt.virtual_lab.power.reference import drawn
from edgewatt.virtual_lab.power.timeline import Timeline

# Of all runs, in so many the wall clock is set, and in so many it is slewed.
_STEPPED, _SLEWED = 0.2, 0.1
_STEP_S: Final = 2.0
_SLEW_PPM: Final = 500.0
_SLEW_S: Final = (1.0, 8.0)
# At least so long since boot.
_BOOTED_S: Final = 60.0
_ROOM_C: Final = (18.0, 30.0)
_WARMER_C: Final = {SOC: (2.0, 8.0), SKIN: (1.0, 6.0), CELL: (1.0, 6.0)}
# Of all runs, in so many another program works beside it.
_NEIGHBOURS: Final = 0.2
_LITTLE: Final = "cpu0"
# The share of the little cores that each of them takes.
_HOST, _BACKGROUND, _NEIGHBOUR = 0.25, 0.4, 0.5


def clocks_of(phone: Personality, times: Times, rng: np.random.Generator, asleep: Suspension | None) -> DeviceClocks:
    """The clocks of one phone: off, drifting, in some runs set or slewed. Each PMIC has a timer of its own."""
    spread = ClockSpread(boot_at_least_s=phone.odpm_second_base_s + _BOOTED_S)
    clocks = drawn_clocks(rng, times.begin_ns, spread)
    up_ns = clocks.oscillator.reading_ns
    readings_ns = (up_ns, up_ns - round(phone.odpm_second_base_s * NS))
    bases = tuple(replace(base, reading_ns=ns) for base, ns in zip(clocks.bases, readings_ns, strict=True))
    kind = rng.random()
    t_ns = int(rng.integers(times.begin_ns, times.end_ns))
    step = Step(t_ns, round(rng.uniform(-_STEP_S, _STEP_S) * NS))
    slew = Slew(t_ns, float(rng.uniform(*_SLEW_S)), float(rng.choice([-_SLEW_PPM, _SLEW_PPM])))
    return replace(
        clocks,
        bases=bases,
        steps=(step,) if kind < _STEPPED else (),
        slews=(slew,) if _STEPPED <= kind < _STEPPED + _SLEWED else (),
        suspensions=() if asleep is None else (asleep,),
    )


def timeline_of(phone: Personality, origin_ns: int, rng: np.random.Generator, device: Device | None = None) -> Timeline:
    """The power of one phone, which is not quite that of the next, in a room, and not as warm as it is at rest."""
    ambient_c = float(rng.uniform(*_ROOM_C))
    temperature_c = {name: ambient_c + float(rng.uniform(*warmer)) for name, warmer in _WARMER_C.items()}
    one = device or drawn(device_of(phone), rng)
    return Timeline(one, origin_ns=origin_ns, ambient_c=ambient_c, temperature_c=temperature_c)


def going_on(body: Body, times: Times, rng: np.random.Generator, *, alone: bool = False) -> None:
    """What else works: the host's commands, what wakes up by itself, and in some runs another program.

    Where the phone is `alone`, as for a calibration, there is no other program, and one core wakes up and not several.
    """
    span_ns = (times.begin_ns, times.end_ns)
    looks_ns = np.array([pair for r in times.repeats for pair in zip(r.look_ns, r.looks_end_ns, strict=True)])
    if len(looks_ns):
        body.record(pulses(HOST, looks_ns[:, 0], looks_ns[:, 1], _HOST))
    wakes = 1 / len(body.phone.clusters[0].cpus) if alone else _BACKGROUND
    body.record(_weaker(bursts(rng, BACKGROUND, *span_ns, rate_hz=rng.uniform(1.0, 5.0), length_s=0.01), wakes))
    if rng.random() < _NEIGHBOURS and not alone:
        body.record(_weaker(bursts(rng, NEIGHBOUR, *span_ns, rate_hz=1.0, length_s=rng.uniform(0.05, 0.3)), _NEIGHBOUR))
        # It keeps the clock of the little cores up.
        steps_hz = body.steps_hz(_LITTLE)
        body.ask_hz(_LITTLE, times.begin_ns, steps_hz[len(steps_hz) // 2])


def _weaker(change: Change, intensity: float) -> Change:
    return replace(change, value=change.value * intensity)
