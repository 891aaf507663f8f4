"""What a device profile may say: the shapes of its tables, and within which limits a number of each unit can lie.

The limits are there to name a value in the wrong unit; a value within them may still be wrong. All are
assumed, and wide.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal, get_args

from edgewatt.device_profiles.shapes import (
    ANY_TEXT,
    FLAG,
    OBJECT,
    OBJECTS,
    Shape,
    Table,
    choice,
    either,
    number,
    several,
    shape,
    text,
)
from edgewatt.profiler.channel import LABEL_LIMIT, Boundary
from edgewatt.profiler.storage.checked import shown

Kind = Literal["phone", "board", "gpu", "meter", "host"]

# What a device calls itself by.
MATCH_KEYS: Final = ("manufacturer", "brand", "model", "device", "soc", "serial")
BASES: Final = ("measured", "published", "assumed", "simulated")

_AT_MOST_TWO_STARS: Final = r"(?!.*\*.*\*.*\*)"
_PATTERN: Final = text(
    "a channel's name with at most one {n} for an index and two * for anything",
    rf"^{_AT_MOST_TWO_STARS}(?=.)[a-z0-9_+*-]*(\{{n\}})?[a-z0-9_+*-]*$",
    LABEL_LIMIT,
)
_NAME: Final = text(
    "a device's name in lower case, with at most two * for anything", rf"^{_AT_MOST_TWO_STARS}[^A-Z]+$", LABEL_LIMIT
)
_SOURCE: Final = text("a text that says where this is known from", r"\S")
_DATE: Final = text("a date such as 2026-11-26", r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")
_KEYS: Final = several(ANY_TEXT)
_BOUNDARY: Final = choice(*get_args(Boundary))

PROFILE: Final = Table(
    required={"name": ANY_TEXT, "kind": choice(*get_args(Kind)), "title": ANY_TEXT},
    optional={
        "base": ANY_TEXT,
        "date": _DATE,
        "sources": shape("an object, each value a text", type="object", additionalProperties=dict(_SOURCE.schema)),
        "match": OBJECT,
        "facts": OBJECTS,
        "rails": OBJECTS,
        "totals": OBJECTS,
    },
)
MATCH: Final = Table(
    required={"source": _SOURCE},
    optional=dict.fromkeys(MATCH_KEYS, several(_NAME)),
    whole=shape(
        f"a pattern for at least one of {', '.join(MATCH_KEYS)}",
        anyOf=[{"required": [key], "properties": {key: {"minItems": 1}}} for key in MATCH_KEYS],
    ),
)
RAIL: Final = Table(
    required={"label": _PATTERN, "covers": _KEYS, "boundary": _BOUNDARY, "alone": FLAG, "source": _SOURCE},
    optional={"inside": ANY_TEXT},
)
TOTAL: Final = Table(
    required={"name": _PATTERN, "add": several(ANY_TEXT, least=1), "source": _SOURCE},
    optional={
        "with": _KEYS,
        "at_least": shape("a whole number from 1 to 1000", type="integer", minimum=1, maximum=1000),
        "boundary": _BOUNDARY,
    },
)

# What is found in a fact's key, the limits of its number, and its unit; the narrower before the wider.
Limit = tuple[str, float, float, str]
_EVERYWHERE: Final[tuple[Limit, ...]] = (
    ("_s$", -1e6, 1e6, "s"),
    ("_j$", -1e9, 1e9, "J"),
    ("_clock_hz$", 1e7, 1e11, "Hz; no clock is outside: is it in kHz, MHz or GHz?"),
    ("_hz$", 0, 1e12, "Hz"),
    ("_c$", -100, 300, "degrees C: is it in millidegrees?"),
    ("_ohm$", 0, 1e9, "ohm"),
    ("_ratio$", -1000, 1000, "as a share of 1"),
    ("_b$", 0, 1e18, "bytes"),
    ("_n$", -1e18, 1e18, "as a count"),
)
# A phone charges with up to 240 W (USB PD 3.1) at up to 48 V, and no unit of one has drawn over 20 W for long.
_SMALL: Final[tuple[Limit, ...]] = (
    ("^(cpu|gpu|npu|dsp|tpu)_.*_w$", 0, 20, "W, which no unit of a phone exceeds: is it in mW?"),
    ("_w$", -300, 300, "W: is it in mW?"),
    ("_v$", -60, 60, "V: is it in mV?"),
    ("_a$", -60, 60, "A: is it in mA?"),
    ("^battery_nominal_coulomb$", 6000, 500_000, "C, which is 3.6 times its mAh: is it in mAh?"),
    ("_coulomb$", -1e6, 1e6, "C"),
)
_LARGE: Final[tuple[Limit, ...]] = (
    ("_w$", -20_000, 20_000, "W: is it in mW?"),
    ("_v$", -1000, 1000, "V: is it in mV?"),
    ("_a$", -1000, 1000, "A: is it in mA?"),
    ("_coulomb$", -1e9, 1e9, "C"),
)
LIMITS: Final[Mapping[str, tuple[Limit, ...]]] = {
    kind: (*_EVERYWHERE, *(_SMALL if kind == "phone" else _LARGE)) for kind in get_args(Kind)
}
UNITS: Final = ("s", "w", "j", "v", "a", "hz", "c", "ohm", "ratio", "b", "n", "coulomb")

_WORDS: Final = either("a text, true, false or a list of texts", ANY_TEXT, FLAG, several(ANY_TEXT))
NO_NUMBER: Final = Shape(
    f"{_WORDS.expected}; a number's key ends in its unit: _{', _'.join(UNITS)}", _WORDS.holds, _WORDS.schema
)


FACT: Final = Table(
    required={"value": shape("a text, a number, true, false or a list"), "source": _SOURCE},
    optional={"u": number("a number from 0 on", 0, 1e18), "basis": choice(*BASES), "date": _DATE},
)


@cache
def values(kind: str) -> Mapping[str, Shape]:
    """What the value of a fact is, by the pattern of its key: as every pattern says that is found, else NO_NUMBER."""
    return {pattern: _within(low, high, unit) for pattern, low, high, unit in LIMITS[kind]}


def check_fact(kind: str, key: str, data: Any) -> dict[str, Any]:
    """The table of a fact. Raises ValueError that names the key, the value and what was expected."""
    table = FACT.check(data, f"facts.{key}")
    found = [rule for pattern, rule in values(kind).items() if re.search(pattern, key)] or [NO_NUMBER]
    for rule in found:
        if not rule.holds(table["value"]):
            raise ValueError(f"facts.{key}: value is {shown(table['value'])}, expected {rule.expected}")
    return table


def _within(low: float, high: float, unit: str) -> Shape:
    one = number("", low, high)
    expected = f"a text, true, false, a list, or a number from {low:g} to {high:g} {unit}"
    return either(expected, one, ANY_TEXT, FLAG, several(either("", ANY_TEXT, one)))
