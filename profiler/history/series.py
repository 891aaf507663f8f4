"""The series of a history: one quantity of one configuration on one device, a value for each sitting."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.history.stored import History

KEYS: Final = ("device_id", "config_id", "quantity", "energy_source", "energy_boundary")
_READABLE: Final = ("device", "model", "target_asked", "precision", "threads", "batch", "frequency_hz")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """`logs` are the means of the logarithms of each sitting, in order of time, shape [n]; `labels` name them.

    `config` is what a person knows the configuration by. Several runs of one sitting are one value.
    """

    key: dict[str, Any]
    config: dict[str, Any]
    sessions: tuple[str, ...]
    created: tuple[str, ...]
    labels: tuple[str | None, ...]
    logs: NDArray[np.float64]
    is_canary: bool
    simulated: bool

    @property
    def values(self) -> NDArray[np.float64]:
        """In SI."""
        return np.exp(self.logs)


def series_of(history: History) -> list[Series]:
    """Every series, in the order in which they began; canaries are series of their own."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in history.rows.to_pylist():
        groups.setdefault((*(row[key] for key in KEYS), bool(row["is_canary"])), []).append(row)
    return [_series(rows) for rows in groups.values()]


def _series(rows: list[dict[str, Any]]) -> Series:
    sittings = dict(_sittings(rows))
    first = [of_one[0] for of_one in sittings.values()]
    return Series(
        key={key: rows[-1][key] for key in KEYS},
        config={name: rows[-1][name] for name in _READABLE if rows[-1][name] is not None},
        sessions=tuple(sittings),
        created=tuple(row["created"] for row in first),
        labels=tuple(of_one[-1]["label"] for of_one in sittings.values()),
        logs=np.array([_mean(of_one) for of_one in sittings.values()]),
        is_canary=bool(rows[-1]["is_canary"]),
        simulated=any(row["simulated"] for row in rows),
    )


def _sittings(rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each sitting, by its name; a run that names none is one by itself."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["session"] or f"{row['created']} {row['run']}", []).append(row)
    yield from found.items()


def _mean(rows: list[dict[str, Any]]) -> float:
    """The mean of logarithms over the repeats of all runs."""
    weights = [max(row["repeats_n"] or 1, 1) for row in rows]
    return math.fsum(w * math.log(row["value"]) for w, row in zip(weights, rows, strict=True)) / sum(weights)
