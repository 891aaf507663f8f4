"""`edgewatt simulate greenscale`: its table, its JSON, its files; grids, charges, and bad input by name."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewatt import cli
from edgewatt.commands import simulate_greenscale
from edgewatt.models.greenscale.study import Size
from edgewatt.profiler.calibration.calibration import write_calibration
from tests.greenscale_worlds import calibration, own_phone

KEYS = [
    "name", "unit", "better", "headline", "published", "ours", "ci_low", "ci_high", "range_low", "range_high", "seeds",
    "basis", "gap",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little that a test ends at once; what it says is not what it would be."""
    small = Size(seeds=1, draws=0, each_n=3, users_n=30, learns=False, terms=False)
    monkeypatch.setattr(simulate_greenscale, "_size", lambda _scenario, _seeds: small)


def hourly(path: Path, days: int, g_per_kwh: float = 300.0) -> str:
    """Two zones of our own format; the second is cleaner."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    lines = ["ts_utc,zone,gco2e_per_kwh,kind,scope"]
    for k in range(24 * days):
        at = (start + timedelta(hours=k)).isoformat()
        lines += [
            f"{at},A,{g_per_kwh + 100 * (k % 24 > 12)},average,lifecycle",
            f"{at},B,{g_per_kwh / 5},average,lifecycle",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def simulated(*words: str) -> int:
    return cli.main(["simulate", "greenscale", *words])


def test_the_json_has_the_shape_that_all_systems_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = str(write_calibration(own_phone(), tmp_path / "own.zip"))
    assert simulated("--calibration", own, "--scenario", "base", "--json") == 0
    out = capsys.readouterr()
    found = json.loads(out.out)
    assert list(found) == ["system", "calibration", "figures"]
    assert (found["system"], found["calibration"]) == ("greenscale", own)
    assert all(list(row) == KEYS for row in found["figures"])
    assert [row["name"] for row in found["figures"] if row["headline"]] == [
        "carbon below least energy, up to (over a year)"
    ]
    assert {row["basis"] for row in found["figures"]} == {"simulated on measured rows and assumed constants"}
    assert "net: assumed: seconds on edge as of detect" in out.err
    assert "intensities are synthetic" in out.err


def test_the_table_says_simulated_first_and_the_basis_beside_the_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert simulated("-o", str(out)) == 0
    text = capsys.readouterr().out
    assert text.startswith("simulated: greenscale on the assumed phone")
    line = next(line for line in text.splitlines() if line.startswith("carbon below least energy, up to"))
    assert "29.1 %*" in line
    assert " %, simulated on published/assumed constants" in line
    assert "reduced: fewer tasks, users and draws" in " ".join(text.split())
    cases = pq.read_table(out / "cases.parquet").to_pylist()
    assert {row["scenario"] for row in cases} >= {"base", "phone_lca", "web_network"}
    assert {row["period"] for row in cases} == {"year", "day"}
    assert {chart["basis"] for chart in json.loads((out / "figures.json").read_text())} == {"simulated"}
    assert simulated("-o", str(out)) == 2
    assert "exists already; nothing was simulated" in capsys.readouterr().err


def test_a_users_grid_replaces_the_scenarios_and_says_how_long_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = hourly(tmp_path / "grid.csv", 7)
    assert simulated("--intensity", grid, "--zone", "A", "--cloud-zone", "B", "--scenario", "tuning", "--json") == 0
    out = capsys.readouterr()
    names = [row["name"] for row in json.loads(out.out)["figures"]]
    assert names[0] == "carbon below least energy, up to (over 4 days)"
    assert "left out, as grids or charges are given: coal_home" in out.err
    assert "intensities of A and B: average, lifecycle; grid.csv" in out.err
    assert "synthetic" not in out.err


def test_yearly_averages_and_charges_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = 1_767_225_600.0
    charge = [{"t0_s": day, "t1_s": day + 7200, "energy_in_j": 20_000.0}]
    log = str(write_calibration(calibration(charge=charge), tmp_path / "log.zip"))
    assert simulated("--zone", "KR", "--cloud-zone", "SE", "--charged", log, "--scenario", "tuning", "--json") == 0
    out = capsys.readouterr()
    assert "left out, as grids or charges are given: charge_evening, coal_home" in out.err
    assert "one number for a whole year" in out.err
    assert not [row for row in json.loads(out.out)["figures"] if "charging" in row["name"]]


def test_components_as_published_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated("--calibration", str(_published("green_fl")), "--scenario", "base", "--json") == 0
    out = capsys.readouterr()
    assert "components of one application only (web traffic, training) are not used" in out.err
    assert {row["basis"] for row in json.loads(out.out)["figures"]} == {"simulated on published/assumed constants"}


def _published(name: str) -> Path:
    from edgewatt.device_profiles import published  # noqa: PLC0415  (for its folder)

    return Path(published.__file__).parent / "published" / f"{name}.toml"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "S9"], "scenario 'S9': expected reduced, full, tuning, test or one of base, weak_signal"),
        (["--calibration", "nowhere.zip"], "nowhere.zip"),
        (["--device", "nexus"], "device 'nexus': the calibration has none"),
        (["--zone", "Atlantis"], "zone 'Atlantis'"),
        (["--cloud-zone", "SE"], "--cloud-zone: --zone says whose"),
        (["--zone", "KR", "--scope", "direct"], "are of a file: --intensity FILE"),
        (["--zone", "KR", "--scenario", "coal_home"], "--scenario coal_home: differs from the base in what --zone"),
        (["--game", "chess"], "no frames of 'chess', which should stand for game"),
        (["--charged", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_wrong_request_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated(*words) == 2
    assert said in capsys.readouterr().err


def test_a_grid_that_is_too_short_or_overlaps_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated("--intensity", hourly(tmp_path / "short.csv", 3), "--zone", "A") == 2
    assert "a simulation needs 2 whole days before its own" in capsys.readouterr().err
    twice = tmp_path / "twice.csv"
    lines = Path(hourly(twice, 6)).read_text().splitlines()
    twice.write_text("\n".join([*lines, lines[-1], lines[-2]]))
    assert simulated("--intensity", str(twice), "--zone", "A") == 2
    assert "the hours overlap" in capsys.readouterr().err


@pytest.mark.parametrize("offset", ["nan", "15", "noon"])
def test_what_is_no_offset_is_refused(offset: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        simulated("--zone", "KR", "--utc-offset", offset)
    assert "expected hours from -14 to 14" in capsys.readouterr().err
