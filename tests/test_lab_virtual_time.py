"""The sampler and the files of a phone in virtual time, as the collectors' own parsers find them."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edgewatt.collectors.android.sampler.survey import DENIED, FAILS, parse_survey
from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.virtual_lab.phone.personalities import PERSONALITIES
from edgewatt.virtual_lab.phone.virtual_time import Plan, VirtualRun
from edgewatt.virtual_lab.power.timeline import Timeline
from tests.virtual_runs import MS, TOKEN, S, new_run, rows, sampled, streams


def everything(run: VirtualRun) -> list[Any]:
    said = [run.survey(run.begin_ns), run.echo(run.begin_ns + 1), sampled(run)]
    return [*said, *(run.runner(n, "t") for n in range(2)), *(run.slept(t) for pair in run.looks_ns for t in pair)]


# One seed, one run


@pytest.mark.parametrize("name", PERSONALITIES)
def test_a_seed_is_a_run_and_another_seed_is_another(name: str) -> None:
    once, again, other = (everything(new_run(name, seed)) for seed in (3, 3, 4))
    assert once == again
    assert all(a != b for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize("name", ["pixel", "samsung", "snapdragon"])
def test_files_say_the_same_at_many_instants_at_once_as_one_after_the_other(name: str) -> None:
    at_once, slowly = new_run(name), new_run(name)
    t_ns = np.linspace(at_once.begin_ns, at_once.times.end_ns, 60).astype(np.int64)
    bulk = {file: at_once._files.texts(file, t_ns) for file in at_once._files.names}
    looks = [{file: text for file, text, _ in slowly._files.look(t)} for t in t_ns.tolist()]
    for file, texts in bulk.items():
        assert texts == [look.get(file) for look in looks], file


def test_the_work_of_a_run_does_not_grow_with_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    settle = Timeline._settle

    def counting(self: Timeline, t_ns: Any) -> Any:
        nonlocal calls
        calls += 1
        return settle(self, t_ns)

    monkeypatch.setattr(Timeline, "_settle", counting)
    found = []
    for idle_s in (1.0, 20.0):
        run = new_run(plan=Plan(repeats=1, seconds=1.0, idle_s=idle_s))
        asked, before = streams(run), calls
        said = run.sampler(asked, TOKEN, *run.sampled_ns)
        found.append((said.count(b"\n"), calls - before))
    (few, once), (many, again) = found
    assert many > 5 * few > 500
    assert again == once


# The sampler


def test_a_sampler_prints_what_was_asked_for_at_its_periods() -> None:
    run = new_run(seed=2)
    found = rows(run, sampled(run))
    t0_ns, t1_ns = run.sampled_ns
    for number, (period_s, _) in enumerate(streams(run)):
        ticks = [int(row[1]) for row in found if int(row[0]) == number]
        assert ticks == sorted(set(ticks))
        assert ticks[0] == 1
        assert abs(ticks[-1] - (t1_ns - t0_ns) / S / period_s) < 3
        assert len(ticks) > 0.9 * ticks[-1]
    stamps = PhoneStamps()
    before_ns = [stamps.to_ns(row[3], row[2]) for row in found]
    after_ns = [stamps.to_ns(row[4], row[2]) for row in found]
    assert all(0.29 * MS < b - a < 4 * MS for a, b in zip(before_ns, after_ns, strict=True) if a and b)


def test_the_sampler_is_a_load_of_its_own() -> None:
    alone, watched = new_run(), new_run()
    said = sampled(watched)
    span_ns = watched.sampled_ns
    assert watched.timeline.energy_j(*span_ns, "cpu0") > alone.timeline.energy_j(*span_ns, "cpu0") + 1e-3
    stats = [row[-1].split() for row in rows(watched, said) if int(row[0]) == 3]
    used_s = [(int(stat[13]) + int(stat[14])) / 100 for stat in stats]
    assert used_s == sorted(used_s)
    assert 0.01 < used_s[-1] / ((span_ns[1] - span_ns[0]) / S) < 0.2
    with pytest.raises(ValueError, match="the past cannot change"):
        watched.sampler(streams(watched), TOKEN, *span_ns)


def test_counters_count_the_truth_times_their_gain() -> None:
    run = new_run()
    said = rows(run, sampled(run))
    first, last = ([row[5].decode().split("\x1e") for row in said if row[0] == b"0"][at] for at in (0, -1))
    base = run.clocks.bases[0]
    t0_ns, t1_ns = (int(base.when(int(text[0][2:]) * MS)) for text in (first, last))
    for n, rail in enumerate(rail for rail in run.phone.rails if rail.pmic == 0):
        counted_j = (int(last[n + 1].split(", ")[1]) - int(first[n + 1].split(", ")[1])) * 1e-6
        true_j = float(run.timeline.energy_j(t0_ns, t1_ns, rail.label)) * run.gains()[rail.label]
        # Stamps are whole milliseconds.
        assert counted_j == pytest.approx(true_j, rel=2e-3, abs=2e-3), rail.label


def test_gauges_err_as_they_are_stated() -> None:
    plain = [new_run("samsung", seed) for seed in range(40)]
    off = [new_run("samsung", seed, "gauge_offset_a=0.01") for seed in range(40)]
    assert np.std([run.gains()["battery"] for run in plain]) == pytest.approx(0.03, rel=0.4)
    assert {run.gauge_offset_a for run in plain} == {0.0}
    assert np.std([run.gauge_offset_a for run in off]) == pytest.approx(0.01, rel=0.4)
    path = "/sys/class/power_supply/battery/current_now"
    for run in (plain[3], off[3]):
        t0_ns, t1_ns = run.idle_ns[0]
        said = run.sampler([(0.05, [path])], TOKEN, t0_ns, t1_ns)
        shown_a = -np.mean([int(line.split(b"\x1f")[5]) for line in said.splitlines()[1:]]) * 1e-3
        true_a = float(run.timeline.energy_j(t0_ns, t1_ns, "battery")) / (t1_ns - t0_ns) * S / 4.1
        assert shown_a - run.gauge_offset_a == pytest.approx(true_a * run.gains()["battery"], abs=0.01)


def stepped(seeds: Iterable[int]) -> VirtualRun:
    """The first run whose wall clock is set while it is sampled."""
    runs = (new_run("samsung", seed) for seed in seeds)
    return next(
        run
        for run in runs
        if any(
            run.sampled_ns[0] + S < step.t_ns < run.sampled_ns[1] - S and step.by_ns < -S for step in run.clocks.steps
        )
    )


def test_a_wall_clock_that_is_set_moves_epochs_and_no_time() -> None:
    run = stepped(range(200))
    found, stamps = rows(run, sampled(run)), PhoneStamps()
    epochs_s = [float(row[3]) for row in found]
    assert min(b - a for a, b in pairwise(epochs_s)) < -0.9
    t_ns = [stamps.to_ns(row[3], row[2]) or 0 for row in found]
    # The origin of a stretch is off by up to a step of uptime, and by what the shell was scheduled away for.
    assert min(b - a for a, b in pairwise(t_ns)) > -30 * MS
    assert stamps.steps == 1


def test_torn_files_are_halves_now_and_then() -> None:
    path = "/sys/class/power_supply/battery/voltage_now"
    texts = []
    for torn in (0, 1):
        run = new_run("pixel", 1, f"torn={torn}")
        said = run.sampler([(0.02, [path])], TOKEN, *run.sampled_ns)
        texts.append([line.split(b"\x1f")[5] for line in said.splitlines()[1:]])
    assert {len(text) for text in texts[0]} == {7}
    assert {len(text) for text in texts[1]} == {4, 7}
    halves = [len(text) == 4 for text in texts[1]]
    assert 0.03 < np.mean(halves) < 0.25


@pytest.mark.parametrize("name", PERSONALITIES)
def test_a_survey_shows_what_this_phone_shows(name: str) -> None:
    run = new_run(name)
    seen = parse_survey(run.survey(run.begin_ns, "/mnt/sys", "/mnt/proc"))
    assert seen["/mnt/proc/stat"].text is not None
    assert seen["/mnt/proc/stat"].text.startswith("cpu  ")
    assert ("/mnt/sys/class/power_supply/battery/current_now" in seen) == (name not in ("mediatek", "old"))
    if name == "snapdragon":
        assert seen["/mnt/sys/class/kgsl/kgsl-3d0/gpuclk"].reason == DENIED
        assert seen["/mnt/sys/devices/system/cpu/cpufreq/policy6/scaling_cur_freq"].reason == FAILS
