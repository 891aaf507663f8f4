"""The template of a pulse against the lab's exact ramps, and against quadrature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.synchronising.response import Levels, Means, response
from edgewatt.virtual_lab.power.ramps import Ramp

EDGE_S = np.array([0.1, 0.25, 0.6, 0.72])
LEVELS_W = np.array([1.0, 3.0, 1.2, 2.0, 0.5])
TAUS = st.floats(0.002, 0.05)


def levels(level_w: np.ndarray[tuple[int], np.dtype[np.float64]], slope: float = 0.0) -> Levels:
    return Levels(level_w[:, None], np.full((len(level_w), 1), slope))


def exact(rise_s: float, fall_s: float) -> Ramp:
    ramp = Ramp(0, float(LEVELS_W[0]), rise_s=rise_s, fall_s=fall_s)
    ramp.extend(np.rint(EDGE_S * 1e9).astype(np.int64), LEVELS_W[1:])
    return ramp


@given(TAUS, TAUS)
def test_points_and_means_are_the_lab_s(rise_s: float, fall_s: float) -> None:
    ramp, tau_s = exact(rise_s, fall_s), np.array([rise_s, fall_s, rise_s, fall_s])
    t_s = np.linspace(0.0, 1.0, 97)
    t_ns = np.rint(t_s * 1e9).astype(np.int64)
    at_s = np.asarray(t_ns * 1e-9, np.float64)
    points = response(Means.of(at_s, at_s), EDGE_S, tau_s, levels(LEVELS_W))[:, 0]
    assert points == pytest.approx(ramp.power_w(t_ns), rel=1e-9)
    means = response(Means.of(at_s[:-1], at_s[1:]), EDGE_S, tau_s, levels(LEVELS_W))[:, 0]
    assert means == pytest.approx(np.diff(ramp.energy_j(t_ns)) / (np.diff(t_ns) * 1e-9), rel=1e-7)


def test_a_level_that_climbs_is_followed() -> None:
    """x' = (level - x) / tau by small steps."""
    tau_s, slope, step_s = np.full(4, 0.02), 1.5, 1e-5
    t_s = np.arange(0.0, 1.0, step_s)
    start_s = np.concatenate([[0.0], EDGE_S])
    at = np.searchsorted(start_s, t_s, "right") - 1
    level_w = LEVELS_W[at] + slope * (t_s - start_s[at])
    power_w = np.empty_like(t_s)
    power_w[0] = level_w[0]
    for k in range(1, len(t_s)):
        if at[k] == 0:
            power_w[k] = level_w[k]
        else:
            power_w[k] = level_w[k] + (power_w[k - 1] - level_w[k]) * np.exp(-step_s / 0.02)
    found = response(Means.of(t_s, t_s), EDGE_S, tau_s, levels(LEVELS_W, slope))[:, 0]
    assert np.abs(found - power_w).max() < 2e-3


def test_cases_stand_side_by_side_and_add_up() -> None:
    unit = np.eye(10)
    side_by_side = Levels(unit[::2], unit[1::2])
    means, tau_s = Means.of(np.linspace(0, 0.9, 40), np.linspace(0.05, 0.95, 40)), np.array([0.003, 0.03, 0.003, 0.03])
    together = response(means, EDGE_S, tau_s, side_by_side)
    factors = np.linspace(0.5, 2.0, 10)
    assert together.shape == (40, 10)
    one = response(means, EDGE_S, tau_s, side_by_side.times(factors))[:, 0]
    assert together @ factors == pytest.approx(one, rel=1e-12)


def test_a_mean_over_a_gap_between_edges_is_right_too() -> None:
    ramp = exact(0.01, 0.004)
    means = Means.of(np.array([0.05, 0.0]), np.array([0.65, 1.0]))
    found = response(means, EDGE_S, np.array([0.01, 0.004, 0.01, 0.004]), levels(LEVELS_W))[:, 0]
    whole = [
        float(ramp.energy_j(np.array([b]))[0] - ramp.energy_j(np.array([a]))[0]) for a, b in [(50e6, 650e6), (0, 1e9)]
    ]
    assert found == pytest.approx([whole[0] / 0.6, whole[1] / 1.0], rel=1e-9)
