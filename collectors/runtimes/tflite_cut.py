"""A .tflite network from which a stretch of operators can be taken as a network of its own.

Made with the schema that comes with ai-edge-litert, and the flatbuffers package that it needs. What a stretch hands
on to later operators becomes its outputs, so that no runtime may leave out an operator as unused. Signatures and
metadata are left behind: they speak of the whole.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgewatt.collectors.runtimes.model_file import shown
from edgewatt.collectors.runtimes.tflite_graph import OPERATORS
from edgewatt.collectors.runtimes.tflite_structure import IDENTIFIER, StructureError, check_structure
from edgewatt.profiler.errors import UsageError

# A table of the format reaches 2 GiB; the copy, its builder and the model are in memory together.
LIMIT_B: Final = 1 << 30
# `force_align: 16` of Buffer.data in schema.fbs.
_ALIGNED_B: Final = 16
# Weights that are stored smaller are unpacked by these before the first inference, by TensorFlow Lite's kernels and by
# XNNPACK alike (kernels/dequantize.h, kernels/densify.cc and the delegate's source, second-hand; without them XNNPACK
# fails to set up a network that hands such weights on).
_UNPACKS: Final = frozenset({"DEQUANTIZE", "DENSIFY"})
_NO_VALUES: Final = frozenset({schema.TensorType.RESOURCE, schema.TensorType.VARIANT})


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """A buffer that is aligned as the schema demands, which the generated code forgets."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  (the schema's name)
        content = b"" if self.data is None else np.asarray(self.data, np.uint8).tobytes()
        data = None
        if content:
            builder.Prep(_ALIGNED_B, len(content))
            data = builder.CreateByteVector(content)
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


@dataclass(frozen=True)
class CuttableModel:
    """The one graph of a file, taken apart. Places are those of its operators, from 0."""

    name: str
    model: Any

    @property
    def operators(self) -> Sequence[Any]:
        """The operators in order of execution."""
        found: Sequence[Any] = self._graph.operators or ()
        return found

    def refusal(self, last: int) -> str:
        """Why the network cannot end after the operator at `last`; "" if it can."""
        if last in self._unpacking:
            return "weights are unpacked there, which is done once and not per inference"
        handed_on = self._handed_on(0, last)
        if not handed_on:
            return "nothing that is computed up to there is used later"
        if any(self._graph.tensors[index].type in _NO_VALUES for index in handed_on):
            return "a resource, which is no value, is used on both sides"
        return ""

    def stretch(self, first: int, last: int) -> bytes:
        """The network of the operators from `first` to `last`, both included, as a file.

        From the first operator on it has all inputs of the whole, in their order, used or not. Raises UsageError where
        it cannot be cut.
        """
        if last < len(self.operators) - 1 and (why := self.refusal(last)):
            raise UsageError(f"{self.name} cannot be cut after operator {last}: {why}")
        outputs = list(self._graph.outputs) if self._is_end(last) else self._handed_on(first, last)
        inputs = list(self._graph.inputs) if first == 0 else self._handed_in(first, last)
        operators = self._within(first, last)
        used = sorted({*inputs, *outputs, *(index for operator in operators for index in _tensors_of(operator))})
        try:
            return _packed(self.model, self._graph, operators, (used, inputs, outputs))
        except Exception as error:  # the generated code throws anything at a file that it does not understand
            raise UsageError(f"{self.name} cannot be cut after operator {last}: {error or type(error)}") from error

    @cached_property
    def _unpacking(self) -> set[int]:
        """The places of the operators that unpack weights."""
        found: set[int] = set()
        unpacked: set[int] = set()
        for at, operator in enumerate(self.operators):
            if _named(self.model, operator) in _UNPACKS and all(
                index in unpacked or self._is_kept(index) for index in _reads(operator)
            ):
                found.add(at)
                unpacked |= set(_writes(operator))
        return found

    def _within(self, first: int, last: int) -> list[Any]:
        """The operators of a stretch, and those that unpack its weights, wherever they are, but no others."""
        places = {at for at in range(first, last + 1) if at not in self._unpacking}
        for at in sorted(self._unpacking, reverse=True):
            written = set(_writes(self.operators[at]))
            if any(written & set(_reads(self.operators[other])) for other in places):
                places.add(at)
        return [self.operators[at] for at in sorted(places)]

    @property
    def _graph(self) -> Any:
        return self.model.subgraphs[0]

    def _is_end(self, last: int) -> bool:
        return last >= len(self.operators) - 1

    @cached_property
    def _last_use(self) -> dict[int, int]:
        """The place of the last operator that reads a tensor; behind the last one for the network's outputs."""
        used = {index: at for at, operator in enumerate(self.operators) for index in _reads(operator)}
        return used | {int(index): len(self.operators) for index in self._graph.outputs}

    def _handed_on(self, first: int, last: int) -> list[int]:
        """What the operators of a stretch write and somebody later reads, in order of writing."""
        computed = [self.operators[at] for at in range(first, last + 1) if at not in self._unpacking]
        written = [index for operator in computed for index in _writes(operator)]
        return [index for index in dict.fromkeys(written) if self._last_use.get(index, -1) > last]

    def _handed_in(self, first: int, last: int) -> list[int]:
        """What the operators of a stretch read and neither they nor the file hold."""
        operators = self._within(first, last)
        own = {index for operator in operators for index in _writes(operator)}
        read = dict.fromkeys(index for operator in operators for index in _reads(operator))
        return [index for index in read if index not in own and not self._is_kept(index)]

    def _is_kept(self, index: int) -> bool:
        tensor = self._graph.tensors[index]
        return bool(tensor.isVariable) or self.model.buffers[tensor.buffer].data is not None


def read_cuttable(path: Path) -> CuttableModel:
    """The network in a file that can be cut. Raises UsageError for one that cannot, saying why."""
    try:
        if path.stat().st_size > LIMIT_B:
            raise UsageError(f"{shown(path)} is larger than {LIMIT_B >> 30} GiB, the most that can be cut")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    try:
        check_structure(content)
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except StructureError as error:
        raise UsageError(f"{shown(path)}: damaged: {error}") from error
    except Exception as error:  # see `stretch`
        raise UsageError(f"{shown(path)} cannot be taken apart: {error or type(error)}") from error
    _check(shown(path), model)
    for buffer in model.buffers:
        if buffer.data is None and buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return CuttableModel(shown(path), model)


def _check(name: str, model: Any) -> None:
    """Refuse what a stretch of one graph cannot stand for."""
    graph = model.subgraphs[0]
    operators = graph.operators or ()
    if len(model.subgraphs) > 1:
        calling = [_named(model, operator) for operator in operators if _calls(model, operator)]
        why = f"; {', '.join(dict.fromkeys(calling))} in the first one executes others" if calling else ""
        raise UsageError(
            f"{name} has {len(model.subgraphs)} graphs{why}: its operators do not run once each in a known order, so "
            "that no part of it can stand for them; profile it without --operator-energy"
        )
    if len(operators) < 2:
        raise UsageError(
            f"{name} has {len(operators)} operator{'s' * (len(operators) != 1)}: its energy is that of the network; "
            "profile it without --operator-energy"
        )
    if getattr(model, "externalBuffers", None):
        raise UsageError(f"{name} has its weights in other files; it cannot be cut")
    for operator in operators:
        dropped = operator.builtinOptionsType and operator.builtinOptions is None
        if dropped or (operator.builtinOptions2Type and operator.builtinOptions2 is None):
            raise UsageError(
                f"{name}: the options of {_named(model, operator)} are newer than ai-edge-litert here; update it"
            )
        if operator.largeCustomOptionsOffset > 1:
            raise UsageError(f"{name}: the options of {_named(model, operator)} lie outside of its tables")


def _calls(model: Any, operator: Any) -> bool:
    return _named(model, operator) in {"IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_COMPOSITE"}


def _named(model: Any, operator: Any) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"OPERATOR_{number}"


def _reads(operator: Any) -> list[int]:
    return _indices(operator.inputs)


def _writes(operator: Any) -> list[int]:
    return _indices(operator.outputs)


def _tensors_of(operator: Any) -> list[int]:
    return [*_reads(operator), *_writes(operator), *_indices(operator.intermediates)]


def _indices(vector: Any) -> list[int]:
    return [] if vector is None else [int(index) for index in vector if index >= 0]


def _packed(model: Any, graph: Any, operators: Sequence[Any], ends: tuple[list[int], list[int], list[int]]) -> bytes:
    """A model of these operators; tensors and buffers that they do not use are left out."""
    used, inputs, outputs = ends
    place = {index: number for number, index in enumerate(used)} | {-1: -1}
    tensors, buffers = [], [_Buffer()]
    held: dict[int, int] = {}
    for index in used:
        tensor = copy(graph.tensors[index])
        content = model.buffers[tensor.buffer].data
        if content is None:
            tensor.buffer = 0
        else:
            if tensor.buffer not in held:
                held[tensor.buffer] = len(buffers)
                buffers.append(_Buffer(data=content))
            tensor.buffer = held[tensor.buffer]
        tensors.append(tensor)
    cut = schema.SubGraphT(
        tensors=tensors,
        inputs=[place[index] for index in inputs],
        outputs=[place[index] for index in outputs],
        operators=[_moved(operator, place) for operator in operators],
        name=graph.name,
    )
    whole = schema.ModelT(
        version=model.version,
        operatorCodes=model.operatorCodes,
        subgraphs=[cut],
        buffers=buffers,
        description="a part of a network, cut by edgewatt",
    )
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(whole.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _moved(operator: Any, place: dict[int, int]) -> Any:
    moved = copy(operator)
    for name in ("inputs", "outputs", "intermediates"):
        indices = getattr(operator, name)
        if indices is not None and not isinstance(indices, int):
            setattr(moved, name, [place[int(index)] for index in indices])
    return moved
