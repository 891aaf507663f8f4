"""The order of a plan's repeats: every one once, in mirrored rounds, the same for a seed."""

from itertools import pairwise

import pytest

from edgewatt.profiler.planning.ordering import Schedule, Turn, interleaved


def rounds(turns: list[Turn]) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for turn in turns:
        found.setdefault(turn.repeat, []).append(turn.place)
    return list(found.values())


@pytest.mark.parametrize("repeats", [[1], [5, 5], [3, 1, 4], [2] * 20, []])
def test_every_repeat_is_there_once_and_counted_through(repeats: list[int]) -> None:
    turns = interleaved(repeats, 7)
    assert sorted((turn.place, turn.repeat) for turn in turns) == [
        (place, repeat) for place, n in enumerate(repeats) for repeat in range(n)
    ]
    assert [turn.order for turn in turns] == list(range(len(turns)))


def test_rounds_come_in_mirrored_pairs_that_are_drawn_anew() -> None:
    drawn = rounds(interleaved([6] * 8, 3))
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        assert second == first[::-1]
    assert drawn[0] not in (drawn[2], sorted(drawn[0]))


def test_a_linear_drift_cancels_between_configurations() -> None:
    """Of pairs of rounds, the mean position is the same for all: ABBA."""
    turns = interleaved([4] * 5, 11)
    means = {place: sum(turn.order for turn in turns if turn.place == place) / 4 for place in range(5)}
    assert len(set(means.values())) == 1


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    assert interleaved([3] * 9, 1) == interleaved([3] * 9, 1)
    assert interleaved([3] * 9, 1) != interleaved([3] * 9, 2)


def test_a_configuration_with_fewer_repeats_leaves_the_later_rounds() -> None:
    assert [len(one) for one in rounds(interleaved([3, 1, 2], 0))] == [3, 2, 1]


def test_a_schedule_takes_the_turns_that_it_is_given() -> None:
    given = [Turn(0, 1, 5)]
    assert Schedule(turns=given).turns_of([2, 2]) == given
    counted = Schedule(seed=4).turns_of([2, 2])
    assert all(b.order == a.order + 1 for a, b in pairwise(counted))
