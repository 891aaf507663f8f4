"""A plan as its TOML file says it: read, and refused in one line where it is wrong.

models = ["mobilenet.tflite", "@tiny"]   # beside this file; the only key that is needed
targets = ["cpu", "gpu"]                 # and threads, batch, frequencies_hz: every combination is a configuration
repeats = 5                              # and seconds, iterations, idle, warmup, runtime, session, seed

[set]                                    # conditions, as --set
[thermal]                                # limit, cool_down: seconds
[room]                                   # celsius, tolerance, limit
[options]                                # runner, push, env, runner_args, input_shapes: as on the command line
[[for]]                                  # other options, repeats or conditions where model, target, ... match; skip
[assume]                                 # power_w, spread, session_spread: what --dry-run reckons with
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import FLAG, NUMBER, OBJECT, TEXT, WHOLE, Rule, list_of, object_of, shown

SIZE_LIMIT_B: Final = 1 << 20
LIST_LIMIT: Final = 1000
_DAY_S: Final = 86_400

_NAME: Final = Rule("a text, not empty", lambda v: TEXT.holds(v) and bool(v) and "\0" not in v)
_COUNT: Final = Rule("a whole number from 1 to 1,000,000,000", lambda v: WHOLE.holds(v) and 1 <= v <= 10**9)
_FEW: Final = Rule("a whole number from 1 to 10,000", lambda v: WHOLE.holds(v) and 1 <= v <= 10_000)
_SEED: Final = Rule("a whole number from 0 on", lambda v: WHOLE.holds(v) and v >= 0)
_SECONDS: Final = Rule("seconds from 0 to 86,400", lambda v: NUMBER.holds(v) and 0 <= v <= _DAY_S)
_LENGTH: Final = Rule("seconds above 0, at most 86,400", lambda v: NUMBER.holds(v) and 0 < v <= _DAY_S)
_HERTZ: Final = Rule(
    "a whole number of hertz from 1 MHz to 100 GHz, or 0 for a frequency that is left free",
    lambda v: NUMBER.holds(v) and (v == 0 or (10**6 <= v <= 10**11 and v == int(v))),
)
_CELSIUS: Final = Rule("degrees Celsius from -40 to 85", lambda v: NUMBER.holds(v) and -40 <= v <= 85)
_DEGREES: Final = Rule("degrees above 0", lambda v: NUMBER.holds(v) and 0 < v <= 100)
_WATTS: Final = Rule("watts above 0", lambda v: NUMBER.holds(v) and 0 < v <= 10_000)
_SHARE: Final = Rule("a share from 0 to 1, such as 0.03", lambda v: NUMBER.holds(v) and 0 <= v <= 1)
_WORDS: Final = Rule("a text, a number, true or false", lambda v: _NAME.holds(v) or NUMBER.holds(v) or FLAG.holds(v))

# What makes a configuration: every combination of these.
AXES: Final[Mapping[str, Rule]] = {
    "models": _NAME,
    "targets": _NAME,
    "threads": _COUNT,
    "batch": _COUNT,
    "frequencies_hz": _HERTZ,
}
DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "targets": ("cpu",),
    "threads": (1,),
    "batch": (1,),
    "frequencies_hz": (0,),
}
_OPTIONS: Final[Mapping[str, Rule]] = {
    "runner": _NAME,
    "push": list_of(_NAME),
    "env": object_of(_WORDS),
    "runner_args": list_of(_NAME),
    "input_shapes": object_of(list_of(_COUNT)),
}
_MATCHED: Final[Mapping[str, Rule]] = {
    "model": _NAME,
    "target": _NAME,
    "threads": _COUNT,
    "batch": _COUNT,
    "frequency_hz": _HERTZ,
}
_FOR: Final[Mapping[str, Rule]] = {
    **_MATCHED,
    **_OPTIONS,
    "repeats": _FEW,
    "set": object_of(_WORDS),
    "skip": FLAG,
}
_TABLES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "thermal": {"limit": _SECONDS, "cool_down": _SECONDS},
    "room": {"celsius": _CELSIUS, "tolerance": _DEGREES, "limit": _SECONDS},
    "options": _OPTIONS,
    "assume": {"power_w": _WATTS, "spread": _SHARE, "session_spread": _SHARE},
}
_PLAIN: Final[Mapping[str, Rule]] = {
    "repeats": _FEW,
    "seconds": _LENGTH,
    "iterations": _COUNT,
    "idle": _LENGTH,
    "warmup": _LENGTH,
    "seed": _SEED,
    "runtime": _NAME,
    "session": _NAME,
}
_OTHERS: Final = ("set", "for", *_TABLES)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What a `[[for]]` says: of which configurations, by axis, and what of them is otherwise."""

    where: Mapping[str, Any]
    options: Mapping[str, Any]
    conditions: Mapping[str, str]
    repeats: int | None = None
    skip: bool = False
    number: int = 1


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan: its axes, and everything else by the key that the file has for it. `raw` is the file as it is."""

    file: Path
    raw: bytes
    axes: Mapping[str, tuple[Any, ...]]
    plain: Mapping[str, Any]
    conditions: Mapping[str, str]
    options: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    otherwise: tuple[Otherwise, ...] = ()


def read_plan(file: Path) -> PlanFile:
    """The plan in a TOML file. Raises UsageError: file, key, what was seen, what was expected."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(SIZE_LIMIT_B + 1)
        return parse_plan(raw, file)
    except OSError as error:
        raise UsageError(f"plan {file}: cannot be read ({error.strerror or error})") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"plan {file}: no readable TOML: {error}; docs/plans.md shows one") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"plan {file}: {str(error) or type(error).__name__}") from None


def parse_plan(raw: bytes, file: Path) -> PlanFile:
    """The plan in these bytes. Raises ValueError."""
    if len(raw) > SIZE_LIMIT_B:
        raise ValueError(f"over {SIZE_LIMIT_B} bytes, expected a small TOML file")
    data = tomllib.loads(raw.decode())
    _check_keys(data, "", (*AXES, *_PLAIN, *_OTHERS))
    axes = {key: _axis(key, data[key]) if key in data else DEFAULTS[key] for key in _axes_of(data)}
    plain = {key: _checked(key, data[key], rule) for key, rule in _PLAIN.items() if key in data}
    if "seconds" in plain and "iterations" in plain:
        raise ValueError("seconds and iterations are both given; a repeat is as long as one of them says")
    tables = {name: _table(name, data.get(name, {}), rules) for name, rules in _TABLES.items()}
    if tables["room"] and "celsius" not in tables["room"]:
        raise ValueError("room: key 'celsius' is missing, expected how warm the room has to be")
    return PlanFile(
        file=file,
        raw=raw,
        axes=axes,
        plain=plain,
        conditions=_conditions("set", data.get("set", {})),
        options=_options(tables.pop("options")),
        tables=tables,
        otherwise=_otherwise(data.get("for", [])),
    )


def _axes_of(data: Mapping[str, Any]) -> list[str]:
    if "models" not in data:
        raise ValueError("key 'models' is missing, expected models = [\"FILE.tflite\"]")
    return list(AXES)


def _axis(key: str, value: Any) -> tuple[Any, ...]:
    """The values of an axis; one alone may stand without brackets."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"{key} is an empty list: there would be nothing to measure; leave it out for the default")
    if len(values) > LIST_LIMIT:
        raise ValueError(f"{key} has {len(values)} values, expected at most {LIST_LIMIT}")
    for one in values:
        _checked(key, one, AXES[key])
    if twice := next((one for k, one in enumerate(values) if one in values[:k]), None):
        raise ValueError(f"{key} has {shown(twice)} twice; two configurations that are the same cannot be told apart")
    return tuple(values)


def _otherwise(value: Any) -> tuple[Otherwise, ...]:
    if not list_of(OBJECT).holds(value):
        raise ValueError(f"for is {shown(value)}, expected tables [[for]]")
    found = []
    for number, table in enumerate(value, 1):
        where = f"for {number}"
        data = _table(where, table, _FOR)
        matched = {key: data[key] for key in _MATCHED if key in data}
        rest = [key for key in data if key not in _MATCHED]
        if not matched:
            raise ValueError(f"{where}: says of no configuration; expected one of {', '.join(_MATCHED)}")
        if not rest or ("skip" in rest and len(rest) > 1):
            raise ValueError(f"{where}: expected something that is otherwise there, or skip = true alone")
        options = _options({key: data[key] for key in _OPTIONS if key in data})
        conditions = _conditions(f"{where}: set", data.get("set", {}))
        skip = data.get("skip", False)
        found.append(Otherwise(matched, options, conditions, data.get("repeats"), skip, number))
    return tuple(found)


def _table(where: str, value: Any, rules: Mapping[str, Rule]) -> dict[str, Any]:
    if not OBJECT.holds(value):
        raise ValueError(f"{where} is {shown(value)}, expected a table [{where}]")
    _check_keys(value, f"{where}: ", tuple(rules))
    return {key: _checked(f"{where}: {key}", one, rules[key]) for key, one in value.items()}


def _conditions(where: str, value: Any) -> dict[str, str]:
    if not object_of(_WORDS).holds(value):
        raise ValueError(f'{where} is {shown(value)}, expected conditions such as screen = "off"')
    return {key: _word(one) for key, one in value.items()}


def _options(data: Mapping[str, Any]) -> dict[str, Any]:
    """Options in the form in which workloads take them."""
    found = dict(data)
    if "env" in found:
        found["env"] = {key: _word(one) for key, one in found["env"].items()}
    return found


def _word(value: Any) -> str:
    """A value of TOML as the command line would say it."""
    if FLAG.holds(value):
        return "on" if value else "off"
    return str(value)


def _checked(where: str, value: Any, rule: Rule) -> Any:
    if not rule.holds(value):
        raise ValueError(f"{where} is {shown(value)}, expected {rule.expected}")
    return value


def _check_keys(data: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{where}key {shown(key)} is unknown; {hint}")
