"""Phone profiles: which is chosen for which phone, and that each fact says how it is known."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.device_profiles.loader import MATCH_KEYS, DeviceProfile, load
from edgewatt.device_profiles.phones import GENERIC, PROPERTIES, choose, fits, phone_profiles

KNOWN_FACTS = {
    "battery_current_unit",
    "battery_current_positive",
    "battery_node",
    "battery_period_s",
    "battery_update_period_s",
    "frequency_period_s",
    "odpm_period_s",
    "thermalservice_type_shift_n",
}
HOW_IT_IS_KNOWN = re.compile(r"documented|second-hand|remembered|assumed|recorded|recording")


@pytest.mark.parametrize(
    ("manufacturer", "model", "profile"),
    [
        ("Google", "Pixel 6", "google_pixel"),
        ("Google", "Pixel 9 Pro XL", "google_pixel"),
        ("google", "sdk_gphone64_x86_64", GENERIC),
        ("samsung", "SM-G991B", "samsung_galaxy"),
        ("Xiaomi", "MI 8", "xiaomi"),
        ("Xiaomi", "MI 8 Lite", "xiaomi"),
        ("Xiaomi", "POCOPHONE F1", "xiaomi"),
        ("Xiaomi", "M2011K2G", GENERIC),
        ("OnePlus", "HD1903", "oneplus_7t"),
        ("OnePlus", "CPH2449", "oneplus_11"),
        ("OnePlus", "DN2103", GENERIC),
        ("HUAWEI", "PRA-LX1", "huawei_p8_lite_2017"),
        ("HUAWEI", "ELS-NX9", GENERIC),
        ("", "", GENERIC),
    ],
)
def test_a_phone_is_known_by_its_properties(manufacturer: str, model: str, profile: str) -> None:
    assert choose({"ro.product.manufacturer": manufacturer, "ro.product.model": model}).name == profile


def test_a_phone_that_says_nothing_has_the_generic_profile() -> None:
    assert choose({}).name == GENERIC
    assert not load(GENERIC).match


def test_one_of_the_properties_behind_a_key_is_enough() -> None:
    vendor = {"ro.product.vendor.manufacturer": "Google", "ro.product.vendor.model": "Pixel 7"}
    assert fits(load("google_pixel"), vendor)
    assert not fits(load("google_pixel"), {"ro.product.model": "Pixel 7"})
    assert (*PROPERTIES, "serial") == MATCH_KEYS


@pytest.mark.parametrize("profile", phone_profiles(), ids=lambda profile: profile.name)
def test_every_fact_is_one_that_is_read_and_says_how_it_is_known(profile: DeviceProfile) -> None:
    assert set(profile.facts) <= KNOWN_FACTS
    for key, fact in profile.facts.items():
        assert HOW_IT_IS_KNOWN.search(fact.source), f"{profile.name}: facts.{key}"
    for rail in profile.rails:
        assert rail.key in (r.key for r in profile.rails if r.source.strip())
    assert profile.name == GENERIC or profile.match


def test_no_two_profiles_are_for_the_same_phone() -> None:
    for profile in phone_profiles():
        for other in phone_profiles():
            if profile is not other and profile.match.get("manufacturer") == other.match.get("manufacturer"):
                models = set(profile.match.get("model", ())) & set(other.match.get("model", ()))
                assert not models, f"{profile.name} and {other.name}"


@given(
    st.dictionaries(
        st.sampled_from([name for several in PROPERTIES.values() for name in several]), st.text(max_size=300)
    )
)
def test_any_properties_choose_a_profile(properties: dict[str, str]) -> None:
    assert choose(properties).kind == "phone"
