"""All graphs of a .tflite file with their ends, constants and signatures. Nothing is executed, nothing is trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewatt.collectors.runtimes.litert_graph import Graph
from edgewatt.collectors.runtimes.model_file import ModelFile
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.tflite_graph import graph_in, graphs, operators, parsed, tensors
from edgewatt.collectors.runtimes.tflite_structure import StructureError, Walk


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
    return parsed(file.path, _content)


def _content(walk: Walk, model: Mapping[int, int]) -> Content:
    names, tables = operators(walk, model), walk.found
    filled = {
        place for place, at in enumerate(walk.offsets(model, 4)) if place and _is_filled(walk, tables["Buffer"][at])
    }
    subgraphs = [_subgraph(walk, slots, names, filled) for slots in graphs(walk, model)]
    signatures = [_signature(walk, tables["SignatureDef"][at], subgraphs) for at in walk.offsets(model, 7)]
    return Content(printable(walk.text(model, 3)), subgraphs, signatures)


def _is_filled(walk: Walk, buffer: Mapping[int, int]) -> bool:
    inside = 0 in buffer and walk.vector(walk.follow(buffer[0]), 1)[1] > 0
    return inside or walk.scalar(buffer, 1, 8) > 1


def _subgraph(walk: Walk, slots: Mapping[int, int], names: Sequence[str], filled: set[int]) -> Subgraph:
    constants, opened = {}, set()
    for index, tensor in enumerate(tensors(walk, slots)):
        if (buffer := walk.scalar(tensor, 2, 4)) in filled:
            constants[index] = buffer
        if any(size < 0 for size in walk.integers(tensor, 7)):
            opened.add(index)
    graph = graph_in(walk, slots, names)
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
