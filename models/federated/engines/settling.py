"""How a round ends: who replied, until when it lasted, and whose joules it took. Both engines settle with this."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgewatt.models.federated.engines.opening import SILENT, Opened
from edgewatt.models.federated.engines.rules import Rules
from edgewatt.models.federated.fleet.ledger import Ledger
from edgewatt.models.federated.round import Costs, Flags, Floats, Outcome, Update


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """Of the K participants, (K,) each: whether an update was taken, who was never heard of, losses (NaN without)."""

    replied: Flags
    silent: Flags
    loss_before: Floats
    loss: Floats
    trouble: Mapping[int, str] = field(default_factory=dict)


def replies_of(of: Opened, updates: Mapping[int, Update], refused: Mapping[int, str]) -> Replies:
    """What came of the participants, by their place in the choice.

    `refused`: why updates that came were not taken. Who should train and is in neither was not heard of.
    """
    count = len(of.choice.devices)
    before, during = np.full(count, np.nan), np.full(count, np.nan)
    for place, update in updates.items():
        before[place], during[place] = update.loss_before, update.loss
    replied, came = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    replied[list(updates)] = True
    came[[*updates, *refused]] = True
    lost = of.trains & ~came
    trouble = {**of.trouble, **dict.fromkeys(np.flatnonzero(lost).tolist(), SILENT), **refused}
    return Replies(replied, of.silent | lost, before, during, trouble)


def all_reply(of: Opened) -> Replies:
    """Where nothing is trained: everybody who answers and has room has replied."""
    unknown = np.full(len(of.choice.devices), np.nan)
    return Replies(of.trains, of.silent, unknown, unknown, of.trouble)


def settle(
    of: Opened, replies: Replies, idle_w: Floats, accuracy_percent: float, rules: Rules, ledger: Ledger
) -> Outcome:
    """What a round came to; each joule goes to the ledger once.

    A participant's seconds are t_comp + t_TX (AutoFL; facts 1.9), the round's until the last that is waited for. Who is
    silent has computed and sent nothing; who has no room for its batch only waits, as who was not chosen.
    """
    costs = _without_sending(of.costs, replies.silent)
    seconds = costs.compute_s + costs.send_s
    round_s = _round_s(of, replies, seconds, rules)
    bill = ledger.settle(of.seen.number, costs, of.choice, replies.replied, round_s, idle_w)
    return Outcome(
        replies.replied,
        seconds,
        bill.worked_j,
        replies.loss_before,
        replies.loss,
        round_s,
        bill.idle_j,
        bill.fleet_j,
        accuracy_percent,
        replies.trouble,
    )


def _without_sending(costs: Costs, silent: Flags) -> Costs:
    return replace(costs, send_s=np.where(silent, 0.0, costs.send_s), send_j=np.where(silent, 0.0, costs.send_j))


def _round_s(of: Opened, replies: Replies, seconds: Floats, rules: Rules) -> float:
    last = float(seconds[~replies.silent].max(initial=0.0))
    if replies.silent.any():
        slowest = float((of.costs.compute_s + of.costs.send_s).max())
        last = max(last, rules.deadline_ratio * slowest)
    return last or rules.empty_s
