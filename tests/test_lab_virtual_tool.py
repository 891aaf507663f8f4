"""The runner, the clock, the sleep and the truth of a profile run in virtual time."""

from itertools import pairwise

import numpy as np
import pytest

from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.collectors.android.state.sections import split
from edgewatt.collectors.android.state.sleep import parse_state, suspended_s
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, parse
from edgewatt.collectors.runtimes.benchmark_model.printed import Printed
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.phone.personalities import PERSONALITIES
from edgewatt.virtual_lab.phone.virtual_time import Plan, VirtualRun
from tests.virtual_runs import MS, S, known, new_run, rows, sampled

# Suspended in the middle of its second repeat.
ASLEEP = ("suspend_after_s=8.2", "suspend_s=3")
LOOK = ("boot", "before_ticks", "ticks", "before", "power", "after", "suspended", "battery", "thermal")


def executed(run: VirtualRun, repeat: int, stamps: PhoneStamps | None = None) -> tuple[Printed, Parsed]:
    printed = Printed("edgewatt-1", stamps or PhoneStamps())
    return printed, parse(printed.lines([run.runner(repeat, "edgewatt-1")]))


# The runner and the clock


@pytest.mark.parametrize("name", PERSONALITIES)
def test_a_runner_is_read_as_what_happened(name: str) -> None:
    run = new_run(name, 5)
    for repeat, phase in enumerate(run.phases):
        printed, parsed = executed(run, repeat)
        count = parsed.measured.count
        assert (printed.returncode, parsed.complete, parsed.notes, parsed.errors) == (0, True, (), ())
        assert count is not None
        assert count.n == phase.runs
        assert count.avg_s == pytest.approx((phase.t1_ns - phase.t0_ns) / S / phase.runs, rel=0.01)
        assert parsed.measured.t0_ns is not None
        assert parsed.measured.t1_ns is not None
        lasted_ns = parsed.measured.t1_ns - parsed.measured.t0_ns
        assert abs(lasted_ns - (phase.t1_ns - phase.t0_ns)) < 5 * MS


def test_lines_are_stamped_just_after_they_were_printed() -> None:
    run = new_run(seed=6)
    for repeat, phase in enumerate(run.phases):
        _, parsed = executed(run, repeat)
        for stamp_ns, happened_ns in ((parsed.measured.t0_ns, phase.t0_ns), (parsed.measured.t1_ns, phase.t1_ns)):
            late_ns = (stamp_ns or 0) - int(run.clocks.boottime_ns(happened_ns))
            # The clock of the stamps is off by up to a step of uptime.
            assert -12 * MS < late_ns < 12 * MS


def test_a_tool_that_holds_its_lines_back_prints_them_at_its_end() -> None:
    _, parsed = executed(new_run("pixel", 1, "late_lines=true"), 0)
    assert parsed.measured.t0_ns is not None
    assert parsed.measured.t1_ns is not None
    assert parsed.measured.t1_ns - parsed.measured.t0_ns < 20 * MS


def test_an_echo_is_of_an_instant_between_question_and_answer() -> None:
    run = known()
    for t_ns in range(run.begin_ns, run.begin_ns + S, S // 20):
        asked_ns, said, answered_ns = run.echo(t_ns)
        epoch, uptime = said.split()
        at_ns = int(float(epoch) * 1e6) * 1000
        low_ns, high_ns = (int(run.clocks.realtime_ns(t)) for t in (asked_ns, answered_ns))
        assert 2 * MS <= answered_ns - asked_ns <= 5 * MS
        assert low_ns - 2000 <= at_ns <= high_ns
        assert abs(float(uptime) - int(run.clocks.boottime_ns(asked_ns)) / S) < 0.02


# Looks


def test_a_phone_that_sleeps_in_a_repeat_says_so_and_prints_nothing_meanwhile() -> None:
    run = new_run("samsung", 1, *ASLEEP)
    (asleep,) = run.clocks.suspensions
    assert run.phases[1].t0_ns < asleep.t0_ns < asleep.t1_ns < run.phases[1].t1_ns
    found = rows(run, sampled(run))
    slept_s = []
    for pair in run.looks_ns:
        before, after = (
            parse_state(dict(zip(LOOK, split(run.slept(t_ns), "look", len(LOOK)), strict=True))) for t_ns in pair
        )
        assert before.by_service is not None
        assert before.by_ticks is not None
        slept_s.append(suspended_s(before, after))
    assert slept_s == [0.0, pytest.approx(3.0, abs=0.05)]
    stamps = PhoneStamps()
    t_ns = [stamps.to_ns(row[3], row[2]) or 0 for row in found]
    low_ns, high_ns = run.clocks.boottime_ns([asleep.t0_ns, asleep.t1_ns]).tolist()
    assert not [t for t in t_ns if low_ns + 15 * MS < t < high_ns - 15 * MS]
    assert run.timeline.energy_j(asleep.t0_ns + S, asleep.t1_ns, "battery") < 0.1 * 2.0
    _, parsed = executed(run, 1)
    assert parsed.measured.count is not None
    # The tool's clock stands still as well.
    assert parsed.measured.count.n == pytest.approx(50, abs=5)


# The truth


def test_true_energies_are_those_of_their_parts() -> None:
    run = known()
    whole = np.array(run.energies("battery"))
    parts = sum(np.array(run.energies(one.name)) / one.efficiency for one in run.timeline.device.domains)
    np.testing.assert_allclose(whole, parts, rtol=1e-12)
    clusters = sum(np.array(run.energies(f"cpu{n}")) for n in range(3))
    np.testing.assert_allclose(run.energies("cpu"), clusters, rtol=1e-12)
    t_ns = [run.begin_ns, *(t for phase in run.phases for t in (phase.t0_ns, phase.t1_ns)), run.times.end_ns]
    assert t_ns == sorted(t_ns)
    pieces = [float(run.timeline.energy_j(a, b, "battery")) for a, b in pairwise(t_ns)]
    assert pieces[1::2] == pytest.approx(run.energies("battery"))
    assert sum(pieces) == pytest.approx(float(run.timeline.energy_j(t_ns[0], t_ns[-1], "battery")))


def test_a_network_costs_more_than_idling_and_every_iteration_has_its_edges() -> None:
    run = known()
    (idle_ns, _), phase = run.idle_ns, run.times.repeats[0].measured
    idle_w = float(run.timeline.energy_j(*idle_ns, "cpu")) / (idle_ns[1] - idle_ns[0]) * S
    busy_w = run.energies("cpu")[0] / (phase.span_ns[1] - phase.span_ns[0]) * S
    assert busy_w > idle_w + 2.0
    resting = run.timeline.use((phase.end_ns[:-1] + phase.begin_ns[1:]) // 2, "cpu2")
    working = run.timeline.use((phase.end_ns + phase.begin_ns) // 2, "cpu2")
    assert (resting == 0).all()
    assert (working == 1).all()
    assert len(np.unique(phase.end_ns - phase.begin_ns)) > 0.9 * len(phase.begin_ns)


def test_a_phone_that_gets_too_hot_runs_slower() -> None:
    cool, hot = (new_run("pixel", 1, f"trip_c={c}") for c in (95, 32))
    cool_hz, hot_hz = (run.timeline.frequency_hz(run.phases[1].t1_ns, "cpu2") for run in (cool, hot))
    assert hot_hz < 0.8 * cool_hz
    assert hot.energies("cpu")[1] < 0.9 * cool.energies("cpu")[1]


def test_an_accelerator_works_where_the_phone_has_one() -> None:
    run = new_run("pixel", plan=Plan(repeats=1, seconds=0.5, idle_s=0.5, target="gpu"))
    assert run.energies("gpu")[0] > 10 * run.energies("cpu2")[0]
    for target, name in (("gpu", "snapdragon"), ("toaster", "pixel")):
        with pytest.raises(UsageError, match=target):
            new_run(name, plan=Plan(target=target))
