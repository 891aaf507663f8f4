"""What a command printed, in whatever pieces it arrives."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.commands import places
from edgewatt.collectors.runtimes.commands.heard import Heard
from edgewatt.collectors.runtimes.commands.running import Chunk
from edgewatt.profiler.windowing.spans import LINE_LIMIT_B, MANY, Printed, read_marks

LINES = st.one_of(
    st.sampled_from([b"edgewatt: begin a", b"edgewatt: end a", b"edgewatt: iteration", b"edgewatt: ", b"edgew", b""]),
    st.binary(max_size=20),
    st.just(b"x" * (LINE_LIMIT_B + 5)),
    st.just(b"edgewatt: begin a " + b"y" * LINE_LIMIT_B),
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
OUTPUT = st.lists(st.tuples(LINES, ENDS), max_size=12).map(lambda parts: b"".join(line + end for line, end in parts))


def heard(pieces: Sequence[bytes], *, all_lines: bool) -> tuple[list[str], list[str], list[bytes]]:
    """Names of the windows, reasons, and the other lines, of output that arrives in these pieces."""
    lines: list[bytes] = []
    printed = Printed(0)
    found = Heard(printed, (lambda line, _t_ns: lines.append(line)) if all_lines else None)
    found.take([Chunk(1, piece) for piece in pieces])
    found.end(1)
    return [span.name for span in printed.spans], list(printed.reasons), lines


@given(OUTPUT, st.lists(st.integers(0, 400), max_size=8))
def test_the_pieces_do_not_matter(output: bytes, cuts: list[int]) -> None:
    bounds = sorted({0, len(output), *(min(cut, len(output)) for cut in cuts)})
    pieces = [output[a:b] for a, b in pairwise(bounds)]
    whole = heard([output], all_lines=True)
    assert heard(pieces, all_lines=True) == whole
    assert heard(pieces, all_lines=False)[:2] == whole[:2]
    assert all(len(line) <= LINE_LIMIT_B for line in whole[2])


@given(st.lists(st.binary(max_size=50), max_size=20), st.booleans())
def test_the_last_words_are_one_printable_line(pieces: list[bytes], is_error: bool) -> None:  # noqa: FBT001
    found = Heard(Printed(0))
    found.take([Chunk(1, piece, is_error) for piece in pieces])
    assert found.last_words == "" or found.last_words.isprintable()
    assert len(found.last_words) <= 400


def test_its_error_output_is_heard_too_and_kept_apart() -> None:
    found = Heard(printed := Printed(0))
    found.take([Chunk(1, b"edgewatt: beg"), Chunk(2, b"edgewatt: begin b\n", is_error=True), Chunk(3, b"in a\n")])
    found.take([Chunk(4, b"edgewatt: end a\nedgewatt: end b\n")])
    assert [span.name for span in printed.spans] == ["a", "b"]


def test_a_file_of_marks_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = tmp_path / "marks"
    marks.write_bytes(b"w 1 2 0 1.1 - step\n" * 100)
    monkeypatch.setattr(places, "MARKS_LIMIT_B", 100)
    spans, reasons = read_marks(places.marks_in(marks))
    assert (len(spans), reasons) == (5, [MANY])
    assert places.marks_in(tmp_path / "none") == places.marks_in(tmp_path) == b""
