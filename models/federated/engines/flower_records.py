"""What travels under Flower: weights and what a learner keeps to a device, an update back. Arrays keep every digit."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from numpy.typing import NDArray

from edgewatt.models.federated.engines.training import failure, told
from edgewatt.models.federated.round import Kind, Update, Weights
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# Flower's own strategies find weights, settings and the number of samples under these names.
ARRAYS: Final = "arrays"
CONFIG: Final = "config"
METRICS: Final = "metrics"
SAMPLES: Final = "num-examples"
PARTITION: Final = "partition-id"
# What a learner keeps and what an update has beside its weights: arrays, and everything else.
STATE: Final = "state"
MORE: Final = "more"
SAID: Final = "said"
FAILED: Final = "failed"
ENDS: Final = "ends-the-run"


def record_of(arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Arrays by name as an ArrayRecord."""
    return ArrayRecord({name: Array(np.asarray(of)) for name, of in arrays.items()})


def arrays_of(record: Any) -> dict[str, NDArray[Any]]:
    """Arrays by name of an ArrayRecord; pickled objects are refused, with a ValueError."""
    return {name: of.numpy() for name, of in record.items()}


def settings_of(number: int, batch: int, epochs: int, kind: Kind, place: int) -> Any:
    """What one device is told, as a ConfigRecord: the round, its batch and epochs, and the target to train on."""
    target = kind.targets[place]
    told: dict[str, Any] = {"round": number, "batch": batch, "epochs": epochs, "target": target.name}
    if target.frequency_hz is not None:
        told["frequency-hz"] = float(target.frequency_hz)
    return ConfigRecord(told | {"processor": target.kind})


def content_of(weights: Weights, settings: Any, state: Mapping[str, NDArray[Any]]) -> Any:
    """All that a device needs to train, as a RecordDict."""
    return RecordDict({ARRAYS: record_of(weights), STATE: record_of(state), CONFIG: settings})


def reply_of(update: Update) -> Any:
    """An update as a RecordDict, with one MetricRecord, as Flower's strategies want it.

    Raises TypeError for what of `more` cannot travel.
    """
    arrays = {name: of for name, of in update.more.items() if isinstance(of, np.ndarray)}
    said = {name: _plain(of) for name, of in update.more.items() if name not in arrays}
    metrics = {
        SAMPLES: int(update.samples_n),
        "steps": int(update.steps_n),
        "loss-before": float(update.loss_before),
        "loss": float(update.loss),
    }
    parts = {ARRAYS: record_of(update.weights), METRICS: MetricRecord(metrics), SAID: ConfigRecord(said)}
    # Flower's strategies expect one ArrayRecord: what not every method sends is left out.
    return RecordDict(parts | ({MORE: record_of(arrays)} if arrays else {}))


def failure_of(error: Exception) -> Any:
    """Why a device has no update, as a RecordDict; a UsageError is no fault of the device."""
    if isinstance(error, UsageError):
        return RecordDict({CONFIG: ConfigRecord({ENDS: str(error)})})
    return RecordDict({CONFIG: ConfigRecord({FAILED: told(error)})})


def update_from(content: Any) -> Update | str:
    """The update of a reply, or why there is none in it. Raises UsageError for what no device is at fault for."""
    try:
        if CONFIG in content:
            if ENDS in content[CONFIG]:
                raise UsageError(str(content[CONFIG][ENDS]))
            return failure(str(content[CONFIG][FAILED]))
        metrics = content[METRICS]
        more = {**content[SAID], **(arrays_of(content[MORE]) if MORE in content else {})}
        return Update(
            arrays_of(content[ARRAYS]),
            float(metrics["loss-before"]),
            float(metrics["loss"]),
            int(metrics[SAMPLES]),
            int(metrics["steps"]),
            more,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, EOFError, OSError) as error:
        return f"its reply is no update ({type(error).__name__}: {shown(str(error))})"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
