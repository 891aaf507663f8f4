"""The operators of a .tflite as nn-Meter's kernels: convolutions, pooling and fully connected layers, by their shapes.

Fields of options by their numbers in schema.fbs of TensorFlow Lite: Conv2DOptions, DepthwiseConv2DOptions,
Pool2DOptions, FullyConnectedOptions, ActivationFunctionType (tests compare with the installed ai-edge-litert). A
.tflite has no batch normalisation, which is in its weights: conv-bn-relu is a CONV_2D with RELU, as conv-relu is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.tflite_graph import graphs, nodes, operators, parsed, tensors
from edgewatt.collectors.runtimes.tflite_structure import Walk
from edgewatt.profiler.operator_kernel import OperatorKernel

_ACTIVATIONS: Final = {0: "", 1: "-relu", 3: "-relu6"}
_STRIDES: Final = (2, 1)  # height, width
Shape = tuple[int, ...]


class _None(Exception):  # noqa: N818  (an answer, not an error)
    """Why an operator is no kernel."""


def kernels_of(path: Path) -> list[OperatorKernel]:
    """The operators of the first graph, in the order of their indices. Raises UsageError for a damaged file."""
    return parsed(path, _kernels)


def _kernels(walk: Walk, model: Mapping[int, int]) -> list[OperatorKernel]:
    names, graph = operators(walk, model), graphs(walk, model)[0]
    shapes = [walk.integers(tensor, 0) for tensor in tensors(walk, graph)]
    return [_kernel(walk, names[walk.scalar(one, 0, 4)], one, shapes) for one in nodes(walk, graph)]


def _kernel(walk: Walk, op: str, operator: Mapping[int, int], shapes: list[Shape]) -> OperatorKernel:
    found = _KINDS.get(op)
    if found is None:
        return OperatorKernel(op, why="nn-Meter's kernels of it have no configuration here")
    reads, writes = ([shapes[at] if at >= 0 else () for at in walk.integers(operator, field)] for field in (1, 2))
    options = walk.found["Options"].get(walk.follow(operator[4]), {}) if 4 in operator else {}
    try:
        kernel, config = found(walk, options, reads, writes)
    except _None as why:
        return OperatorKernel(op, why=str(why))
    return OperatorKernel(op, kernel, config)


Kind = Callable[[Walk, Mapping[int, int], list[Shape], list[Shape]], tuple[str, dict[str, int]]]


def _convolution(kernel: str, activation: int, *, depthwise: bool) -> Kind:
    """A window over a square input, whose channels it takes together or, `depthwise`, each for itself."""

    def made(
        walk: Walk, options: Mapping[int, int], reads: list[Shape], writes: list[Shape]
    ) -> tuple[str, dict[str, int]]:
        hw, cin = _square(reads, 0)
        _, height, width, channels = _shape(reads, 1, 4)
        if channels != cin:
            raise _None(
                f"it makes {channels} channels of {cin}" if depthwise else f"it is grouped: {cin} by {channels}"
            )
        window = _one((height, width), "window")
        config = {"HW": hw, "CIN": cin, "COUT": _shape(writes, 0, 4)[3], "KERNEL_SIZE": window}
        return f"{kernel}{_activation(walk, options, activation)}", {**config, "STRIDES": _strides(walk, options)}

    return made


def _pool(kernel: str) -> Kind:
    def made(walk: Walk, options: Mapping[int, int], reads: list[Shape], _: list[Shape]) -> tuple[str, dict[str, int]]:
        hw, cin = _square(reads, 0)
        if _activation(walk, options, 5):
            raise _None("it has an activation")
        window = _one((walk.scalar(options, 4, 4), walk.scalar(options, 3, 4)), "window")
        strides = _strides(walk, options)
        return kernel, {"HW": hw, "CIN": cin, "COUT": cin, "KERNEL_SIZE": window, "POOL_STRIDES": strides}

    return made


def _fully_connected(
    walk: Walk, options: Mapping[int, int], reads: list[Shape], _: list[Shape]
) -> tuple[str, dict[str, int]]:
    if _activation(walk, options, 0):
        raise _None("it has an activation")
    out, into = _shape(reads, 1, 2)
    return "fc", {"CIN": into, "COUT": out}


_KINDS: Final[Mapping[str, Kind]] = {
    "AVERAGE_POOL_2D": _pool("avgpool"),
    "CONV_2D": _convolution("conv-bn", 3, depthwise=False),
    "DEPTHWISE_CONV_2D": _convolution("dwconv-bn", 4, depthwise=True),
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool("maxpool"),
}


def _shape(shapes: list[Shape], place: int, dimensions: int) -> Shape:
    shape = shapes[place] if place < len(shapes) else ()
    if len(shape) != dimensions or min(shape) < 1:
        raise _None(f"its shape is {list(shape)}")
    return shape


def _square(shapes: list[Shape], place: int) -> tuple[int, int]:
    """Height and width, which are one number to nn-Meter, and channels."""
    _, height, width, channels = _shape(shapes, place, 4)
    return _one((height, width), "input"), channels


def _one(both: tuple[int, int], what: str) -> int:
    if both[0] != both[1] or both[0] < 1:
        raise _None(f"its {what} is {both[0]} x {both[1]}, and one number is asked for")
    return both[0]


def _strides(walk: Walk, options: Mapping[int, int]) -> int:
    height, width = (walk.scalar(options, field, 4) for field in _STRIDES)
    return _one((height, width), "stride")


def _activation(walk: Walk, options: Mapping[int, int], field: int) -> str:
    number = walk.scalar(options, field, 1)
    if number not in _ACTIVATIONS:
        raise _None(f"its activation is number {number}")
    return _ACTIVATIONS[number]
