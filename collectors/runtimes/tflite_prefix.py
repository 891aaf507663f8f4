"""Prefixes of a .tflite network: networks that end after one of its operators, as files beside each other.

Each has the inputs of the whole and gives the same intermediate values, so that the energy between two neighbours is
that of the operators between them. Single operators are another kind of part: their inputs are then filled at random,
as those of the whole are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewatt.collectors.runtimes.model_file import look_at_model_file, shown
from edgewatt.collectors.runtimes.tflite_cut import CuttableModel, read_cuttable
from edgewatt.profiler.errors import UsageError

_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Part:
    """A file with the operators from `first` to `last` of a network, both included."""

    path: Path
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of a network of so many `operators`; `refused`: after which of them it could not be cut, and why."""

    operators: int
    parts: tuple[Part, ...]
    refused: tuple[tuple[int, str], ...] = ()


def written_parts(model: Path, folder: Path, most: int, singles: Sequence[int] = ()) -> Parts:
    """At most so many prefixes of a network, the whole not among them, and the operators `singles`, in `folder`.

    Raises UsageError for a file that is no network of one graph, whose operators are not known to run once each, or
    that cannot be cut anywhere; OSError where a part cannot be written.
    """
    look_at_model_file(model)
    cuttable = read_cuttable(model)
    count = len(cuttable.operators)
    why = {last: cuttable.refusal(last) for last in range(count - 1)}
    ends = spread([last for last, refusal in why.items() if not refusal], most)
    if not ends:
        raise UsageError(
            f"{shown(model)} can be cut nowhere ({next(iter(why.values()))}): profile it without --operator-energy"
        )
    if wrong := [single for single in singles if not 0 <= single < count or why.get(single)]:
        raise UsageError(f"{shown(model)} has no operator {wrong[0]} that can be cut out; it has 0 to {count - 1}")
    stretches = [(0, last) for last in ends] + [(one, one) for one in singles if (one, one) != (0, 0)]
    parts = tuple(_written(cuttable, folder, model.stem[:_NAME_LIMIT], *stretch) for stretch in stretches)
    return Parts(count, parts, tuple((last, refusal) for last, refusal in why.items() if refusal))


def spread(places: Sequence[int], most: int) -> list[int]:
    """At most so many of the places, evenly spread over them."""
    if len(places) <= most:
        return list(places)
    return [places[round((k + 0.5) * len(places) / most - 0.5)] for k in range(most)]


def _written(model: CuttableModel, folder: Path, stem: str, first: int, last: int) -> Part:
    kind = f"to-{last:04d}" if first == 0 else f"only-{first:04d}"
    path = folder / f"{stem}.{kind}.tflite"
    path.write_bytes(model.stretch(first, last))
    return Part(path, first, last)
