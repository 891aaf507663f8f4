"""What a policy knows as arrays by name, so that a run can go on: numbers as they are, the rest as JSON in `words`."""

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

Arrays = Mapping[str, NDArray[Any]]
_WORDS: Final = "words"


class Resumable(Protocol):
    """A policy that goes on, draw by draw, where another of its kind was saved."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that it learnt, and the state of its random generator; none of it needs pickle."""
        ...

    def from_arrays(self, arrays: Arrays) -> None:
        """Become what was saved. Raises UsageError for what another kind of policy, or another fleet, saved."""
        ...


def with_words(arrays: Arrays, rng: np.random.Generator, **words: Any) -> dict[str, NDArray[Any]]:
    """The arrays, and with them words that JSON can hold and the state of a generator."""
    return {**arrays, _WORDS: np.array(json.dumps({**words, "rng": rng.bit_generator.state}))}


def words_from(arrays: Arrays, rng: np.random.Generator, name: str) -> dict[str, Any]:
    """The words that were saved for the policy of this name; the generator goes on where it was."""
    try:
        words: dict[str, Any] = json.loads(str(arrays[_WORDS]))
        if words["name"] == name:
            rng.bit_generator.state = words.pop("rng")
            return words
        seen = f"policy {words['name']!r}"
    except (KeyError, TypeError, ValueError) as error:
        seen = f"none that can be read ({error!r})"
    raise UsageError(f"to resume policy {name!r}: expected what it saved, saw {seen}; start the run anew")


def sub(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): of for name, of in arrays.items() if name.startswith(prefix)}


def prefixed(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays with a prefix before their names."""
    return {prefix + name: of for name, of in arrays.items()}
