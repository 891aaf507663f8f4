"""Which windows of a program are measured, and which are its iterations."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.windowing.spans import Span
from edgewatt.profiler.windowing.structure import ALL_WARM, DIFFERS, TWICE, Structure, structure_of

WHOLE = (0, 1000)


def steps(n: int, name: str = "step", at: int = 100, depth: int = 0, writer: str = "1.1") -> list[Span]:
    """Windows of 8 ns, one every 10."""
    return [Span(name, at + 10 * i, at + 10 * i + 8, depth, writer) for i in range(n)]


def shape(found: Structure) -> tuple[int, int, int, int]:
    """Where it is measured, how many iterations, and of how many the time is known."""
    return found.t0_ns, found.t1_ns, found.count, len(found.iterations)


def test_without_marks_the_whole_is_one_iteration() -> None:
    found = structure_of([], WHOLE)
    assert shape(found) == (0, 1000, 1, 1)
    assert not found.is_marked


def test_without_marks_a_count_is_believed() -> None:
    assert shape(structure_of([], WHOLE, count=50)) == (0, 1000, 50, 0)


def test_steps_are_iterations_and_what_lies_between_them_is_measured() -> None:
    found = structure_of([*steps(3), Span("load", 0, 50, 0, "1.1")], WHOLE)
    assert shape(found) == (100, 128, 3, 3)
    assert found.iterations.tolist() == [[100, 108], [110, 118], [120, 128]]
    assert [span.name for span in found.inner] == ["load"]


def test_windows_of_one_name_are_iterations_and_of_several_are_not() -> None:
    assert shape(structure_of(steps(4, "infer"), WHOLE)) == (100, 138, 4, 4)
    assert shape(structure_of([*steps(2, "a"), *steps(2, "b", at=200)], WHOLE)) == (100, 218, 1, 1)


def test_only_the_outermost_count() -> None:
    inner = [Span("step", span.t0_ns, span.t1_ns, 1, "1.1") for span in steps(8)]
    found = structure_of([*inner, Span("epoch", 90, 190, 0, "1.1")], WHOLE)
    assert shape(found) == (90, 190, 1, 1)


def test_measure_says_where() -> None:
    found = structure_of([*steps(3, depth=1), Span("measure", 90, 150, 0, "1.1")], WHOLE)
    assert shape(found) == (90, 150, 3, 3)


def test_a_printed_measure_holds_steps_of_the_api() -> None:
    found = structure_of([*steps(3), *steps(1, at=500), Span("measure", 90, 150, 0, "printed")], WHOLE)
    assert shape(found) == (90, 150, 3, 3)


def test_warmup_is_before_and_not_measured() -> None:
    warm = steps(2, "warmup", at=50)
    found = structure_of([*warm, *steps(3)], WHOLE)
    assert (*shape(found), found.warmup, found.warmup_count) == (100, 128, 3, 3, (50, 68), 2)
    assert shape(structure_of(warm, WHOLE)) == (68, 1000, 1, 1)


def test_first_iterations_may_be_skipped() -> None:
    found = structure_of(steps(5), WHOLE, skip=2)
    assert (*shape(found), found.warmup) == (120, 148, 3, 3, (100, 118))
    assert structure_of(steps(2), WHOLE, skip=5).reasons == (ALL_WARM,)


def test_other_processes_do_the_same_steps() -> None:
    """Four ranks of a data-parallel training are one iteration each step, not four."""
    ranks = [span for rank in range(4) for span in steps(3, at=100 + rank, writer=f"{rank}.1")]
    found = structure_of(ranks, WHOLE)
    assert (found.count, len(found.inner)) == (3, 9)


def test_what_contradicts_is_said() -> None:
    assert structure_of(steps(3), WHOLE, count=5).reasons == (DIFFERS,)
    measured = [Span("measure", 10, 20, 0, "1.1"), Span("measure", 40, 60, 0, "1.1")]
    assert structure_of(measured, WHOLE).reasons == (TWICE,)


def test_a_step_that_raised_is_none() -> None:
    failed = Span("step", 200, 210, 0, "1.1", attributes={"raised": "1"})
    assert structure_of([*steps(3), failed], WHOLE).count == 3


SPANS = st.builds(
    lambda name, t0, length, depth, writer: Span(name, t0, t0 + length, depth, writer),
    st.sampled_from(["step", "iteration", "measure", "warmup", "a", "b"]),
    st.integers(0, 900),
    st.integers(0, 100),
    st.integers(0, 2),
    st.sampled_from(["1.1", "2.1", "printed"]),
)


@given(st.lists(SPANS, max_size=12), st.one_of(st.none(), st.integers(1, 9)), st.integers(0, 3))
def test_any_windows_have_a_structure(spans: Sequence[Span], count: int | None, skip: int) -> None:
    found = structure_of(spans, WHOLE, count=count, skip=skip)
    assert found.count >= 1
    assert 0 <= found.t0_ns <= found.t1_ns <= 1000
    assert len(found.iterations) in {0, found.count}
    if len(found.iterations):
        assert found.iterations.min() >= found.t0_ns
        assert found.iterations.max() <= found.t1_ns
        assert (np.diff(found.iterations[:, 0]) >= 0).all()
