"""Baselines: what is saved is what is read, a diff shows what changed, and a damaged file names its key."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.checking.baseline import read_baseline, save_baseline
from edgewatt.profiler.checking.check import check_repeats
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.tables import REPEATS
from tests.sample_runs import HOSTILE, LATENCIES_S, repeat_rows, table_of
from tests.shell import called


def side(rows: list[dict[str, Any]]) -> Repeats:
    return Repeats(
        "run", table_of(rows, REPEATS), frozenset(REPEATS.names), {"governor": "performance", "cpuset": None}
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_baseline(side([*repeat_rows(), *repeat_rows(config_id="b" * 12, model=HOSTILE)]), tmp_path / "base.toml")
    return tmp_path / "base.toml"


def test_what_is_saved_is_what_is_read(saved: Path) -> None:
    check = check_repeats(side([*repeat_rows(), *repeat_rows(config_id="b" * 12)]), read_baseline(saved))
    assert check.exit_code == 0
    assert {one.word for one in check.verdicts} == {"equivalent"}
    assert all(one.row.ratio == pytest.approx(1, abs=1e-6) for one in check.verdicts)
    assert {one.row.session_basis for one in check.verdicts} == {"one session"}


def test_a_value_is_a_line(saved: Path) -> None:
    lines = saved.read_text().splitlines()
    assert all(lines.count(f"    {value!r},") == 2 * LATENCIES_S.count(value) for value in LATENCIES_S)
    assert 'governor = "performance"' in lines
    assert not any("cpuset" in line for line in lines)


def test_what_people_wrote_stays(saved: Path) -> None:
    text = saved.read_text().replace(
        'config_id = "bbbbbbbbbbbb"', 'config_id = "bbbbbbbbbbbb"\nnote = "slow since May"'
    )
    text = text.replace("latency_s = 0.05", "latency_s = 0.07")
    saved.write_text(text.replace('note = "slow', 'tolerance = { latency = 0.5 }\nnote = "slow'))
    save_baseline(side([*repeat_rows(), *repeat_rows(config_id="b" * 12)]), saved)
    again = read_baseline(saved)
    assert again.tolerances["latency_s"] == 0.07
    assert again.by_hand["b" * 12] == {"tolerance": {"latency_s": 0.5}, "note": "slow since May"}
    check = check_repeats(side([*repeat_rows(), *repeat_rows(config_id="b" * 12)]), again)
    assert [one.tolerance for one in check.verdicts if one.row.quantity == "latency_s"] == [0.07, 0.5]


def test_void_repeats_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="every repeat is void"):
        save_baseline(side(repeat_rows(quality="void")), tmp_path / "base.toml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema = 1", "schema = 2", "newer than this edgewatt"),
        ("schema = 1", "schema = 0", "expected 1"),
        ("latency_s = [", "latencys = [", "unknown"),
        ("repeat = [0, 1, 2, 3, 4]", "repeat = [0, 1]", "5 values for 2 repeats"),
        ("latency_s = 0.05", "latency_s = -1", "share"),
        ("threads = 4", 'threads = "four"', "threads"),
        ("[[configuration]]", "[[configurations]]", "unknown"),
        ("repeat = [0, 1, 2, 3, 4]", "repeat = [0, 1, 2, 3, inf]", "repeat"),
    ],
)
def test_a_damaged_one_is_refused_by_name(saved: Path, old: str, new: str, says: str) -> None:
    text = saved.read_text()
    assert old in text
    saved.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=says):
        read_baseline(saved)


def test_the_command_saves_and_checks(tmp_path: Path) -> None:
    table, base = tmp_path / "old.csv", tmp_path / "base.toml"
    table.write_text("repeat,session,latency_s\n" + "".join(f"{n},a,{v}\n" for n, v in enumerate(LATENCIES_S)))
    assert called("check", str(table), "--save", str(base)).returncode == 0
    assert called("check", str(table), "--baseline", str(base)).returncode == 0
    worse = tmp_path / "new.csv"
    worse.write_text("repeat,session,latency_s\n" + "".join(f"{n},a,{2 * v}\n" for n, v in enumerate(LATENCIES_S)))
    done = called("check", str(worse), "--baseline", str(base), "--save", str(base))
    assert done.returncode == 1
    assert done.stdout.startswith("REGRESSION: 1 regression")
    assert "not written" in done.stdout
    for wrong, says in (([], "nothing to check against"), (["--baseline", str(tmp_path / "no.toml")], "--save FILE")):
        done = called("check", str(table), *wrong)
        assert done.returncode == 2
        assert says in done.stderr
