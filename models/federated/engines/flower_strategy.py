"""A policy as a Flower strategy: it says who trains and how, and learns what came of it, as in the loop."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flwr.app import ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp.strategy import Strategy

from edgewatt.models.federated.engines.flower_records import (
    CONFIG,
    PARTITION,
    arrays_of,
    content_of,
    record_of,
    settings_of,
    update_from,
)
from edgewatt.models.federated.engines.learners import kept_of
from edgewatt.models.federated.engines.loop import Playing
from edgewatt.models.federated.engines.opening import Opened
from edgewatt.models.federated.engines.training import aggregated
from edgewatt.models.federated.round import Learner, Update
from edgewatt.profiler.errors import EdgewattError

# How often the nodes are counted until all are there, and asked again which device they are.
LOOK_S: Final = 0.05
ASK_TIMES: Final = 3
QUERY: Final = MessageType.QUERY


class PolicyStrategy(Strategy):  # type: ignore[misc, unused-ignore]
    """Plays a run under Flower: `Strategy.start` for as many rounds as are left.

    Each chosen node is sent a message with its own settings; replies are taken in the order of their devices, which a
    node tells once, for its number is a new one in each run. A node that does not answer costs its reply alone.
    """

    def __init__(self, playing: Playing, learner: Learner, patience_s: float) -> None:
        self.playing, self.learner, self.patience_s = playing, learner, patience_s
        self.node_of: Mapping[int, int] = {}
        self._begun: Opened | None = None
        self._place_of: dict[int, int] = {}

    def summary(self) -> None:
        """Nothing: the study says what it does."""

    def configure_train(self, server_round: int, arrays: Any, config: Any, grid: Any) -> Iterable[Any]:  # noqa: ARG002
        """One message to each participant that answers and has room for its batch."""
        self.node_of = self.node_of or self._asked(grid)
        begun = self._begun = self.playing.open()
        choice, weights = begun.choice, arrays_of(arrays)
        self._place_of, messages = {}, []
        for place in begun.trains.nonzero()[0].tolist():
            device, batch, epochs = (int(of[place]) for of in (choice.devices, choice.batch, choice.epochs))
            kind = begun.seen.kinds[begun.seen.kind_of[device]]
            told = settings_of(begun.seen.number, batch, epochs, kind, int(choice.target[place]))
            content = content_of(weights, told, kept_of(self.learner, device))
            node = self.node_of[device]
            self._place_of[node] = place
            messages.append(Message(content, node, MessageType.TRAIN, group_id=str(server_round)))
        return messages

    def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> tuple[Any, Any]:  # noqa: ARG002
        """The weights that the learner makes of good updates; the round is settled, and the policy learns."""
        begun = self._begun
        if begun is None:
            raise EdgewattError("Flower has replies of a round that was not begun")
        came, failed = dict[int, Update](), dict[int, str]()
        for reply in replies:
            # An error in place of a reply: the process of the device was lost, and was not heard of.
            if reply.has_error():
                continue
            place, found = self._place_of[reply.metadata.src_node_id], update_from(reply.content)
            if isinstance(found, str):
                failed[place] = found
            else:
                came[place] = found
        taken, weights = aggregated(self.learner, self.playing.weights, begun, came, failed)
        self.playing.close(begun, taken, weights)
        said = {"replied": int(taken.replied.sum()), "fleet-j": float(self.playing.rounds[-1].outcome.fleet_j)}
        return record_of(weights), MetricRecord(said)

    def evaluated(self, server_round: int, arrays: Any) -> Any:  # noqa: ARG002
        """`evaluate_fn` of `start`: the accuracy on the server, which the round was settled with."""
        return MetricRecord({"accuracy-percent": float(self.playing.accuracy_percent)})

    def configure_evaluate(self, server_round: int, arrays: Any, config: Any, grid: Any) -> Iterable[Any]:  # noqa: ARG002
        """Nobody: what is held back is on the server."""
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Any]) -> None:
        """Nothing."""

    def _asked(self, grid: Any) -> dict[int, int]:
        """The node of each device: every node is asked once which it is, and again if it does not answer."""
        devices_n = len(self.playing.of.fleet.kind_of)
        while len(nodes := set(grid.get_node_ids())) < devices_n:
            time.sleep(LOOK_S)
        node_of: dict[int, int] = {}
        for _ in range(ASK_TIMES):
            left = sorted(nodes - set(node_of.values()))
            asked = [Message(RecordDict({CONFIG: ConfigRecord()}), node, QUERY) for node in left]
            for reply in grid.send_and_receive(asked, timeout=self.patience_s):
                if not reply.has_error():
                    node_of[int(reply.content[CONFIG][PARTITION])] = reply.metadata.src_node_id
            if len(node_of) == devices_n:
                return node_of
        raise EdgewattError(
            f"{devices_n - len(node_of)} of Flower's {devices_n} nodes did not say which device they are, though they "
            f"were asked {ASK_TIMES} times; is the machine out of memory? --engine loop needs no processes"
        )
