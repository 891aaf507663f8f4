"""Steps of several forward passes, of passes that fail, of other programs' modes and hooks. With torch."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from tests.test_training_cost import BATCH, LAYERS, WIDTH, network

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.extra

FORWARD = LAYERS * 2 * BATCH * WIDTH * WIDTH
BACKWARD = (2 * LAYERS - 1) * 2 * BATCH * WIDTH * WIDTH
KEPT = LAYERS * BATCH * WIDTH * 4


def flops(cost: Any) -> list[tuple[int, int] | None]:
    return [of.counts and (of.counts.forward_flop, of.counts.backward_flop) for of in cost.steps]


def passing(model: Any, optimizer: Any, passes: int) -> None:
    for _ in range(passes):
        model(torch.ones(BATCH, WIDTH)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def stuck() -> Any:
    """Hooks on what is kept for the backward pass, and modes of torch, that somebody left on."""
    from torch.utils._python_dispatch import _get_current_dispatch_mode  # noqa: PLC0415

    return torch._C._autograd._top_saved_tensors_default_hooks(False), _get_current_dispatch_mode()


def test_flops_are_of_as_many_passes_as_a_step_had() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for passes in (2, 2, 1):  # the last is what an epoch leaves
            passing(model, optimizer, passes)
    assert flops(cost) == [(2 * FORWARD, 2 * BACKWARD)] * 2 + [(FORWARD, BACKWARD)]
    only = cost.intervals()
    assert [of.steps_n for of in only] == [3]
    assert only[0].counts.forward_flop == 1.5 * FORWARD  # the mean of the steps that were timed
    assert only[0].counts.saved_b == KEPT


def test_a_step_that_amp_leaves_out_is_in_no_other_steps_flops() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    with training(model, optimizer) as cost:
        for step in range(4):
            loss = model(torch.ones(BATCH, WIDTH)).square().mean() * (float("inf") if step == 0 else 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    assert flops(cost) == [(2 * FORWARD, 2 * BACKWARD)] + [(FORWARD, BACKWARD)] * 2
    assert cost.intervals()[0].counts.forward_flop == FORWARD


class Odd(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
    """Calls itself, or raises."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.raises = False

    def forward(self, x: Any, again: bool = False) -> Any:  # noqa: FBT001, FBT002
        y = self.inner(x)
        if self.raises:
            raise RuntimeError("out of memory")
        return self(y) if again else y


def test_a_model_that_calls_itself_leaves_no_hook() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = Odd()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        model(torch.ones(BATCH, WIDTH), again=True).square().mean().backward()
        optimizer.step()
    assert cost.steps[0].counts.saved_b == 2 * KEPT
    assert cost.steps[0].counts.forward_flop == 2 * FORWARD
    assert stuck() == (None, None)


def test_a_forward_pass_that_raised_and_was_tried_again_counts_once() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = Odd()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for step in range(3):
            model.raises = step == 0
            try:
                passing(model, optimizer, 1)
            except RuntimeError:
                model.raises = False
                passing(model, optimizer, 1)
    assert flops(cost) == [None, (FORWARD, BACKWARD), (FORWARD, BACKWARD)]
    assert [of.is_counted for of in cost.steps] == [True, True, False]
    assert stuck() == (None, None)


def test_a_model_that_returns_nothing_is_counted_once_too() -> None:
    from edgewatt import training  # noqa: PLC0415

    class Silent(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Any) -> None:
            self.loss = self.inner(x).square().mean()

    model = Silent()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for _ in range(2):
            model(torch.ones(BATCH, WIDTH))
            model.loss.backward()
            optimizer.step()
    assert flops(cost) == [(FORWARD, BACKWARD)] * 2
    assert [of.is_counted for of in cost.steps] == [True, False]


def test_a_mode_of_the_program_within_a_step_is_named() -> None:
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for _ in range(2):
            with FlopCounterMode(display=False):
                loss = model(torch.ones(BATCH, WIDTH)).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert flops(cost) == [None, None]
    assert [of.is_counted for of in cost.steps] == [True, False]
    assert [reason.split(":")[0] for reason in cost.reasons] == ["not_whole"]
    assert stuck() == (None, None)


def test_of_two_meters_on_a_model_one_counts() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost, training(model, optimizer) as other:
        passing(model, optimizer, 1)
    assert flops(cost) == [(FORWARD, BACKWARD)]
    assert cost.steps[0].counts.saved_b == KEPT
    assert flops(other) == [None]
    assert [reason.split(":")[0] for reason in other.reasons] == ["twice"]


def test_what_executes_in_threads_is_named() -> None:
    from edgewatt import training  # noqa: PLC0415

    class DataParallel(torch.nn.Sequential):  # type: ignore[misc,name-defined,unused-ignore]
        """As torch's is on two GPUs."""

        device_ids = (0, 1)

    model = DataParallel(*network())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        passing(model, optimizer, 1)
    assert flops(cost) == [None]
    assert [reason.split(":")[0] for reason in cost.reasons] == ["parallel"]


def test_fused_attention_is_counted_on_a_processor() -> None:
    """Two products of s x s x d a head forward, five backward."""
    from edgewatt import training  # noqa: PLC0415

    heads, length, width = 2, 16, 8

    class Attention(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.into = torch.nn.Linear(width, width, bias=False)

        def forward(self, x: Any) -> Any:
            of = self.into(x)
            return torch.nn.functional.scaled_dot_product_attention(of, of, of)

    model = Attention()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        model(torch.randn(BATCH, heads, length, width)).sum().backward()
        optimizer.step()
    linear, product = (2 * BATCH * heads * length * width * of for of in (width, length))
    assert flops(cost) == [(linear + 2 * product, linear + 5 * product)]


def test_batches_of_other_shape_in_any_mapping_are_counted_anew() -> None:
    from collections import UserDict  # noqa: PLC0415

    from edgewatt import training  # noqa: PLC0415

    class Taking(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, batch: Any) -> Any:
            return self.inner(batch["x"])

    model = Taking()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for batch in (BATCH, 2 * BATCH):
            model(UserDict(x=torch.ones(batch, WIDTH))).square().mean().backward()
            optimizer.step()
    assert flops(cost) == [(FORWARD, BACKWARD), (2 * FORWARD, 2 * BACKWARD)]


def test_an_optimizer_of_accelerate_is_taken_and_what_is_none_named() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapped = SimpleNamespace(optimizer=inner, param_groups=inner.param_groups)  # accelerate's has no hooks either
    with training(model, wrapped) as cost:
        passing(model, inner, 1)
    assert flops(cost) == [(FORWARD, BACKWARD)]
    with pytest.raises(UsageError, match="NoneType is no optimizer of torch"), training(model, None):
        pass


def test_a_script_that_has_hooks_of_its_own_on_steps_goes_on() -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: PLC0415

    from edgewatt.collectors.runtimes.training_cost.script import Watched  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with ExitStack() as stack:
        watched = Watched(stack)
        seen: list[Any] = []
        hook = register_optimizer_step_post_hook(lambda *_: seen.append(1))
        try:
            for _ in range(3):
                passing(model, optimizer, 1)
        finally:
            hook.remove()
    assert len(seen) == 3
    assert watched.cost is not None
    assert flops(watched.cost) == [(FORWARD, BACKWARD)] * 2


def test_the_callback_begins_anew_after_a_training_that_raised() -> None:
    pytest.importorskip("transformers")
    from edgewatt import training_callback  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    callback = training_callback()
    callback.on_train_begin(None, None, None, model=model, optimizer=optimizer)
    passing(model, optimizer, 1)
    first = callback.cost  # the training raises: nobody calls on_train_end
    callback.on_train_begin(None, None, None, model=model, optimizer=optimizer)
    passing(model, optimizer, 1)
    callback.on_train_end(None, None, None)
    assert len(first.steps) == 1
    assert flops(callback.cost) == [(FORWARD, BACKWARD)]
    assert not model._forward_hooks
