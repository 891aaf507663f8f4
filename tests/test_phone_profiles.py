"""Phone profiles: which is chosen for which phone, and that each fact says how it is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.device_profiles.loader import load
from edgewatt.device_profiles.phones import GENERIC, PROPERTIES, choose, fits, phone_profiles
from edgewatt.device_profiles.profile_shape import MATCH_KEYS


@pytest.mark.parametrize(
    ("manufacturer", "model", "profile"),
    [
        ("Google", "Pixel 6", "pixel_6"),
        ("Google", "Pixel 6 Pro", "pixel_6_pro"),
        ("Google", "Pixel 8a", "google_pixel"),
        ("Google", "Pixel 9 Pro XL", "google_pixel"),
        ("google", "sdk_gphone64_x86_64", GENERIC),
        ("samsung", "SM-G991B", "galaxy_s21"),
        ("samsung", "SM-G991U", "samsung_galaxy"),
        ("samsung", "SM-G970F", "galaxy_s10e"),
        ("samsung", "SM-T865", "galaxy_tab_s6"),
        ("Xiaomi", "MI 8", "xiaomi_mi_8"),
        ("Xiaomi", "MI 8 Pro", "xiaomi_mi_8_pro"),
        ("Xiaomi", "MI 8 Lite", "xiaomi"),
        ("Xiaomi", "POCOPHONE F1", "xiaomi_poco_f1"),
        ("motorola", "XT1580", "moto_x_force"),
        ("Xiaomi", "M2011K2G", GENERIC),
        ("OnePlus", "HD1903", "oneplus_7t"),
        ("OnePlus", "CPH2449", "oneplus_11"),
        ("OnePlus", "DN2103", "oneplus_nord_2"),
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


def test_no_two_profiles_are_for_the_same_phone_but_one_on_top_of_the_other() -> None:
    for profile in phone_profiles():
        assert profile.name == GENERIC or profile.match
        for other in phone_profiles():
            if profile is not other and profile.match.get("manufacturer") == other.match.get("manufacturer"):
                models = set(profile.match.get("model", ())) & set(other.match.get("model", ()))
                assert not models or other.name in profile.bases or profile.name in other.bases, models


def test_what_a_model_is_on_top_of_a_family_says_what_the_family_does() -> None:
    pixel, family = load("pixel_6_pro"), load("google_pixel")
    assert (pixel.bases, pixel.rails) == (("pixel_6", "google_pixel"), family.rails)
    assert pixel.facts["odpm_period_s"] == family.facts["odpm_period_s"]
    assert pixel.number("cpu_big_highest_clock_hz") == 2.802e9
    assert pixel.number("battery_nominal_coulomb") == pytest.approx(5003 * 3.6)


@given(
    st.dictionaries(
        st.sampled_from([name for several in PROPERTIES.values() for name in several]), st.text(max_size=300)
    )
)
def test_any_properties_choose_a_profile(properties: dict[str, str]) -> None:
    assert choose(properties).kind == "phone"
