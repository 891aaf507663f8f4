"""Rails of hwmon chips on a board, from what a look at it said: what makes a rail is as on the host, see hwmon.py."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgewatt.collectors.android.files.look import Found, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.chips import Chip
from edgewatt.collectors.generic.hwmon import NOT_CONNECTED, PERIOD_S, Input, Rail, rails_of
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.collectors.jetson.rails import STREAM, rail_columns
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.channel import Channel, Unavailable, channel_name

_CHIP: Final = "{sysfs}/class/hwmon/hwmon*"
CANDIDATES: Final = tuple(
    f"{_CHIP}/{file}"
    for file in (
        *("name", "update_interval", "in*_label", "curr*_label", "power*_label", "power*_average_interval"),
        *("in*_input", "curr*_input", "power*_input", "power*_average"),
    )
)
# Bounds on what a board can make us record.
CHIPS: Final = 64
RAILS: Final = 128
_ALL_ZERO: Final = "every rail of this board reads 0, so none is measured: a board that draws nothing does not run"


@dataclass(frozen=True, slots=True)
class _Seen(Chip):
    """A chip as it was seen."""

    look: BoardLook

    def label(self, channel: str) -> str | None:
        return self.look.fact(f"{self.folder}/{channel}_label")

    def seconds(self, name: str) -> float | None:
        value_ms = whole(self.look.text(f"{self.folder}/{name}") or "")
        return value_ms / 1000 if value_ms is not None and 0 < value_ms < 10_000_000 else None


def find(look: BoardLook, devices: Mapping[str, str], collector: str) -> Found:
    """Every rail that answers, each an energy source of its own, and why others do not count.

    `devices` has the device behind each chip's folder, which tells equal labels apart.
    """
    profile = load("linux_hwmon")
    rails = _named(rail for chip in _chips(look, devices) for rail in rails_of(chip))
    if not rails:
        none = f"no chip under {folder(look.at(_CHIP))} has a power, or a voltage with its current"
        return Found(unavailable=(Unavailable("rails", none),))
    missing = {rail.label: reason for rail in rails if (reason := _why_not(look, rail)) is not None}
    good = [rail for rail in rails if rail.label not in missing]
    if good and all(any(_first(look, one) == 0 for one in rail.inputs) for rail in good):
        missing |= {rail.label: Unavailable(f"{rail.label}.power_w", _ALL_ZERO) for rail in good}
        good = []
    nodes = tuple(node for rail in good for node in _nodes(look, rail, profile))
    sources = energy_sources(profile, collector, rail_columns(nodes), unreadable=missing)
    return Found(nodes, tuple(missing.values()), sources)


def _chips(look: BoardLook, devices: Mapping[str, str]) -> list[Chip]:
    files: dict[str, set[str]] = {}
    for path in look.matching(f"{_CHIP}/*"):
        files.setdefault(folder(path), set()).add(name_of(path))
    chips = [
        _Seen(
            Path(place),
            look.fact(f"{place}/name") or name_of(place),
            devices.get(place, ""),
            frozenset(name for name in names if _is_there(look, f"{place}/{name}")),
            look,
        )
        for place, names in list(files.items())[:CHIPS]
    ]
    return sorted(chips, key=lambda chip: (chip.device, chip.name, chip.folder.name))


def _is_there(look: BoardLook, path: str) -> bool:
    return look.text(path) is not None or look.seen[path].reason != "not there"


def _named(rails: Iterator[Rail]) -> list[Rail]:
    found = [rail for rail in rails if channel_name(rail.label) != NOT_CONNECTED][:RAILS]
    names = unique_names((rail.label, rail.owner) for rail in found)
    return [replace(rail, label=name) for rail, name in zip(found, names, strict=True)]


def _first(look: BoardLook, one: Input) -> float | None:
    return one.to_si(whole(look.text(str(one.path)) or ""))


def _why_not(look: BoardLook, rail: Rail) -> Unavailable | None:
    """Why a rail cannot be read; None for one that can, or that may answer later (gated)."""
    paths = [str(one.path) for one in rail.inputs]
    for one, path in zip(rail.inputs, paths, strict=True):
        what = f"{rail.label}.{one.kind.quantity.value}"
        if look.text(path) is None and not look.answers_later(path):
            return Unavailable(what, f"{path}: {look.why(path)}", look.fix(*paths))
        if look.text(path) is not None and _first(look, one) is None:
            expected = f"expected a whole number of {one.kind.unit} that such a sensor can have"
            return Unavailable(what, f"{path} {look.why(path)}; {expected}")
    return None


def _nodes(look: BoardLook, rail: Rail, profile: DeviceProfile) -> Iterator[Node]:
    found = match(profile, rail.label)
    period_s = look.period_s or max(rail.period_s or PERIOD_S, look.rails_s)
    for one in rail.inputs:
        channel = Channel(
            rail.label,
            one.kind.quantity,
            source=str(one.path),
            period_s=rail.period_s,
            window_s=rail.window_s,
            resolution=one.kind.scale if len(rail.inputs) > 1 else None,
            boundary=found.rail.boundary if found else "rail",
            covers=found.covers if found else (),
        )
        yield Node(str(one.path), (channel,), _parser(one), period_s, STREAM)


def _parser(one: Input) -> Callable[[str], Values]:
    def parse(text: str) -> Sequence[float | None]:
        return (one.to_si(whole(text)),)

    return parse
