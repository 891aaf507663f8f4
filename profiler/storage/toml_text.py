"""Values as TOML 1.0 writes them; Python reads TOML and does not write it."""

import json
import math
import re
from typing import Any, Final

from edgewatt.profiler.errors import EdgewattError

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def value_text(value: Any, *, plain: bool = False) -> str:
    """A text, a finite number, a flag or a list of them. Raises EdgewattError for anything else.

    `plain`, for a file that people read: what cannot be printed becomes a question mark instead of an escape.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted("".join(c if c.isprintable() else "?" for c in value) if plain else value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(value_text(one, plain=plain) for one in value)}]"
    raise EdgewattError(f"{value!r} has no form in TOML")


def key_text(key: str) -> str:
    """A key, quoted where it has to be."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """JSON's escapes are among those of TOML's basic strings, but it leaves DEL as it is; half a character has none."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
