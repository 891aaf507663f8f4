"""Exports of networks and kernels: each in the units of who reads it, and what cannot be filled is named."""

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.export import export
from edgewatt.reports.formats.chosen import Chosen, configs_in, names_in, where_of
from edgewatt.reports.formats.consumers import CONSUMERS, as_yaml
from edgewatt.reports.formats.latbench import vector_of
from edgewatt.reports.formats.once_for_all import KEY
from tests.sample_runs import RESULT, make_run, repeat_rows

KERNEL = "conv-bn-relu_prior_9YKFDC"
BLOCK = "expanded_conv-input:112x112x16-output:112x112x16-expand:1-kernel:3-stride:1-idskip:1"
CONFIG = {"HW": 14, "CIN": 98, "COUT": 120, "KERNEL_SIZE": 3, "STRIDES": 1}
CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "conv-bn-relu": {"9YKFDC": {"model": "/kernels/x", "shapes": [[14, 14, 98]], "config": CONFIG}}
}


def run_of(folder: Path, *rows: dict[str, Any]) -> Trace:
    """A run of these networks, each row with what it differs in."""
    results = [{**RESULT, "config_id": f"{n:012x}", **row} for n, row in enumerate(rows)]
    return Trace.open(make_run(folder / "run", repeats=repeat_rows(), results=results))


def written(folder: Path, trace: Trace, to: str, **chosen: Any) -> tuple[Any, str]:
    """What is written, read again by the standard library, and what was said of it."""
    path = folder / "out"
    said = export([trace], to, path, chosen=Chosen(**chosen))
    raw = path.read_bytes()
    return (pickle.loads(raw) if chosen.get("pickled") else json.loads(raw)), "; ".join(said)


def test_kernels_of_nn_meter_are_in_ms_and_mj_with_their_configuration(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {"model": f"{KERNEL}.tflite"}, {"model": "mobilenet_v2.tflite"})
    content, said = written(tmp_path, trace, "nn-meter", configs=CONFIGS)
    kernel = content["conv-bn-relu"]["9YKFDC"]
    assert kernel["config"] == CONFIG
    average, deviation = (float(part) for part in kernel["latency"].split("+-"))
    assert average == pytest.approx(12.42)
    assert deviation == pytest.approx(0.15)
    assert (kernel["energy"], kernel["power"]) == (pytest.approx(38.1), 3.07)
    assert said == "mobilenet_v2.tflite is left out: its name is no kernel of nn-Meter's"
    assert "simulated" not in kernel


def test_a_deviation_that_nobody_knows_is_no_zero(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {"model": KERNEL, "latency_s_std": None, "energy_gross_j_mean": None, "power_w": None})
    content, said = written(tmp_path, trace, "nn-meter", configs={"fc": {}})
    kernel = content["conv-bn-relu"]["9YKFDC"]
    assert math.isnan(float(kernel["latency"].split("+-")[1]))
    assert not {"energy", "power", "config"} & set(kernel)
    assert "the configuration of conv-bn-relu_prior_9YKFDC is left out" in said


def test_blocks_of_a_look_up_table_have_their_mean_in_ms(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {"model": "block_1.tflite"}, {"model": "other", "simulated": True})
    out = tmp_path / "lut.yaml"
    said = export([trace], "ofa", out, chosen=Chosen(names={"block_1": BLOCK}))
    assert out.read_text() == f'"{BLOCK}":\n  mean: 12.42\n  std: 0.15\n'
    assert said == ("other is left out: its name is no key of a look-up table",)
    assert KEY.fullmatch("Logits-input:7x7x1280-output:1000")
    assert not KEY.fullmatch("expanded_conv-input:1x1x1-output:1x1x1")


def test_a_number_of_yaml_has_its_point() -> None:
    """YAML 1.1, and so PyYAML, takes 1e-05 for a text."""
    assert as_yaml({"a": {"mean": 1e-05, "std": 2.5e-06}}) == b'"a":\n  mean: 1.0e-05\n  std: 2.5e-06\n'


def test_architectures_are_in_seconds(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {"model": "1_0_2_3_0_1.tflite", "simulated": True})
    content, said = written(tmp_path, trace, "latbench")
    assert content == {"1,0,2,3,0,1": 0.01242}
    assert "SIMULATED" in said
    assert written(tmp_path, trace, "latbench", pickled=True)[0] == {(1, 0, 2, 3, 0, 1): 0.01242}


def test_an_architecture_is_told_by_its_operations() -> None:
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    assert vector_of(text) == (3, 3, 4, 1, 0, 2) == vector_of("(3, 3, 4, 1, 0, 2)")
    for name in ("3_3_4_1_0", "3_3_4_1_0_5", "|pool~0|", "resnet50", ""):
        assert vector_of(name) is None


def test_a_file_of_latbench_is_of_one_device_target_and_precision(tmp_path: Path) -> None:
    rows = [{"model": "0_0_0_0_0_1"}, {"model": "0_0_0_0_0_2", "target_used": "gpu"}]
    trace = run_of(tmp_path, *rows)
    with pytest.raises(UsageError, match=r"target: cpu\+xnnpack, gpu"):
        written(tmp_path, trace, "latbench")
    assert written(tmp_path, trace, "latbench", where={"target": "cpu"})[0] == {"0,0,0,0,0,1": 0.01242}


def test_devices_stand_side_by_side_in_ms_and_mj(tmp_path: Path) -> None:
    pixel = {"device": "Pixel 8", "device_id": "beef", "latency_s_mean": 0.01, "energy_gross_j_mean": None}
    trace = run_of(tmp_path, {"model": "7.tflite"}, {"model": "7.tflite", **pixel, "simulated": True})
    content, _ = written(tmp_path, trace, "hw-nas-bench")
    assert content["7"] == {
        "galaxys10e_latency": pytest.approx(12.42),
        "galaxys10e_energy": pytest.approx(38.1),
        "pixel8_latency": 10.0,
        "pixel8_simulated": True,
    }
    assert list(written(tmp_path, trace, "hw-nas-bench", pickled=True)[0]) == [7]


def test_of_two_meters_the_user_says_which(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {}, {"config_id": f"{0:012x}", "energy_source": "gauge", "energy_gross_j_mean": 0.05})
    with pytest.raises(UsageError, match="energy_source: gauge, monsoon/main"):
        written(tmp_path, trace, "hw-nas-bench")
    content, _ = written(tmp_path, trace, "hw-nas-bench", where={"energy_source": "gauge"})
    assert content["mobilenet_v2"]["galaxys10e_energy"] == 50.0


def test_energies_have_three_levels(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"model": KERNEL},
        {"threads": 1, "energy_gross_j_mean": 0.06},
        {"threads": 4},
        {"target_used": "nnapi"},
    ]
    content, said = written(tmp_path, run_of(tmp_path, *rows), "deepen", configs=CONFIGS)
    columns = {"HW": 14, "Cin": 98, "Cout": 120, "KS": 3, "S": 1}
    assert content["kernel"] == [
        {"kernel": "conv++bn++relu", "id": "9YKFDC", **columns, "CPU_energy_mj": pytest.approx(38.1)}
    ]
    assert content["model"] == []
    assert "the model level is left out of mobilenet_v2, CPU" in said
    assert "threads: 1, 4" in said
    [application] = content["application"]
    assert application == {
        "reference_dnn": "mobilenet_v2, INT8",
        "CPU1_energy_mj": 60.0,
        "CPU4_energy_mj": pytest.approx(38.1),
        "NNAPI_energy_mj": pytest.approx(38.1),
    }


def test_what_is_void_is_left_out(tmp_path: Path) -> None:
    trace = run_of(tmp_path, {"model": "a"}, {"model": "b", "quality": "void"})
    content, said = written(tmp_path, trace, "hw-nas-bench")
    assert list(content) == ["a"]
    assert "b, cpu+xnnpack, 4 threads" in said
    assert "every repeat is void" in said


@pytest.mark.parametrize(
    ("to", "chosen", "said"),
    [
        ("fedscale", {}, "It needs a calibration"),
        ("fedscale-availability", {}, "table charge"),
        ("oort-durations", {}, "--local-steps N"),
        ("ofa", {}, "mobilenet_v2.tflite is left out: its name is no key"),
        ("ofa", {"pickled": True}, "takes no pickle"),
        ("hw-nas-bench", {"where": {"model": "resnet"}}, "no row is that"),
        ("hw-nas-bench", {"where": {"colour": "red"}}, "--where colour=...: no such column"),
        ("csv", {"where": {"model": "x"}}, "takes all rows"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(tmp_path: Path, to: str, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        written(tmp_path, run_of(tmp_path, {}), to, **chosen)
    assert not (tmp_path / "out").exists()


def test_a_pickle_is_made_only_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JSON under the name of a pickle"):
        export([run_of(tmp_path, {})], "hw-nas-bench", tmp_path / "x.pkl")
    assert sum(one.pickles for one in CONSUMERS.values()) < len(CONSUMERS)


def test_names_and_configurations_are_checked(tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text("model,name\na.tflite,0_0_0_0_0_1\n")
    assert names_in(table) == {"a.tflite": "0_0_0_0_0_1"}
    table.write_text("model,name\na,x\nb,x\n")
    with pytest.raises(UsageError, match="two models are called 'x'"):
        names_in(table)
    table.write_text("model,key\na,x\n")
    with pytest.raises(UsageError, match="no column name"):
        names_in(table)
    for text in ("[1]", '{"fc": {"A": 3}}', "{", '{"fc": []}'):
        table.write_text(text)
        with pytest.raises(UsageError, match=r"no kernels of nn-Meter|no readable JSON"):
            configs_in(table)
    with pytest.raises(UsageError, match="COLUMN=VALUE"):
        where_of(["model"])


def test_the_page_names_every_format_and_whether_it_is_pickled() -> None:
    page = (Path(__file__).parents[1] / "docs/exports.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    told = {row[0].strip("`"): row[4].startswith("yes") for row in rows if len(row) == 5 and row[4][:2] in ("ye", "no")}
    assert told == {name: one.pickles for name, one in CONSUMERS.items()}
