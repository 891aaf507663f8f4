"""What comes from the sampler's script, whatever it is: bounded lines, rows, gaps, and times that never go back."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.android.sampler.lines import LINE_LIMIT_B, Ended, Header, Lines, parse_line
from edgewatt.collectors.android.sampler.own_load import CHANNEL, STREAM, OwnLoad, parse_cpu_s
from edgewatt.collectors.android.sampler.own_time import OwnTime
from edgewatt.collectors.android.sampler.reader import Reader
from edgewatt.collectors.android.sampler.rows import LATE
from edgewatt.collectors.android.sampler.script import Group, grouped
from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.units import Quantity

TOKEN = "c0ffee"
HEADER = b"\x1f".join((b"H", b"1", TOKEN.encode(), b"7", b"read", b"10.00", b"1700000000.000000", b"ksh")) + b"\n"
MS = 1_000_000
S = 1000 * MS


def number(text: str) -> Values:
    try:
        return (float(text),)
    except ValueError:
        return (None,)


def whole(text: str) -> Values:
    return (int(text),) if text.lstrip("-").isdigit() and text.isascii() else (None,)


TEMPERATURE = Node("/sys/t", (Channel("t", Quantity.TEMPERATURE),), number, 0.1)
COUNTER = Node("/sys/c", (Channel("c", Quantity.ENERGY, "counter", scale=1e-6, counter_range=1000),), whole, 0.1)


def own_ms(text: str) -> int | None:
    return int(text.partition(" ")[0]) * MS if text[:1].isdigit() else None


RAIL = Node("/sys/r", (Channel("r", Quantity.ENERGY, "counter"),), lambda t: whole(t[-1:]), 0.1, "odpm0", own_ns=own_ms)
GROUPS = grouped([TEMPERATURE, COUNTER, RAIL])


def line(stream: int, tick: int, up_s: float, *values: str, wall_s: float = 1.7e9, took_us: int = 0) -> bytes:
    """A row at that uptime, whose wall clock is ahead by `wall_s`."""
    micros = round((up_s + wall_s) * 1e6)
    before, after = (f"{m // 1_000_000}.{m % 1_000_000:06}" for m in (micros, micros + took_us))
    return "\x1f".join((str(stream), str(tick), f"{up_s:.2f}", before, after, *values)).encode() + b"\n"


def reader(groups: Sequence[Group] = GROUPS) -> Reader:
    made = Reader(groups, PhoneStamps())
    made.begin(TOKEN)
    made.feed(HEADER)
    return made


def read(*lines: bytes, groups: Sequence[Group] = GROUPS) -> list[Batch | Gap]:
    made = reader(groups)
    made.feed(b"".join(lines))
    return made.take()


def only(items: list[Batch | Gap]) -> Batch:
    (item,) = items
    assert isinstance(item, Batch)
    return item


@given(st.lists(st.binary(max_size=50)), st.integers(1, 7))
def test_lines_are_the_same_however_they_come(parts: list[bytes], size: int) -> None:
    text = b"\n".join(parts)
    lines = Lines()
    cut = [line for start in range(0, len(text), size) for line in lines.feed(text[start : start + size])]
    assert cut == [part.rstrip(b"\r") for part in text.split(b"\n")[:-1]]


def test_a_line_of_megabytes_is_not_kept() -> None:
    lines = Lines()
    for _ in range(50):
        assert lines.feed(b"x" * (1 << 20)) == []
        assert len(lines._rest) <= LINE_LIMIT_B
    assert lines.feed(b"y\nnext\n") == [b"next"]
    assert lines.too_long == 1


@given(st.binary(), st.lists(st.integers(0, 3), max_size=3))
def test_any_line_is_something_or_has_its_reason(text: bytes, widths: list[int]) -> None:
    parsed = parse_line(text, TOKEN, widths)
    assert parsed if isinstance(parsed, str) else isinstance(parsed, (Header, Ended, list))


FIELDS = st.sampled_from(
    [b"H", b"E", b"0", b"1", b"10.00", b"1700000000.000000", b"99999999999999", b"", b"-1", b"\xff"]
)


@given(st.lists(st.one_of(st.binary(max_size=20), st.lists(FIELDS, max_size=9).map(b"\x1f".join))))
def test_any_bytes_give_rows_that_keep_to_their_announcement(lines: list[bytes]) -> None:
    made, last_ns = reader(), dict.fromkeys(("", "odpm0"), -1)
    for text in lines:
        made.feed(text + b"\n")
        for item in made.take():
            if isinstance(item, Gap):
                assert item.cause
                assert item.t0_ns <= item.t1_ns
                continue
            assert item.t_ns[0] >= last_ns[item.stream]
            assert (np.diff(item.t_ns) >= 0).all()
            last_ns[item.stream] = int(item.t_ns[-1])
            assert set(item.columns) == {
                c.column for g in GROUPS if g.stream == item.stream for c in g.nodes[0].channels
            } | ({"c.energy_j"} if item.stream == "" else set())


def test_rows_of_one_chunk_are_one_batch_stamped_at_the_middle_of_the_reads() -> None:
    batch = only(read(*(line(0, tick, 10 + tick / 10, "41.5", str(tick), took_us=2000) for tick in range(1, 4))))
    assert batch.stream == ""
    assert np.diff(batch.t_ns).tolist() == [100 * MS, 100 * MS]
    assert abs(int(batch.t_ns[0]) - (10_100 + 1) * MS) <= 10 * MS
    assert batch.columns["t.temperature_c"].tolist() == [41.5] * 3
    assert batch.columns["c.energy_j"].tolist() == [1, 2, 3]
    assert batch.columns["c.energy_j"].dtype == np.int64


def test_what_cannot_be_true_is_not_measured_and_a_failing_node_is_said_once() -> None:
    batch, *marks = read(
        line(0, 1, 10.1, "inf", "1000"),
        line(0, 2, 10.2, "", ""),
        line(0, 3, 10.3, "x", "-1"),
        line(0, 4, 10.4, "", "5"),
    )
    assert isinstance(batch, Batch)
    assert np.isnan(batch.columns["t.temperature_c"]).all()
    assert batch.columns["c.energy_j"].tolist() == [COUNTER_ABSENT] * 3 + [5]
    assert [mark.cause.partition(":")[0] for mark in marks if isinstance(mark, Gap)] == ["/sys/t", "/sys/c"]


def test_noise_before_the_header_and_a_line_that_came_twice_are_nothing() -> None:
    made = Reader(GROUPS, PhoneStamps())
    made.begin(TOKEN)
    made.feed(b"Welcome!\r\n" + line(0, 9, 9.0, "1", "1") + HEADER.replace(TOKEN.encode(), b"other"))
    assert made.header is None
    made.feed(HEADER + line(0, 1, 10.1, "1", "1") + line(0, 1, 10.1, "1", "1") + line(0, 2, 10.2, "2", "2"))
    assert made.header is not None
    assert only(made.take()).columns["t.temperature_c"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "torn",
    [
        b"0\x1f2\x1f10.2",
        b"0\x1f2\x1f10.20\x1f\x1f\x1fa\x1fb\x1fc",
        b"\xff\x00\x80",
        b"",
        b"0\x1fx\x1f10.20\x1f\x1f\x1fa\x1fb",
    ],
)
def test_a_torn_line_is_a_gap_of_one_sample(torn: bytes) -> None:
    before, gap, after = read(line(0, 1, 10.1, "1", "1"), torn + b"\n", line(0, 3, 10.3, "3", "3"))
    assert isinstance(gap, Gap)
    assert gap.samples_lost == 1
    assert "line" in gap.cause
    assert (len(before), len(after)) == (1, 1) if isinstance(before, Batch) and isinstance(after, Batch) else False
    assert isinstance(before, Batch)
    assert isinstance(after, Batch)
    assert (gap.t0_ns, gap.t1_ns) == (before.t_ns[0], after.t_ns[0])


def test_ticks_without_lines_are_a_gap_and_a_few_are_not() -> None:
    few = read(line(0, 1, 10.1, "1", "1"), line(0, 4, 10.4, "1", "1"))
    assert len(only(few)) == 2
    _, gap, _ = read(line(0, 1, 10.1, "1", "1"), line(0, 81, 18.1, "1", "1"))
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.samples_lost) == (LATE, 79)
    assert gap.t1_ns - gap.t0_ns == 8 * S


def test_a_wall_clock_that_jumps_makes_no_time_and_loses_no_samples() -> None:
    jumped = read(
        line(0, 1, 10.1, "1", "1"),
        line(0, 36_000, 10.2, "1", "1", wall_s=1.7e9 + 3600),
        line(0, 36_001, 10.3, "1", "1", wall_s=1.7e9 - 7200),
    )
    batch = only(jumped)
    assert np.allclose(np.diff(batch.t_ns) / MS, 100, atol=20)


def test_stamps_never_go_back() -> None:
    items = read(
        line(0, 1, 10.1, "1", "1"), line(0, 2, 10.05, "2", "2"), line(0, 3, 5.0, "3", "3"), line(0, 4, 10.4, "4", "4")
    )
    batches = [item for item in items if isinstance(item, Batch)]
    t_ns = np.concatenate([batch.t_ns for batch in batches])
    assert (np.diff(t_ns) >= 0).all()
    assert len(t_ns) == 3
    assert [gap.samples_lost for gap in items if isinstance(gap, Gap)] == [1]


def test_a_lost_connection_is_marked_at_once_and_ends_with_the_next_row() -> None:
    made = reader()
    made.feed(line(0, 1, 10.1, "1", "1"))
    first = only(made.take())
    mark = made.broken("unplugged")
    assert [(gap.t0_ns, gap.t1_ns, gap.cause) for gap in mark] == [(first.t_ns[0], first.t_ns[0], "unplugged")]
    made.begin("second")
    made.feed(HEADER.replace(TOKEN.encode(), b"second") + line(0, 1, 13.1, "2", "2"))
    gap, second = made.take()
    assert isinstance(gap, Gap)
    assert isinstance(second, Batch)
    assert (gap.t0_ns, gap.t1_ns, gap.cause, gap.samples_lost) == (first.t_ns[0], second.t_ns[0], "unplugged", 29)
    assert not made.rebooted


def test_rows_that_end_before_the_script_does_are_a_gap() -> None:
    made = reader()
    made.feed(line(0, 1, 10.1, "41", "7") + f"E\x1f{TOKEN}\x1fstopped\n".encode())
    made.take()
    assert made.cut("cut", 12 * S, 10 * S) == []
    (gap,) = made.cut("cut", 60 * S, 10 * S)
    assert (gap.t0_ns, gap.t1_ns, gap.cause) == (pytest.approx(10.1 * S, abs=20 * MS), 60 * S, "cut")


def test_a_phone_that_was_restarted_is_known_by_its_uptime() -> None:
    made = reader()
    made.feed(line(0, 1, 500.0, "1", "1"))
    made.begin("second")
    made.feed(HEADER.replace(TOKEN.encode(), b"second"))
    assert made.rebooted


def test_own_time_gives_a_row_only_when_it_advanced() -> None:
    rows = [(5000, 1), (5000, 1), (5100, 2), (5200, 3), (5200, 3)]
    batch = only(read(*(line(1, k + 1, 10 + k / 10, f"{own} {joules}") for k, (own, joules) in enumerate(rows))))
    assert batch.stream == "odpm0"
    assert batch.columns["r.energy_j"].tolist() == [1, 2, 3]
    assert np.diff(batch.t_ns)[-1] == pytest.approx(100 * MS, rel=1e-3)


def test_own_time_that_is_set_back_or_not_said_is_a_gap() -> None:
    items = read(
        line(1, 1, 10.0, "5000 1"), line(1, 2, 10.1, "no time"), line(1, 3, 10.2, "5200 3"), line(1, 4, 10.3, "10 4")
    )
    assert [gap.cause for gap in items if isinstance(gap, Gap)] == [
        "/sys/r: does not say its own time",
        "/sys/r: its own time was set back",
    ]


@given(st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 2**50)), max_size=30))
def test_own_time_never_goes_back_nor_ahead_of_the_reading(pairs: list[tuple[int, int]]) -> None:
    own, given_ns = OwnTime(), -(2**63)
    for read_ns, own_ns in zip(sorted(read for read, _ in pairs), (own for _, own in pairs), strict=True):
        t_ns = own.to_ns(own_ns, read_ns)
        if t_ns is not None:
            assert given_ns <= t_ns <= read_ns
            given_ns = t_ns


def test_own_time_finds_its_offset_and_follows_a_slow_crystal() -> None:
    own, offset_ns, errors = OwnTime(), 123 * S, []
    delays_ms = np.random.default_rng(0).uniform(1, 30, 20_000)
    for tick, delay_ms in enumerate(delays_ms):
        true_ns = offset_ns + tick * 100 * MS
        own_ns = round(tick * 100 * MS * (1 - 5e-5))
        t_ns = own.to_ns(own_ns, true_ns + round(delay_ms * MS))
        assert t_ns is not None
        errors.append((t_ns - true_ns) / MS)
    assert 0 < np.median(errors[1000:]) < 5
    assert np.max(errors[1000:]) < 15


def test_the_samplers_own_load_is_a_share_of_one_processor() -> None:
    load = OwnLoad()
    column = CHANNEL.column
    first = load(Batch(np.array([0, S], np.int64), {column: np.array([1.0, 1.25])}, STREAM))
    assert np.isnan(first.columns[column][0])
    assert first.columns[column][1] == pytest.approx(0.25)
    second = load(Batch(np.array([3 * S, 4 * S], np.int64), {column: np.array([1.75, 0.01])}, STREAM))
    assert second.columns[column][0] == pytest.approx(0.25)
    assert np.isnan(second.columns[column][1])


@given(st.text())
def test_any_text_is_a_processor_time_or_none(text: str) -> None:
    (cpu_s,) = parse_cpu_s(text)
    assert cpu_s is None or cpu_s >= 0


def test_the_name_of_a_process_may_hold_anything() -> None:
    assert parse_cpu_s("7 (a) b (c) R 1 1 1 0 -1 0 0 0 0 0 150 50 7 3 20 0") == (2.1,)
