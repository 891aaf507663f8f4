"""Operator tables: known by their headers, in tabs, blanks and commas."""
# ruff: noqa: E501  (lines are as long as the tool prints them)

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.benchmark_model.op_tables import OpRow, OpTable, TableReader, parse_row, run_rows
from edgewatt.collectors.runtimes.benchmark_model.output import parse, stamped
from tests.bm_outputs import OF_2021

SAMPLES = Path(__file__).parents[2] / "shared/samples/android"

WITHOUT_START = """\
INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t                         [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                            QUANTIZE\t    0.200\t    0.203\t 20.000%\t 20.000%\t     0.000\t        1\t[tfl.quantize]:0
\t       Convolution (NHWC, QU8) IGEMM\t    0.400\t    0.407\t 40.000%\t 60.000%\t     1.500\t       13\tDelegate/Convolution (NHWC, QU8) IGEMM:0
\t     Fully Connected (NC, F32) 2\t    0.401\t    0.405\t 40.000%\t100.000%\t     0.000\t        1\tDelegate/Fully Connected (NC, F32) 2:1

============================== Top by Computation Time ==============================
\t                         [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t       Convolution (NHWC, QU8) IGEMM\t    0.400\t    0.407\t 40.000%\t 40.000%\t     1.500\t       13\tDelegate/Convolution (NHWC, QU8) IGEMM:0

Number of nodes executed: 3
"""

CSV = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
QUANTIZE, 0.2, 0.203, 20%, 20%, 0, 1, [tfl.quantize]:0
Convolution (NHWC, QU8) IGEMM, 0.4, 0.407, 40%, 60%, 1.5, 13, Delegate/Convolution (NHWC\t QU8) IGEMM:0
Fully Connected (NC, F32) 2, 0.401, 4.05e-1, 40%, 100%, 0, 1, Delegate/Fully Connected 2 (NC\t F32) GEMM:1

Number of nodes executed: 3
============================== Summary by node type ==============================
node type, count, avg_ms, avg %, cdf %, mem KB, times called
QUANTIZE, 1, 0.203, 20%, 20%, 0, 1
"""

BARE_CSV = re.sub(", (?!QU8|F32)", ",", CSV)

GRAPHS = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
Primary graph (name: main) profile:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
WHILE, 5, 5.5, 100%, 100%, 0, 1, [loop]:0

Number of nodes executed: 1
Timings (microseconds): count=2 curr=5500
Memory (bytes): count=0
1 nodes observed

Subgraph (index: 2, name: body) profile:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
ADD, 1, 1.5, 100%, 100%, 0, 4, [sum]:0

Subgraph (index: 2, name: body) Timings (microseconds): count=2 curr=1500
1 nodes observed

Delegate internal:\x20
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
Add (ND), 1, 1.25, 100%, 100%, 0, 1, Delegate/Add (ND):0

1 nodes observed
"""


def tables(text: str) -> tuple[OpTable, ...]:
    return parse(stamped(text)).op_tables


def test_rows_with_a_start_and_names_that_hold_anything() -> None:
    _, run = tables(OF_2021)
    assert run.whole
    assert run.rows[0] == OpRow(0, "STRIDED_SLICE", "[model/slice one/StridedSlice]:0", 0.002125, 0.0022, 0.00002, 0, 1)
    assert (run.rows[1].tensors, run.rows[1].node) == ("a/mul, b:0/mul, c", 31)
    assert (run.rows[2].latency_s, run.rows[2].times_called) == (0.002125, 3)


def test_the_initialisation_is_a_table_of_its_own() -> None:
    init, _ = tables(OF_2021)
    assert (init.phase, init.nodes) == ("init", 2)
    assert init.rows[0] == OpRow(
        0, "ModifyGraphWithDelegate", "ModifyGraphWithDelegate/0", 0.2105, 0.2105, 0.0, 1_024_000, 1
    )
    assert init.rows[1].latency_s == 0.070167


WRITTEN = {"tabs": WITHOUT_START, "blanks": WITHOUT_START.expandtabs(4), "commas": CSV, "bare commas": BARE_CSV}


@pytest.mark.parametrize("way", WRITTEN)
def test_rows_without_a_start_however_they_are_separated(way: str) -> None:
    (table,) = tables(WRITTEN[way])
    assert table.whole
    assert [row.op for row in table.rows] == [
        "QUANTIZE",
        "Convolution (NHWC, QU8) IGEMM",
        "Fully Connected (NC, F32) 2",
    ]
    assert [row.latency_s for row in table.rows] == [0.000203, 0.000407, 0.000405]
    assert [row.start_s for row in table.rows] == [None] * 3
    assert (table.rows[1].times_called, table.rows[1].memory_b) == (13, 1500)
    assert table.rows[1].name == "Delegate/Convolution (NHWC, QU8) IGEMM:0"


def test_graphs_are_told_apart_and_time_inside_a_node_is_not_counted_twice() -> None:
    assert [(table.graph, table.nodes, len(table.rows)) for table in tables(GRAPHS)] == [
        ("", 1, 1),
        ("subgraph 2", 1, 1),
        ("delegate", 1, 1),
    ]
    assert [(graph, row.index, row.op) for graph, row in run_rows(tables(OF_2021 + GRAPHS))] == [
        ("", 0, "STRIDED_SLICE"),
        ("", 1, "TfLiteNnapiDelegate"),
        ("", 2, "RESIZE_NEAREST_NEIGHBOR"),
        ("", 3, "WHILE"),
    ]


def test_a_table_that_ends_early_is_not_whole() -> None:
    until = OF_2021[: OF_2021.index("\t RESIZE_NEAREST_NEIGHBOR\t           40")]
    (_, run) = tables(until)
    assert (len(run.rows), run.nodes, run.whole) == (2, None, False)
    for at in range(len(until.splitlines()[-1])):
        (_, cut) = tables(until[: -1 - at])
        assert cut.rows == run.rows[:1], "a row without the end of its line may be cut"


def test_lines_of_another_stream_among_the_rows_are_no_rows() -> None:
    noisy = OF_2021.replace("\t     TfLiteNnapiDelegate", "ERROR: something odd, 1, 2\n\t     TfLiteNnapiDelegate")
    assert tables(noisy)[1].rows == tables(OF_2021)[1].rows


def test_cycles_of_a_hexagon_are_no_time() -> None:
    (table,) = tables("Use Hexagon: [1]\nHexagon profiling: [1]\n" + WITHOUT_START)
    assert [(row.latency_s, row.first_s) for row in table.rows] == [(None, None)] * 3
    assert table.rows[1].times_called == 13


@pytest.mark.parametrize("cell", ["-0.001", "nan", "-nan", "inf"])
def test_a_time_that_cannot_be_is_none(cell: str) -> None:
    row = parse_row(f"ADD, 1, {cell}, 5%, 5%, 0, 1, [x]:0", CSV.splitlines()[2].replace("_", " ").split(", "), ", ", 0)
    assert row is not None
    assert (row.latency_s, row.first_s) == (None, 0.001)


@given(st.lists(st.sampled_from([*OF_2021.splitlines(), *CSV.splitlines(), *GRAPHS.splitlines()]) | st.text()))
def test_any_lines_give_tables(lines: list[str]) -> None:
    reader = TableReader()
    for line in lines:
        reader.hear(line.strip(), ended=True)
    assert all(row.index == at for table in reader.tables for at, row in enumerate(table.rows))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recordings of real phones are not here")
@pytest.mark.parametrize(
    ("name", "rows", "op", "latency_s"),
    [
        ("benchmark_model_mi11_17_prof.txt", 11, "TfLiteNnapiDelegate", 0.07901),
        ("benchmark_model_mobilenet_v1_qemuriscv64_1.txt", 31, "CONV_2D", 0.13049),
    ],
)
def test_recorded(name: str, rows: int, op: str, latency_s: float) -> None:
    run = tables((SAMPLES / name).read_text())[1]
    assert (run.phase, run.nodes, run.whole, len(run.rows)) == ("run", rows, True, rows)
    assert any(row.op == op and row.latency_s == pytest.approx(latency_s, abs=1e-5) for row in run.rows)
