"""Places: parts add up, zero intensity leaves what was built, more energy is never less; profiles that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.models.carbon.interval import ONE, ZERO, Interval, exact, total, within
from edgewatt.models.carbon.operational import operational_kg
from edgewatt.models.carbon.places import PLACES, SHIPPED, place_of
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.profiler.errors import UsageError

INTENSITY = 400 * G_PER_KWH
PROFILE = """
name = "server"
lifetime_years = 4
use_ratio = 0.5
pue_ratio = { low = 1.1, value = 1.2, high = 1.5, tag = "assumed", source = "a guess" }

[[part]]
name = "processor"
kind = "logic"
node = "7nm"
area_mm2 = 700
packages_n = 2

[[part]]
kind = "hdd"
technology = "exos_x16"
capacity_gb = 16000
"""


def profile(folder: Path, old: str = "", new: str = "") -> str:
    """The profile as a file, with `new` in place of `old`."""
    path = folder / "p.toml"
    assert old in PROFILE
    path.write_text(PROFILE.replace(old, new) if old else PROFILE + new)
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_parts_of_a_place_add_up_and_each_says_where_it_is_from(name: str) -> None:
    place = place_of(name)
    assert place.embodied.value == pytest.approx(sum(part.kg.value for part in place.parts))
    assert place.embodied.low < place.embodied.value < place.embodied.high
    assert all(part.basis.source and part.basis.tag != "own" for part in place.parts)
    assert all(basis.source and basis.tag != "own" for _, basis in place.bases)
    assert place.supply.value > 1
    assert place.embodied_per_s.low < place.embodied_kg_per_s < place.embodied_per_s.high


def test_amortisation_over_lifetime_use_and_users() -> None:
    phone, router = place_of("phone-lca"), place_of("core")
    assert phone.embodied_kg_per_s == pytest.approx(84.0 / (21900 * 3600 * 0.3))
    assert float(phone.embodied_kg(21900 * 3600 * 0.3)) == pytest.approx(84.0)
    alone = router.embodied.value / (router.lifetime_s.value * router.use_ratio.value)
    assert router.embodied_kg_per_s == pytest.approx(alone / router.shared_by.value)


@pytest.mark.parametrize("name", PLACES)
def test_a_place_answers_for_a_year_at_once(name: str) -> None:
    place, hours = place_of(name), 8760
    energy, intensity = np.linspace(0, 10, hours), np.full(hours, INTENSITY)
    kg = place.operational_kg(energy, intensity)
    assert kg.shape == (hours,)
    assert np.all(np.diff(kg) > 0)
    assert np.all(place.operational_kg(energy, 0.0) == 0)
    assert float(place.embodied_kg(1.0)) > 0
    assert kg[-1] == pytest.approx(10 * INTENSITY * place.supply.value)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 3e-7), st.floats(1, 3))
def test_more_energy_is_never_less_carbon_and_energies_add_up(a: float, b: float, ci: float, supply: float) -> None:
    together = float(operational_kg(a + b, ci, supply))
    assert together >= float(operational_kg(max(a, b), ci, supply)) * (1 - 1e-12)
    assert together == pytest.approx(float(operational_kg(a, ci, supply)) + float(operational_kg(b, ci, supply)))
    assert float(operational_kg(a, 0.0, supply)) == 0.0


@pytest.mark.parametrize(
    "wrong", [(-1.0, INTENSITY, 1.0), (1.0, -INTENSITY, 1.0), (1.0, INTENSITY, 0.8), (np.nan, 1.0, 1.0)]
)
def test_what_no_energy_can_be_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="negative"):
        operational_kg(*wrong)
    with pytest.raises(UsageError, match="negative time"):
        place_of("phone").embodied_kg(-1.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1e3)), min_size=1, max_size=5))
def test_intervals_hold_their_value_whatever_is_done_with_them(ends: list[tuple[float, float, float]]) -> None:
    parts = [Interval(*(sorted(three)[k] for k in (1, 0, 2))) for three in ends]
    whole = total(parts)
    assert whole.low <= whole.value <= whole.high
    assert whole.value == pytest.approx(sum(part.value for part in parts))
    product = parts[0] * parts[-1]
    assert product.low <= product.value <= product.high
    assert total([]) == ZERO
    assert parts[0] * ONE == parts[0]


def test_an_interval_out_of_order_or_over_zero_is_refused() -> None:
    assert within(2.0, 1.5) == Interval(2.0, 0.0, 5.0)
    for ends in ((1.0, 2.0, 3.0), (1.0, -1.0, 2.0), (float("nan"), 0.0, 1.0), (1.0, 0.0, float("inf"))):
        with pytest.raises(UsageError, match="low <= value <= high"):
            Interval(*ends)
    with pytest.raises(UsageError, match="may be 0"):
        exact(1.0).over(Interval(1.0, 0.0, 2.0))


def test_a_users_profile(tmp_path: Path) -> None:
    place = place_of(profile(tmp_path))
    assert place.parts[0].kg.value == pytest.approx(7.0 * 2.3182 + 0.3, rel=1e-4)
    assert place.parts[1].kg.value == pytest.approx(16000 * 1.334e-3)
    assert place.parts[1].name == "hdd"
    assert place.lifetime_s.value == pytest.approx(4 * 365.25 * 86400)
    assert place.supply == Interval(1.2, 1.1, 1.5)
    assert dict(place.bases)["use_ratio"].tag == "own"
    assert place.energy_j_per_b is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("lifetime_years = 4", "", "has neither; expected lifetime_h or lifetime_years"),
        ("lifetime_years = 4", "lifetime_years = 4\nlifetime_h = 9", "has lifetime_h and lifetime_years"),
        ("lifetime_years = 4", "lifetime_years = 0", "expected above 0"),
        ("lifetime_years = 4", "lifetime_yers = 4", "did you mean lifetime_years"),
        ("use_ratio = 0.5", "use_ratio = 50", "expected above 0, at most 1"),
        ("use_ratio = 0.5", "use_ratio = nan", "expected a number from 0 on"),
        ("use_ratio = 0.5", "use_ratio = 0.5\ncharger_efficiency = 0.8", "through one of them"),
        ("low = 1.1", "low = 1.3", "low, value, high are 1.3, 1.2, 1.5"),
        ("low = 1.1, ", "", "low is None"),
        ("low = 1.1", "low = 0.9", "a PUE of 0.9"),
        ('tag = "assumed"', 'tag = "certain"', "tag 'certain'"),
        ('kind = "logic"', 'kind = "cpu"', "part 1: kind 'cpu': expected one of logic, dram"),
        ('node = "7nm"', 'node = "6nm"', "process node '6nm' is not known; did you mean"),
        ('node = "7nm"', "node = 7", "part 1: node is 7; expected text"),
        ('node = "7nm"', "", "node is missing; expected text"),
        ("area_mm2 = 700", "area_cm2 = 7", "part 1: key 'area_cm2' is not known; did you mean area_mm2"),
        ("area_mm2 = 700", "area_mm2 = -7", "area_mm2 is -7"),
        ("area_mm2 = 700", "area_mm2 = true", "area_mm2 is True"),
        ("packages_n = 2", "packages_n = 1.5", "a whole number"),
        ("packages_n = 2", "yield_ratio = 87.5", "0.875 is 87.5 %"),
        ("packages_n = 2", "net_zero = false", "net_zero is False"),
        ("packages_n = 2", 'fab = "mars"', "electricity of a fab 'mars'"),
        ("capacity_gb", "capacity_mb", "did you mean capacity_gb"),
        ("[[part]]", "[[parts]]", "did you mean part"),
        ('name = "server"', "name = ", "no readable TOML"),
    ],
)
def test_profiles_that_cannot_be_are_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(UsageError) as raised:
        place_of(profile(tmp_path, old, new))
    assert named in str(raised.value)


def test_a_place_without_parts_or_file(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.write_text("lifetime_h = 1")
    with pytest.raises(UsageError, match=r"has no \[\[part\]\]"):
        place_of(str(path))
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(UsageError, match="no readable TOML"):
        place_of(str(path))
    with pytest.raises(UsageError, match="expected phone, access, edge, core, cloud, phone-lca or a file"):
        place_of("tablet")
