"""Input data that a network accepts: every type filled validly, the same bytes for the same seed everywhere.

Only the raw stream of PCG64 is used, which numpy promises to keep (NEP 19); its distributions may change.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

STRING: Final = "string"
_INTEGERS: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_FLOATS: Final = frozenset({"float16", "float32", "float64", "complex64", "complex128"})
NHWC: Final = 4
FILLABLE: Final = _INTEGERS | _FLOATS | {"bool", STRING}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: its place in the interpreter, and what may stand in it (integers: `low` to `high`, both allowed)."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    low: int = 0
    high: int = 0

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The specification that `to_json` wrote."""
        return cls(**{**data, "shape": tuple(data["shape"])})


def integer_range(dtype: str, *, quantized: bool, bound: int | None) -> tuple[int, int]:
    """Lowest and highest value that an integer input may hold, given the size of the table it indexes, if it does.

    An index is in [0, bound). A quantised number, and an unquantised one of 8 bits (an image), takes the whole range
    of its type. Any other integer is 0 or 1, which is valid as a mask, a flag, a position or a small count.
    """
    if dtype not in _INTEGERS:
        return 0, 0
    limits = np.iinfo(dtype)
    if bound is not None:
        return 0, min(max(bound - 1, 0), int(limits.max))
    if quantized or limits.bits == 8:
        return int(limits.min), int(limits.max)
    return 0, 1


def fill(spec: InputSpec, seed: int, place: int) -> NDArray[Any]:
    """Data for one input, of shape `spec.shape`; `place` is its position among the inputs.

    Floats are uniform in [-1, 1), as litert-benchmark fills them; strings are 8 hex digits as bytes in an object array.
    Raises UsageError for a type that has no filling.
    """
    if spec.dtype not in FILLABLE:
        raise UsageError(f"input {spec.name!r} is of type {spec.dtype}; known are {', '.join(sorted(FILLABLE))}")
    count = math.prod(spec.shape)
    raw = np.random.PCG64(np.random.SeedSequence([seed % 2**64, place]))
    return _values(spec, raw, count).reshape(spec.shape)


def _values(spec: InputSpec, raw: np.random.PCG64, count: int) -> NDArray[Any]:
    if spec.dtype == STRING:
        return np.array([b"%08x" % (word >> 32) for word in _words(raw, count).tolist()], dtype=object)
    dtype = np.dtype(spec.dtype)
    if spec.dtype == "bool":
        return (_stream(raw, count) & 1).view(np.bool_)
    if spec.dtype in _FLOATS:
        width = dtype.itemsize // (2 if dtype.kind == "c" else 1)
        return _uniform(_stream(raw, count * dtype.itemsize), width).view(dtype)
    limits = np.iinfo(dtype)
    if (spec.low, spec.high) == (limits.min, limits.max):
        return _stream(raw, count * dtype.itemsize).view(dtype.newbyteorder("<")).astype(dtype)
    steps = (_words(raw, count) % np.uint64(spec.high - spec.low + 1)).astype(np.int64)
    return np.add(steps, spec.low).astype(dtype)


def _words(raw: np.random.PCG64, count: int) -> NDArray[np.uint64]:
    return np.asarray(raw.random_raw(count), np.uint64)


def _stream(raw: np.random.PCG64, count: int) -> NDArray[np.uint8]:
    return _words(raw, -(-count // 8)).astype("<u8", copy=False).view(np.uint8)[:count]


def _uniform(stream: NDArray[np.uint8], width: int) -> NDArray[Any]:
    """Bytes as floats of `width` bytes in [-1, 1): as many random bits as the significand holds, so no rounding."""
    bits = stream.view(f"<u{width}") >> (8 * width - {2: 11, 4: 24, 8: 53}[width])
    steps = 2.0 ** -{2: 10, 4: 23, 8: 52}[width]
    kind = f"f{width}"
    uniform: NDArray[Any] = bits.astype(kind) * np.array(steps, kind) - np.array(1, kind)
    return uniform


def sha256_of_inputs(specs: Sequence[InputSpec], arrays: Sequence[NDArray[Any]]) -> str:
    """Hex SHA-256 over the names, types, shapes and bytes of all inputs, in their order."""
    digest = hashlib.sha256()
    for spec, array in zip(specs, arrays, strict=True):
        content = b"".join(array.ravel().tolist()) if spec.dtype == STRING else array.tobytes()
        digest.update(json.dumps([spec.name, spec.dtype, spec.shape, len(content)]).encode())
        digest.update(content)
    return digest.hexdigest()


def wanted_shape(
    name: str, shape: Sequence[int], signature: Sequence[int], batch: int, given: Mapping[str, Sequence[int]]
) -> tuple[int, ...]:
    """The shape an input gets: the one given by name, else the model's with open dimensions 1 and the batch in front.

    The first dimension is taken for the batch if it is open or 1, or if there are at least four (NHWC). In a shape
    such as [224, 224, 3] or [384] it may be anything and stays.
    """
    if name in given:
        return tuple(given[name])
    open_at = {place for place, size in enumerate(signature) if size < 0}
    dimensions = [1 if place in open_at else int(size) for place, size in enumerate(shape)]
    if dimensions and (dimensions[0] == 1 or len(dimensions) >= NHWC):
        dimensions[0] = batch
    return tuple(dimensions)
