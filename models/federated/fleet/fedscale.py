"""A fleet from FedScale's traces: how fast a client computes and sends, and when it is there.

What they mean: SymbioticLab/FedScale, fedscale/cloud/internal/client_metadata.py; facts 4.3. `computation` is ms of an
inference of one sample, and a training step of B takes 3.0 B computation of it, whichever the network. `communication`
is kbit per second. Watts are in neither file, so that all of them are assumed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.fleet.behaviour import Behaviour
from edgewatt.models.federated.fleet.fleet import CalibratedFleet
from edgewatt.models.federated.fleet.physics import physics_of
from edgewatt.models.federated.fleet.plain_pickle import plain_pickle
from edgewatt.models.federated.fleet.variance import variance_of
from edgewatt.models.federated.round import TIERS, Floats
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.rows import Rows
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import NUMBER

SIZE_LIMIT: Final = 512 << 20
CLIENTS_LIMIT: Final = 10_000_000
INTERVALS_LIMIT: Final = 50_000_000
_B_PER_S_OF_KBPS: Final = 125.0
_MS: Final = 1e-3
# Beyond these an update or a step would take more seconds and joules than there are numbers.
_LEAST: Final = 1e-9
_MOST: Final = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """M clients in the order of the file, (M,): seconds of an inference of one sample, bytes per second."""

    sample_s: Floats
    b_per_s: Floats


def read_capacity(path: str | Path) -> Capacity:
    """FedScale's client_device_capacity, pickled or as JSON. Raises UsageError naming the client and what is wrong."""
    where, clients = f"capacity {path}", _clients(path, "capacity")
    columns = [
        [_positive(of, key, where, client) for client, of in clients.items()]
        for key in ("computation", "communication")
    ]
    return Capacity(np.array(columns[0]) * _MS, np.array(columns[1]) * _B_PER_S_OF_KBPS)


def read_behaviour(path: str | Path) -> Behaviour:
    """FedScale's client_behave_trace, pickled or as JSON. Raises UsageError naming the client and what is wrong."""
    where, clients = f"availability {path}", _clients(path, "availability")
    finish = np.array([_positive(of, "finish_time", where, client) for client, of in clients.items()])
    starts, stops = (_times(clients, key, where) for key in ("active", "inactive"))
    lengths = np.array([len(of) for of in starts])
    if (odd := np.flatnonzero(lengths != [len(of) for of in stops])).size:
        k = odd[0]
        raise UsageError(
            f"{where}: client {list(clients)[k]!r:.80} has {lengths[k]} of `active` and {len(stops[k])} of `inactive`; "
            "expected as many of both"
        )
    start_s, stop_s = (np.fromiter(chain.from_iterable(of), np.float64, int(lengths.sum())) for of in (starts, stops))
    return Behaviour(finish, np.repeat(np.arange(len(lengths)), lengths), start_s, stop_s)


def fedscale_fleet(
    capacity: Capacity, constants: Constants, draw: Draw, scenario: str, seed: int, behaviour: Behaviour | None = None
) -> CalibratedFleet:
    """FedScale's clients as devices, in their order; `behaviour` says who answers.

    Tiers by speed, in the shares of AutoFL's testbed. Each device has one target, and sends at its own rate when its
    signal is good. Raises UsageError for an unknown scenario.
    """
    devices_n = len(capacity.sample_s)
    high, low = (constants[f"fleet.{name}_ratio"] for name in ("high", "low"))
    place = np.argsort(np.argsort(capacity.sample_s, kind="stable"), kind="stable") / devices_n
    tier_of = np.where(place < high, 0, np.where(place < 1 - low, 1, 2))
    tiers, kind_of = np.unique(tier_of, return_inverse=True)
    backward = draw.constant(constants, "fedscale.backward_ratio")
    nothing = Calibration(Head(created="", devices={"fedscale": CalibratedDevice("FedScale")}))
    physics, middle = [], []
    for tier in tiers.tolist():
        middle.append(float(np.median(capacity.sample_s[tier_of == tier])))
        of = physics_of(Rows(nothing, "fedscale"), f"FedScale, {TIERS[tier]} tier", tier, {}, constants, draw)
        physics.append(replace(of, sample_s=backward * middle[-1]))
    fleet = CalibratedFleet(
        physics=tuple(physics),
        kind_of=kind_of,
        slower_ratio=capacity.sample_s / np.array(middle)[kind_of],
        good_b_per_s=capacity.b_per_s,
        variance=variance_of(constants, scenario, seed, devices_n),
        constants=constants,
        draw=draw,
        basis="assumed",
        notes=(
            "speeds and rates are FedScale's; tiers by speed, in the shares of the testbed of AutoFL",
            "a step takes FedScale's time of a sample x the batch, whichever the network",
            "no watts are in FedScale's traces: of processors, radio and idle all are assumed, by tier",
        ),
    )
    return fleet if behaviour is None else fleet.behaving(behaviour)


def _clients(path: str | Path, what: str) -> Mapping[Any, Mapping[str, Any]]:
    """The clients of a file by their id, each an object."""
    where = f"{what} {path}"
    try:
        with Path(path).open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{where}: cannot be read ({error})") from None
    if len(raw) > SIZE_LIMIT:
        raise UsageError(f"{where}: over {SIZE_LIMIT} bytes; expected FedScale's trace of clients")
    found = _json(raw, where) if raw.lstrip()[:1] == b"{" else plain_pickle(raw, where)
    if not isinstance(found, dict) or not 0 < len(found) <= CLIENTS_LIMIT:
        count = f"{len(found)} clients" if isinstance(found, dict) else type(found).__name__
        raise UsageError(f"{where}: is {count}; expected a dictionary of 1 to {CLIENTS_LIMIT} clients")
    for client, of in found.items():
        if not isinstance(client, str) and not NUMBER.holds(client):
            raise UsageError(f"{where}: a client's id is a {type(client).__name__}; expected a text or a number")
        if not isinstance(of, dict):
            raise UsageError(f"{where}: client {client!r:.80} is {type(of).__name__}; expected a dictionary")
    return found


def _json(raw: bytes, where: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON ({type(error).__name__}: {error!s:.80})") from None


def _positive(of: Mapping[str, Any], key: str, where: str, client: Any) -> float:
    value: Any = of.get(key)
    if not NUMBER.holds(value) or not _LEAST <= value <= _MOST:
        seen = "not there" if key not in of else f"{value:g}" if NUMBER.holds(value) else f"a {type(value).__name__}"
        raise UsageError(
            f"{where}: {key} of client {client!r:.80} is {seen}; expected a number above 0 ({_LEAST:g} to {_MOST:g})"
        )
    return float(value)


def _times(clients: Mapping[Any, Mapping[str, Any]], key: str, where: str) -> list[list[float]]:
    """The times of each client. A pickle may hold one list many times, so that their sum is bounded as it grows."""
    found, count = [], 0
    for client, of in clients.items():
        value = of.get(key)
        if not isinstance(value, list):
            raise UsageError(f"{where}: {key} of client {client!r:.80} is {type(value).__name__}; expected a list")
        count += len(value)
        if count > INTERVALS_LIMIT:
            raise UsageError(f"{where}: over {INTERVALS_LIMIT} times in {key}; expected fewer")
        if not all(NUMBER.holds(time) for time in value):
            raise UsageError(f"{where}: {key} of client {client!r:.80} is no list of finite seconds")
        found.append(value)
    return found
