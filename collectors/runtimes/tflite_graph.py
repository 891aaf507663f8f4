"""The graphs of a .tflite file, read from the file alone: for models that are executed elsewhere.

The names are those of BuiltinOperator and TensorType in schema.fbs of TensorFlow Lite, in the order of their numbers.
"""

import mmap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from edgewatt.collectors.runtimes.litert_graph import Graph, Node, Tensor
from edgewatt.collectors.runtimes.model_file import shown
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.tflite_structure import StructureError, Walk, check_structure
from edgewatt.profiler.errors import UsageError

OPERATORS: Final = tuple(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
    LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
    CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
    EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR
    ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
    RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND
    COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
    HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
    BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1
    UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
    RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE
    STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE
    STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL
    STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
    STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
    STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE
    DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
    STABLEHLO_CASE
    """.split()  # noqa: SIM905  (a list of 210 quoted names is no better to read)
)
TYPES: Final = tuple(
    """
    float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64 resource variant
    uint32 uint16 int4 bfloat16 int2 uint4
    """.split()  # noqa: SIM905
)
_CUSTOM: Final = OPERATORS.index("CUSTOM")


T = TypeVar("T")
Slots = Mapping[int, int]


def parsed(path: Path, parse: Callable[[Walk, Slots], T]) -> T:
    """What `parse` makes of a file's tables, all of them walked, and of the fields of its Model.

    Raises UsageError if the file does not hold together, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        check_structure(data)
        walk = Walk(data)
        root = walk.follow(0)
        walk.table(root, "Model")
        return parse(walk, walk.found["Model"][root])
    except StructureError as error:
        raise UsageError(f"{shown(path)}: damaged: {error}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{shown(path)} cannot be read: {error}") from error


def read_graph_of(path: Path) -> Graph:
    """The first subgraph of a file. Raises UsageError if the file does not hold together, or cannot be read."""
    return parsed(path, lambda walk, model: graph_in(walk, graphs(walk, model)[0], operators(walk, model)))


def graphs(walk: Walk, model: Slots) -> list[Slots]:
    """The fields of each subgraph of a model."""
    return [walk.found["SubGraph"][at] for at in walk.offsets(model, 2)]


def operators(walk: Walk, model: Slots) -> list[str]:
    """The names of a model's operator codes."""
    return [operator_name(walk, walk.found["OperatorCode"][at]) for at in walk.offsets(model, 1)]


def tensors(walk: Walk, graph: Slots) -> list[Slots]:
    """The fields of each tensor of a subgraph."""
    return [walk.found["Tensor"][at] for at in walk.offsets(graph, 0)]


def nodes(walk: Walk, graph: Slots) -> list[Slots]:
    """The fields of each operator of a subgraph."""
    return [walk.found["Operator"][at] for at in walk.offsets(graph, 3)]


def graph_in(walk: Walk, graph: Slots, names: Sequence[str]) -> Graph:
    """A subgraph, its operators called by the `names` of their codes."""
    found = [
        Node(names[walk.scalar(one, 0, 4)], walk.integers(one, 1), walk.integers(one, 2)) for one in nodes(walk, graph)
    ]
    return Graph(found, dict(enumerate(tensor_in(walk, one) for one in tensors(walk, graph))))


def operator_name(walk: Walk, code: Slots) -> str:
    """The name of an operator: newer files keep its number in a field of four bytes, older ones in one of one byte."""
    number = max(walk.scalar(code, 0, 1), walk.scalar(code, 3, 4))
    if number == _CUSTOM:
        return printable(walk.text(code, 1))
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"OPERATOR_{number}"


def tensor_in(walk: Walk, tensor: Slots) -> Tensor:
    """The tensor whose fields stand at these places."""
    kind = walk.scalar(tensor, 1, 1)
    dtype = TYPES[kind] if 0 <= kind < len(TYPES) else f"type_{kind}"
    return Tensor(printable(walk.text(tensor, 3)), walk.integers(tensor, 0), dtype)
