"""A sensor whose lag was calibrated: its windows are looked for that much later, and what is unsure of it is said."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgewatt.profiler.analysis.lagging import Lag, lag_of
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.storage.trace import Trace
from tests.measured_runs import BUSY_W, ITERATIONS, REPEAT_S, Instrument, Plan, rail, tables, written

LATE_S, U_S = 0.3, 0.02
TRUE_J = BUSY_W * REPEAT_S / ITERATIONS
BUSY = {0: BUSY_W, 1: BUSY_W * 1.01, 2: BUSY_W * 0.99}


def run(path: Path, lags: Any) -> Trace:
    device = {"name": "board", "device_id": "f00d", "idle_state": "awake", "session": "monday"}
    plan = Plan(busy_w=BUSY, manifest={"device": {**device, "instruments": {"rapl": {"lags_s": lags}}}})
    return process(written(path, [Instrument(rail(), late_s=LATE_S)], plan))


def energy_j(trace: Trace) -> float:
    (row,) = tables(trace)[1]
    return float(row["energy_gross_j_mean"])


def test_what_is_late_is_looked_for_later(tmp_path: Path) -> None:
    trace = run(tmp_path / "run", {"vdd_in.power_w": [LATE_S, U_S]})
    assert energy_j(trace) == pytest.approx(TRUE_J, rel=0.02)
    budget = trace.budget()
    assert budget is not None
    (clock, *_) = [row for row in budget.to_pylist() if row["term"] == "clock offset"]
    step_j = (BUSY_W - 2.0) * math.sqrt(3) * U_S / ITERATIONS
    assert 0 < clock["u_j"] <= step_j / math.sqrt(12) * 1.01, "that of |o|, o within a rectangle"
    assert energy_j(run(tmp_path / "none", {})) < TRUE_J * 0.9, "nobody knows of it, and it is missing"


COLUMN = "vdd_in.power_w"
SOURCE = EnergySource("rapl/vdd_in", ((COLUMN,),), "board")


def told(instruments: object) -> Lag | None:
    columns = {COLUMN: SimpleNamespace(stream="rapl-fast")}
    manifest = SimpleNamespace(device={"instruments": instruments})
    return lag_of(cast("Trace", SimpleNamespace(columns=columns, manifest=manifest)), SOURCE)


def test_the_lag_of_a_column_is_that_of_its_own_instrument() -> None:
    lags = {"lags_s": {COLUMN: [LATE_S, U_S]}}
    assert told({"rapl": lags}) == Lag(LATE_S, U_S)
    assert told({"meter": lags, "rap": lags}) is None


@pytest.mark.parametrize("lag", [0.3, [0.3], [-0.3, 0.01], [0, 0], [1e9, 0.01], ["0.3", None], [0.3, -1.0], None])
def test_what_is_no_lag_moves_nothing(lag: object) -> None:
    assert told({"rapl": {"lags_s": {COLUMN: lag}}}) is None
    assert told({"rapl": {"lags_s": lag}}) is None
    assert told({"rapl": lag}) is None
    assert told(lag) is None
