"""Samples and their classes, split into what devices train on and what is held back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Flags, Ints

HELD_BACK_EVERY: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Inputs of n samples [n, ...] and their targets: classes [n] (int64), or flags [n, classes] where many hold.

    Inputs are float32 in 0 to 1 or bytes (which stand for 0 to 1) of pictures [n, channels, rows, columns], or int64
    numbers of characters [n, length]. `owners` [n]: who each training sample belongs to, where the data say so.
    `held_owners`: the same of what is held back. `names` of classes. `refused`: what was left out, and why.
    """

    source: str
    inputs: NDArray[Any]
    targets: NDArray[Any]
    held_inputs: NDArray[Any]
    held_targets: NDArray[Any]
    classes_n: int
    owners: Ints | None = None
    held_owners: Ints | None = None
    owner_names: Sequence[str] = ()
    names: Sequence[str] = ()
    refused: Sequence[str] = ()

    @property
    def is_many(self) -> bool:
        """Whether a sample may be of several classes, or of none."""
        return self.targets.ndim == 2


def split(
    source: str,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    classes_n: int,
    held: Flags | None = None,
    owners: Ints | None = None,
    **more: Any,
) -> Data:
    """Samples [n, ...] of which those in `held` [n] are held back; None: every fifth, the same ones always."""
    if held is None:
        held = np.arange(len(inputs)) % HELD_BACK_EVERY == HELD_BACK_EVERY - 1
    if owners is not None:
        more |= {"owners": owners[~held], "held_owners": owners[held]}
    return Data(source, inputs[~held], targets[~held], inputs[held], targets[held], classes_n, **more)


def fingerprint(data: Data) -> list[str]:
    """What tells it from other data: its source, and a hash of each of its parts."""
    arrays = [data.inputs, data.targets, data.held_inputs, data.held_targets]
    owned = [of for of in (data.owners, data.held_owners) if of is not None]
    hashes = [sha256(np.ascontiguousarray(of).data).hexdigest() for of in (*arrays, *owned)]
    return [data.source, *hashes, *data.owner_names]


def facts_of(data: Data) -> Mapping[str, Any]:
    """What a report says of the data."""
    return {
        "source": data.source,
        "train_n": len(data.inputs),
        "held_back_n": len(data.held_inputs),
        "classes_n": data.classes_n,
        "refused": list(data.refused),
    }
