"""Training digits on many devices: one by one, together, and by every method."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.learning.hooks import Hook
from edgewatt.models.federated.learning.learner import TorchLearner
from edgewatt.models.federated.learning.methods import FEDL, METHODS, SCAFFOLD
from edgewatt.models.federated.learning.partition import Split
from edgewatt.models.federated.learning.workloads import learner_of
from edgewatt.models.federated.round import Update, Weights
from edgewatt.profiler.errors import UsageError

pytestmark = pytest.mark.extra
pytest.importorskip("torch")
pytest.importorskip("sklearn")


@cache
def _digits(devices_n: int = 20, share: float = 0, method: str = "fedavg") -> TorchLearner:
    return learner_of("digits", Split(devices_n, share, 5), method)


def _fresh(method: str, devices_n: int = 20) -> TorchLearner:
    of = _digits(devices_n)
    return replace(of, method=replace(of.method, name=method))


def _same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def _near(a: Weights, b: Weights) -> bool:
    return all(np.allclose(a[name], b[name], rtol=1e-4, atol=1e-5) for name in a)


def _rounds(learner: TorchLearner, count: int, devices: int = 10, epochs: int = 3) -> Weights:
    weights = learner.first()
    every = np.arange(devices)
    for number in range(count):
        updates = learner.train_many(weights, every, np.full(devices, 16), np.full(devices, epochs), number)
        weights = learner.aggregate(weights, updates)
    return weights


def test_digits_are_learnt() -> None:
    learner = _digits()
    assert learner.samples_n.sum() == 1438
    assert learner.accuracy_percent(learner.first()) < 40
    assert learner.accuracy_percent(_rounds(learner, 6)) > 85


def test_a_job_counts_layers_and_bytes() -> None:
    job = _digits().job(16, 5, 20)
    assert (job.model, job.conv_n, job.fc_n, job.rc_n) == ("cnn", 2, 1, 0)
    assert job.update_b == 4 * (8 * 9 + 8 + 16 * 72 + 16 + 10 * 256 + 10)
    assert _fresh(SCAFFOLD).job(16, 5, 20).update_b == 2 * job.update_b


def test_training_depends_on_nothing_but_its_arguments() -> None:
    learner = _digits()
    first = learner.train(learner.first(), 3, 16, 2, 7)
    learner.train(learner.first(), 4, 8, 1, 8)
    assert _same(first.weights, learner.train(learner.first(), 3, 16, 2, 7).weights)
    assert not _same(first.weights, learner.train(learner.first(), 3, 16, 2, 8).weights)
    assert first.steps_n == 2 * -(-first.samples_n // 16)
    assert first.loss < first.loss_before


def test_training_leaves_the_received_weights_and_the_threads_alone() -> None:
    import torch  # noqa: PLC0415  (an extra)

    learner, threads = _digits(), torch.get_num_threads()
    given = learner.first()
    for of in given.values():
        of.flags.writeable = False
    learner.train(given, 0, 16, 1, 0)
    learner.train_many(given, np.array([0]), np.array([16]), np.array([1]), 0)
    assert _same(given, learner.first())
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("method", METHODS)
def test_together_is_one_by_one(method: str) -> None:
    learner = _fresh(method)
    weights = learner.aggregate(learner.first(), [learner.train(learner.first(), d, 32, 1, 0) for d in (0, 1)])
    devices, batches, epochs = np.array([4, 0, 9]), np.array([16, 32, 7]), np.array([1, 3, 2])
    together = learner.train_many(weights, devices, batches, epochs, 1)
    for n, update in enumerate(together):
        alone = learner.train(weights, int(devices[n]), int(batches[n]), int(epochs[n]), 1)
        assert _near(update.weights, alone.weights)
        assert (update.samples_n, update.steps_n) == (alone.samples_n, alone.steps_n)
        assert np.allclose([update.loss_before, update.loss], [alone.loss_before, alone.loss], rtol=1e-4)
        assert update.more.keys() == alone.more.keys()


def test_a_device_with_many_samples_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = _digits()
    given = (learner.first(), np.array([0, 1]), np.array([1000, 1000]), np.array([1, 0]), 0)
    whole = learner.train_many(*given)
    monkeypatch.setattr("edgewatt.models.federated.learning.together.AT_ONCE", 22)
    monkeypatch.setattr("edgewatt.models.federated.learning.together.STACK_LIMIT", 1)
    pieces = learner.train_many(*given)
    for a, b in zip(whole, pieces, strict=True):
        assert a.loss_before == pytest.approx(b.loss_before, rel=1e-5)
        assert _near(a.weights, b.weights)
    assert (whole[1].steps_n, learner.refusal(whole[1], given[0])) == (0, "it was trained for no steps")


def test_the_mobilenet_trains_together_too() -> None:
    learner = learner_of("digits_mobilenet", Split(100))
    devices = np.arange(3)
    together = learner.train_many(learner.first(), devices, np.full(3, 8), np.full(3, 2), 0)
    alone = [learner.train(learner.first(), d, 8, 2, 0) for d in range(3)]
    # Looser: where a picture is black, dividing by a deviation of nearly 0 makes rounding larger.
    for a, b in zip(together, alone, strict=True):
        assert all(np.allclose(a.weights[name], b.weights[name], atol=1e-3) for name in a.weights)
        assert a.loss == pytest.approx(b.loss, rel=1e-4)
    assert learner.job(8, 2, 3).conv_n == 11


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(method: str) -> None:
    learner = _fresh(method)
    assert learner.accuracy_percent(_rounds(learner, 3, 6)) > 60


def test_fedprox_stays_nearer() -> None:
    plain, near = _digits(), _fresh("fedprox")
    far = replace(near, method=replace(near.method, mu=5.0))
    moved = []
    for learner in (plain, far):
        first = learner.first()
        update = learner.train(first, 2, 8, 5, 0)
        moved.append(sum(float(((update.weights[name] - first[name]) ** 2).sum()) for name in first))
    assert moved[1] < 0.5 * moved[0]


def test_a_control_variate_is_the_mean_gradient_of_a_device() -> None:
    learner = _fresh(SCAFFOLD)
    first = learner.first()
    update = learner.train(first, 1, 1000, 1, 0)
    learner.aggregate(first, [update])
    # One full step: the control is the gradient there, and c is it over all devices.
    gradient = (first["fc.bias"] - update.weights["fc.bias"]) / learner.rate
    assert np.allclose(learner.method.own[1]["fc.bias"], gradient, atol=1e-5)
    assert learner.method.of_all is not None
    assert np.allclose(learner.method.of_all["fc.bias"], gradient / 20, atol=1e-6)


@pytest.mark.parametrize("method", [SCAFFOLD, FEDL])
def test_what_is_kept_travels(method: str) -> None:
    here = _fresh(method)
    weights = _rounds(here, 2)
    there = _fresh(method)
    there.method.keep(here.method.kept(3), weights)
    assert _same(here.train(weights, 3, 16, 2, 9).weights, there.train(weights, 3, 16, 2, 9).weights)
    assert not _same(_fresh(method).train(weights, 3, 16, 2, 9).weights, here.train(weights, 3, 16, 2, 9).weights)
    with pytest.raises(UsageError, match="has no part"):
        there.method.keep({"own/x/w": np.zeros(2)}, weights)
    with pytest.raises(UsageError, match="does not fit"):
        there.method.keep({"all/w": np.zeros(2)}, weights)


def test_what_diverges_is_refused_and_not_averaged() -> None:
    learner = replace(_digits(), rate=1e30)
    first = learner.first()
    for update in (learner.train(first, 0, 8, 3, 0), *learner.train_many(first, *np.array([[0], [8], [3]]), 0)):
        assert "diverged" in (learner.refusal(update, first) or "")
    good = _digits().train(first, 1, 8, 3, 0)
    assert _same(learner.aggregate(first, [update, good]), good.weights)
    assert learner.aggregate(first, [update]) is first


def test_a_device_without_samples_is_named() -> None:
    learner = _digits(1500)
    device = int(learner.parts.empty[0])
    first = learner.first()
    alone = learner.train(first, device, 16, 5, 0)
    full = int(np.flatnonzero(learner.samples_n)[0])
    together = learner.train_many(first, np.array([device, full]), np.full(2, 16), np.full(2, 5), 0)
    for update in (alone, together[0]):
        assert learner.refusal(update, first) == "it was trained on no samples"
    assert learner.refusal(together[1], first) is None


@pytest.mark.parametrize("method", [SCAFFOLD, FEDL])
def test_an_update_that_lacks_what_the_method_needs_is_refused(method: str) -> None:
    learner = _fresh(method)
    first = learner.first()
    update = learner.train(first, 0, 16, 1, 0)
    assert learner.refusal(update, first) is None
    assert "which device" in (learner.refusal(replace(update, more={}), first) or "")
    assert "names" in (learner.refusal(replace(update, more={"device": 0}), first) or "")


class _Seen(Hook):
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.begun = 0.0

    def begin(self, loss_before: float) -> None:
        self.begun = loss_before

    def transform(self, inputs: Any, rng: np.random.Generator) -> Any:
        return inputs * float(rng.uniform(0.5, 1))

    def after_batch(self, number: int, weights: Any) -> None:
        assert weights["fc.bias"].shape == (10,)
        self.batches.append(number)

    def end(self, weights: Weights, loss: float) -> tuple[Weights, dict[str, Any]]:
        return {name: of * 0 for name, of in weights.items()}, {"loss": loss}


class _Counting:
    """Hooks that remember how many updates were taken."""

    def __init__(self) -> None:
        self.seen: list[_Seen] = []
        self.taken_n = 0

    def of(self, device: int, number: int) -> Hook:
        assert (device, number) in ((2, 5), (3, 5))
        self.seen.append(_Seen())
        return self.seen[-1]

    def kept(self) -> dict[str, Any]:
        return {"taken": np.array(self.taken_n)}

    def keep(self, arrays: Any) -> None:
        self.taken_n = int(arrays["taken"])

    def learn(self, updates: Any) -> None:
        self.taken_n += len(updates)


def test_a_hook_sees_and_changes() -> None:
    hooks = _Counting()
    learner = replace(_digits(), hooks=hooks)
    updates = learner.train_many(learner.first(), np.array([2, 3]), np.full(2, 16), np.full(2, 2), 5)
    plain: Update = _digits().train(learner.first(), 2, 16, 2, 5)
    assert hooks.seen[0].batches == list(range(1, updates[0].steps_n + 1))
    assert hooks.seen[0].begun == plain.loss_before
    assert updates[0].more == {"loss": updates[0].loss}
    assert updates[0].loss != plain.loss
    assert not updates[0].weights["fc.bias"].any()


def test_what_hooks_remember_is_kept_beside_what_the_method_keeps() -> None:
    learner, there = replace(_fresh(SCAFFOLD), hooks=_Counting()), replace(_fresh(SCAFFOLD), hooks=_Counting())
    first = learner.first()
    good = _fresh(SCAFFOLD).train(first, 0, 16, 1, 0)
    learner.aggregate(first, [good, replace(good, loss=float("nan"))])
    kept = learner.kept(0)
    assert kept["hooks/taken"] == 1
    assert {name.split("/")[0] for name in kept} == {"all", "own", "hooks"}
    there.keep(kept, first)
    assert there.kept().keys() == kept.keys()
    assert there.hooks is not None
    assert there.hooks.kept() == {"taken": 1}
    with pytest.raises(UsageError, match="taken was kept of a learner with hooks, and this one has none"):
        _fresh(SCAFFOLD).keep(kept, first)


def test_wrong_requests_are_named(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=r"workload 'x': expected one of digits"):
        learner_of("x", Split(3))
    with pytest.raises(UsageError, match=r"method 'x': expected one of fedavg"):
        learner_of("digits", Split(3), "x")
    with pytest.raises(UsageError, match="read from a folder of yours"):
        learner_of("mnist", Split(3))
    with pytest.raises(UsageError, match="takes no folder"):
        learner_of("digits", Split(3), folder=tmp_path)
