"""ACT's equations: to the digits that are printed from its tables, and without the defects of its code."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.models.carbon import act
from edgewatt.models.carbon.constants import tables_of
from edgewatt.models.carbon.units import G_PER_KWH, LB_PER_MWH, UNITS, in_si
from edgewatt.profiler.errors import UsageError

G_PER_CM2 = 10.0  # kg/m2


@pytest.mark.parametrize(
    ("node", "g_per_cm2"),
    [
        ("28nm", "1328.2"), ("20nm", "1542.4"), ("14nm", "1556.7"), ("10nm", "1777.1"),
        ("8nm", "1807.0"), ("7nm", "2318.2"), ("5nm", "2778.0"), ("3nm", "3162.6"),
    ],
)  # fmt: skip
def test_carbon_per_area_to_the_printed_digits(node: str, g_per_cm2: str) -> None:
    assert f"{act.carbon_per_area(node) / G_PER_CM2:.1f}" == g_per_cm2


def test_carbon_per_area_of_a_fab_on_coal_with_95_percent_of_its_gases_abated() -> None:
    per_area = act.carbon_per_area("28nm", fab="coal", abated_percent=95)
    assert f"{per_area / G_PER_CM2:.1f}" == "1614.9"


def test_the_fairphone_3_of_act() -> None:
    per_area = act.carbon_per_area("28nm", fab="coal", abated_percent=95)
    ram = act.memory_kg("dram", "ddr3_50nm", 4e9, act.default_yield())
    flash = act.memory_kg("ssd", "nand_30nm", 64e9, act.default_yield())
    assert f"{act.logic_kg(46.4e-6, per_area):.3f}" == "0.899"
    assert f"{act.logic_kg(166.68e-6, per_area, 20):.3f}" == "5.692"
    assert f"{ram + flash + act.packaging_kg(2):.3f}" == "5.310"


def test_the_dell_r740_of_act() -> None:
    per_area = act.carbon_per_area("28nm", fab="coal", abated_percent=95)
    dram = act.memory_kg("dram", "ddr3_50nm", 36e9, act.default_yield()) + act.packaging_kg(19)
    ssd = act.memory_kg("ssd", "nand_30nm", 3840e9, act.default_yield()) + act.packaging_kg(13)
    ssd += act.memory_kg("dram", "ddr3_50nm", 68e9, act.default_yield())
    assert f"{2 * act.logic_kg(6.98e-4, per_area, 2):.2f}" == "23.14"
    assert f"{12 * dram:.1f}" == "330.4"
    assert f"{8 * ssd:.1f}" == "1477.0"


def test_memory_is_divided_by_a_yield_only_where_one_is_given() -> None:
    plain = act.memory_kg("ssd", "nand_tlc_v3", 128e9)
    assert plain == pytest.approx(0.128 * 6.3)
    assert act.memory_kg("ssd", "nand_tlc_v3", 128e9, 0.875) == pytest.approx(plain / 0.875)


def test_every_node_has_a_row_in_every_table_and_22nm_is_one() -> None:
    nodes = set(tables_of("act")["epa"])
    assert "22nm" in nodes
    for table in ("gpa95", "gpa99", "mpa"):
        assert set(tables_of("act")[table]) == nodes
    assert all(act.carbon_per_area(node) > 0 for node in nodes)


def test_every_constant_has_a_known_unit_a_tag_and_a_source() -> None:
    for file in ("act", "grid", "supply"):
        for table in tables_of(file).values():
            for constant in table.values():
                assert constant.tag in ("confirmed", "second-hand", "remembered", "assumed")
                assert constant.source
                assert constant.unit in {si for _, si in UNITS.values()}


def test_97_percent_is_the_mean_of_95_and_99_and_more_abatement_is_less_carbon() -> None:
    by_percent = [act.carbon_per_area("7nm", abated_percent=percent) for percent in (95, 97, 99)]
    assert by_percent[1] == pytest.approx((by_percent[0] + by_percent[2]) / 2)
    assert by_percent[0] > by_percent[1] > by_percent[2]


def test_the_fabs_electricity_by_place_year_source_and_number() -> None:
    assert act.fab_intensity("taiwan") / G_PER_KWH == pytest.approx(583)
    assert act.fab_intensity("taiwan-2023") / G_PER_KWH == pytest.approx(642)
    assert act.fab_intensity("wind") / G_PER_KWH == pytest.approx(11)
    assert act.fab_intensity(500 * G_PER_KWH) / G_PER_KWH == pytest.approx(500)


def test_yields_are_those_of_the_textbook() -> None:
    area, defects = 1e-4, act.default_defects_per_m2()
    assert defects == pytest.approx(1500)
    assert act.exponential_yield(area, defects) == pytest.approx(1 / 1.15)
    assert act.poisson_yield(area, defects) == pytest.approx(math.exp(-0.15))
    assert act.murphy_yield(area, defects) == pytest.approx(((1 - math.exp(-0.15)) / 0.15) ** 2)
    assert act.murphy_yield(0.0, defects) == act.poisson_yield(0.0, defects) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-8, 1e-2), st.floats(0, 1e5))
def test_yields_are_ordered_and_shares(area: float, defects: float) -> None:
    poisson, murphy, exponential = (
        f(area, defects) for f in (act.poisson_yield, act.murphy_yield, act.exponential_yield)
    )
    assert 0 <= poisson <= murphy * (1 + 1e-9)
    assert murphy <= exponential * (1 + 1e-9) <= 1 + 1e-9


def test_boards_batteries_and_materials() -> None:
    assert act.board_kg(1.0, 4) == pytest.approx(0.43)
    assert act.board_kg(1.0, 5) == pytest.approx(0.65)
    assert act.battery_kg(3.6e6) == pytest.approx(87)
    assert act.battery_kg(3.6e6, "lfp") == pytest.approx(61.5)
    assert act.material_kg("aluminium", 0.1) == pytest.approx(1.51)
    assert act.net_zero_carbon_per_area("7nm") / G_PER_CM2 == pytest.approx(1440)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: act.carbon_per_area("65nm"), "did you mean 5nm"),
        (lambda: act.carbon_per_area("7"), "process node '7' is not known"),
        (lambda: act.carbon_per_area("7nm", abated_percent=96), "95, 97 (their mean) and 99"),
        (lambda: act.carbon_per_area("7nm", fab="taiwann"), "taiwan-2022"),
        (lambda: act.carbon_per_area("7nm", fab=583.0), "0 to 2000 g/kWh"),
        (lambda: act.carbon_per_area("7nm", yield_ratio=87.5), "0.875 is 87.5 %"),
        (lambda: act.carbon_per_area("7nm", yield_ratio=0.0), "above 0"),
        (lambda: act.memory_kg("dram", "lpddr5", 1e9), "did you mean lpddr4"),
        (lambda: act.memory_kg("tape", "lto", 1e9), "dram, ssd, hdd"),
        (lambda: act.memory_kg("dram", "lpddr4", -1.0), "expected 0 or more"),
        (lambda: act.net_zero_carbon_per_area("8nm"), "process node of imec's table"),
        (lambda: act.material_kg("alumnimum", 1.0), "did you mean aluminium"),
        (lambda: act.packaging_kg(-1), "expected 0 or more"),
    ],
)  # fmt: skip
def test_what_act_has_no_row_of_is_named(call: Callable[[], float], named: str) -> None:
    with pytest.raises(UsageError) as raised:
        call()
    assert named in str(raised.value)


def test_units_go_there_and_back() -> None:
    assert in_si(1.0, "kWh") == 3.6e6
    assert in_si(1000.0, "lb/MWh") == pytest.approx(in_si(453.59237, "g/kWh"), rel=1e-12)
    assert in_si(1.0, "lb/MWh") == LB_PER_MWH
    assert in_si(1.0, "t/MWh") == in_si(1.0, "kg/kWh") == pytest.approx(in_si(1000.0, "g/kWh"), rel=1e-12)
    with pytest.raises(UsageError, match="expected one of"):
        in_si(1.0, "g/J")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(UNITS)), st.floats(0, 1e6))
def test_a_unit_and_its_inverse_cancel(unit: str, value: float) -> None:
    assert in_si(value, unit) / in_si(1.0, unit) == pytest.approx(value, rel=1e-12)
