"""What a plan is said to take: the change it resolves, by simulation; the battery that it needs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.planning.estimate import ASSUMED_W, Power, Timing, battery_of, need_of
from edgewatt.profiler.planning.resolving import MANY, noncentrality, resolution
from edgewatt.profiler.running.seen_power import remember_power, seen_power
from edgewatt.profiler.statistics import t_quantile
from tests.measured_runs import BUSY_W, FACTS, Instrument, rail, written

SPREAD, SESSIONS, TRIALS = 0.03, 0.02, 8000
ASSUMED = Power(ASSUMED_W, "assumed", "")


def found(change: float, repeats: int, sessions: float) -> float:
    """In which share of simulated comparisons the gate's interval lies above 1 (comparing/ratio.py)."""
    draw = np.random.default_rng(repeats)

    def side(middle: float) -> NDArray[np.float64]:
        return draw.normal(middle, SPREAD, (TRIALS, repeats)) + draw.normal(0, sessions, (TRIALS, 1))

    old, new = side(0.0), side(math.log1p(change))
    of_old, of_new = old.var(1, ddof=1) / repeats, new.var(1, ddof=1) / repeats
    df = (of_old + of_new) ** 2 / ((of_old**2 + of_new**2) / (repeats - 1))
    grid = np.linspace(repeats - 1, 2 * (repeats - 1), 50)
    limits = np.interp(df, grid, [t_quantile(0.975, float(at)) for at in grid])
    half = np.hypot(limits * np.sqrt(of_old + of_new), 1.96 * sessions * math.sqrt(2))
    return float((new.mean(1) - old.mean(1) > half).mean())


@pytest.mark.parametrize("repeats", [3, 5, 10])
def test_the_change_it_resolves_is_found_in_eight_of_ten_cases(repeats: int) -> None:
    change = resolution(repeats, spread=SPREAD, session_spread=SESSIONS)
    assert change.within is not None
    assert change.between is not None
    assert found(change.within, repeats, 0.0) == pytest.approx(0.8, abs=0.02)
    assert 0.78 < found(change.between, repeats, SESSIONS) < 0.9  # on the safe side with few repeats
    assert change.between > change.within


def test_many_repeats_follow_the_handbooks_rule() -> None:
    """t_{0.975} + t_{0.80}: 1.960 + 0.842."""
    assert noncentrality(MANY - 1) == pytest.approx(noncentrality(MANY), rel=1e-3)
    assert noncentrality(100_000) == pytest.approx(1.95996 + 0.84162, abs=1e-4)


def test_one_repeat_resolves_nothing() -> None:
    assert (resolution(1).within, resolution(1).between) == (None, None)


def test_without_spread_anything_is_resolved() -> None:
    assert resolution(5, spread=0.0, session_spread=0.0).within == 0.0


def test_times_add_up() -> None:
    timing = Timing(repeat_s=8.0, repeat_most_s=20.0, around_s=30.0, around_most_s=90.0)
    assert (timing.expected_s(10), timing.most_s(10)) == (110.0, 290.0)


PHONE: dict[str, Any] = {
    "power_supply": "battery",
    "charging": False,
    "battery_level_ratio": 0.5,
    "battery_charge_ah": 2.0,
    "battery_voltage_v": 4.0,
}


def test_a_battery_holds_its_charge_at_its_voltage() -> None:
    battery = battery_of(PHONE)
    assert battery is not None
    assert (battery.left_mwh, battery.full_mwh) == (8000.0, 16000.0)


LAPTOP: dict[str, Any] = {"power_supply": "battery", "charging": False, "battery_left_wh": 8.0, "battery_full_wh": 16.0}


def test_a_laptop_s_battery_holds_what_it_says() -> None:
    assert battery_of(LAPTOP) == battery_of(PHONE)
    assert battery_of({**LAPTOP, "power_supply": "mains"}) == battery_of(PHONE), "a supply too weak for it"
    assert battery_of({"power_supply": "mains", "charging": False}) is None, "full, on its supply"
    for nonsense in ({"battery_full_wh": 4e6}, {"battery_left_wh": 80.0}):
        battery = battery_of({**LAPTOP, **nonsense})
        assert battery is not None
        assert "its battery says that it holds" in battery.why_unknown


@pytest.mark.parametrize(("seconds", "fits"), [(1800.0, True), (4000.0, True), (4100.0, False)])
def test_it_fits_if_the_reserve_stays(seconds: float, fits: bool) -> None:  # noqa: FBT001
    """8,000 mWh are there and 2,400 are to stay; 5 W draw them in 4,032 s."""
    need = need_of(seconds, ASSUMED, battery_of(PHONE))
    assert need.fits is fits
    assert need.mwh == pytest.approx(5 * seconds / 3.6)
    assert need.share == pytest.approx(need.mwh / 16000)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"battery_charge_ah": None}, "does not tell the charge of"),
        ({"battery_voltage_v": None, "battery_level_ratio": 0.0}, "does not tell the voltage and the level of"),
        ({"battery_charge_ah": 900.0}, "would make a battery of 1.8e\\+03 Ah"),
        ({"battery_charge_ah": float("nan")}, "does not tell the charge of"),
    ],
)
def test_a_battery_that_does_not_tell_is_not_known(facts: dict[str, Any], why: str) -> None:
    battery = battery_of({**PHONE, **facts})
    assert battery is not None
    assert battery.full_mwh is None
    assert why.replace("\\", "") in battery.why_unknown
    assert need_of(60.0, ASSUMED, battery).fits is None


@pytest.mark.parametrize("facts", [{}, {**PHONE, "power_supply": "usb", "charging": True}, {"power_supply": "mains"}])
def test_a_device_on_a_supply_needs_none(facts: dict[str, Any]) -> None:
    assert battery_of(facts) is None
    assert need_of(60.0, ASSUMED, None).fits is None


def test_a_phone_on_a_cable_that_does_not_charge_lives_on_its_battery() -> None:
    assert battery_of({**PHONE, "power_supply": "usb"}) == battery_of(PHONE)


def test_the_power_of_the_last_plan_is_what_the_next_is_reckoned_with(tmp_path: Path) -> None:
    of_a_rail = process(written(tmp_path / "rail", [Instrument(rail(), boundary="rail")]))
    remember_power(of_a_rail)
    assert seen_power(FACTS["device_id"]) is None, "a rail is not the whole device"  # type: ignore[arg-type]
    remember_power(process(written(tmp_path / "gauge", [Instrument(rail(), boundary="gauge")])))
    power = seen_power(FACTS["device_id"])  # type: ignore[arg-type]
    assert power is not None
    assert power.watts == pytest.approx(BUSY_W, rel=0.01)
    assert (power.basis, power.said) == ("seen", "while run gauge of 2026-01-02 measured")
