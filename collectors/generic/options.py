"""Options of meters' URIs that several families have."""

import math
from typing import Final, cast, get_args

from edgewatt.profiler.channel import LABEL_LIMIT, Boundary, channel_name
from edgewatt.profiler.device import DeviceUri
from edgewatt.profiler.errors import UsageError

SHORTEST_S: Final = 0.001
LONGEST_S: Final = 3600.0


def boundary_of(uri: DeviceUri, known: Boundary | None) -> Boundary:
    """Where on the power path the meter is: what boundary= says, else `known`. Raises UsageError where neither does."""
    given = uri.options.get("boundary", known)
    if given in get_args(Boundary):
        return cast("Boundary", given)
    seen = "is missing" if given is None else f"is {given!r}"
    places = ", ".join(get_args(Boundary))
    raise UsageError(f"device {uri.text!r}: boundary {seen}; say where the meter is wired in: one of {places}")


def name_of(uri: DeviceUri, usual: str) -> str:
    """What the meter's stream is called and its channels begin with. Raises UsageError."""
    name = uri.options.get("name", usual)
    if channel_name(name) != name or len(name) > LABEL_LIMIT // 2:
        raise UsageError(f"device {uri.text!r}: name is {name!r}, expected at most {LABEL_LIMIT // 2} of a-z 0-9 _ + -")
    return name.replace("+", "-")


def period_of(uri: DeviceUri, usual_s: float | None = None) -> float | None:
    """How often it is read, in seconds. Raises UsageError."""
    period_s = number_of(uri, "period", "seconds", SHORTEST_S, LONGEST_S)
    return usual_s if period_s is None else period_s


def number_of(uri: DeviceUri, key: str, unit: str, low: float, high: float) -> float | None:
    """The number that an option gives, None without it. Raises UsageError outside of `low` to `high`."""
    text = uri.options.get(key)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UsageError(f"device {uri.text!r}: {key} is {text!r}, expected {unit} from {low:g} to {high:g}")
    return value
