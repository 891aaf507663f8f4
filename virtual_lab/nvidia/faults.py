"""What goes wrong with a lab's GPUs, as words NAME=VALUE; times are seconds from the lab's origin on."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.lab import Driver

State = tuple[list[Gpu], Driver]

EXPECTED: Final = {
    "counter": "counter=integral|samples|none: what the energy counter adds up",
    "error": "error=SYMBOL,CODE[,FROM_S[,SHARE]]: a call (* all, field:186 a field) returns CODE",
    "init": "init=CODE: the library cannot begin (9 no driver, 18 a driver that was replaced)",
    "latency": "latency=SYMBOL,SECONDS: a call (* all) takes so long",
    "lost": "lost=GPU,FROM_S: it fell off the bus",
    "mig": "mig=GPU,INSTANCES: it is cut into instances",
    "missing": "missing=SYMBOL: an old driver that does not export it",
}


def with_faults(gpus: Sequence[Gpu], words: Iterable[str], origin_ns: int) -> tuple[tuple[Gpu, ...], Driver]:
    """The GPUs of a lab and its driver with these faults. Raises UsageError."""
    state: State = (list(gpus), Driver())
    for word in words:
        name, _, text = word.partition("=")
        if name not in EXPECTED:
            raise UsageError(f"GPUs have no fault {name!r}; there are {', '.join(EXPECTED)}")
        try:
            state = _FAULTS[name](state, text.split(","), origin_ns)
        except (ValueError, TypeError, IndexError):
            raise UsageError(f"{word!r}: expected {EXPECTED[name]}") from None
    return tuple(state[0]), state[1]


def _counter(state: State, words: list[str], _origin_ns: int) -> State:
    (kind,) = words
    if kind not in ("integral", "samples", "none"):
        raise ValueError(kind)
    if kind == "none":
        return [replace(one, family=replace(one.family, has_counter=False)) for one in state[0]], state[1]
    changed: dict[str, Any] = {"counter": kind}
    return [replace(one, **changed) for one in state[0]], state[1]


def _error(state: State, words: list[str], origin_ns: int) -> State:
    symbol, code, *rest = words
    from_s, share = (*map(_number, rest), *(0.0, 1.0)[len(rest) :])
    error = (_whole(code), origin_ns + round(from_s * 1e9), share)
    return [replace(one, errors={**one.errors, _symbol(symbol): error}) for one in state[0]], state[1]


def _init(state: State, words: list[str], _origin_ns: int) -> State:
    (code,) = words
    return state[0], replace(state[1], errors={**state[1].errors, "nvmlInitWithFlags": _whole(code)})


def _latency(state: State, words: list[str], _origin_ns: int) -> State:
    symbol, seconds = words
    return state[0], replace(state[1], latency_s={**state[1].latency_s, _symbol(symbol): _number(seconds)})


def _lost(state: State, words: list[str], origin_ns: int) -> State:
    index, from_s = words
    return _one(state, index, {"lost_ns": origin_ns + round(_number(from_s) * 1e9)})


def _mig(state: State, words: list[str], _origin_ns: int) -> State:
    index, instances = words
    most = 7  # of an A100 or H100
    if not 0 < _whole(instances) <= most:
        raise ValueError(instances)
    return _one(state, index, {"mig": _whole(instances)})


def _missing(state: State, words: list[str], _origin_ns: int) -> State:
    (symbol,) = words
    return state[0], replace(state[1], missing=(*state[1].missing, _symbol(symbol)))


_FAULTS: Final[dict[str, Callable[[State, list[str], int], State]]] = {
    "counter": _counter,
    "error": _error,
    "init": _init,
    "latency": _latency,
    "lost": _lost,
    "mig": _mig,
    "missing": _missing,
}


def _one(state: State, index: str, changed: dict[str, Any]) -> State:
    gpus = list(state[0])
    gpus[_whole(index)] = replace(gpus[_whole(index)], **changed)
    return gpus, state[1]


def _symbol(text: str) -> str:
    if not text or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(text)
    return text


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value
