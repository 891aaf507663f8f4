"""Importance of layers, thresholds, and the length of a prefix, as numbers. Without torch."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.models.finetuning.cka import cka
from edgewatt.models.finetuning.ours_prefix import longer_prefix
from edgewatt.models.finetuning.threshold import Threshold
from edgewatt.models.scheduling.constants import constants_of
from edgewatt.profiler.errors import UsageError

Floats = NDArray[np.float64]


def features(seed: int, n: int = 32, d: int = 768) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, d))


def hsic_by_hand(k: Floats, other: Floats) -> float:
    """HSIC_1 as Song et al. write it, with its trace and its ones, of kernels whose diagonal is 0."""
    n = len(k)
    ones = np.ones(n)
    return float(
        np.trace(k @ other)
        + (ones @ k @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
        - 2 * (ones @ k @ other @ ones) / (n - 2)
    ) / (n * (n - 3))


def biased_cka(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return float(np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def test_independent_features_of_few_examples_have_none_in_common() -> None:
    found = [cka(features(2 * seed), features(2 * seed + 1)) for seed in range(20)]
    assert abs(np.mean(found)) < 0.01
    assert max(map(abs, found)) < 0.15
    assert biased_cka(features(0), features(1)) > 0.9  # which is why the unbiased one is used


def test_it_is_what_the_paper_writes() -> None:
    x, y = features(0, 9, 5), features(0, 9, 5)[:, :3] + 0.5 * features(1, 9, 3)
    k, other = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(other, 0)
    by_hand = hsic_by_hand(k, other) / np.sqrt(hsic_by_hand(k, k) * hsic_by_hand(other, other))
    assert cka(x, y) == pytest.approx(by_hand, rel=1e-9)
    assert cka(y, x) == pytest.approx(by_hand, rel=1e-9)


def test_rotation_scale_and_shift_change_nothing() -> None:
    x = features(0, 16, 8)
    rotation, _ = np.linalg.qr(features(1, 8, 8))
    assert cka(x, x) == pytest.approx(1.0)
    assert cka(x, 3.0 * x @ rotation + 100.0) == pytest.approx(1.0)
    assert [cka(x, 1e-6 * x), cka(1e6 * x, x)] == pytest.approx([1.0, 1.0])


def test_a_larger_change_is_a_lower_cka() -> None:
    x, change = features(0), features(1)
    found = [cka(x, x + by * change) for by in (0.0, 0.1, 0.5, 2.0)]
    assert found == sorted(found, reverse=True)
    assert 1 - found[1] < 0.02 < 1 - found[2]


def test_features_that_do_not_vary() -> None:
    still = np.ones((8, 3))
    assert cka(still, still) == 1.0
    assert cka(still, features(0, 8, 3)) == 0.0


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (features(0, 3, 4), features(1, 3, 4), "4 at least"),
        (features(0, 8, 4), features(1, 9, 4), "same n"),
        (features(0, 8, 4)[0], features(1, 8, 4), "expected"),
        (np.full((8, 4), np.nan), features(1, 8, 4), "diverged"),
    ],
)
def test_what_has_no_cka_is_named(x: Floats, y: Floats, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cka(x, y)


def test_the_threshold_is_a_cubic_between_two_ends() -> None:
    threshold = Threshold(warm_up=0.2, end=0.6, tau=0.8, every=0.1)
    assert [threshold.at(share) for share in (0.0, 0.2, 0.6, 1.0)] == [0.0, 0.0, 0.8, 0.8]
    assert threshold.at(0.4) == pytest.approx(0.8 * 7 / 8)
    assert sorted(threshold.looks(100)) == [30, 40, 50, 60]
    assert sorted(threshold.looks(2)) == [1]


@pytest.mark.parametrize(
    "wrong", [{"warm_up": 0.7}, {"end": 1.1}, {"warm_up": -0.1}, {"tau": -1.0}, {"tau": float("nan")}, {"every": 0.0}]
)
def test_a_schedule_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Threshold(**({"warm_up": 0.2, "end": 0.6, "tau": 0.8, "every": 0.1} | wrong))


EVEN = [k / 4 for k in range(5)]


@pytest.mark.parametrize(
    ("frozen", "importance", "saved", "grown"),
    [
        (0, [0.0, 0.0, 0.1, 1.0], EVEN, 3),
        (0, [0.0, 0.0, 0.001, 0.01], EVEN, 3),  # its scale says nothing
        (0, [0.2, 0.2, 0.2, 1.0], EVEN, 3),  # the first alone is too dear
        (0, [0.2, 0.1, 0.3, 1.0], EVEN, 3),  # what moved below is in what is above
        (0, [0.25, 0.5, 0.75, 1.0], EVEN, 0),
        (2, [0.4, 0.9, 0.9, 1.0], EVEN, 2),  # no way back
        (0, [0.0, 0.0, 0.0, 0.0], EVEN, 0),
        (1, [-1e-9, -1e-9, -1e-9, -1e-9], EVEN, 1),  # rounding
        (0, [0.05, 0.4, 0.7, 1.0], [0.0, 0.0, 0.3, 0.6, 0.9], 0),  # to freeze the first alone saves nothing
        (0, [0.3, 0.6, 0.9, 1.0], [0.0, 0.9, 0.9, 0.9, 0.9], 1),
        (0, [0.0, 0.0, 0.0, 1e-9], EVEN[:4], 3),  # without a head the last layer has to train
    ],
)
def test_the_prefix_grows_where_it_is_cheap(
    frozen: int, importance: list[float], saved: list[float], grown: int
) -> None:
    assert longer_prefix(frozen, importance, saved, price=0.5) == grown


def test_every_constant_has_a_tag_and_a_source() -> None:
    constants = constants_of("../finetuning/safe")
    assert {of.tag for of in constants.by_name.values()} <= {"confirmed", "second-hand", "remembered", "assumed"}
    assert all(of.source for of in constants.by_name.values())
    confirmed = {name: of.value for name, of in constants.by_name.items() if of.tag == "confirmed"}
    assert confirmed == {
        "published.memory_saved": 42.85,
        "published.flop_saved": 34.59,
        "published.time_saved": 11.82,
    }
