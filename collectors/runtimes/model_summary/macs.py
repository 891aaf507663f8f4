"""Multiply-accumulates of an operator, from the shapes of its operands.

A MAC is one product that is added to a sum, as the papers on mobile networks count them: those of convolutions,
products of matrices and recurrent layers. Products with zeros of a padding count; adding a bias, activations, pooling,
normalisation, scaling element by element and moving data do not. The layouts of the operands are those of the kernels
of TensorFlow Lite (lite/kernels/*.cc, remembered; the tests compare with counts by hand and with published networks).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.runtimes.litert_graph import Graph, Node

Shape = tuple[int, ...]
# TensorFlow Lite's own kernels take no more (kMaxNumberOfDims is 6 or 8, remembered).
DIMENSIONS: Final = 8
LARGEST: Final = 2**63 - 1


class Uncountable(Exception):  # noqa: N818  (an answer, not an error)
    """Why the MACs of an operator are not known."""


@dataclass(frozen=True, slots=True)
class Operands:
    """The shapes that an operator reads and writes; None for an operand that was left out."""

    reads: Sequence[Shape | None]
    writes: Sequence[Shape | None]

    def read(self, place: int, dimensions: int | None = None) -> Shape:
        """The shape of an operand. Raises Uncountable where it has none, or not that many dimensions."""
        return _known(self.reads, place, dimensions, "operand")

    def written(self, dimensions: int | None = None) -> Shape:
        """The shape of the first result."""
        return _known(self.writes, 0, dimensions, "result")

    def matrices(self, *places: int) -> int:
        """The elements of all matrices at these places; what was left out has none."""
        shapes = (self.reads[place] for place in places if place < len(self.reads))
        return sum(math.prod(shape) for shape in shapes if shape is not None and len(shape) == 2)


def _known(shapes: Sequence[Shape | None], place: int, dimensions: int | None, what: str) -> Shape:
    shape = shapes[place] if place < len(shapes) else None
    if shape is None:
        raise Uncountable(f"it has no {what} {place}")
    if dimensions is not None and len(shape) != dimensions:
        raise Uncountable(f"{what} {place} has {len(shape)} dimensions and not {dimensions}")
    return shape


def _convolution(at: Operands) -> int:
    _, *window, channels = at.read(1, 4)  # out, height, width, in of one group
    return math.prod(at.written(4)) * math.prod(window) * channels


def _depthwise(at: Operands) -> int:
    _, height, width, _ = at.read(1, 4)  # 1, height, width, out
    return math.prod(at.written(4)) * height * width


def _transposed(at: Operands) -> int:
    out, height, width, _ = at.read(1, 4)  # out, height, width, in
    return math.prod(at.read(2, 4)) * out * height * width


def _convolution_3d(at: Operands) -> int:
    return math.prod(at.written(5)) * math.prod(at.read(1, 5)[:4])  # depth, height, width, in, out


def _transposed_3d(at: Operands) -> int:
    return math.prod(at.read(2, 5)) * math.prod(at.read(1, 5)[:4])  # depth, height, width, out, in


def _dense(at: Operands) -> int:
    return math.prod(at.written()) * at.read(1, 2)[1]  # out, in


def _product(at: Operands) -> int:
    left, result = at.read(0), at.written()
    if len(left) < 2 or len(result) < 2 or not result[-2]:
        raise Uncountable("its operands are no matrices")
    # Either side may be transposed by an option; rows x inner is the same either way.
    return math.prod(result) * (math.prod(left[-2:]) // result[-2])


def _rows(at: Operands) -> int:
    return math.prod(at.read(0)[:-1])  # steps x batch: each sees every weight once


def _recurrent(at: Operands) -> int:
    return _rows(at) * at.matrices(1, 2)


def _recurrent_both_ways(at: Operands) -> int:
    return _rows(at) * at.matrices(1, 2, 5, 6, 10, 11)


def _lstm(at: Operands) -> int:
    if len(at.reads) == 5:  # the basic kernel: input, activation, weights of all gates, bias, state
        return _rows(at) * at.matrices(2)
    return _rows(at) * at.matrices(*range(1, 9), 16)  # of the input, of the state, projection


def _lstm_both_ways(at: Operands) -> int:
    return _rows(at) * at.matrices(*range(1, 9), 16, *range(18, 26), 33, *range(40, 48))


def _filters(at: Operands) -> int:
    return _rows(at) * at.matrices(1, 2)  # SVDF: of the features, of the time


COUNTED: Final[Mapping[str, Callable[[Operands], int]]] = {
    "BATCH_MATMUL": _product,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _lstm_both_ways,
    "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent_both_ways,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "CONV_3D_TRANSPOSE": _transposed_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "LSTM": _lstm,
    "RNN": _recurrent,
    "SVDF": _filters,
    "TRANSPOSE_CONV": _transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
}
# Without a sum of products, by the convention above. An operator that stands in neither table is named as not counted.
WITHOUT: Final = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE ATAN2 AVERAGE_POOL_2D BATCH_TO_SPACE_ND BITCAST BITWISE_XOR
    BROADCAST_ARGS BROADCAST_TO BUCKETIZE CALL_ONCE CAST CEIL COMPLEX_ABS CONCATENATION COS CUMSUM DENSIFY
    DEPTH_TO_SPACE DEQUANTIZE DILATE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FAKE_QUANT
    FILL FLOOR FLOOR_DIV FLOOR_MOD GATHER GATHER_ND GELU GREATER GREATER_EQUAL HARD_SWISH IMAG L2_NORMALIZATION
    L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
    LOG_SOFTMAX MATRIX_DIAG MATRIX_SET_DIAG MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL MULTINOMIAL NEG
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE
    RANDOM_STANDARD_NORMAL RANDOM_UNIFORM RANGE RANK READ_VARIABLE REAL REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN
    REDUCE_PROD RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_SEQUENCE
    REVERSE_V2 RIGHT_SHIFT ROUND RSQRT SCATTER_ND SEGMENT_SUM SELECT SELECT_V2 SHAPE SIGN SIN SLICE SOFTMAX
    SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPARSE_TO_DENSE SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE
    SUB SUM TANH TILE TOPK_V2 TRANSPOSE UNIQUE UNPACK UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD
    UNSORTED_SEGMENT_SUM VAR_HANDLE WHERE ZEROS_LIKE
    """.split()  # noqa: SIM905
)
_ELSEWHERE: Final = frozenset({"CALL", "IF", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE", "STABLEHLO_WHILE", "WHILE"})


def macs_of(graph: Graph, node: Node) -> int:
    """The MACs of one execution of an operator; 0 for one without, by convention.

    Raises Uncountable with the reason where they are not known.
    """
    if node.op in WITHOUT:
        return 0
    if node.op in _ELSEWHERE:
        raise Uncountable("it executes another graph, as often as its data say")
    if node.op not in COUNTED:
        raise Uncountable("what it computes is not known here")
    found = COUNTED[node.op](Operands(_shapes(graph, node.inputs), _shapes(graph, node.outputs)))
    if found > LARGEST:
        raise Uncountable(f"more than {LARGEST}, from the sizes that the file gives")
    return found


def _shapes(graph: Graph, tensors: Sequence[int]) -> list[Shape | None]:
    return [None if index < 0 else checked(graph.shape(index)) for index in tensors]


def checked(shape: Shape) -> Shape:
    """A shape that can be computed with. Raises Uncountable."""
    if len(shape) > DIMENSIONS:
        raise Uncountable(f"a tensor of {len(shape)} dimensions")
    if any(size < 0 for size in shape):
        raise Uncountable("a tensor of negative size")
    return shape
