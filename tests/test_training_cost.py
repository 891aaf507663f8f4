"""What a step of training costs, on networks small enough to count by hand. In an environment with torch."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.windowing import marking
from edgewatt.profiler.windowing.spans import read_marks

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.extra

BATCH, WIDTH, LAYERS = 4, 16, 6


def network(layers: int = LAYERS) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(*[torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(layers)])


def frozen(model: Any, which: range) -> Any:
    for k in which:
        model[k].requires_grad_(requires_grad=False)
    return model


def cost_of(model: Any, steps: int = 3, optimizer: Any = None, batch: int = BATCH) -> Any:
    from edgewatt import training  # noqa: PLC0415

    optimizer = optimizer or torch.optim.AdamW([one for one in model.parameters() if one.requires_grad])
    with training(model, optimizer) as cost:
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.ones(batch, WIDTH)).square().mean().backward()
            optimizer.step()
    return cost


def test_flops_and_kept_bytes_are_those_counted_by_hand() -> None:
    """Forward: 2 B W W a layer. Backward: the same for each weight, and for each input but the first's."""
    cost = cost_of(network())
    counts = cost.steps[0].counts
    once = 2 * BATCH * WIDTH * WIDTH
    assert counts.forward_flop == LAYERS * once
    assert counts.backward_flop == (2 * LAYERS - 1) * once
    # Each layer keeps its input; the weights are there anyway.
    assert counts.saved_b == LAYERS * BATCH * WIDTH * 4
    assert [step.is_counted for step in cost.steps] == [True, False, False]
    # Two moments of every weight, and AdamW's counter of steps.
    assert cost.steps[-1].optimizer_b == LAYERS * (2 * WIDTH * WIDTH * 4 + 4)


@pytest.mark.parametrize(
    ("which", "prefix", "kept"), [(range(3), 3, LAYERS - 3), (range(3, LAYERS), 0, LAYERS), (range(1, 5), 0, LAYERS)]
)
def test_only_what_is_frozen_from_the_input_on_saves_anything(which: range, prefix: int, kept: int) -> None:
    """Above the lowest layer that trains a frozen one still keeps what the backward pass goes through."""
    cost = cost_of(frozen(network(), which))
    now = cost.intervals()[0]
    assert (now.trains.frozen_prefix_n, now.trains.frozen_layers_n) == (prefix, len(which))
    by_hand = {3: 3, 0: None}[prefix]
    if by_hand is not None:
        assert now.counts.saved_b == kept * BATCH * WIDTH * 4
        assert now.flop < cost_of(network()).intervals()[0].flop
    else:
        # A linear layer that is frozen keeps its weight alone, which is a parameter; what trains keeps its input.
        assert now.counts.saved_b == (LAYERS - len(which)) * BATCH * WIDTH * 4


def test_steps_between_two_changes_are_an_interval() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for step in range(6):
            if step == 3:
                frozen(model, range(2))
            optimizer.zero_grad(set_to_none=True)
            for _ in range(2):  # accumulated: one step
                model(torch.ones(BATCH, WIDTH)).square().mean().backward()
            optimizer.step()
    first, second = cost.intervals()
    assert (first.first, first.steps_n, second.first, second.steps_n) == (0, 3, 3, 3)
    assert first.counts.forward_flop == second.counts.forward_flop == 2 * LAYERS * 2 * BATCH * WIDTH * WIDTH
    assert second.counts.backward_flop < first.counts.backward_flop
    assert second.attributes()["frozen_prefix_n"] == 2
    assert len(cost.rows()) == 6
    assert "2 of 6 layers frozen from the input" in str(cost)


def test_another_shape_is_counted_anew_and_an_evaluation_is_no_step() -> None:
    from edgewatt import training  # noqa: PLC0415

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training(model, optimizer) as cost:
        for batch in (4, 4, 8, 4):
            optimizer.zero_grad()
            model(torch.ones(batch, WIDTH)).square().mean().backward()
            optimizer.step()
            model.eval()
            model(torch.ones(64, WIDTH))
            model.train()
    assert [step.is_counted for step in cost.steps] == [True, False, True, False]
    assert cost.steps[2].counts.saved_b == 2 * cost.steps[3].counts.saved_b


def test_every_hook_is_gone_afterwards() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    cost = cost_of(model, optimizer=optimizer)
    model(torch.ones(BATCH, WIDTH)).square().mean().backward()
    optimizer.step()
    assert len(cost.steps) == 3
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def test_what_cannot_be_metered_is_named() -> None:
    with pytest.raises(UsageError, match="all 6 parameters of Sequential are frozen"):
        cost_of(frozen(network(), range(LAYERS)), optimizer=torch.optim.SGD(network().parameters(), lr=0.1))
    with pytest.raises(UsageError, match="holds none of the 6 parameters"):
        cost_of(network(), optimizer=torch.optim.SGD(network().parameters(), lr=0.1))
    model = network()
    some = cost_of(model, optimizer=torch.optim.SGD(model[0].parameters(), lr=0.1))
    assert some.reasons == ["not_in_optimizer: 1,280 parameters that train are not in the optimizer; they never move"]
    model = network()
    model[5].weight = model[4].weight
    assert cost_of(model).reasons == ["tied: 1 parameters are shared between modules and count once"]


def test_a_loss_that_is_no_number_is_named() -> None:
    class Sized(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Any) -> Any:
            return (self.inner(x) * float("nan")).mean()

    model = Sized()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    from edgewatt import training  # noqa: PLC0415

    with training(model, optimizer) as cost:
        model(torch.ones(BATCH, WIDTH)).backward()
        optimizer.step()
    assert [reason.split(":")[0] for reason in cost.reasons] == ["loss_not_finite"]


def test_checkpointing_counts_what_is_computed_again_as_backward() -> None:
    from torch.utils.checkpoint import checkpoint  # noqa: PLC0415

    class Again(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        gradient_checkpointing = True

        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Any) -> Any:
            return checkpoint(self.inner, x, use_reentrant=False)

    plain, again = cost_of(network()), cost_of(Again())
    assert [reason.split(":")[0] for reason in again.reasons] == ["checkpointing"]
    assert again.steps[0].counts.forward_flop == plain.steps[0].counts.forward_flop
    assert again.steps[0].counts.backward_flop > plain.steps[0].counts.backward_flop
    assert again.steps[0].counts.saved_b < plain.steps[0].counts.saved_b


def test_a_script_is_metered_as_it_is(tmp_path: Path) -> None:
    script, marks = tmp_path / "train.py", tmp_path / "marks"
    script.write_text(
        "import sys, torch\n"
        "m = torch.nn.Sequential(*[torch.nn.Linear(8, 8) for _ in range(3)])\n"
        "o = torch.optim.AdamW(m.parameters())\n"
        "for _ in range(int(sys.argv[1])):\n"
        "    o.zero_grad(); m(torch.ones(2, 8)).mean().backward(); o.step()\n"
    )
    marks.write_bytes(b"")
    argv = [sys.executable, "-m", "edgewatt.collectors.runtimes.training_cost.script", str(script), "5"]
    done = subprocess.run(argv, env={marking.VARIABLE: str(marks)}, capture_output=True, text=True, check=True)
    spans, broken = read_marks(marks.read_bytes())
    assert not broken
    # The first step shows which module the optimizer trains; in the second it is counted.
    assert [span.name for span in spans] == ["counted", "step", "step", "step", "interval"]
    assert spans[-1].attributes["layers_n"] == "3"
    assert "216 parameters train" in done.stderr


def test_a_callback_for_the_trainer_of_hugging_face(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from edgewatt import training_callback  # noqa: PLC0415

    config = transformers.BertConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    model = transformers.BertForSequenceClassification(config)
    rows = [{"input_ids": torch.arange(8), "labels": torch.tensor(k % 2)} for k in range(8)]
    said = training_callback()
    asked = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
    )
    transformers.Trainer(model, asked, train_dataset=rows, callbacks=[said]).train()
    assert len(said.cost.steps) == 3
    assert said.cost.steps[0].trains.layers_n == 2
    assert said.cost.steps[0].counts.forward_flop > 0
