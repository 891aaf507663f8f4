"""Prefixes of a .tflite network, and single operators: they run in LiteRT and give what the whole gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.tflite_cut import read_cuttable
from edgewatt.collectors.runtimes.tflite_prefix import spread, written_parts
from edgewatt.collectors.runtimes.tflite_structure import check_structure
from edgewatt.profiler.errors import UsageError
from tests import tflite_models
from tests.tflite_builder import Graph

KEEPS_ALL = "ignore:Warning. Enabling .experimental_preserve_all_tensors:UserWarning"


def branching() -> bytes:
    """|x| goes to the sum and to the product; the sum is an output and goes on."""
    graph = Graph()
    x = graph.input("x", [1, 4])
    graph.input("not used", [1, 2])
    size = graph.op("ABS", [x], graph.tensor("size", [1, 4]), schema.AbsOptionsT())
    total = graph.op("ADD", [size, x], graph.tensor("total", [1, 4]), schema.AddOptionsT())
    product = graph.op("MUL", [size, total], graph.tensor("product", [1, 4]), schema.MulOptionsT())
    last = graph.op("ADD", [product, x], graph.tensor("last", [1, 4]), schema.AddOptionsT())
    return graph.build(total, last)


def float16() -> bytes:
    """Two layers whose weights are unpacked at the beginning, as converters have it."""
    graph = Graph()
    x = graph.input("x", [1, 4])
    unpacked = []
    for name in ("first", "second"):
        stored = graph.constant(f"{name}/stored", np.full((4, 4), 0.5, np.float16))
        unpacked.append(graph.op("DEQUANTIZE", [stored], graph.tensor(name, [4, 4]), schema.DequantizeOptionsT()))
    for number, weights in enumerate(unpacked):
        y = graph.tensor(f"y{number}", [1, 4])
        x = graph.op("FULLY_CONNECTED", [x, weights, -1], y, schema.FullyConnectedOptionsT())
    return graph.build(x)


def values_of(interpreter: Interpreter, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Every tensor that can be read after an inference, by name."""
    interpreter.allocate_tensors()
    for place, one in enumerate(interpreter.get_input_details()):
        draw = np.random.default_rng([seed, place])
        interpreter.set_tensor(one["index"], draw.uniform(-1, 1, one["shape"]).astype(one["dtype"]))
    interpreter.invoke()
    found = {}
    for one in interpreter.get_tensor_details():
        try:
            found[one["name"]] = interpreter.get_tensor(one["index"]).copy()
        except ValueError:
            continue
    return found


MADE: dict[str, Callable[[], bytes]] = {
    "bundled": lambda: bundled_model().read_bytes(),
    "branching": branching,
    "half delegated": tflite_models.half_delegated,
    "embedding": lambda: tflite_models.embedding(20),
    "float16 weights": float16,
}
UNPACKING = {"float16 weights": (0, 1)}


@pytest.mark.filterwarnings(KEEPS_ALL)
@pytest.mark.parametrize("name", MADE)
def test_prefixes_give_the_values_of_the_whole(tmp_path: Path, name: str) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(MADE[name]())
    whole = values_of(Interpreter(str(file), experimental_preserve_all_tensors=True))
    found = written_parts(file, tmp_path, 1000)
    assert [part.last for part in found.parts] == [
        k for k in range(found.operators - 1) if k not in UNPACKING.get(name, ())
    ]
    for part in found.parts:
        prefix = Interpreter(str(part.path))
        assert [one["name"] for one in prefix.get_input_details()] == [
            one["name"] for one in Interpreter(str(file)).get_input_details()
        ]
        values = values_of(prefix)
        for one in prefix.get_output_details():
            np.testing.assert_allclose(values[one["name"]], whole[one["name"]], rtol=1e-5, atol=1e-6)


def test_what_later_operators_read_is_an_output(tmp_path: Path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(branching())
    outputs = [
        [one["name"] for one in Interpreter(str(part.path)).get_output_details()]
        for part in written_parts(file, tmp_path, 9).parts
    ]
    assert outputs == [["size"], ["size", "total"], ["total", "product"]]


def test_an_operator_alone_runs_on_what_it_reads(tmp_path: Path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(branching())
    *_, alone = written_parts(file, tmp_path, 9, singles=[2]).parts
    interpreter = Interpreter(str(alone.path))
    values = values_of(interpreter)
    assert [one["name"] for one in interpreter.get_input_details()] == ["size", "total"]
    np.testing.assert_allclose(values["product"], values["size"] * values["total"])


def test_a_part_holds_only_its_own_weights_aligned_as_the_schema_demands() -> None:
    model = read_cuttable(bundled_model())
    whole, first = (model.stretch(0, last) for last in (len(model.operators) - 1, 0))
    assert len(first) < len(whole) / 10
    weights = next(buffer.data for buffer in model.model.buffers if buffer.data is not None and len(buffer.data) > 400)
    assert whole.index(weights.tobytes()) % 16 == 0
    for content in (whole, first):
        check_structure(content)


def test_weights_are_unpacked_in_the_part_that_uses_them(tmp_path: Path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(float16())
    prefix, alone = written_parts(file, tmp_path, 9, singles=[3]).parts
    assert [len(read_cuttable(part.path).operators) for part in (prefix, alone)] == [2, 2]
    values = values_of(Interpreter(str(alone.path)))
    np.testing.assert_allclose(values["y1"], values["y0"] @ np.full((4, 4), 0.5))


@pytest.mark.parametrize(("many", "most"), [(5, 9), (5, 5), (65, 12), (100, 1), (13, 12)])
def test_ends_are_spread(many: int, most: int) -> None:
    found = spread(range(many), most)
    assert len(found) == min(many, most)
    assert found == sorted(set(found))
    assert all(0 <= end < many for end in found)
    gaps = np.diff([-1, *found, many])
    assert gaps.max() <= 2 * many / (most + 1) + 1


def several_graphs() -> bytes:
    """A loop, whose body is a second graph."""
    graph = Graph()
    graph.op("WHILE", [graph.input("x", [1])], graph.tensor("y", [1]), schema.WhileOptionsT(condSubgraphIndex=1))
    graph.op("ABS", [1], graph.tensor("z", [1]), schema.AbsOptionsT())
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(graph.build(2), 0))
    model.subgraphs *= 2
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def newer() -> bytes:
    """An operator with options that the schema does not know."""
    graph = Graph()
    for name in "ab":
        graph.op("ABS", [graph.input(f"in {name}", [1])], graph.tensor(name, [1]), schema.AbsOptionsT())
    content = graph.build(1, 3)
    kind = bytes([schema.BuiltinOptions.AbsOptions])
    cut = schema.Model.GetRootAs(content, 0).Subgraphs(0).Operators(0)._tab
    at = cut.Pos + cut.Offset(10)
    assert content[at : at + 1] == kind
    return content[:at] + b"\xf0" + content[at + 1 :]


def with_a_resource() -> bytes:
    """A variable, which is handed on as a resource and by nothing else."""
    graph = Graph()
    handle = graph.op("VAR_HANDLE", [], graph.tensor("handle", [1]), schema.VarHandleOptionsT(sharedName="v"))
    graph.tensors[handle].type = schema.TensorType.RESOURCE
    graph.op("READ_VARIABLE", [handle], graph.tensor("value", [1]), schema.ReadVariableOptionsT())
    return graph.build(1)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "several graphs": (several_graphs, "has 2 graphs; WHILE in the first one executes others"),
    "one operator": (lambda: tflite_models.added([1, 4]), "has 1 operator: its energy is that of the network"),
    "newer options": (newer, "options of ABS are newer"),
    "a resource": (with_a_resource, "can be cut nowhere .*a resource, which is no value"),
    "cut off": (lambda: bundled_model().read_bytes()[:4000], "damaged"),
    "nothing": (lambda: b"", "is empty"),
    "another format": (lambda: b"\x89HDF" * 9, "HDF5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_is_refused_by_name(tmp_path: Path, name: str) -> None:
    make, says = REFUSED[name]
    file = tmp_path / "net.tflite"
    file.write_bytes(make())
    with pytest.raises(UsageError, match=says):
        written_parts(file, tmp_path, 5)


def test_an_operator_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no operator 12 that can be cut out; it has 0 to 11"):
        written_parts(bundled_model(), tmp_path, 5, singles=[12])
    with pytest.raises(UsageError, match="does not exist"):
        written_parts(tmp_path / "none.tflite", tmp_path, 5)


def test_any_byte_may_be_wrong(tmp_path: Path) -> None:
    """A file with a byte flipped is cut, or refused; never anything else."""
    content, draw = branching(), np.random.default_rng(7)
    file = tmp_path / "net.tflite"
    refused = 0
    for _ in range(60):
        at = int(draw.integers(8, len(content)))
        file.write_bytes(content[:at] + bytes([content[at] ^ int(draw.integers(1, 256))]) + content[at + 1 :])
        try:
            written_parts(file, tmp_path, 5)
        except UsageError:
            refused += 1
    assert 0 < refused < 60
