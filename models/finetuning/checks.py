"""What makes a model, an optimizer or a loss unfit, named before or when it happens."""

import math
from typing import Any

from edgewatt.models.finetuning.method import Run
from edgewatt.profiler.errors import UsageError


def torch_here() -> Any:
    """The module torch. Raises UsageError where it is not installed."""
    try:
        import torch  # noqa: PLC0415
    except ImportError:
        raise missing("fine-tuning", "torch") from None
    return torch


def missing(what: str, package: str) -> UsageError:
    """That a package of the extra is not there."""
    return UsageError(f"{what} needs {package}: pip install 'edgewatt[finetuning]'")


def check_model(model: Any) -> None:
    """Raise UsageError where freezing would not free what it is thought to."""
    kind = type(model).__name__
    modules = list(model.modules())
    if any(hasattr(one, "_orig_mod") or getattr(one, "_compiled_call_impl", None) is not None for one in modules):
        raise UsageError(
            f"{kind} is compiled by torch.compile: adapters and freezing work on its layers, which that hides; "
            "give the model as it was before"
        )
    if any(bool(getattr(one, "gradient_checkpointing", False)) for one in modules):
        raise UsageError(
            f"gradient checkpointing is on in {kind}: little is then kept for the backward pass, and what freezing "
            "frees cannot be told; call model.gradient_checkpointing_disable()"
        )
    if getattr(model, "_require_grads_hook", None) is not None or getattr(model, "_require_grads_hooks", None):
        raise UsageError(
            f"the embeddings of {kind} are made to require gradients (enable_input_require_grads), so that no frozen "
            "layer frees anything; call model.disable_input_require_grads()"
        )


def check_run(run: Run) -> None:
    """Raise UsageError where nothing trains, or the optimizer lacks some of what does. Tied weights count once."""
    check_model(run.model)
    if run.steps_n < 1:
        raise UsageError(f"a training of {run.steps_n} steps: expected 1 or more")
    moving = {id(one): name for name, one in run.model.named_parameters() if one.requires_grad}
    kind = type(run.model).__name__
    if not moving:
        raise UsageError(
            f"all parameters of {kind} are frozen: nothing would train; give it a head or a method that adds adapters"
        )
    held = {id(one) for group in run.optimizer.param_groups for one in group["params"]}
    lost = [name for key, name in moving.items() if key not in held]
    if lost:
        raise UsageError(
            f"{type(run.optimizer).__name__} lacks {len(lost)} of the {len(moving)} parameters of {kind} that train "
            f"({lost[0]}, ...): make it after method.prepare(model), from what then requires gradients"
        )


def check_loss(step: int, loss: float) -> None:
    """Raise UsageError where a loss is not a finite number."""
    if not math.isfinite(loss):
        raise UsageError(
            f"the loss of step {step} is {loss}: the training has diverged; lower its learning rate, or look for such "
            "values in the data"
        )
