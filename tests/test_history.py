"""A history: what is added is there once, what changed is found, and what wanders is left alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.checking.baseline import Baseline
from edgewatt.profiler.checking.check import check_repeats
from edgewatt.profiler.comparing.tables import read_repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.history.changes import change_points
from edgewatt.profiler.history.chart import chart_of
from edgewatt.profiler.history.series import Series, series_of
from edgewatt.profiler.history.spread import session_spreads
from edgewatt.profiler.history.stored import HISTORY, append, read_history
from tests.sample_runs import LATENCIES_S, make_run, repeat_rows
from tests.shell import called


def sitting(folder: Path, day: int, factor: float = 1.0) -> Path:
    rows = repeat_rows([factor * value for value in LATENCIES_S], session=f"day {day}")
    return make_run(folder / f"run-{day}", repeats=rows, created=f"2026-11-{day:02}T08:00:00.000+00:00")


def series(logs: np.ndarray, *, is_canary: bool = True) -> Series:
    names = tuple(f"day {n}" for n in range(len(logs)))
    key = {"device_id": "f00d", "config_id": "c", "quantity": "latency_s", "energy_source": None}
    return Series(key, {}, names, names, (None,) * len(logs), np.asarray(logs), is_canary, simulated=False)


def wandering(phi: float, count: int, seed: int, sd: float = 0.02) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=count)
    logs = [drawn[0] / np.sqrt(1 - phi**2)]
    for step in drawn[1:]:
        logs.append(phi * logs[-1] + step)
    return np.array(logs) * sd * np.sqrt(1 - phi**2)


def test_a_run_is_there_once(tmp_path: Path) -> None:
    for day in (2, 1, 2):
        append(sitting(tmp_path / str(day) / str(len(list(tmp_path.glob("*/*")))), day), tmp_path / "history")
    history = read_history(tmp_path / "history")
    latency = next(one for one in series_of(history) if one.key["quantity"] == "latency_s")
    assert latency.sessions == ("day 1", "day 2")
    assert latency.values == pytest.approx(np.exp(np.log(LATENCIES_S).mean()))
    assert read_history(tmp_path / "none").rows.num_rows == 0


def test_others_read_it(tmp_path: Path) -> None:
    append(sitting(tmp_path, 1), tmp_path / "history", label="v1.0")
    table = pq.read_table(tmp_path / "history")
    assert table.schema.names == HISTORY.names
    assert set(table["label"].to_pylist()) == {"v1.0"}


@pytest.mark.parametrize("wrong", [b"PAR1", b""])
def test_what_is_none_of_it_is_named(tmp_path: Path, wrong: bytes) -> None:
    (tmp_path / "other.parquet").write_bytes(wrong)
    with pytest.raises(UsageError, match=r"other\.parquet: is no part of a history"):
        read_history(tmp_path)


def test_a_newer_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = append(sitting(tmp_path, 1), tmp_path / "history")
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"edgewatt.history": "2"}), path)
    with pytest.raises(UsageError, match="newer"):
        read_history(tmp_path / "history")
    zero = table.set_column(table.column_names.index("value"), "value", pa.array([0.0] * table.num_rows))
    pq.write_table(zero.replace_schema_metadata({"edgewatt.history": "1"}), path)
    with pytest.raises(UsageError, match="a value that is none"):
        read_history(tmp_path / "history")


def test_a_step_is_found_where_it_is() -> None:
    logs = wandering(0.0, 30, seed=1)
    logs[20:] += 0.1
    assert [change.at for change in change_points(logs)] == [20]
    assert change_points(logs)[0].log == pytest.approx(0.1, abs=0.02)
    assert change_points(logs, floor=0.2) == []
    assert change_points(logs[:5]) == []


@pytest.mark.parametrize("phi", [0.0, 0.6])
def test_what_wanders_has_not_changed(phi: float) -> None:
    found = [change_points(wandering(phi, 30, seed)) for seed in range(20)]
    assert sum(map(bool, found)) <= 1


@pytest.mark.long
def test_false_changes_are_rare() -> None:
    """Otava has one in 12.5 % of such series with the same floor, and in 53 % without one (AR(1) 0.6, 50 points)."""
    found = [change_points(wandering(0.6, 50, seed)) for seed in range(400)]
    assert sum(map(bool, found)) <= 12


def test_a_canary_says_when_the_device_changed() -> None:
    logs = wandering(0.0, 12, seed=3, sd=0.01)
    assert chart_of(series(logs)).state == "in_control"
    assert chart_of(series(np.append(logs, 0.08))).state == "out"
    assert "the device, the meter or the room" in chart_of(series(np.append(logs, 0.08))).sentence
    assert chart_of(series(np.append(logs[:6], [0.012 + 0.001 * k for k in range(8)]))).state in {"drifting", "out"}
    assert chart_of(series(logs[:5])).state == "too_few"


def test_the_spread_is_that_of_sittings() -> None:
    logs = wandering(0.0, 200, seed=4, sd=0.03)
    spread = session_spreads([series(logs)], "f00d")["latency_s"]
    assert (spread.sigma, spread.dof) == (pytest.approx(0.03, rel=0.15), 199.0)
    assert session_spreads([series(logs[:7])], "f00d") == {}
    assert session_spreads([series(logs)], "another") == {}
    stepped = logs.copy()
    stepped[100:] += 0.5
    assert session_spreads([series(stepped)], "f00d")["latency_s"].sigma == pytest.approx(0.03, rel=0.15)


def test_a_check_takes_the_spread_from_its_history(tmp_path: Path) -> None:
    history = tmp_path / "history"
    factors = np.exp(wandering(0.0, 9, seed=5, sd=0.003))
    for day, factor in enumerate(factors, 1):
        append(sitting(tmp_path, day, float(factor)), history, is_canary=True)
    old, new = read_repeats(tmp_path / "run-1"), read_repeats(tmp_path / "run-2")
    spreads = session_spreads(series_of(read_history(history)), "f00d")
    check = check_repeats(new, Baseline(old), sessions=spreads)
    basis = {one.row.quantity: one.row.session_basis for one in check.verdicts}
    assert "canary's history of 9 sittings" in str(basis["latency_s"])


def test_the_command_adds_and_shows(tmp_path: Path) -> None:
    history = str(tmp_path / "history")
    empty = called("check", "--history", history)
    assert (empty.returncode, "nothing yet" in empty.stdout) == (0, True)
    runs = [str(sitting(tmp_path, day)) for day in (1, 2)]
    assert called("check", runs[0], "--history", history, "--canary", "--label", "a1").returncode == 0
    done = called("check", runs[1], "--baseline", runs[0], "--history", history)
    assert "too few to say whether the device" in done.stdout
    shown = called("check", "--history", history)
    assert "canary" in shown.stdout
    assert called("check", "--history", history, "--canary").returncode == 2
