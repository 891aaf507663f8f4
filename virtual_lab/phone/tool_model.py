"""The model that the lab's benchmark_model really executes, with LiteRT; loaded only when it is asked for.

The time of an operator is not to be had from LiteRT's Python side. It is shared out here: the mean of the runs, by
multiplications for convolutions and matrices and by elements for all else (assumed: a crude but stated rule, with
which a table that is read back can be checked).
"""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgewatt.virtual_lab.phone.tool_text import Operator

_MATRIX: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
# Elements are moved, not multiplied: worth so many multiplications (assumed).
_MOVED: Final = 4.0


class LoadError(Exception):
    """The file is no model that LiteRT loads; its words."""


class Model:
    """A loaded model, its inputs filled with random numbers. Raises LoadError."""

    def __init__(self, path: Path, threads: int, *, xnnpack: bool) -> None:
        resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            with _silent_stderr():
                self._interpreter: Any = Interpreter(
                    model_path=os.fsencode(path).decode(errors="surrogateescape"),
                    num_threads=max(threads, 1),
                    experimental_op_resolver_type=resolver,
                )
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise LoadError(str(error).strip()) from None
        self.invoke = self._interpreter.invoke
        self.input_b = self._fill()

    def operators(self) -> tuple[Operator, ...]:
        """The operators without what a delegate makes of them."""
        tensors = {t["index"]: t for t in self._interpreter.get_tensor_details()}
        found = [op for op in self._interpreter._get_ops_details() if op["op_name"] != "DELEGATE"]  # noqa: SLF001
        work = [_work(op, tensors) for op in found]
        return tuple(
            Operator(op["op_name"], ", ".join(_name(tensors, i) for i in op["outputs"]), part / (sum(work) or 1.0))
            for op, part in zip(found, work, strict=True)
        )

    def _fill(self) -> int:
        size_b = 0
        random = np.random.default_rng(0)
        for detail in self._interpreter.get_input_details():
            shape, kind = detail["shape"], np.dtype(detail["dtype"])
            values = random.random(shape) if kind.kind == "f" else random.integers(0, 2, shape)
            self._interpreter.set_tensor(detail["index"], values.astype(kind))
            size_b += values.size * kind.itemsize
        return size_b


def _work(op: dict[str, Any], tensors: dict[int, dict[str, Any]]) -> float:
    made = sum(_elements(tensors, i) for i in op["outputs"])
    if op["op_name"] not in _MATRIX or len(op["inputs"]) < 2 or int(op["inputs"][1]) not in tensors:
        return _MOVED * made
    weights = tensors[int(op["inputs"][1])]["shape"]
    each = float(np.prod(weights)) / float(weights[-1] if op["op_name"] == "DEPTHWISE_CONV_2D" else weights[0])
    return made * max(each, 1.0)


def _elements(tensors: dict[int, dict[str, Any]], index: int) -> float:
    return float(math.prod(int(n) for n in tensors[int(index)]["shape"])) if int(index) in tensors else 0.0


def _name(tensors: dict[int, dict[str, Any]], index: int) -> str:
    return str(tensors[int(index)]["name"]) if int(index) in tensors else ""


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """What the runtime of this machine prints is of its own generation, not of the tool's."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
