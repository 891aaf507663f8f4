"""Every method on a small model, step by step, and what it refuses. In an environment with torch."""

from typing import Any

import pytest

from edgewatt.models.finetuning.freezing import freeze, prefix_of
from edgewatt.models.finetuning.method import Run, StepCost
from edgewatt.models.finetuning.methods import METHODS
from edgewatt.profiler.errors import UsageError
from tests.finetuning_models import BATCH, LAYERS, batch_of, begun, bert, gpt2, method, steps

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytestmark = pytest.mark.extra


def trained(
    name: str, make: Any = bert, seed: int = 0, steps_n: int = 20, last: int | None = None, **other: float
) -> tuple[Any, list[float]]:
    of = method(name, seed, **other)
    model = make()
    torch.manual_seed(seed)
    model, optimizer = begun(of, model, steps_n)
    losses = list(steps(of, model, optimizer, 0, last or steps_n))
    found = of.frozen, of.spent
    of.end()
    return (of, *found), losses


# The others by hand: what they add is a library's.
FIRST = ("full", "adapters", "lora", "safe", "ours")


@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.long) for name in METHODS]
)
def test_every_method_learns_and_repeats_itself(name: str) -> None:
    (of, _, spent), losses = trained(name)
    (_, _, spent_again), losses_again = trained(name, last=12)  # what is frozen is frozen by then
    assert of.name == name
    assert losses[:12] == losses_again
    assert spent.flop == spent_again.flop
    assert sum(losses[-6:]) < sum(losses[:6])


@pytest.mark.parametrize("name", ["adapters", "safe", "safe-lora", "ours", "ours-lora", "adapterdrop", "head"])
def test_decoders_train_as_encoders_do(name: str) -> None:
    _, losses = trained(name, gpt2)
    assert sum(losses[-6:]) < sum(losses[:6])


def test_what_trains_is_what_the_method_says() -> None:
    def layers_that_train(name: str, **other: float) -> list[int]:
        (of, frozen, _), _ = trained(name, steps_n=2, **other)
        return [k for k in range(len(of.layers)) if k not in frozen]

    assert layers_that_train("full") == layers_that_train("adapters") == [0, 1, 2, 3]
    assert layers_that_train("head") == []
    assert layers_that_train("prefix", prefix__frozen=0.5) == [2, 3]
    assert layers_that_train("adapterdrop", adapterdrop__dropped=0.25) == [1, 2, 3]


def test_safe_freezes_what_is_below_the_threshold_and_never_lets_go() -> None:
    of: Any = method("safe", safe__warm_up=0.1, safe__end=0.6, safe__tau=1e9, safe__every=0.1)
    model, optimizer = begun(of, bert())
    seen = [of.frozen for _ in steps(of, model, optimizer, 0, 3)]
    assert seen == [()] * 3
    list(steps(of, model, optimizer, 3, 4))
    assert of.frozen == (0, 1, 2, 3)  # all of them: the head trains on
    assert any(one.requires_grad for one in model.parameters())
    list(steps(of, model, optimizer, 4, 20))
    assert of.frozen == (0, 1, 2, 3)
    assert of.spent.flop > 0

    (_, frozen, _), _ = trained("safe", safe__tau=0.0)
    assert frozen == ()


def test_without_a_head_something_is_left_to_train() -> None:
    of: Any = method("safe", safe__tau=1e9)
    model, optimizer = begun(of, gpt2(language=True), language=True)  # its output layer is tied to the embeddings
    list(steps(of, model, optimizer, 0, 20, language=True))
    assert len(of.frozen) == LAYERS - 1
    of = method("ours", ours__price=1e9)
    model, optimizer = begun(of, gpt2(language=True), language=True)
    list(steps(of, model, optimizer, 0, 20, language=True))
    assert of.frozen == (0, 1, 2)


def test_at_random_as_many_are_frozen_as_by_safe_but_others() -> None:
    seen = set()
    for seed in range(8):
        of: Any = method("random", seed, safe__tau=0.5)
        _, optimizer = begun(of, bert())
        first = of.chosen([0.1, 0.9, 0.9, 0.9], 1.0)
        assert len(first) == 1
        freeze(of.layers[first[0]], optimizer)
        second = of.chosen([0.1, 0.2, 0.3, 0.9], 1.0)
        assert len(second) == 2
        assert not set(first) & set(second)
        assert of.chosen([0.9] * LAYERS, 1.0) == []
        seen.add(tuple(first + second))
    assert len(seen) > 3


@pytest.mark.parametrize("name", ["ours", pytest.param("ours-lora", marks=pytest.mark.long)])
def test_ours_freezes_a_prefix_and_says_what_it_took(name: str) -> None:
    (of, frozen, spent), _ = trained(name, ours__price=1.5)
    assert prefix_of(frozen) == len(frozen) > 0
    assert spent.flop > 0
    shares = of._savings.shares(0.5)
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    # What is on the line between two counts is what a count of it would have said.
    fresh: Any = method(name)
    begun(fresh, bert())
    for k in range(LAYERS + 1):
        for one in (one for layer in fresh.layers[:k] for one in layer.parameters()):
            one.requires_grad_(requires_grad=False)
        cost = fresh.run.count()
        assert fresh._savings.saved_b[k] == pytest.approx(cost.saved_b, rel=1e-3)
        assert fresh._savings.flop[k] == pytest.approx(cost.flop, rel=1e-3)


@pytest.mark.parametrize("make", [bert, pytest.param(gpt2, marks=pytest.mark.long)])
def test_kept_features_change_no_loss_and_save_forward_work(make: Any) -> None:
    def still() -> Any:
        model = make()
        for one in model.modules():
            if isinstance(one, torch.nn.Dropout):
                one.p = 0.0
        model.config.attention_probs_dropout_prob = 0.0
        for one in model.modules():
            if isinstance(getattr(one, "dropout_prob", None), float):
                one.dropout_prob = 0.0
        return model

    (_, frozen, spent), losses = trained("ours", still, ours__price=0.8, ours__cache_ratio=1e9)
    (_, same, none), plain = trained("ours", still, ours__price=0.8, ours__cache_ratio=0.0)
    (_, _, some), half = trained("ours", still, ours__price=0.8, ours__cache_ratio=0.01)
    assert frozen == same != ()
    assert losses == pytest.approx(plain, abs=1e-3)
    assert half == pytest.approx(plain, abs=1e-3)
    assert none.cache_b == none.skipped_flop == 0
    assert 0 < some.cache_b < spent.cache_b
    assert 0 < some.skipped_flop < spent.skipped_flop


class Unlike(torch.nn.Module):  # type: ignore[misc]
    """A module that is no model of Hugging Face."""

    def __init__(self) -> None:
        super().__init__()
        self.only = torch.nn.Linear(4, 4)


def compiled() -> Any:
    model = bert()
    model._compiled_call_impl = model._call_impl  # as model.compile() leaves it; it takes seconds
    return model


def checkpointed() -> Any:
    model = bert()
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    return model


def with_gradients() -> Any:
    model = bert()
    model.enable_input_require_grads()
    return model


def tied() -> Any:
    model = bert()
    model.bert.encoder.layer[3].attention = model.bert.encoder.layer[1].attention
    return model


def adapted() -> Any:
    return method("adapters").prepare(bert())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Unlike, "looked for encoder.layer.*what it has: only"),
        (compiled, "torch.compile"),
        (checkpointed, "gradient checkpointing is on"),
        (with_gradients, "disable_input_require_grads"),
        (adapted, "already"),
        (tied, "layers 1 and 3 of BertForSequenceClassification share weights"),
    ],
)
def test_a_model_that_will_not_do_is_named(make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        method("safe").prepare(make())


def test_an_optimizer_a_loss_or_an_order_that_will_not_do_is_named() -> None:
    of: Any = method("safe")
    with pytest.raises(UsageError, match="prepare"):
        of.layers  # noqa: B018
    model = of.prepare(bert())

    def run(optimizer: Any, of_model: Any = model) -> Run:
        return Run(of_model, optimizer, lambda: [batch_of(range(BATCH))], 5, lambda: StepCost(1, 1, 1))

    some = next(one for one in model.parameters() if one.requires_grad)
    with pytest.raises(UsageError, match=r"lacks .* of the .* parameters"):
        of.begin(run(torch.optim.AdamW([some])))
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad])
    with pytest.raises(UsageError, match="another model"):
        of.begin(run(optimizer, bert()))
    with pytest.raises(UsageError, match="already"):
        of.prepare(bert())
    of.begin(run(optimizer))
    with pytest.raises(UsageError, match="loss of step 2 is nan"):
        of.after_step(2, float("nan"))
    model.requires_grad_(False)
    with pytest.raises(UsageError, match="frozen"):
        of.begin(run(optimizer))
    with pytest.raises(UsageError, match="expected one of full, head"):
        method("slora")
    with pytest.raises(UsageError, match="nothing would train"):
        begun_head_of_language_model()


def begun_head_of_language_model() -> None:
    of = method("head")
    model = of.prepare(gpt2(language=True))
    of.begin(Run(model, torch.optim.AdamW(model.parameters()), list, 5, lambda: StepCost(1, 1, 1)))
