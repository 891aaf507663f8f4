"""The worlds of a study: what is photographed, by which cameras, on the constants of a draw."""

from dataclasses import dataclass

from edgewatt.models.federated.heteroswitch.calibrated import calibrated_isps
from edgewatt.models.federated.heteroswitch.isp import STAGES, Isp, assumed_isps
from edgewatt.models.federated.heteroswitch.scenes import Scenes, light_of
from edgewatt.models.federated.heteroswitch.world import Fleet, World, as_taken, photographed
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.profiler.calibration.calibration import Calibration


@dataclass(frozen=True, slots=True, eq=False)
class Emulated:
    """Cameras of a calibration, else the nine assumed ones, in front of `data`."""

    constants: Constants
    fleet: Fleet
    data: Data
    calibration: Calibration | None = None

    def __call__(self, seed: int, draw: Draw, stage: str) -> World:
        """The world of a seed; with all cameras alike in a stage, if one is named."""
        isps, _ = self.cameras(draw)
        if stage:
            isps = tuple(STAGES[stage](isp) for isp in isps)
        return photographed(isps, Scenes(self.data, light_of(self.constants, draw)), self.fleet, seed)

    def cameras(self, draw: Draw) -> tuple[tuple[Isp, ...], list[str]]:
        """As drawn, and what of them was assumed."""
        assumed = assumed_isps(self.constants, draw)
        if self.calibration is None:
            return assumed, []
        found, notes = calibrated_isps(self.calibration, assumed, draw, self.constants.variation_ratio)
        return found or assumed, notes


@dataclass(frozen=True, slots=True, eq=False)
class Photographed:
    """Pictures that real phones took; shares of those nine that are named as ours are, else all alike."""

    constants: Constants
    fleet: Fleet
    data: Data

    def __call__(self, seed: int, draw: Draw, stage: str) -> World:  # noqa: ARG002  (real cameras have none)
        """The world of a seed."""
        known = {_plain(isp.name): isp.share for isp in assumed_isps(self.constants, draw)}
        names = [_plain(name) for name in self.data.owner_names]
        shares = [known[name] for name in names] if set(names) <= set(known) else [1.0] * len(names)
        return as_taken(self.data, shares, self.fleet, seed)


def fleet_of(constants: Constants, scenario: str) -> Fleet:
    """Of a scenario that is known."""
    of = constants.scenarios[scenario]
    return Fleet(of["devices_n"], of["samples_n"], int(constants["scene.test_scenes_n"]))


def _plain(name: str) -> str:
    """`heteroswitch-galaxys22`, `Galaxy S22` and `galaxy_s22` are one phone."""
    return "".join(filter(str.isalnum, name.lower())).removeprefix("heteroswitch")
