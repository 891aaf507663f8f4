"""Defects between a phone, its meter and the tables, each of which has to be caught: no joules, or the truth is missed.

Where a defect cannot matter, that is tried too, and the reason stands beside it.
"""

from collections.abc import Iterator

import pytest

from edgewatt.profiler.analysis.seen import GAPS
from edgewatt.profiler.analysis.synchronised import UNEVEN
from edgewatt.profiler.synchronising.locate import NO_PEAK
from tests.virtual_meter.cases import CASES
from tests.virtual_meter.mutations import MUTANTS, edges_later
from tests.virtual_meter.trials import Outcome, Outcomes, trials_of, working

pytestmark = pytest.mark.long

FEW = 1
BOTH = ("gross", "net")


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """From two processes."""
    with working(2) as found:
        yield found


def measured(outcomes: Outcomes, mutant: str, meter: str = "lvpm") -> list[Outcome]:
    """Of a few seeds."""
    return list(outcomes(CASES[meter], CASES[meter].seeds(FEW), mutant))


def held(found: list[Outcome], quantity: str) -> list[bool | None]:
    """Whether the repeatability intervals hold the truth; None where there is none."""
    return [trial.is_held for trial in trials_of(found, quantity)]


def reasons(found: list[Outcome]) -> list[set[str]]:
    """The codes of each run."""
    return [{reason.partition(":")[0] for reason in one.row["quality_reasons"]} for one in found]


@pytest.mark.parametrize(
    ("mutant", "code"),
    [("5 % of frames dropped", GAPS), ("sign flipped", NO_PEAK), ("on another phone", NO_PEAK)],
)
def test_a_meter_that_has_no_joules(outcomes: Outcomes, mutant: str, code: str) -> None:
    found = measured(outcomes, mutant)
    assert all(code in of_run for of_run in reasons(found))
    for quantity in BOTH:
        assert held(found, quantity) == [None] * FEW


def test_packets_dropped_by_a_meter_on_usb(outcomes: Outcomes) -> None:
    found = measured(outcomes, "5 % of frames dropped", "hvpm")
    assert all({GAPS, "meter_samples_lost"} <= of_run for of_run in reasons(found))
    assert held(found, "gross") == [None] * FEW


def test_a_stretch_that_was_lost_is_missed(outcomes: Outcomes) -> None:
    """The repeat in which it lies has no joules; the others are right, and the mark tells."""
    found = measured(outcomes, "frames of 50 ms lost")
    assert all("meter_samples_lost" in of_run for of_run in reasons(found))
    assert held(found, "gross") == [True] * FEW


def test_a_gain_that_is_off_by_a_tenth(outcomes: Outcomes) -> None:
    """Twenty times what the profile states: neither interval holds the truth."""
    found = measured(outcomes, "gain off 10 %")
    for quantity in BOTH:
        assert [trial.is_accurate for trial in trials_of(found, quantity)] == [False] * FEW
        assert held(found, quantity) == [False] * FEW


@pytest.mark.parametrize("mutant", ["runner 50 ms late", "edges 50 ms early"])
def test_windows_that_are_50_ms_late_lose_what_they_hold_of_idle(outcomes: Outcomes, mutant: str) -> None:
    found = measured(outcomes, mutant)
    for quantity in BOTH:
        assert held(found, quantity) == [False] * FEW


@pytest.mark.parametrize("mutant", ["runner 50 ms early", "edges 50 ms late"])
def test_windows_that_are_50_ms_early_hold_warm_up_which_draws_the_same(outcomes: Outcomes, mutant: str) -> None:
    found = measured(outcomes, mutant)
    assert all(abs(one.errors[quantity]) < 2e-3 for one in found for quantity in BOTH)


@pytest.mark.parametrize("mutant", ["meter 50 ms late", "echoes 50 ms late"])
def test_what_the_trains_take_out(outcomes: Outcomes, mutant: str) -> None:
    """A clock that is off all through the run: that is what the trains are for."""
    found = measured(outcomes, mutant)
    right = measured(outcomes, "none")
    for one, other in zip(found, right, strict=True):
        assert one.errors["gross"] == pytest.approx(other.errors["gross"], abs=2e-4)


@pytest.mark.parametrize("mutant", ["meter 50 ms late from the middle on", "meter 50 ms early from the middle on"])
def test_a_meter_s_clock_that_jumps_between_the_trains_is_marked(outcomes: Outcomes, mutant: str) -> None:
    """No clock drifts like that, and where the windows lie is then not known."""
    assert all(UNEVEN in of_run for of_run in reasons(measured(outcomes, mutant)))


def test_a_bench_that_is_right_has_none_of_these_marks(outcomes: Outcomes) -> None:
    found = measured(outcomes, "none")
    assert all(not of_run & {GAPS, NO_PEAK, UNEVEN, "meter_samples_lost"} for of_run in reasons(found))
    assert held(found, "gross") == [True] * FEW


def test_edges_are_moved_and_nothing_else() -> None:
    said = b"H abc 7 read\n\nB 1760000004.032423 19643.27\nF 1760000004.262825 19643.50\nE abc\n"
    moved = b"H abc 7 read\n\nB 1760000003.982423 19643.22\nF 1760000004.212825 19643.45\nE abc\n"
    assert edges_later(-0.05)(said) == moved
    assert set(MUTANTS) >= {"none", "sign flipped"}
