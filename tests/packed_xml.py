"""Writes XML as `aapt` packs it: a string pool, then chunks of starts, texts and ends (ResourceTypes.h)."""

import struct
from collections.abc import Iterable

# A tag, its attributes, and what is inside: a text, or elements.
Node = tuple[str, dict[str, str], "str | list[Node]"]
_NONE = 0xFFFFFFFF


def packed(root: Node, *, utf8: bool = True) -> bytes:
    """The bytes of a packed file."""
    strings: list[str] = []
    body = b"".join(_chunks(root, strings))
    pool = _pool(strings, utf8=utf8)
    return struct.pack("<HHI", 3, 8, 8 + len(pool) + len(body)) + pool + body


def _index(text: str, strings: list[str]) -> int:
    if text not in strings:
        strings.append(text)
    return strings.index(text)


def _chunks(node: Node, strings: list[str]) -> Iterable[bytes]:
    tag, attributes, inside = node
    name = _index(tag, strings)
    found = b"".join(
        struct.pack("<IIIHBBI", _NONE, _index(k, strings), _index(v, strings), 8, 0, 3, _index(v, strings))
        for k, v in attributes.items()
    )
    yield _node(0x0102, struct.pack("<IIHHHHHH", _NONE, name, 20, 20, len(attributes), 0, 0, 0) + found)
    if isinstance(inside, str):
        yield _node(0x0104, struct.pack("<IHBBI", _index(inside, strings), 8, 0, 3, _index(inside, strings)))
    else:
        for one in inside:
            yield from _chunks(one, strings)
    yield _node(0x0103, struct.pack("<II", _NONE, name))


def _node(kind: int, rest: bytes) -> bytes:
    return struct.pack("<HHIII", kind, 16, 16 + len(rest), 1, _NONE) + rest


def _pool(strings: list[str], *, utf8: bool) -> bytes:
    coded = [_coded(text, utf8=utf8) for text in strings]
    places = [sum(map(len, coded[:n])) for n in range(len(coded))]
    data = b"".join(coded)
    data += bytes(-len(data) % 4)
    start = 28 + 4 * len(strings)
    head = struct.pack("<HHIIIIII", 1, 28, start + len(data), len(strings), 0, 0x100 if utf8 else 0, start, 0)
    return head + struct.pack(f"<{len(places)}I", *places) + data


def _coded(text: str, *, utf8: bool) -> bytes:
    if not utf8:
        return struct.pack("<H", len(text)) + text.encode("utf-16-le") + bytes(2)
    return b"".join(_length(n) for n in (len(text), len(text.encode()))) + text.encode() + bytes(1)


def _length(length: int) -> bytes:
    return bytes([length]) if length < 0x80 else bytes([0x80 | length >> 8, length & 0xFF])
