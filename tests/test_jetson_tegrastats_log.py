"""Logs of tegrastats that people have: placed by their times or a period, with holes, rubbish and changing fields."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.collectors.generic.replay import FAMILY
from edgewatt.collectors.jetson.tegrastats_log import is_log, placed, read_log
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.running.record import record
from edgewatt.profiler.storage.trace import Trace

LINE = (
    "RAM 1224/15656MB (lfb 8x4MB) CPU [1%@729] GR3D_FREQ 0% cpu@45C "
    "VDD_IN {mw}mW/4304mW VDD_CPU_GPU_CV 573mW/573mW VDD_SOC 1218mW/1218mW"
)


def stamped(second: int, mw: int = 4300, minute: int = 3) -> str:
    return f"07-16-2026 13:{minute:02}:{second:02} {LINE.format(mw=mw)}"


def log(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def opened(path: Path, options: str = "") -> Device:
    return FAMILY.open(parse_uri(f"replay:{path}{options}"))


def recorded(path: Path, options: str = "") -> Trace:
    return record(opened(path, options), path.with_suffix(".run"))


def series(trace: Trace, column: str) -> tuple[list[int], list[float]]:
    """The stamps in ns and values of a column."""
    chunks = list(trace.series(column).chunks())
    return [t for t_ns, _ in chunks for t in t_ns.tolist()], [v for _, values in chunks for v in values.tolist()]


def test_a_log_with_times_is_placed_by_them(tmp_path: Path) -> None:
    trace = recorded(log(tmp_path / "log", *(stamped(second, 4000 + second) for second in range(5))))
    t_ns, watts = series(trace, "vdd_in.power_w")
    assert np.diff(t_ns).tolist() == [1_000_000_000] * 4
    assert watts == pytest.approx([4.0, 4.001, 4.002, 4.003, 4.004])
    assert trace.manifest.device["begins"] == "07-16-2026 13:03:00"
    assert trace.manifest.device["profile_basis"] == "the labels of its rails"
    assert (trace.sources[0].name, trace.sources[0].boundary) == ("tegrastats/vdd_in", "board")
    assert trace.clock_fit("tegrastats.log").bound_ns == 1_000_000_000
    assert trace.manifest.status == "complete"


def test_lines_of_one_second_are_spread_over_it() -> None:
    assert (placed([5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8]) / 1e9).tolist() == [
        0.625, 0.875, 1.125, 1.375, 1.625, 1.875, 2.125, 2.375, 2.625, 2.875, 3.125,
    ]  # fmt: skip
    assert placed([]).tolist() == []
    assert (placed([3]) / 1e9).tolist() == [0.5]


def test_a_hole_is_a_gap(tmp_path: Path) -> None:
    times = [0, 1, 2, 3, 20, 21, 22]
    trace = recorded(log(tmp_path / "log", *(stamped(second) for second in times)))
    (gap,) = trace.gaps()
    assert (gap.t1_ns - gap.t0_ns, gap.samples_lost) == (17_000_000_000, 16)


def test_a_log_without_times_needs_a_period(tmp_path: Path) -> None:
    path = log(tmp_path / "log", *(LINE.format(mw=4000 + n) for n in range(4)))
    with pytest.raises(UsageError, match=r"have no time.*\?period=1"):
        opened(path)
    trace = recorded(path, "?period=0.5")
    assert np.diff(series(trace, "vdd_in.power_w")[0]).tolist() == [500_000_000] * 3


def test_a_period_that_is_given_counts_more_than_times(tmp_path: Path) -> None:
    path = log(tmp_path / "log", *(stamped(second) for second in (3, 3, 2, 4)))
    with pytest.raises(UsageError, match=r"line 3: its time goes back.*\?period=SECONDS"):
        opened(path)
    assert len(series(recorded(path, "?period=1"), "vdd_in.power_w")[0]) == 4


def test_fields_that_come_and_go_are_null(tmp_path: Path) -> None:
    lines = [stamped(0), stamped(1) + " gpu@40C", stamped(2).replace("VDD_SOC 1218mW/1218mW", "")]
    trace = recorded(log(tmp_path / "log", *lines))
    assert np.isnan(series(trace, "gpu.temperature_c")[1]).tolist() == [True, False, True]
    assert np.isnan(series(trace, "vdd_soc.power_w")[1]).tolist() == [False, False, True]


def test_rubbish_is_counted_and_left_out(tmp_path: Path) -> None:
    lines = [
        "nohup: ignoring input",
        stamped(0),
        "",
        "\x00\x01",
        stamped(1) + " FUTURE word",
        LINE.format(mw=1),
        stamped(2),
    ]
    trace = recorded(log(tmp_path / "log", *lines))
    assert trace.stored_streams["tegrastats"].rows == 3
    assert trace.manifest.device["lines_unread"] == 3
    assert trace.manifest.device["words_unread"] == ["FUTURE", "word"]
    assert "meter_values_unreadable:tegrastats:3" in trace.manifest.quality_reasons


def test_a_board_may_be_named(tmp_path: Path) -> None:
    path = log(tmp_path / "log", *(stamped(second).replace("VDD_CPU_GPU_CV", "VDD_MOON") for second in range(3)))
    assert opened(path).facts["profile"] == "jetson_board"
    assert opened(path, "?board=jetson_orin_nx").facts["profile"] == "jetson_orin_nx"


def test_every_rail_at_zero_is_not_measured(tmp_path: Path) -> None:
    dead = stamped(1, 0).replace("573mW", "0mW").replace("1218mW", "0mW")
    trace = recorded(log(tmp_path / "log", stamped(0), dead, stamped(2, 0)))
    assert np.isnan(series(trace, "vdd_in.power_w")[1]).tolist() == [False, True, False]


def test_a_log_of_nothing_but_zeros_gives_no_joules_and_says_why(tmp_path: Path) -> None:
    dead = [stamped(second, 0).replace("573mW", "0mW").replace("1218mW", "0mW") for second in range(3)]
    trace = recorded(log(tmp_path / "log", *dead))
    assert not trace.sources
    assert ["every rail of every line" in u["reason"] for u in trace.manifest.unavailable] == [True]


def test_options_that_a_log_does_not_have(tmp_path: Path) -> None:
    path = log(tmp_path / "log", stamped(0))
    with pytest.raises(UsageError, match="no option 'speed'"):
        opened(path, "?speed=1")
    with pytest.raises(UsageError, match="period is '0'"):
        opened(path, "?period=0")


def test_what_is_neither_a_run_nor_a_log(tmp_path: Path) -> None:
    path = log(tmp_path / "notes", "RAM 5/6MB is not enough", "CPU [5%@3] is not either")
    assert not is_log(path)
    assert not is_log(tmp_path)
    with pytest.raises(UsageError, match="or a log of tegrastats"):
        opened(path)


def test_a_line_that_is_being_written_does_not_count_twice(tmp_path: Path) -> None:
    path = log(tmp_path / "log", stamped(0), stamped(1))
    counted = read_log(path, None)
    with path.open("a") as file:
        file.write(stamped(2) + "\n")
    assert len(list(counted.rows())) == 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.just(stamped(5)), st.just(LINE), st.text(max_size=60), st.just("99-99-2026 99:99:99 " + LINE))
    )
)
def test_any_text_gives_a_log_or_a_named_error(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(lines), errors="replace")
    try:
        found = read_log(path, None)
    except EdgewattError:
        return
    assert len(list(found.rows())) == len(found.t_ns) > 0
    assert (np.diff(found.t_ns) >= 0).all()
