"""All devices against one of them, or against grey: a scene at a time, so that few photographs are unpacked at once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.gauging.found import Undecided
from edgewatt.profiler.isp.cells import CHANNELS, Pair, pair_of
from edgewatt.profiler.isp.fit import Isp, isp_of
from edgewatt.profiler.isp.folders import Scenes
from edgewatt.profiler.isp.neutral import Patch, isp_of_patch
from edgewatt.profiler.isp.photos import read_photo
from edgewatt.profiler.progress import Progress

# What stands in the place of a reference where there was a grey patch.
NEUTRAL: Final = "neutral patch"


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found of a device; `source` is over the photographs; `alone` are scenes that only one of both has."""

    device: str
    reference: str
    found: Isp | Undecided
    source: str
    alone: tuple[str, ...] = ()


def against(devices: Mapping[str, Scenes], reference: str, progress: Progress) -> list[Compared]:
    """Every other device against `reference`; Raises UsageError as its parts do."""
    if reference not in devices:
        raise UsageError(f"--reference {reference}: no such folder; there are {', '.join(devices)}")
    others = [device for device in devices if device != reference]
    if not others:
        raise UsageError(f"{reference} is the only device; name the folder of another one to compare it with")
    pairs: dict[str, list[Pair]] = {device: [] for device in others}
    digests: dict[str, list[str]] = {device: [] for device in others}
    for scene, path in devices[reference].items():
        at = [device for device in others if scene in devices[device]]
        if not at:
            continue
        progress.phase(f"comparing {scene}")
        first = read_photo(path)
        for device in at:
            second = read_photo(devices[device][scene])
            pairs[device].append(pair_of(scene, first, second))
            digests[device] += [first.sha256, second.sha256]
    return [
        Compared(
            device,
            reference,
            isp_of(pairs[device]),
            _source(digests[device]),
            tuple(sorted(devices[device].keys() ^ devices[reference].keys())),
        )
        for device in others
    ]


def against_patch(devices: Mapping[str, Scenes], patch: Patch, progress: Progress) -> list[Compared]:
    """Every device by the grey patch in its photographs. Raises UsageError for a file that is no photograph."""
    compared = []
    for device, scenes in devices.items():
        progress.phase(f"looking at {device}")
        photos = [read_photo(path) for path in scenes.values()]
        compared.append(
            Compared(device, NEUTRAL, isp_of_patch(photos, patch), _source([photo.sha256 for photo in photos]))
        )
    return compared


def table_of(compared: Sequence[Compared], *, simulated: bool) -> pa.Table:
    """The table `isp` of a calibration: a row per device that something was found of."""
    basis = "simulated" if simulated else "measured"
    rows = [_row(one, one.found, basis) for one in compared if isinstance(one.found, Isp)]
    return pa.Table.from_pylist(rows, schema=TABLES["isp"])


def _row(one: Compared, found: Isp, basis: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "device_id": one.device,
        "device": one.device,
        "reference": one.reference,
        "residual_ratio": found.residual,
        "valid_low_ratio": found.valid[0],
        "valid_high_ratio": found.valid[1],
        "scenes_n": found.scenes,
        "basis": basis,
        "source": one.source,
    }
    terms = {f"gain_{channel}": gain for channel, gain in zip(CHANNELS, found.gains, strict=True)}
    for name, term in {**terms, "gamma": found.gamma}.items():
        if term is not None:
            row |= {f"{name}_ratio": term.value, f"{name}_low_ratio": term.low, f"{name}_high_ratio": term.high}
    return row


def _source(digests: Sequence[str]) -> str:
    """One digest of all photographs, in whatever order they were read."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(set(digests))).encode()).hexdigest()
