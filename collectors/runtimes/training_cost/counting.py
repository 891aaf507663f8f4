"""FLOPs and bytes kept for the backward pass, counted in one step: that makes it slow, so it is done once per shape."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one step: FLOPs of forward and backward pass, and the most bytes kept between them by one forward pass.

    A multiplication and an addition are two FLOPs; only what torch.utils.flop_counter has a formula for is counted
    (products of matrices, convolutions, attention). All of the step that is outside of the model's forward passes is in
    `backward_flop`: what gradient checkpointing computes again, and another network between forward and backward pass.
    """

    forward_flop: int
    backward_flop: int
    saved_b: int

    def of_passes(self, passes_n: int, counted_n: int) -> "Counted":
        """Of a step of so many forward passes, where it was counted in one of `counted_n` such passes."""
        if passes_n == counted_n:
            return self
        forward_flop, backward_flop = (of * passes_n // counted_n for of in (self.forward_flop, self.backward_flop))
        return Counted(forward_flop, backward_flop, self.saved_b)


class Counting:
    """Counts from `begin` to `end`; `forward_begins` and `forward_ends` bracket the forward passes of that step."""

    def __init__(self, parameters: Callable[[], Any]) -> None:
        self._parameters = parameters
        self.is_whole = True
        self._stack: ExitStack | None = None
        self._flops: Any = None
        self._keeping: Any = None
        self._forward_flop = self._at_begin = 0
        self._storages: dict[int, int] = {}
        self._held: set[int] = set()
        self._most_b = 0

    def begin(self) -> None:
        """From here on every operation is counted."""
        from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

        self._held = {one.untyped_storage().data_ptr() for one in self._parameters()}
        self._stack = ExitStack()
        self._flops = self._stack.enter_context(FlopCounterMode(display=False, custom_mapping=_on_processors()))

    def forward_begins(self) -> None:
        """A forward pass of the model begins: what it keeps is noted until it ends, inside of hooks of the program."""
        import torch  # noqa: PLC0415

        self._keeping = torch.autograd.graph.saved_tensors_hooks(self._keep, _same)
        self._keeping.__enter__()
        self._storages = {}
        self._at_begin = self._flops.get_total_flops()

    def forward_ends(self) -> None:
        """It has ended."""
        self._stop_keeping()
        self._forward_flop += self._flops.get_total_flops() - self._at_begin

    def end(self) -> Counted:
        """What was counted; not `is_whole` where a mode of torch's that is not ours began or ended in between."""
        from torch.utils._python_dispatch import _get_current_dispatch_mode  # noqa: PLC0415

        total, top = self._flops.get_total_flops(), _get_current_dispatch_mode()
        self.is_whole = top is not None and top in (self._flops, getattr(self._flops, "mode", None))
        self.cancel()
        return Counted(self._forward_flop, total - self._forward_flop, self._most_b)

    def cancel(self) -> None:
        """Stop counting."""
        self._stop_keeping()
        if self._stack is not None:
            self._stack.close()
        self._stack = None

    def _stop_keeping(self) -> None:
        if self._keeping is not None:
            self._keeping.__exit__(None, None, None)
            self._most_b = max(self._most_b, sum(self._storages.values()))
        self._keeping = None

    def _keep(self, tensor: Any) -> Any:
        """A tensor is kept for the backward pass: its storage counts once, and parameters are there anyway."""
        try:
            storage = tensor.untyped_storage()
            where, bytes_ = storage.data_ptr(), storage.nbytes()
        except (RuntimeError, NotImplementedError):  # sparse, or of another backend: its elements then
            where, bytes_ = id(tensor), tensor.numel() * tensor.element_size()
        if where and where not in self._held:
            self._storages[where] = bytes_
        return tensor


def _same(tensor: Any) -> Any:
    return tensor


def _on_processors() -> dict[Any, Any]:
    """Formulas, of shapes, for the fused attention of processors: torch has some for CUDA's and none for these.

    Forward the products of queries and keys (n, h, s, d), and of their scores and values; backward those that give the
    scores again and the gradients of scores, values, queries and keys, as torch counts CUDA's.
    """
    import torch  # noqa: PLC0415

    def products(query: Any, key: Any, value: Any, of_keys: int, of_values: int) -> int:
        n, heads, length, width = query
        return int(2 * n * heads * length * key[-2] * (of_keys * width + of_values * value[-1]))

    def forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return products(query, key, value, 1, 1)

    def backward(_: Any, query: Any, key: Any, value: Any, *__: Any, **___: Any) -> int:
        return products(query, key, value, 3, 2)

    formulas = {
        "_scaled_dot_product_flash_attention_for_cpu": forward,
        "_scaled_dot_product_flash_attention_for_cpu_backward": backward,
    }
    return {getattr(torch.ops.aten, name): of for name, of in formulas.items() if hasattr(torch.ops.aten, name)}
