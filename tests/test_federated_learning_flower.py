"""Our FedAvg and q-FedAvg are Flower's, to float tolerance."""

from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.learning.aggregation import fedavg, q_fedavg
from edgewatt.models.federated.round import Update

pytestmark = pytest.mark.extra
SHAPES = {"a": (7, 3), "b": (5,)}


def _weights(rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def _updates() -> list[Update]:
    rng = np.random.default_rng(3)
    return [Update(_weights(rng), float(rng.uniform(0.1, 3)), 0.5, int(rng.integers(1, 40)), 3) for _ in range(20)]


def _replies(updates: list[Update], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    flwr = pytest.importorskip("flwr.app")
    task = pytest.importorskip("flwr.supercore.task_identity").TaskIdentity
    for name in ("_run_id", "_node_id", "_task_id"):
        monkeypatch.setattr(task, name, 1)
    contents = [
        flwr.RecordDict(
            {
                "arrays": flwr.ArrayRecord({name: flwr.Array(of) for name, of in update.weights.items()}),
                "metrics": flwr.MetricRecord({"num-examples": update.samples_n, "train_loss": update.loss_before}),
            }
        )
        for update in updates
    ]
    return [flwr.Message(content=of, dst_node_id=1, message_type="train") for of in contents]


def _near(theirs: Any, ours: Any) -> bool:
    arrays = zip(theirs.to_numpy_ndarrays(), ours.values(), strict=True)
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in arrays)


def test_our_fedavg_is_flowers(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = _replies(_updates(), monkeypatch)
    strategy = pytest.importorskip("flwr.serverapp.strategy").FedAvg()
    assert _near(strategy.aggregate_train(1, replies)[0], fedavg(_updates()))


@pytest.mark.parametrize("q", [0.5, *(pytest.param(q, marks=pytest.mark.long) for q in (0.0, 1e-6, 2.0))])
def test_our_q_fedavg_is_flowers(q: float, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = _replies(_updates(), monkeypatch)
    strategy = pytest.importorskip("flwr.serverapp.strategy").QFedAvg(client_learning_rate=0.1, q=q)
    before = _weights(np.random.default_rng(9))
    arrays = pytest.importorskip("flwr.app")
    strategy.current_arrays = arrays.ArrayRecord({name: arrays.Array(of) for name, of in before.items()})
    assert _near(strategy.aggregate_train(1, replies)[0], q_fedavg(before, _updates(), q, 0.1))
