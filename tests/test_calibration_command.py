"""`edgewatt calibrate` from the command line: which kind is meant, what is refused, what a fit leaves behind."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewatt.commands.calibrate import OPTIONS, WORDS, part_of
from edgewatt.profiler.calibration.calibration import read_calibration, table_of
from edgewatt.profiler.calibration.needs import SYSTEMS
from edgewatt.profiler.channel import Accuracy
from tests.measured_runs import Instrument, Plan, rail, written
from tests.shell import called
from tests.test_calibration_needs import PROFILE

METER = Instrument(rail(), name="meter", boundary="battery_bypass")
DEVICE = {"name": "board", "device_id": "f00d", "soc": "chip", "session": "monday"}


def recorded(path: Path, instrument: Instrument = METER, **device: Any) -> Path:
    return written(path, [instrument], Plan(manifest={"device": {**DEVICE, **device}}))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def fitted(run: Path) -> Path:
    path = run.with_name("one.zip")
    done = called("calibrate", run, "-o", path, "--accuracy", "net.tflite:int8=0.71", "--given", "devices.tier=mid")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SIMULATED board")
    assert "given by the user: inference.accuracy_ratio of net.tflite:int8 = 0.71" in done.stdout
    assert done.stdout.splitlines()[-1] == f"written to {path}"
    return path


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["sensor", "-d", "adb:"], "sensor"),
        (["isp"], "isp"),
        (["show", "x"], "show"),
        (["-d", "adb:", "--collect"], "--collect"),
        (["--published=autoscale"], "--published"),
        (["runs/a", "-o", "x"], ""),
        (["./sensor", "-o", "x"], ""),
        (["-o", "x", "--", "--collect"], ""),
        ([], ""),
    ],
)
def test_the_words_say_which_kind_is_meant(words: list[str], chosen: str) -> None:
    assert part_of(words).chosen == chosen


def test_every_kind_has_a_help_with_examples() -> None:
    whole = called("calibrate", "--help").stdout
    for word in (*WORDS, *OPTIONS):
        assert f"edgewatt calibrate {word}" in whole
        shown = called("calibrate", word, *(["x"] if word == "--serve" else []), "--help").stdout
        assert f"edgewatt calibrate {word}" in shown.partition("examples:")[2]


def test_a_fit_says_what_it_holds_and_what_is_missing(fitted: Path, run: Path) -> None:
    calibration = read_calibration(fitted)
    assert calibration.head.runs[0].name == run.name
    (row,) = calibration.rows("inference")
    assert (row["model"], row["accuracy_ratio"], row["basis"]) == ("net.tflite", 0.71, "simulated")
    assert row["energy_j"] == pytest.approx(1.0, rel=0.01)
    answer = json.loads(called("calibrate", "show", fitted, "--json").stdout)
    assert answer["rows"]["inference"] == {"simulated": 1}
    assert set(answer["missing"]) == set(SYSTEMS)
    missing = {one["column"]: one["origins"] for one in answer["missing"]["autoscale"]}
    assert missing["radio.send_w"] == ["radio", "published"]
    assert "inference.accuracy_ratio" not in missing


def test_calibrations_join(fitted: Path, tmp_path: Path) -> None:
    assert called("calibrate", "--published", "green_fl", "-o", tmp_path / "g.zip").returncode == 0
    done = called("calibrate", "--merge", fitted, "--merge", tmp_path / "g.zip", "-o", tmp_path / "both", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["components"] == {"published": 10, "assumed": 1}
    assert read_calibration(tmp_path / "both").table("inference").num_rows == 1
    again = called("calibrate", "--merge", fitted, "--merge", fitted, "-o", tmp_path / "twice")
    assert (again.returncode, (tmp_path / "twice").exists()) == (2, False)


def test_runs_of_another_device_or_meter_are_named(run: Path, tmp_path: Path) -> None:
    other = recorded(tmp_path / "other", device_id="beef")
    gain = Instrument(rail(accuracy=Accuracy(0.03, 0.0, "its label")), name="meter", boundary="battery_bypass")
    regained = recorded(tmp_path / "regained", gain)
    serials = [recorded(tmp_path / f"m{n}", instruments={"meter": {"serial": n}}) for n in (1, 2)]
    for runs, said in (
        ([run, other], f"{other} is of beef"),
        ([run, regained], f"in {regained} it is at battery_bypass, gain within 3 %"),
        (serials, f"in {serials[1]} it is serial 2"),
    ):
        done = called("calibrate", *runs, "-o", tmp_path / "new")
        assert (done.returncode, (tmp_path / "new").exists()) == (3, False)
        assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "new"], "which runs?"),
        (["absent", "-o", "new"], "absent is neither a run nor a kind of calibration; kinds are sensor, isp, show"),
        (["-o", "new", "show"], "a run in a folder of that name is ./show"),
        (["--published", "nobody", "-o", "new"], "neither a .toml file nor one of autofl"),
        (["--published", "autoscale"], "where to?"),
        (["show", "absent"], "absent is no calibration"),
        (["--merge", "absent", "-o", "new"], "absent is no calibration"),
        (["RUN", "-o", "RUN"], "exists already"),
        (["RUN", "-o", "absent/x.zip"], "there is no folder absent"),
        (["--published", "s15", "-o", "absent/x"], "cannot write absent/x: No such file or directory"),
        (["RUN", "RUN", "-o", "new"], "is the same run as"),
        (["RUN", "-o", "new", "--accuracy", "ent:int8=0.7"], "no run executed ent:int8"),
        (["RUN", "-o", "new", "--accuracy", "net.tflite:int8=71"], "is it in percent?"),
        (["RUN", "-o", "new", "--power-profile", "absent"], "absent: cannot be read"),
        (["RUN", "-o", "new", "--isp", "absent"], "absent cannot be read"),
        (["FITTED", "-o", "new"], "is a calibration already"),
    ],
)
def test_a_wrong_request_is_one_clear_line(
    words: list[str], said: str, run: Path, fitted: Path, tmp_path: Path
) -> None:
    places = {"RUN": str(run), "FITTED": str(fitted)}
    done = called("calibrate", *(places.get(word, word) for word in words), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_published_table_of_ones_own(tmp_path: Path) -> None:
    listed = json.loads(called("calibrate", "--published", "list", "--json").stdout)["published"]
    assert "autoscale" in {row["name"] for row in listed}
    assert "The testbed of AutoScale" in called("calibrate", "--published", "list").stdout
    (tmp_path / "mine.toml").write_text(
        'name = "m"\ntitle = "t"\nsource = "s"\ndate = "2026-11-26"\n[[power]]\nbusy_mw = 5.5\n'
        'tag = "confirmed"\nplace = "p"\n'
    )
    done = called("calibrate", "--published", "mine.toml", "-o", "new", cwd=tmp_path)
    assert done.returncode == 2
    assert "power, row 1: 'busy_mw' is in another unit: rename it to busy_w and divide by 1e3" in done.stderr


def test_what_calibrate_isp_wrote_joins(run: Path, tmp_path: Path) -> None:
    row = {"device_id": "pixel5", "device": "pixel5", "gamma_ratio": 1.1, "basis": "measured", "source": "photos"}
    pq.write_table(table_of("isp", [row]), tmp_path / "isp.parquet")
    done = called("calibrate", run, "-o", tmp_path / "c", "--isp", tmp_path / "isp.parquet")
    assert done.returncode == 0, done.stderr
    assert read_calibration(tmp_path / "c").rows("isp")[0]["gamma_ratio"] == 1.1


def test_a_power_profile_fills_what_nobody_measured(run: Path, tmp_path: Path) -> None:
    (tmp_path / "power_profile.xml").write_bytes(PROFILE)
    done = called("calibrate", run, "-o", tmp_path / "c", "--power-profile", tmp_path / "power_profile.xml")
    assert done.returncode == 0, done.stderr
    (radio,) = read_calibration(tmp_path / "c").rows("radio")
    assert (radio["basis"], radio["interface"]) == ("published", "wlan")
    assert radio["receive_w"] == pytest.approx(0.444)
