"""What tools printed, as it is packed: texts are redacted; what is no text is kept only if it gives nothing away."""

import json
from pathlib import Path
from typing import Final

from edgewatt.profiler.storage.manifest import loads_plainly
from edgewatt.profiler.storage.packing.redactor import Redactor

SIZE_LIMIT_B: Final = 256 << 20
# Their content cannot be looked into here: gzip, zip, 7z, xz, zstd, bzip2, LZ4, SQLite.
_CLOSED: Final = (
    b"\x1f\x8b",
    b"PK",
    b"7z\xbc\xaf",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\x04\x22\x4d\x18",
    b"SQLite",
)
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x08\x1b"))
# Of a text, hardly a character is a control character.
_TEXT_SHARE: Final = 0.01


def learn_raw(path: Path, redactor: Redactor) -> None:
    """Know what a text gives away."""
    text = _read(path)
    redactor.learn(text)
    if text[:1] in "{[":
        try:
            redactor.learn_from(loads_plainly(text))
        except ValueError:
            return


def redacted_raw(path: Path, output: Path, redactor: Redactor, where: str) -> str:
    """Write the file without what gives somebody away; why it is left out instead, or "" if it was written."""
    if path.stat().st_size > SIZE_LIMIT_B:
        return f"larger than {SIZE_LIMIT_B >> 20} MiB"
    content = path.read_bytes()
    if content.startswith(_CLOSED):
        return "compressed or a database, so that nobody can see here what is in it"
    text = _decoded(content)
    if not _is_text(content):
        if redactor.text(text, where) != text or redactor.leaks(text):
            return "no text, and it holds what gives somebody away"
        output.write_bytes(content)
        return ""
    clean = _redacted(text, redactor, where)
    if redactor.leaks(clean):
        return "what gives somebody away could not be replaced in it"
    output.write_bytes(clean.encode(errors="surrogateescape"))
    return ""


def _redacted(text: str, redactor: Redactor, where: str) -> str:
    """As JSON where it is that, since its keys say what a value is; in any case as text."""
    if text[:1] in "{[":
        try:
            known = loads_plainly(text)
        except ValueError:
            return redactor.text(text, where)
        return redactor.text(json.dumps(redactor.in_json(known, where=where), indent=1), where)
    return redactor.text(text, where)


def _read(path: Path) -> str:
    if path.stat().st_size > SIZE_LIMIT_B:
        return ""
    content = path.read_bytes()
    return "" if content.startswith(_CLOSED) else _decoded(content)


def _decoded(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def _is_text(content: bytes) -> bool:
    return len(content) - len(content.translate(None, _CONTROL)) <= _TEXT_SHARE * len(content)
