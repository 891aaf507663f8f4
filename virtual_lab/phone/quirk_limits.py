"""What a quirk's value may be, beyond its type: no phone has a negative period, and no path leads out of its tree."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

_TEXT_LIMIT: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
# From and to, of the quirks whose names end so; the first that fits.
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "gauge_sign": (-1, 1),
    "bytes_per_s": (0, 1e12),
    "gauge_window_s": (0, 3600),
    "_period_s": (0.001, 3600),
    "clock_offset_s": (1, 1e8),
    "odpm_second_base_s": (-1e6, 1e6),
    "rssi_dbm": (-100, -20),
    "_db": (0, 60),
    "rssi_swing_s": (0.1, 1e6),
    "link_mbit_per_s": (0.1, 1e5),
    "rtt_s": (0, 10),
    "_s": (0, 1e6),
    "_w": (0, 100),
    "_rel": (0, 1),
    "torn": (0, 1),
    "drop_out": (0, 1),
    "_ppm": (-1e4, 1e4),
    "_c": (-50, 500),
    "sdk": (1, 1000),
    "disk_b": (0, 1e15),
}


def expected_of(name: str, value: object) -> str | None:
    """What was expected instead of this value of a quirk; None if it is a fit one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        low, high = next((of for end, of in _RANGES.items() if name.endswith(end)), (-1e15, 1e15))
        return None if low <= value <= high else f"{low:,.16g} to {high:,.16g}"
    if isinstance(value, tuple):
        fits = all(_is_below_the_tree(path) for path in value)
        return None if fits else "paths below the phone's root, such as sys/class/kgsl/*"
    if name == "gauge_node":
        return None if _NAME.fullmatch(str(value)) else "a folder's name"
    text = str(value)
    fits = text.isprintable() and ";" not in text and len(text) <= _TEXT_LIMIT
    return None if fits else f"at most {_TEXT_LIMIT} printable characters without a semicolon"


def _is_below_the_tree(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and path.isprintable() and not path.startswith("/") and ".." not in parts
