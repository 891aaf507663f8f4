"""What a number of benches comes to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.synchronising.locate import Located
from edgewatt.profiler.synchronising.pair import synchronise
from tests.sync_figures.bench import Scene, bench

SCENES: Final = {
    "bursts 5 Hz": Scene(),
    "nothing else": Scene(bursts_hz=0.0),
    "bursts 20 Hz": Scene(bursts_hz=20.0),
    "governor and steps of another load": Scene(governor=True, steps=True),
    "another load of 7 ms iterations": Scene(iterations=True),
    "six gaps of 0.1 s": Scene(gaps=6),
    "1 kHz": Scene(period_s=1e-3),
    "100 Hz": Scene(period_s=1e-2),
    "rails, 30 Hz means": Scene(period_s=1 / 30, mean=True),
}
REFUSED: Final = {
    "train of another phone": Scene(wave="another"),
    "no train": Scene(wave="none"),
    "no train, bursts 20 Hz": Scene(wave="none", bursts_hz=20.0),
    "another phone's inferences": Scene(wave="loop"),
    "periodic wave": Scene(wave="periodic"),
    "another phone, 30 Hz means": Scene(wave="another", period_s=1 / 30, mean=True),
}
# The first train and the last of a run of some minutes.
TRAINS_AT_S: Final = (4.0, 124.0)


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors in seconds (shape [n]) with the standard uncertainties stated for them, and how many were refused."""

    error_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    u_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    refused: Counter[str]

    @property
    def bias_s(self) -> float:
        """Mean error."""
        return float(np.mean(self.error_s))

    @property
    def rms_s(self) -> float:
        """Root of the mean square."""
        return float(np.sqrt(np.mean(self.error_s**2)))

    @property
    def covered(self) -> float:
        """The share that lies in its 95 % interval."""
        return float(np.mean(np.abs(self.error_s) <= 1.96 * self.u_s))


def errors(scene: Scene, seeds: Iterable[int]) -> Errors:
    """What is found in a scene, one bench per seed."""
    found, refused = [], Counter[str]()
    for seed in seeds:
        one = bench(seed, scene)
        seen = one.look()
        if isinstance(seen, Located):
            found.append((one.error_s(seen), seen.u_offset_s))
        else:
            refused[seen.code] += 1
    both = np.array(found).reshape(-1, 2)
    return Errors(both[:, 0], both[:, 1], refused)


def drifts(seeds: Iterable[int]) -> Errors:
    """The error of the drift from two trains, as a pure number."""
    found, refused = [], Counter[str]()
    for seed in seeds:
        one = bench(seed, Scene(trains_at_s=TRAINS_AT_S))
        seen = [one.look(place) for place in range(len(TRAINS_AT_S))]
        trains = tuple(each for each in seen if isinstance(each, Located))
        if len(trains) < len(seen):
            refused["a train was not found"] += 1
            continue
        both = synchronise("phone", trains)
        assert both.u_drift is not None
        true = 1 / (1 + one.drift) - 1
        found.append((both.fit.drift - true, both.u_drift))
    pairs = np.array(found).reshape(-1, 2)
    return Errors(pairs[:, 0], pairs[:, 1], refused)
