"""The meter as a callback of Hugging Face's Trainer: `Trainer(..., callbacks=[edgewatt.training_callback()])`."""

from contextlib import ExitStack
from typing import Any

from edgewatt.collectors.runtimes.training_cost.cost import Cost
from edgewatt.collectors.runtimes.training_cost.meter import training
from edgewatt.profiler.errors import UsageError


def training_callback() -> Any:
    """A `transformers.TrainerCallback` that measures every step; its `cost` is that of `edgewatt.training`.

    Raises UsageError where transformers is not installed.
    """
    try:
        from transformers import TrainerCallback  # noqa: PLC0415
    except ImportError:
        raise UsageError("a callback of Trainer needs transformers: pip install 'edgewatt[finetuning]'") from None

    class TrainingCost(TrainerCallback):  # type: ignore[misc,unused-ignore]
        """From the begin of a training to its end."""

        def __init__(self) -> None:
            self.cost: Cost | None = None
            self._stack = ExitStack()

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Put the hooks on."""
            del args, state, control
            self._stack.close()  # of a training that raised, whose end nobody told
            self.cost = self._stack.enter_context(training(kwargs["model"], kwargs["optimizer"]))

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Take them away."""
            del args, state, control, kwargs
            self._stack.close()

    return TrainingCost()
