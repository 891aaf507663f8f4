"""XML as Android has it, of which nobody knows who wrote it: as text, or as `aapt` packs it; elements as they close.

The packed form is that of ResourceTypes.h (AOSP, remembered): chunks of type u16, head u16, size u32, little endian.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

SIZE_LIMIT: Final = 1 << 20
_ELEMENTS_LIMIT: Final = 20_000
_DEPTH_LIMIT: Final = 16
_ATTRIBUTES_LIMIT: Final = 16

_PACKED: Final = b"\x03\x00\x08\x00"
_STRINGS, _START, _END, _TEXT = 0x0001, 0x0102, 0x0103, 0x0104
_UTF8: Final = 1 << 8
_NONE: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Element:
    """An element, its attributes by their local names, the texts in it, and how deep it lies (the root: 0)."""

    tag: str
    attributes: Mapping[str, str]
    text: str
    depth: int


@dataclass(slots=True)
class _Reader:
    """Takes starts, ends and texts in their order, and keeps the elements that are closed."""

    closed: list[Element] = field(default_factory=list)
    open: list[tuple[str, Mapping[str, str], list[str]]] = field(default_factory=list)
    begun: int = 0
    texts_length: int = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.begun += 1
        if self.begun > _ELEMENTS_LIMIT or len(self.open) >= _DEPTH_LIMIT:
            raise ValueError(f"over {_ELEMENTS_LIMIT} elements, or one over {_DEPTH_LIMIT} deep")
        self.open.append((tag, attributes, []))

    def text(self, text: str) -> None:
        self.texts_length += len(text)
        if self.texts_length > SIZE_LIMIT:
            raise ValueError(f"texts of over {SIZE_LIMIT} characters")
        if self.open:
            self.open[-1][2].append(text)

    def end(self, _tag: str) -> None:
        if not self.open:
            raise ValueError("an element ends that never began")
        tag, attributes, texts = self.open.pop()
        self.closed.append(Element(tag, attributes, "".join(texts).strip(), len(self.open)))


def elements(raw: bytes) -> tuple[Element, ...]:
    """The elements of an XML file in the order in which they close. Raises ValueError with what is wrong.

    Document types and entities are refused, whatever they say: they are no part of such files, and can make a small
    file a huge one or name another.
    """
    if len(raw) > SIZE_LIMIT:
        raise ValueError(f"over {SIZE_LIMIT} bytes, expected a small XML file")
    reader = _Reader()
    if raw.startswith(_PACKED):
        try:
            _packed(raw, reader)
        except (struct.error, IndexError) as error:
            raise ValueError(f"packed XML that ends in the middle ({error})") from None
    else:
        _plain(raw, reader)
    return tuple(reader.closed)


def _plain(raw: bytes, reader: _Reader) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("a document type or an entity, expected none")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"no XML ({error})") from None


def _packed(raw: bytes, reader: _Reader) -> None:
    strings: list[str] = []
    for kind, at, head in _chunks(raw):
        if kind == _STRINGS and not strings:
            strings = _strings(raw, at)
        elif kind == _START:
            _, name, size_at, size, count = struct.unpack_from("<IIHHH", raw, at + head)
            if count > _ATTRIBUTES_LIMIT:
                raise ValueError(f"an element of {count} attributes, expected at most {_ATTRIBUTES_LIMIT}")
            found = (_attribute(raw, at + head + size_at + i * size, strings) for i in range(count))
            reader.start(_of(strings, name), dict(found))
        elif kind == _TEXT:
            reader.text(_of(strings, struct.unpack_from("<I", raw, at + head)[0]))
        elif kind == _END:
            reader.end("")


def _chunks(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each chunk after the file's own head: its type, where it is, and the length of its head."""
    at = 8
    while at + 8 <= len(raw):
        kind, head, size = struct.unpack_from("<HHI", raw, at)
        if size < 8 or at + size > len(raw):
            raise ValueError(f"packed XML whose chunk at {at} is {size} bytes long, expected 8 to {len(raw) - at}")
        yield kind, at, head
        at += size


def _attribute(raw: bytes, at: int, strings: list[str]) -> tuple[str, str]:
    _, name, text, _, _, _, data = struct.unpack_from("<IIIHBBI", raw, at)
    return _of(strings, name), str(data) if text == _NONE else _of(strings, text)


def _of(strings: list[str], index: int) -> str:
    return "" if index == _NONE else strings[index]


def _strings(raw: bytes, at: int) -> list[str]:
    count, _, flags, first, _ = struct.unpack_from("<IIIII", raw, at + 8)
    if count > _ELEMENTS_LIMIT:
        raise ValueError(f"packed XML with {count} texts, expected at most {_ELEMENTS_LIMIT}")
    places = struct.unpack_from(f"<{count}I", raw, at + 28)
    found: list[str] = []
    length = 0
    for place in places:
        found.append((_utf8 if flags & _UTF8 else _utf16)(raw, at + first + place))
        length += len(found[-1])
        if length > SIZE_LIMIT:
            raise ValueError(f"texts of over {SIZE_LIMIT} characters")
    return found


def _utf8(raw: bytes, at: int) -> str:
    """Its length in characters, in bytes, and its bytes; a length of two bytes has the highest bit set."""
    at += 2 if raw[at] & 0x80 else 1
    length, at = (((raw[at] & 0x7F) << 8) | raw[at + 1], at + 2) if raw[at] & 0x80 else (raw[at], at + 1)
    return raw[at : at + length].decode(errors="replace")


def _utf16(raw: bytes, at: int) -> str:
    (length,) = struct.unpack_from("<H", raw, at)
    if length & 0x8000:
        length, at = ((length & 0x7FFF) << 16) | struct.unpack_from("<H", raw, at + 2)[0], at + 2
    return raw[at + 2 : at + 2 + 2 * length].decode("utf-16-le", errors="replace")
