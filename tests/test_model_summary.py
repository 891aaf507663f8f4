"""A model in numbers: ends, parameters, layers, signatures; and files that are damaged or lie."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.model_summary.layers import AUTOSCALE, PREFIX
from edgewatt.collectors.runtimes.model_summary.summary import Summary, summarise
from edgewatt.collectors.runtimes.zoo.description import described
from edgewatt.profiler.errors import UsageError
from tests import tflite_models
from tests.tflite_builder import Graph

CONTENT = bundled_model().read_bytes()


def summary_of(content: bytes, folder: Path, name: str = "net.tflite", named: str | None = None) -> Summary:
    path = folder / name
    path.write_bytes(content)
    return summarise(path, named=named)


def test_the_bundled_network_by_hand(tmp_path: Path) -> None:
    """64 x 64 x 3, a stem of 16, separable blocks of 32, 64, 64 (halved to 32 x 32) and 96, then 10 classes."""
    found = summary_of(CONTENT, tmp_path)
    full, half = 64 * 64, 32 * 32
    blocks = [(16, 32, full), (32, 64, full), (64, 64, half), (64, 96, half)]
    macs = full * 16 * 27 + sum(places * before * (9 + after) for before, after, places in blocks) + 960
    parameters = 16 * 28 + sum(before * 10 + after * (before + 1) for before, after, _ in blocks) + 97 * 10
    assert found.calls[0].macs == macs
    # Biases of one size are the same zeros, and still stored once each.
    assert (found.parameters, found.weights_b) == (parameters, 4 * parameters)
    assert found.precision == "fp32"
    told = found.to_json()
    assert (told["in_bytes"], told["out_bytes"], told["bytes"]) == (4 * full * 3, 40, len(CONTENT))
    assert told["layers"] == {
        "n_conv": 5, "n_fc": 1, "n_rc": 0, "source": "graph",
        "in_graph": {"n_conv": 5, "n_fc": 1, "n_rc": 0, "n_depthwise": 4},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "precision", "weights_b"),
    [("float16", "fp16", 64), ("int8", "dynamic_int8", 32), ("int4", "dynamic_int4", 16)],
)
def test_weights_that_are_stored_small(tmp_path: Path, weights: str, precision: str, weights_b: int) -> None:
    found = summary_of(tflite_models.dense(weights), tmp_path)
    assert (found.precision, found.parameters, found.weights_b) == (precision, 32, weights_b)
    assert found.calls[0].macs == 32


def test_whole_numbers_of_a_bias_count_and_those_of_a_shape_do_not(tmp_path: Path) -> None:
    assert summary_of(tflite_models.quantized_conv(), tmp_path).parameters == 4 * 27 + 4
    assert summary_of(tflite_models.reshaped("float32"), tmp_path).parameters == 0
    assert summary_of(tflite_models.embedding(100), tmp_path).parameters == 500


def test_a_recurrent_layer(tmp_path: Path) -> None:
    found = summary_of(tflite_models.recurrent(), tmp_path)
    assert (found.calls[0].macs, found.parameters, found.layers.used.rc) == (3 * (20 + 25), 20 + 25 + 5, 1)


def test_an_open_batch_counts_as_one_and_says_so(tmp_path: Path) -> None:
    call = summary_of(tflite_models.open_batch(), tmp_path).calls[0]
    assert call.inputs[0].is_open
    assert call.macs == 8 * 8 * 4 * 27


def test_an_operator_that_cannot_be_counted_is_named(tmp_path: Path) -> None:
    call = summary_of(tflite_models.custom("Spar\x1bkle"), tmp_path).calls[0]
    assert call.macs is None
    assert call.uncounted == {r"Spar\x1bkle": "what it computes is not known here"}
    graph = Graph()
    weights = graph.constant("weights", np.ones((3, 4), np.float32))
    dense = graph.op("FULLY_CONNECTED", [graph.input("x", [1, 4]), weights, -1], graph.tensor("y", [1, 3]))
    call = summary_of(graph.build(graph.op("Sparkle", [dense], graph.tensor("z", [1, 3]))), tmp_path).calls[0]
    assert (call.macs, list(call.uncounted)) == (12, ["Sparkle"])


def test_sizes_without_a_size(tmp_path: Path) -> None:
    found = summary_of(tflite_models.reshaped("string"), tmp_path)
    assert found.calls[0].inputs[0].size_b is None
    assert found.to_json()["in_bytes"] is None


@pytest.mark.parametrize(
    ("name", "named", "network", "by"),
    [
        ("net.tflite", "mobilenet_v3", "mobilenet_v3", "--as"),
        ("mobilenet_v2_1.0_224.tflite", None, "mobilenet_v2", "its file's name"),
        ("SSD_MobileNet_v1.tflite", None, "ssd_mobilenet_v1", "its file's name"),
        ("mobilenet_v2.tflite", "resnet_50", "resnet_50", "--as"),
        ("mobilenet_v25.tflite", None, None, None),
        ("my_mobilenet_v2.tflite", None, None, None),
    ],
)
def test_layer_counts_of_the_table(
    tmp_path: Path, name: str, named: str | None, network: str | None, by: str | None
) -> None:
    layers = summary_of(CONTENT, tmp_path, name, named).layers
    assert (layers.name, layers.named_by) == (network, by)
    assert layers.used == (AUTOSCALE[network] if network else layers.graph)
    assert layers.graph.conv == 5


def test_what_a_file_says_of_itself_names_it(tmp_path: Path) -> None:
    content = described(CONTENT, f"{PREFIX}mobilebert; random weights: accuracy means nothing")
    found = summary_of(content, tmp_path, "resnet_50.tflite")
    assert (found.layers.used.rc, found.layers.named_by) == (24, "its description")
    assert found.description.endswith("accuracy means nothing")
    # Only the description changed: the network still loads and computes the same.
    results = []
    for one in (CONTENT, content):
        interpreter = Interpreter(model_content=one)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones((1, 64, 64, 3), np.float32))
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    assert np.array_equal(*results)


def test_an_unknown_network_is_refused_with_all_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no layer counts are known for 'lenet'; they are for inception_v1,"):
        summary_of(CONTENT, tmp_path, named="lenet")


def signed(subgraph: int = 1, tensor: int = 0) -> bytes:
    """Two graphs, `a + a` and a product, under the signatures `train` and `infer`, whose references may lie."""
    adding, product = Graph(), Graph()
    x = adding.input("x", [2, 4])
    adding.op("ADD", [x, x], adding.tensor("y", [2, 4]))
    rows = product.input("rows", [2, 4])
    product.op("BATCH_MATMUL", [rows, product.tensor("right", [4, 3], isVariable=True)], product.tensor("z", [2, 3]))
    graphs = [
        schema.SubGraphT(
            tensors=one.tensors, inputs=one.inputs, outputs=[len(one.tensors) - 1], operators=one.operators
        )
        for one in (adding, product)
    ]
    graphs[1].operators[0].opcodeIndex = 1
    ends = [[schema.TensorMapT(name=name, tensorIndex=at)] for name, at in (("in", tensor), ("sum", 1), ("out", 2))]
    model = schema.ModelT(
        version=3, subgraphs=graphs, buffers=[schema.BufferT()],
        operatorCodes=[*adding.codes.values(), *product.codes.values()],
        signatureDefs=[
            schema.SignatureDefT(inputs=ends[0], outputs=ends[1], signatureKey="train", subgraphIndex=0),
            schema.SignatureDefT(inputs=ends[0], outputs=ends[2], signatureKey="infer", subgraphIndex=subgraph),
        ],
    )  # fmt: skip
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_each_signature_is_told_and_the_inference_first(tmp_path: Path) -> None:
    found = summary_of(signed(), tmp_path)
    infer, train = found.calls
    assert (infer.name, infer.macs, train.name, train.macs) == ("infer", 24, "train", 0)
    assert [end.name for end in [*infer.inputs, *infer.outputs]] == ["in", "out"]
    assert found.to_json()["macs"] == 24


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 rest of a zip", "it is a zip archive"),
        (CONTENT[:50_000], "damaged: "),
        (signed(subgraph=7), "damaged: the signature 'infer' is that of graph 7 of 2"),
        (signed(tensor=99), "damaged: an end of the signature 'train' is tensor 99 of 2"),
        (tflite_models.outside_buffer(10**6, 16), "damaged: a buffer claims 16 bytes"),
        (tflite_models.referring(operand=9), "damaged: an operator's tensors"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        summary_of(content, tmp_path)
    assert str(caught.value).isprintable()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(-3200, -1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_model_gives_numbers_or_one_line(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    """The tables of the bundled network stand in its last 3 kB."""
    content = bytearray(CONTENT)
    for place, value in flips:
        content[place] = value
    try:
        found = summary_of(bytes(content), tmp_path)
    except UsageError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert found.to_json()["calls"]
