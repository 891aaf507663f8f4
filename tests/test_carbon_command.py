"""`edgewatt carbon`: grams with an interval that is the sum of its parts; refusals; SIMULATED first."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgewatt import cli
from edgewatt.models.carbon.places import place_of
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Accuracy
from tests.measured_runs import CONFIG, Instrument, Plan, rail, written

KNOWN = Accuracy(0.01, 0.0, "datasheet")
ITERATION_S, ITERATION_J = 0.1, 1.0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Runs of 20 iterations of 1 J each: on a board, on a gauge of a battery, measured once, without energy."""
    folder = tmp_path_factory.mktemp("carbon")
    board = Instrument(rail(accuracy=KNOWN), name="ina", boundary="board")
    gauge = Instrument(rail("battery"), name="phone", boundary="gauge")
    measured = {"manifest": {"simulated": False}}
    plans = {
        "board": ((board,), Plan(**measured)),
        "gauge": ((gauge,), Plan(**measured)),
        "simulated": ((board,), Plan()),
        "once": ((board,), Plan(order=(CONFIG,), **measured)),
        "none": ((), Plan(**measured)),
    }
    found = {}
    for name, (instruments, plan) in plans.items():
        process(written(folder / name, instruments, plan))
        found[name] = str(folder / name)
    return {**found, "raw": str(written(folder / "raw", (board,), Plan()))}


def counted(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """The JSON of `carbon`."""
    assert cli.main(["carbon", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def said(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """What `carbon` prints as it ends with `code`, on one line."""
    assert cli.main(["carbon", *words]) == code
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


def test_grams_are_energy_times_intensity_and_parts_add_up(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = counted(capsys, runs["board"], "--zone", "KR", "--embodied", "edge", "--pue", "1.2")
    (row,) = found["runs"][0]["rows"]
    operational, embodied = row["parts"]
    assert operational["co2e_g"] == pytest.approx(ITERATION_J * 430.567 / 3.6e6 * 1.2, rel=1e-3)
    assert embodied["co2e_g"] == pytest.approx(1000 * place_of("edge").embodied_kg_per_s * ITERATION_S, rel=1e-3)
    for end in ("co2e_g", "co2e_low_g", "co2e_high_g"):
        assert row[end] == pytest.approx(operational[end] + embodied[end])
    assert row["co2e_low_g"] < row["co2e_g"] < row["co2e_high_g"]
    assert row["interval_lacks"] is None
    assert row["simulated"] is False
    assert [term["name"] for term in operational["terms"]] == ["energy", "supply", "intensity"]
    assert all(term["basis"] for part in row["parts"] for term in part["terms"])
    assert found["intensity"]["kind"] == "average"
    assert "CC BY 4.0" in found["intensity"]["licence"]


def test_a_whole_run_is_all_of_its_iterations(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    one, all_of_them = (
        counted(capsys, runs["board"], "--zone", "KR", "--embodied", "phone", "--per", per)["runs"][0]["rows"][0]
        for per in ("inference", "run")
    )
    assert all_of_them["iterations"] == 60
    assert all_of_them["co2e_g"] == pytest.approx(60 * one["co2e_g"])
    assert all_of_them["co2e_high_g"] == pytest.approx(60 * one["co2e_high_g"])


def test_a_battery_was_charged_with_a_loss(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    def supply(*words: str) -> dict[str, Any]:
        row = counted(capsys, *words, "--zone", "KR")["runs"][0]["rows"][0]
        term: dict[str, Any] = row["parts"][0]["terms"][1]
        return term

    assert supply(runs["gauge"])["value"] == pytest.approx(1 / 0.765)
    assert supply(runs["gauge"])["high"] == pytest.approx(1 / 0.345)
    assert "assumed" in supply(runs["gauge"])["basis"]
    assert supply(runs["gauge"], "--charger", "0.7:0.8:1")["value"] == pytest.approx(1.25)
    assert supply(runs["board"])["value"] == 1
    assert "not counted" in supply(runs["board"])["basis"]
    assert supply(runs["board"], "--embodied", "cloud")["value"] == pytest.approx(1.1)


def test_net_energy_is_less_and_another_hour_another_number(
    runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hours.csv"
    rows = [f"2026-01-02T{hour:02}:00Z,KR,{200 + 100 * (hour > 11)},average,lifecycle" for hour in range(24)]
    path.write_text("\n".join(["ts_utc,zone,gco2e_per_kwh,kind,scope", *rows]))
    charges = tmp_path / "charges.csv"
    charges.write_text("ts_start_utc,ts_end_utc,energy_in_wh\n2026-01-02T10:00Z,2026-01-02T14:00Z,10\n")

    def grams(*words: str) -> float:
        found = counted(capsys, runs["gauge"], "--zone", "KR", "--intensity", str(path), *words)
        return float(found["runs"][0]["rows"][0]["co2e_g"])

    morning, evening = grams("--at", "2026-01-02T00:30Z"), grams("--at", "2026-01-02T22:00+01:00")
    assert evening == pytest.approx(1.5 * morning)
    assert grams() == pytest.approx(morning)
    assert grams("--energy", "net") < morning
    assert grams("--charged", str(charges), "--at", "2026-01-02T20:00Z") == pytest.approx(1.25 * morning)
    assert "no intensity at 2026-01-03" in said(
        capsys, 2, runs["gauge"], "--zone", "KR", "--intensity", str(path), "--at", "2026-01-03T00:00Z"
    )


def test_simulated_is_the_first_word(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 0, runs["simulated"], "--zone", "KR").startswith("SIMULATED ")
    assert said(capsys, 0, runs["board"], "--zone", "XX", "--intensity", "synthetic").startswith("SIMULATED ")
    text = said(capsys, 0, runs["board"], "--zone", "KR")
    assert text.startswith("board")
    assert "South Korea, 2023" in text
    assert "embodied carbon is not counted" in text
    assert "display, optics" in said(capsys, 0, runs["gauge"], "--zone", "KR", "--embodied", "phone")


def test_several_runs_and_what_an_interval_lacks(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = counted(capsys, runs["board"], runs["once"], runs["gauge"], "--zone", "KR")
    lacks = [run["rows"][0]["interval_lacks"] for run in found["runs"]]
    assert [run["run"] for run in found["runs"]] == [runs["board"], runs["once"], runs["gauge"]]
    assert lacks[0] is None
    assert "one_repeat" in found["runs"][1]["rows"][0]["notes"][0]
    assert "whose gain nobody knows" in lacks[2]


@pytest.mark.parametrize(
    ("run", "words", "code", "named"),
    [
        ("none", ("--zone", "KR"), 5, "no carbon without it: net.tflite: no gross energy: no_energy_source"),
        ("raw", ("--zone", "KR"), 2, "has no results yet: edgewatt process"),
        ("board", ("--zone", "Korea"), 2, "did you mean KP (north korea) or KR (south korea)?"),
        ("board", ("--zone", "KR", "--kind", "marginal"), 2, "--intensity FILE takes your own"),
        ("board", ("--zone", "KR", "--scope", "direct"), 2, "that are shipped are lifecycle"),
        ("board", ("--zone", "KR", "--intensity-unit", "g/kWh"), 2, "is of a file"),
        ("board", ("--zone", "KR", "--pue", "1.1", "--charger", "0.8"), 2, "through one of them"),
        ("board", ("--zone", "KR", "--pue", "0.9"), 2, "a PUE of 0.9"),
        ("board", ("--zone", "KR", "--charger", "85"), 2, "efficiency of 85"),
        ("board", ("--zone", "KR", "--embodied", "laptop"), 2, "or a file as these are"),
        ("board", ("--zone", "KR", "--intensity", "nowhere.csv"), 2, "nowhere.csv"),
        ("board", ("--zone", "KR", "--charged", "nowhere.csv"), 2, "nowhere.csv"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_reason(
    runs: dict[str, str], run: str, words: tuple[str, ...], code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in said(capsys, code, runs[run], *words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--at", "2026-11-26T08:00"), "does not say its time zone"),
        (("--at", "noon"), "is no time such as"),
        (("--charger", "0.9:0.8"), "LOW:VALUE:HIGH"),
        (("--pue", "1.5:1.2:1.1"), "LOW:VALUE:HIGH"),
        (("--per", "year"), "invalid choice"),
    ],
)
def test_words_that_are_none_are_named(words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(["carbon", "RUN", "--zone", "KR", *words])
    assert raised.value.code == 2
    assert named in " ".join(capsys.readouterr().err.split())
