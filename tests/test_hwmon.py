"""hwmon rails: files, pairs, labels, permissions, and chips that answer nonsense."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.generic import sysfs
from edgewatt.collectors.generic.hwmon import Hwmon
from edgewatt.device_profiles.loader import parse
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened, channel_name
from edgewatt.profiler.clock import ManualClock
from tests.trees import as_somebody_else, chip, link, open_folder, rail, write

ORIN = parse(
    b"""
name = "orin"
kind = "board"
title = "AGX Orin"
[rails.gpu]
label = "vdd_gpu_soc"
covers = ["gpu", "soc"]
boundary = "rail"
alone = true
source = "test"
[rails.cpu]
label = "vdd_cpu_cv"
covers = ["cpu", "cv"]
boundary = "rail"
alone = true
source = "test"
[rails.sys]
label = "vin_sys_5v0"
covers = ["sys"]
boundary = "rail"
alone = true
source = "test"
[rails.ddr]
label = "vddq*"
covers = ["ddr"]
boundary = "rail"
inside = "sys"
alone = true
source = "test"
[totals.module]
name = "module"
add = ["gpu", "cpu", "sys"]
source = "test"
""",
    "orin.toml",
)


def opened(tmp_path: Path, **kwargs: object) -> tuple[Hwmon, Opened]:
    hwmon = Hwmon(tmp_path / "class/hwmon", **kwargs)  # type: ignore[arg-type]
    return hwmon, hwmon.open(ManualClock())


def row(hwmon: Hwmon) -> dict[str, float]:
    item = hwmon.read(1.0)
    assert isinstance(item, Batch)
    assert len(item) == 1
    return {name: float(values[0]) for name, values in item.columns.items()}


def agx_orin(tmp_path: Path) -> tuple[Path, Path]:
    first = {
        **rail(1, "VDD_GPU_SOC", 20000, 400),
        **rail(2, "VDD_CPU_CV", 20000, 0),
        **rail(3, "VIN_SYS_5V0", 5000, 900),
        "in4_input": 800,
        "in5_input": 0,
        "in6_input": 1800,
        "in7_input": 2600,
        "in7_label": "sum of shunt voltages",
        "curr4_input": 1300,
        "update_interval": 7,
    }
    second = {**rail(1, "NC", 0, 0), **rail(2, "VDDQ_VDD2_1V8AO", 5000, 100), **rail(3, "NC", 0, 0)}
    return chip(tmp_path, 3, "ina3221", first, device="1-0040"), chip(tmp_path, 1, "ina3221", second, device="1-0041")


def test_a_jetson_has_its_rails_and_nothing_that_is_none(tmp_path: Path) -> None:
    agx_orin(tmp_path)
    hwmon, answer = opened(tmp_path)
    assert row(hwmon) == {
        "vdd_gpu_soc.voltage_v": 20.0,
        "vdd_gpu_soc.current_a": 0.4,
        "vdd_cpu_cv.voltage_v": 20.0,
        "vdd_cpu_cv.current_a": 0.0,
        "vin_sys_5v0.voltage_v": 5.0,
        "vin_sys_5v0.current_a": 0.9,
        "vddq_vdd2_1v8ao.voltage_v": 5.0,
        "vddq_vdd2_1v8ao.current_a": 0.1,
    }
    assert answer.unavailable == ()
    assert answer.sources[0].name == "hwmon/vdd_gpu_soc"
    assert answer.sources[0].terms == (("vdd_gpu_soc.voltage_v", "vdd_gpu_soc.current_a"),)
    assert {s.boundary for s in answer.sources} == {"rail"}
    assert all(len(s.terms) == 1 for s in answer.sources), "nothing is added on a board that nobody described"
    assert {c.period_s for c in answer.channels[""] if c.name == "vdd_cpu_cv"} == {0.007}


def test_a_profile_forms_the_total_only_of_all_its_rails(tmp_path: Path) -> None:
    first, _ = agx_orin(tmp_path)
    _, answer = opened(tmp_path, profile=ORIN)
    total = {s.name: s for s in answer.sources}["hwmon/module"]
    assert total.terms == tuple(
        (f"{name}.voltage_v", f"{name}.current_a") for name in ("vdd_gpu_soc", "vdd_cpu_cv", "vin_sys_5v0")
    )
    assert total.covers == ("gpu", "soc", "cpu", "cv", "sys")
    (first / "curr2_input").write_text("garbage")
    _, answer = opened(tmp_path, profile=ORIN)
    assert "hwmon/module" not in {s.name for s in answer.sources}
    assert [u.what for u in answer.unavailable] == ["vdd_cpu_cv.current_a"]
    assert "reads 'garbage'; expected a whole number of milliampere" in answer.unavailable[0].reason


def test_power_is_taken_as_power_where_the_chip_gives_it(tmp_path: Path) -> None:
    files = {"power1_input": 2_345_678, "in0_input": 2, "in1_input": 5000, "curr1_input": 469}
    chip(tmp_path, 0, "ina226", files, device="1-0044")
    hwmon, answer = opened(tmp_path)
    assert row(hwmon) == {"ina226_1.power_w": pytest.approx(2.345678)}
    assert answer.sources[0].terms == (("ina226_1.power_w",),)


def test_an_averaging_chip_says_its_window(tmp_path: Path) -> None:
    files: dict[str, str | bytes | int] = {
        "power1_average": 30_000_000,
        "power1_average_interval": 1000,
        "power1_label": "PPT",
    }
    chip(tmp_path, 0, "power_meter", files)
    _, answer = opened(tmp_path)
    assert answer.channels[""][0].window_s == 1.0
    assert answer.channels[""][0].column == "ppt.power_w"


def test_an_acpi_power_meter_is_called_what_its_maker_calls_it(tmp_path: Path) -> None:
    """As on a Grace Hopper: a chip per sensor, module and processor inside of it, which are not added."""
    for number, info in enumerate(("Module Power Socket 0", "CPU Power Socket 0")):
        files: dict[str, str | bytes | int] = {
            "power1_average": (90 - 20 * number) * 10**6,
            "power1_oem_info": info,
            "power1_average_interval": 50,
        }
        chip(tmp_path, number, "power_meter", files, device=f"ACPI000D:0{number}")
    hwmon, answer = opened(tmp_path)
    assert row(hwmon) == {"module_power_socket_0.power_w": 90.0, "cpu_power_socket_0.power_w": 70.0}
    assert [len(source.terms) for source in answer.sources] == [1, 1]
    assert {c.window_s for c in answer.channels[""]} == {0.05}


def test_voltages_without_current_are_no_rails(tmp_path: Path) -> None:
    chip(tmp_path, 0, "nct6775", {"in0_input": 1200, "in1_input": 3300, "in1_label": "+3.3V", "fan1_input": 900})
    _, answer = opened(tmp_path)
    assert answer.channels == {}
    assert "no chip" in answer.unavailable[0].reason


def test_labels_pair_before_numbers_and_contradicting_labels_do_not_pair(tmp_path: Path) -> None:
    same_label: dict[str, str | int] = {
        "in1_input": 12000,
        "in1_label": "VIN",
        "curr2_input": 100,
        "curr2_label": "VIN",
    }
    half_labelled: dict[str, str | int] = {"in2_input": 5000, "curr1_input": 900, "curr1_label": "other"}
    contradicting: dict[str, str | int] = {"in3_input": 3300, "in3_label": "a", "curr3_input": 1, "curr3_label": "b"}
    chip(tmp_path, 0, "ltc", {**same_label, **half_labelled, **contradicting})
    hwmon, _ = opened(tmp_path)
    assert row(hwmon) == {"vin.voltage_v": 12.0, "vin.current_a": 0.1}


def test_equal_labels_are_told_apart_by_their_device_not_by_a_number_that_changes(tmp_path: Path) -> None:
    chip(tmp_path, 5, "ina3221", rail(1, "VDD"), device="1-0040")
    chip(tmp_path, 2, "ina3221", rail(1, "vdd"), device="1-0041")
    link(tmp_path / "class/hwmon/hwmon9", tmp_path / "class/hwmon/hwmon5")
    _, answer = opened(tmp_path)
    assert [s.name for s in answer.sources] == ["hwmon/vdd_1-0040", "hwmon/vdd_1-0041"]


def test_labels_that_cannot_be_columns_become_names(tmp_path: Path) -> None:
    labels = ["VDD CPU/GPU", "☃", "x" * 300, "x" * 300, "A.b"]
    for number, label in enumerate(labels):
        chip(tmp_path, number, "ina226", {"power1_input": 1, "power1_label": label})
    _, answer = opened(tmp_path)
    names = [c.name for c in answer.channels[""]]
    assert len(set(names)) == len(labels)
    assert all(name == name.lower() and len(name) <= 64 and "." not in name for name in names)
    assert "vdd_cpu_gpu" in names


def test_a_denied_rail_says_which_permission_helps() -> None:
    with open_folder() as folder:
        first, _ = agx_orin(folder)
        (first / "curr2_input").chmod(0o400)
        hwmon = Hwmon(folder / "class/hwmon")  # reads its profile, which somebody else may not
        with as_somebody_else(folder):
            answer = hwmon.open(ManualClock())
    (reason,) = answer.unavailable
    assert reason.what == "vdd_cpu_cv.current_a"
    assert f"sudo chmod a+r {folder}/class/hwmon/hwmon3/curr2_input" in reason.fix
    assert len(answer.sources) == 3


def test_a_gated_rail_is_null_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = agx_orin(tmp_path)
    path, ask = folder / "in1_input", sysfs.read_bytes
    gated = True

    def read_bytes(asked: Path, limit: int = sysfs.PAGE) -> bytes:
        if gated and asked.resolve() == path.resolve():
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return ask(asked, limit)

    monkeypatch.setattr(sysfs, "read_bytes", read_bytes)
    monkeypatch.setattr("edgewatt.collectors.generic.hwmon.read_bytes", read_bytes)
    hwmon, answer = opened(tmp_path)
    assert "vdd_gpu_soc.voltage_v" in {c.column for c in answer.channels[""]}
    first, second = row(hwmon), row(hwmon)
    assert np.isnan(first["vdd_gpu_soc.voltage_v"])
    assert first["vdd_gpu_soc.current_a"] == 0.4
    assert first["vin_sys_5v0.voltage_v"] == second["vin_sys_5v0.voltage_v"] == 5.0
    gated = False
    assert row(hwmon)["vdd_gpu_soc.voltage_v"] == 20.0


def test_zero_everywhere_is_not_measured_and_zero_beside_live_rails_is(tmp_path: Path) -> None:
    first = chip(tmp_path, 0, "ina3221", {**rail(1, "A", 5000, 0), **rail(2, "B", 5000, 0)})
    _, answer = opened(tmp_path)
    assert answer.channels == {}
    assert [u.what for u in answer.unavailable] == ["a.power_w", "b.power_w"]
    (first / "curr2_input").write_text("100\n")
    hwmon, _ = opened(tmp_path)
    assert row(hwmon)["a.current_a"] == 0.0
    (first / "curr2_input").write_text("0\n")
    assert all(np.isnan(value) for value in row(hwmon).values())
    (first / "curr1_input").write_text("10\n")
    assert row(hwmon)["b.current_a"] == 0.0


def test_a_chip_that_is_pulled_out_leaves_the_other(tmp_path: Path) -> None:
    chip(tmp_path, 0, "ina226", {"power1_input": 1_000_000, "power1_label": "a"}, device="1-0040")
    chip(tmp_path, 1, "ina226", {"power1_input": 2_000_000, "power1_label": "b"}, device="1-0041")
    hwmon, _ = opened(tmp_path)
    (tmp_path / "devices/platform/1-0040").rename(tmp_path / "away")
    assert row(hwmon) == {"a.power_w": pytest.approx(np.nan, nan_ok=True), "b.power_w": 2.0}
    gap = hwmon.read(1.0)
    assert isinstance(gap, Gap)
    assert gap.cause.startswith("a (")
    (tmp_path / "away").rename(tmp_path / "devices/platform/1-0040")
    assert row(hwmon) == {"a.power_w": 1.0, "b.power_w": 2.0}


HOSTILE = st.one_of(
    st.binary(max_size=60),
    st.integers(-(2**70), 2**70).map(lambda n: f"{n}\n".encode()),
    st.integers(-1000, 10_000_000).map(lambda n: f"{n}\n".encode()),
)
FILES = st.dictionaries(
    st.sampled_from(
        [
            f"{kind}{n}_{item}"
            for kind in ("power", "in", "curr")
            for n in (0, 1, 4)
            for item in ("input", "label", "average")
        ]
        + ["name", "update_interval", "power1_average_interval", "power1_bogus", "in99999_input"]
    ),
    HOSTILE,
    max_size=14,
)


@given(before=FILES, after=FILES)
def test_hostile_chips_give_values_or_reasons(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    tmp_path = tmp_path_factory.mktemp("hostile")
    folder = chip(tmp_path, 0, "ina3221", before)
    chip(tmp_path, 1, "ina3221", before)
    hwmon, answer = opened(tmp_path)
    channels = [c for group in answer.channels.values() for c in group]
    assert len({c.column for c in channels}) == len(channels)
    assert channels or answer.unavailable
    assert all(u.reason and u.reason.isprintable() for u in answer.unavailable)
    columns = {c.column for c in channels}
    assert all(set(term) <= columns for source in answer.sources for term in source.terms)
    for name, content in after.items():
        write(folder / name, content)
    item = hwmon.read(1.0)
    if isinstance(item, Batch) and len(item):
        assert set(item.columns) == columns
        for values in item.columns.values():
            assert values.dtype == np.float64
            assert np.isnan(values[0]) or -1e4 <= values[0] <= 1e5


@given(st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90)), max_size=12))
def test_any_labels_become_different_names(labels: list[tuple[str, str]]) -> None:
    names = sysfs.unique_names(labels)
    assert len(names) == len(set(names)) == len(labels)
    assert all(channel_name(name) == name for name in names)


@given(st.one_of(st.binary(max_size=40), st.integers(-(2**70), 2**70).map(lambda n: f" {n}\n".encode())))
def test_any_bytes_are_a_number_of_64_bits_or_none(raw: bytes) -> None:
    value = sysfs.parse_int(raw)
    assert value is None or (-(2**63) <= value < 2**63 and int(raw) == value)


def test_a_pipe_in_the_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    folder = chip(tmp_path, 0, "ina226", {"power1_input": 1_000_000})
    hwmon, _ = opened(tmp_path)
    (folder / "power1_input").unlink()
    os.mkfifo(folder / "power1_input")
    assert np.isnan(row(hwmon)["ina226_1.power_w"])
    writer = os.open(folder / "power1_input", os.O_RDWR)
    try:
        assert np.isnan(row(hwmon)["ina226_1.power_w"])
    finally:
        os.close(writer)


def test_a_current_may_flow_back_and_a_power_below_zero_is_none(tmp_path: Path) -> None:
    power = chip(tmp_path, 0, "ina226", {"power1_input": 1_000_000, "power1_label": "p"})
    chip(tmp_path, 1, "ina3221", rail(1, "battery", 3700, -250))
    chip(tmp_path, 2, "ina226", {"power1_input": -1, "power1_label": "q"})
    hwmon, answer = opened(tmp_path)
    assert [u.what for u in answer.unavailable] == ["q.power_w"]
    assert row(hwmon)["battery.current_a"] == -0.25
    write(power / "power1_input", -1_000_000)
    assert np.isnan(row(hwmon)["p.power_w"])
