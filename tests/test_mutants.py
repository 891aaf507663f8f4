"""Defects between a phone and its tables, each of which has to be caught: intervals lose the truth, or a mark tells.

Where a defect cannot matter, that is tried too, and the reason stands beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from edgewatt.profiler.analysis.process import analyse
from edgewatt.profiler.analysis.results import repeat_rows
from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_time.cases import CASES, GAUGE, Case
from tests.virtual_time.chain import recorded
from tests.virtual_time.mutations import NONE, Mutation, counting, later, of_node, times, without
from tests.virtual_time.scores import Score, scores
from tests.virtual_time.trials import all_trials, outcome

MEMORY: Final = "phone/memory_interface"
FEW, MANY = 3, 60
# Of MANY seeds, what is left of 95 % but for one in a thousand tries (binomial: 51 of 60 or more).
LEAST: Final = 0.85
# A shift of the clock costs the more of a window the shorter it is.
SHORT: Final = replace(
    CASES["pixel"], sources=(MEMORY,), plan=replace(CASES["pixel"].plan, seconds=2.0, idle_s=4.0, settle_s=2.0)
)
CURRENT, COUNTS = "current_now", "energy_value"


def scored(case: Case, change: Mutation, seeds: int, quantity: str = "gross") -> dict[str, Score]:
    """By source."""
    found = scores(all_trials(case, case.seeds(seeds), change))
    return {score.source: score for score in found if score.quantity == quantity}


@contextmanager
def traced(name: str, change: Mutation, folder: Path, quirks: tuple[str, ...] = ()) -> Iterator[Trace]:
    """One run of a phone."""
    case = CASES[name]
    run = VirtualRun(name, case.seeds(1)[0], case.plan, quirks)
    yield recorded(run, folder / "run", change, sources=case.sources)


def repeats_of(trace: Trace) -> list[dict[str, Any]]:
    """The rows of the gauge."""
    return [row for row in repeat_rows(analyse(trace)) if row["energy_source"] == GAUGE]


@pytest.mark.long
@pytest.mark.parametrize(("shift_s", "holds"), [(0.0, True), (0.05, False), (-0.05, True)])
def test_the_runner_s_clock_is_off_by_50_ms(shift_s: float, *, holds: bool) -> None:
    """Windows that are too late lose what they hold of idle. Too early they hold warm-up, which draws the same."""
    found = scored(SHORT, Mutation(runner=later(shift_s)), MANY)[MEMORY]
    assert (found.coverage.value >= LEAST) == holds
    assert found.refused.count == 0


def test_the_phone_s_clock_is_50_ms_from_where_its_echoes_put_it() -> None:
    """It cannot matter: samples and measured windows have one clock, and idle windows lie away from the load."""
    shifted = outcome(SHORT, SHORT.seeds(1)[0], Mutation(echo=later(0.05))).trials
    right = outcome(SHORT, SHORT.seeds(1)[0]).trials
    for one, other in zip(shifted, right, strict=True):
        assert one.value_j == pytest.approx(other.value_j, rel=1e-3)
        assert one.repeatability_j == pytest.approx(other.repeatability_j, rel=1e-3)


@pytest.mark.parametrize("phone", ["old", "snapdragon"])
def test_the_gauge_turns_its_sign_around_after_the_first_look(phone: str) -> None:
    found = scored(CASES[phone], Mutation(sampler=of_node(CURRENT, times(-1))), FEW)[GAUGE]
    assert found.coverage.count == found.accuracy.count == 0


@pytest.mark.parametrize("phone", ["old", "xiaomi"])
def test_a_gauge_of_the_other_sign_is_learnt_whatever_its_profile_says(phone: str) -> None:
    turned = Mutation(sampler=of_node(CURRENT, times(-1)))
    other = replace(CASES[phone], quirks=(f"gauge_sign={1 if phone == 'old' else -1}",))
    assert scored(other, NONE, FEW)[GAUGE].accuracy.count == FEW
    assert scored(other, turned, FEW)[GAUGE].accuracy.count == 0


def test_microampere_where_milliampere_were_said_is_more_than_a_phone_draws() -> None:
    found = scored(CASES["old"], Mutation(sampler=of_node(CURRENT, times(1000))), FEW)[GAUGE]
    assert found.refused.count == FEW
    assert ("gaps", FEW) in found.reasons


def test_milliampere_where_microampere_were_said() -> None:
    found = scored(CASES["snapdragon"], Mutation(sampler=of_node(CURRENT, times(0.001))), FEW)[GAUGE]
    assert found.coverage.count == found.accuracy.count == 0


@pytest.mark.parametrize(("phone", "unit"), [("old", "uA"), ("xiaomi", "uA"), ("samsung", "uA"), ("snapdragon", "mA")])
def test_the_unit_of_a_gauge_is_learnt_whatever_its_profile_says(phone: str, unit: str) -> None:
    other = replace(CASES[phone], quirks=(f"gauge_unit={unit}",))
    assert scored(other, NONE, FEW)[GAUGE].accuracy.count == FEW


@pytest.mark.long
def test_the_gain_of_the_gauge_is_off_by_a_tenth() -> None:
    """Of its gain a gauge knows nothing: what it finds again is as wrong as before, and only the accuracy loses."""
    found = scored(CASES["old"], Mutation(sampler=of_node(CURRENT, times(1.1))), MANY)[GAUGE]
    assert found.accuracy.value < LEAST


def test_the_gain_of_a_rail_is_off_by_a_tenth() -> None:
    found = scored(SHORT, Mutation(sampler=of_node(COUNTS, counting(1.1))), FEW)[MEMORY]
    assert found.accuracy.count == 0


@pytest.mark.long
@pytest.mark.parametrize("case", [CASES["old"], SHORT], ids=["gauge", "rail"])
def test_lines_lost_here_and_there_leave_the_rest_right(case: Case) -> None:
    """Each line has its own stamp, so that what is left is as good as it was."""
    found = scored(case, Mutation(sampler=without(0.05, block=False)), MANY)[case.sources[0]]
    assert found.coverage.value >= LEAST


def missed(trace: Trace) -> list[int]:
    """The ticks without a row that the sampler noted."""
    return list(trace.manifest.device["instruments"]["phone"]["ticks_missed"].values())


def test_lines_lost_here_and_there_are_missed(tmp_path: Path) -> None:
    with (
        traced("pixel", NONE, tmp_path / "all") as trace,
        traced("pixel", Mutation(sampler=without(0.05, block=False)), tmp_path / "some") as less,
    ):
        for stream in trace.streams:
            assert 0.9 <= less.rows(stream) / trace.rows(stream) <= 0.98
        lost = sum(trace.rows(stream) - less.rows(stream) for stream in trace.streams)
        told = sum(missed(less)) - sum(missed(trace))
        assert 0.8 * lost <= told <= 1.2 * lost


@pytest.mark.long
def test_a_stretch_without_lines_is_a_gap(tmp_path: Path) -> None:
    """A gauge tells nothing of the repeat in which it lies; a counter has counted on, and what it gives is right."""
    with traced("pixel", Mutation(sampler=without(0.05, block=True)), tmp_path) as trace:
        rows = repeats_of(trace)
        assert {gap.stream for gap in trace.gaps()} == set(trace.streams)
    refused = [row for row in rows if "gaps" in row["quality_reasons"]]
    assert refused
    assert all(row["energy_gross_j"] is None and row["coverage"] < 1 for row in refused)
    gapped = Mutation(sampler=without(0.05, block=True))
    assert scored(SHORT, gapped, FEW)[MEMORY].coverage.count == scored(SHORT, NONE, FEW)[MEMORY].coverage.count


@pytest.mark.parametrize("phone", ["old", "samsung", "pixel"])
def test_a_phone_that_falls_asleep_voids_the_repeat(phone: str, tmp_path: Path) -> None:
    """Half a second of sleep in the middle of a repeat."""
    quirks = ("suspend_after_s=60", "suspend_s=0.5")
    with traced(phone, NONE, tmp_path, quirks) as trace:
        rows = repeats_of(trace)
    slept = [row for row in rows if "suspended" in row["quality_reasons"]]
    assert len(slept) == 1
    assert slept[0]["quality"] == "void"
    assert slept[0]["energy_gross_j"] is None


def test_a_phone_that_stays_awake_voids_nothing(tmp_path: Path) -> None:
    with traced("old", NONE, tmp_path) as trace:
        assert not any("suspended" in row["quality_reasons"] for row in repeats_of(trace))
