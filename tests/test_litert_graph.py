"""What an interpreter tells of a network, read from real ones."""

import pytest
from ai_edge_litert.interpreter import Interpreter

from edgewatt.collectors.runtimes.litert_graph import (
    Graph,
    Node,
    Tensor,
    delegated,
    index_bound,
    precision,
    read_graph,
    read_nodes,
)
from edgewatt.collectors.runtimes.tflite_structure import check_structure
from tests import tflite_models


def graph_of(model: bytes) -> Graph:
    return read_graph(Interpreter(model_content=model), check_structure(model).stored_types)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (tflite_models.tiny(), "fp32"),
        (tflite_models.quantized_conv("int8"), "int8"),
        (tflite_models.quantized_conv("int16"), "int16x8"),
        (tflite_models.dense("float16"), "fp16"),
        (tflite_models.dense("int8"), "dynamic_int8"),
        (tflite_models.dense("int4"), "dynamic_int4"),
        (tflite_models.half_delegated(), "mixed"),
        (tflite_models.reshaped("int64"), "int64"),
        (tflite_models.recurrent(), "fp32"),
    ],
)
def test_precision(model: bytes, expected: str) -> None:
    assert precision(graph_of(model)) == expected


def test_precision_of_nothing_is_unknown() -> None:
    assert precision(Graph((), {})) is None


def test_operators_are_named_by_what_they_write() -> None:
    assert graph_of(tflite_models.embedding(10)).operators() == [
        ("CAST", "cast"),
        ("RESHAPE", "flat"),
        ("GATHER", "embedded"),
    ]


@pytest.mark.parametrize("axis", [0, 1])
def test_ids_are_followed_to_the_table_that_they_index(axis: int) -> None:
    graph = graph_of(tflite_models.embedding(1000, axis=axis))
    assert index_bound(graph, 0) == 1000


def test_an_image_indexes_nothing() -> None:
    assert index_bound(graph_of(tflite_models.tiny()), 0) is None


def made(op: str, *shapes: tuple[int, ...], output: tuple[int, ...] = (1,)) -> Graph:
    """One operator on tensors 0, 1, ... of these shapes."""
    tensors = {index: Tensor(f"t{index}", shape, "int32") for index, shape in enumerate((*shapes, output))}
    return Graph([Node(op, tuple(range(len(shapes))), (len(shapes),))], tensors)


@pytest.mark.parametrize(
    ("graph", "tensor", "bound"),
    [
        (made("EMBEDDING_LOOKUP", (3,), (50, 8), output=(3, 8)), 0, 50),
        (made("EMBEDDING_LOOKUP_SPARSE", (3,), (3, 1), (1,), (3,), (60, 8)), 0, 60),
        (made("GATHER_ND", (70, 20, 4), (5, 2), output=(5, 4)), 1, 20),
        (made("GATHER", (4, 100, 8), (4, 3), output=(4, 3, 8)), 1, 100),  # batch_dims 1
        (made("GATHER", (8, 8), (8,), output=(8, 8)), 1, 8),
        (made("GATHER", (30, 4), (1,), output=(7,)), 1, 4),  # shapes that do not add up: the smallest is always valid
        (made("GATHER", (30, 4), (1,), output=(1, 4)), 0, None),  # the table itself
        (made("SCATTER_ND", (3, 2), (3,), (2,), output=(9, 6)), 0, 6),
        (made("ADD", (3,), (3,)), 0, None),
        (made("GATHER", (), ()), 1, 1),
    ],
)
def test_bound_of_each_operator_that_indexes(graph: Graph, tensor: int, bound: int | None) -> None:
    assert index_bound(graph, tensor) == bound


def test_a_loop_of_moves_ends() -> None:
    graph = Graph([Node("RESHAPE", (0,), (1,)), Node("RESHAPE", (1,), (0,))], {})
    assert index_bound(graph, 0) is None


@pytest.mark.parametrize(
    ("model", "taken", "nodes"),
    [
        (tflite_models.tiny(), 12, 12),
        (tflite_models.half_delegated(), 2, 4),
        (tflite_models.added([4], "int32"), 0, 1),
        (tflite_models.without_inputs(), 1, 1),
    ],
)
def test_nodes_that_delegates_took_over(model: bytes, taken: int, nodes: int) -> None:
    interpreter = Interpreter(model_content=model)
    graph = read_graph(interpreter, ())
    interpreter.allocate_tensors()
    assert (delegated(graph, read_nodes(interpreter)), len(graph.nodes)) == (taken, nodes)
