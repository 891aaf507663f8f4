"""Small networks with random weights: the one that is bundled, and those that tests need."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tests.tflite_builder import RELU, Graph, quantized

SAME = schema.Padding.SAME


@dataclass
class Weights:
    """Random weights from the raw stream of PCG64, which numpy keeps the same for ever."""

    raw: np.random.PCG64 = field(default_factory=lambda: np.random.PCG64(2026))

    def floats(self, *shape: int) -> NDArray[np.float32]:
        """Uniform weights that keep a signal's variance through a ReLU (He et al., arXiv:1502.01852, eq. 10)."""
        fan_in = math.prod(shape[1:])
        uniform = (self.raw.random_raw(math.prod(shape)) >> 40).astype(np.float32) * np.float32(2**-23) - 1
        return (uniform * np.float32(math.sqrt(6 / fan_in))).reshape(shape)


def conv_options(stride: int = 1, *, relu: bool = True) -> Any:
    """A convolution that keeps the image's size, but for its stride."""
    return schema.Conv2DOptionsT(
        padding=SAME,
        strideW=stride,
        strideH=stride,
        fusedActivationFunction=RELU if relu else 0,
        dilationWFactor=1,
        dilationHFactor=1,
    )


def conv_net(size: int, stem: int, blocks: Sequence[tuple[int, int]], classes: int = 10) -> bytes:
    """An image of `size` x `size` x 3 through a convolution and separable `blocks` (channels, stride) to `classes`."""
    graph, weights = Graph(), Weights()
    last = graph.input("image", [1, size, size, 3])
    filters, bias = graph.constant("stem/weights", weights.floats(stem, 3, 3, 3)), zeros(graph, "stem/bias", stem)
    last = graph.op("CONV_2D", [last, filters, bias], graph.tensor("stem", [1, size, size, stem]), conv_options())
    before = stem
    for number, (channels, stride) in enumerate(blocks):
        name, size = f"block{number}", -(-size // stride)
        filters = graph.constant(f"{name}/depthwise/weights", weights.floats(1, 3, 3, before))
        bias = zeros(graph, f"{name}/depthwise/bias", before)
        options = schema.DepthwiseConv2DOptionsT(
            padding=SAME, strideW=stride, strideH=stride, depthMultiplier=1, fusedActivationFunction=RELU,
            dilationWFactor=1, dilationHFactor=1,
        )  # fmt: skip
        spread = graph.tensor(f"{name}/depthwise", [1, size, size, before])
        last = graph.op("DEPTHWISE_CONV_2D", [last, filters, bias], spread, options)
        filters = graph.constant(f"{name}/pointwise/weights", weights.floats(channels, 1, 1, before))
        bias = zeros(graph, f"{name}/pointwise/bias", channels)
        mixed = graph.tensor(f"{name}/pointwise", [1, size, size, channels])
        last = graph.op("CONV_2D", [last, filters, bias], mixed, conv_options())
        before = channels
    pool = schema.Pool2DOptionsT(padding=1, strideW=1, strideH=1, filterWidth=size, filterHeight=size)
    last = graph.op("AVERAGE_POOL_2D", [last], graph.tensor("pool", [1, 1, 1, before]), pool)
    filters, bias = (
        graph.constant("dense/weights", weights.floats(classes, before)),
        zeros(graph, "dense/bias", classes),
    )
    logits = graph.tensor("dense", [1, classes])
    last = graph.op("FULLY_CONNECTED", [last, filters, bias], logits, schema.FullyConnectedOptionsT())
    last = graph.op("SOFTMAX", [last], graph.tensor("class", [1, classes]), schema.SoftmaxOptionsT(beta=1.0))
    return graph.build(last)


def zeros(graph: Graph, name: str, count: int) -> int:
    """A bias of nothing."""
    return graph.constant(name, np.zeros(count, np.float32))


def tiny() -> bytes:
    """The bundled network: 64 x 64 x 3, 26 million multiplications, 10 classes."""
    return conv_net(64, 16, [(32, 1), (64, 1), (64, 2), (96, 1)])


def reshaped(dtype: str) -> bytes:
    """Two by three of any type become three by two: the one operator that takes them all."""
    graph = Graph()
    source, shape = graph.input("x", [2, 3], dtype), graph.constant("shape", np.array([3, 2], np.int32))
    options = schema.ReshapeOptionsT(newShape=[3, 2])
    return graph.build(graph.op("RESHAPE", [source, shape], graph.tensor("y", [3, 2], dtype), options))


def added(shape: Sequence[int], dtype: str = "float32") -> bytes:
    """The sum of two inputs `a` and `b`."""
    graph = Graph()
    inputs = [graph.input("a", shape, dtype), graph.input("b", shape, dtype)]
    return graph.build(graph.op("ADD", inputs, graph.tensor("sum", shape, dtype), schema.AddOptionsT()))


def without_inputs() -> bytes:
    """The sum of a constant and itself."""
    graph = Graph()
    one = graph.constant("one", np.ones((2, 2), np.float32))
    return graph.build(graph.op("ADD", [one, one], graph.tensor("two", [2, 2]), schema.AddOptionsT()))


def embedding(rows: int, *, axis: int = 0, dtype: str = "int32") -> bytes:
    """Token ids that are cast and reshaped before they index a table of `rows` along `axis`; beyond it they fail."""
    graph = Graph()
    ids = graph.input("ids", [1, 8], dtype)
    cast = schema.CastOptionsT(inDataType=0, outDataType=schema.TensorType.INT32)
    ids = graph.op("CAST", [ids], graph.tensor("cast", [1, 8], "int32"), cast)
    shape = graph.constant("flat/shape", np.array([8], np.int32))
    ids = graph.op("RESHAPE", [ids, shape], graph.tensor("flat", [8], "int32"), schema.ReshapeOptionsT(newShape=[8]))
    table = graph.constant("table", Weights().floats(*((rows, 5) if axis == 0 else (5, rows))))
    found = graph.tensor("embedded", [8, 5] if axis == 0 else [5, 8])
    return graph.build(graph.op("GATHER", [table, ids], found, schema.GatherOptionsT(axis=axis)))


def custom(operator: str = "Sparkle") -> bytes:
    """An operator that no runtime has; names that begin with Flex are those of select TensorFlow operators."""
    graph = Graph()
    return graph.build(graph.op(operator, [graph.input("x", [1, 4])], graph.tensor("y", [1, 4])))


def tiled(copies: int) -> bytes:
    """A row of 1,000,000 floats, `copies` times."""
    graph, width = Graph(), 1_000_000
    row, count = graph.input("row", [1, width]), graph.constant("count", np.array([copies, 1], np.int32))
    return graph.build(graph.op("TILE", [row, count], graph.tensor("rows", [copies, width]), schema.TileOptionsT()))


def open_batch() -> bytes:
    """A convolution whose image has an open first dimension."""
    graph, weights = Graph(), Weights()
    image = graph.input("image", [-1, 8, 8, 3])
    filters, bias = graph.constant("weights", weights.floats(4, 3, 3, 3)), zeros(graph, "bias", 4)
    return graph.build(graph.op("CONV_2D", [image, filters, bias], graph.tensor("y", [-1, 8, 8, 4]), conv_options()))


def quantized_conv(activations: str = "int8") -> bytes:
    """A convolution of int8 weights on int8 or int16 activations."""
    graph, scales = Graph(), [0.01] * 4
    zero_point, accumulator = (-3, "int32") if activations == "int8" else (0, "int64")
    values = {"quantization": quantized(0.05, zero_point=zero_point)}
    image = graph.input("image", [1, 8, 8, 3], activations, **values)
    raw = np.random.PCG64(7).random_raw(108).astype(np.int8).clip(-127)
    filters = graph.constant("weights", raw.reshape(4, 3, 3, 3), quantization=quantized(*scales))
    bias = graph.constant("bias", np.zeros(4, accumulator), quantization=quantized(*(0.05 * s for s in scales)))
    found = graph.tensor("y", [1, 8, 8, 4], activations, **values)
    return graph.build(graph.op("CONV_2D", [image, filters, bias], found, conv_options(relu=False)))


def dense(weights: str) -> bytes:
    """A product of floats with weights that are stored as float16, int8 or int4."""
    graph = Graph()
    source = graph.input("x", [1, 8])
    if weights == "float16":
        stored = graph.constant("stored", np.full((4, 8), 0.5, np.float16))
        kernel = graph.op("DEQUANTIZE", [stored], graph.tensor("weights", [4, 8]), schema.DequantizeOptionsT())
    else:
        values, scales = np.full((4, 8), 17, np.int8), quantized(*[0.1] * 4)
        kernel = graph.constant("weights", values, weights, quantization=scales)
    options = schema.FullyConnectedOptionsT()
    return graph.build(graph.op("FULLY_CONNECTED", [source, kernel, -1], graph.tensor("y", [1, 4]), options))


def half_delegated() -> bytes:
    """Additions that XNNPACK takes around casts to int32, which it does not."""
    graph = Graph()
    last = graph.input("x", [1, 8])
    last = graph.op("ADD", [last, last], graph.tensor("double", [1, 8]), schema.AddOptionsT())
    there = schema.CastOptionsT(inDataType=schema.TensorType.FLOAT32, outDataType=schema.TensorType.INT32)
    back = schema.CastOptionsT(inDataType=schema.TensorType.INT32, outDataType=schema.TensorType.FLOAT32)
    last = graph.op("CAST", [last], graph.tensor("whole", [1, 8], "int32"), there)
    last = graph.op("CAST", [last], graph.tensor("float", [1, 8]), back)
    return graph.build(graph.op("ADD", [last, last], graph.tensor("y", [1, 8]), schema.AddOptionsT()))


def recurrent() -> bytes:
    """A layer with a state: a variable tensor that lives from one inference to the next."""
    graph, weights = Graph(), Weights()
    source = graph.input("x", [1, 3, 4])
    kernel, back = graph.constant("kernel", weights.floats(5, 4)), graph.constant("back", weights.floats(5, 5))
    state = graph.tensor("state", [1, 5], isVariable=True)
    options = schema.SequenceRNNOptionsT(fusedActivationFunction=schema.ActivationFunctionType.TANH)
    operands = [source, kernel, back, zeros(graph, "bias", 5), state]
    return graph.build(graph.op("UNIDIRECTIONAL_SEQUENCE_RNN", operands, graph.tensor("y", [1, 3, 5]), options))


def outside_buffer(offset: int, size: int) -> bytes:
    """A constant whose data is said to lie outside of the tables, as in files above 2 GB."""
    graph = Graph()
    one = graph.constant("one", np.ones((2, 2), np.float32))
    graph.buffers[-1] = schema.BufferT(offset=offset, size=size)
    return graph.build(graph.op("ADD", [one, one], graph.tensor("two", [2, 2]), schema.AddOptionsT()))


def referring(*, code: int = 0, operand: int = 0, buffer: int = 0, output: int = 1) -> bytes:
    """An operator whose references may lead nowhere."""
    graph = Graph()
    source = graph.input("x", [1, 4], buffer=buffer)
    graph.op("ABS", [source], graph.tensor("y", [1, 4]), schema.AbsOptionsT())
    graph.operators[0].opcodeIndex, graph.operators[0].inputs = code, [operand]
    return graph.build(output)
