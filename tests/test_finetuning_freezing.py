"""Freezing that frees, adapters and LoRA in small models, as the meter sees them. In an environment with torch."""

from typing import Any

import pytest

from edgewatt.models.finetuning.freezing import freeze, prefix_of
from edgewatt.models.finetuning.importance import Importance, features_of
from edgewatt.models.finetuning.sharpness import sharpness
from edgewatt.profiler.errors import UsageError
from tests.finetuning_models import BATCH, LAYERS, WIDTH, batch_of, begun, bert, counted, gpt2, method, steps

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytestmark = pytest.mark.extra


def test_frozen_parameters_do_not_move_by_one_bit_and_hold_nothing() -> None:
    of = method("adapters")
    model, optimizer = begun(of, bert())
    list(steps(of, model, optimizer, 0, 3))
    lower = [one for layer in of.layers[:2] for one in layer.parameters()]
    moving = [one for one in lower if one.requires_grad]
    assert len(moving) == 2 * 4
    assert all(one in optimizer.state for one in moving)
    loss = model(**batch_of(range(BATCH))).loss
    loss.backward()  # gradients are there when they are frozen
    for layer in of.layers[:2]:
        freeze(layer, optimizer)
    assert all(one.grad is None and one not in optimizer.state for one in moving)
    before = [one.detach().clone() for one in lower]
    above = [one.detach().clone() for one in of.layers[2].adapter.parameters()]
    optimizer.step()
    list(steps(of, model, optimizer, 3, 8))
    assert all(torch.equal(one, old) for one, old in zip(lower, before, strict=True))
    assert not all(torch.equal(one, old) for one, old in zip(of.layers[2].adapter.parameters(), above, strict=True))
    assert of.frozen == (0, 1)


@pytest.mark.parametrize("kind", [{"foreach": True}, {"fused": True}, {"foreach": False, "amsgrad": True}])
def test_no_kind_of_adamw_moves_them_whatever_the_rate_and_zeroed_gradients(kind: dict[str, bool]) -> None:
    still, moving = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    model = torch.nn.Sequential(still, moving)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5, **kind)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)
    before: list[Any] = []
    for step in range(8):
        model(torch.ones(2, 4)).square().mean().backward()
        optimizer.step()
        if step == 3:
            freeze(still, optimizer)
            before = [one.detach().clone() for one in model.parameters()]
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        rate.step()
    kept = [torch.equal(one, old) for one, old in zip(model.parameters(), before, strict=True)]
    assert kept == [True, True, False, False]
    assert set(optimizer.state) == set(moving.parameters())


@pytest.mark.parametrize("name", ["adapters", "lora"])
@pytest.mark.parametrize("make", [bert, gpt2])
def test_only_the_prefix_frees_bytes_and_flops(name: str, make: Any) -> None:
    batch = batch_of(range(BATCH))

    def cost(frozen: range) -> Any:
        of = method(name)
        model, optimizer = begun(of, make())
        for k in frozen:
            freeze(of.layers[k], optimizer)
        return counted(model, batch)

    none, bottom, top = cost(range(0)), cost(range(2)), cost(range(2, LAYERS))
    assert bottom.saved_b < 0.7 * none.saved_b
    assert bottom.backward_flop < 0.7 * none.backward_flop
    assert top.saved_b > 0.9 * none.saved_b
    assert top.backward_flop > 0.8 * none.backward_flop
    assert none.forward_flop == bottom.forward_flop == top.forward_flop


def test_below_the_lowest_adapter_that_trains_nothing_is_kept() -> None:
    of = method("adapters")
    model, optimizer = begun(of, bert())
    freeze(of.layers[0], optimizer)
    seen: list[bool] = []
    for k in (0, 1):
        of.layers[k].register_forward_pre_hook(lambda _, args: seen.append(args[0].requires_grad))
    of.layers[1].adapter.register_forward_pre_hook(lambda _, args: seen.append(args[0].requires_grad))
    of.layers[2].register_forward_pre_hook(lambda _, args: seen.append(args[0].requires_grad))
    model(**batch_of(range(BATCH)))
    assert seen == [False, False, False, True]


@pytest.mark.parametrize("make", [bert, gpt2])
@pytest.mark.parametrize("name", ["adapters", "lora", "adalora"])
def test_what_is_added_changes_nothing_before_it_trains(name: str, make: Any) -> None:
    batch = {key: of for key, of in batch_of(range(4)).items() if key != "labels"}
    plain = make().eval()(**batch).logits
    of = method(name)
    model, _ = begun(of, make())
    assert torch.allclose(model.eval()(**batch).logits, plain, atol=1e-5)
    moving = [key for key, one in model.named_parameters() if one.requires_grad]
    assert all("adapter" in key or "lora" in key or "classifier" in key or "score" in key for key in moving)
    assert any("classifier" in key or "score" in key for key in moving)


@pytest.mark.parametrize("name", ["adapters", "lora"])
def test_importance_is_0_before_training_and_rises_with_it(name: str) -> None:
    of: Any = method(name)
    model, optimizer = begun(of, bert())
    importance = Importance(of.tuned, of.run.probe)
    assert importance.of_layers() == pytest.approx([0.0] * LAYERS, abs=1e-6)
    once = importance.spent.flop
    list(steps(of, model, optimizer, 0, 5))
    freeze(of.layers[0], optimizer)
    dropout = model.training
    found = importance.of_layers()
    assert found[-1] > found[0] > 1e-7
    assert importance.spent.flop == pytest.approx(1.5 * once, rel=0.1)  # without adapters only the first time
    assert of.frozen == (0,)  # peft forgets that when it switches LoRA on again
    assert model.training is dropout is True


def test_padding_is_in_no_features() -> None:
    of: Any = method("adapters")
    begun(of, bert())
    batch = batch_of([1, 2, 4, 5])
    changed = dict(batch, input_ids=torch.where(batch["attention_mask"] == 0, 7, batch["input_ids"]))
    for one, other in zip(features_of(of.tuned, [batch]), features_of(of.tuned, [changed]), strict=True):
        assert one.shape == (4, WIDTH)
        assert one == pytest.approx(other, abs=1e-5)


def test_sharpness_leaves_the_weights_as_they_were() -> None:
    of = method("adapters")
    model, optimizer = begun(of, bert())
    list(steps(of, model, optimizer, 0, 3))
    before = [one.detach().clone() for one in model.parameters()]
    batches = [batch_of(range(BATCH)), batch_of(range(BATCH, 2 * BATCH))]

    def at(rho: float, seed: int | None = None) -> float:
        random = None if seed is None else torch.Generator().manual_seed(seed)
        return sharpness(model, lambda of_it, batch: of_it(**batch).loss, batches, rho, random=random)

    assert 0 < at(0.01) < at(0.1)
    assert abs(at(0.1, seed=1)) < at(0.1)  # up the gradient it rises more than anywhere
    assert at(0.1, seed=1) == at(0.1, seed=1) != at(0.1, seed=2)
    assert all(torch.equal(one, old) and one.grad is None for one, old in zip(model.parameters(), before, strict=True))
    with pytest.raises(UsageError, match="expected some"):
        at(0.0)


def test_a_prefix_has_no_gap() -> None:
    assert [prefix_of(of) for of in ((), (0, 1), (1, 2), (0, 2), (0, 1, 2))] == [0, 2, 0, 1, 3]
