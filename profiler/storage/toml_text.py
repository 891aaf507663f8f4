"""Values as TOML has them: texts, numbers, flags and lists of them."""

import json
import math
from typing import Any


def toml_value(value: Any) -> str:
    """The value as it stands behind a `=`. Raises ValueError for None, or what TOML has no form for.

    JSON's escapes are among those of TOML's basic strings; what cannot be printed becomes a question mark.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps("".join(c if c.isprintable() else "?" for c in value), ensure_ascii=False)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} does not belong in a file that people review")
        return repr(value)
    raise ValueError(f"{type(value).__name__} has no form in TOML")


def toml_key(name: str) -> str:
    """A key, in quotes where it needs them."""
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else toml_value(name)
