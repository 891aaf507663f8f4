"""What the tool itself costs a device, as `doctor --overhead` found it: kept per device, and said by later runs."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self, get_args

from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.state import state_folder
from edgewatt.profiler.storage.checked import FLAG, NUMBER, OBJECT, TEXT, WHOLE, checked, list_of, nullable, one_of
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.profiler.storage.manifest import loads_plainly

ROOM: Final = "observer"
SIZE_LIMIT_B: Final = 64 << 10

_EFFECT: Final = {
    "source": TEXT,
    "boundary": one_of(*get_args(Boundary)),
    "watts": NUMBER,
    "low_w": NUMBER,
    "high_w": NUMBER,
    "off_w": NUMBER,
}
# Those of the first effect once more, for who reads no further.
_TOLD: Final = ("watts", "low_w", "high_w")
_KEYS: Final = {
    **dict.fromkeys(_TOLD, nullable(NUMBER)),
    "effects": list_of(OBJECT),
    "device_id": TEXT,
    "date": TEXT,
    "simulated": FLAG,
    "sampler": TEXT,
    "blocks": WHOLE,
    "block_s": NUMBER,
    "reason": TEXT,
    "cpu_ratio": nullable(NUMBER),
    "cpu_low": nullable(NUMBER),
    "cpu_high": nullable(NUMBER),
    "cpu_basis": TEXT,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What one energy source says: `watts` more with the sampler than without, 95 % in [low_w, high_w].

    `off_w` is the power without it, at the `boundary` of the source.
    """

    source: str
    boundary: Boundary
    watts: float
    low_w: float
    high_w: float
    off_w: float


@dataclass(frozen=True, slots=True)
class Observer:
    """The sampler's own cost on the device `device_id`, found on `date` (ISO 8601, UTC).

    `sampler` says in which state it was (attached, detached, polling). `effects` are what the sources say, the one that
    takes in most of the device first; `reason` says why watts cannot be told, by all or by some of them. `cpu_ratio` is
    its processor time as a share of one processor, 95 % in [cpu_low, cpu_high], by `cpu_basis`.
    """

    device_id: str
    date: str
    simulated: bool
    sampler: str
    blocks: int
    block_s: float
    effects: tuple[Effect, ...] = ()
    reason: str = ""
    cpu_ratio: float | None = None
    cpu_low: float | None = None
    cpu_high: float | None = None
    cpu_basis: str = ""

    def to_json(self) -> dict[str, Any]:
        """It as plain JSON, with the watts of its first effect (null: they cannot be told)."""
        first = self.effects[0] if self.effects else None
        told = {name: None if first is None else getattr(first, name) for name in _TOLD}
        return {**told, **asdict(self), "effects": [asdict(effect) for effect in self.effects]}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Self:
        """The one that `to_json` wrote. Raises ValueError naming the key that is wrong."""
        fields = checked(data, where, _KEYS)
        effects = [Effect(**checked(one, f"{where}: effects", _EFFECT)) for one in fields.pop("effects")]
        return cls(**{key: value for key, value in fields.items() if key not in _TOLD}, effects=tuple(effects))


def _path(device_id: str) -> Path:
    return state_folder(ROOM) / f"{hashlib.sha256(device_id.encode(errors='replace')).hexdigest()[:24]}.json"


def keep(observer: Observer) -> Path:
    """Keep it for later runs on its device; where. Raises UsageError if it cannot be written."""
    path = _path(observer.device_id)
    try:
        replace_file(path, json.dumps(observer.to_json(), indent=1).encode())
    except OSError as error:
        raise UsageError(f"cannot keep what was found in {path}: {error.strerror or error}") from None
    return path


def kept(device_id: str) -> Observer | None:
    """What is known of the sampler on this device; None if it was never measured, or the file says nothing of use."""
    path = _path(device_id)
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT_B + 1)
        found = Observer.from_json(loads_plainly(content), str(path)) if len(content) <= SIZE_LIMIT_B else None
    except (OSError, ValueError):
        return None
    return found if found is not None and found.device_id == device_id else None
