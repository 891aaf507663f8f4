"""Whether a file holds together as a model: sound ones pass, and any other bytes are refused in bounded time."""

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.tflite_structure import StructureError, check_structure
from tests import tflite_models

TINY = bundled_model().read_bytes()
SMALL = tflite_models.embedding(10)


@pytest.mark.parametrize(
    "model",
    [
        TINY,
        SMALL,
        tflite_models.open_batch(),
        tflite_models.quantized_conv(),
        tflite_models.recurrent(),
        tflite_models.without_inputs(),
        tflite_models.added([]),
        tflite_models.reshaped("string"),
        tflite_models.outside_buffer(1, 0),
    ],
)
def test_sound_models_hold_together(model: bytes) -> None:
    assert check_structure(model).custom_operators == []


def test_what_an_interpreter_hides() -> None:
    assert check_structure(tflite_models.dense("int4")).stored_types == [None, "int4", None]
    assert check_structure(tflite_models.custom("Sparkle")).custom_operators == ["Sparkle"]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (b"", "bytes 4 to 8 are b''"),
        (b"\0\0\0\0TFL", "bytes 4 to 8 are b'TFL'"),
        (b"\xff\xff\xff\x7fTFL3", "an offset leads to byte 2147483647 of 8"),
        (b"\x08\0\0\0TFL3", "an offset leads to byte 8 of 8"),
        (tflite_models.outside_buffer(10**6, 16), "a buffer claims 16 bytes at byte 1000000 of"),
        (tflite_models.outside_buffer(100, 10**6), "a buffer claims 1000000 bytes at byte 100 of"),
        (tflite_models.referring(code=7), "an operator is number 7 of 1"),
        (tflite_models.referring(operand=9), "an operator's tensors are 1 to 9 of 2"),
        (tflite_models.referring(operand=-2), "an operator's tensors are -2 to 1 of 2"),
        (tflite_models.referring(buffer=5), "a tensor's data is in buffer 5 of 1"),
        (tflite_models.referring(output=2), "its inputs and outputs are tensors 0 to 2 of 2"),
    ],
)
def test_what_does_not_hold_together_is_named(model: bytes, says: str) -> None:
    with pytest.raises(StructureError, match=says.replace("(", r"\(")):
        check_structure(model)


def test_another_schema_version_and_an_empty_model_are_named() -> None:
    with pytest.raises(StructureError, match="its schema has version 2; known is 3"):
        check_structure(packed(schema.ModelT(version=2)))
    with pytest.raises(StructureError, match="no graph, or no buffers"):
        check_structure(packed(schema.ModelT(version=3)))


def packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(64)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_every_truncation_is_refused() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(StructureError):
            check_structure(SMALL[:end])


@given(st.integers(0, len(TINY) - 1))
def test_truncations_of_the_bundled_model_are_refused(end: int) -> None:
    with pytest.raises(StructureError):
        check_structure(TINY[:end])


@given(st.binary(max_size=300), st.sampled_from([b"", b"TFL3"]))
def test_any_bytes_hold_or_are_refused(data: bytes, identifier: bytes) -> None:
    whole = data[:4] + identifier + data[4:]
    try:
        check_structure(whole)
    except StructureError:
        return


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_overwritten_bytes_hold_or_are_refused(flips: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for place, value in flips:
        data[place] = value
    try:
        check_structure(bytes(data))
    except StructureError:
        return


def test_a_bomb_of_references_is_refused_before_it_is_followed() -> None:
    """10,000 graphs that share one list of 10,000 tensors: 300 kB that would take a hundred million steps."""
    many, builder = 10_000, flatbuffers.Builder(1 << 20)
    schema.TensorStart(builder)
    tensors = vector(builder, [schema.TensorEnd(builder)] * many)
    graphs = [graph_of(builder, tensors) for _ in range(many)]
    schema.BufferStart(builder)
    buffers = vector(builder, [schema.BufferEnd(builder)])
    subgraphs = vector(builder, graphs)
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, subgraphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    with pytest.raises(StructureError, match="refer to the same bytes over and over"):
        check_structure(bytes(builder.Output()))


def vector(builder: flatbuffers.Builder, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def graph_of(builder: flatbuffers.Builder, tensors: int) -> int:
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    return int(schema.SubGraphEnd(builder))
