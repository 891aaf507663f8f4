"""Multiply-accumulates of every operator that is counted, against counts by hand."""

import pytest

from edgewatt.collectors.runtimes.litert_graph import Graph, Node, Tensor
from edgewatt.collectors.runtimes.model_summary.macs import COUNTED, LARGEST, WITHOUT, Shape, Uncountable, macs_of
from edgewatt.collectors.runtimes.tflite_graph import OPERATORS

# Input 4, state 5: every gate has a matrix of 5 x 4 and one of 5 x 5.
IN_OUT, OUT_OUT = (5, 4), (5, 5)
PEEP, BIAS = (5,), (5,)
LSTM = [(2, 4), *[IN_OUT] * 4, *[OUT_OUT] * 4, *[PEEP] * 3, *[BIAS] * 4, None, None, (2, 5), (2, 5)]


def macs(op: str, reads: list[Shape | None], *writes: Shape) -> int:
    shapes = [shape or () for shape in [*reads, *writes]]
    tensors = {index: Tensor(str(index), shape, "float32") for index, shape in enumerate(shapes)}
    inputs = tuple(-1 if shape is None else index for index, shape in enumerate(reads))
    node = Node(op, inputs, tuple(range(len(reads), len(shapes))))
    return macs_of(Graph([node], tensors), node)


@pytest.mark.parametrize(
    ("op", "reads", "write", "expected"),
    [
        # 4 x 6 places, 8 results each, of a 3 x 2 window over 5 channels
        ("CONV_2D", [(1, 8, 12, 5), (8, 3, 2, 5), (8,)], (1, 4, 6, 8), 4 * 6 * 8 * 30),
        ("CONV_2D", [(3, 8, 12, 5), (8, 3, 2, 5), (8,)], (3, 4, 6, 8), 3 * 4 * 6 * 8 * 30),
        # two groups: each of 8 results sees 5 of 10 channels
        ("CONV_2D", [(1, 4, 6, 10), (8, 3, 2, 5), (8,)], (1, 4, 6, 8), 4 * 6 * 8 * 30),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 6), (1, 3, 3, 12), (12,)], (1, 4, 4, 12), 4 * 4 * 12 * 9),
        # each of 4 x 4 x 3 values is spread over a 2 x 2 window of 5 channels
        ("TRANSPOSE_CONV", [(4,), (5, 2, 2, 3), (1, 4, 4, 3)], (1, 8, 8, 5), 4 * 4 * 3 * 2 * 2 * 5),
        ("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 7)], (1, 2, 2, 2, 7), 8 * 7 * 27 * 2),
        ("CONV_3D_TRANSPOSE", [(5,), (2, 2, 2, 7, 3), (1, 4, 4, 4, 3)], (1, 8, 8, 8, 7), 64 * 3 * 8 * 7),
        ("FULLY_CONNECTED", [(2, 16), (10, 16), (10,)], (2, 10), 2 * 10 * 16),
        ("FULLY_CONNECTED", [(2, 7, 16), (10, 16), None], (2, 7, 10), 2 * 7 * 10 * 16),
        ("BATCH_MATMUL", [(2, 4, 3, 5), (2, 4, 5, 6)], (2, 4, 3, 6), 8 * 3 * 5 * 6),
        ("BATCH_MATMUL", [(2, 4, 5, 3), (2, 4, 6, 5)], (2, 4, 3, 6), 8 * 3 * 5 * 6),  # both transposed
        ("BATCH_MATMUL", [(1, 3, 5), (4, 5, 6)], (4, 3, 6), 4 * 3 * 5 * 6),  # broadcast
        ("RNN", [(2, 4), IN_OUT, OUT_OUT, BIAS, (2, 5)], (2, 5), 2 * (20 + 25)),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [(2, 7, 4), IN_OUT, OUT_OUT, BIAS, (2, 5)], (2, 7, 5), 14 * 45),
        (
            "BIDIRECTIONAL_SEQUENCE_RNN",
            [(2, 7, 4), *[IN_OUT, OUT_OUT, BIAS, (2, 5)] * 2, None, None, None],
            (2, 7, 10),
            14 * 2 * 45,
        ),
        ("LSTM", LSTM, (2, 5), 2 * 4 * 45),
        ("LSTM", [(2, 4), (2, 5), (20, 9), (20,), (2, 5)], (2, 5), 2 * 20 * 9),  # the basic kernel
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", [(2, 7, 4), *LSTM[1:]], (2, 7, 5), 14 * 4 * 45),
        # input and forget gate coupled: three gates; and a projection of 5 to 3
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [(2, 7, 4), None, *[IN_OUT] * 3, None, *[(5, 3)] * 3, *LSTM[9:16], (3, 5)],
            (2, 7, 3),
            14 * (3 * 20 + 3 * 15 + 15),
        ),
        (
            "BIDIRECTIONAL_SEQUENCE_LSTM",
            [(2, 7, 4), *LSTM[1:18], *LSTM[1:18], *[(2, 5)] * 4],
            (2, 7, 10),
            14 * 2 * 4 * 45,
        ),
        # 6 filters: over 4 features, then over 3 steps
        ("SVDF", [(2, 4), (6, 4), (6, 3), (6,), (2, 18)], (2, 6), 2 * (24 + 18)),
        ("ADD", [(1, 8), (1, 8)], (1, 8), 0),
        ("CONV_2D", [(0, 8, 8, 3), (4, 3, 3, 3), (4,)], (0, 8, 8, 4), 0),
    ],
)
def test_by_hand(op: str, reads: list[Shape | None], write: Shape, expected: int) -> None:
    assert macs(op, reads, write) == expected


def test_every_counted_operator_is_tried_above() -> None:
    marks = test_by_hand.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} >= set(COUNTED)


@pytest.mark.parametrize(
    ("op", "reads", "write", "says"),
    [
        ("CUSTOM_THING", [(1, 4)], (1, 4), "not known here"),
        ("RFFT2D", [(1, 4, 4), (2,)], (1, 4, 3), "not known here"),
        ("STABLEHLO_CONVOLUTION", [(1, 4, 4, 1), (3, 3, 1, 1)], (1, 2, 2, 1), "not known here"),
        ("WHILE", [(1,)], (1,), "executes another graph"),
        ("CONV_2D", [(1, 4, 4, 3)], (1, 4, 4, 8), "it has no operand 1"),
        ("CONV_2D", [(1, 4, 4, 3), None], (1, 4, 4, 8), "it has no operand 1"),
        ("CONV_2D", [(1, 4, 4, 3), (8, 3)], (1, 4, 4, 8), "operand 1 has 2 dimensions and not 4"),
        ("FULLY_CONNECTED", [(1, 4), (8, -4)], (1, 8), "negative size"),
        ("FULLY_CONNECTED", [(1, 4), (1,) * 100_000], (1, 8), "100000 dimensions"),
        ("BATCH_MATMUL", [(4,), (4,)], (1,), "no matrices"),
        ("BATCH_MATMUL", [(0, 4), (4, 4)], (0, 4), "no matrices"),
        ("FULLY_CONNECTED", [(2**31 - 1, 2**31 - 1), (9, 2**31 - 1)], (2**31 - 1, 2**31 - 1), f"more than {LARGEST}"),
    ],
)
def test_what_is_not_counted_is_named(op: str, reads: list[Shape | None], write: Shape, says: str) -> None:
    with pytest.raises(Uncountable, match=says):
        macs(op, reads, write)


def test_no_result() -> None:
    with pytest.raises(Uncountable, match="it has no result 0"):
        macs("CONV_2D", [(1, 4, 4, 3), (8, 3, 3, 3)])


def test_the_tables_hold_operators_that_exist_and_share_none() -> None:
    assert set(OPERATORS) >= WITHOUT | set(COUNTED)
    assert not WITHOUT & set(COUNTED)
