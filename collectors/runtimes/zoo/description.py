"""What a file says of itself: its description, replaced without touching anything else of it."""

import struct
from typing import Final

from edgewatt.collectors.runtimes.tflite_structure import Walk

_DESCRIPTION: Final = 3  # the field of Model in schema.fbs


def described(content: bytes, text: str) -> bytes:
    """A .tflite with `text` as its description: the string is put at the end, and the model's table refers to it there.

    Raises StructureError if the file does not hold together, KeyError if it has no description to replace.
    """
    walk = Walk(memoryview(content))
    root = walk.follow(0)
    field = walk.slots(root)[_DESCRIPTION]
    padded = content + b"\0" * (-len(content) % 4)
    encoded = text.encode()
    reference = struct.pack("<I", len(padded) - field)
    string = struct.pack("<I", len(encoded)) + encoded + b"\0"
    return padded[:field] + reference + padded[field + 4 :] + string + b"\0" * (-len(string) % 16)
