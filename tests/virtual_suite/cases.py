"""Which suite is done in virtual time: that of `calibrate --collect`, as its own plan has it, at several places."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from edgewatt.profiler.collecting.offers import Cluster, Offers
from edgewatt.profiler.collecting.steps import CO_RUNNER, CPU, MEMORY, OFFLOAD, RADIO, THERMAL, Asked, Step, Until
from edgewatt.profiler.collecting.suite import Ask, suite
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.virtual_time.plan import Plan

ADDRESS: Final = "192.0.2.9:7800"
NETWORK: Final = Plan(repeats=3, seconds=2.0, warmup_s=0.3, idle_s=4.0, threads=4, lead_s=2.0, tail_s=1.0)


@dataclass(frozen=True, slots=True)
class Case:
    """How much of a suite is done, and whether a meter feeds the phone or its own sensors are read.

    `signals_dbm` are those of the places at which the radio is measured.
    """

    personality: str = "pixel"
    metered: bool = True
    seconds: float = 4.0
    thermal_s: float = 60.0
    signals_dbm: tuple[float, ...] = (-50.0, -62.0, -74.0, -86.0)
    steps: tuple[str, ...] = (CPU, MEMORY, RADIO, OFFLOAD, THERMAL, CO_RUNNER)
    network: Plan = NETWORK

    def ask(self, seed: int) -> Ask:
        """As `calibrate --collect --short` asks."""
        asked = Ask(steps=self.steps, short=True, server=ADDRESS, models=("net.tflite",), seconds=self.seconds)
        return replace(asked, thermal_s=self.thermal_s, seed=seed)


SHORT: Final = Case()
RAILS: Final = Case(metered=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """A step and where it is done."""

    step: Step
    rssi_dbm: float


def placed(case: Case, phone: Personality, seed: int) -> list[Placed]:
    """Every step of the suite; those with the radio in each place."""
    found = []
    for number, dbm in enumerate(case.signals_dbm):
        asked = replace(case.ask(seed), place=f"place{number}")
        if number:
            asked = replace(asked, steps=tuple(step for step in asked.steps if step == RADIO))
        found += [Placed(step, dbm) for step in (suite(offers_of(phone), asked) if asked.steps else ())]
    return found


def offers_of(phone: Personality) -> Offers:
    """What the phone's shell says of it."""
    clusters = [
        Cluster(f"cpu{of.cpus[0]}", of.cpus, tuple(khz * 1e3 for khz in of.khz), (f"policy{of.cpus[0]}",))
        for of in phone.clusters
        if of.online
    ]
    return Offers(tuple(clusters), interface="wlan")


def windows_of(step: Step) -> list[Asked]:
    """The windows of a step; one that goes on until the device is steady takes all the time that it may."""
    return list(step.windows) if step.until is None else list(_until(step.until))


def _until(until: Until) -> Iterator[Asked]:
    pieces = range(round(until.limit_s / until.hot.load.seconds))
    yield until.cool
    yield from (until.hot for _ in pieces)
    yield from (until.cool for _ in pieces)
