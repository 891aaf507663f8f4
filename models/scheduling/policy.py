"""A learnt table as a phone uses it: one look-up per decision; saved, loaded, and exported as plain rows."""

import io
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.states import FEATURES, Bins
from edgewatt.models.scheduling.world import Action, World
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import replace_file

SCHEMA: Final = 1
_SIZE_LIMIT_B: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """A table [states, actions] in half precision, as the paper counts its size, and what its numbers mean."""

    device_id: str
    bins: Bins
    actions: tuple[Action, ...]
    table: NDArray[np.float16]
    valid: Mapping[str, tuple[bool, ...]]
    layers: Mapping[str, tuple[float, ...]]
    basis: str

    @property
    def size_b(self) -> int:
        """Bytes of the table."""
        return self.table.nbytes

    def decider(self, network: str) -> "Decider":
        """Decisions for one network. Raises UsageError for one that it never learnt."""
        if network not in self.layers:
            raise UsageError(f"network {network!r}: the policy knows {', '.join(self.layers)}")
        first = self.bins.number(self.layers[network], range(4))
        weights = self.bins.weights()
        masked = np.where(np.array(self.valid[network]), self.table, -np.inf)
        best: list[int] = masked.argmax(axis=1).tolist()
        return Decider(best, first, tuple(zip(self.bins.ends[4:], weights[4:], strict=True)))


@dataclass(frozen=True, slots=True)
class Decider:
    """The best action of each state, and where the states of one network begin."""

    best: Sequence[int]
    first: int
    features: tuple[tuple[tuple[float, ...], int], ...]

    def decide(self, co_cpu_ratio: float, co_memory_ratio: float, wlan_dbm: float, p2p_dbm: float) -> int:
        """The number of the action to take."""
        (a, wa), (b, wb), (c, wc), (d, wd) = self.features
        state = self.first + bisect_right(a, co_cpu_ratio) * wa + bisect_right(b, co_memory_ratio) * wb
        return self.best[state + bisect_right(c, wlan_dbm) * wc + bisect_right(d, p2p_dbm) * wd]


def policy_of(table: NDArray[np.float32], world: World, bins: Bins, basis: str) -> Policy:
    """The policy of one agent."""
    clipped = np.clip(table, -60000, 60000).astype(np.float16)
    valid = {w.name: tuple(bool(of) for of in row) for w, row in zip(world.workloads, world.valid, strict=True)}
    layers = {w.name: (w.conv_n, w.fc_n, w.rc_n, w.macs_n) for w in world.workloads}
    return Policy(world.device_id, bins, world.actions, clipped, valid, layers, basis)


def save_policy(policy: Policy, path: Path) -> None:
    """Write it as one .npz, replacing what is there."""
    replace_file(path, policy_bytes(policy))


def policy_bytes(policy: Policy) -> bytes:
    """The .npz of a policy."""
    head = {
        "schema": SCHEMA, "device_id": policy.device_id, "basis": policy.basis, "ends": policy.bins.ends,
        "actions": [asdict(of) for of in policy.actions], "valid": dict(policy.valid), "layers": dict(policy.layers),
    }  # fmt: skip
    file = io.BytesIO()
    np.savez_compressed(file, table=policy.table, head=np.array(json.dumps(head)))
    return file.getvalue()


def load_policy(path: Path) -> Policy:
    """The policy in a file of save_policy. Raises UsageError for anything else."""
    try:
        raw = io.BytesIO(path.read_bytes() if path.stat().st_size <= _SIZE_LIMIT_B else b"")
        if sum(info.file_size for info in ZipFile(raw).infolist()) > _SIZE_LIMIT_B:
            raise UsageError(f"{path} holds more than any policy of `edgewatt simulate`")
        with np.load(raw, allow_pickle=False) as file:
            table, head = file["table"], json.loads(str(file["head"]))
        policy = _policy(table, head)
    except (OSError, BadZipFile, KeyError, TypeError, ValueError, EOFError) as error:
        raise UsageError(f"{path} is no policy of `edgewatt simulate`: {error}") from None
    return policy


def _policy(table: NDArray[np.float16], head: Mapping[str, Any]) -> Policy:
    if head["schema"] != SCHEMA:
        raise ValueError(f"schema is {head['schema']!r}, expected {SCHEMA}")
    policy = Policy(
        device_id=head["device_id"],
        bins=Bins(tuple(tuple(float(end) for end in ends) for ends in head["ends"])),
        actions=tuple(Action(**of) for of in head["actions"]),
        table=table,
        valid={name: tuple(of) for name, of in head["valid"].items()},
        layers={name: tuple(of) for name, of in head["layers"].items()},
        basis=head["basis"],
    )
    expected = policy.bins.states_n, len(policy.actions)
    if table.shape != expected or len(policy.bins.ends) != len(FEATURES) or policy.valid.keys() != policy.layers.keys():
        raise ValueError(f"its table is {table.shape}, expected {expected}")
    if any(len(of) != expected[1] for of in policy.valid.values()) or any(
        len(of) != 4 for of in policy.layers.values()
    ):
        raise ValueError("its networks have not a flag for each action and four counts of layers")
    return policy


def table_rows(policy: Policy) -> Iterator[dict[str, Any]]:
    """One row per network and state of conditions: the bins as numbers from 0, and the action to take."""
    for network in policy.layers:
        decider = policy.decider(network)
        sizes = [len(ends) + 1 for ends, _ in decider.features]
        for place in np.ndindex(*sizes):
            state = decider.first + sum(k * weight for k, (_, weight) in zip(place, decider.features, strict=True))
            action = policy.actions[decider.best[state]]
            bins = dict(zip((f"{name}_bin" for name in FEATURES[4:]), place, strict=True))
            yield {"model": network, "state": state, **bins, "action": str(action), "target": action.target}
