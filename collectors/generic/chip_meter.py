"""A chip of this machine as a meter: which one a URI names, and its options. Shared by hwmon and iio.

`<bus>:CHIP?boundary=WHERE[&name=NAME&period=S&root=DIR]`: CHIP is its driver's name (ina226, powerz), or the device
that it is (1-0040) where there are several of a kind; NAME is what its stream is called and its channels begin with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewatt.collectors.generic.chips import Chip
from edgewatt.collectors.generic.options import name_of, period_of
from edgewatt.profiler.channel import channel_name
from edgewatt.profiler.device import DeviceUri, only_options
from edgewatt.profiler.errors import DeviceError, UsageError


@dataclass(frozen=True, slots=True)
class ChipMeter:
    """A chip below `root`, what its stream is called, and how often it is read (None: as often as it is new)."""

    chip: Chip
    root: Path
    name: str
    period_s: float | None


def chip_root(uri: DeviceUri, root: Path) -> Path:
    """Where the chips are. Raises UsageError for options that no chip has, or a root that is no folder."""
    only_options(uri, "boundary", "name", "period", "root")
    folder = Path(uri.options.get("root", root))
    if "root" in uri.options and not folder.is_dir():
        raise UsageError(f"device {uri.text!r}: root={folder} is not a folder")
    return folder


def chosen(uri: DeviceUri, root: Path, chips: Sequence[Chip]) -> ChipMeter:
    """The chip among `chips` that `uri` names. Raises UsageError where that is not one, DeviceError without any."""
    fitting = [chip for chip in chips if uri.rest in (chip.name, chip.device, chip.folder.name)]
    if not uri.rest or len(fitting) > 1:
        known = ", ".join(f"{uri.scheme}:{chip.key} ({chip.name})" for chip in fitting or chips) or "none"
        raise UsageError(f"device {uri.text!r}: say which chip; there are {known}")
    if not fitting:
        known = ", ".join(sorted({chip.name for chip in chips})) or "none"
        raise DeviceError(f"device {uri.text!r}: no chip is called {uri.rest!r} under {root}; there are {known}")
    return ChipMeter(fitting[0], root, name_of(uri, channel_name(uri.rest)), period_of(uri))
