"""Intensities by zone and time: exact means, no gap filled, countries with their year, synthetic ones that say so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.models.carbon.charging import Habit, Session, charged_intensity
from edgewatt.models.carbon.countries import country_grid
from edgewatt.models.carbon.grid import Grid, Label, Steps
from edgewatt.models.carbon.synthetic import SHAPES, synthetic_grid
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.profiler.errors import UsageError

H = 3600.0
START = 1_700_000_000 // 86400 * 86400.0
LABEL = Label(kind="average", scope="direct", source="s", licence="l", spread_ratio=0.1, spread_source="assumed: x")


def stepped(*g_per_kwh: float, gap_after: int | None = None) -> Grid:
    """Hours of the zone `Z` from START on; with an hour missing after so many."""
    t0_s = START + H * np.arange(len(g_per_kwh))
    if gap_after is not None:
        t0_s[gap_after:] += H
    return Grid(LABEL, {"Z": Steps(t0_s, t0_s + H, np.array(g_per_kwh) * G_PER_KWH)})


def test_an_hour_holds_from_its_beginning_until_before_the_next() -> None:
    grid = stepped(100, 200, 300)
    at = START + np.array([[0, H - 1], [H, 3 * H - 1]])
    assert np.allclose(grid.intensity("z", at) / G_PER_KWH, [[100, 100], [200, 300]])
    assert float(grid.intensity("Z", START)) == pytest.approx(100 * G_PER_KWH)


@pytest.mark.parametrize("t_s", [START - 1, START + 4 * H, START + H + 1, float("nan"), float("inf")])
def test_outside_and_in_a_gap_nothing_is_given(t_s: float) -> None:
    with pytest.raises(UsageError, match="zone Z: no intensity at"):
        stepped(100, 200, 300, gap_after=1).intensity("Z", np.array([START, t_s]))


def test_a_mean_is_by_time_and_not_over_a_gap() -> None:
    grid = stepped(100, 300)
    assert float(grid.mean("Z", START + H / 2, START + 2 * H)) == pytest.approx((50 + 300) / 1.5 * G_PER_KWH)
    with pytest.raises(UsageError, match="a gap from 2023-11-14"):
        stepped(100, 300, gap_after=1).mean("Z", START, START + 3 * H)
    with pytest.raises(UsageError, match="it covers"):
        grid.mean("Z", START, START + 5 * H)
    with pytest.raises(UsageError, match="ends before it begins"):
        grid.mean("Z", START + H, START)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1000), min_size=2, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_mean_lies_between_the_least_and_the_most_and_parts_make_the_whole(
    values: list[float], a: float, b: float
) -> None:
    grid, length = stepped(*values), len(values) * H
    cut = START + length * (0.05 + 0.9 * (a + b) / 2)
    first, second = grid.mean("Z", [START, cut], [cut, START + length])
    whole = float(grid.mean("Z", START, START + length))
    joined = (first * (cut - START) + second * (START + length - cut)) / length
    assert joined == pytest.approx(whole, rel=1e-6, abs=1e-15)
    assert whole == pytest.approx(np.mean(values) * G_PER_KWH, rel=1e-9, abs=1e-15)
    assert min(values) * G_PER_KWH * (1 - 1e-9) <= first <= max(values) * G_PER_KWH * (1 + 1e-9)


@pytest.mark.parametrize("name", ["KR", "kor", "South Korea", " kr "])
def test_countries_are_known_by_letters_and_name(name: str) -> None:
    grid = country_grid()
    day = START + H * np.arange(24)
    assert np.allclose(grid.intensity(name, day) / G_PER_KWH, 430.567)
    assert grid.steps(name).note == "South Korea, 2023"
    assert np.allclose(grid.mean(name, day, day + H) / G_PER_KWH, 430.567)


def test_the_countries_are_those_of_the_facts() -> None:
    grid = country_grid()
    known = {"US": 369.473, "FR": 56.039, "DE": 380.95, "TW": 642.378, "IN": 713.441, "CN": 582.317, "GB": 237.589}
    for zone, g_per_kwh in {**known, "SE": 40.695}.items():
        assert float(grid.intensity(zone, START)) / G_PER_KWH == pytest.approx(g_per_kwh)
    assert len(grid.zones) == 212
    assert (grid.label.kind, grid.label.scope) == ("average", "lifecycle")
    assert "CC BY 4.0" in grid.label.licence
    assert all(0 < float(grid.intensity(zone, START)) < 2000 * G_PER_KWH for zone in grid.zones)


@pytest.mark.parametrize(
    ("asked", "named"),
    [("Korea", "KR (south korea)"), ("Frence", "FR (france)"), ("XXXXX", "known are AE, AF"), ("", "known are")],
)
def test_a_zone_nobody_knows_is_never_guessed(asked: str, named: str) -> None:
    with pytest.raises(UsageError) as raised:
        country_grid().intensity(asked, START)
    assert "is not known" in str(raised.value)
    assert named in str(raised.value)


def test_synthetic_zones_say_so_and_have_the_shape_of_their_kind() -> None:
    grid = synthetic_grid({shape: shape for shape in SHAPES}, START, 365, seed=7)
    assert grid.label.is_synthetic
    assert "synthetic" in grid.label.source
    year = START + H * np.arange(365 * 24)
    solar = grid.intensity("solar", year).reshape(365, 24).mean(axis=0)
    assert solar.argmin() == 12
    spread = {shape: np.ptp(grid.intensity(shape, year)) / grid.intensity(shape, year).mean() for shape in SHAPES}
    assert spread["coal"] < min(spread["wind"], spread["solar"])
    again = synthetic_grid({"wind": "wind"}, START, 365, seed=7)
    assert np.array_equal(again.intensity("wind", year), grid.intensity("wind", year))
    other = synthetic_grid({"wind": "wind"}, START, 365, seed=8)
    assert not np.array_equal(other.intensity("wind", year), grid.intensity("wind", year))
    with pytest.raises(UsageError, match="expected one of solar, wind, coal"):
        synthetic_grid({"a": "lunar"}, START, 1, seed=1)
    with pytest.raises(UsageError, match="expected 1 to"):
        synthetic_grid({"a": "coal"}, START, 0, seed=1)


def test_a_phone_emits_at_the_intensity_of_when_it_charged() -> None:
    grid = synthetic_grid({"Z": "solar"}, START, 10, seed=1)
    evening = START + 5 * 86400 + 20 * H
    at_noon, at_night = Habit(11, 13, 0), Habit(23, 7, 0)
    assert float(at_noon.intensity(grid, "Z", evening)) == pytest.approx(
        float(grid.mean("Z", START + 5 * 86400 + 11 * H, START + 5 * 86400 + 13 * H))
    )
    assert float(at_night.intensity(grid, "Z", evening)) == pytest.approx(
        float(grid.mean("Z", START + 4 * 86400 + 23 * H, START + 5 * 86400 + 7 * H))
    )
    assert float(at_noon.intensity(grid, "Z", evening)) < float(grid.intensity("Z", evening))
    week = START + 2 * 86400 + H * np.arange(7 * 24)
    assert at_noon.intensity(grid, "Z", week).shape == week.shape
    moved = Habit(20, 22, 9).intensity(grid, "Z", evening)
    assert float(moved) == pytest.approx(float(at_noon.intensity(grid, "Z", evening)))
    with pytest.raises(UsageError, match="no day"):
        Habit(25, 7, 0).intensity(grid, "Z", evening)


def test_the_battery_holds_the_latest_charges_up_to_one_full_battery() -> None:
    grid = stepped(100, 200, 300, 400)
    first, second, third = (
        Session(START + k * H, START + (k + 1) * H, energy, gained)
        for k, (energy, gained) in enumerate([(9000.0, 0.5), (18000.0, 0.8), (9000.0, 0.4)])
    )
    at_s = START + 3.5 * H
    of_all = charged_intensity(grid, "Z", [first, second, third]) / G_PER_KWH
    assert of_all == pytest.approx((100 * 9 + 200 * 18 + 300 * 9) / 36)
    of_one = charged_intensity(grid, "Z", [first, second, third], at_s) / G_PER_KWH
    assert of_one == pytest.approx((300 * 9 + 200 * 18 * 0.6 / 0.8) / (9 + 18 * 0.6 / 0.8))
    assert charged_intensity(grid, "Z", [first, second], START + 1.5 * H) == pytest.approx(100 * G_PER_KWH)
    with pytest.raises(UsageError, match="no charge ended before"):
        charged_intensity(grid, "Z", [first], START)
    with pytest.raises(UsageError, match="brought no energy"):
        charged_intensity(grid, "Z", [Session(START, START + H, 0.0)])
