"""`with edgewatt.training(model, optimizer) as cost:` around a training loop."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from edgewatt.collectors.runtimes.commands.outcome import INTERVAL
from edgewatt.collectors.runtimes.training_cost.cost import Cost, Step, intervals_of
from edgewatt.collectors.runtimes.training_cost.counting import Counted, Counting
from edgewatt.collectors.runtimes.training_cost.layers import Trains, layers_of, trains
from edgewatt.collectors.runtimes.training_cost.memory import memory_of
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.windowing.marking import Window, mark, synchronise, window

COMPILED: Final = "compiled: torch.compile hides the operations of the model; FLOPs and kept bytes are not counted"
PARALLEL: Final = "parallel: DataParallel computes in threads of its own; FLOPs and kept bytes are not counted"
TWICE: Final = "twice: another edgewatt.training is on this model; it alone counts FLOPs and kept bytes"
NOT_WHOLE: Final = (
    "not_whole: a mode of torch's was entered or left within a step; FLOPs and kept bytes are not counted"
)
CHECKPOINTED: Final = "checkpointing: what is computed again in the backward pass counts as backward FLOPs"
NOT_FINITE: Final = "loss_not_finite: the loss was not a finite number in at least one step"
# Where an optimizer of torch keeps the hooks that are called after its steps.
_HOOKS: Final = "_optimizer_step_post_hooks"
_Shape = tuple[object, ...]


@contextmanager
def training(model: Any, optimizer: Any, *, layers: Sequence[Any] | None = None) -> Iterator[Cost]:
    """Measure the steps of a training loop of PyTorch as it is: time, FLOPs, memory, and what trains.

    A step goes from the first call of `model` after the last one to the end of `optimizer.step()`, so that accumulated
    gradients are one step; what loads data between two is in neither. Each is also an `edgewatt.window("step")`: under
    `edgewatt profile --training`, `--command` or `edgewatt.recording` its energy is measured. Steps in which FLOPs and
    kept bytes are counted, the first of each shape of input and after each change of what trains, are windows called
    `counted`; the figures are attributes of windows called `interval`, one between two such changes.

    `layers` are the blocks of the model from input to output (default: its longest list of modules of one class).
    Parameters that the model gets later are not seen.

    Raises UsageError where nothing trains, or the optimizer has none of what trains.
    """
    meter = _Meter(model, optimizer, layers)
    try:
        yield meter.cost
    finally:
        meter.detach()


class _Meter:
    """Hooks on one model and one optimizer, and the step that is going on."""

    def __init__(self, model: Any, optimizer: Any, layers: Sequence[Any] | None) -> None:
        optimizer = _inner(optimizer)
        self._model, self._optimizer = model, optimizer
        self._layers = layers_of(model) if layers is None else list(layers)
        self._parameters = list(model.parameters())
        _check(model, optimizer)
        self._memory = memory_of(model)
        self.cost = Cost(self._memory.what)
        self._kinds: dict[_Shape, int] = {}
        self._counts: dict[_Shape, tuple[Counted, int]] = {}
        self._frozen: tuple[bool, ...] = ()
        self._trains: Trains | None = None
        self._optimizer_b: int | None = None
        self._going: _Going | None = None
        self._counting: Counting | None = None
        hidden = _hidden(model)
        self._can_count = hidden is None
        for reason in _said_before(model, optimizer, hidden):
            self.cost.note(reason)
        self._hooks = [
            model.register_forward_pre_hook(self._forward_begins, with_kwargs=True),
            model.register_forward_hook(self._forward_ends, always_call=True),
            optimizer.register_step_post_hook(self._step_ends),
        ]

    def detach(self) -> None:
        """Take every hook away; a step that is going on is forgotten. The intervals go into the trace."""
        for hook in self._hooks:
            hook.remove()
        self._stop_counting()
        if self._going is not None:
            self._going.window.__exit__(RuntimeError, None, None)
        for interval in intervals_of(self.cost.steps):
            steps = self.cost.steps[interval.first : interval.first + interval.steps_n]
            mark(INTERVAL, steps[0].t0_ns, steps[-1].t1_ns, **interval.attributes())

    def _forward_begins(self, _: Any, args: Any, kwargs: Any) -> None:
        began_ns = time.perf_counter_ns()
        if not self._model.training:
            return  # an evaluation between two steps
        going = self._going or self._begin((_shape(args), _shape(kwargs)))
        going.depth += 1
        if self._counting is not None and going.depth == 1:  # a model may call itself
            self._counting.forward_begins()
        going.hooks_ns += time.perf_counter_ns() - began_ns

    def _begin(self, shape: _Shape) -> "_Going":
        """A step begins."""
        frozen = tuple(one.requires_grad for one in self._parameters)
        if frozen != self._frozen or self._trains is None:
            self._frozen, self._trains, self._optimizer_b = frozen, trains(self._model, self._layers), None
        key = (shape, frozen)
        is_new = self._can_count and key not in self._counts
        going = self._going = _Going(key, self._trains, window("counted" if is_new else "step"), is_counted=is_new)
        going.window.__enter__()
        synchronise()
        going.t0_ns = time.monotonic_ns()
        self._memory.reset()
        going.read(self._memory.now_b())
        if is_new:
            self._counting = Counting(self._model.parameters)
            self._counting.begin()
        return going

    def _forward_ends(self, _: Any, __: Any, output: Any) -> None:
        began_ns, going = time.perf_counter_ns(), self._going
        if going is None or not self._model.training:
            return
        going.depth -= 1
        if going.depth > 0:
            return
        if output is None and sys.exc_info()[0] is not None:
            # It raised, and the program may go on: this shape is then counted in another step.
            self._stop_counting()
            return
        going.passes_n += _has_gradients()
        if self._counting is not None:
            self._counting.forward_ends()
        if len(going.readings) == 1:
            going.read(self._memory.now_b())
        going.loss = _loss(output)
        going.hooks_ns += time.perf_counter_ns() - began_ns

    def _step_ends(self, *_: Any) -> None:
        going = self._going
        if going is None:
            return  # a step without the model
        synchronise()
        began_ns = time.perf_counter_ns()
        t1_ns = time.monotonic_ns()
        self._end_counting(going)
        if self._optimizer_b is None:
            self._optimizer_b = _state_b(self._optimizer)
        going.read(self._memory.now_b())
        if going.loss is not None and not bool(going.loss.isfinite().all()):
            self.cost.note(NOT_FINITE)
        counts, counted_n = self._counts.get(going.key, (None, 1))
        step = Step(
            t0_ns=going.t0_ns,
            t1_ns=t1_ns,
            is_counted=going.is_counted,
            trains=going.trains,
            counts=None if counts is None else counts.of_passes(max(going.passes_n, 1), counted_n),
            memory_peak_b=self._memory.peak_b(),
            memory_mean_b=sum(going.readings) / len(going.readings) if going.readings else None,
            optimizer_b=self._optimizer_b,
            hooks_s=(going.hooks_ns + time.perf_counter_ns() - began_ns) / NS_PER_S,
            kind=self._kinds.setdefault(going.key, len(self._kinds)) if self._can_count else 0,
        )
        self.cost.steps.append(step)
        self._going = None
        going.window.__exit__(None, None, None)

    def _end_counting(self, going: "_Going") -> None:
        """The step is over: what it came to stands for all of its shape."""
        counting, self._counting = self._counting, None
        if counting is None:
            return
        counted = counting.end()
        if counting.is_whole:
            self._counts[going.key] = counted, max(going.passes_n, 1)
        else:
            self._can_count = False
            self.cost.note(NOT_WHOLE)

    def _stop_counting(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
        self._counting = None


class _Going:
    """The step that is going on; `passes_n`: forward passes with gradients so far, `depth`: of calls of the model."""

    __slots__ = ("depth", "hooks_ns", "is_counted", "key", "loss", "passes_n", "readings", "t0_ns", "trains", "window")

    def __init__(self, key: _Shape, trains_now: Trains, of: Window, *, is_counted: bool) -> None:
        self.key, self.trains, self.window, self.is_counted = key, trains_now, of, is_counted
        self.t0_ns = self.hooks_ns = self.passes_n = self.depth = 0
        self.readings: list[int] = []
        self.loss: Any = None

    def read(self, bytes_: int | None) -> None:
        """A reading of the memory."""
        if bytes_ is not None:
            self.readings.append(bytes_)


def _check(model: Any, optimizer: Any) -> None:
    if not hasattr(optimizer, _HOOKS):
        raise UsageError(
            f"{type(optimizer).__name__} is no optimizer of torch, whose steps are measured; expected one such as "
            "torch.optim.AdamW, or what accelerate makes of it"
        )
    moving = [one for one in model.parameters() if one.requires_grad]
    if not moving:
        every = sum(1 for _ in model.parameters())
        raise UsageError(
            f"nothing trains: all {every} parameters of {type(model).__name__} are frozen; "
            "let some train (requires_grad_(True)), or add adapters to it"
        )
    if not {id(one) for one in moving} & _held(optimizer):
        raise UsageError(
            f"{type(optimizer).__name__} holds none of the {len(moving)} parameters of {type(model).__name__} that "
            "train; make it from model.parameters() after adapters were added"
        )


def _said_before(model: Any, optimizer: Any, hidden: str | None) -> Iterator[str]:
    """What is known of a model and an optimizer that changes what the figures mean."""
    if hidden is not None:
        yield hidden
    if any(bool(getattr(one, "gradient_checkpointing", False)) for one in model.modules()):
        yield CHECKPOINTED
    held = _held(optimizer)
    lost = sum(one.numel() for one in model.parameters() if one.requires_grad and id(one) not in held)
    if lost:
        yield f"not_in_optimizer: {lost:,} parameters that train are not in the optimizer; they never move"
    names = sum(1 for _ in model.named_parameters(remove_duplicate=False)) - sum(1 for _ in model.parameters())
    if names:
        yield f"tied: {names} parameters are shared between modules and count once"


def _held(optimizer: Any) -> set[int]:
    return {id(one) for group in optimizer.param_groups for one in group["params"]}


def _inner(optimizer: Any) -> Any:
    """The optimizer of torch in one of accelerate, which has no hooks of its own."""
    return optimizer if hasattr(optimizer, _HOOKS) else getattr(optimizer, "optimizer", optimizer)


def _hidden(model: Any) -> str | None:
    """Why the operations of a model cannot be counted: torch.compile over a part of it, threads, another meter."""
    modules = list(model.modules())
    if any(hasattr(one, "_orig_mod") or getattr(one, "_compiled_call_impl", None) is not None for one in modules):
        return COMPILED
    if any(type(one).__name__ == "DataParallel" and len(getattr(one, "device_ids", ())) > 1 for one in modules):
        return PARALLEL
    hooks = [hook for one in modules for hook in one._forward_hooks.values()]  # noqa: SLF001
    return TWICE if any(isinstance(getattr(hook, "__self__", None), _Meter) for hook in hooks) else None


def _has_gradients() -> bool:
    import torch  # noqa: PLC0415

    return bool(torch.is_grad_enabled())


def _shape(what: Any) -> _Shape | object:
    """The shapes and types of all tensors in the arguments of a call."""
    if hasattr(what, "shape") and hasattr(what, "dtype"):
        return tuple(what.shape), str(what.dtype)
    if isinstance(what, Mapping):
        return tuple((key, _shape(value)) for key, value in what.items())
    if isinstance(what, (tuple, list)):
        return tuple(_shape(value) for value in what)
    return None


def _loss(output: Any) -> Any:
    """The loss, where the model computes it itself: an attribute, a key, or a single number."""
    found = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", output)
    return found.detach() if found is not None and hasattr(found, "isfinite") and found.numel() == 1 else None


def _state_b(optimizer: Any) -> int:
    return sum(
        value.numel() * value.element_size()
        for state in optimizer.state.values()
        for value in state.values()
        if hasattr(value, "element_size")
    )
