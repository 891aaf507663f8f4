"""The profiles that are shipped: how many devices, and that each fact says from where, how and since when."""

import pytest

from edgewatt.device_profiles import gpus, loader, page
from edgewatt.device_profiles.boards import GENERIC, choose_board
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.device_profiles.vocabulary import KNOWN
from edgewatt.profiler.errors import UsageError

PROFILES = [loader.shipped(name) for name in loader.names()]
OF_THE_PAPERS = {"xiaomi_mi_8_pro", "galaxy_s10e", "moto_x_force", "galaxy_tab_s6", "nvidia_p100"}


def test_there_are_at_least_thirty_devices_and_those_of_the_papers() -> None:
    found = {profile.name for profile in page.devices()}
    assert len(found) >= 30
    assert found > OF_THE_PAPERS
    assert {profile.name for profile in PROFILES} > page.FAMILIES


def test_a_name_is_given_once_and_is_that_of_its_file() -> None:
    folders = (loader.FOLDER, *(loader.FOLDER / room for room in loader.ROOMS))
    files = [path.stem for folder in folders for path in folder.glob("*.toml")]
    assert sorted(files) == loader.names() == [profile.name for profile in PROFILES]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_each_fact_says_what_it_means_where_it_is_known_from_how_and_since_when(profile: DeviceProfile) -> None:
    assert set(profile.facts) <= set(KNOWN)
    for key, fact in profile.facts.items():
        assert page.HOW.search(fact.source), f"facts.{key}: {fact.source}"
        assert fact.date is not None, f"facts.{key}"
        assert len(fact.source) < 300, f"facts.{key}"
    assert profile.date is not None
    assert profile.title == profile.title.strip() != ""


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_clusters_of_a_device_lie_beside_each_other_and_get_faster(profile: DeviceProfile) -> None:
    facts = {key: fact.value for key, fact in profile.facts.items()}
    clusters = [name for name in ("little", "mid", "big", "prime") if f"cpu_{name}_cores_n" in facts]
    firsts = [facts.get(f"cpu_{name}_first_n") for name in clusters]
    cores = [profile.number(f"cpu_{name}_cores_n") for name in clusters]
    if clusters and None not in firsts:
        assert firsts == [sum(cores[:n]) for n in range(len(cores))]
    hertz = [profile.number(key) for name in clusters if (key := f"cpu_{name}_highest_clock_hz") in facts]
    assert hertz == sorted(hertz)
    assert clusters in ([], ["big"], ["little", "big"], ["little", "mid", "big"], ["little", "mid", "big", "prime"])


def test_a_base_is_on_top_of_nothing_that_is_on_top_of_it() -> None:
    for profile in PROFILES:
        assert profile.name not in profile.bases
        assert all(loader.shipped(base).kind == profile.kind for base in profile.bases)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("nvidia,p3767-0003", "jetson_orin_nano"),
        ("nvidia,p3767-0000", "jetson_orin_nx"),
        ("NVIDIA Jetson AGX Thor Developer Kit", "jetson_agx_thor"),
        ("raspberrypi,5-model-b", GENERIC),
    ],
)
def test_a_board_is_the_most_particular_that_fits(called: str, name: str) -> None:
    assert choose_board([called]).name == name


@pytest.mark.parametrize(
    ("architecture", "name", "profile"),
    [
        ("hopper", "NVIDIA H100 80GB HBM3", "nvidia_h100_sxm"),
        ("hopper", "NVIDIA H200", "nvidia_h200"),
        ("hopper", "NVIDIA H200 NVL", "nvidia_hopper"),
        ("hopper", "NVIDIA GH200 480GB", "nvidia_gh200"),
        ("pascal", "NVIDIA GeForce GTX 1080 Ti", "nvidia_gtx_1080_ti"),
        ("pascal", "Tesla P100-PCIE-16GB", "nvidia_p100"),
        ("ada", "NVIDIA GeForce RTX 4090", "nvidia_rtx_4090"),
        ("ada", "NVIDIA GeForce RTX 4090 Laptop GPU", "nvidia_gpu"),
        ("ada", "NVIDIA L4", "nvidia_l4"),
    ],
)
def test_a_card_is_on_top_of_its_architecture(architecture: str, name: str, profile: str) -> None:
    assert gpus.choose(architecture, name).name == profile


def test_a_card_says_what_its_architecture_does() -> None:
    card, family = loader.shipped("nvidia_rtx_3090"), loader.shipped("nvidia_ampere")
    assert card.number("power_limit_w") == 350
    assert {key: card.facts[key] for key in family.facts} == dict(family.facts)


def test_a_file_s_date_and_sources_are_those_of_its_facts() -> None:
    text = (
        'name = "x"\nkind = "phone"\ntitle = "X"\ndate = "2026-01-02"\nsources.sheet = "documented: its sheet"\n'
        '[facts]\nsoc = { value = "A1", source = "sheet" }\n'
        'gpu = { value = "G1", source = "a visitor", date = "2026-03-04" }\n'
    )
    facts = loader.parse(text.encode(), "x.toml").facts
    assert (facts["soc"].source, facts["soc"].date) == ("documented: its sheet", "2026-01-02")
    assert (facts["gpu"].source, facts["gpu"].date) == ("a visitor", "2026-03-04")
    with pytest.raises(UsageError, match=r"facts.soc: source is 'shet', expected .*did you mean 'sheet'"):
        loader.parse(text.replace('source = "sheet"', 'source = "shet"').encode(), "x.toml")
