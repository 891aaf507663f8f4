"""Lines of tegrastats: every release, every order of fields, any bytes."""

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.jetson.tegrastats_channels import columns_of, joules_of, profile_by_rails
from edgewatt.collectors.jetson.tegrastats_form import parse_line
from edgewatt.collectors.jetson.tegrastats_line import LINE_LIMIT, Line, line_of, text_of

# Ours, in the form of the releases that they are named after: fields as they stand there, each on its own.
L4T_28 = (
    "RAM 1002/7852MB (lfb 7x2MB)", "CPU [1%@345,off,off,12%@499]", "EMC_FREQ 17%@40", "GR3D_FREQ 3%@114", "APE 150",
    "MTS fg 1% bg 9%", "PLL@34C", "PMIC@100C", "BCPU@-45C", "Tdiode@30.25C", "VDD_SYS_GPU 153/150", "VDD_4V0_WIFI 0/12",
    "VDD_IN 1876/1900", "VDD_SYS_CPU 229/230", "VDD_SYS_DDR 115/124", "VDD_SYS_SOC 383/383",
)  # fmt: skip
L4T_32 = (
    "RAM 721/31927MB (lfb 7291x4MB)", "SWAP 5/15963MB (cached 1MB)", "IRAM 0/252kB(lfb 252kB)",
    "CPU [2%@1190,0%@1190,off]", "EMC_FREQ 0%", "GR3D_FREQ 0%@318", "NVENC 716", "APE 150", "AO@37.5C", "GPU@37.5C",
    "CPU@37C", "GPU 0/0", "CPU 311/311", "SOC 932/932", "CV 0/0", "VDDRQ 621/621", "SYS5V 1482/1482",
)  # fmt: skip
L4T_35 = (
    "10-16-2025 10:59:22", "RAM 1205/30623MB (lfb 1x512kB)", "SWAP 0/15311MB (cached 0MB)", "CPU [5%@729,off]",
    "EMC_FREQ 0%@204", "GR3D_FREQ 7%@114", "GR3D2_FREQ 8%@115", "NVJPG1 729", "VIC_FREQ 729", "CV0@-256C", "CPU@43.5C",
    "VDD_GPU_SOC 4788mW/4700mW", "VDD_CPU_CV 0mW/798mW", "VIN_SYS_5V0 3842mW/3842mW", "NC 0mW/0mW",
    "VDDQ_VDD2_1V8AO 707mW/707mW", "NC 5mW/0mW",
)  # fmt: skip
L4T_38 = (
    "05-17-2026 10:00:32", "RAM 4208/125773MB (lfb 31x4MB)", "CPU [1%@972,0%@972]", "EMC_FREQ 3%@665",
    "GR3D_FREQ @[0,306,0]", "NVENC0_FREQ @0", "VIC off", "NVENC 79%@166", "OFA_FREQ @400", "PVA0_FREQ off",
    "cpu@58.25C/61.75C", "VDD_GPU 0mW/8660mW/37939mW", "VDD_CPU_SOC_MSS 4165mW/4165mW", "VIN 124486mW/36487mW/124486mW",
)  # fmt: skip
RELEASES = {"28": L4T_28, "32": L4T_32, "35": L4T_35, "38": L4T_38}


def parsed(fields: tuple[str, ...]) -> Line:
    return parse_line("   ".join(fields).encode())


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_of_a_line_is_left_over_in_any_order(release: str) -> None:
    fields = RELEASES[release]
    straight = parsed(fields)
    assert straight.left == ()
    assert straight.is_one
    shuffling = random.Random(6)
    for _ in range(30):
        mixed = parsed(tuple(shuffling.sample(fields, len(fields))))
        assert mixed.values == straight.values
        assert set(mixed.rails) == set(straight.rails)
        assert (mixed.stamp, mixed.left) == (straight.stamp, ())


def test_what_old_releases_say() -> None:
    line = parsed(L4T_28)
    assert line.values["memory_used.memory_b"] == 1002 * 2**20
    assert line.values["cpu3.load_ratio"] == 0.12
    assert line.values["cpu3.frequency_hz"] == 499e6
    assert line.values["cpu1.load_ratio"] is line.values["cpu1.frequency_hz"] is None
    assert line.values["mts_fg.load_ratio"] == 0.01
    assert line.values["mts_bg.load_ratio"] == 0.09
    assert line.values["vdd_sys_ddr.power_w"] == 0.115  # and not the mean since its start, 0.124
    assert line.values["vdd_4v0_wifi.power_w"] == 0.0
    assert line.values["pmic.temperature_c"] is None
    assert line.values["bcpu.temperature_c"] == -45.0
    assert line.values["ape.frequency_hz"] == 150e6


def test_a_rail_called_gpu_is_neither_the_clock_nor_the_temperature() -> None:
    line = parsed(L4T_32)
    assert line.values["cpu.power_w"] == 0.311
    assert line.values["cpu.temperature_c"] == 37.0
    assert line.values["gpu.frequency_hz"] == 318e6
    assert line.values["gpu.power_w"] == 0.0
    assert line.values["emc.load_ratio"] is None, "0 % without a clock is what those print who may not see it"
    assert line.values["iram_used.memory_b"] == 0
    assert set(line.rails) == {f"{name}.power_w" for name in ("gpu", "cpu", "soc", "cv", "vddrq", "sys5v")}


def test_two_clusters_of_the_gpu_and_rails_that_lead_nowhere() -> None:
    line = parsed(L4T_35)
    assert line.stamp == "10-16-2025 10:59:22"
    assert line.values["gpu.load_ratio"] == 0.07
    assert line.values["gpc1.frequency_hz"] == 115e6
    assert line.values["cv0.temperature_c"] is None
    assert not [column for column in line.values if column.startswith("nc.")]
    assert line.values["vdd_cpu_cv.power_w"] == 0.0
    assert line.values["vdd_gpu_soc.power_w"] == 4.788


def test_a_load_that_is_not_there_is_not_zero() -> None:
    line = parsed(L4T_38)
    assert line.values["gpu.load_ratio"] is None
    assert [line.values[f"gpc{n}.frequency_hz"] for n in range(3)] == [None, 306e6, None]
    assert line.values["nvenc0.frequency_hz"] is None
    assert line.values["vic.frequency_hz"] is None
    assert line.values["nvenc.load_ratio"] == 0.79
    assert line.values["cpu.temperature_c"] == 58.25
    assert line.values["vdd_gpu.power_w"] == 0.0
    assert line.values["vin.power_w"] == 124.486


@pytest.mark.parametrize(
    "word",
    ["RAM 4/5", "RAM 1179/3983", "SWAP 1/2", "FOO 3/4", "VDD_IN 5", "VDD_IN 5mW", "FUTURE 12", "NVENC -3",
     "GR3D_FREQ 5%@", "tj@C", "CPU 5%", "CPU []x", "MTS fg 1% bg", "10-16-2025", "VDD_IN 1/2/3/4"],
)  # fmt: skip
def test_what_no_field_is_is_left_over(word: str) -> None:
    line = parse_line(word)
    assert line.values == {}
    assert line.left == tuple(word.split())


def test_a_rail_that_says_two_things_is_not_measured() -> None:
    assert parse_line("VDD_IN 10mW/1mW VDD_IN 20mW/1mW").values == {"vdd_in.power_w": None}
    assert parse_line("VDD_IN 10mW/1mW VDD_IN 10mW/2mW").values == {"vdd_in.power_w": 0.01}


def test_a_line_without_rails_measures_no_power() -> None:
    line = parse_line("RAM 1689/3825MB (lfb 339x4MB) CPU [3%@345,off] EMC_FREQ 0% GPU@50C PMIC@50C")
    sources, missing = joules_of(columns_of([line]), profile_by_rails(columns_of([line])), "tegrastats")
    assert (line.is_one, line.rails, sources) == (True, (), ())
    assert [m.what for m in missing] == ["board.energy_j"]


@pytest.mark.parametrize(
    ("fields", "profile", "added"),
    [
        (L4T_28, "jetson_tx2", ["vdd_in"]),
        (L4T_32, "jetson_agx_xavier", ["gpu", "cpu", "soc", "cv", "vddrq", "sys5v"]),
        (L4T_35, "jetson_agx_orin", ["vdd_gpu_soc", "vdd_cpu_cv", "vin_sys_5v0"]),
        (L4T_38, "jetson_agx_thor", ["vin"]),
    ],
)
def test_rails_tell_the_board_and_its_total(fields: tuple[str, ...], profile: str, added: list[str]) -> None:
    columns = columns_of([parsed(fields)])
    sources, _ = joules_of(columns, profile_by_rails(columns), "tegrastats")
    assert profile_by_rails(columns).name == profile
    assert [term[0].removesuffix(".power_w") for term in sources[0].terms] == added
    assert sources[0].boundary == "board"


def test_rails_that_no_board_has_are_not_added() -> None:
    columns = columns_of([parse_line("VDD_IN 1mW/1mW VDD_MOON 5mW/5mW")])
    sources, missing = joules_of(columns, profile_by_rails(columns), "tegrastats")
    assert [(s.name, s.boundary) for s in sources] == [("tegrastats/vdd_in", "rail"), ("tegrastats/vdd_moon", "rail")]
    assert [m.what for m in missing] == ["board.energy_j"]


NUMBERS = ("0", "00", "256", "7.5", "1.2.3", "x", "", "99999999999", "12", "101", "30000")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_a_line_of_a_known_form_says_what_the_grammar_says(release: str, share: float) -> None:
    drawing = random.Random(7)
    fields = " ".join(RELEASES[release])
    for _ in range(150):
        changed = re.sub(
            r"[0-9]+(?:\.[0-9]+)?",
            lambda hit: drawing.choice(NUMBERS) if drawing.random() < share else hit[0],
            fields,
        )
        slow = line_of(text_of(changed))
        parse_line(fields)
        assert parse_line(changed) == slow
        assert parse_line(changed) == slow


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_line(raw: bytes) -> None:
    assert_sane(parse_line(raw))


WORDS = st.sampled_from([word for fields in RELEASES.values() for field in fields for word in field.split()])


@settings(max_examples=100)
@given(st.lists(st.one_of(WORDS, st.text("0123456789%@[],/mWCoff.-xMkB()", max_size=12)), max_size=40))
def test_any_words_give_a_line(words: list[str]) -> None:
    line = parse_line(" ".join(words))
    assert_sane(line)
    assert len(line.left) <= 2 * len(words)


def assert_sane(line: Line) -> None:
    for column, value in line.values.items():
        quantity = column.rpartition(".")[2]
        assert value is None or quantity != "load_ratio" or 0 <= value <= 1
        assert value is None or quantity in ("temperature_c", "load_ratio") or value >= 0
    assert set(line.rails) <= set(line.values)


def test_a_line_without_an_end_is_cut() -> None:
    line = parse_line(b"VDD_IN 5mW/5mW " + b"x" * (4 * LINE_LIMIT))
    assert line.values == {"vdd_in.power_w": 0.005}
    assert sum(map(len, line.left)) <= LINE_LIMIT


SAMPLES = Path(__file__).parents[2] / "shared/samples/jetson/tegrastats.json"


@pytest.mark.skipif(not SAMPLES.is_file(), reason="the recordings are not in this checkout")
def test_recorded_lines_leave_nothing_over() -> None:
    entries = json.loads(SAMPLES.read_text())
    for entry in entries:
        line = parse_line(entry["line"])
        assert line.is_one, entry["id"]
        assert line.left in ((), ("FUTURE_TOKEN", "value")), entry["id"]
    without_rails = [entry["id"] for entry in entries if not parse_line(entry["line"]).rails]
    assert without_rails == ["tx2nx_norails_seq1"]
