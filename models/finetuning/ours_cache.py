"""Features of a frozen prefix, kept by example: its forward pass is then needed once for each, not once per epoch.

Works with hooks alone: before each layer of the prefix the rows of the batch whose features are known are left out, and
before the layer above they are put back in their places. So a cache that holds some of the examples saves its part.
"""

from collections.abc import Sequence
from typing import Any

from edgewatt.models.finetuning.checks import torch_here


class Cache:
    """Features (s, d) that the layer above the prefix receives, up to `most_b` bytes, on the model's device.

    They are kept in half precision, which is right to 0.05 %; an example that does not fit into it (above 65,504) is
    not kept. Dropout in and below the prefix is off from here on: with it there would be nothing constant to keep. An
    example that comes with another length (another padding) is computed anew, and of each batch one is in any case. A
    step has one forward pass. `skipped_flop` counts what was not computed.
    """

    def __init__(self, model: Any, layers: Sequence[Any], prefix_n: int, most_b: float) -> None:
        self._most_b = most_b
        self._kept: dict[int, Any] = {}
        self._flop_of_row: dict[int, int] = {}
        self._rows: list[int] = []
        self._known: list[int] = []
        self._new: Any = None
        self._n = 0
        self._flops: Any = None
        self.bytes = self.skipped_flop = 0
        self._still = _below(model, layers[0]) + [one for layer in layers[:prefix_n] for one in layer.modules()]
        self._modes = [one.training for one in self._still]
        self._hooks = [
            layer.register_forward_pre_hook(self._leave_out, with_kwargs=True) for layer in layers[:prefix_n]
        ]
        self._hooks.append(layers[prefix_n].register_forward_pre_hook(self._put_back, with_kwargs=True))
        self._first = layers[0]

    def before_step(self, rows: Sequence[int]) -> None:
        """The next forward pass in training is of these examples."""
        for one in self._still:
            one.training = False
        self._rows = [int(row) for row in rows]

    def after_step(self) -> None:
        """Forward passes that follow are of no known examples."""
        self._rows = []
        self._stop_counting()

    def close(self) -> None:
        """Let go of everything."""
        for hook in self._hooks:
            hook.remove()
        self._stop_counting()
        self._kept, self.bytes = {}, 0
        for one, mode in zip(self._still, self._modes, strict=True):
            one.training = mode

    def _leave_out(self, layer: Any, args: Any, kwargs: Any) -> Any:
        torch = torch_here()
        if not self._rows or not torch.is_grad_enabled():
            return None
        if layer is self._first:
            self._begin(_hidden(args, kwargs))
        if not self._known:
            return None
        return _only(args, self._new, self._n), _only(kwargs, self._new, self._n)

    def _begin(self, hidden: Any) -> None:
        """Which rows of this batch are known."""
        torch = torch_here()
        self._n, length = hidden.shape[:2]
        if len(self._rows) != self._n:
            self._rows, self._known = [], []
            return
        kept = [self._kept.get(row) for row in self._rows]
        self._known = [k for k, of in enumerate(kept) if of is not None and of.shape[0] == length]
        if len(self._known) == self._n:
            self._known.pop()  # a model cannot do with an empty batch
        known = set(self._known)
        self._new = torch.tensor([k for k in range(self._n) if k not in known], dtype=torch.long, device=hidden.device)
        if length not in self._flop_of_row:
            from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

            self._flops = FlopCounterMode(display=False)
            self._flops.__enter__()

    def _put_back(self, _: Any, args: Any, kwargs: Any) -> Any:
        torch = torch_here()
        if not self._rows or not torch.is_grad_enabled():
            return None
        hidden = _hidden(args, kwargs)
        length = hidden.shape[1]
        if self._flops is not None:
            self._flop_of_row[length] = self._flops.get_total_flops() // self._n
            self._stop_counting()
        for at, k in enumerate(self._new.tolist()):
            self._keep(self._rows[k], hidden[at])
        if not self._known:
            return None
        self.skipped_flop += self._flop_of_row[length] * len(self._known)
        whole = hidden.new_empty((self._n, *hidden.shape[1:]))
        whole[self._new] = hidden
        whole[self._known] = torch.stack([self._kept[self._rows[k]] for k in self._known]).to(whole.dtype)
        return ((whole, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": whole})

    def _keep(self, row: int, features: Any) -> None:
        half = features.detach().half()
        old = self._kept.pop(row, None)
        self.bytes -= 0 if old is None else old.nbytes
        if self.bytes + half.nbytes <= self._most_b and half.isfinite().all():
            self._kept[row] = half
            self.bytes += half.nbytes

    def _stop_counting(self) -> None:
        if self._flops is not None:
            self._flops.__exit__(None, None, None)
        self._flops = None


def _hidden(args: Any, kwargs: Any) -> Any:
    return args[0] if args else kwargs["hidden_states"]


def _only(what: Any, rows: Any, n: int) -> Any:
    """Of every tensor that is of `n` examples these rows; what the layer below gave has fewer already."""
    if hasattr(what, "index_select"):
        return what.index_select(0, rows) if what.dim() > 0 and what.shape[0] == n else what
    if isinstance(what, dict):
        return {key: _only(of, rows, n) for key, of in what.items()}
    return tuple(_only(of, rows, n) for of in what) if isinstance(what, tuple) else what


def _below(model: Any, first: Any) -> list[Any]:
    """The modules that come before the first layer: embeddings and their dropout."""
    found: list[Any] = []
    for one in model.modules():
        if one is first:
            return found
        if all(of is not first for of in one.modules()):
            found.append(one)
    return found
