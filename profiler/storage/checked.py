"""JSON that came from a file: taken for what it should be, or refused in words that name the key."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from edgewatt.profiler.channel import Boundary, Channel, EnergySource, Kind
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.units import Quantity

TEXT_LIMIT = 4096  # names, causes, reasons: a longer one is no text that a person wrote
ATTRIBUTES_LIMIT = 1 << 20  # JSON of a window's attributes
DRIFT_LIMIT = 0.1  # a worse oscillator is no clock; keeps the mapped stamps inside int64


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value has to be: in words, and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_LIMIT


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


TEXT = Rule(f"a text of at most {TEXT_LIMIT} characters", _is_text)
WHOLE = Rule("a whole number of 64 bits", _is_whole)
NUMBER = Rule("a finite number", _is_number)
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
OBJECT = Rule("an object", lambda value: isinstance(value, dict))


def nullable(rule: Rule) -> Rule:
    """What `rule` says, or null."""
    return Rule(f"{rule.expected}, or null", lambda value: value is None or rule.holds(value))


def one_of(*values: str) -> Rule:
    """One of these texts."""
    return Rule(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def list_of(rule: Rule) -> Rule:
    """A list whose every element is what `rule` says."""
    return Rule(
        f"a list, each element {rule.expected}",
        lambda value: isinstance(value, list) and all(rule.holds(element) for element in value),
    )


def not_empty(rule: Rule) -> Rule:
    """What `rule` says, with at least one element."""
    return Rule(f"{rule.expected}, not empty", lambda value: rule.holds(value) and len(value) > 0)


def object_of(rule: Rule) -> Rule:
    """An object whose every value is what `rule` says."""
    return Rule(
        f"an object, each value {rule.expected}",
        lambda value: isinstance(value, dict) and all(rule.holds(element) for element in value.values()),
    )


def shown(value: Any) -> str:
    """`value` as it stands in an error: short whatever it is."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def checked(
    data: Any, where: str, required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None
) -> dict[str, Any]:
    """`data` as an object with these keys and no other. Raises ValueError naming the key, what it is and should be."""
    if not OBJECT.holds(data):
        raise ValueError(f"{where} is {shown(data)}, expected an object")
    rules = {**required, **(optional or {})}
    for key in required:
        if key not in data:
            raise ValueError(f"{where}: key {key!r} is missing, expected {required[key].expected}")
    for key, value in data.items():
        if key not in rules:
            raise ValueError(f"{where}: key {shown(key)} is unknown, expected only {', '.join(rules)}")
        if not rules[key].holds(value):
            raise ValueError(f"{where}: {key} is {shown(value)}, expected {rules[key].expected}")
    return dict(data)


_POSITIVE = Rule("a positive number", lambda value: _is_number(value) and value > 0)
_NOT_NEGATIVE = Rule("a number not below 0", lambda value: _is_number(value) and value >= 0)
_BOUNDARIES = one_of(*get_args(Boundary))
_CHANNEL = {
    "name": TEXT,
    "quantity": one_of(*(quantity.value for quantity in Quantity)),
    "kind": one_of(*get_args(Kind)),
    "source": TEXT,
    "scale": NUMBER,
    "counter_range": nullable(Rule("a positive whole number", lambda value: _is_whole(value) and value > 0)),
    "period_s": nullable(_POSITIVE),
    "window_s": nullable(_NOT_NEGATIVE),
    "resolution": nullable(_NOT_NEGATIVE),
    "accuracy": nullable(OBJECT),
    "boundary": nullable(_BOUNDARIES),
    "covers": list_of(TEXT),
}
_ACCURACY = {"gain_rel": _NOT_NEGATIVE, "offset": _NOT_NEGATIVE, "basis": TEXT}
_SOURCE = {
    "name": TEXT,
    "terms": not_empty(list_of(not_empty(list_of(TEXT)))),
    "boundary": _BOUNDARIES,
    "covers": list_of(TEXT),
}
_FIT = {
    "clock": TEXT,
    "origin_ns": WHOLE,
    "offset_ns": WHOLE,
    "drift": Rule(f"a number within ±{DRIFT_LIMIT}", lambda value: _is_number(value) and abs(value) <= DRIFT_LIMIT),
    "bound_ns": WHOLE,
}


def channel_from_file(data: Any, where: str) -> Channel:
    """The channel in `data`. Raises ValueError naming the key that is wrong."""
    fields = checked(data, where, _CHANNEL)
    if fields["accuracy"] is not None:
        checked(fields["accuracy"], f"{where}: accuracy", _ACCURACY)
    return Channel.from_json(fields)


def source_from_file(data: Any, where: str) -> EnergySource:
    """The energy source in `data`. Raises ValueError naming the key that is wrong."""
    return EnergySource.from_json(checked(data, where, _SOURCE))


def fit_from_file(data: Any, where: str) -> ClockFit:
    """The clock fit in `data`. Raises ValueError naming the key that is wrong."""
    return ClockFit.from_json(checked(data, where, _FIT))
