"""Ratios with their intervals, and everything that must not become a ratio."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewatt.profiler.comparing.compare import compare
from edgewatt.profiler.comparing.grouping import group_maxima, group_means, group_medians
from edgewatt.profiler.comparing.plain_table import completed
from edgewatt.profiler.comparing.ratio import Sample, SessionSpread, ratio_of
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.tables import REPEATS
from edgewatt.reports.comparison import comparison_text
from tests.sample_runs import ENERGIES_J, HOSTILE, LATENCIES_S, repeat_rows, row_of, table_of


def side(rows: list[dict[str, Any]], name: str = "old", conditions: dict[str, Any] | None = None) -> Repeats:
    return Repeats(name, table_of(rows, REPEATS), frozenset(REPEATS.names), conditions)


def new_side(rows: list[dict[str, Any]], conditions: dict[str, Any] | None = None) -> Repeats:
    return side(rows, "new", conditions)


SLOWER = tuple(1.1 * value for value in LATENCIES_S)


def test_interval_is_that_of_welch_on_logarithms() -> None:
    a, b = np.array(LATENCIES_S), np.array([0.0131, 0.0149, 0.0127])
    row = row_of(compare(side(repeat_rows(a)), new_side(repeat_rows(b, ENERGIES_J[:3]))))
    expected = stats.ttest_ind(np.log(b), np.log(a), equal_var=False).confidence_interval(0.95)
    assert row.ratio == pytest.approx(stats.gmean(b) / stats.gmean(a), rel=1e-12)
    assert (row.low, row.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)), rel=1e-9)
    assert (row.n_old, row.n_new) == (5, 3)
    assert (row.session_basis, row.sigma_session) == ("one session", 0.0)


def test_sessions_enter_as_type_b() -> None:
    """Student's interval of the repeats and 1.96 standard deviations between sessions, in quadrature."""
    a, b = np.log(LATENCIES_S), np.log(SLOWER)
    t = stats.t.ppf(0.975, 8)  # two samples of five and equal variance
    repeats = t * math.sqrt(a.var(ddof=1) / 5 + b.var(ddof=1) / 5)
    for old_sessions, new_sessions, share in [
        (["a"] * 5, ["b"] * 5, 2.0),  # 1/1 + 1/1
        (["a", "a", "a", "a", "b"], ["c"] * 5, 0.8**2 + 0.2**2 + 1),
        (["a"] * 5, ["a", "a", "a", "b", "b"], 0.4**2 + 0.4**2),
        (["a", "b", "c", "d", "e"], ["e", "d", "c", "b", "a"], 0.0),
    ]:
        ratio = ratio_of(Sample(np.array(LATENCIES_S), old_sessions), Sample(np.array(SLOWER), new_sessions))
        half = math.hypot(repeats, 1.959964 * 0.02 * math.sqrt(share))
        assert math.log(ratio.high or 0) - math.log(ratio.ratio) == pytest.approx(half, rel=1e-6)
        assert ratio.sessions_differ == (share > 0)


def test_equal_sessions_have_the_designs_term() -> None:
    """measurement.md: sigma^2 (1/S_A + 1/S_B), for sessions of equal size."""
    old, new = Sample(np.ones(6), ["a", "a", "b", "b", "c", "c"]), Sample(np.ones(4), ["d", "d", "e", "e"])
    ratio = ratio_of(old, new, SessionSpread(0.05, "given"))
    assert ratio.high == pytest.approx(math.exp(1.959964 * 0.05 * math.sqrt(1 / 3 + 1 / 2)), rel=1e-6)
    assert ratio.dof is None


def test_different_sessions_are_assumed_and_said() -> None:
    old, new = side(repeat_rows()), new_side(repeat_rows(SLOWER, session="tuesday"))
    row = row_of(compare(old, new))
    assert (row.session_basis, row.sigma_session) == ("assumed 2 %", 0.02)
    assert row_of(compare(old, new, sigma_session=0.001)).session_basis == "given 0.1 %"


@pytest.mark.parametrize(
    ("factor", "tolerance", "direction"),
    [
        (1.1, None, "worse"),
        (0.9, None, "better"),
        (1.001, None, "unclear"),
        (1.1, 0.2, "unclear"),
        (0.9, 0.2, "unclear"),
    ],
)
def test_direction(factor: float, tolerance: float | None, direction: str) -> None:
    new = new_side(repeat_rows([factor * value for value in LATENCIES_S]))
    assert row_of(compare(side(repeat_rows()), new, tolerance=tolerance)).direction == direction


def test_intervals_hold() -> None:
    """95 % of intervals hold the true ratio, for repeats of 3 % and sessions of the assumed 2 %."""
    generator = np.random.default_rng(7)

    def draw(n: int, truth: float) -> np.ndarray:
        return truth * np.exp(generator.normal(0, 0.02) + generator.normal(0, 0.03, n))

    held = 0
    for _ in range(1000):
        ratio = ratio_of(Sample(draw(5, 1.0), ["a"] * 5), Sample(draw(4, 1.3), ["b"] * 4))
        held += (ratio.low or math.inf) <= 1.3 <= (ratio.high or 0.0)
    assert 0.93 <= held / 1000 <= 0.975


def test_rows_are_configuration_by_quantity() -> None:
    gauge = {"energy_source": "gauge/battery", "energy_boundary": "gauge"}
    rows = [*repeat_rows(), *repeat_rows(energies_j=[2 * j for j in ENERGIES_J], **gauge)]
    comparison = compare(side(rows), new_side(rows))
    assert [(row.quantity, row.energy_source) for row in comparison.rows] == [
        ("latency_s", None),
        ("energy_gross_j", "monsoon/main"),
        ("energy_gross_j", "gauge/battery"),
        ("memory_peak_b", None),
    ]
    assert {row.ratio for row in comparison.rows} == {1.0}
    assert {row.n_old for row in comparison.rows} == {5}
    assert comparison.exit_code == 0


def test_one_repeat_has_no_interval() -> None:
    comparison = compare(side(repeat_rows()), new_side(repeat_rows([0.0124], [0.038])))
    row = row_of(comparison)
    assert (row.low, row.high, row.direction) == (None, None, "unclear")
    assert row.ratio is not None
    assert row.reason == "one repeat on the new side: its spread is unknown, so there is no interval"
    assert comparison.exit_code == 4


def test_no_spread_at_all_is_said() -> None:
    row = row_of(compare(side(repeat_rows()), new_side(repeat_rows())), "memory_peak_b")
    assert (row.ratio, row.low, row.high) == (1.0, 1.0, 1.0)
    assert "all repeats of both sides are equal" in row.notes[0]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (0.0, "1 of 5 values is zero on the new side"),
        (-1.0, "1 of 5 values is negative on the new side"),
        (math.nan, "1 of 5 values is not a number on the new side"),
        (math.inf, "1 of 5 values is infinite on the new side"),
    ],
)
def test_what_is_no_measurement_is_no_ratio(wrong: float, reason: str) -> None:
    comparison = compare(side(repeat_rows()), new_side(repeat_rows([*LATENCIES_S[:4], wrong])))
    row = row_of(comparison)
    assert (row.status, row.ratio, row.new, row.reason) == ("invalid", None, None, reason)
    assert row_of(comparison, "energy_gross_j").status == "compared"


def test_not_measured_is_not_zero() -> None:
    reasons = ["energy: no rail can be read"]
    new = new_side(repeat_rows(energies_j=None, energy_source=None, energy_boundary=None, quality_reasons=reasons))
    row = row_of(compare(side(repeat_rows()), new), "energy_gross_j")
    assert (row.status, row.reason) == ("not_measured", "not measured on the new side (energy: no rail can be read)")
    assert row.energy_source == "monsoon/main"
    both = row_of(compare(new, new), "energy_gross_j")
    assert both.reason == f"not measured on the old side ({reasons[0]}); not measured on the new side ({reasons[0]})"


def test_a_repeat_without_a_value_is_left_out() -> None:
    row = row_of(compare(side(repeat_rows()), new_side(repeat_rows([*LATENCIES_S[:4], None]))))
    assert (row.n_old, row.n_new, row.status) == (5, 4, "compared")


def test_void_repeats_are_left_out_and_said() -> None:
    rows = [
        *repeat_rows(LATENCIES_S[:4], ENERGIES_J[:4]),
        *repeat_rows([9.9], [9.9], quality="void", quality_reasons=["suspended"]),
    ]
    rows[-1] |= {"repeat": 4}
    comparison = compare(side(repeat_rows()), new_side(rows))
    assert row_of(comparison).n_new == 4
    assert (
        "new: 1 of 5 repeats are void and left out (suspended: The device slept during the repeat)"
        in comparison.notices
    )
    all_void = compare(side(repeat_rows()), new_side(repeat_rows(quality="void")))
    assert row_of(all_void).reason == "every repeat on the new side is void"
    assert all_void.exit_code == 3


def test_latency_of_a_repeat_whose_energy_is_void() -> None:
    """A gap in one meter voids the row of that meter, not the latency that stands in the other's row too."""
    gauge = {"energy_source": "gauge/battery", "energy_boundary": "gauge"}
    rows = [*repeat_rows(quality="void", quality_reasons=["gap"]), *repeat_rows(**gauge)]
    comparison = compare(side(rows), new_side(rows))
    assert row_of(comparison).n_new == 5
    by_source = {row.energy_source: row.status for row in comparison.rows if row.quantity == "energy_gross_j"}
    assert by_source == {"monsoon/main": "not_measured", "gauge/battery": "compared"}


def test_configurations_on_one_side_are_new_or_gone() -> None:
    old = side([*repeat_rows(), *repeat_rows(config_id="ffffffffffff", model="old.tflite")])
    new = new_side([*repeat_rows(), *repeat_rows(config_id="eeeeeeeeeeee", model="new.tflite")])
    comparison = compare(old, new)
    words = {(row.config["model"], row.status) for row in comparison.rows}
    assert words == {("mobilenet_v2.tflite", "compared"), ("old.tflite", "gone"), ("new.tflite", "new")}
    gone = next(row for row in comparison.rows if row.status == "gone")
    assert gone.old is not None
    assert gone.reason == "only in old: new does not have this configuration"
    assert comparison.exit_code == 0


def test_nothing_in_common_is_not_comparable() -> None:
    comparison = compare(side(repeat_rows()), new_side(repeat_rows(config_id="eeeeeeeeeeee", model="new.tflite")))
    assert comparison.exit_code == 3
    assert any(
        "model ('mobilenet_v2.tflite' against 'new.tflite')" in notice and "--match" in notice
        for notice in comparison.notices
    )


def test_match_on_other_columns() -> None:
    new = new_side(repeat_rows(SLOWER, config_id="eeeeeeeeeeee", model="new.tflite"))
    comparison = compare(side(repeat_rows()), new, match=["target", "threads"])
    assert comparison.match == ("target_asked", "threads")
    assert row_of(comparison).ratio == pytest.approx(1.1)
    with pytest.raises(UsageError, match="--match kernel: old has no column 'kernel'; it has batch, "):
        compare(side(repeat_rows()), new, match=["kernel"])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("simulated", True),
        ("target_used", "gpu"),
        ("energy_boundary", "gauge"),
        ("latency_stat", "mean"),
        ("conditions_sha256", "d1" * 32),
    ],
)
def test_rows_under_other_conditions(column: str, value: Any) -> None:
    old, new = side(repeat_rows()), new_side(repeat_rows(**{column: value}))
    comparison = compare(old, new)
    refused = [row for row in comparison.rows if row.status == "not_comparable"]
    assert comparison.exit_code == 3
    assert all(f"{column} ({repeat_rows()[0][column]!r} against {value!r})" in (row.reason or "") for row in refused)
    assert {row.quantity for row in refused} >= {
        "energy_boundary": {"energy_gross_j"},
        "latency_stat": {"latency_s"},
    }.get(column, {"latency_s", "memory_peak_b"})
    assert comparison.simulated == (column == "simulated")
    if column != "energy_boundary":
        allowed = compare(old, new, allow=[column])
        assert allowed.exit_code == 0
        assert any(f"although conditions differ: {column}" in note for row in allowed.rows for note in row.notes)


def test_the_condition_behind_a_hash_is_named() -> None:
    old = side(repeat_rows(), conditions={"governor": "performance", "charging": False})
    new = new_side(repeat_rows(conditions_sha256="d1" * 32), conditions={"governor": "powersave", "charging": False})
    row = row_of(compare(old, new))
    assert (
        row.reason
        == "conditions differ: governor ('performance' against 'powersave'); to compare all the same: --allow governor"
    )
    assert compare(old, new, allow=["governor"]).exit_code == 0


def test_another_temperature_is_named() -> None:
    """No run's conditions hold it: each repeat began at its own."""
    old = side(repeat_rows(temperature_start_c=49.0), conditions={"governor": None})
    new = new_side(repeat_rows(temperature_start_c=51.0, conditions_sha256="d1" * 32), conditions={"governor": None})
    assert "conditions differ: temperature_class (45.0 against 50.0)" in row_of(compare(old, new)).reason


def test_another_meter_is_named() -> None:
    """Nobody can read two hashes: what lies behind them is said, or that it is not known."""
    rows = repeat_rows(conditions_sha256="d1" * 32)
    without, metered = {"governor": "performance", "meter": "none"}, {"governor": "performance", "meter": "m-1"}
    row = row_of(compare(side(repeat_rows(), conditions=metered), new_side(rows, conditions=without)))
    assert row.reason == "conditions differ: meter ('m-1' against 'none'); to compare all the same: --allow meter"
    unknown = row_of(compare(side(repeat_rows(), conditions=metered), new_side(rows, {"governor": "performance"})))
    assert "conditions_sha256" in (unknown.reason or "")
    told_once = row_of(compare(side(repeat_rows(), conditions={"meter": "m-1"}), new_side(rows, conditions=without)))
    assert told_once.reason == row.reason  # what one side does not say is not what differs


def test_another_meter_does_not_forbid_to_compare_latency() -> None:
    """The hash of a row holds the boundary of its joules; with the same conditions, latency can be compared."""
    gauge = {"energy_source": "gauge/battery", "energy_boundary": "gauge", "conditions_sha256": "d1" * 32}
    conditions = {"governor": "performance"}
    comparison = compare(side(repeat_rows(), conditions=conditions), new_side(repeat_rows(**gauge), conditions))
    assert {(row.quantity, row.status) for row in comparison.rows} == {
        ("latency_s", "compared"),
        ("energy_gross_j", "gone"),
        ("energy_gross_j", "new"),
        ("memory_peak_b", "compared"),
    }
    assert row_of(compare(side(repeat_rows()), new_side(repeat_rows(**gauge)))).status == "not_comparable"


def test_boundaries_are_never_compared() -> None:
    with pytest.raises(UsageError, match="boundary cannot be allowed"):
        compare(side(repeat_rows()), new_side(repeat_rows()), allow=["energy_boundary"])


def test_the_same_row_twice() -> None:
    with pytest.raises(UsageError, match="old: 2 rows for config_id '0123456789ab', session 'monday', repeat 0"):
        compare(side([*repeat_rows(), repeat_rows()[0]]), new_side(repeat_rows()))


def test_two_latencies_of_one_repeat() -> None:
    rows = [*repeat_rows(), *repeat_rows(SLOWER, energy_source="gauge/battery")]
    with pytest.raises(UsageError, match=r"two values of latency_s for one repeat, 0\.0124 and 0\.01364"):
        compare(side(rows), new_side(repeat_rows()))


@pytest.mark.parametrize("rule", [{"tolerance": -0.1}, {"tolerance": math.nan}, {"sigma_session": math.inf}])
def test_a_rule_that_is_none(rule: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected a share from 0 on"):
        compare(side(repeat_rows()), new_side(repeat_rows()), **rule)  # type: ignore[arg-type]


def test_two_runs_of_one_sitting() -> None:
    """Their repeats have the same numbers, and are different repeats."""
    later = [{**row, "t0_ns": row["t0_ns"] + 10**12} for row in repeat_rows()]
    assert row_of(compare(side([*repeat_rows(), *later]), new_side(repeat_rows()))).n_old == 10


def test_as_json_and_as_text() -> None:
    """Data without NaN, and a table on the terminal that a hostile name can neither colour nor break nor widen."""
    old = side(repeat_rows(model=HOSTILE, simulated=True), HOSTILE)
    comparison = compare(old, new_side(repeat_rows(SLOWER, energies_j=None, model=HOSTILE, simulated=True)))
    data = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert data["rows"][0]["ratio"] == pytest.approx(1.1)
    assert data["exit_code"] == 0
    text = comparison_text(comparison)
    assert text.startswith("SIMULATED ")
    assert all(line.isprintable() and len(line) <= 2000 for line in text.split("\n"))
    assert "1.100" in text
    assert "[1] not measured on the new side" in text


def test_extreme_values_stay_numbers() -> None:
    row = row_of(compare(side(repeat_rows([1e-300, 1e300], [1, 1])), new_side(repeat_rows([1e300, 1e-300], [1, 1]))))
    assert row.ratio == pytest.approx(1.0)
    assert (row.low, row.high) == (0.0, math.inf)


POSITIVE = st.floats(1e-9, 1e9)


@given(st.lists(POSITIVE, min_size=2, max_size=6), st.lists(POSITIVE, min_size=2, max_size=6), st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_ratio_is_consistent(old: list[float], new: list[float], gain: float) -> None:
    """The reverse comparison has the reciprocal interval, and a gain common to both sides drops out."""
    a, b = Sample(np.array(old), ["x"] * len(old)), Sample(np.array(new), ["x"] * len(new))
    there, back = ratio_of(a, b), ratio_of(b, a)
    assert there.low is not None
    assert there.high is not None
    assert there.low <= there.ratio <= there.high
    assert math.log(there.ratio) == pytest.approx(-math.log(back.ratio), abs=1e-9)
    assert math.log(there.low or 1) == pytest.approx(-math.log(back.high or 1), abs=1e-6) or there.low == 0
    same = ratio_of(Sample(a.values * gain, a.sessions), Sample(b.values * gain, b.sessions))
    assert same.ratio == pytest.approx(there.ratio, rel=1e-9)


GROUPED = st.lists(st.tuples(st.integers(0, 3), st.floats(-10, 10)), min_size=1, max_size=30)


@given(GROUPED)
def test_groups_as_numpy_would(rows: list[tuple[int, float]]) -> None:
    ids, values = np.array([group for group, _ in rows]), np.array([value for _, value in rows])
    for reduce, expected in ((group_medians, np.median), (group_means, np.mean), (group_maxima, np.max)):
        found = reduce(values, ids, 5)
        for group in range(5):
            of_group = values[ids == group]
            assert (
                found[group] == pytest.approx(expected(of_group), abs=1e-12)
                if len(of_group)
                else np.isnan(found[group])
            )


def test_completed_keeps_what_is_there() -> None:
    table = completed(table_of(repeat_rows(), REPEATS).select(["repeat", "latency_s"]))
    assert table.column_names == REPEATS.names
    assert table["energy_gross_j"].null_count == 5
