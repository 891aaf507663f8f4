"""From what comes of a phone's shell to a runner's lines, and from its phases to windows: any bytes, any stamps."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.collectors.runtimes.benchmark_model.counts import Count
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, Phase
from edgewatt.collectors.runtimes.benchmark_model.printed import LINE_LIMIT_B, RAW_LIMIT_B, Printed
from edgewatt.collectors.runtimes.benchmark_model.told import FROM_SUMMARY, Span, facts_of, measured_span

TOKEN = "edgewatt-0011223344556677"
WALL = b"1700000000.000001"


def heard(chunks: Iterable[bytes]) -> tuple[Printed, list[tuple[int | None, str]]]:
    printed = Printed(TOKEN, PhoneStamps())
    return printed, [(line.t_ns, line.text) for line in printed.lines(chunks)]


def stamp(text: bytes, uptime: bytes = b"5.00") -> bytes:
    return b" %s %s\n" % (uptime, text)


def test_lines_come_with_their_time_and_without_the_scripts_own() -> None:
    text = stamp(b"  one ", b"5.00") + stamp(b"", b"5.01") + stamp(b"two", b"6.50") + stamp(b"") + stamp(b"edge 3")
    text += stamp(b"", b"7.00") + stamp(f"{TOKEN} 3".encode(), b"7.00") + b"noise\n"
    printed, lines = heard([text])
    assert lines == [
        (5_000_000_000, "  one "),
        (5_010_000_000, ""),
        (6_500_000_000, "two"),
        (5_000_000_000, ""),
        (5_000_000_000, "edge 3"),
    ]
    assert (printed.returncode, printed.over, bytes(printed.raw)) == (3, False, b"  one \n\ntwo\n\nedge 3\n")


def test_wall_clock_gives_the_resolution() -> None:
    _, lines = heard([b"%s 5.00 a\n" % WALL, b"1700000000.000251 5.00 b\n"])
    assert lines == [(5_000_000_000, "a"), (5_000_250_000, "b")]


def test_runner_that_was_stopped_for_its_output_is_told() -> None:
    printed, _ = heard([stamp(b"a") + stamp(f"{TOKEN} over".encode())])
    assert (printed.returncode, printed.over) == (None, True)


def test_line_without_a_stamp_is_kept() -> None:
    printed, lines = heard([b"sh: not a stamp\n"])
    assert lines == [(None, "sh: not a stamp")]
    assert bytes(printed.raw) == b"sh: not a stamp\n"


def test_long_lines_and_much_of_them_are_bounded() -> None:
    printed, lines = heard(stamp(b"x" * 100_000) for _ in range(40))
    assert {len(text) for _, text in lines} == {LINE_LIMIT_B - len(b" 5.00 ")}
    assert RAW_LIMIT_B < len(printed.raw) < RAW_LIMIT_B + 100
    assert printed.raw.endswith(b"kept the first MiB]\n")


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_give_lines(chunks: list[bytes]) -> None:
    whole, lines = heard([b"".join(chunks)])
    pieces, same = heard(chunks)
    assert lines == same
    assert (whole.raw, whole.returncode) == (pieces.raw, pieces.returncode)


@given(st.binary(max_size=300), st.integers(1, 7))
def test_what_the_script_prints_comes_back(output: bytes, size: int) -> None:
    # The shell's `read` drops NUL, and gives a last line its end.
    kept = output.replace(b"\0", b"")
    lines = kept.split(b"\n")
    text = b"".join(map(stamp, lines if lines[-1] else lines[:-1])) + stamp(b"") + stamp(f"{TOKEN} 0".encode())
    printed, _ = heard(text[at : at + size] for at in range(0, len(text), size))
    assert printed.returncode == 0
    assert bytes(printed.raw) == kept if kept.endswith(b"\n") or not kept else kept + b"\n"


def parsed(t0_ns: int | None, t1_ns: int | None, n: int = 100, avg_s: float = 0.01) -> Parsed:
    return Parsed(measured=Phase(Count(n, avg_s=avg_s), t0_ns, t1_ns))


def test_window_is_between_the_lines_that_tell_of_it() -> None:
    assert measured_span(parsed(10, 1_100_000_010), None) == Span(10, 1_100_000_010)


def test_window_that_is_shorter_than_its_iterations_is_made_from_them() -> None:
    late = Span(9_000_000_000, 10_000_000_000, (FROM_SUMMARY,))
    assert measured_span(parsed(9_990_000_000, 10_000_000_000), None) == late
    assert measured_span(parsed(None, 10_000_000_000), None) == late
    assert measured_span(parsed(None, None), 10_000_000_000) == late
    assert measured_span(parsed(None, None), None) is None


def test_reasons_are_told_once() -> None:
    facts = facts_of(parsed(None, None), "cpu", ("a", "b", "a"))
    assert facts.reasons[:2] == ("a", "b")
    assert len(set(facts.reasons)) == len(facts.reasons)
