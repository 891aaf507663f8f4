"""What the participants of a round make of the weights: updates, or why there are none."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from edgewatt.models.federated.engines.learners import Together
from edgewatt.models.federated.engines.opening import Opened
from edgewatt.models.federated.engines.settling import Replies, replies_of
from edgewatt.models.federated.learning.aggregation import acceptable
from edgewatt.models.federated.round import Ints, Learner, Update, Weights
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# No device's fault: every other would fail of it too.
ENDING: Final = (UsageError, MemoryError)
_NOTHING: Final[Mapping[int, str]] = {}


def trained(learner: Learner, weights: Weights, of: Opened, *, together: bool = True) -> tuple[Replies, Weights]:
    """What the participants make of the weights, in this process.

    An update that is none is refused, and a device whose training raises costs its reply alone, with the reason in
    `trouble`; where that happens to several at once, they train once more, one after the other, to tell whose fault it
    is. What is no device's fault ends the run: UsageError and MemoryError, and an interrupt as everything that is no
    Exception.
    """
    places, number = np.flatnonzero(of.trains), of.seen.number
    devices, batch, epochs = (getattr(of.choice, name)[places] for name in ("devices", "batch", "epochs"))
    found = _at_once(learner, weights, devices, batch, epochs, number) if together else None
    if found is None:
        each = zip(devices.tolist(), batch.tolist(), epochs.tolist(), strict=True)
        found = [_one(learner, weights, *one, number) for one in each]
    by_place = dict(zip(places.tolist(), found, strict=True))
    came = {place: of for place, of in by_place.items() if not isinstance(of, str)}
    return aggregated(learner, weights, of, came, {place: of for place, of in by_place.items() if isinstance(of, str)})


def aggregated(
    learner: Learner, weights: Weights, of: Opened, came: Mapping[int, Update], failed: Mapping[int, str] = _NOTHING
) -> tuple[Replies, Weights]:
    """What the updates that came, by place in the choice, make of the weights; both engines do it so.

    `failed`: why what came from others is no update at all.
    """
    refusal = getattr(learner, "refusal", acceptable)
    refused = {k: why for k, update in came.items() if (why := refusal(update, weights)) is not None}
    taken = {k: update for k, update in came.items() if k not in refused}
    in_order = [taken[k] for k in sorted(taken, key=lambda k: int(of.choice.devices[k]))]
    replies = replies_of(of, taken, {**refused, **failed})
    return replies, learner.aggregate(weights, in_order) if in_order else weights


def told(error: Exception) -> str:
    """What a device says of its failure; `failure` makes it fit to be read."""
    return f"{type(error).__name__}: {error}"


def failure(said: str) -> str:
    """Why a device has no update, in the words of both engines."""
    return f"its training failed: {shown(said)}"


def _at_once(
    learner: Learner, weights: Weights, devices: Ints, batches: Ints, epochs: Ints, number: int
) -> list[Update | str] | None:
    """None where the learner cannot, or where it fails."""
    if not isinstance(learner, Together):
        return None
    try:
        return [*learner.train_many(weights, devices, batches, epochs, number)]
    except ENDING:
        raise
    except Exception:  # noqa: BLE001  (whose fault it is shows when each trains alone)
        return None


def _one(learner: Learner, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update | str:
    try:
        return learner.train(weights, device, batch, epochs, number)
    except ENDING:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a device fails of costs its reply alone)
        return failure(told(error))
