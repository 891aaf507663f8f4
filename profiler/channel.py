"""What an instrument measures: channels, the joules that can be formed from them, and what it cannot measure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self

from edgewatt.profiler.units import Quantity

Kind = Literal["gauge", "counter"]
Boundary = Literal["battery_bypass", "battery_series", "usb_inline", "gauge", "rail", "board", "wall"]
# Which of several says the most of a device: a meter beside it before its board, its own gauge, and one of its rails.
WIDEST_FIRST: Final[tuple[Boundary, ...]] = (
    *("battery_bypass", "battery_series", "usb_inline", "wall"),
    *("board", "gauge", "rail"),
)

LABEL_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Standard uncertainties of a sensor: `gain_rel` relative to the value, `offset` in the channel's unit.

    `basis` says who stated them (a datasheet and page, a calibration file). An instrument without one has no Accuracy.
    """

    gain_rel: float
    offset: float
    basis: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity from one source.

    `period_s` is how often the sensor gives a new value and `window_s` over which time it averages (0: a point);
    None where nobody knows. A counter is stored raw in int64: its SI value is `raw * scale`, and it starts again
    at 0 after `counter_range - 1` (None: it does not wrap). `covers` are the power domains inside the number.
    """

    name: str
    quantity: Quantity
    kind: Kind = "gauge"
    source: str = ""
    scale: float = 1.0
    counter_range: int | None = None
    period_s: float | None = None
    window_s: float | None = None
    resolution: float | None = None
    accuracy: Accuracy | None = None
    boundary: Boundary | None = None
    covers: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The column that stores it, such as `vdd_in.power_w`."""
        return f"{self.name}.{self.quantity.value}"

    def to_json(self) -> dict[str, Any]:
        """The channel as plain JSON, for `run.json` and the metadata of its column."""
        return {**asdict(self), "quantity": self.quantity.value, "covers": list(self.covers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The channel that `to_json` wrote. Raises KeyError, TypeError or ValueError if it is none."""
        accuracy = data.get("accuracy")
        return cls(
            **{
                **data,
                "quantity": Quantity(data["quantity"]),
                "accuracy": None if accuracy is None else Accuracy(**accuracy),
                "covers": tuple(data.get("covers", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class EnergySource:
    """Columns that together give the joules of one boundary.

    `terms` is a sum of products of columns: `(("main.voltage_v", "main.current_a"),)` is V x I, and
    `(("package-0.energy_j",), ("dram-0.energy_j",))` adds two rails. A total exists only where a profile's rule
    forms it. `name` is `<collector>/<what>`, as the tables show it.
    """

    name: str
    terms: tuple[tuple[str, ...], ...]
    boundary: Boundary
    covers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The source as plain JSON, for `run.json`."""
        return {
            "name": self.name,
            "terms": [list(t) for t in self.terms],
            "boundary": self.boundary,
            "covers": list(self.covers),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The source that `to_json` wrote. Raises KeyError or TypeError if it is none."""
        return cls(data["name"], tuple(tuple(t) for t in data["terms"]), data["boundary"], tuple(data["covers"]))


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A quantity that is not measured, why, and what the user can do about it ("" where nothing helps)."""

    what: str
    reason: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an instrument answered when it was opened.

    `name` is the collector's; its streams are called `name`, or `name-<suffix>` for those in `channels` that have a
    suffix because they come at another rate. `clock` stamps its samples; `facts` (serial, firmware) are kept in the
    run. `can_wait` is true only of a source that loses nothing while it is not read, such as a file.
    """

    name: str
    channels: Mapping[str, tuple[Channel, ...]]
    unavailable: tuple[Unavailable, ...] = ()
    sources: tuple[EnergySource, ...] = ()
    clock: str = "host.monotonic"
    can_wait: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def channel_name(label: str) -> str:
    """A sensor's own label in lower case, fit for a column: bounded, and free of anything but `a-z 0-9 _ + -`.

    >>> channel_name("VDD CPU/GPU")
    'vdd_cpu_gpu'
    """
    name = re.sub(r"[^a-z0-9_+-]+", "_", label[: 4 * LABEL_LIMIT].lower()).strip("_")
    return name[:LABEL_LIMIT] or "unnamed"
