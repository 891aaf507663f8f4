"""The meter of training, as the study of fine-tuning takes it: models know no collector."""

from typing import Any

from edgewatt.collectors.runtimes.training_cost.counting import Counting
from edgewatt.collectors.runtimes.training_cost.meter import training
from edgewatt.models.finetuning.method import Batch, StepCost
from edgewatt.models.finetuning.trial_meters import Meters


def counted(model: Any, batch: Batch) -> StepCost:
    """One passing of a batch forward and backward: nothing moves, and gradients are what they were.

    `forward` is called itself: a meter that is at work on the model would take a call for a step's begin.
    """
    import torch  # noqa: PLC0415

    gradients = [(one, one.grad) for one in model.parameters()]
    counting = Counting(model.parameters)
    with torch.random.fork_rng():
        counting.begin()
        try:
            counting.forward_begins()
            output = model.forward(**batch)
            counting.forward_ends()
            output.loss.backward()
            found = counting.end()
        finally:
            counting.cancel()
            for one, gradient in gradients:
                one.grad = gradient
    return StepCost(found.forward_flop, found.backward_flop, found.saved_b)


METERS = Meters(training, counted)
