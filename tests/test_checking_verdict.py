"""Verdicts: what is a regression, what passes, what nobody can tell, and what a check exits with."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from benchmarks.gate import same_as_edgewatt
from scipy import stats

from edgewatt.profiler.checking.baseline import Baseline
from edgewatt.profiler.checking.check import Check, check_repeats
from edgewatt.profiler.checking.testing import p_above, rejected, upper_width
from edgewatt.profiler.checking.tolerances import parse_tolerances
from edgewatt.profiler.checking.verdict import Verdict
from edgewatt.profiler.comparing.ratio import SessionSpread
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.tables import REPEATS
from tests.sample_runs import ENERGIES_J, LATENCIES_S, repeat_rows, table_of


def side(rows: list[dict[str, Any]], name: str = "old") -> Repeats:
    return Repeats(name, table_of(rows, REPEATS), frozenset(REPEATS.names), {"governor": "performance"})


def checked(new: list[dict[str, Any]], old: list[dict[str, Any]] | None = None, **rule: Any) -> Check:
    return check_repeats(side(new, "new"), Baseline(side(repeat_rows() if old is None else old)), **rule)


def of(check: Check, quantity: str = "latency_s") -> Verdict:
    return next(one for one in check.verdicts if one.row.quantity == quantity)


def times(factor: float, values: Sequence[float] = LATENCIES_S) -> tuple[float, ...]:
    return tuple(factor * value for value in values)


@pytest.mark.parametrize(
    ("factor", "word", "exit_code"),
    [(1.2, "regression", 1), (1.0, "equivalent", 0), (0.8, "improvement", 0), (1.05, "cannot_tell", 4)],
)
def test_a_row_is_judged_by_its_ratio(factor: float, word: str, exit_code: int) -> None:
    check = checked(repeat_rows(times(factor)))
    assert (of(check).word, check.exit_code) == (word, exit_code)
    assert of(check, "energy_gross_j").word == "equivalent"


def test_what_is_better_by_less_than_is_allowed_is_not_worse() -> None:
    quiet = tuple(0.0124 * (1 + 1e-3 * k) for k in range(-2, 3))
    assert of(checked(repeat_rows(times(0.957)))).word == "not_worse"
    assert of(checked(repeat_rows(times(0.957, quiet)), repeat_rows(quiet), tolerance=0.0)).word == "improvement"


def test_bounds_and_p_are_those_of_welch() -> None:
    a, b = np.array(LATENCIES_S), np.array(times(1.07))
    one = of(checked(repeat_rows(b)))
    expected = stats.ttest_ind(np.log(b), np.log(a), equal_var=False, alternative="greater")
    assert one.p_worse == pytest.approx(expected.pvalue, rel=1e-9)
    interval = stats.ttest_ind(np.log(b), np.log(a), equal_var=False).confidence_interval(0.91)
    assert (one.low, one.high) == pytest.approx((math.exp(interval.low), math.exp(interval.high)), rel=1e-9)


def test_p_is_where_the_bound_touches_one() -> None:
    for log in (0.01, 0.1, -0.05):
        p = p_above(log, (0.01, 6.0), (0.02, 7.0))
        assert p is not None
        side = abs(log)
        assert upper_width(min(p, 1 - p), (0.01, 6.0), (0.02, 7.0)) == pytest.approx(side, rel=1e-9)
    assert p_above(0.1, (0.0, None), (0.0, math.inf)) is None
    assert p_above(5.0, (1e-3, 4.0), (0.0, math.inf)) == pytest.approx(stats.t.sf(5000, 4), rel=1e-6)


@pytest.mark.parametrize("rows", [1, 3, 10, 11, 40])
def test_many_rows_are_tested_as_statisticians_do(rows: int) -> None:
    p = np.random.default_rng(rows).uniform(size=(200, rows)) ** 3
    method = "bh" if rows > 10 else None
    for row in p:
        if method:
            expected = stats.false_discovery_control(row) <= 0.045
        else:
            order = np.argsort(row)
            adjusted = np.maximum.accumulate((rows - np.arange(rows)) * row[order])
            expected = np.zeros(rows, bool)
            expected[order] = adjusted <= 0.045
        assert rejected(row.tolist()) == expected.tolist()


def test_one_repeat_cannot_tell() -> None:
    check = checked(repeat_rows(LATENCIES_S[:1], ENERGIES_J[:1]))
    assert (check.word, check.exit_code) == ("cannot_tell", 4)
    assert "one repeat on the new side" in of(check).because


def test_equal_repeats_are_no_pass_and_pages_are() -> None:
    check = checked(repeat_rows((0.0124,) * 5, memory_peak_b=10_000_000), repeat_rows(memory_peak_b=10_000_000))
    assert of(check).word == "cannot_tell"
    assert "exactly equal" in of(check).because
    assert of(check, "memory_peak_b").word == "equivalent"
    larger = checked(repeat_rows(memory_peak_b=10_200_000), repeat_rows(memory_peak_b=10_000_000))
    assert of(larger, "memory_peak_b").word == "regression"


@pytest.mark.parametrize("wrong", [math.nan, 0.0, -1.0])
def test_what_is_no_energy_is_not_measured(wrong: float) -> None:
    check = checked(repeat_rows(energies_j=(*ENERGIES_J[:4], wrong)))
    assert (of(check, "energy_gross_j").word, check.exit_code) == ("not_measured", 5)


def test_other_conditions_are_named() -> None:
    new = Repeats("new", table_of(repeat_rows(device_id="other"), REPEATS), frozenset(REPEATS.names), {"governor": "x"})
    check = check_repeats(new, Baseline(side(repeat_rows())))
    assert (check.word, check.exit_code) == ("not_comparable", 3)
    assert "device_id" in of(check).because


def test_rows_that_vanished_or_are_new_are_no_pass() -> None:
    both = [*repeat_rows(), *repeat_rows(config_id="b" * 12, model="other.tflite")]
    gone, new = checked(repeat_rows(), both), checked(both)
    assert (gone.exit_code, new.exit_code) == (5, 4)
    assert any("it is new" in one.because for one in new.verdicts)


def test_the_worst_word_decides() -> None:
    both = [*repeat_rows(), *repeat_rows(config_id="b" * 12)]
    worse = [*repeat_rows(times(1.3)), *repeat_rows(config_id="b" * 12, device_id="other")]
    assert checked(worse, both).exit_code == 1


def test_unknown_may_be_taken_for_either() -> None:
    exits = [checked(repeat_rows(times(1.05)), on_unknown=word).exit_code for word in ("tell", "pass", "fail")]
    assert exits == [4, 0, 1]


def test_another_sitting_widens_and_a_history_narrows() -> None:
    later = repeat_rows(times(1.02), session="tuesday")
    assert of(checked(later)).word == "cannot_tell"
    assert "one (check --plan)" in of(checked(later)).because
    known = {"latency_s": SessionSpread(0.002, "history of 12 sessions", 11.0)}
    assert of(checked(later, sessions=known)).word == "equivalent"


def test_the_published_benchmark_is_of_this_rule() -> None:
    assert same_as_edgewatt(11) == 11


def test_tolerances_are_shares() -> None:
    assert parse_tolerances("3%") == dict.fromkeys(("latency_s", "energy_gross_j", "memory_peak_b"), 0.03)
    assert parse_tolerances("energy=3%,latency=0.02") == {"energy_gross_j": 0.03, "latency_s": 0.02}
    for wrong in ("", "much", "power=3%", "energy=-1%", "energy=,", "5,6", "nan"):
        with pytest.raises(UsageError):
            parse_tolerances(wrong)
