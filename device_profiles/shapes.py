"""Shapes of values in a file: words for whoever wrote it wrong, and a JSON Schema that is also what is checked.

A shape is checked by its own schema (draft 2020-12, the keywords of _WORDS), so what is published cannot say anything
else than what is refused.
"""

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.profiler.storage.checked import TEXT_LIMIT, Rule, checked, shown

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape(Rule):
    """A rule whose test is that of its schema."""

    schema: Schema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """An object with these keys and no other, and what else it has to be as a whole."""

    required: Mapping[str, Shape]
    optional: Mapping[str, Shape] = field(default_factory=dict)
    whole: Shape | None = None

    def check(self, data: Any, where: str) -> dict[str, Any]:
        """`data` as it is. Raises ValueError: where, which key, what it is, what was expected, what was meant."""
        rules = {**self.required, **self.optional}
        try:
            found = checked(data, where, self.required, self.optional)
        except ValueError as error:
            raise ValueError(f"{error}{_meant(data, rules)}") from None
        if self.whole is not None and not self.whole.holds(found):
            raise ValueError(f"{where} is {shown(found)}, expected {self.whole.expected}")
        return found

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of it."""
        properties = {key: dict(shape.schema) for key, shape in {**self.required, **self.optional}.items()}
        whole = {} if self.whole is None else self.whole.schema
        return {
            "type": "object",
            "required": list(self.required),
            "properties": properties,
            "additionalProperties": False,
            **whole,
        }


def shape(expected: str, **schema: Any) -> Shape:
    """The shape of a JSON Schema, in words."""
    return Shape(expected, lambda value: fits(schema, value), schema)


def text(expected: str, pattern: str | None = None, limit: int = TEXT_LIMIT) -> Shape:
    """A text of at most `limit` characters in which `pattern` is found."""
    more = {} if pattern is None else {"pattern": pattern}
    return shape(expected, type="string", maxLength=limit, **more)


def number(expected: str, low: float, high: float) -> Shape:
    """A finite number within these limits."""
    return shape(expected, type="number", minimum=low, maximum=high)


def choice(*values: str) -> Shape:
    """One of these texts."""
    return shape(f"one of {', '.join(values)}", enum=list(values))


def several(element: Shape, least: int = 0) -> Shape:
    """A list of at least so many."""
    least_of = {"minItems": least} if least else {}
    return shape(f"a list, each element {element.expected}", type="array", items=dict(element.schema), **least_of)


def either(expected: str, *shapes: Shape) -> Shape:
    """What one of these shapes is."""
    return shape(expected, anyOf=[dict(one.schema) for one in shapes])


ANY_TEXT: Final = text(f"a text of at most {TEXT_LIMIT} characters")
FLAG: Final = shape("true or false", type="boolean")
OBJECT: Final = shape("an object", type="object")
OBJECTS: Final = shape("an object, each value an object", type="object", additionalProperties={"type": "object"})


def fits(schema: Schema, value: Any) -> bool:
    """True if `value` is as this schema says. Only the keywords of _WORDS may be in it."""
    return all(_WORDS[word](argument, value) for word, argument in schema.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
# As in the standard, a keyword about another type than the value's says nothing.
_WORDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "type": lambda name, value: _TYPES[name](value),
    "enum": lambda values, value: isinstance(value, str) and value in values,
    "pattern": lambda pattern, value: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minLength": lambda least, value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most, value: not isinstance(value, str) or len(value) <= most,
    "minimum": lambda low, value: not _is_number(value) or value >= low,
    "maximum": lambda high, value: not _is_number(value) or value <= high,
    "items": lambda schema, value: not isinstance(value, list) or all(fits(schema, one) for one in value),
    "minItems": lambda least, value: not isinstance(value, list) or len(value) >= least,
    "anyOf": lambda schemas, value: any(fits(schema, value) for schema in schemas),
    "required": lambda keys, value: not isinstance(value, dict) or all(key in value for key in keys),
    "properties": lambda found, value: (
        not isinstance(value, dict) or all(fits(found[key], value[key]) for key in found if key in value)
    ),
    "additionalProperties": lambda schema, value: (
        not isinstance(value, dict) or all(fits(schema, one) for one in value.values())
    ),
}


def nearest(word: str, words: Collection[str]) -> str | None:
    """The one of `words` that somebody who wrote `word` will have meant; None if it is like none of them."""
    return next(iter(difflib.get_close_matches(word[:TEXT_LIMIT].lower(), words, n=1, cutoff=0.6)), None)


def _meant(data: Any, rules: Mapping[str, Shape]) -> str:
    """What was meant by the first key that is unknown, or by the first value that is none of its choices."""
    for key, value in data.items() if isinstance(data, dict) else ():
        wanted = rules if key not in rules else rules[key].schema.get("enum", ())
        word = key if key not in rules else value
        if isinstance(word, str) and word not in wanted and (near := nearest(word[:64], list(wanted))):
            return f"; for {shown(word)}, did you mean {near!r}?"
    return ""
