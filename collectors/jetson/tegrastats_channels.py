"""What the columns of tegrastats are, and which joules can be formed of them."""

from collections.abc import Iterable, Sequence
from typing import Final

from edgewatt.collectors.jetson import rails
from edgewatt.collectors.jetson.tegrastats_line import Line
from edgewatt.device_profiles.boards import GENERIC, board_profiles
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import match
from edgewatt.profiler.channel import Channel, EnergySource, Unavailable
from edgewatt.profiler.units import Quantity

SOURCE: Final = "tegrastats"
COLUMNS_LIMIT: Final = 512
# It prints whole milliwatts, MHz and per cent; temperatures to a thousandth; memory in MB.
_STEPS: Final = {
    Quantity.POWER: 0.001,
    Quantity.FREQUENCY: 1e6,
    Quantity.LOAD: 0.01,
    Quantity.MEMORY: float(1 << 20),
}


def columns_of(lines: Iterable[Line], without: Iterable[str] = ()) -> tuple[str, ...]:
    """The columns of these lines in the order in which they came, less those in `without`; bounded."""
    found = dict.fromkeys(column for line in lines for column in line.values)
    left_out = set(without)
    return tuple(column for column in found if column not in left_out)[:COLUMNS_LIMIT]


def channels_of(columns: Sequence[str], profile: DeviceProfile, period_s: float | None) -> tuple[Channel, ...]:
    """A channel per column."""
    return tuple(_channel(column, profile, period_s) for column in columns)


def joules_of(
    columns: Sequence[str], profile: DeviceProfile, collector: str
) -> tuple[tuple[EnergySource, ...], tuple[Unavailable, ...]]:
    """The energy sources in these columns, and why there is no total, or no power at all."""
    terms = {name: (column,) for column in columns if (name := _rail_name(column))}
    if not terms:
        return (), (rails.nothing("this board's tegrastats shows no power rail"),)
    return rails.sources_of(profile, terms, (), collector)


def profile_by_rails(columns: Sequence[str]) -> DeviceProfile:
    """The profile of a board with these rails, where all that know them form the same joules; else GENERIC.

    A log does not name its board. Its rails decide: Xavier NX and Orin NX share theirs, and their rule.
    """
    names = [name for column in columns if (name := _rail_name(column))]
    fitting = [profile for profile in board_profiles() if names and all(match(profile, name) for name in names)]
    formed = {tuple(source.terms for source in joules_of(columns, profile, SOURCE)[0]) for profile in fitting}
    return fitting[0] if len(formed) == 1 else load(GENERIC)


def _rail_name(column: str) -> str | None:
    name, _, quantity = column.rpartition(".")
    return name if quantity == Quantity.POWER.value else None


def _channel(column: str, profile: DeviceProfile, period_s: float | None) -> Channel:
    name, _, ending = column.rpartition(".")
    quantity = Quantity(ending)
    found = match(profile, name) if quantity is Quantity.POWER else None
    return Channel(
        name,
        quantity,
        source=SOURCE,
        period_s=period_s,
        resolution=_STEPS.get(quantity),
        boundary=(found.rail.boundary if found else "rail") if quantity is Quantity.POWER else None,
        covers=found.covers if found else (),
    )
