"""One thermal node: T follows ambient + R x P with one time constant, fitted to a temperature and a power over time.

T(t) = T0 e^(-t/tau) + T_ambient (1 - e^(-t/tau)) + R (P * h)(t), h = e^(-t/tau)/tau: the solution of
tau dT/dt = T_ambient + R P - T. It is linear in T0, T_ambient and R, so that only tau has to be searched for, and
by how much readings lag: a zone is updated now and then, and read some time after.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.values import Value, within

Array = NDArray[np.float64]

# Kelvin by which a temperature has to change at least for a fit, and readings that it takes; assumed.
LEAST_KELVIN: Final = 2.0
LEAST_READINGS: Final = 20
_MOST_ALIKE: Final = 0.98
# Readings that a reading may lag by, and rounds of search, which takes three or four.
_MOST_LAG: Final = 3.0
_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Node:
    """Resistance in K/W, time constant in s and ambient in degrees C, each with its interval; `residual_k` rms."""

    resistance: Value
    time_constant: Value
    ambient: Value
    residual_k: float
    df: float
    readings: int


def fit_node(t_s: Array, temperature_c: Array, power_w: Array, *, gain_rel: float | None = None) -> Node | None:
    """The node that these readings [n], evenly `t_s` apart, show; None where they do not show one.

    Neighbours in what is left are alike where one node is not all that there is: then fewer of them count.
    """
    if len(t_s) < LEAST_READINGS or float(np.ptp(temperature_c)) < LEAST_KELVIN:
        return None
    step_s, span_s = float(t_s[1] - t_s[0]), float(t_s[-1] - t_s[0])
    taus = np.geomspace(2 * step_s, 2 * span_s, 25)
    costs = [_left(tau, step_s, temperature_c, power_w) for tau in taus]
    best = int(np.argmin(costs))
    if best in (0, len(taus) - 1):
        return None
    tau = _golden(taus[best - 1], taus[best + 1], step_s, temperature_c, power_w)
    tau, lag_s = _lagging(tau, step_s, temperature_c, power_w)
    if not taus[0] < tau < taus[-1]:
        return None
    design, values, slopes = _linearised(tau, lag_s, step_s, temperature_c, power_w)
    left = temperature_c - design @ values
    square = float(left @ left)
    jacobian = np.column_stack((design, slopes))
    if np.linalg.cond(jacobian / np.linalg.norm(jacobian, axis=0)) > 1e8:
        return None
    alike = float(left[:-1] @ left[1:]) / max(float(left @ left), 1e-300)
    fewer = (1 + min(max(alike, 0.0), _MOST_ALIKE)) / (1 - min(max(alike, 0.0), _MOST_ALIKE))
    df = max(len(t_s) / fewer - 5, 1.0)
    covariance = np.linalg.inv(jacobian.T @ jacobian) * square / max(len(t_s) - 5, 1) * fewer
    u = np.sqrt(np.diag(covariance))
    return Node(
        within(float(values[2]), float(u[2]), df, gain_rel=gain_rel),
        within(tau, float(u[3]), df),
        within(float(values[1]), float(u[1]), df),
        math.sqrt(square / len(t_s)),
        df,
        len(t_s),
    )


def _lagging(tau: float, step_s: float, temperature_c: Array, power_w: Array) -> tuple[float, float]:
    """Time constant and lag that leave least together, by Gauss and Newton's steps from a lag of none."""
    lag_s, most_s = 0.0, _MOST_LAG * step_s
    for _ in range(_ROUNDS):
        design, values, slopes = _linearised(tau, lag_s, step_s, temperature_c, power_w)
        columns = np.column_stack((design, slopes))
        moved = np.linalg.lstsq(columns, temperature_c - design @ values, rcond=None)[0][3:]
        tau *= math.exp(min(max(float(moved[0]) / tau, -0.3), 0.3))
        lag_s = min(max(lag_s + float(moved[1]), -most_s), most_s)
    return tau, lag_s


def _linearised(
    tau: float, lag_s: float, step_s: float, temperature_c: Array, power_w: Array
) -> tuple[Array, Array, Array]:
    """The design [n, 3], its coefficients, and what readings change by time constant and by lag, [n, 2]."""
    design = _design(tau, step_s, power_w, lag_s)
    values = _solved(design, temperature_c)[0]
    slopes = []
    for tau_more, lag_more in ((1e-3 * tau, 0.0), (0.0, 1e-2 * step_s)):
        ends = [_design(tau + of * tau_more, step_s, power_w, lag_s + of * lag_more) @ values for of in (1, -1)]
        slopes.append((ends[0] - ends[1]) / (2 * (tau_more + lag_more)))
    return design, values, np.column_stack(slopes)


def _design(tau: float, step_s: float, power_w: Array, lag_s: float = 0.0) -> Array:
    """Columns for T0, T_ambient and R: [n, 3]. Power is taken to change linearly between readings."""
    a = math.exp(-step_s / tau)
    early, late = _ends(tau, np.asarray(step_s))
    pairs = early * power_w[:-1] + late * power_w[1:]
    decayed = a ** np.arange(len(power_w))
    through = np.concatenate(([0.0], np.convolve(pairs, decayed[:-1])[: len(pairs)]))
    if lag_s == 0.0:
        return np.column_stack((decayed, 1 - decayed, through))
    # What was read is what was there so much before: from the reading before that time on, for the rest of the time.
    t_s = np.arange(len(power_w)) * step_s - lag_s
    place = np.clip(np.floor(t_s / step_s).astype(np.intp), 0, len(power_w) - 2)
    rest_s = t_s - place * step_s
    early, late = _ends(tau, rest_s)
    slope = (power_w[place + 1] - power_w[place]) / step_s
    power_then = power_w[place] + slope * np.where(t_s < 0, 0.0, rest_s)
    lagged = np.exp(-rest_s / tau) * through[place] + early * power_w[place] + late * power_then
    decayed = np.exp(-t_s / tau)
    return np.column_stack((decayed, 1 - decayed, lagged))


def _ends(tau: float, step_s: Array) -> tuple[Array, Array]:
    """The response to a straight line from p0 to p1 over a step: the weights of its two ends."""
    share = -np.expm1(-step_s / tau)
    with np.errstate(invalid="ignore", divide="ignore"):
        late = np.where(np.abs(step_s) > 1e-9 * tau, 1 - share * tau / step_s, 0.0)
    return share - late, late


def _solved(design: Array, temperature_c: Array) -> tuple[Array, float, Array]:
    values = np.asarray(np.linalg.lstsq(design, temperature_c, rcond=None)[0], np.float64)
    left = temperature_c - design @ values
    return values, float(left @ left), left


def _left(tau: float, step_s: float, temperature_c: Array, power_w: Array) -> float:
    return _solved(_design(tau, step_s, power_w), temperature_c)[1]


def _golden(low: float, high: float, step_s: float, temperature_c: Array, power_w: Array) -> float:
    """The tau between two that leaves least, by golden section on its logarithm."""
    share = (math.sqrt(5) - 1) / 2
    a, b = math.log(low), math.log(high)
    for _ in range(25):
        c, d = b - share * (b - a), a + share * (b - a)
        costs = [_left(math.exp(of), step_s, temperature_c, power_w) for of in (c, d)]
        a, b = (a, d) if costs[0] < costs[1] else (c, b)
    return math.exp((a + b) / 2)
