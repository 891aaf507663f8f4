"""The process that executes a model: started for one question, answers in frames, and is gone.

`look` loads the model and executes it once, to tell what it is; `measure` is one repeat. Whatever the runtime throws
is reported with the phase in which it did; what kills the process is seen by the parent, which knows the phase.
"""

import ctypes
import gc
import json
import math
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes import frames, litert_graph
from edgewatt.collectors.runtimes.inputs import (
    STRING,
    InputSpec,
    fill,
    integer_range,
    sha256_of_inputs,
    wanted_shape,
)
from edgewatt.collectors.runtimes.litert_loop import NS_PER_S, Loop
from edgewatt.collectors.runtimes.resident import forget_peak, resident
from edgewatt.collectors.runtimes.tflite_structure import Structure, StructureError, check_structure
from edgewatt.profiler.errors import UsageError

MODULES: Final = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

Say = Callable[..., None]


class PhaseError(Exception):
    """Something that the runtime threw; its text, whether it is a lack of memory, and the largest tensor, if known."""

    def __init__(self, text: str, *, memory: bool, largest: tuple[str, int] | None = None) -> None:
        super().__init__(text)
        self.memory, self.largest = memory, largest


def main() -> None:
    """Answer the question on standard input over the pipe whose number is the argument, and end at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when this ends
    fd = int(sys.argv[1])
    question = json.load(sys.stdin)
    _end_with_parent(question["parent"])
    _go_first_when_memory_is_short()
    say = partial(frames.send_json, fd)
    try:
        {"look": _look, "measure": _measure}[question["task"]](question, say, fd)
    except UsageError as error:
        say("refused", text=str(error))
    except PhaseError as error:
        say("failed", text=str(error), memory=error.memory, largest=error.largest)
    except BrokenPipeError:
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # what a damaged model did to the interpreter must not show while it is torn down


def _end_with_parent(parent: int) -> None:
    """Die when the parent does, even by kill -9: Linux sees to it; elsewhere the pipe breaks at the next frame."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _go_first_when_memory_is_short() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return


@contextmanager
def _phase(say: Say, name: str, interpreter: Any = None) -> Iterator[None]:
    say("phase", name=name)
    try:
        yield
    except (UsageError, PhaseError, BrokenPipeError):
        raise
    except MemoryError as error:
        raise PhaseError(str(error) or "out of memory", memory=True, largest=_largest(interpreter)) from error
    except Exception as error:  # the bindings throw anything; all of it is reported
        # LiteRT reports a failed allocation as a RuntimeError without a text (observed with 2.3.0).
        silent = isinstance(error, RuntimeError) and not str(error).strip()
        text = str(error).strip() or f"{type(error).__name__} without a text"
        raise PhaseError(text, memory=silent, largest=_largest(interpreter)) from error


def _largest(interpreter: Any, shapes: Mapping[int, tuple[int, ...]] = MappingProxyType({})) -> tuple[str, int] | None:
    """The tensor that takes most memory, and its bytes, with `shapes` for those that are about to be resized."""
    if interpreter is None:
        return None
    try:
        sizes = [
            (
                str(t["name"]),
                math.prod(shapes.get(t["index"], t["shape"].tolist())) * max(np.dtype(t["dtype"]).itemsize, 1),
            )
            for t in interpreter.get_tensor_details()
        ]
    except Exception:  # noqa: BLE001 - the interpreter may just have failed; this only adds to what it said
        return None
    return max(sizes, key=lambda named: named[1], default=None)


def _check_room(interpreter: Any, specs: list[InputSpec], available_b: int) -> None:
    """Fail before the kernel has to choose a process to kill."""
    largest = _largest(interpreter, {spec.index: spec.shape for spec in specs})
    if largest is not None and largest[1] > available_b:
        raise PhaseError("not tried", memory=True, largest=largest)


def _look(question: Mapping[str, Any], say: Say, _fd: int) -> None:
    with _phase(say, "structure"):
        structure = _structure(question["model"])
    say("structure", custom=structure.custom_operators)
    with _phase(say, "import"):
        make = _interpreter_class(question["runtime"])
        with suppress(ImportError):
            import_module("ml_dtypes")  # numpy has no bfloat16, and without it the tensors cannot be listed
    with _phase(say, "load"):
        interpreter = make(model_path=os.fsencode(question["model"]), num_threads=question["threads"])
        graph = litert_graph.read_graph(interpreter, structure.stored_types)
        specs = _specs(interpreter, graph, question)
    with _phase(say, "allocate", interpreter):
        _check_room(interpreter, specs, question["available_b"])
        _allocate(interpreter, specs)
        taken = litert_graph.delegated(graph, litert_graph.read_nodes(interpreter))
    with _phase(say, "fill", interpreter):
        arrays = _arrays(specs, question["seed"])
        _set_inputs(interpreter, specs, arrays)
    with _phase(say, "first inference", interpreter):
        interpreter.invoke()
    say(
        "looked",
        inputs=[spec.to_json() for spec in specs],
        input_sha256=sha256_of_inputs(specs, arrays),
        operators=graph.operators(),
        precision=litert_graph.precision(graph),
        nodes=len(graph.nodes),
        delegated=taken,
    )


def _measure(question: Mapping[str, Any], say: Say, fd: int) -> None:
    with _phase(say, "fill"):
        specs = [InputSpec.from_json(spec) for spec in question["inputs"]]
        arrays = _arrays(specs, question["seed"])
    loop = Loop()
    gc.collect()
    forget_peak()
    before = resident()
    with _phase(say, "import"):
        make = _interpreter_class(question["runtime"])
    with _phase(say, "load"):
        t0_ns = time.monotonic_ns()
        interpreter = make(model_path=os.fsencode(question["model"]), num_threads=question["threads"])
        load_ns = time.monotonic_ns() - t0_ns
    with _phase(say, "allocate", interpreter):
        t0_ns = time.monotonic_ns()
        _allocate(interpreter, specs)
        init_s = (load_ns + time.monotonic_ns() - t0_ns) / NS_PER_S
        nodes = litert_graph.read_nodes(interpreter)
    with _phase(say, "fill", interpreter):
        _set_inputs(interpreter, specs, arrays)
    gc.collect()
    gc.freeze()
    gc.disable()
    with _phase(say, "warm-up", interpreter):
        warm = loop.warm_up(interpreter.invoke, question["warmup_limit_s"], question["warmup_least_s"])
    interpreter.reset_all_variables()
    say(
        "warm", t0_ns=warm.t0_ns, t1_ns=warm.t1_ns, first_s=warm.first_s, iterations=warm.iterations, steady=warm.steady
    )
    with _phase(say, "measure", interpreter):
        send = partial(frames.send, fd, frames.STAMPS)
        done = loop.measure(interpreter.invoke, question["seconds"], question["iterations"], send)
    after = resident()
    say(
        "measured",
        t0_ns=done.t0_ns,
        t1_ns=done.t1_ns,
        iterations=done.iterations,
        init_s=init_s,
        delegated=any(node.op == litert_graph.DELEGATE for node in nodes),
        memory_baseline_b=before and before.now_b,
        memory_peak_b=before and after and max(after.peak_b - before.now_b, 0),
    )


def _interpreter_class(runtime: str) -> Any:
    return import_module(MODULES[runtime]).Interpreter


def _structure(path: str) -> Structure:
    with Path(path).open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return check_structure(memoryview(content))
    except StructureError as error:
        raise UsageError(f"damaged: {error}") from error


def _specs(interpreter: Any, graph: litert_graph.Graph, question: Mapping[str, Any]) -> list[InputSpec]:
    given, batch = question["input_shapes"], question["batch"]
    details = interpreter.get_input_details()
    names = [detail["name"] for detail in details]
    if unknown := sorted(set(given) - set(names)):
        raise UsageError(
            f"input_shapes names {unknown[0]!r}, which is no input; the inputs are {', '.join(names) or 'none'}"
        )
    specs = [_spec(detail, graph, batch, given) for detail in details]
    if batch != 1 and all(spec.shape[:1] != (batch,) for spec in specs):
        shapes = ", ".join(f"{name} {spec.shape}" for name, spec in zip(names, specs, strict=True)) or "none"
        raise UsageError(f"batch {batch} was asked for, and no input has a dimension for it: {shapes}; ask for batch 1")
    return specs


def _spec(detail: Mapping[str, Any], graph: litert_graph.Graph, batch: int, given: Mapping[str, Any]) -> InputSpec:
    index, name, dtype = int(detail["index"]), detail["name"], litert_graph.dtype_name(detail["dtype"])
    quantized = len(detail["quantization_parameters"]["scales"]) > 0
    low, high = integer_range(dtype, quantized=quantized, bound=litert_graph.index_bound(graph, index))
    shape = wanted_shape(name, detail["shape"].tolist(), detail["shape_signature"].tolist(), batch, given)
    return InputSpec(index, name, shape, dtype, low, high)


def _allocate(interpreter: Any, specs: list[InputSpec]) -> None:
    shapes = {int(detail["index"]): tuple(detail["shape"].tolist()) for detail in interpreter.get_input_details()}
    for spec in specs:
        if shapes[spec.index] != spec.shape:
            interpreter.resize_tensor_input(spec.index, spec.shape)
    interpreter.allocate_tensors()


def _arrays(specs: list[InputSpec], seed: int) -> list[NDArray[Any]]:
    return [fill(spec, seed, place) for place, spec in enumerate(specs)]


def _set_inputs(interpreter: Any, specs: list[InputSpec], arrays: list[NDArray[Any]]) -> None:
    for spec, values in zip(specs, arrays, strict=True):
        try:
            interpreter.set_tensor(spec.index, values)
        except ValueError:
            if spec.dtype == STRING:
                raise
            interpreter.tensor(spec.index)()[...] = values  # tflite-runtime 2.14 knows no uint16 in set_tensor
    interpreter.reset_all_variables()


if __name__ == "__main__":
    main()
