"""Rails of Jetson boards: both drivers, labels and not numbers, totals by the profile's rule, and what is no rail."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.jetson import rails
from edgewatt.collectors.jetson.finding import find, look_at
from edgewatt.device_profiles.boards import board_profiles, choose_board
from edgewatt.device_profiles.loader import load, parse
from edgewatt.device_profiles.rules import energy_sources
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.errors import UsageError
from tests.jetson_trees import (
    AGX_ORIN,
    AGX_XAVIER,
    NANO,
    ORIN_NX,
    THOR,
    TX1,
    TX2,
    XAVIER_NX,
    Board,
    Rails,
    board,
    columns,
    found,
    looked,
    watts,
)
from tests.trees import as_somebody_else, open_folder, write

ORIN = ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234")


@pytest.mark.parametrize("old", [False, True], ids=["hwmon", "iio"])
def test_both_drivers_give_the_same_watts(tmp_path: Path, *, old: bool) -> None:
    made = board(tmp_path, AGX_ORIN, old=old)
    power = watts(found(made), looked(made))
    assert power == {
        "vdd_gpu_soc": pytest.approx(19.992 * 0.24, abs=1e-3),
        "vdd_cpu_cv": 0.0,
        "vin_sys_5v0": pytest.approx(4.0),
        "vddq_vdd2_1v8ao": pytest.approx(0.7),
    }


def test_power_is_read_as_power_where_there_is_one(tmp_path: Path) -> None:
    assert columns(found(board(tmp_path / "old", ORIN_NX, old=True))) == {
        "vdd_in.power_w", "vdd_cpu_gpu_cv.power_w", "vdd_soc.power_w",
    }  # fmt: skip
    assert "vdd_in.voltage_v" in columns(found(board(tmp_path / "new", ORIN_NX)))


def test_a_rail_is_known_by_its_label_wherever_it_is(tmp_path: Path) -> None:
    turned = {"1-0040": tuple(reversed(ORIN_NX["1-0040"]))}
    first, other = board(tmp_path / "a", ORIN_NX), board(tmp_path / "b", turned, first=7)
    assert watts(found(first), looked(first)) == watts(found(other), looked(other))


def test_steps_follow_from_the_shunt(tmp_path: Path) -> None:
    channels = {c.column: c for node in found(board(tmp_path)).nodes for c in node.channels}
    assert channels["vdd_in.current_a"].resolution == pytest.approx(0.008)
    assert channels["vdd_in.voltage_v"].resolution == 0.008
    assert channels["vdd_in.current_a"].period_s == 0.007
    assert channels["vdd_in.current_a"].accuracy is None


TOTALS: Mapping[str, tuple[str, Mapping[str, Rails], tuple[str, ...], str, set[str]]] = {
    "tx1": ("jetson_tx1", TX1, ("nvidia,p2371-2180", "nvidia,tegra210"), "jetson/vdd_in", {"vdd_in"}),
    "tx2": ("jetson_tx2", TX2, ("nvidia,p2771-0000", "nvidia,tegra186"), "jetson/vdd_in", {"vdd_in"}),
    "nano": ("jetson_nano", NANO, ("nvidia,p3450-0000", "nvidia,tegra210"), "jetson/pom_5v_in", {"pom_5v_in"}),
    "xavier_nx": ("jetson_xavier_nx", XAVIER_NX, ("nvidia,p3509-0000+p3668-0001",), "jetson/vdd_in", {"vdd_in"}),
    "agx_xavier": (
        "jetson_agx_xavier",
        AGX_XAVIER,
        ("nvidia,p2972-0000", "nvidia,tegra194"),
        "jetson/module",
        {"gpu", "cpu", "soc", "cv", "vddrq", "sys5v"},
    ),
    "orin_nx": ("jetson_orin_nano", ORIN_NX, ("nvidia,p3768-0000+p3767-0005",), "jetson/vdd_in", {"vdd_in"}),
    "agx_orin": (
        "jetson_agx_orin",
        AGX_ORIN,
        ORIN,
        "jetson/module",
        {"vdd_gpu_soc", "vdd_cpu_cv", "vin_sys_5v0"},
    ),
}


@pytest.mark.parametrize("old", [False, True], ids=["hwmon", "iio"])
@pytest.mark.parametrize("name", TOTALS)
def test_the_total_of_a_board_is_its_profile_s(tmp_path: Path, name: str, *, old: bool) -> None:
    profile, of, compatible, source, added = TOTALS[name]
    made = board(tmp_path, of, old=old).named("Somebody's carrier", compatible)
    assert looked(made).profile.name == profile
    totals = [s for s in found(made).sources if s.boundary == "board"]
    assert [s.name for s in totals] == [source]
    assert {term[0].partition(".")[0] for term in totals[0].terms} == added
    assert found(made).sources[0] == totals[0]


def test_a_nested_rail_is_never_added() -> None:
    for profile in board_profiles():
        by_key = {rail.key: rail for rail in profile.rails}
        for total in profile.totals:
            assert all(by_key[key].inside is None for key in total.add)


def test_a_thor_has_a_total_only_with_the_chip_that_measures_it(tmp_path: Path) -> None:
    compatible = ("nvidia,p3971-0089+p3834-0008", "nvidia,p3834-0008")
    without = board(tmp_path / "a", THOR).named("NVIDIA Jetson AGX Thor Developer Kit", compatible)
    of = found(without)
    assert not [s for s in of.sources if s.boundary == "board"]
    assert "not all there" in next(u.reason for u in of.unavailable if u.what == "board.energy_j")
    for label, name in (("VIN", "vin"), (None, "ina238_1")):
        made = board(tmp_path / name, THOR).named("NVIDIA Jetson AGX Thor Developer Kit", compatible)
        made.ina238(9, label, 36_487_000)
        of = found(made)
        assert [s.name for s in of.sources if s.boundary == "board"] == [f"jetson/{name}"]
        assert watts(of, looked(made))[name] == pytest.approx(36.487)


def test_a_board_nobody_knows_shows_its_rails_and_no_total(tmp_path: Path) -> None:
    of = found(board(tmp_path).named("Acme Kestrel", ("acme,kestrel",)))
    assert of.facts["profile"] == "jetson_board"
    assert {s.name: s.boundary for s in of.sources} == dict.fromkeys(
        ("jetson/vdd_in", "jetson/vdd_cpu_gpu_cv", "jetson/vdd_soc"), "rail"
    )
    assert "no profile knows" in next(u.reason for u in of.unavailable if u.what == "board.energy_j")


def test_a_combined_rail_is_not_the_gpu(tmp_path: Path) -> None:
    of = found(board(tmp_path).named("x", ("nvidia,p3767-0000",)))
    assert "holds cpu, gpu, cv" in next(u.reason for u in of.unavailable if u.what == "gpu.power_w")
    assert next(s for s in of.sources if s.name == "jetson/vdd_cpu_gpu_cv").covers == ("cpu", "gpu", "cv")
    own = found(board(tmp_path / "nano", NANO).named("x", ("nvidia,p3450-0000",)))
    assert not [u for u in own.unavailable if u.what == "gpu.power_w"]


def test_a_label_twice_is_told_apart_by_its_chip_and_makes_no_total(tmp_path: Path) -> None:
    twice = {"1-0040": ORIN_NX["1-0040"], "1-0041": ORIN_NX["1-0040"]}
    of = found(board(tmp_path, twice).named("x", ("nvidia,p3767-0000",)))
    assert {"vdd_in_1-0040.current_a", "vdd_in_1-0041.current_a"} <= columns(of)
    assert not [s for s in of.sources if s.boundary == "board"]
    assert len(of.sources) == 6


@pytest.mark.parametrize("old", [False, True], ids=["hwmon", "iio"])
def test_a_board_at_zero_measures_nothing(tmp_path: Path, *, old: bool) -> None:
    dead = {"1-0040": tuple((label, 5000, 0) for label, _, _ in ORIN_NX["1-0040"])}
    of = found(board(tmp_path, dead, old=old))
    assert not of.nodes or not rails.rail_columns(of.nodes)
    assert not of.sources
    assert [u.reason for u in of.unavailable if u.what == "vdd_in.power_w"] == [
        "every rail of this board reads 0, so none is measured: a board that draws nothing does not run"
    ]


def test_a_rail_that_may_not_be_read_is_missing_with_its_fix() -> None:
    with open_folder() as folder:
        made = board(folder, NANO, old=True).named("x", ("nvidia,p3450-0000",))
        path = made.sysfs / "bus/i2c/devices/6-0040/iio:device2/in_power0_input"
        path.chmod(0o400)
        with as_somebody_else(folder):
            of = found(made)
    missing = next(u for u in of.unavailable if u.what == "pom_5v_in.power_w")
    assert "permission denied" in missing.reason
    assert missing.fix.startswith("sudo chmod a+r ")
    assert missing.fix.split("  ")[0].endswith("in_power0_input")
    assert not [s for s in of.sources if s.boundary == "board"]
    assert "pom_5v_in cannot be read" in next(u.reason for u in of.unavailable if u.what == "board.energy_j")


def test_a_rail_that_is_busy_now_is_asked_again(tmp_path: Path) -> None:
    look = looked(board(tmp_path).named("x", ("nvidia,p3767-0000",)))
    busy = {
        path: Seen(path, None, "Resource temporarily unavailable")
        if path.endswith(("in1_input", "curr1_input"))
        else one
        for path, one in look.seen.items()
    }
    of = find(look_at(busy, look.roots))
    assert "vdd_in.current_a" in columns(of)
    assert of.sources[0].name == "jetson/vdd_in"
    assert any("null until it answers" in u.reason for u in of.unavailable if u.what == "vdd_in.power_w")


def test_a_chip_that_only_the_class_folder_shows_counts(tmp_path: Path) -> None:
    made = Board(tmp_path)
    folder = made.sysfs / "class/hwmon/hwmon4"
    files: dict[str, str | int] = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": 5000, "curr1_input": 500}
    for name, content in files.items():
        write(folder / name, content)
    assert watts(found(made), looked(made)) == {"vdd_in": 2.5}


@pytest.mark.parametrize("text", ["n/a", "-5", "99999999", "5000 mV", "0x10"])
def test_a_voltage_that_is_none_is_no_rail(tmp_path: Path, text: str) -> None:
    made = board(tmp_path)
    write(made.sysfs / "bus/i2c/devices/1-0040/hwmon/hwmon2/in1_input", text)
    of = found(made)
    assert "vdd_in.voltage_v" not in columns(of)
    assert "expected a whole number of millivolt" in next(
        u.reason for u in of.unavailable if u.what == "vdd_in.power_w"
    )


def test_rows_in_which_every_rail_is_zero_are_null() -> None:
    batch = Batch(
        np.arange(4, dtype=np.int64),
        {"a.voltage_v": np.array([5.0, 5, 5, np.nan]), "a.current_a": np.array([0.0, 0, 1, np.nan]),
         "b.power_w": np.array([2.0, 0, 0, 0]), "x.load_ratio": np.zeros(4)},
    )  # fmt: skip
    kept = rails.without_zeros(batch, [("a.voltage_v", "a.current_a"), ("b.power_w",)])
    assert np.isnan(kept.columns["b.power_w"]).tolist() == [False, True, False, True]
    assert np.isnan(kept.columns["a.current_a"]).tolist() == [False, True, False, True]
    assert kept.columns["x.load_ratio"].tolist() == [0, 0, 0, 0]
    one = Batch(batch.t_ns[:1], {name: values[:1] for name, values in batch.columns.items()})
    assert rails.without_zeros(one, [("a.voltage_v", "a.current_a"), ("b.power_w",)]) is one


def test_the_boundary_of_a_total_may_be_said() -> None:
    profile = load("jetson_agx_orin")
    terms = {name: (f"{name}.power_w",) for name in ("vdd_gpu_soc", "vdd_cpu_cv", "vin_sys_5v0")}
    assert {s.name: s.boundary for s in energy_sources(profile, "x", terms)}["x/module"] == "board"
    silent = replace(profile, totals=tuple(replace(total, boundary=None) for total in profile.totals))
    assert {s.name: s.boundary for s in energy_sources(silent, "x", terms)}["x/module"] == "rail"
    wrong = (Path(rails.__file__).parents[2] / "device_profiles/jetson/jetson_agx_orin.toml").read_text()
    with pytest.raises(UsageError, match=r"totals\.module.*boundary"):
        parse(
            wrong.replace('name = "module"\n', 'name = "module"\n', 1)
            .replace('"board"\nsource', '"moon"\nsource')
            .encode(),
            "x.toml",
        )


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "jetson_orin_nano"),
        ("Jetson-AGX", "jetson_agx_xavier"),
        ("NVIDIA Jetson Xavier NX Developer Kit", "jetson_xavier_nx"),
        ("NVIDIA Jetson Nano Developer Kit", "jetson_nano"),
        ("quill", "jetson_tx2"),
        ("nvidia,p3737-0000+p3701-0005nvidia,p3701-0005nvidia,tegra234", "jetson_agx_orin"),
        ("Raspberry Pi 5", "jetson_board"),
        ("", "jetson_board"),
    ],
)
def test_a_board_is_known_by_what_its_device_tree_calls_it(name: str, profile: str) -> None:
    assert choose_board([name]).name == profile
