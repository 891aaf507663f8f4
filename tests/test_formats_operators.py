"""Operators of networks as kernels: their shapes from the model's file, their figures from the run, nothing guessed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.tflite_kernels import kernels_of
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.operator_kernel import OperatorKernel
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import OPERATORS
from edgewatt.reports.export import export
from edgewatt.reports.formats.chosen import Chosen
from tests.sample_runs import RESULT, make_run, repeat_rows, table_of

CONFIG = {"HW": 14, "CIN": 98, "COUT": 120, "KERNEL_SIZE": 3, "STRIDES": 1}
GRAPH = [
    OperatorKernel("CONV_2D", "conv-bn-relu", CONFIG),
    OperatorKernel("CONV_2D", "conv-bn", {**CONFIG, "HW": 7}),
    OperatorKernel("SOFTMAX", why="it is none"),
    OperatorKernel("FULLY_CONNECTED", "fc", {"CIN": 96, "COUT": 10}),
    OperatorKernel("MAX_POOL_2D", "maxpool", {"HW": 7, "CIN": 9, "COUT": 9, "KERNEL_SIZE": 2, "POOL_STRIDES": 2}),
    OperatorKernel("CONV_2D", "conv-bn", CONFIG),
]
ROWS: list[dict[str, Any]] = [
    {"op": "CONV_2D", "latency_s": 0.002, "energy_j": 0.003, "basis": "measured"},
    {"op": "CONV_2D", "latency_s": 0.001, "energy_j": 0.004, "basis": "allocated"},
    {"op": "SOFTMAX", "latency_s": 0.001},
    {"op": "FULLY_CONNECTED", "latency_s": 0.001, "group": "3-4", "energy_j": 0.1, "basis": "group"},
    {"op": "MAX_POOL_2D"},
    {"op": "TfLiteXNNPackDelegate", "latency_s": 0.004},
]


def run_of(folder: Path) -> Trace:
    run = make_run(folder / "run", repeats=repeat_rows(), results=[RESULT])
    rows = [{"config_id": RESULT["config_id"], "index": n, **row} for n, row in enumerate(ROWS)]
    pq.write_table(table_of(rows, OPERATORS), run / "operators.parquet")
    return Trace.open(run)


def written(folder: Path, to: str, **chosen: Any) -> tuple[Any, str]:
    said = export([run_of(folder)], to, folder / "out", chosen=Chosen(**chosen))
    return json.loads((folder / "out").read_bytes()), "; ".join(said)


def test_an_operator_that_was_measured_alone_is_a_kernel(tmp_path: Path) -> None:
    content, said = written(tmp_path, "nn-meter", graphs={RESULT["model_sha256"]: GRAPH})
    [first] = content["conv-bn-relu"].values()
    assert first == {"model": RESULT["model"], "config": CONFIG, "latency": "2.0 +- nan", "energy": 3.0}
    # A share by time is no measurement.
    [second] = content["conv-bn"].values()
    assert second == {"model": RESULT["model"], "config": {**CONFIG, "HW": 7}, "latency": "1.0 +- nan"}
    assert set(content) == {"conv-bn-relu", "conv-bn"}
    for why in (
        "operator 2 (SOFTMAX) of mobilenet_v2.tflite is left out: it is none",
        "operator 3 (FULLY_CONNECTED) of mobilenet_v2.tflite is left out: it was measured in a group with others",
        "operator 4 (MAX_POOL_2D) of mobilenet_v2.tflite is left out: neither its latency nor its energy",
        "operator 5 (TfLiteXNNPackDelegate) of mobilenet_v2.tflite is left out: the model's file has another there",
    ):
        assert why in said


def test_an_energy_of_an_operator_is_of_the_kernel_level(tmp_path: Path) -> None:
    content, _ = written(tmp_path, "deepen", graphs={RESULT["model_sha256"]: GRAPH})
    [kernel] = content["kernel"]
    columns = {"HW": 14, "Cin": 98, "Cout": 120, "KS": 3, "S": 1}
    assert kernel == {"kernel": "conv++bn++relu", "id": f"{RESULT['config_id']}_0", **columns, "CPU_energy_mj": 3.0}


def test_without_the_model_s_file_no_shape_is_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="and --graph FILE"):
        written(tmp_path, "nn-meter", graphs={"another model": GRAPH})


def test_shapes_are_those_of_the_schema_of_litert() -> None:
    """The numbers of fields against the reader that ai-edge-litert generates from its schema."""
    path = bundled_model()
    graph = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).subgraphs[0]
    kernels = kernels_of(path)
    assert len(kernels) == len(graph.operators)
    assert {one.kernel for one in kernels} == {"conv-bn-relu", "dwconv-bn-relu", "avgpool", "fc", None}
    for kernel, operator in zip(kernels, graph.operators, strict=True):
        config, options = kernel.config or {}, operator.builtinOptions
        strides = config.get("STRIDES", config.get("POOL_STRIDES"))
        assert strides == getattr(options, "strideW", None) == getattr(options, "strideH", None)
        if kernel.kernel == "avgpool":
            assert (config["KERNEL_SIZE"], config["KERNEL_SIZE"]) == (options.filterHeight, options.filterWidth)
        if kernel.kernel is not None:
            relu = schema.ActivationFunctionType.RELU if "relu" in kernel.kernel else 0
            assert options.fusedActivationFunction == relu
        if "HW" in config:
            assert list(graph.tensors[operator.inputs[0]].shape) == [1, config["HW"], config["HW"], config["CIN"]]


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    raw = bundled_model().read_bytes()
    path = tmp_path / "x.tflite"
    digest = hashlib.sha256(raw).digest()
    for cut in (0, 7, 100, len(raw) // 2):
        path.write_bytes(raw[:cut] + digest)
        with pytest.raises(UsageError, match=r"x\.tflite"):
            kernels_of(path)
