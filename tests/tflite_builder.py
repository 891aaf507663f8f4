"""Writes .tflite files without TensorFlow, through the object interface of LiteRT's own schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

TYPES: Mapping[str, int] = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "float64": schema.TensorType.FLOAT64,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "uint16": schema.TensorType.UINT16,
    "uint32": schema.TensorType.UINT32,
    "uint64": schema.TensorType.UINT64,
    "bool": schema.TensorType.BOOL,
    "complex64": schema.TensorType.COMPLEX64,
    "complex128": schema.TensorType.COMPLEX128,
    "string": schema.TensorType.STRING,
    "bfloat16": schema.TensorType.BFLOAT16,
    "int4": schema.TensorType.INT4,
}
RELU = schema.ActivationFunctionType.RELU


def quantized(*scales: float, zero_point: int = 0) -> Any:
    """Affine quantisation: one scale for the tensor, or one per index of its first dimension."""
    return schema.QuantizationParametersT(scale=list(scales), zeroPoint=[zero_point] * len(scales))


@dataclass
class Graph:
    """One subgraph under construction; a tensor is named by its index."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])  # buffer 0 means "no data", by the format
    operators: list[Any] = field(default_factory=list)
    codes: dict[str, Any] = field(default_factory=dict)
    inputs: list[int] = field(default_factory=list)

    def tensor(self, name: str, shape: Sequence[int], dtype: str = "float32", **fields: Any) -> int:
        """A tensor without data. A dimension of -1 is open."""
        fields.setdefault("shapeSignature", list(shape) if -1 in shape else None)
        sizes = [1 if size == -1 else size for size in shape]
        self.tensors.append(schema.TensorT(name=name, shape=sizes, type=TYPES[dtype], hasRank=True, **fields))
        return len(self.tensors) - 1

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32", **fields: Any) -> int:
        """An input of the model."""
        self.inputs.append(self.tensor(name, shape, dtype, **fields))
        return self.inputs[-1]

    def constant(self, name: str, values: NDArray[Any], dtype: str | None = None, **fields: Any) -> int:
        """A tensor whose data is part of the file."""
        self.buffers.append(schema.BufferT(data=np.frombuffer(values.tobytes(), np.uint8)))
        return self.tensor(name, values.shape, dtype or values.dtype.name, buffer=len(self.buffers) - 1, **fields)

    def op(self, operator: str, inputs: Sequence[int], output: int, options: Any = None) -> int:
        """Append an operator by its name in the schema, or a custom one by a name that is not there; its output."""
        if operator not in self.codes:
            builtin = getattr(schema.BuiltinOperator, operator, schema.BuiltinOperator.CUSTOM)
            custom = operator if builtin == schema.BuiltinOperator.CUSTOM else None
            # The old field has one byte; 127 sends the reader to the new one.
            self.codes[operator] = schema.OperatorCodeT(
                builtinCode=builtin, deprecatedBuiltinCode=min(builtin, 127), customCode=custom, version=1
            )
        kind = 0 if options is None else getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=list(self.codes).index(operator),
                inputs=list(inputs),
                outputs=[output],
                builtinOptionsType=kind,
                builtinOptions=options,
            )
        )
        return output

    def build(self, *outputs: int) -> bytes:
        """The model as a file."""
        graph = schema.SubGraphT(
            tensors=self.tensors, inputs=self.inputs, outputs=list(outputs), operators=self.operators, name="main"
        )
        model = schema.ModelT(
            version=3,
            operatorCodes=list(self.codes.values()),
            subgraphs=[graph],
            buffers=self.buffers,
            description="made by edgewatt",
        )
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
