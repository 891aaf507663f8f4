"""The rows of one device in a calibration, read once: a headline's range takes hundreds of worlds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from edgewatt.profiler.calibration.calibration import Calibration

T = TypeVar("T")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The tables of `calibration` that are of `device_id`, or of every device."""

    calibration: Calibration
    device_id: str
    _kept: dict[Any, Any] = field(default_factory=dict)

    def of(self, table: str) -> list[Row]:
        """The rows of a table that are of this device or of every one."""
        return self.once(table, lambda: [r for r in self.calibration.rows(table) if r["device_id"] in self._devices()])

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` returned the first time that `key` was asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def _devices(self) -> tuple[str, None]:
        return self.device_id, None
