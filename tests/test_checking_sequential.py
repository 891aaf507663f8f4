"""Looking several times: the error that is spent is the error that there is, and one sitting decides by itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.checking.sequential import Looks, looks_up_to, rejected_at, spent
from edgewatt.profiler.errors import UsageError
from tests.shell import called


def test_each_time_about_half_as_many_again() -> None:
    assert looks_up_to(20).repeats == (4, 6, 9, 14, 20)
    assert looks_up_to(4).repeats == (4,)
    assert looks_up_to(3, 3).repeats == (3,)
    for most, first in ((2, 4), (5, 2)):
        with pytest.raises(UsageError):
            looks_up_to(most, first)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 12])
def test_brownian_motion_crosses_as_often_as_is_spent(alpha: float) -> None:
    looks = looks_up_to(20)
    steps = np.diff([0, *looks.repeats]) / looks.repeats[-1]
    paths = np.cumsum(np.random.default_rng(5).normal(size=(60_000, len(steps))) * np.sqrt(steps), axis=1)
    times = np.cumsum(steps)
    p = stats.norm.sf(paths / np.sqrt(times))
    crossed = p <= [looks.level(look, alpha) for look in range(len(times))]
    so_far = np.logical_or.accumulate(crossed, axis=1).mean(axis=0)
    expected = np.array([spent(time, alpha) for time in times])
    assert so_far == pytest.approx(expected, abs=4 * np.sqrt(alpha / 60_000))


def test_one_look_is_the_plain_test() -> None:
    assert Looks((10,)).level(0, 0.05) == pytest.approx(0.05, rel=1e-4)


def test_holm_goes_on_where_rows_are_found() -> None:
    looks = looks_up_to(20)
    last = len(looks.repeats) - 1
    half, whole = looks.level(last, 0.025), looks.level(last, 0.05)
    assert rejected_at([half * 0.9, (half + whole) / 2], looks, last, 0.05) == [True, True]
    assert rejected_at([half * 1.1, whole * 0.9], looks, last, 0.05) == [False, False]


@pytest.mark.long
def test_the_error_of_student_is_kept() -> None:
    """10,000 checks each of unchanged code and of code at the tolerance, with 3 % spread."""
    for most in (20, 40):
        looks = looks_up_to(most)
        for shift, wrong in ((0.0, "worse"), (np.log1p(0.05), "passed")):
            found = _sequential(looks, shift, cases=10_000)
            assert found[wrong] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 10_000)


def _sequential(looks: Looks, shift: float, *, cases: int) -> dict[str, float]:
    rng = np.random.default_rng(11)
    old, new = (
        rng.normal(0, 0.03, (cases, looks.repeats[-1])),
        rng.normal(shift, 0.03, (cases, looks.repeats[-1])),
    )
    open_, worse, passed = np.ones(cases, bool), np.zeros(cases, bool), np.zeros(cases, bool)
    for look, n in enumerate(looks.repeats):
        a, b = old[:, :n], new[:, :n]
        va, vb = a.var(axis=1, ddof=1) / n, b.var(axis=1, ddof=1) / n
        se, df = np.sqrt(va + vb), (va + vb) ** 2 / ((va**2 + vb**2) / (n - 1))
        level, log = looks.level(look, 0.05), b.mean(axis=1) - a.mean(axis=1)
        worse |= open_ & (stats.t.sf(log / se, df) <= level)
        passed |= open_ & ~worse & (log + stats.t.isf(level, df) * se < np.log1p(0.05))
        open_ &= ~(worse | passed)
    return {"worse": float(worse.mean()), "passed": float(passed.mean())}


@pytest.mark.peer
def test_a_live_check_on_the_host(tmp_path: Path) -> None:
    model = shutil.copy(bundled_model(), tmp_path / "edgewatt_tiny.tflite")
    plan = tmp_path / "plan.toml"
    plan.write_text('models = ["edgewatt_tiny.tflite"]\nseconds = 0.05\nwarmup = 0.1\nidle = 0.1\n')
    words = ("check", "--plan", str(plan), "--against", "@tiny", "-o", str(tmp_path / "runs"), "--most", "3", "--json")
    done = called(*words, "--tolerance", "latency=9,memory=50%")
    assert (done.returncode, Path(model).exists()) == (0, True)
    said = json.loads(done.stdout)
    assert said["live"]["runs"] == [str(tmp_path / "runs" / "1")]
    assert {row["session_basis"] for row in said["rows"]} == {"one session"}
    again = called(*words)
    assert (again.returncode, "is one sitting" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--plan", "p.toml"], "--against MODEL"),
        (["--against", "@tiny"], "--plan FILE"),
        (["--plan", "p.toml", "--against", "@tiny", "-o", "x", "--baseline", "b.toml"], "--baseline does not go"),
        (["RUN", "--plan", "p.toml", "--against", "@tiny", "-o", "x"], "measure both sides"),
        (["--plan", "p.toml", "--against", "none.tflite", "-o", "x"], "no such file"),
        (["--plan", "two.toml", "--against", "@tiny", "-o", "x"], "2 models"),
        (["--plan", "p.toml", "--against", "@tiny", "-o", "x", "--most", "2"], "at most 2 repeats"),
    ],
)
def test_wrong_words(words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.tflite").write_bytes(b"")
    (tmp_path / "p.toml").write_text('models = ["net.tflite"]')
    (tmp_path / "two.toml").write_text('models = ["net.tflite", "@tiny"]')
    done = called("check", *words)
    assert (done.returncode, says in done.stderr) == (2, True)
