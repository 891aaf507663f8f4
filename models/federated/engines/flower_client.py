"""A device under Flower: its process loads the learner once, and trains for whichever partition it is asked for."""

from functools import cache
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from ray import cloudpickle

from edgewatt.models.federated.engines.flower_patience import ending_after
from edgewatt.models.federated.engines.flower_records import (
    ARRAYS,
    CONFIG,
    PARTITION,
    STATE,
    arrays_of,
    failure_of,
    reply_of,
)
from edgewatt.models.federated.engines.learners import keep
from edgewatt.models.federated.round import Learner


def write_learner(path: Path, learner: Learner) -> None:
    """For the processes of devices, which read nothing but what this process wrote. Raises what pickling raises."""
    path.write_bytes(cloudpickle.dumps(learner))


def client_app(path: Path, patience_s: float) -> Any:
    """A ClientApp: answers a query with its partition, and trains. What takes longer than `patience_s` is ended."""
    app, where = ClientApp(), str(path)

    @app.query()  # type: ignore[untyped-decorator, unused-ignore]
    def partition(message: Any, context: Any) -> Any:
        told = ConfigRecord({PARTITION: int(context.node_config[PARTITION])})
        return Message(RecordDict({CONFIG: told}), reply_to=message)

    @app.train()  # type: ignore[untyped-decorator, unused-ignore]
    def train(message: Any, context: Any) -> Any:
        learner = _learner(where)
        with ending_after(patience_s):
            return trained(learner, message, int(context.node_config[PARTITION]))

    return app


def trained(learner: Learner, message: Any, device: int) -> Any:
    """The reply of a device to a message of the strategy: an update, or in words why there is none."""
    try:
        weights, told = arrays_of(message.content[ARRAYS]), message.content[CONFIG]
        keep(learner, arrays_of(message.content[STATE]), weights)
        content = reply_of(learner.train(weights, device, told["batch"], told["epochs"], told["round"]))
    except Exception as error:  # noqa: BLE001  (whatever a device fails of costs its reply alone)
        content = failure_of(error)
    return Message(content, reply_to=message)


@cache
def _learner(where: str) -> Learner:
    found: Learner = cloudpickle.loads(Path(where).read_bytes())
    return found
