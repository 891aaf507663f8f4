"""LoRA and AdaLoRA by the peft library, injected into the layers of a model."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from edgewatt.models.finetuning.checks import check_model, missing
from edgewatt.models.finetuning.layers import Tuned, head_of, layers_of
from edgewatt.profiler.errors import UsageError


def add_lora(model: Any, *, rank: int, alpha: float, dropout: float) -> Tuned:
    """LoRA where peft puts it by default (query and value), `alpha` / `rank` its scale; the head trains.

    Raises UsageError where peft does not know the kind of model.
    """
    peft = _peft()
    return _inject(model, peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout))


def add_adalora(model: Any, *, start_rank: int, end_rank: int, alpha: float) -> Tuned:
    """AdaLoRA, whose ranks are shared out during the training; `schedule_adalora` has to follow.

    The orthogonal penalty is added to the loss that the model itself computes.
    """
    peft = _peft()
    # total_step has to be something when the configuration is made.
    return _inject(
        model, peft.AdaLoraConfig(init_r=start_rank, target_r=end_rank, lora_alpha=alpha, total_step=2, deltaT=1)
    )


def schedule_adalora(model: Any, *, steps_n: int, first: int, last: int, every: int) -> None:
    """From step `first` on ranks fall, each `every` steps, until `last` steps before the end."""
    config = model.peft_config["default"]
    config.total_step, config.tinit, config.tfinal, config.deltaT = steps_n, first, last, every


def _inject(model: Any, config: Any) -> Tuned:
    check_model(model)
    layers, head = layers_of(model), head_of(model)
    try:
        with warnings.catch_warnings():
            # peft 0.21 asks transformers 5 for a name that it gives up, and tells that it saw GPT-2's kind of layer.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            warnings.filterwarnings("ignore", message="fan_in_fan_out", category=UserWarning)
            wrapped = _peft().get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(
            f"peft does not know where in {type(model).__name__} to put {type(config).__name__}: {error}"
        ) from None
    for one in head:
        one.requires_grad_(True)
    return Tuned(wrapped, layers, partial(_off, wrapped))


@contextmanager
def _off(model: Any) -> Iterator[None]:
    """Without what peft added; it forgets which of it was frozen when it comes back, so that is put back."""
    flags = [(one, one.requires_grad) for one in model.parameters()]
    model.base_model.disable_adapter_layers()
    try:
        yield
    finally:
        model.base_model.enable_adapter_layers()
        for one, flag in flags:
            one.requires_grad_(flag)


def _peft() -> Any:
    try:
        import peft  # noqa: PLC0415
    except ImportError:
        raise missing("LoRA and AdaLoRA", "peft") from None
    return peft
