"""A folder with a library that stands for a machine's GPUs, and the truth about them."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.nvidia import loads
from edgewatt.virtual_lab.nvidia.build import SONAME, build
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.load import CONFIGURATION as NAMED
from edgewatt.virtual_lab.nvidia.load import LOADS
from edgewatt.virtual_lab.power.ramps import Ramp

CONFIGURATION: Final = "gpus.conf"
CLOCK: Final = "clock"
MAX_GPUS: Final = 16


@dataclass(frozen=True, slots=True)
class NvmlLab:
    """The library in `folder` and its GPUs. Instants are int64 ns of CLOCK_MONOTONIC, or of the lab's own clock."""

    folder: Path
    gpus: tuple[Gpu, ...]
    origin_ns: int

    @property
    def library(self) -> Path:
        """What a client loads."""
        return self.folder / SONAME

    @property
    def environment(self) -> dict[str, str]:
        """With these a process started from now on finds the GPUs, and `load.py` the lab."""
        paths = [str(self.folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": ":".join(paths), NAMED: str(self.folder / CONFIGURATION)}

    @property
    def loads(self) -> Path:
        """The file to which loads add (loads.py)."""
        return self.folder / LOADS

    def load(self, watts: float, gpu: int = 0) -> AbstractContextManager[int]:
        """A load of `watts` above what it draws otherwise, on in the block; gives when it began."""
        return loads.on(self.loads, watts, gpu)

    def move_clock(self, t_ns: int) -> None:
        """Set the lab's own clock, where it has one."""
        with (self.folder / CLOCK).open("r+b") as clock:
            clock.write(t_ns.to_bytes(8, "little"))

    def energy_j(self, t0_ns: ArrayLike, t1_ns: ArrayLike, gpu: int = 0) -> NDArray[np.float64]:
        """Joules that the GPU really took from each t0 to its t1, exact up to rounding; shapes broadcast."""
        ramp = self._ramp(gpu)
        energy_j: NDArray[np.float64] = ramp.energy_j(np.asarray(t1_ns, np.int64)) - ramp.energy_j(
            np.asarray(t0_ns, np.int64)
        )
        return energy_j

    def power_w(self, t_ns: ArrayLike, gpu: int = 0) -> NDArray[np.float64]:
        """Watts that it really draws at instants of any shape."""
        return self._ramp(gpu).power_w(np.asarray(t_ns, np.int64))

    def _ramp(self, gpu: int) -> Ramp:
        """Its power, worked out anew: by the lab's own arithmetic, of which the library has none."""
        one = self.gpus[gpu]
        family = one.family
        added = sorted((edge for edge in loads.read(self.loads) if edge.gpu == gpu), key=lambda edge: edge.t_ns)
        times = np.array([edge.t_ns for edge in added], np.int64)
        base_ns = np.array([t_ns for t_ns, _ in one.power], np.int64)
        edge_ns = np.union1d(base_ns, times)
        ramp = Ramp(self.origin_ns, family.idle_w, rise_s=family.rise_s, fall_s=family.fall_s)
        if len(edge_ns):
            base_w = np.array([family.idle_w, *(watts for _, watts in one.power)])
            more_w = np.concatenate([[0.0], np.cumsum([edge.watts for edge in added])])
            level_w = (
                base_w[np.searchsorted(base_ns, edge_ns, "right")] + more_w[np.searchsorted(times, edge_ns, "right")]
            )
            ramp.extend(edge_ns, np.minimum(level_w, one.most_w))
        return ramp


@dataclass(frozen=True, slots=True)
class Driver:
    """What is the same for all GPUs.

    `errors` (return codes) and `latency_s`, by symbol or `*`, hold for all GPUs and for the library itself:
    `{"nvmlInitWithFlags": 18}` is a driver that was replaced while it ran. `missing`: symbols that are not exported.
    """

    version: str = "580.65.06"
    errors: Mapping[str, int] = field(default_factory=dict)
    latency_s: Mapping[str, float] = field(default_factory=dict)
    missing: Sequence[str] = ()


def nvml_lab(
    folder: Path,
    gpus: Sequence[Gpu],
    driver: Driver | None = None,
    *,
    clock_ns: int | None = None,
    library: Path | None = None,
) -> NvmlLab:
    """A lab in `folder`, which is there. Its origin is now, or the earliest change of power.

    With `clock_ns` time stands still there until `move_clock`, and no call takes long. `library`: one that was built
    already, instead of building it. Raises UsageError, DeviceError.
    """
    if len(gpus) > MAX_GPUS:
        raise UsageError(f"a lab has at most {MAX_GPUS} GPUs")
    driver = driver or Driver()
    now_ns = time.monotonic_ns() if clock_ns is None else clock_ns
    origin_ns = min([now_ns, *(t_ns for one in gpus for t_ns, _ in one.power[:1])])
    if library is None or driver.missing:
        build(folder, driver.missing)
    else:
        shutil.copyfile(library, folder / SONAME)
    lab = NvmlLab(folder.absolute(), tuple(gpus), origin_ns)
    lab.loads.touch()
    if clock_ns is not None:
        (folder / CLOCK).write_bytes(clock_ns.to_bytes(8, "little"))
    text = "\n".join(_lines(lab, driver, own_clock=clock_ns is not None))
    (folder / CONFIGURATION).write_text(text + "\n")
    return lab


def _lines(lab: NvmlLab, driver: Driver, *, own_clock: bool) -> Iterator[str]:
    yield f"driver {driver.version}"
    yield f"nvml 13.{driver.version}"
    yield "cuda 13000"
    yield f"loads {lab.loads}"
    if own_clock:
        yield f"clock {lab.folder / CLOCK}"
    yield from (f"error {symbol} {code}" for symbol, code in driver.errors.items())
    yield from (f"latency {symbol} {seconds!r}" for symbol, seconds in driver.latency_s.items())
    for index, one in enumerate(lab.gpus):
        yield from one.lines(index, lab.origin_ns)
