"""A model in numbers: what its ends are, what it computes, what it stores."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.litert_graph import precision
from edgewatt.collectors.runtimes.model_file import ModelFile, look_at_model_file
from edgewatt.collectors.runtimes.model_summary.layers import LayerCounts, layer_counts
from edgewatt.collectors.runtimes.model_summary.macs import COUNTED, Uncountable, checked, macs_of
from edgewatt.collectors.runtimes.model_summary.reading import Content, Signature, Subgraph, read_content

# Bits of an element, by the types of schema.fbs; what is not here (strings, resources) has no size of its own.
BITS: Final[Mapping[str, int]] = {
    "bool": 8, "int2": 2, "int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "float16": 16,
    "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "int64": 64, "uint64": 64, "float64": 64,
    "complex64": 64, "complex128": 128,
}  # fmt: skip
# Whole numbers of these types are shapes, axes and places, unless a layer adds them to its sums.
_PLACES: Final = frozenset({"int32", "int64", "uint32", "uint64", "bool", "string", "resource", "variant"})
# The signature that stands for a file of several: what an inference is called by TensorFlow, and by our zoo.
_INFERENCE: Final = ("serving_default", "infer")


@dataclass(frozen=True, slots=True)
class End:
    """An input or output. An open dimension counts as what the file gives for it, which is 1. Without size: None."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size_b: int | None
    is_open: bool

    def to_json(self) -> dict[str, Any]:
        """Its fields, sizes in bytes."""
        return {
            "name": self.name, "shape": list(self.shape), "dtype": self.dtype, "bytes": self.size_b,
            "open_shape": self.is_open,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One signature, or the graph of a file without any (`name` None): what it takes, gives and computes.

    `macs` is None where no operator was counted and some could not be; `uncounted` names those with the reason, and
    `macs` is then what the network needs at least.
    """

    name: str | None
    inputs: Sequence[End]
    outputs: Sequence[End]
    operators: Mapping[str, int]
    macs: int | None
    uncounted: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Its fields, operators by their number."""
        return {
            "signature": self.name,
            "inputs": [end.to_json() for end in self.inputs],
            "outputs": [end.to_json() for end in self.outputs],
            "operators": dict(self.operators),
            "macs": self.macs,
            "macs_uncounted": dict(self.uncounted),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """A model file in numbers. `calls` begins with the one that is an inference."""

    file: ModelFile
    description: str
    precision: str | None
    parameters: int
    weights_b: int
    layers: LayerCounts
    calls: Sequence[Call]

    def to_json(self) -> dict[str, Any]:
        """One object: the inference at the top, every way to call the model in `calls`."""
        first = self.calls[0]
        return {
            "model": self.file.name,
            "sha256": self.file.sha256,
            "bytes": self.file.size_b,
            "description": self.description,
            "precision": self.precision,
            "parameters": self.parameters,
            "weights_bytes": self.weights_b,
            "macs": first.macs,
            "macs_uncounted": dict(first.uncounted),
            "in_bytes": _total(first.inputs),
            "out_bytes": _total(first.outputs),
            "layers": self.layers.to_json(),
            "calls": [call.to_json() for call in self.calls],
        }


def summarise(path: Path, *, named: str | None = None) -> Summary:
    """The model in a file; `named` is the network of AutoScale's table whose layer counts are to be used.

    Raises UsageError if it is no sound .tflite, DeviceError if it is larger than the memory that is available.
    """
    file = look_at_model_file(path)
    content = read_content(file)
    signatures = sorted(content.signatures, key=lambda one: one.name not in _INFERENCE)
    calls: list[tuple[Signature | None, Subgraph]] = [(one, content.subgraphs[one.subgraph]) for one in signatures]
    calls = calls or [(None, content.subgraphs[0])]
    main = calls[0][1]
    parameters, weights_b = _weights(content)
    layers = layer_counts(main, asked=named, description=content.description, file_name=path.name)
    return Summary(
        file, content.description, precision(main.graph), parameters, weights_b, layers,
        [_call(signature, subgraph) for signature, subgraph in calls],
    )  # fmt: skip


def _call(signature: Signature | None, subgraph: Subgraph) -> Call:
    names = signature.names if signature else {}
    macs, counted = 0, 0
    uncounted: dict[str, str] = {}
    for node in subgraph.graph.nodes:
        try:
            macs += macs_of(subgraph.graph, node)
            counted += node.op in COUNTED
        except Uncountable as reason:
            uncounted.setdefault(node.op, str(reason))
    return Call(
        signature.name if signature else None,
        [_end(subgraph, index, names) for index in subgraph.inputs if index >= 0],
        [_end(subgraph, index, names) for index in subgraph.outputs if index >= 0],
        dict(Counter(node.op for node in subgraph.graph.nodes).most_common()),
        macs if counted or not uncounted else None,
        uncounted,
    )


def _end(subgraph: Subgraph, index: int, names: Mapping[int, str]) -> End:
    tensor = subgraph.graph.tensors[index]
    size_b = _size_b(tensor.shape, tensor.dtype)
    return End(names.get(index, tensor.name), tensor.shape, tensor.dtype, size_b, index in subgraph.open)


def _elements(shape: tuple[int, ...]) -> int:
    """The number of elements; 0 for a shape that cannot be computed with."""
    try:
        return math.prod(checked(shape))
    except Uncountable:
        return 0


def _size_b(shape: tuple[int, ...], dtype: str) -> int | None:
    bits = BITS.get(dtype)
    return None if bits is None else -(-_elements(shape) * bits // 8)


def _total(ends: Sequence[End]) -> int | None:
    sizes = [end.size_b for end in ends]
    return None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None)


def _weights(content: Content) -> tuple[int, int]:
    """Elements and bytes of all constants that are learned, each stored one once.

    Those are the operands of convolutions, products and recurrent layers, and every other constant of more than one
    element that holds no places: tables of embeddings, scales, what a variable begins with.
    """
    found: dict[int, tuple[int, int]] = {}
    for subgraph in content.subgraphs:
        operands = {index for node in subgraph.graph.nodes if node.op in COUNTED for index in node.inputs[1:]}
        for index, buffer in subgraph.constants.items():
            tensor = subgraph.graph.tensors[index]
            elements = _elements(tensor.shape)
            learned = tensor.dtype not in _PLACES and elements > 1
            if learned or index in operands:
                found[buffer] = (elements, _size_b(tensor.shape, tensor.dtype) or 0)
    return sum(elements for elements, _ in found.values()), sum(size_b for _, size_b in found.values())
