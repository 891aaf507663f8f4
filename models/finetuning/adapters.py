"""Bottleneck adapters after the layers of any model, without a library: down, activation, up, around it a residual.

Houlsby et al. 2019 and Pfeiffer et al. 2021 place them inside of the layer; here one stands at its output, after
the last normalisation, where it can be put without knowing the inside. It is a submodule of its layer, `adapter`, so
that it is saved, counted and frozen with it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from edgewatt.models.finetuning.checks import check_model, torch_here
from edgewatt.models.finetuning.layers import Tuned, head_of, hidden_of, layers_of, with_hidden
from edgewatt.profiler.errors import UsageError


def add_adapters(model: Any, *, reduction: float, start_sd: float, skipped_n: int = 0) -> Tuned:
    """Freeze `model`, add adapters of width d / `reduction` to its layers above the first `skipped_n`; its head trains.

    Weights begin normal with `start_sd` and up-projections at 0: the model computes what it did before.
    Raises UsageError where the model has no layers, or has such adapters already.
    """
    check_model(model)
    layers = layers_of(model)
    head = head_of(model)
    if any(hasattr(layer, "adapter") for layer in layers):
        raise UsageError(f"{type(model).__name__} has adapters in its layers already; give the model as it was before")
    if not 0 <= skipped_n < len(layers):
        raise UsageError(f"adapters above the first {skipped_n} layers of {len(layers)}: none is left")
    model.requires_grad_(False)
    for one in head:
        one.requires_grad_(True)
    adapters = [_insert(layer, _width(model), reduction, start_sd) for layer in layers[skipped_n:]]
    return Tuned(model, layers, partial(_off, adapters))


def _insert(layer: Any, width: int, reduction: float, start_sd: float) -> Any:
    """Put an adapter behind a layer: a submodule, and a hook that applies it."""
    like = next(layer.parameters())
    adapter = _bottleneck(width, max(round(width / reduction), 1), start_sd).to(device=like.device, dtype=like.dtype)
    layer.adapter = adapter
    layer.register_forward_hook(_apply)
    return adapter


def _apply(layer: Any, _: Any, output: Any) -> Any:
    return with_hidden(output, layer.adapter(hidden_of(output))) if layer.adapter.on else output


def _bottleneck(width: int, narrow: int, start_sd: float) -> Any:
    torch = torch_here()

    class Bottleneck(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        """x + up(gelu(down(x))); nothing where it is not `on`."""

        def __init__(self) -> None:
            super().__init__()
            self.on = True
            self.down = torch.nn.Linear(width, narrow)
            self.up = torch.nn.Linear(narrow, width)
            torch.nn.init.normal_(self.down.weight, std=start_sd)
            torch.nn.init.zeros_(self.up.weight)
            for one in (self.down, self.up):
                torch.nn.init.zeros_(one.bias)

        def forward(self, hidden: Any) -> Any:
            """Hidden states (n, s, d) to the same shape."""
            return hidden + self.up(torch.nn.functional.gelu(self.down(hidden)))

    return Bottleneck()


def _width(model: Any) -> int:
    """How wide the hidden states are, as the model's configuration says."""
    config = model.config
    return int(getattr(config, "hidden_size", None) or config.n_embd)


@contextmanager
def _off(adapters: Sequence[Any]) -> Iterator[None]:
    for one in adapters:
        one.on = False
    try:
        yield
    finally:
        for one in adapters:
            one.on = True
