"""The JSON Schema of a device profile: `python -m edgewatt.device_profiles.schema > docs/device-profile.schema.json`.

It is put together from the shapes that the loader checks with. What a schema cannot say the loader checks beyond it:
that `base`, `inside`, `add` and `with` name something that is there, and that no joule is counted twice.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.device_profiles.profile_shape import FACT, LIMITS, MATCH, NO_NUMBER, PROFILE, RAIL, TOTAL, values

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema of a profile as TOML or JSON; draft 2020-12."""
    whole = PROFILE.schema()
    whole["properties"]["match"] = MATCH.schema()
    for tables, one in (("facts", FACT), ("rails", RAIL), ("totals", TOTAL)):
        whole["properties"][tables] = {"type": "object", "additionalProperties": one.schema()}
    limits = dict.fromkeys(LIMITS.values())
    return {
        "$schema": DIALECT,
        "title": "edgewatt device profile",
        "description": (
            "What is known of a device, each with its source. Numbers are in SI units; a key ends in its unit. "
            "The loader checks beyond this that profiles and rails that are named are there, and that no joule is "
            "counted twice."
        ),
        **whole,
        "allOf": [_facts_of([kind for kind, its in LIMITS.items() if its == one]) for one in limits],
    }


def _facts_of(kinds: list[str]) -> dict[str, Any]:
    """If it is of one of these kinds, which have the same limits, the values of its facts are within them."""
    facts = {
        "patternProperties": {pattern: _valued(value.schema) for pattern, value in values(kinds[0]).items()},
        "additionalProperties": _valued(NO_NUMBER.schema),
    }
    return {"if": {"properties": {"kind": {"enum": kinds}}}, "then": {"properties": {"facts": facts}}}


def _valued(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"properties": {"value": dict(value)}}


def text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")
