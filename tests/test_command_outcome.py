"""From what a command told to its windows: marks, a tool's summary, clocks of another machine."""

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.commands.outcome import MIXED, SUMMARY_NONSENSE, Outcome, Told, give, outcome_of
from edgewatt.collectors.runtimes.commands.places import ON_ARRIVAL
from edgewatt.collectors.runtimes.commands.summary import Summary
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest
from edgewatt.profiler.window import Window
from edgewatt.profiler.windowing.spans import NONSENSE, Span

S = 1_000_000_000
WHOLE = (100 * S, 130 * S)
BOARD = "board.monotonic"


class Kept:
    """A sink that keeps windows and iterations."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.pairs: list[list[int]] = []

    def window(self, window: Window) -> None:
        self.windows.append(window)

    def iterations(self, _repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        self.pairs += np.stack((t0_ns, t1_ns), axis=1).tolist()

    def raw(self, _name: str, _content: bytes) -> None:
        raise AssertionError


def given(outcome: Outcome, target: str | None = None) -> tuple[RepeatFacts, Kept]:
    sink = Kept()
    return give(sink, RepeatRequest(2, "c", 5.0, 0, 1.0, order=4), outcome, target), sink


def summary(seconds: float = 3.0, ended_s: float = 125.0, **more: float) -> Summary:
    return Summary(1000, seconds, round(ended_s * S), 0.002, "median", reasons=("window_from_summary",), **more)  # type: ignore[arg-type]


def steps(at_s: float, n: int = 3) -> list[Span]:
    return [Span("step", round((at_s + i) * S), round((at_s + i + 0.5) * S), 0, "1.1") for i in range(n)]


def test_the_summary_of_a_tool_says_where_it_measured() -> None:
    """Building an engine and warming up lie before the measured window."""
    outcome = outcome_of(Told(WHOLE, summary=summary(warmup_s=0.2, init_s=1.5)))
    facts, sink = given(outcome)
    warmup, measured = sink.windows
    assert (measured.name, measured.t0_ns, measured.t1_ns) == ("measure/2", 122 * S, 125 * S)
    assert (warmup.name, warmup.t0_ns, warmup.t1_ns, warmup.parent) == ("warmup", 121.8 * S, 122 * S, "measure/2")
    assert (facts.iterations, facts.latency_s, facts.latency_stat, facts.init_s) == (1000, 0.002, "median", 1.5)
    assert facts.reasons == ("window_from_summary",)
    assert (measured.attributes["order"], measured.attributes["latency_s"]) == (4, 0.002)


def test_every_query_of_a_tool() -> None:
    times = np.asarray([[122 * S, 123 * S], [123 * S, 125 * S]], np.int64)
    _, sink = given(outcome_of(Told(WHOLE, summary=summary(), times=times)))
    assert sink.pairs == times.tolist()
    assert "no_times" in outcome_of(Told(WHOLE, summary=summary(), times="no_times")).reasons


def test_a_summary_of_nonsense_is_not_believed() -> None:
    """It measured for longer than it ran."""
    outcome = outcome_of(Told(WHOLE, summary=summary(seconds=1e17)))
    assert (outcome.structure.t0_ns, outcome.structure.t1_ns) == WHOLE
    assert outcome.reasons == (SUMMARY_NONSENSE,)


def test_without_a_summary_the_whole_and_the_reason() -> None:
    outcome = outcome_of(Told(WHOLE, summary="trtexec_no_summary"))
    assert (outcome.structure.t0_ns, outcome.structure.t1_ns, outcome.reasons) == (*WHOLE, ("trtexec_no_summary",))


def test_marks_are_stronger_than_a_summary() -> None:
    outcome = outcome_of(Told(WHOLE, filed=steps(110), summary=summary()))
    assert (outcome.structure.t0_ns, outcome.structure.count) == (110 * S, 3)


def test_windows_of_another_machine_stay_on_its_clock() -> None:
    """They are where its samples are; iterations are placed on the host's."""
    told = Told(WHOLE, filed=steps(10), clock_name=BOARD, offset_ns=100 * S)
    _, sink = given(outcome_of(told))
    (measured,) = sink.windows
    assert (measured.clock, measured.t0_ns, measured.t1_ns) == (BOARD, 10 * S, 12.5 * S)
    assert sink.pairs[0] == [110 * S, 110.5 * S]


def test_arrivals_from_another_machine_are_of_the_host() -> None:
    arrived = [Span("step", 110 * S, 111 * S, 0, "printed", is_own=False)]
    outcome = outcome_of(Told(WHOLE, printed=arrived, clock_name=BOARD, offset_ns=100 * S))
    assert (outcome.clock_name, outcome.structure.t0_ns, outcome.reasons) == (HOST_CLOCK, 110 * S, (ON_ARRIVAL,))
    assert outcome_of(Told(WHOLE, clock_name=None)).reasons == (ON_ARRIVAL,)


def test_its_own_stamps_are_taken_where_there_are_both() -> None:
    arrived = [Span("load", 110 * S, 111 * S, 0, "printed", is_own=False)]
    outcome = outcome_of(Told(WHOLE, printed=arrived, filed=steps(10), clock_name=BOARD, offset_ns=100 * S))
    assert (outcome.clock_name, outcome.structure.count, outcome.reasons) == (BOARD, 3, (MIXED,))


def test_stamps_of_a_clock_that_nobody_knows_are_left_out() -> None:
    outcome = outcome_of(Told(WHOLE, filed=steps(10), clock_name=None))
    assert (outcome.structure.t0_ns, outcome.structure.t1_ns, outcome.clock_name) == (*WHOLE, HOST_CLOCK)


def test_marks_from_before_or_after_the_command_are_nonsense() -> None:
    """As of a file of marks that somebody else wrote into."""
    outcome = outcome_of(Told(WHOLE, filed=[*steps(110), *steps(10), *steps(131)]))
    assert (outcome.structure.count, outcome.reasons) == (3, (NONSENSE,))


def test_what_executed_is_what_the_user_says() -> None:
    facts, sink = given(outcome_of(Told(WHOLE)), "gpu")
    assert (facts.target_used, sink.windows[0].attributes["target_used"]) == ("gpu", "gpu")
    assert given(outcome_of(Told(WHOLE)))[1].windows[0].attributes["target_used"] is None
