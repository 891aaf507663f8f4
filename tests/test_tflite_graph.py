"""A model's operators and precision from its file alone: the same as the runtime tells."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.litert_graph import Graph, Node, precision
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.tflite_graph import OPERATORS, TYPES, read_graph_of
from edgewatt.profiler.errors import UsageError
from tests.litert_runs import look

TINY = bundled_model().read_bytes()


def numbered(enum: type) -> dict[int, str]:
    return {number: name for name, number in vars(enum).items() if not name.startswith("_")}


def test_numbers_are_those_of_the_schema() -> None:
    assert dict(enumerate(OPERATORS)) == numbered(schema.BuiltinOperator)
    types = numbered(schema.TensorType)
    assert {number: types[number].lower() for number in range(len(TYPES))} == dict(enumerate(TYPES))


def test_file_tells_what_the_runtime_tells() -> None:
    graph, facts = read_graph_of(bundled_model()), look(bundled_model())
    assert graph.operators() == list(facts.operators)
    assert precision(graph) == facts.precision


@pytest.mark.parametrize("content", [b"", b"TFL3", TINY[:3000], b"\0\0\0\0TFL3" + bytes(100)])
def test_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a\nb.tflite"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"model '.*a\\nb\.tflite'"):
        read_graph_of(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_graph_of(tmp_path / "missing.tflite")


@given(st.lists(st.tuples(st.integers(0, len(TINY) - 1), st.integers(0, 255)), max_size=8))
def test_any_bytes_give_a_graph_or_a_reason(changes: list[tuple[int, int]]) -> None:
    content = bytearray(TINY)
    for at, byte in changes:
        content[at] = byte
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError):
        path = Path(folder) / "changed.tflite"
        path.write_bytes(content)
        precision(read_graph_of(path))


def test_operators_without_operands_do_no_harm() -> None:
    nodes = [Node("CONV_2D", (0, 1), ()), Node("DEQUANTIZE", (), (1,)), Node("CONV_2D", (0, 1), (2,))]
    assert precision(Graph(nodes, {})) is not None
