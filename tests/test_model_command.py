"""`edgewatt model` from the shell: show, the list, and all that is refused before TensorFlow is needed."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.collectors.runtimes.model_summary.layers import AUTOSCALE
from edgewatt.collectors.runtimes.zoo.building import Ask
from edgewatt.collectors.runtimes.zoo.catalogue import ALIASES, NETWORKS, builder_module
from edgewatt.collectors.runtimes.zoo.cnn_mnist import first_weights
from tests import tflite_models
from tests.shell import called


@pytest.fixture(autouse=True)
def _without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)


def shown(*words: str | Path) -> Any:
    done = called("model", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_show_for_people_and_for_programs() -> None:
    done = called("model", "show", "@tiny")
    assert done.returncode == 0
    assert "graph: 12 operators, 25,691,072 MACs (25.7 MMAC)" in done.stdout
    assert "5 CONV, 1 FC, 0 RC, counted in the graph, beside 4 depthwise" in done.stdout
    assert "image: float32 1x64x64x3, 49,152 bytes" in done.stdout
    told = shown("show", "@tiny")
    assert (told["macs"], told["parameters"]) == (25_691_072, 16_234)


def test_the_counts_of_the_table_are_told_with_those_of_the_graph() -> None:
    done = called("model", "show", "@tiny", "--as", "mobilenet")
    assert "14 CONV, 1 FC, 0 RC, of mobilenet_v1 in AutoScale's table (remembered); named by --as" in done.stdout
    assert "in its graph: 5 CONV, 1 FC, 0 RC and 4 depthwise" in done.stdout


def test_what_is_not_counted_is_shown(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(tflite_models.custom("Sparkle"))
    done = called("model", "show", tmp_path / "net.tflite")
    assert "1 operator, MACs unknown" in done.stdout
    assert "not counted: Sparkle, what it computes is not known here" in done.stdout


def test_the_list_has_every_network_of_the_papers() -> None:
    names = {network["name"] for network in shown("make", "--list")["networks"]}
    assert names == {*AUTOSCALE, "cnn_mnist", "lstm_shakespeare"}
    assert set(ALIASES.values()) <= names
    listed = called("model", "make", "--list").stdout
    assert "published: 300 MMACs, 3.40 Mparameters; Sandler 2018" in listed
    assert "published: no MACs, no parameters" in listed


def test_every_builder_is_there_without_tensorflow() -> None:
    from importlib import import_module  # noqa: PLC0415

    for network in NETWORKS.values():
        module, function = builder_module(network)
        assert callable(getattr(import_module(module), function))


def test_the_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (first_weights(Ask(seed, classes=10, batch=1)) for seed in (7, 7, 8))
    assert all(np.array_equal(one, same) for one, same in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert sum(one.size for one in first) == NETWORKS["cnn_mnist"].published.parameters


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["make", "mobilenet_v2"], "pip install 'edgewatt[zoo]'"),
        (["make"], "needs the name of a network"),
        (["make", "--list", "resnet_50"], "give either it or the name of one"),
        (["make", "lenet"], "no network is called 'lenet'; there are inception_v1,"),
        (["make", "mobilebert", "--training"], "has no training signature; there is one for"),
        (["make", "--training", "cnn_mnist", "--precision", "int8"], "a training signature computes in fp32"),
        (["make", "cnn_mnist", "--batch", "1,1"], "expected different whole numbers from 1 to 256"),
        (["make", "cnn_mnist", "--batch", "0"], "'0' is no whole number"),
        (["make", "cnn_mnist", "--batch", "512"], "expected different whole numbers from 1 to 256"),
        (["make", "cnn_mnist", "--classes", "1"], "expected 2 to 100000"),
        (["make", "cnn_mnist", "--seed", "-1"], "'-1' is no seed"),
        (["make", "cnn_mnist", "-o", "nowhere/net.tflite"], "its folder does not exist"),
        (["make", "cnn_mnist", "-o", "there.tflite"], "'there.tflite' is there already"),
        (["make", "cnn_mnist", "--batch", "1,2", "-o", "net.tflite"], "'net_b2.tflite' is there already"),
        (["show", "none.tflite"], "does not exist"),
        (["show", "@tiny", "--as", "lenet"], "no layer counts are known for 'lenet'"),
        (["show"], "the following arguments are required: FILE"),
        ([], "the following arguments are required: show|make"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, words: list[str], says: str) -> None:
    for name in ("there.tflite", "net_b2.tflite"):
        (tmp_path / name).touch()
    done = called("model", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net_b2.tflite", "there.tflite"]
