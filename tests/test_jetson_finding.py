"""What else a Jetson shows: clocks, loads, temperatures, throttling, modes; and files that say anything at all."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.files.nodes import Node, Seen
from edgewatt.collectors.jetson import facts
from edgewatt.collectors.jetson.finding import find, look_at
from edgewatt.collectors.jetson.here import look_below
from edgewatt.collectors.jetson.look import Roots
from tests.jetson_trees import AGX_ORIN, board, columns, found, looked, orin_nx
from tests.trees import write


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return orin_nx(tmp_path_factory.mktemp("orin")).root


@pytest.fixture(scope="module")
def first_look(everything: Path) -> dict[str, Seen]:
    return look_below(Roots.below(str(everything)))


def values(root: Path) -> dict[str, float | int | None]:
    """What each column reads at the first look, in the order of the nodes."""
    roots = Roots.below(str(root))
    look = look_at(look_below(roots), roots)
    read: dict[str, float | int | None] = {}
    for node in find(look).nodes:
        got = node.parse(look.text(node.path) or "")
        read |= zip((channel.column for channel in node.channels), got, strict=True)
    return read


def test_everything_of_a_board_in_si(everything: Path) -> None:
    read = values(everything)
    assert read["gpu.frequency_hz"] == 306e6
    assert read["gpu.load_ratio"] == 0.43
    assert read["emc.frequency_hz"] == 2133e6
    assert read["emc.load_ratio"] == pytest.approx(0.2)
    assert read["cpu.temperature_c"] == 45.843
    assert read["fan.load_ratio"] == 0.2
    assert read["fan.frequency_hz"] == 20
    assert read["memory_used.memory_b"] == 12000 * 1024
    assert read["cpu-throttle-alert.state_code"] == 1
    assert read["over_current_oc1.count_n"] == 3


def test_what_is_gated_is_null_and_not_zero(everything: Path) -> None:
    read = values(everything)
    assert read["nvenc_on.state_code"] == 0
    assert read["nvenc.frequency_hz"] is None
    assert read["gpu.temperature_c"] is None
    write(everything / "sys/class/devfreq/17000000.gpu/cur_freq", 0)
    assert values(everything)["gpu.frequency_hz"] is None
    write(everything / "sys/class/devfreq/17000000.gpu/cur_freq", 306000000)


def test_a_pmic_s_fixed_number_is_no_temperature(everything: Path) -> None:
    roots = Roots.below(str(everything))
    of = find(look_at(look_below(roots), roots))
    assert "pmic-die.temperature_c" not in columns(of)
    assert any("fixed number" in u.reason for u in of.unavailable)


@pytest.mark.parametrize("reason", ["Resource temporarily unavailable", "it fails to read"])
def test_a_zone_that_answers_eagain_stays_and_is_null(tmp_path: Path, reason: str) -> None:
    look = looked(orin_nx(tmp_path))
    path = next(p for p in look.seen if p.endswith("class/thermal/thermal_zone1/temp"))
    of = find(look_at({**look.seen, path: Seen(path, None, reason)}, look.roots))
    assert "gpu.temperature_c" in columns(of)
    assert any(u.what == "gpu.temperature_c" and "gated" in u.reason for u in of.unavailable)
    denied = find(look_at({**look.seen, path: Seen(path, None, "Permission denied")}, look.roots))
    assert "gpu.temperature_c" not in columns(denied)
    assert next(u for u in denied.unavailable if u.what == "gpu.temperature_c").fix.startswith("sudo chmod a+r")


def test_a_thor_has_clocks_by_their_own_names(tmp_path: Path) -> None:
    made = board(tmp_path, AGX_ORIN)
    for name in ("gpu-gpc-0", "gpu-nvd-0"):
        write(made.sysfs / f"class/devfreq/{name}/cur_freq", 1575000000)
    write(made.sysfs / "class/devfreq/bwmgr/cur_freq", 4266000000)
    read = values(tmp_path)
    assert read["gpu-gpc-0.frequency_hz"] == read["gpu-nvd-0.frequency_hz"] == 1575e6
    assert read["emc.frequency_hz"] == 4266e6


def test_clusters_of_the_gpu_count_alone(tmp_path: Path) -> None:
    made = board(tmp_path, AGX_ORIN)
    for number in (0, 1):
        write(made.debugfs / f"bpmp/debug/clk/nafll_gpc{number}/pto_counter", 1300500000)
    assert values(tmp_path)["gpc1.frequency_hz"] == 1300.5e6


def test_the_conditions_of_a_board(everything: Path) -> None:
    roots = Roots.below(str(everything))
    of = facts.facts_of(look_at(look_below(roots), roots))
    assert of["l4t"] == "36.4.4"
    assert of["jetpack"] == "6.2.1"
    assert of["soc"] == "tegra234"
    assert of["profile"] == "jetson_orin_nx"
    assert (of["nvpmodel"], of["nvpmodel_id"]) == ("15W", 2)
    assert of["throttled_by"] == ["cpu-throttle-alert"]
    assert of["gpu_frequency_max_hz"] == {"gpu": 918000000}


def test_jetson_clocks_is_seen_by_its_effect(tmp_path: Path) -> None:
    made = orin_nx(tmp_path)
    assert facts.facts_of(looked(made))["jetson_clocks"] == "off"
    for path in made.sysfs.glob("devices/system/cpu/cpufreq/policy*"):
        write(path / "scaling_min_freq", (path / "scaling_max_freq").read_text().strip())
    write(made.sysfs / "class/devfreq/17000000.gpu/min_freq", 918000000)
    assert facts.facts_of(looked(made))["jetson_clocks"] == "on"
    assert facts.facts_of(looked(board(tmp_path / "bare")))["jetson_clocks"] is None


def test_what_the_board_s_programs_say() -> None:
    assert facts.told({"nvpmodel": "NV Power Mode: MODE_15W_6CORE\n2\n"}) == {
        "nvpmodel": "MODE_15W_6CORE",
        "nvpmodel_id": 2,
    }
    assert facts.told({"nvpmodel": "NVPM ERROR: no config", "jetson_clocks": ""}) == {}
    assert facts.told({"jetson_clocks": "SOC family:tegra234\nOnline CPUs: 0-7"})["jetson_clocks_show"].startswith(
        "SOC"
    )


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("# R36 (release), REVISION: 4.4, GCID: 41062509, BOARD: generic", "36.4.4"),
        ("# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref", "32.7.1"),
        ("# R38 (release), REVISION: 4.0", "38.4.0"),
        ("R36", None),
    ],
)
def test_releases(text: str, release: str | None) -> None:
    assert facts.parse_release(text) == release
    assert facts.jetpack_of("38.4.0") == "7.1"
    assert facts.jetpack_of("99.9") is None


def test_two_boards_of_one_image_are_two(tmp_path: Path) -> None:
    first, second = orin_nx(tmp_path / "a"), orin_nx(tmp_path / "b")
    write(second.sysfs / "firmware/devicetree/base/serial-number", b"1424921055982\0")
    otherwise = ("machine", "as a host")
    ids = [facts.device_id_of(looked(made), otherwise) for made in (first, second)]
    assert ids[0] != ids[1]
    assert {basis for _, basis in ids} == {"devicetree serial-number"}
    assert facts.device_id_of(looked(board(tmp_path / "c")), otherwise) == otherwise


def test_nothing_at_all_is_found_in_an_empty_folder(tmp_path: Path) -> None:
    of = found(board(tmp_path, {}))
    assert not of.nodes
    assert {"rails", "gpu.frequency_hz", "thermal zones", "cpu.load_ratio"} <= {u.what for u in of.unavailable}


TEXTS = st.one_of(
    st.text(max_size=40),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["", "\0", "-256000", "0", "VDD_IN", "NC", "gpu", "ina3221", "32760 ma", "100000"]),
)


@settings(max_examples=40)
@given(data=st.data())
def test_any_text_in_any_file_gives_values_or_reasons(
    everything: Path, first_look: dict[str, Seen], data: st.DataObject
) -> None:
    roots = Roots.below(str(everything))
    seen = dict(first_look)
    chosen = data.draw(st.lists(st.sampled_from(sorted(seen)), max_size=30))
    for path in chosen:
        gone = data.draw(st.booleans())
        seen[path] = Seen(path, None, data.draw(st.text(max_size=20))) if gone else Seen(path, data.draw(TEXTS))
    of = find(look_at(seen, roots))
    names = [channel.column for node in of.nodes for channel in node.channels]
    assert len(set(names)) == len(names)
    assert all(u.reason for u in of.unavailable)
    known = {column for source in of.sources for term in source.terms for column in term}
    assert known <= set(names)
    for node in of.nodes:
        assert_parses(node, data.draw(TEXTS))


def assert_parses(node: Node, text: str) -> None:
    got = node.parse(text)
    assert len(got) == len(node.channels)
    assert all(value is None or abs(value) < 2**63 for value in got)
