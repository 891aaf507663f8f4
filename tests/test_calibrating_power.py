"""The power model finds the constants that windows were made of, and says where it cannot."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.power import PowerFit, better, fit_power, with_idle_steps
from edgewatt.profiler.calibrating.power_design import Term
from edgewatt.profiler.calibrating.power_rows import power_rows
from edgewatt.profiler.calibrating.values import Value
from tests.calibrating_runs import AT_C, CLUSTERS, METER, STEPS, Truth, cpu_plan, truth_of
from tests.calibrating_windows import residency, windows


def fitted(seen: Sequence[Observation]) -> tuple[PowerFit, list[str]]:
    found, notes = fit_power(seen, METER, list(CLUSTERS))
    assert found is not None
    return found, notes


def true_of(truth: Truth, term: Term, at_c: float | None) -> float:
    if term.kind == "base":
        return truth.base_w + truth.leakage_w_per_k * ((AT_C if at_c is None else at_c) - AT_C)
    if term.kind == "leakage":
        return truth.leakage_w_per_k
    assert term.hz is not None
    return (truth.on_w if term.kind == "on" else truth.busy_w)[term.unit, term.hz]


def holds(value: Value | None, true: float) -> bool:
    assert value is not None
    assert value.low is not None
    assert value.high is not None
    return value.low <= true <= value.high


def hits(truth: Truth, seen: Sequence[Observation]) -> dict[Term, bool]:
    found, _ = fitted(seen)
    terms = found.design.terms
    return {term: holds(found.of_term(k), true_of(truth, term, found.temperature_c)) for k, term in enumerate(terms)}


def pooled(seeds: range, make: Callable[[int], Truth] = truth_of) -> dict[Term, list[bool]]:
    found: dict[Term, list[bool]] = {}
    for seed in seeds:
        truth = make(seed)
        for term, hit in hits(truth, windows(truth, cpu_plan(seed), seed)).items():
            found.setdefault(term, []).append(hit)
    return found


def test_intervals_hold_the_constants() -> None:
    found = pooled(range(10))
    every = [hit for of in found.values() for hit in of]
    assert len(found) == 14
    assert 0.90 <= float(np.mean(every)) <= 0.995
    assert min(float(np.mean(of)) for of in found.values()) >= 0.7


def test_intervals_are_narrow() -> None:
    """A wide interval is always right."""
    truth = truth_of(3)
    found, _ = fitted(windows(truth, cpu_plan(3), 3))
    value = found.of_term(found.design.place("busy", "cpu4", 2.4e9))
    assert value is not None
    assert value.high is not None
    assert value.high - value.value < 0.06 * value.value


def test_a_gain_that_nobody_stated_is_not_in_the_interval() -> None:
    truth = replace(truth_of(1), gain=1.0, gain_rel=None)
    known = replace(truth, gain_rel=0.05)
    plain, said = fitted(windows(truth, cpu_plan(1), 1))
    wide, _ = fitted(windows(known, cpu_plan(1), 1))
    widths = [of.of_term(0) for of in (plain, wide)]
    assert widths[0] is not None
    assert widths[1] is not None
    assert widths[0].high is not None
    assert widths[1].high is not None
    assert widths[1].high - widths[1].value > 2 * (widths[0].high - widths[0].value)
    assert any("nobody states its gain" in note for note in said)


def test_a_gain_that_is_ten_percent_off_is_missed() -> None:
    """What no window shows: only a meter's own calibration tells, and the intervals say what was stated."""
    truth = replace(truth_of(5), gain=1.10, gain_rel=0.01)
    found = hits(truth, windows(truth, cpu_plan(5), 5))
    assert not found[Term("base")]


@pytest.mark.parametrize("cluster", ["cpu0", "cpu4"])
def test_one_throttled_window_shows(cluster: str) -> None:
    """A window that took the power of a lower step than it said: the misfit widens every interval."""
    truth = replace(truth_of(2), spread_w=0.001, spread_rel=0.001)
    seen = windows(truth, cpu_plan(2), 2)
    clean, _ = fitted(seen)
    top = STEPS[cluster][-1]
    k = next(k for k, one in enumerate(seen) if one.ran.busy[cluster] >= 2 and top in one.ran.shares[cluster])
    power = seen[k].powers[METER]
    less = truth.busy_w[cluster, top] * seen[k].ran.busy[cluster] * 0.5
    seen[k] = replace(seen[k], powers={METER: replace(power, power_w=power.power_w - less)})
    spoilt, _ = fitted(seen)
    place = spoilt.design.place("busy", cluster, top)
    assert place is not None
    row = np.zeros(len(spoilt.design.terms))
    row[place] = 1.0
    assert spoilt.fit.of(row)[1] > 4 * clean.fit.of(row)[1]
    residual = spoilt.residual_w(place)
    assert residual is not None
    assert residual > 0.03


def test_power_that_is_not_linear_in_cores_is_said_and_widens() -> None:
    straight = replace(truth_of(4), spread_w=0.001, spread_rel=0.001)
    curved = replace(straight, curved=0.10)
    plan = cpu_plan(4, rounds=3)
    (plain, said), (bent, told) = (fitted(windows(of, plan, 4)) for of in (straight, curved))
    row = np.zeros(len(plain.design.terms))
    row[plain.design.place("busy", "cpu0", 1.8e9) or 0] = 1.0
    assert not any("not linear" in note for note in said)
    assert any("not linear in cores" in note for note in told)
    assert bent.fit.of(row)[1] > 3 * plain.fit.of(row)[1]


def test_one_number_of_cores_leaves_a_sum() -> None:
    truth = truth_of(6)
    plan = [step for step in cpu_plan(6) if step.cluster != "cpu4" or len(step.load.cpus) == 1]
    found, said = fitted(windows(truth, plan, 6))
    rows = power_rows(found, found, {"cpu0": 4, "cpu4": 2}).rows["power"]
    row = next(row for row in rows if row["unit"] == "cpu4" and row["frequency_hz"] == 2.4e9)
    assert row["on_w"] is None
    assert row["busy_low_w"] < truth.on_w["cpu4", 2.4e9] + truth.busy_w["cpu4", 2.4e9] < row["busy_high_w"]
    assert any("cpu4 at 2400 MHz had 1 cores busy" in note for note in said)


def test_clusters_that_are_only_busy_together_are_not_told_apart() -> None:
    truth = truth_of(7)
    seen = [
        replace(
            one,
            ran=replace(
                one.ran,
                busy={**one.ran.busy, "cpu4": one.ran.busy["cpu0"]},
                on={**one.ran.on, "cpu4": one.ran.on["cpu0"]},
            ),
        )
        for one in windows(truth, [step for step in cpu_plan(7) if step.hz in (0.0, 1.8e9)], 7)
    ]
    found, said = fitted(seen)
    assert found.of_term(found.design.place("busy", "cpu0", 1.8e9)) is None
    assert found.of_term(found.design.place("base")) is not None
    assert any("do not tell apart" in note and "cpu4" in note for note in said)


def test_a_missing_frequency_is_named() -> None:
    seen = windows(truth_of(8), cpu_plan(8), 8)
    found, said = fitted([replace(one, ran=replace(one.ran, shares={})) for one in seen])
    assert {term.hz for term in found.design.terms if term.kind == "busy"} == {None}
    assert any("nobody recorded the frequency of cpu0" in note for note in said)


def test_windows_without_a_frequency_do_not_join_those_with_one() -> None:
    seen = windows(truth_of(8), cpu_plan(8), 8)
    k = next(k for k, one in enumerate(seen) if one.ran.busy["cpu4"])
    blind = [*seen[:k], replace(seen[k], ran=replace(seen[k].ran, shares={})), *seen[k + 1 :]]
    found, said = fitted(blind)
    assert None not in {term.hz for term in found.design.terms if term.kind == "busy"}
    assert len(found.used) == len(seen) - 1
    assert any("a frequency that nobody recorded" in note for note in said)


def test_idle_at_a_higher_step_has_its_own_power() -> None:
    truth = truth_of(9)
    seen = windows(truth, cpu_plan(9), 9)
    more_w = 0.08
    for k, one in enumerate([one for one in seen if one.kind == "idle"][::2]):
        pinned = residency()
        shares = {**pinned.shares, "cpu4": {2.4e9: 1.0}}
        power = one.powers[METER]
        at = seen.index(one)
        seen[at] = replace(
            one,
            ran=replace(pinned, shares=shares, pinned=True),
            powers={METER: replace(power, power_w=power.power_w + more_w)},
        )
        assert k < 10
    plain, _ = fitted(seen)
    idle = with_idle_steps(plain)
    value = idle.of_term(idle.design.place("idle", "cpu4", 2.4e9))
    assert better(plain, idle) is idle
    assert holds(value, more_w)
    assert holds(idle.of_term(0), true_of(truth, Term("base"), idle.temperature_c))


def test_a_rail_that_sees_no_cluster_has_a_base_from_idling() -> None:
    """What it takes while processors are busy is not base."""
    seen = windows(truth_of(8), cpu_plan(8), 8)
    found, _ = fit_power(seen, METER, [])
    assert found is not None
    assert {one.kind for one in found.used} == {"idle"}


def test_no_windows_no_model() -> None:
    assert fit_power([], METER, list(CLUSTERS)) == (None, [])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "spread", [{}, {"spread_rel": 0.02, "spread_w": 0.001}, {"spread_rel": 0.0, "spread_w": 0.0}], ids=str
)
def test_coverage_over_many_seeds(spread: dict[str, float]) -> None:
    found = pooled(range(1000), lambda seed: truth_of(seed, **spread))
    print({str(term) + term.unit: float(np.mean(of)) for term, of in found.items()})
    assert 0.93 <= float(np.mean([hit for of in found.values() for hit in of])) <= 0.97
    assert all(0.90 <= float(np.mean(of)) <= 0.99 for of in found.values())
