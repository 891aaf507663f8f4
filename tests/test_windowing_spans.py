"""Marks that are read back: the lines that a program prints, and any bytes in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.windowing.spans import (
    MANY,
    NONSENSE,
    NOT_BEGUN,
    NOT_ENDED,
    STACK_LIMIT,
    UNREADABLE,
    UNUSED,
    Printed,
    Span,
    read_marks,
)

STEP_NS = 100


def printed(*lines: str, since_ns: int | None = 0, has_clock: bool = True) -> Printed:
    """What lines say, arriving every STEP_NS from STEP_NS on."""
    found = Printed(since_ns, has_clock=has_clock)
    for place, line in enumerate(lines, 1):
        found.hear(line.encode(), place * STEP_NS)
    found.end()
    return found


def spans(found: Printed) -> list[tuple[str, int, int, int]]:
    return [(span.name, span.t0_ns, span.t1_ns, span.depth) for span in found.spans]


def test_windows_by_arrival() -> None:
    found = printed(
        "edgewatt: begin step epoch=1 lr=0.1", "other", "edgewatt: begin fw", "edgewatt: end fw", "edgewatt: end step"
    )
    assert spans(found) == [("fw", 300, 400, 1), ("step", 100, 500, 0)]
    assert found.spans[1].attributes == {"epoch": "1", "lr": "0.1"}
    assert (list(found.reasons), found.spans[0].is_own) == ([], False)


def test_own_stamps_count() -> None:
    found = printed("edgewatt: begin step t_ns=7", "edgewatt: end step t_ns=150 ok=1")
    assert found.spans == [Span("step", 7, 150, 0, "printed", True, {"ok": "1"})]


@pytest.mark.parametrize("stamp", ["x", "-5", "1e9", "99999999999999999999", "350", "3"])
def test_a_stamp_of_nonsense_is_the_arrival(stamp: str) -> None:
    """It is no number, later than its line, or before the program began."""
    found = printed("", "edgewatt: begin step", f"edgewatt: end step t_ns={stamp}", since_ns=5)
    assert spans(found) == [("step", 200, 300, 0)]
    assert list(found.reasons) == [NONSENSE]


def test_stamps_that_go_back_are_nonsense_on_any_clock() -> None:
    found = printed("edgewatt: begin a t_ns=900000", "edgewatt: end a t_ns=800000", since_ns=None)
    assert list(found.reasons) == [NONSENSE]
    assert found.spans[0].t1_ns >= found.spans[0].t0_ns


def test_stamps_of_a_clock_that_nobody_knows_are_not_used() -> None:
    found = printed("edgewatt: begin a t_ns=1", "edgewatt: end a t_ns=2", since_ns=None, has_clock=False)
    assert (spans(found), list(found.reasons)) == ([("a", 100, 200, 0)], [UNUSED])


def test_iterations_have_ended_when_they_are_said() -> None:
    found = printed("edgewatt: iteration", "edgewatt: iteration loss=2", "edgewatt: iteration")
    assert spans(found) == [("iteration", 100, 200, 0), ("iteration", 200, 300, 0)]
    inside = printed("edgewatt: begin measure", "edgewatt: iteration", "edgewatt: iteration", "edgewatt: end measure")
    assert spans(inside) == [("iteration", 100, 200, 1), ("iteration", 200, 300, 1), ("measure", 100, 400, 0)]


def test_a_count() -> None:
    assert printed("edgewatt: iterations=250").iterations == 250


@pytest.mark.parametrize(
    ("lines", "reason", "names"),
    [
        (["begin a"], NOT_ENDED, []),
        (["end a"], NOT_BEGUN, []),
        (["begin a", "begin b", "end a"], NOT_ENDED, ["a"]),
        (["begin a", "end b", "end a"], NOT_BEGUN, ["a"]),
        (["begin"], UNREADABLE, []),
        (["begin k=v"], UNREADABLE, []),
        (["frobnicate a"], UNREADABLE, []),
        (["iterations=-3"], UNREADABLE, []),
        (["iterations=99999999999"], UNREADABLE, []),
        (["begin x"] * (STACK_LIMIT + 1), MANY, []),
    ],
)
def test_unbalanced_or_broken(lines: list[str], reason: str, names: list[str]) -> None:
    found = printed(*(f"edgewatt: {line}" for line in lines))
    assert [span.name for span in found.spans] == names
    assert reason in found.reasons


def test_only_the_beginning_of_a_line_marks() -> None:
    assert spans(printed("INFO edgewatt: begin a", "edgewatt:begin a", " edgewatt: end a")) == []


def test_the_file() -> None:
    content = b"w 5 9 0 12.34 torch step%20a k=v%3D\nw 10 11 1 12.34 - x\nw 1 2"
    assert read_marks(content) == (
        [
            Span("step a", 5, 9, 0, "12.34", attributes={"synchronised": "torch", "k": "v="}),
            Span("x", 10, 11, 1, "12.34", attributes={"synchronised": "-"}),
        ],
        [],
    )
    assert read_marks(b"w 9 5 0 1.1 - backwards\nfoo\n")[1] == [UNREADABLE]
    assert read_marks(b"cut\n") == ([], [MANY])


VERBS = st.sampled_from([b"begin a", b"end a", b"begin b", b"end b", b"iteration", b"iterations=3", b"begin", b"end"])
STAMPS = st.sampled_from([b"", b" t_ns=5", b" t_ns=999", b" t_ns=-", b" x=%ff", b" ="])
MARKS = st.builds(lambda verb, stamp: b"edgewatt: " + verb + stamp, VERBS, STAMPS)


@given(st.lists(st.one_of(MARKS, st.binary(max_size=40)), max_size=30), st.sampled_from([None, 0, 2000]))
def test_any_lines_give_ordered_windows(lines: list[bytes], since_ns: int | None) -> None:
    found = Printed(since_ns)
    for place, line in enumerate(lines, 1):
        found.hear(line, 2000 + place * STEP_NS)
    found.end()
    assert all(span.t0_ns <= span.t1_ns for span in found.spans)
    assert all(len(span.name) <= 100 and span.depth >= 0 for span in found.spans)


FILE_LINES = st.builds(
    lambda t0, t1, depth, name: b"w %d %d %d 1.2 - %b" % (t0, t1, depth, name),
    st.integers(0, 10**19),
    st.integers(0, 10**19),
    st.integers(0, 99999),
    st.binary(max_size=20),
)


@given(st.lists(st.one_of(FILE_LINES, st.binary(max_size=60)), max_size=20))
def test_any_file_gives_ordered_windows(lines: list[bytes]) -> None:
    found, _ = read_marks(b"\n".join(lines))
    assert all(0 <= span.t0_ns <= span.t1_ns < 10**18 for span in found)
