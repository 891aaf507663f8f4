"""The ledger of joules: each has a round, a device and a cause, and they add up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.models.federated.fleet.ledger import CAUSES, COMPUTE, IDLE, SEND, WAITING, WASTED, Ledger
from edgewatt.models.federated.round import Choice, Costs

ONE = np.array([1])
# Five devices of 0.1 W; device 3 computes 2 s and sends 1 s, device 1 takes 4 s and is not taken, 0 has no room.
IDLE_W = np.full(5, 0.1)
COSTS = Costs(
    np.array([2.0, 3.0, 0.0]),
    np.array([1.0, 1.0, 0.0]),
    np.array([10.0, 9.0, 0.0]),
    np.array([1.0, 2.0, 0.0]),
    np.array([True, True, False]),
)
REPLIED = np.array([True, False, False])


def choice(*devices: int) -> Choice:
    zeros = np.zeros(len(devices), int)
    return Choice(np.array(devices, int), zeros, zeros, zeros)


def settled(number: int = 0, **of: Any) -> tuple[Ledger, Any]:
    ledger = Ledger(5, **of)
    return ledger, ledger.settle(number, COSTS, choice(3, 1, 0), REPLIED, 5.0, IDLE_W)


def test_every_joule_has_its_cause() -> None:
    ledger, bill = settled()
    assert ledger.by_cause() == pytest.approx({
        COMPUTE: 10.0, SEND: 1.0, WAITING: 0.1 * 2 + 0.1 * 1, IDLE: 3 * 0.1 * 5, WASTED: 11.0,
    })  # fmt: skip
    assert bill.worked_j == pytest.approx([11.0, 11.0, 0.0])
    assert bill.waited_j == pytest.approx([0.2, 0.1, 0.0])
    assert bill.fleet_j == pytest.approx(22.0 + 0.3 + 1.5) == ledger.total_j()
    entries = ledger.entries()
    found = {(d, CAUSES[c]): j for d, c, j in zip(entries.device, entries.cause, entries.joules, strict=True)}
    assert found == pytest.approx({
        (3, COMPUTE): 10.0, (3, SEND): 1.0, (3, WAITING): 0.2, (1, WASTED): 11.0, (1, WAITING): 0.1,
        (0, IDLE): 0.5, (2, IDLE): 0.5, (4, IDLE): 0.5,
    })  # fmt: skip


def test_waiting_is_billed_unless_it_is_as_in_the_paper() -> None:
    ledger, bill = settled(bills_waiting=False)
    assert ledger.by_cause()[WAITING] == 0.0
    assert bill.fleet_j == pytest.approx(22.0 + 1.5)


def test_totals_are_by_tier_device_and_round() -> None:
    ledger, _ = settled(4)
    ledger.settle(2, COSTS, choice(0, 1, 2), REPLIED, 5.0, IDLE_W)
    numbers, rounds = ledger.by_round()
    assert numbers.tolist() == [2, 4]
    assert rounds.sum(axis=1) == pytest.approx([23.8, 23.8])
    devices = ledger.by_device()
    assert devices[0].tolist() == pytest.approx([10.0, 1.0, 0.2, 0.5, 0.0])
    tiers = ledger.by_tier(np.array([0, 2, 2, 2, 2]))
    assert tiers["high"] == pytest.approx(dict(zip(CAUSES, devices[0], strict=True)))
    assert sum(tiers["mid"].values()) == 0.0
    assert sum(tiers["low"].values()) == pytest.approx(devices[1:].sum())
    assert ledger.entries(2).joules.sum() == pytest.approx(23.8)
    assert set(ledger.entries().number) == {2, 4}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 4), st.integers(0, 2**32), st.booleans())
def test_the_entries_of_a_round_add_up_to_the_fleets_joules(
    devices_n: int,
    rounds_n: int,
    seed: int,
    bills_waiting: bool,  # noqa: FBT001
) -> None:
    rng = np.random.default_rng(seed)
    ledger, idle_w, total = Ledger(devices_n, bills_waiting), rng.random(devices_n), 0.0
    for number in range(rounds_n):
        count = int(rng.integers(0, devices_n + 1))
        fits = rng.random(count) < 0.8
        costs = Costs(*(np.where(fits, rng.exponential(size=count), 0.0) for _ in range(4)), fits)
        replied = fits & (rng.random(count) < 0.7)
        round_s = float((costs.compute_s + costs.send_s)[replied].max(initial=0.5))
        who = choice(*rng.permutation(devices_n)[:count].tolist())
        bill = ledger.settle(number, costs, who, replied, round_s, idle_w)
        assert ledger.entries(number).joules.sum() == pytest.approx(bill.fleet_j)
        # Idle is who did not work, each once and for the whole round.
        works = costs.fits & (costs.compute_s + costs.send_s > 0)
        assert bill.idle_j == pytest.approx(round_s * (idle_w.sum() - idle_w[who.devices[works]].sum()))
        total += bill.fleet_j
    assert ledger.entries().joules.sum() == pytest.approx(total)
    assert ledger.by_device().sum() == pytest.approx(total)
    assert ledger.by_round()[1].sum() == pytest.approx(total)
    assert sum(ledger.by_cause().values()) == pytest.approx(total)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((0, "magic", ONE, np.ones(1)), "cause 'magic': expected one of compute"),
        ((0, IDLE, np.array([5]), np.ones(1)), "devices 5 to 5 of 5"),
        ((0, IDLE, ONE, np.array([np.nan])), "expected finite joules"),
        ((0, IDLE, ONE, np.array([-1.0])), "expected finite joules"),
        ((0, IDLE, ONE, np.ones(2)), "2 joules of 1 devices"),
    ],
)
def test_no_entry_is_of_nothing(entry: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Ledger(5).add(*entry)


def test_nobody_replies_after_the_end() -> None:
    with pytest.raises(ValueError, match="device 3 replied later"):
        Ledger(5).settle(0, COSTS, choice(3, 1, 0), REPLIED, 2.0, IDLE_W)
