"""What is found on a Linux board from what its files said: rails of chips, RAPL, conditions, of any bytes at all."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node, Seen
from edgewatt.collectors.boards import chips, powercap
from edgewatt.collectors.boards.conditions import Board as System
from edgewatt.collectors.boards.conditions import known
from edgewatt.collectors.boards.facts import (
    CANDIDATES,
    conditions,
    device_id_of_board,
    name_of_board,
    static_facts,
)
from edgewatt.collectors.boards.finding import Survey, find, survey_board
from edgewatt.collectors.boards.look import Answers, look_at_board
from edgewatt.collectors.boards.target import BoardTarget
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.jetson.look import BoardLook, Roots
from edgewatt.collectors.transports.reached import Reached
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.channel import Channel
from tests.jetson_trees import orin_nx
from tests.shell_phone import ShellPhone
from tests.trees import Powercap, chip, policy, proc, rail, server, thermal_zone, write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="executes scripts for boards")

ROOT = "/b"


class Tree:
    """A board that is a folder, reached through this machine's own shell; `watts` run its RAPL while it is waited."""

    def __init__(self, root: Path) -> None:
        self.root, self.sysfs = root, root / "sys"
        self.shell = ShellPhone(root)
        self.reached = Reached(
            "ssh://me@board", self.shell.connect, f"{self.sysfs}", f"{root}/proc", root=str(root), sleep=self.wait
        )
        self.rapl: Powercap | None = None

    def wait(self, seconds: float) -> None:
        if self.rapl is not None:
            self.rapl.live(round(seconds * 1e9))

    def survey(self) -> Survey:
        return survey_board(self.reached)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    proc(tmp_path / "proc")
    made = Tree(tmp_path)
    yield made
    made.reached.hang_up()
    made.shell.end()


def conditions_of(tree: Tree) -> Conditions:
    return Conditions(System(tree.reached), known(is_jetson=False), family="ssh", device_id="b", uri="ssh://b")


def channels(found: Found) -> dict[str, Channel]:
    return {channel.column: channel for node in found.nodes for channel in node.channels}


def reasons(found: Found) -> dict[str, str]:
    return {one.what: one.reason for one in found.unavailable}


def value(found: Found, column: str, text: str) -> float | int | None:
    node = next(node for node in found.nodes if node.channels[0].column == column)
    return node.parse(text)[0]


def test_the_rails_of_chips_are_those_of_a_host(tree: Tree) -> None:
    chip(tree.sysfs, 0, "ina226", {"power1_input": 2_500_000, "in1_input": 5000, "curr1_input": 500}, device="1-0040")
    chip(tree.sysfs, 1, "ina3221", {**rail(1, "VDD"), **rail(2, "VDD"), **rail(3, "NC")}, device="1-0041")
    chip(tree.sysfs, 2, "ina3221", rail(1, "VDD"), device="1-0042")
    chip(tree.sysfs, 3, "nct6775", {"in0_input": 1000, "temp1_input": 40000}, device="x")
    found = find(tree.survey())
    powers = {c for c in channels(found) if c.endswith((".power_w", ".voltage_v", ".current_a"))}
    assert {"ina226_1.power_w", "vdd_1-0042.voltage_v", "vdd_1-0042.current_a"} <= powers
    assert not [column for column in powers if column.startswith(("nc", "nct"))]
    assert value(found, "ina226_1.power_w", "2500000") == pytest.approx(2.5)
    assert value(found, "vdd_1-0042.current_a", "-1") == pytest.approx(-0.001)
    assert value(found, "ina226_1.power_w", "nonsense") is None
    assert {"board/ina226_1", "board/vdd_1-0042"} <= {source.name for source in found.sources}
    assert {source.boundary for source in found.sources} == {"rail"}


def test_a_board_whose_every_rail_reads_nothing_measures_nothing(tree: Tree) -> None:
    chip(tree.sysfs, 0, "ina3221", {**rail(1, "A", 5000, 0), **rail(2, "B", 5000, 0)})
    found = find(tree.survey())
    assert found.sources == ()
    assert "every rail of this board reads 0" in reasons(found)["a.power_w"]
    write(tree.sysfs / "class/hwmon/hwmon0/curr2_input", 1)
    assert {source.name for source in find(tree.survey()).sources} == {"board/a", "board/b"}


def test_rapl_counts_each_zone_once_and_adds_what_the_profile_lets_be_added(tree: Tree) -> None:
    tree.rapl = server(tree.sysfs)
    found = find(tree.survey())
    found_channels = channels(found)
    assert {"package-0.energy_j", "package-0_core.energy_j", "package-0_dram.energy_j"} <= set(found_channels)
    package = found_channels["package-0.energy_j"]
    assert (package.kind, package.scale, package.boundary) == ("counter", 1e-6, "rail")
    assert package.counter_range == tree.rapl.range_uj + 1
    assert "board/package-0+dram" in {source.name for source in found.sources}
    assert value(found, "package-0.energy_j", "123") == 123
    assert value(found, "package-0.energy_j", "-1") is None
    assert value(found, "package-0.energy_j", str(tree.rapl.range_uj + 1)) is None


def test_a_counter_that_does_not_move_is_not_zero_joules(tree: Tree) -> None:
    server(tree.sysfs)
    found = find(tree.survey())
    assert "does not move" in reasons(found)["package-0.energy_j"]
    assert not [column for column in channels(found) if column.endswith("energy_j")]
    assert found.sources == ()


def denied(survey: Survey, *endings: str) -> Survey:
    """As if this user might not read what ends so."""
    seen = {
        path: Seen(path, None, "permission denied") if path.endswith(endings) else one
        for path, one in survey.look.seen.items()
    }
    return Survey(replace(survey.look, seen=seen), survey.answers)


def test_what_may_not_be_read_has_the_exact_command(tree: Tree) -> None:
    server(tree.sysfs)
    chip(tree.sysfs, 0, "ina3221", {**rail(1, "A"), **rail(2, "B")})
    found = find(denied(tree.survey(), "energy_uj", "curr1_input"))
    fixes = {one.what: one.fix for one in found.unavailable}
    folder = f"{tree.sysfs}/class"
    assert fixes["package-0.energy_j"].startswith(f"sudo chmod a+r {folder}/powercap/intel-rapl:0/energy_uj  ")
    assert fixes["a.current_a"].startswith(f"sudo chmod a+r {folder}/hwmon/hwmon0/curr1_input")
    assert {source.name for source in found.sources} == {"board/b"}


def test_load_memory_frequencies_and_temperatures(tree: Tree) -> None:
    policy(tree.sysfs, 0, 1_500_000, cpus="0 1")
    thermal_zone(tree.sysfs, 0, "cpu-thermal", 45_000)
    found = find(tree.survey())
    expected = {"cpu.load_ratio", "cpu1.load_ratio", "memory_used.memory_b", "cpu0.frequency_hz", "cpu.temperature_c"}
    assert expected <= set(channels(found))
    assert {"rapl", "rails", "fan"} <= set(reasons(found))


def test_an_empty_board_gives_reasons(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    found = find(tree.survey())
    assert found.nodes == ()
    assert {"rails", "rapl", "cpu.load_ratio", "memory_used.memory_b", "cpu.frequency_hz"} <= set(reasons(found))
    tree.shell.end()


def test_a_jetson_is_one_also_over_a_link(tree: Tree) -> None:
    orin_nx(tree.root)
    survey = tree.survey()
    found = find(survey)
    assert (survey.is_jetson, survey.collector, survey.look.profile.name) == (True, "jetson", "jetson_orin_nx")
    assert "jetson/vdd_in" in {source.name for source in found.sources}
    assert found.facts["l4t"] == "36.4.4"
    # A shell's `read` drops the NULs between the strings of a device tree.
    assert survey.look.strings(f"{tree.sysfs}/firmware/devicetree/base/compatible")[-1] == "nvidia,tegra234"


def test_the_conditions_of_a_board(tree: Tree) -> None:
    policy(tree.sysfs, 0, 1_500_000, cpus="0 1")
    thermal_zone(tree.sysfs, 0, "cpu-thermal", 45_000)
    write(tree.root / "etc/os-release", 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"')
    write(tree.sysfs / "class/power_supply/AC/type", "Mains")
    write(tree.sysfs / "class/power_supply/AC/online", 1)
    write(tree.sysfs / "devices/system/cpu/intel_pstate/no_turbo", 1)
    facts = BoardTarget(tree.reached, conditions_of(tree), is_jetson=False).facts()
    assert facts["os_build"] == "Debian GNU/Linux 12 (bookworm) 6.1.0-test"
    assert facts["boot_id"] == "11111111-2222-3333-4444-555555555555"
    assert (facts["governor"], facts["turbo"]) == ("schedutil", False)
    assert facts["frequency_max_hz"] == [3_400_000_000.0]
    assert (facts["power_supply"], facts["charging"]) == ("mains", None)
    assert (facts["load_before"], facts["temperature_c"]) == (0.52, 45.0)


def test_who_a_board_is(tree: Tree) -> None:
    look = tree.survey().look
    assert static_facts(look) == {
        "cpu_model": "Intel(R) Xeon(R) CPU @ 2.60GHz",
        "cpu_count": 2,
        "memory_total_b": 16000 * 1024,
    }
    digits, basis = device_id_of_board(look, "ssh://me@board")
    assert (len(digits), basis) == (16, "address")
    write(tree.root / "etc/machine-id", "0123456789abcdef0123456789abcdef")
    write(tree.sysfs / "class/dmi/id/sys_vendor", "To Be Filled By O.E.M.")
    write(tree.sysfs / "class/dmi/id/product_name", "NUC7i5")
    look = tree.survey().look
    other, basis = device_id_of_board(look, "ssh://me@board")
    assert other != digits
    assert basis == "machine-id"
    assert name_of_board(look) == "NUC7i5"
    orin_nx(tree.root)
    assert name_of_board(tree.survey().look) == "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"


def test_a_look_has_the_device_behind_each_chip(tree: Tree) -> None:
    chip(tree.sysfs, 7, "ina3221", rail(1, "A"), device="1-0040")
    answers = look_at_board(tree.reached, chips.CANDIDATES)
    assert dict(answers.devices) == {f"{tree.sysfs}/class/hwmon/hwmon7": "1-0040"}


PATHS = [
    *(f"class/hwmon/hwmon{n}/{file}" for n in range(2) for file in ("name", "in1_label", "in1_input", "curr1_input")),
    *("class/hwmon/hwmon0/power1_input", "class/hwmon/hwmon0/power1_average", "class/hwmon/hwmon0/update_interval"),
    *(f"class/powercap/intel-rapl:{n}/{file}" for n in ("0", "0:0", "x") for file in ("name", "energy_uj")),
    *("class/powercap/intel-rapl:0/max_energy_range_uj", "devices/system/cpu/cpufreq/policy0/scaling_cur_freq"),
    *("class/thermal/thermal_zone0/temp", "class/power_supply/AC/type", "class/power_supply/AC/online"),
    *("class/dmi/id/product_name", "firmware/devicetree/base/model", "firmware/devicetree/base/compatible"),
]
TEXTS = st.one_of(
    st.sampled_from(["0", "5000", "-1", "9" * 18, "ina3221", "Mains", "1\n2", "", " \n"]), st.text(max_size=20)
)
SEEN = st.one_of(TEXTS, st.none())


@given(
    st.dictionaries(st.sampled_from(PATHS), SEEN),
    st.dictionaries(st.sampled_from([p.replace("{sysfs}", "/b/sys") for p in CANDIDATES]), SEEN),
    st.dictionaries(st.sampled_from(PATHS), TEXTS),
)
def test_any_text_in_any_file_is_a_value_or_a_reason(
    files: dict[str, str | None], others: dict[str, str | None], later: dict[str, str]
) -> None:
    texts = {f"{ROOT}/sys/{path}": text for path, text in files.items()}
    texts |= {path.replace("{proc}", "/b/proc").replace("{root}", "/b"): text for path, text in others.items()}
    seen = {path: Seen(path, text, "" if text is not None else "it is empty") for path, text in texts.items()}
    look = BoardLook(seen, load("linux_hwmon"), f"{ROOT}/sys", f"{ROOT}/proc", roots=Roots.below(ROOT))
    found = find(Survey(look, Answers(seen)))
    columns = [channel.column for node in found.nodes for channel in node.channels]
    assert len(columns) == len(set(columns))
    for node in found.nodes:
        for text in (*later.values(), "", "\N{SNOWMAN}" * 10):
            _parsed(node, text)
    for facts in (conditions(look), static_facts(look)):
        assert all(isinstance(key, str) for key in facts)
    assert device_id_of_board(look, "x")[0]


def _parsed(node: Node, text: str) -> None:
    got = node.parse(text)
    assert len(got) == len(node.channels)
    assert all(one is None or isinstance(one, float | int) for one in got)


def test_zones_and_chips_are_bounded() -> None:
    many = {
        **{f"/b/sys/class/powercap/intel-rapl:{n}/energy_uj": "1" for n in range(500)},
        **{f"/b/sys/class/hwmon/hwmon{n}/power1_input": "1" for n in range(500)},
    }
    seen = {path: Seen(path, text) for path, text in many.items()}
    look = BoardLook(seen, load("linux_hwmon"), "/b/sys", "/b/proc", roots=Roots.below("/b"))
    assert len(powercap.find(look, "board").nodes) == powercap.ZONES
    assert len(chips.find(look, {}, "board").nodes) == chips.CHIPS
