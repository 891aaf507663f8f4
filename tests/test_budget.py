"""The terms of an energy's uncertainty, and whether its intervals hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.analysis.seen import Seen, look
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.energy.budget import (
    Estimate,
    Instrument,
    RepeatEnergy,
    budget_of,
    net_j,
    unshifted,
)
from edgewatt.profiler.energy.idle import BLOCKS, IdlePower, idle_blocks, idle_power
from edgewatt.profiler.energy.terms import Term, half_width_j
from edgewatt.profiler.energy.windows import energy_of_windows
from edgewatt.profiler.statistics import t_quantile
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

S = 1_000_000_000
IDLE = IdlePower(np.array([0, 100 * S]), np.array([1.0, 1.2]), u_w=0.01, df=38, drift_w=0.2)


def repeat(energy_j: float = 50.0, at_s: float = 50.0, **fields: float) -> RepeatEnergy:
    return RepeatEnergy(energy_j, 10.0, round(at_s * S), 100, **{"u_edge_j": 0.5, **fields})  # type: ignore[arg-type]


def terms(estimate: Estimate | None) -> dict[str, Term]:
    assert estimate is not None
    return {term.name: term for term in (*estimate.terms, *(estimate.of_accuracy or ()))}


# Every term of measurement.md


def test_gross_and_net_per_iteration() -> None:
    budget = budget_of([repeat(50.0, at_s=0), repeat(54.0, at_s=100)], IDLE, Instrument())
    assert budget.gross.value_j == pytest.approx(0.52)
    assert budget.net is not None
    assert budget.net.value_j == pytest.approx(0.52 - 1.1 * 10 / 100)
    assert net_j(repeat(50.0, at_s=0), IDLE) == pytest.approx(0.40)
    assert net_j(repeat(50.0, at_s=75), IDLE) == pytest.approx(0.50 - 0.115)


def test_spread_of_repeats() -> None:
    found = terms(budget_of([repeat(50.0), repeat(51.0), repeat(55.0)], None, Instrument()).gross)
    assert found == {
        "repeats": Term("repeats", pytest.approx(np.std([0.5, 0.51, 0.55], ddof=1) / math.sqrt(3)), "A", 2)
    }


def test_edges_and_sampling_stand_in_for_one_repeat() -> None:
    found = terms(budget_of([repeat(u_sampling_j=2.0, updates=11)], None, Instrument()).gross)
    assert found["edges"] == Term("edges", 0.005, "B")
    assert found["sampling"] == Term("sampling", 0.02, "A", 10)
    assert "repeats" not in found


def test_clock_offset_is_common_to_all_repeats() -> None:
    instrument = Instrument(bounds_s=(0.03,))
    found = terms(budget_of([repeat(50.0), repeat(50.0)], IDLE, instrument).gross)
    assert found["clock offset"] == Term(
        "clock offset", pytest.approx((5 - 1.1) * 0.03 / math.sqrt(12) / 100, rel=1e-3), "B"
    )
    without = terms(budget_of([repeat(50.0)], None, instrument).gross)
    assert without["clock offset"].u_j == pytest.approx(5 * 0.03 / math.sqrt(3) / 100, rel=1e-3)


def test_what_a_shifted_clock_loses_is_put_back() -> None:
    assert unshifted(repeat(50.0), IDLE, Instrument(bounds_s=(0.03,))).energy_j == pytest.approx(
        50 + 3.9 * 0.015 / (1 - 0.015 / 10)
    )
    slow = Instrument(widths_s=(1.0, 1.0, 0.0), bounds_s=(0.03,))
    assert 50 < unshifted(repeat(50.0), IDLE, slow).energy_j < 50 + 3.9 * 0.002
    assert unshifted(repeat(50.0), None, Instrument(bounds_s=(0.03,))) == repeat(50.0)
    assert unshifted(repeat(50.0), IDLE, Instrument()) == repeat(50.0)


def test_idle_is_in_net_only() -> None:
    budget = budget_of([repeat(50.0), repeat(50.0)], IDLE, Instrument())
    assert terms(budget.net)["idle"] == Term("idle", pytest.approx(0.1 * 0.01), "A", 38)
    assert terms(budget.net)["idle drift"] == Term("idle drift", pytest.approx(0.1 * 0.2 / math.sqrt(12)), "B")
    assert set(terms(budget.gross)) == {"repeats"}


def test_a_little_gap_is_in_the_budget() -> None:
    found = terms(budget_of([repeat(coverage=0.9995), repeat()], None, Instrument()).gross)
    assert found["gaps"].u_j == pytest.approx(0.5 * 0.0005 / 2 / math.sqrt(3))


def test_accuracy_adds_gain_and_of_gross_the_zero_point() -> None:
    budget = budget_of([repeat(50.0), repeat(50.0)], IDLE, Instrument(gain_rel=0.02, offset_w=0.05))
    assert terms(budget.gross)["gain"] == Term("gain", pytest.approx(0.01), "B")
    assert terms(budget.gross)["zero point"] == Term("zero point", pytest.approx(0.005), "B")
    assert terms(budget.net)["gain"].u_j == pytest.approx(0.02 * 0.39)
    assert "zero point" not in terms(budget.net)
    low_j, high_j = budget.gross.accuracy_j or (0.0, 0.0)
    assert (low_j, high_j) == pytest.approx(
        (0.5 - 1.96 * math.hypot(0.01, 0.005), 0.5 + 1.96 * math.hypot(0.01, 0.005)), rel=1e-4
    )
    assert budget.gross.repeatability_j == pytest.approx((0.5, 0.5))


def test_accuracy_is_unknown_without_a_stated_gain() -> None:
    budget = budget_of([repeat(), repeat()], IDLE, Instrument(offset_w=0.1))
    assert budget.gross.accuracy_j is None
    assert budget.net is not None
    assert budget.net.accuracy_j is None


def test_no_idle_no_net() -> None:
    assert budget_of([repeat()], None, Instrument()).net is None
    with pytest.raises(ValueError, match="at least one repeat"):
        budget_of([], IDLE, Instrument())


def test_type_b_is_not_widened_by_few_repeats() -> None:
    a, b = Term("repeats", 3.0, "A", 4), Term("clock offset", 4.0, "B")
    assert half_width_j([a]) == pytest.approx(3 * t_quantile(0.975, 4))
    assert half_width_j([b]) == pytest.approx(4 * 1.959964, rel=1e-6)
    assert half_width_j([a, b]) == pytest.approx(math.hypot(3 * t_quantile(0.975, 4), 4 * 1.959964), rel=1e-6)
    both = [a, Term("idle", 3.0, "A", 4)]
    assert half_width_j(both) == pytest.approx(math.sqrt(18) * t_quantile(0.975, 8))
    assert half_width_j([]) == 0.0


@pytest.mark.parametrize(("u_j", "too_wide"), [(0.25, False), (0.26, True), (math.nan, True)])
def test_an_interval_above_half_of_the_value_is_too_wide(u_j: float, too_wide: bool) -> None:  # noqa: FBT001
    assert Estimate(1.0, (Term("edges", u_j, "B"),)).is_too_wide is too_wide
    assert Estimate(-1.0, (Term("edges", u_j, "B"),)).is_too_wide is too_wide
    assert Estimate(0.0, (Term("edges", 1e-9, "B"),)).is_too_wide


# Idle


def idle_of(
    power_w: Sequence[float], windows_s: Sequence[tuple[float, float]], interval_s: float = 0.1
) -> IdlePower | None:
    t_ns = np.rint(np.arange(len(power_w)) * interval_s * S).astype(np.int64)
    channel = Channel("rail", Quantity.POWER)
    at_ns = np.rint(np.array(windows_s).reshape(-1, 2) * S).astype(np.int64)

    def energies(t0_ns: object, t1_ns: object) -> object:
        return energy_of_windows(
            [Batch(t_ns, {channel.column: np.asarray(power_w)})],
            [(channel,)],
            t0_ns,
            t1_ns,
            min_coverage=0,  # type: ignore[arg-type]
        )

    whole, blocks = energies(at_ns[:, 0], at_ns[:, 1]), energies(*idle_blocks(at_ns[:, 0], at_ns[:, 1]))
    return idle_power(at_ns.sum(axis=1) // 2, whole, blocks)  # type: ignore[arg-type]


def test_idle_is_interpolated_in_time_and_its_drift_is_said() -> None:
    idle = idle_of(np.linspace(1.0, 2.0, 1001).tolist(), [(80, 90), (10, 20)])
    assert idle is not None
    assert idle.power_w == pytest.approx([1.15, 1.85])
    assert idle.drift_w == pytest.approx(0.7)
    assert idle.mean_w == pytest.approx(1.5)
    assert [idle.at(s * S) for s in (0, 15, 50, 85, 99)] == pytest.approx([1.15, 1.15, 1.5, 1.85, 1.85])
    assert idle.has_drifted
    assert idle.df == 2 * BLOCKS - 2


def test_idle_noise_is_that_of_independent_blocks() -> None:
    rng = np.random.default_rng(8)
    found = [idle_of(rng.normal(1.0, 0.1, 1001).tolist(), [(0.0, 40.0), (60.0, 100.0)]) for _ in range(60)]
    means = [idle.mean_w for idle in found if idle is not None]
    assert np.std(means) == pytest.approx(mean(idle.u_w for idle in found if idle is not None), rel=0.25)
    assert not any(
        idle.has_drifted for idle in found if idle is not None and abs(idle.drift_w or 0) < 0.03 * idle.mean_w
    )


def test_blocks_hold_two_sensor_periods() -> None:
    idle = idle_of([1.0, 1.5] * 50, [(0.5, 10.5), (60, 70)], interval_s=1.0)
    assert idle is not None
    assert idle.df == 2 * 5 - 2  # ten seconds hold five blocks of two


def test_short_idles_fall_back_on_their_difference() -> None:
    idle = idle_of([1.0] * 30 + [1.2] * 30, [(0.5, 3.5), (50.5, 53.5)], interval_s=1.0)
    assert idle is not None
    assert (idle.df, idle.u_w, idle.drift_w) == pytest.approx((1.0, 0.1, 0.2))


def test_idle_that_nobody_saw_is_unknown() -> None:
    assert idle_of([1.0] * 50, [(10, 20)]) is None
    assert idle_of([1.0] * 50, [(0.0, 0.05)]) is None
    assert idle_of([1.0] * 50, []) is None
    assert idle_of([1.0] * 50, [(0.5, 3.0)], interval_s=1.0) is None


def test_idle_is_the_mean_of_what_was_seen_of_it() -> None:
    assert (idle := idle_of([2.0] * 100, [(4, 12)])) is not None
    assert idle.power_w == pytest.approx([2.0])
    assert idle.drift_w is None


# Do the intervals hold? Simulated from the state of the load; the sensor's phase, the clock and the load are drawn.

IDLE_W, BUSY_W, RESTING_W = 0.8, 6.0, 3.0
BUSY_S, RESTS_S, ITERATIONS = 0.03, (0.0, 0.04), 40
TICK_S = 0.001
TRUE_J = BUSY_S * BUSY_W + sum(RESTS_S) / 2 * RESTING_W
TRUE_NET_J = TRUE_J - IDLE_W * (BUSY_S + sum(RESTS_S) / 2)
SOURCE = EnergySource("rail/x", ((),), "rail")
COUNTER = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6)


@dataclass(frozen=True)
class Load:
    """Joules used up to each time, and where the repeats were; in seconds."""

    t: NDArray[np.float64]
    used_j: NDArray[np.float64]
    spans: list[tuple[float, float]]

    def upto(self, t: ArrayLike) -> NDArray[np.float64]:
        return np.interp(np.asarray(t), self.t, self.used_j)

    def true_j(self, repeat: int) -> float:
        return float(np.diff(self.upto(self.spans[repeat]))[0]) / ITERATIONS


def load(repeats: int, away_s: float, rng: np.random.Generator) -> Load:
    """Idle, repeats that differ by 1 %, idle; iterations with random delays between them.

    What is recorded of a repeat's begin and end is up to `away_s` off.
    """
    spans, changes, start = [], [(0.0, IDLE_W)], 3.0
    for _ in range(repeats):
        level, now = 1 + rng.normal(0, 0.01), start + rng.uniform(0, 0.3)
        began = now
        for rest_s in rng.uniform(*RESTS_S, ITERATIONS):
            changes += [(now, BUSY_W * level), (now + BUSY_S, RESTING_W * level)]
            now += BUSY_S + rest_s
        changes.append((now, IDLE_W))
        spans.append((began + rng.uniform(-away_s, away_s), now + rng.uniform(-away_s, away_s)))
        start = now + 1.0
    t, power_w = np.array([*(at for at, _ in changes), now + 4.0]), np.array([w for _, w in changes])
    return Load(t, np.concatenate(([0.0], np.cumsum(power_w * np.diff(t)))), spans)


def samples_of(channel: Channel, interval_s: float, of: Load, rng: np.random.Generator) -> Batch:
    at = np.arange(rng.uniform(0.3, 0.3 + interval_s), of.t[-1], interval_s)
    look_s = channel.window_s or TICK_S / 100
    if channel.kind == "counter":
        return Batch(
            np.rint(at * S).astype(np.int64), {channel.column: np.rint(of.upto(at) / channel.scale).astype(np.int64)}
        )
    power_w = (of.upto(at) - of.upto(at - look_s)) / look_s + rng.normal(0, 0.02, len(at))
    return Batch(np.rint(at * S).astype(np.int64), {channel.column: power_w})


def seen_of(channel: Channel, samples: Batch, of: Load, bound_s: float, rng: np.random.Generator) -> Seen:
    """What the source says of a run whose windows were stamped by a clock that is off."""
    off_s = rng.uniform(-bound_s, bound_s)
    told = [
        Repeat(
            Window(f"measure/{k}", 0, 0),
            k,
            k,
            round((begin + off_s) * S),
            round((end + off_s) * S),
            ITERATIONS,
            {},
            np.empty(0),
            None,
            None,
            math.nan,
            math.nan,
        )
        for k, (begin, end) in enumerate(of.spans)
    ]
    idle_s = np.array([(0.6, 2.9), (of.spans[-1][1] + 0.5, of.t[-1] - 0.5)])
    return look(
        SOURCE,
        told,
        np.rint(idle_s * S).astype(np.int64),
        lambda w: energy_of_windows([samples], [(channel,)], w[:, 0], w[:, 1], min_coverage=0.0, spread=True),
        lambda _, measured: Instrument(measured.widths_s, (bound_s,)),
    )


def power(period_s: float, window_s: float = 0.0) -> Channel:
    return Channel("rail", Quantity.POWER, period_s=period_s, window_s=window_s)


@pytest.mark.parametrize(
    ("channel", "interval_s", "repeats", "width"),
    [
        pytest.param(COUNTER, 0.01, 5, 0.03, id="counter"),
        pytest.param(COUNTER, 0.187, 5, 0.04, id="slow counter"),
        pytest.param(COUNTER, 0.187, 1, 0.03, id="slow counter, one repeat"),
        pytest.param(power(0.0213), 0.0213, 5, 0.06, id="point"),
        pytest.param(power(0.11), 0.1127, 5, 0.12, id="slow point"),
        pytest.param(power(0.2), 0.2127, 1, 0.25, id="slow point, one repeat"),
        pytest.param(power(0.25, 0.25), 0.25, 5, 0.05, id="slow average"),
        pytest.param(power(0.1, 0.025), 0.1, 5, 0.12, id="looks a quarter of the time"),
    ],
)
def test_intervals_hold(channel: Channel, interval_s: float, repeats: int, width: float) -> None:
    held: dict[str, list[bool]] = {"gross": [], "net": []}
    widths, errors = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        of = load(repeats, 0.2 * interval_s if repeats == 1 else 0.0, rng)
        seen = seen_of(channel, samples_of(channel, interval_s, of, rng), of, 0.001, rng)
        energies = [energy for energy in seen.energies if energy is not None]
        assert len(energies) == repeats
        assert seen.instrument is not None
        budget = budget_of(energies, seen.idle, seen.instrument)
        assert budget.net is not None
        true_j = TRUE_J if repeats > 1 else of.true_j(0)
        true_net_j = TRUE_NET_J if repeats > 1 else true_j - IDLE_W * (of.spans[0][1] - of.spans[0][0]) / ITERATIONS
        for name, estimate, true in (("gross", budget.gross, true_j), ("net", budget.net, true_net_j)):
            low_j, high_j = estimate.repeatability_j
            held[name].append(bool(low_j <= true <= high_j))
        widths.append(half_width_j(budget.gross.terms) / true_j)
        errors.append(budget.gross.value_j / true_j - 1)
    assert 0.90 <= mean(held["gross"]) <= 0.99
    assert 0.90 <= mean(held["net"]) <= 0.99
    assert median(widths) < width  # a wide interval is always right
    if repeats > 1:
        assert abs(mean(errors)) < 3 * np.std(errors) / math.sqrt(200) + 2e-4  # a bias cannot hide in the spread


def test_a_repeat_that_hardly_anybody_saw_has_no_energy() -> None:
    """Three readings that disagree: their mean says nothing, and an idle without readings says nothing either."""
    of = Load(np.array([0.0, 10.0]), np.array([0.0, 50.0]), [(3.0, 5.1)])
    channel = power(0.7)
    samples = Batch(
        np.rint(np.arange(3.0, 6.0, 0.7) * S).astype(np.int64), {channel.column: np.array([5, 1, 9, 2, 7.0])}
    )
    seen = seen_of(channel, samples, of, 0.0, np.random.default_rng(0))
    assert seen.energies == [None]
    assert seen.of_repeats == [("undersampled", "interval_above_half")]
    assert (seen.idle, seen.reasons) == (None, ("idle_not_measured",))
