"""Energy per inference from virtual meters: intervals hold the truth, and the values are as near to it as asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from edgewatt.collectors.android.pulses import parse_pulses
from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.profiler.synchronising.train import Edges
from edgewatt.virtual_lab.monsoon.build import SPREAD
from tests.virtual_meter.__main__ import main
from tests.virtual_meter.cases import CASES
from tests.virtual_meter.figures import Errors, Result, errors_of, page
from tests.virtual_meter.trials import Outcome, Outcomes, trials_of, working
from tests.virtual_time.scores import score
from tests.virtual_time.trials import QUANTITIES

pytestmark = pytest.mark.long

# Issue 5, Figures: with the drawn gain taken out.
MOST_RMS, MOST_BIAS = 0.005, 0.001
# As many as two cores measure in about a minute. Of 80, 69 or more are held in all but one in a thousand tries.
FEW, MANY, LEAST = 4, 80, 69 / 80
WIDEST: Final = 0.025


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """From two processes."""
    with working(2) as found:
        yield found


def check(found: list[Outcome], quantity: str) -> None:
    """Nothing refused, values near to the truth, intervals that are not wide."""
    one, errors = score(trials_of(found, quantity)), errors_of(found, quantity)
    assert one.refused.count == 0
    assert errors.rms < MOST_RMS
    assert abs(errors.bias) < MOST_BIAS
    assert errors.rms < one.half_width < WIDEST


@pytest.fixture(scope="module")
def few(outcomes: Outcomes) -> list[Outcome]:
    """Of the serial meter."""
    return list(outcomes(CASES["lvpm"], CASES["lvpm"].seeds(FEW)))


def check_few(found: list[Outcome]) -> None:
    """As near to the truth as a few can show."""
    for quantity in QUANTITIES:
        check(found, quantity)
        one = score(trials_of(found, quantity))
        assert one.coverage.count >= FEW - 1
        assert one.accuracy.count >= FEW - 1
    assert {one.row["energy_source"] for one in found} == {"monsoon/main"}
    assert {one.row["energy_boundary"] for one in found} == {"battery_bypass"}


def test_a_few_runs_with_a_serial_meter_are_near_to_the_truth(few: list[Outcome]) -> None:
    check_few(few)


def test_a_few_runs_with_a_meter_on_usb_are_near_to_the_truth(outcomes: Outcomes) -> None:
    check_few(list(outcomes(CASES["hvpm"], CASES["hvpm"].seeds(FEW))))


@pytest.mark.timeout(900)
def test_intervals_hold_the_truth_as_often_as_they_say(outcomes: Outcomes) -> None:
    case = CASES["lvpm"]
    found = list(outcomes(case, case.seeds(MANY)))
    for quantity in QUANTITIES:
        check(found, quantity)
        one = score(trials_of(found, quantity))
        assert one.coverage.value >= LEAST
        assert one.accuracy.value >= LEAST


def test_the_pulses_of_a_virtual_phone_are_read_as_they_happened() -> None:
    """Stamps lie within the bound that the parser states, but for the base of the phone's clock."""
    case = CASES["lvpm"]
    run = case.run(case.seeds(1)[0])
    for place, train in enumerate(run.times.trains):
        asked = len(run.plan.trains[place])
        edges = parse_pulses(run.pulses(place, "abc"), "abc", asked, PhoneStamps())
        assert isinstance(edges, Edges)
        true_ns = run.clocks.boottime_ns(np.stack([train.begin_ns, train.end_ns], axis=1).ravel())
        apart_ns = edges.all_ns - true_ns
        assert np.ptp(apart_ns) < edges.bound_ns
        assert abs(apart_ns.mean()) < 10_000_000 + edges.bound_ns
    first, last = run.times.trains
    assert run.idle_ns[0][1] < first.started_ns < first.end_ns[-1] < run.phases[0].t0_ns
    assert run.phases[-1].t1_ns < last.begin_ns[0] < last.exit_ns < run.idle_ns[1][0]


def test_what_errors_sum_up() -> None:
    found = Errors.of([0.01, -0.03])
    assert (found.bias, found.u_bias) == pytest.approx((-0.01, 0.02))
    assert (found.rms, found.largest) == pytest.approx(((0.0005) ** 0.5, 0.03))
    assert Errors.of([]).rms != Errors.of([]).rms


def test_the_figures_are_a_page(few: list[Outcome]) -> None:
    text = "".join(page([Result(CASES["lvpm"], few, 1.0)], FEW))
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| lvpm")]
    assert [(row[1], row[3]) for row in rows] == [("pixel", "gross"), ("pixel", "net")]
    assert f"gain {SPREAD.gain:g}" in text
    assert "all of it assumed" in text
    assert f"0 of {FEW} |" in text


def test_the_figures_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "docs/meters.md"
    assert main(["--seeds", "2", "-o", str(written), "lvpm"]) == 0
    assert capsys.readouterr().out == written.read_text()


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--processes", "0"], ["nokia"]])
def test_what_the_figures_do_not_understand(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(wrong)
