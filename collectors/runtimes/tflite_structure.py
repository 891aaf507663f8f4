"""Does a file hold together as a .tflite model? Every offset is followed, nothing is executed, nothing is trusted.

LiteRT verifies a file itself; tflite-runtime does not, and reads beyond its end. The layout is that of FlatBuffers
(google/flatbuffers, docs/source/internals.md), the numbers of the fields are those of schema.fbs of TensorFlow Lite,
version 3. Tables of operator options are checked as blocks; what stands in them is the runtime's to judge.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

IDENTIFIER: Final = b"TFL3"
VERSION: Final = 3
# A sound file needs less than one: its smallest element takes four bytes and is looked at up to three times.
STEPS_PER_BYTE: Final = 2
# Of a name; many tables may refer to the same long one.
TEXT_LIMIT_B: Final = 4096

Kind = Literal["scalar", "bytes", "string", "table", "tables", "strings"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table: what it holds, of which table, and the width of its numbers in bytes."""

    kind: Kind
    width: int = 4
    table: str = "Options"


_TABLES: Final[Mapping[str, Mapping[int, Field]]] = {
    "Model": {
        0: Field("scalar"),
        1: Field("tables", table="OperatorCode"),
        2: Field("tables", table="SubGraph"),
        3: Field("string"),
        4: Field("tables", table="Buffer"),
        5: Field("bytes", 4),
        6: Field("tables", table="Metadata"),
        7: Field("tables", table="SignatureDef"),
    },
    "OperatorCode": {0: Field("scalar", 1), 1: Field("string"), 2: Field("scalar"), 3: Field("scalar")},
    "SubGraph": {
        0: Field("tables", table="Tensor"),
        1: Field("bytes", 4),
        2: Field("bytes", 4),
        3: Field("tables", table="Operator"),
        4: Field("string"),
    },
    "Tensor": {
        0: Field("bytes", 4),
        1: Field("scalar", 1),
        2: Field("scalar"),
        3: Field("string"),
        4: Field("table", table="Quantization"),
        6: Field("table"),
        7: Field("bytes", 4),
    },
    "Quantization": {
        0: Field("bytes", 4),
        1: Field("bytes", 4),
        2: Field("bytes", 4),
        3: Field("bytes", 8),
        5: Field("table"),
    },
    "Operator": {
        0: Field("scalar"),
        1: Field("bytes", 4),
        2: Field("bytes", 4),
        4: Field("table"),
        5: Field("bytes", 1),
        7: Field("bytes", 1),
        8: Field("bytes", 4),
        9: Field("scalar", 8),
        10: Field("scalar", 8),
        12: Field("table"),
    },
    "Buffer": {0: Field("bytes", 1), 1: Field("scalar", 8), 2: Field("scalar", 8)},
    "Metadata": {0: Field("string"), 1: Field("scalar")},
    "SignatureDef": {0: Field("tables", table="TensorMap"), 1: Field("tables", table="TensorMap"), 2: Field("string")},
    "TensorMap": {0: Field("string"), 1: Field("scalar")},
    "Options": {},
}
# Types of stored tensors that an interpreter shows as another one: TensorType of schema.fbs.
_STORED_TYPES: Final[Mapping[int, str]] = {17: "int4"}

_SCALARS: Final = {1: "<b", 4: "<i", 8: "<q"}
_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")


class StructureError(ValueError):
    """A place in the file where the model does not hold together."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What the file says that an interpreter hides: tensor types that differ from those shown, and custom operators."""

    stored_types: Sequence[str | None]
    custom_operators: Sequence[str]


class Walk:
    """Follows every offset once. Work is bounded by the size of the file, however its offsets are woven.

    `found` are the fields of the tables that were met, by the table's name and place.
    """

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.steps = STEPS_PER_BYTE * len(data)
        self.found: dict[str, dict[int, dict[int, int]]] = {name: {} for name in _TABLES}

    def number(self, form: struct.Struct, at: int) -> int:
        """The number at byte `at`. Raises StructureError outside of the file."""
        if not 0 <= at <= len(self.data) - form.size:
            raise StructureError(f"an offset leads to byte {at} of {len(self.data)}")
        value: int = form.unpack_from(self.data, at)[0]
        return value

    def follow(self, at: int) -> int:
        """Where the offset at byte `at` leads."""
        return at + self.number(_U32, at)

    def vector(self, at: int, width: int) -> tuple[int, int]:
        """Where the elements of a vector begin, and how many there are."""
        count, start = self.number(_U32, at), at + _U32.size
        if count * width > len(self.data) - start:
            raise StructureError(f"{count} elements of {width} bytes at byte {start} of {len(self.data)}")
        return start, count

    def slots(self, at: int) -> dict[int, int]:
        """Where the fields of the table at `at` stand, by their number; absent ones are left out."""
        vtable = at - self.number(_I32, at)
        vtable_size, table_size = self.number(_U16, vtable), self.number(_U16, vtable + 2)
        if (
            vtable_size < 4
            or vtable_size % 2
            or vtable + vtable_size > len(self.data)
            or at + table_size > len(self.data)
        ):
            raise StructureError(f"the table at byte {at} of {len(self.data)} is cut or overwritten")
        places = struct.unpack_from(f"<{vtable_size // 2 - 2}H", self.data, vtable + 4)
        if any(place >= table_size for place in places):
            raise StructureError(f"a field of the table at byte {at} lies outside of it")
        return {number: at + place for number, place in enumerate(places) if place}

    def spend(self, steps: int) -> None:
        """Count work. Raises StructureError when it is more than a sound file can ask for."""
        self.steps -= steps
        if self.steps < 0:
            raise StructureError("its parts refer to the same bytes over and over")

    def table(self, at: int, name: str) -> None:
        """Check the table at `at` and all that hangs on it; a table met before is not walked again."""
        waiting = [(at, name)]
        while waiting:
            at, name = waiting.pop()
            if at in self.found[name]:
                continue
            self.spend(4)
            slots = self.slots(at)
            self.found[name][at] = slots
            for number, field in _TABLES[name].items():
                if number in slots:
                    waiting += self.field(slots[number], field)

    def field(self, at: int, field: Field) -> list[tuple[int, str]]:
        """Check one field; the tables it refers to."""
        if field.kind == "scalar":
            self.number(struct.Struct(_SCALARS[field.width]), at)
            return []
        target = self.follow(at)
        if field.kind == "table":
            return [(target, field.table)]
        start, count = self.vector(target, 4 if field.kind == "tables" else field.width if field.kind == "bytes" else 1)
        if field.kind != "tables":
            return []
        self.spend(count)
        return [(self.follow(start + 4 * place), field.table) for place in range(count)]

    def scalar(self, slots: Mapping[int, int], number: int, width: int, default: int = 0) -> int:
        """The number in a field of a table; its default where the field is left out."""
        return self.number(struct.Struct(_SCALARS[width]), slots[number]) if number in slots else default

    def offsets(self, slots: Mapping[int, int], number: int) -> list[int]:
        """Where the tables of a vector of tables stand."""
        if number not in slots:
            return []
        start, count = self.vector(self.follow(slots[number]), 4)
        self.spend(count)
        return [self.follow(start + 4 * place) for place in range(count)]

    def integers(self, slots: Mapping[int, int], number: int) -> tuple[int, ...]:
        """A vector of int32 in a field of a table."""
        if number not in slots:
            return ()
        start, count = self.vector(self.follow(slots[number]), 4)
        self.spend(count)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def text(self, slots: Mapping[int, int], number: int) -> str:
        """A string in a field of a table."""
        if number not in slots:
            return ""
        start, count = self.vector(self.follow(slots[number]), 1)
        return bytes(self.data[start : start + min(count, TEXT_LIMIT_B)]).decode(errors="backslashreplace")


def check_structure(data: bytes | memoryview) -> Structure:
    """What `data` holds, if every reference in it leads somewhere. Raises StructureError where one does not."""
    walk = Walk(memoryview(data))
    if bytes(walk.data[4:8]) != IDENTIFIER:
        raise StructureError(f"bytes 4 to 8 are {bytes(walk.data[4:8])!r} and not {IDENTIFIER!r}")
    root = walk.follow(0)
    walk.table(root, "Model")
    model = walk.found["Model"][root]
    version = walk.scalar(model, 0, 4)
    if version != VERSION:
        raise StructureError(f"its schema has version {version}; known is {VERSION}")
    codes, graphs, buffers = (walk.offsets(model, number) for number in (1, 2, 4))
    if not graphs or not buffers:
        raise StructureError("it has no graph, or no buffers")
    for graph in graphs:
        _check_graph(walk, walk.found["SubGraph"][graph], len(codes), len(buffers))
    for slots in walk.found["Buffer"].values():
        _check_buffer(walk, slots)
    tensors = walk.offsets(walk.found["SubGraph"][graphs[0]], 0)
    types = [walk.scalar(walk.found["Tensor"][at], 1, 1) for at in tensors]
    names = [walk.text(walk.found["OperatorCode"][at], 1) for at in codes]
    return Structure([_STORED_TYPES.get(kind) for kind in types], [name for name in names if name])


def _check_graph(walk: Walk, graph: Mapping[int, int], codes: int, buffers: int) -> None:
    tensors = walk.offsets(graph, 0)
    for at in tensors:
        if not 0 <= (buffer := walk.scalar(walk.found["Tensor"][at], 2, 4)) < buffers:
            raise StructureError(f"a tensor's data is in buffer {buffer} of {buffers}")
    for at in walk.offsets(graph, 3):
        operator = walk.found["Operator"][at]
        if not 0 <= (code := walk.scalar(operator, 0, 4)) < codes:
            raise StructureError(f"an operator is number {code} of {codes}")
        used = walk.integers(operator, 1) + walk.integers(operator, 2)
        if not all(-1 <= index < len(tensors) for index in used):
            raise StructureError(f"an operator's tensors are {min(used)} to {max(used)} of {len(tensors)}")
    ends = walk.integers(graph, 1) + walk.integers(graph, 2)
    if not all(0 <= index < len(tensors) for index in ends):
        raise StructureError(f"its inputs and outputs are tensors {min(ends)} to {max(ends)} of {len(tensors)}")


def _check_buffer(walk: Walk, buffer: Mapping[int, int]) -> None:
    """Data of large models lies behind the tables, by its place in the file; a place of 0 or 1 means none."""
    offset, size = walk.scalar(buffer, 1, 8), walk.scalar(buffer, 2, 8)
    if offset not in (0, 1) and not (0 < offset <= len(walk.data) and 0 <= size <= len(walk.data) - offset):
        raise StructureError(f"a buffer claims {size} bytes at byte {offset} of {len(walk.data)}")
