"""A network as the interpreter tells it: its operators, its precision, what its inputs index, and who executes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final

from edgewatt.collectors.runtimes.text import printable

# The name that both runtimes give to a node that hands a part of the graph to a delegate.
DELEGATE: Final = "DELEGATE"

# Operators that do the arithmetic of a network; their second operand holds the weights.
_WEIGHTED: Final = frozenset(
    {
        "BATCH_MATMUL",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CONV_2D",
        "CONV_3D",
        "CONV_3D_TRANSPOSE",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "LSTM",
        "RNN",
        "SVDF",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)
_PRECISIONS: Final[Mapping[tuple[str, str], str]] = {
    ("float32", "float32"): "fp32",
    ("float32", "float16"): "fp16",
    ("float16", "float16"): "fp16",
    ("float32", "int8"): "dynamic_int8",
    ("float32", "int4"): "dynamic_int4",
    ("int8", "int8"): "int8",
    ("int8", "int4"): "int8x4",
    ("uint8", "uint8"): "uint8",
    ("int16", "int8"): "int16x8",
}

# Operators that move or convert what stands in their first operand, or in all of them, without computing with it.
_MOVES_FIRST: Final = frozenset(
    {
        "BROADCAST_TO",
        "CAST",
        "EXPAND_DIMS",
        "RESHAPE",
        "REVERSE_V2",
        "SLICE",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    }
)
_MOVES_ALL: Final = frozenset({"CONCATENATION", "PACK"})


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, shape and type of a tensor, as far as they are known before memory is allocated."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Node:
    """An operator and the tensors it reads and writes; -1 stands for an operand that was left out."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """The main subgraph, its nodes in order of execution."""

    nodes: Sequence[Node]
    tensors: Mapping[int, Tensor]

    @cached_property
    def producer(self) -> Mapping[int, Node]:
        """Which node writes a tensor; constants and inputs have none."""
        return {index: node for node in self.nodes for index in node.outputs}

    @cached_property
    def readers(self) -> Mapping[int, Sequence[Node]]:
        """Which nodes read a tensor."""
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            for index in dict.fromkeys(node.inputs):
                found.setdefault(index, []).append(node)
        return found

    def dtype(self, index: int) -> str:
        """The type of a tensor, "" where it is unknown."""
        return self.tensors[index].dtype if index in self.tensors else ""

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor, () where it is unknown."""
        return self.tensors[index].shape if index in self.tensors else ()

    def operators(self) -> list[tuple[str, str]]:
        """(operator, name of its first output) in order of execution."""
        return [(node.op, self.tensors[node.outputs[0]].name if node.outputs else "") for node in self.nodes]


def read_nodes(interpreter: Any) -> list[Node]:
    """The nodes that an interpreter has now: those of the file before it allocates, with delegates after."""
    return [
        Node(printable(op["op_name"]), tuple(map(int, op["inputs"])), tuple(map(int, op["outputs"])))
        for op in interpreter._get_ops_details()  # noqa: SLF001 - the only list of operators that either runtime has
    ]


def read_graph(interpreter: Any, stored_types: Sequence[str | None]) -> Graph:
    """The graph of an interpreter that has not allocated yet, with those types that the file knows better."""
    tensors = {}
    for tensor in interpreter.get_tensor_details():
        index = int(tensor["index"])
        stored = stored_types[index] if index < len(stored_types) else None
        name, shape = printable(tensor["name"]), tuple(map(int, tensor["shape"]))
        tensors[index] = Tensor(name, shape, stored or dtype_name(tensor["dtype"]))
    return Graph(read_nodes(interpreter), tensors)


def dtype_name(dtype: Any) -> str:
    """The name of the type that an interpreter gives for a tensor, "string" for its bytes."""
    name: str = dtype.__name__.rstrip("_")
    return {"bytes": "string", "str": "string", "object": "string"}.get(name, name)


def precision(graph: Graph) -> str | None:
    """In what the network computes: fp32, fp16, int8, uint8, int16x8 (activations x weights), dynamic_int8, or mixed.

    Taken from the types of activation and weight of every convolution, product and recurrent layer (fp16: weights
    stored as float16; dynamic_int8: stored as int8 and computed on float32); without any, from what the operators
    write. None: no operators.
    """
    pairs = {_types(graph, node) for node in graph.nodes if node.op in _WEIGHTED and node.outputs and node.inputs[1:]}
    if not pairs:
        pairs = {(graph.dtype(node.outputs[0]), graph.dtype(node.outputs[0])) for node in graph.nodes if node.outputs}
    names = {_PRECISIONS.get(pair) or "x".join(dict.fromkeys(pair)) for pair in pairs}
    return "mixed" if len(names) > 1 else next(iter(names), None)


def _types(graph: Graph, node: Node) -> tuple[str, str]:
    weights = next((index for index in node.inputs[1:] if index >= 0), node.inputs[0])
    source = graph.producer.get(weights)
    if source is not None and source.op == "DEQUANTIZE" and source.inputs:
        weights = source.inputs[0]
    return graph.dtype(node.outputs[0]), graph.dtype(weights)


def index_bound(graph: Graph, tensor: int) -> int | None:
    """The size of the smallest table that the values of `tensor` index, directly or once moved; None: they do not."""
    bounds: list[int] = []
    waiting, seen = [tensor], {tensor}
    while waiting:
        index = waiting.pop()
        for node in graph.readers.get(index, ()):
            bounds += _bounds(graph, node, index)
            for moved in _moved(node, index):
                if moved not in seen:
                    seen.add(moved)
                    waiting.append(moved)
    return min(bounds, default=None)


def _moved(node: Node, index: int) -> Sequence[int]:
    moves = node.op in _MOVES_ALL or (node.op in _MOVES_FIRST and node.inputs[0] == index)
    split = node.op == "SPLIT" and node.inputs[-1] == index
    gathered = node.op in ("GATHER", "GATHER_ND") and node.inputs[0] == index
    return node.outputs if moves or split or gathered else ()


def _bounds(graph: Graph, node: Node, index: int) -> Iterator[int]:
    """The sizes that bound the values of `index` as an operand of `node`."""
    at = [place for place, operand in enumerate(node.inputs) if operand == index]
    if node.op == "GATHER" and 1 in at:
        yield _gathered_size(graph.shape(node.inputs[0]), graph.shape(index), graph.shape(node.outputs[0]))
    elif node.op == "GATHER_ND" and 1 in at:
        depth = graph.shape(index)[-1:] or (1,)
        yield min(graph.shape(node.inputs[0])[: depth[0]], default=1)
    elif node.op == "EMBEDDING_LOOKUP" and 0 in at:
        yield next(iter(graph.shape(node.inputs[1])), 1)
    elif node.op == "EMBEDDING_LOOKUP_SPARSE" and 0 in at:
        yield next(iter(graph.shape(node.inputs[-1])), 1)
    elif node.op == "SCATTER_ND" and 0 in at:
        yield min(graph.shape(node.outputs[0]), default=1)


def _gathered_size(table: tuple[int, ...], indices: tuple[int, ...], output: tuple[int, ...]) -> int:
    """The table's size along the axis that a GATHER indexes, as its shapes reveal it; the smallest that is possible."""
    fits = [
        table[axis]
        for axis, batch in product(range(len(table)), range(len(indices) + 1))
        if batch <= axis and table[:axis] + indices[batch:] + table[axis + 1 :] == output
    ]
    return min(fits or table, default=1)


def delegated(graph: Graph, nodes: Sequence[Node]) -> int:
    """How many nodes of `graph` the delegates among `nodes` took over: those between their outputs and their inputs."""
    taken: set[int] = set()
    for delegate in (node for node in nodes if node.op == DELEGATE):
        waiting, stop = list(delegate.outputs), set(delegate.inputs)
        while waiting:
            source = graph.producer.get(waiting.pop())
            if source is not None and id(source) not in taken:
                taken.add(id(source))
                waiting += [index for index in source.inputs if index not in stop]
    return len(taken)
