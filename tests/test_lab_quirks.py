"""Quirks: what one may be set to, and what becomes of a run on a phone that has them."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.phone.personalities import PERSONALITIES, personality
from edgewatt.virtual_lab.phone.personality import quirks
from edgewatt.virtual_lab.phone.quirk_limits import expected_of
from tests.shell import edgewatt, edgewatt_json


@pytest.mark.parametrize(
    ("quirk", "said"),
    [
        ("gauge_period_s=0", "0.001 to 3,600"),
        ("late_s=-1", "0 to"),
        ("torn=1.5", "0 to 1"),
        ("disk_b=-1", "0 to"),
        ("clock_drift_ppm=1e9", "-10,000 to 10,000"),
        ("sdk=x", "a whole number"),
        ("torn=nan", "a number"),
        ("rooted=maybe", "true or false"),
        ("denied=../*", "below the phone's root"),
        ("denied=/sys", "below the phone's root"),
        ("unlisted=sys/../../../etc", "below the phone's root"),
        ("gauge_node=../x", "a folder's name"),
        ("title=a\nb", "printable"),
        ("model=a;features=shell_v2", "printable"),
    ],
)
def test_a_value_that_no_phone_has_is_refused(quirk: str, said: str) -> None:
    with pytest.raises(UsageError, match="expected .*" + said):
        personality("pixel", [quirk])


@pytest.mark.parametrize("name", PERSONALITIES)
def test_every_personality_could_be_made_of_quirks(name: str) -> None:
    phone = PERSONALITIES[name]
    assert {quirk: expected_of(quirk, getattr(phone, quirk)) for quirk in quirks()} == dict.fromkeys(quirks())


# A run on such a phone, from the shell

SHORT = ("--repeats", "2", "--seconds", "1", "--idle", "2", "--warmup", "0.3")


def test_a_quirk_that_leads_out_of_the_tree_is_a_line_and_code_2(tmp_path: Path) -> None:
    done = edgewatt("record", "-d", "virtual:phone?quirk=unlisted=../../../etc", "-o", tmp_path / "run")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "run").exists()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "quirk", ["cut_after_s=8", "stall_after_s=8;stall_s=3", "late_s=0.1", "torn=0.05", "bytes_per_s=200000"]
)
def test_a_run_gets_through_with_a_truth_for_each_repeat(tmp_path: Path, quirk: str) -> None:
    run = tmp_path / "run"
    answer = edgewatt_json("profile", "@tiny", "-d", f"virtual:phone?quirk={quirk}", "-o", run, *SHORT)
    assert (answer["status"], answer["simulated"]) == ("complete", True)
    assert {row["energy_source"] for row in answer["truth"]} >= {"phone/battery", "phone/cpu", "phone/gpu"}
    assert all(row["energy_gross_j"] > 0 for row in answer["truth"])
    estimated = [row["off_rel"] for row in answer["truth"] if row["off_rel"] is not None]
    # A wrong sign or unit is off by more; a gauge of 3 % gain that is read once a second, by less.
    assert all(abs(off) < 0.6 for off in estimated)
    names = pq.read_table(run / "windows.parquet")["name"].to_pylist()
    assert [name for name in names if name.startswith("truth/")] == ["truth/0", "truth/1"]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_full_disk_ends_the_run_with_a_line(tmp_path: Path) -> None:
    words = ("profile", "@tiny", "-d", "virtual:phone?quirk=disk_b=50000", "-o", tmp_path / "run", *SHORT)
    done = edgewatt(*words)
    assert done.returncode == 6
    assert "No space left on device" in done.stderr.splitlines()[-1]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_phone_that_sleeps_leaves_a_gap(tmp_path: Path) -> None:
    run = tmp_path / "run"
    uri = "virtual:phone?personality=old&quirk=suspend_after_s=9;suspend_s=4"
    done = edgewatt("record", "-d", uri, "-o", run, "--seconds", "14")
    assert done.returncode == 0, done.stderr
    gaps: list[dict[str, Any]] = pq.read_table(run / "gaps.parquet").to_pylist()
    asleep = [gap for gap in gaps if gap["t1_ns"] - gap["t0_ns"] > 3e9]
    assert {gap["stream"] for gap in asleep} >= {"phone-battery", "phone-freq"}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_is_denied_is_not_measured_and_says_why(tmp_path: Path) -> None:
    uri = "virtual:phone?quirk=denied=sys/class/power_supply/*"
    answer = edgewatt_json("profile", "@tiny", "-d", uri, "-o", tmp_path / "run", *SHORT)
    assert {row["energy_source"] for row in answer["results"]} == {
        "phone/cpu",
        "phone/gpu",
        "phone/tpu",
        "phone/memory_interface",
    }
    assert any("permission denied" in missing["reason"] for missing in answer["unavailable"])
