"""A user's file of intensities or charges: read as what it says it is, and refused by name where it does not say."""

from pathlib import Path

import numpy as np
import pytest

from edgewatt.models.carbon.charging import Session, read_charges
from edgewatt.models.carbon.grid_files import read_grid
from edgewatt.models.carbon.units import G_PER_KWH, LB_PER_MWH
from edgewatt.profiler.calibration.calibration import calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.errors import UsageError

MAPS = (
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
    "Carbon intensity gCO₂eq/kWh (Life cycle),Data source,Data estimated"
)
MAPS_ROWS = (
    "2024-01-01 00:00:00,South Korea,South Korea,KR,350.5,410.25,kpx.or.kr,false",
    "2024-01-01 01:00:00,South Korea,South Korea,KR,360,420,kpx.or.kr,true",
)
TOLD = {"kind": "average", "scope": "direct"}
OURS = "ts_utc,zone,gco2e_per_kwh,kind,scope"
NOON = 1_704_110_400.0  # 2024-01-01 12:00 UTC


def written(folder: Path, *lines: str, name: str = "ci.csv") -> Path:
    """The lines as a file."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def ours(folder: Path, *rows: str) -> Path:
    """Rows `time,zone,value` of our own columns, average and life cycle."""
    return written(folder, OURS, *(f"{row},average,lifecycle" for row in rows))


def test_electricity_maps_life_cycle_or_direct(tmp_path: Path) -> None:
    path = written(tmp_path, MAPS, *MAPS_ROWS)
    grid = read_grid(path)
    assert np.allclose(grid.intensity("KR", [NOON - 43200, NOON - 39600 + 1]) / G_PER_KWH, [410.25, 420])
    assert (grid.label.kind, grid.label.scope) == ("average", "lifecycle")
    assert "kpx.or.kr" in grid.label.source
    assert "1 of 2 rows are estimated" in grid.label.notes[0]
    direct = read_grid(path, scope="direct")
    assert float(direct.intensity("kr", NOON - 43200)) / G_PER_KWH == pytest.approx(350.5)


def test_watttime_in_pounds_old_and_new(tmp_path: Path) -> None:
    old = written(tmp_path, "timestamp,MOER,MOER version,frequency", "2024-01-01T12:00:00+00:00,900,3.2,300")
    grid = read_grid(old, zone="CAISO_NORTH")
    assert float(grid.intensity("CAISO_NORTH", NOON)) == pytest.approx(900 * LB_PER_MWH)
    assert float(grid.intensity("CAISO_NORTH", NOON)) / G_PER_KWH == pytest.approx(408.233133)
    assert (grid.label.kind, grid.label.scope) == ("marginal", "direct")
    new = written(tmp_path, "point_time,value", "2024-01-01 12:00:00+00:00,900", "2024-01-01 12:05:00+00:00,910")
    told = {"zone": "CAISO_NORTH", "kind": "marginal", "scope": "direct"}
    with pytest.raises(UsageError, match="does not say its intensity-unit"):
        read_grid(new, **told)  # type: ignore[arg-type]
    grid = read_grid(new, unit="lb/MWh", **told)  # type: ignore[arg-type]
    assert float(grid.intensity("CAISO_NORTH", NOON + 599)) == pytest.approx(910 * LB_PER_MWH)
    metadata = written(
        tmp_path, "point_time,value,region,signal_type,units", "2024-01-01 12:00:00Z,900,A,co2_moer,lbs_co2_per_mwh",
        "2024-01-01 12:05:00Z,900,A,co2_moer,lbs_co2_per_mwh",
    )  # fmt: skip
    assert float(read_grid(metadata, scope="direct").intensity("A", NOON)) == pytest.approx(900 * LB_PER_MWH)


def test_rows_in_any_order_with_offsets_are_put_into_utc(tmp_path: Path) -> None:
    path = ours(tmp_path, "2024-01-01T22:00+09:00,KR,430", "2024-01-01T12:00Z,KR,420", "2024-01-01T14:00Z,KR,440")
    grid = read_grid(path)
    assert np.allclose(grid.intensity("KR", NOON + 3600 * np.arange(3)) / G_PER_KWH, [420, 430, 440])


def test_the_hour_that_a_clock_in_utc_has_twice_with_offsets_is_no_overlap(tmp_path: Path) -> None:
    rows = ("2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00")
    grid = read_grid(ours(tmp_path, *(f"{time},DE,{300 + k}" for k, time in enumerate(rows))))
    assert len(grid.steps("DE").t0_s) == 4


def test_empty_values_and_missing_hours_are_gaps_and_are_named(tmp_path: Path) -> None:
    hours = [(0, "400"), (1, ""), (2, "420"), (3, "430"), (6, "440")]
    grid = read_grid(ours(tmp_path, *(f"2024-01-01T{hour:02}:00Z,KR,{value}" for hour, value in hours)))
    assert "2024-01-01 01:00 UTC to 2024-01-01 02:00 UTC, 2024-01-01 04:00 UTC" in grid.label.notes[0]
    with pytest.raises(UsageError, match="it has a gap there"):
        grid.intensity("KR", NOON - 11 * 3600)


HOUR = "2024-01-01T12:00Z,KR,400"


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ((HOUR, "2024-01-01T12:00Z,KR,410"), "single time"),
        ((HOUR, "2024-01-01T13:00Z,KR,400", "2024-01-01T12:00Z,KR,410"), "the hours overlap"),
        ((HOUR, "2024-01-01T13:00Z,KR,1", "2024-01-01T14:00Z,KR,1", "2024-01-01T14:30Z,KR,9"), "the hours overlap"),
        ((HOUR,), "how long it holds"),
        ((HOUR, "2024-01-01T13:00Z,KR,-4"), "row 2 holds -4 g/kWh, which is negative"),
        ((HOUR, "2024-01-01T13:00Z,KR,4e5"), "which no plant emits"),
        ((HOUR, "2024-01-01T13:00Z,KR,inf"), "which no plant emits"),
        ((HOUR, "2024-01-01T13:00Z,KR,much"), "row 2 holds 'much'"),
        (("2024-01-01T12:00Z,KR,0.4", "2024-01-01T13:00Z,KR,0.41"), "Is it in kg/kWh"),
        (("2024-01-01T12:00Z,KR,", "2024-01-01T13:00Z,KR,"), "has no value in any"),
        (("yesterday,KR,400",), "row 1 holds 'yesterday'"),
        ((",KR,400",), "row 1 holds None"),
        (("0001-01-01T00:00+14:00,KR,400", HOUR), "from 1970 to 2199"),
        ((HOUR, "2024-01-01T13:00Z,,400"), "row 2 is empty"),
        ((), "no rows"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_named(tmp_path: Path, rows: tuple[str, ...], named: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_grid(ours(tmp_path, *rows))
    assert named in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "options", "named"),
    [
        (("time,zone,gco2e_per_kwh,kind,scope", "2024-03-31 02:30,DE,4,average,direct"), {}, "not say its time zone"),
        ((OURS, f"{HOUR},average,direct", "2024-01-01T13:00Z,KR,4,marginal,direct"), {}, "never mixed"),
        ((OURS, f"{HOUR},average,direct", "2024-01-01T13:00Z,KR,4,average,lifecycle"), {}, "never mixed"),
        ((OURS, f"{HOUR},typical,direct"), {}, "kind 'typical': expected average or marginal"),
        ((OURS, f"{HOUR},average,direct"), {"kind": "marginal"}, "--kind says marginal, its column says average"),
        ((OURS, f"{HOUR},average,direct"), {"unit": "lb/MWh"}, "says lb/MWh, its values' name says g/kWh"),
        (("ts_utc,zone,gco2e_per_kwh", HOUR), {}, "does not say its kind"),
        (("ts_utc,zone,gco2e_per_kwh", HOUR), {"kind": "average"}, "does not say its scope"),
        (("ts_utc,gco2e_per_kwh", "2024-01-01,4"), TOLD, "no column of zones"),
        (("ts_utc,zone,moer,carbon intensity gco2eq/kwh (direct)", f"{HOUR},4"), {}, "average and marginal"),
        (("ts_utc,zone,gco2e_per_kwh,lb_per_mwh", f"{HOUR},4"), {}, "all intensities"),
        (("ts_utc,zone,Zone,gco2e_per_kwh", f"{HOUR},4"), {}, "one name"),
        (("ts_utc,zone,j_per_kwh", HOUR), {}, "no column is an intensity"),
        (("zone,gco2e_per_kwh", "KR,4"), {}, "no column is a time"),
        (("point_time,value,units", "2024-01-01T00:00Z,4,furlongs"), TOLD, "unit 'furlongs'"),
        (("point_time,value,signal_type", "2024-01-01T00:00Z,4,health_damage"), {}, "signal_type 'health_damage'"),
        (("",), {}, "is empty"),
    ],
)  # fmt: skip
def test_files_that_do_not_say_what_they_are(
    tmp_path: Path, lines: tuple[str, ...], options: dict[str, str], named: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_grid(written(tmp_path, *lines), **options)  # type: ignore[arg-type]
    assert named in str(raised.value)


@pytest.mark.parametrize("content", [b"\x00\xff" * 50, b"PK\x03\x04", b'a,b\n"', b"{}", b"PAR1", b"\xff\xfet\0s\0"])
def test_any_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    for read in (read_grid, read_charges):
        with pytest.raises(UsageError, match=r"x\.csv"):
            read(path)


def test_charges_of_a_csv_and_of_a_calibration(tmp_path: Path) -> None:
    rows = "2024-01-01 00:00:00,2024-01-01T11:00+09:00,10000,0.2,0.9"
    path = written(tmp_path, "ts_start_utc,ts_end_utc,energy_in_mwh,level_from_ratio,level_to_ratio", rows)
    assert read_charges(path) == [Session(NOON - 43200, NOON - 36000, 36000.0, pytest.approx(0.7))]
    charge = {"device_id": "p", "t0_s": NOON, "t1_s": NOON + 60, "energy_in_j": 100.0, "basis": "simulated"}
    without = {**charge, "t0_s": NOON + 100, "t1_s": NOON + 160, "energy_in_j": None}
    head = Head(created="2026", devices={"p": CalibratedDevice("p")})
    file = write_calibration(calibration_of_rows(head, {"charge": [charge, without]}), tmp_path / "c.zip")
    assert read_charges(file) == [Session(NOON, NOON + 60, 100.0, is_simulated=True)]


@pytest.mark.parametrize(
    ("header", "rows", "named"),
    [
        ("energy_in_j", ("2024-01-01T00:00Z,2024-01-01T02:00Z,36000000",), "J, mWh, Wh"),
        ("energy_in_j", ("2024-01-01T00:00Z,2024-01-01T02:00Z,-4",), "no battery of a phone"),
        ("energy_in_j", ("2024-01-01T03:00Z,2024-01-01T02:00Z,4",), "before it begins"),
        ("energy_in_j", ("2024-01-01T00:00Z,2024-01-01T02:00Z,",), "no charge with its time and energy"),
        ("energy_in_j", ("2024-01-01T00:00Z,2024-01-01T02:00Z,4", "2024-01-01T01:00Z,2024-01-01T03:00Z,4"), "overlap"),
        ("energy", ("2024-01-01T00:00Z,2024-01-01T02:00Z,4",), "whose name says its unit"),
        ("energy_in_j,energy_in_wh", ("2024-01-01T00:00Z,2024-01-01T02:00Z,4,4",), "one of energy_in_j"),
    ],
)
def test_charges_that_cannot_be_are_named(tmp_path: Path, header: str, rows: tuple[str, ...], named: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_charges(written(tmp_path, f"ts_start_utc,ts_end_utc,{header}", *rows))
    assert named in str(raised.value)
