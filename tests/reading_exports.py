"""Reads exports with the programs that they are made for: run by the Python of an environment that has those.

Of each package the modules that read are loaded as they are shipped, and their packages' __init__ (torch, TensorFlow,
scikit-learn) are not: a package is only its folder here. Prints one JSON object.
"""

import importlib
import json
import pickle
import sys
import types
from collections.abc import Callable
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any


def folder_only(package: str) -> None:
    """Let the modules of a package be imported without what its __init__ imports."""
    found = PathFinder.find_spec(package.partition(".")[0])
    assert found is not None
    [at] = found.submodule_search_locations or []
    names = package.split(".")
    for depth in range(1, len(names) + 1):
        module = types.ModuleType(".".join(names[:depth]))
        module.__path__ = [str(Path(at).joinpath(*names[1:depth]))]
        sys.modules.setdefault(module.__name__, module)


def nn_meter(path: str) -> Any:
    """Features and latencies (ms) of kernels, as the builder of a predictor gets them, and a sum of two latencies."""
    folder_only("nn_meter.builder.kernel_predictor_builder.predictor_builder")
    folder_only("nn_meter.builder.backend_meta")
    reading = importlib.import_module("nn_meter.builder.kernel_predictor_builder.predictor_builder.extract_feature")
    parser = reading.BaseFeatureParser("conv-bn-relu")
    features, latencies = reading.get_data_by_profiled_results("conv-bn-relu", parser, path)
    _, energies = reading.get_data_by_profiled_results("conv-bn-relu", parser, path, predict_label="energy")
    results = importlib.import_module("nn_meter.builder.backend_meta.utils").read_profiled_results(
        json.loads(Path(path).read_text())
    )
    first, second = (one["latency"] for one in results["conv-bn-relu"].values())
    return {"features": features, "latencies": latencies, "energies": energies, "sum": str(first + second)}


def ofa(path: str) -> Any:
    """What the table of ProxylessNAS answers to a query of a block. Its `yaml.load` is PyYAML's before 6."""
    folder_only("ofa.nas.efficiency_predictor")
    yaml: Any = importlib.import_module("yaml")
    yaml.load = partial(yaml.load, Loader=yaml.SafeLoader)
    utils = types.ModuleType("ofa.utils")
    utils.download_url = utils.make_divisible = utils.MyNetwork = None  # type: ignore[attr-defined]
    sys.modules["ofa.utils"] = utils
    tables = importlib.import_module("ofa.nas.efficiency_predictor.latency_lookup_table")
    shapes = ([112, 112, 16], [112, 112, 16])
    table = tables.ProxylessNASLatencyTable(url=path)
    return table.query("expanded_conv", *shapes, expand=1, ks=3, stride=1, id_skip=1)


def fedscale(capacity: str, availability: str) -> Any:
    """Times of a round by client (s, for 1,000 kbit each way), and at which seconds each is active."""
    folder_only("fedscale.cloud.internal")
    metadata = importlib.import_module("fedscale.cloud.internal.client_metadata").ClientMetadata
    speeds, traces = (pickle.loads(Path(path).read_bytes()) for path in (capacity, availability))
    clients = {n: metadata(0, n, speeds[n], traces.get(n)) for n in range(len(speeds))}
    times = {
        n: one.get_completion_time(batch_size=8, local_steps=10, upload_size=1000, download_size=1000)
        for n, one in clients.items()
    }
    return {"times": times, "active": [t for t in range(0, 3000, 100) if clients[0].is_active(t)]}


if __name__ == "__main__":
    reader, *paths = sys.argv[1:]
    readers: dict[str, Callable[..., Any]] = {"nn-meter": nn_meter, "ofa": ofa, "fedscale": fedscale}
    print(json.dumps(readers[reader](*paths)))
