"""All graphs of a .tflite file with their ends, constants and signatures. Nothing is executed, nothing is trusted."""

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewatt.collectors.runtimes.litert_graph import Graph, Node
from edgewatt.collectors.runtimes.model_file import ModelFile
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.tflite_graph import operator_name, tensor_in
from edgewatt.collectors.runtimes.tflite_structure import StructureError, Walk, check_structure
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True)
class Subgraph:
    """One graph: its ends, which buffer holds a constant tensor, and which tensors have an open dimension."""

    graph: Graph
    inputs: Sequence[int]
    outputs: Sequence[int]
    constants: Mapping[int, int]
    open: frozenset[int]


@dataclass(frozen=True, slots=True)
class Signature:
    """A way to call the model: the place of its graph, and the name of each end by its tensor."""

    name: str
    subgraph: int
    names: Mapping[int, str]


@dataclass(frozen=True)
class Content:
    """What a file says; `description` is its own, made printable."""

    description: str
    subgraphs: Sequence[Subgraph]
    signatures: Sequence[Signature]


def read_content(file: ModelFile) -> Content:
    """The graphs of a file. Raises UsageError if it does not hold together, or cannot be read."""
    try:
        with file.path.open("rb") as opened:
            content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return _content(memoryview(content))
    except StructureError as error:
        raise UsageError(f"{file.shown}: damaged: {error}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{file.shown} cannot be read: {error}") from error


def _content(data: memoryview) -> Content:
    check_structure(data)
    walk = Walk(data)
    root = walk.follow(0)
    walk.table(root, "Model")
    tables = walk.found
    model = tables["Model"][root]
    names = [operator_name(walk, tables["OperatorCode"][at]) for at in walk.offsets(model, 1)]
    filled = {
        place for place, at in enumerate(walk.offsets(model, 4)) if place and _is_filled(walk, tables["Buffer"][at])
    }
    subgraphs = [_subgraph(walk, tables["SubGraph"][at], names, filled) for at in walk.offsets(model, 2)]
    signatures = [_signature(walk, tables["SignatureDef"][at], subgraphs) for at in walk.offsets(model, 7)]
    return Content(printable(walk.text(model, 3)), subgraphs, signatures)


def _is_filled(walk: Walk, buffer: Mapping[int, int]) -> bool:
    inside = 0 in buffer and walk.vector(walk.follow(buffer[0]), 1)[1] > 0
    return inside or walk.scalar(buffer, 1, 8) > 1


def _subgraph(walk: Walk, slots: Mapping[int, int], names: Sequence[str], filled: set[int]) -> Subgraph:
    tensors, constants, opened = {}, {}, set()
    for index, at in enumerate(walk.offsets(slots, 0)):
        tensor = walk.found["Tensor"][at]
        tensors[index] = tensor_in(walk, tensor)
        if (buffer := walk.scalar(tensor, 2, 4)) in filled:
            constants[index] = buffer
        if any(size < 0 for size in walk.integers(tensor, 7)):
            opened.add(index)
    nodes = []
    for at in walk.offsets(slots, 3):
        operator = walk.found["Operator"][at]
        nodes.append(Node(names[walk.scalar(operator, 0, 4)], walk.integers(operator, 1), walk.integers(operator, 2)))
    graph = Graph(nodes, tensors)
    return Subgraph(graph, walk.integers(slots, 1), walk.integers(slots, 2), constants, frozenset(opened))


def _signature(walk: Walk, slots: Mapping[int, int], subgraphs: Sequence[Subgraph]) -> Signature:
    name, place = printable(walk.text(slots, 2)), walk.scalar(slots, 4, 4)
    if not 0 <= place < len(subgraphs):
        raise StructureError(f"the signature '{name}' is that of graph {place} of {len(subgraphs)}")
    names = {}
    for at in [*walk.offsets(slots, 0), *walk.offsets(slots, 1)]:
        end = walk.found["TensorMap"][at]
        index, count = walk.scalar(end, 1, 4), len(subgraphs[place].graph.tensors)
        if not 0 <= index < count:
            raise StructureError(f"an end of the signature '{name}' is tensor {index} of {count}")
        names[index] = printable(walk.text(end, 0))
    return Signature(name, place, names)
