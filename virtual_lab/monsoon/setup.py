"""A meter as words: how it is described to another process, and what it tells of itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypedDict, Unpack

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.build import EXACT, HVPM, SERIAL_LVPM, SPREAD, USB_LVPM
from edgewatt.virtual_lab.monsoon.faults import faults_of
from edgewatt.virtual_lab.monsoon.feeds import Feed, feed_of
from edgewatt.virtual_lab.monsoon.meter import AUTO, Happened, Meter
from edgewatt.virtual_lab.monsoon.usb_meter import QUEUE

MODELS: Final = {"lvpm": SERIAL_LVPM, "lvpm-usb": USB_LVPM, "hvpm": HVPM}


class How(TypedDict, total=False):
    """What can be said of a meter. `faults` are NAME=VALUE (faults.py); `exact`: no gain or offset is drawn.

    Defaults: seed 0, no faults, an output of 4 V, passthrough auto.
    """

    seed: int
    faults: Sequence[str]
    exact: bool
    voltage_v: float
    passthrough: int


def assembled(model: str, feed: Feed, **how: Unpack[How]) -> Meter:
    """The meter. Raises UsageError for a model or fault that is none, and a voltage that the meter cannot give."""
    if model not in MODELS:
        raise UsageError(f"there is no meter {model!r}; there are {', '.join(MODELS)}")
    kind, voltage_v = MODELS[model], how.get("voltage_v", 4.0)
    if voltage_v and not kind.lowest_v <= voltage_v <= kind.highest_v:
        raise UsageError(f"{model} gives 0 or {kind.lowest_v} to {kind.highest_v} V, and {voltage_v} V were asked for")
    spread = EXACT if how.get("exact", False) else SPREAD
    faults = faults_of(how.get("faults", ()))
    return Meter(kind, feed, how.get("seed", 0), spread, faults, voltage_v, how.get("passthrough", AUTO))


def on_usb(model: str) -> str:
    """The name among `MODELS` of a model that hangs on USB."""
    return "lvpm-usb" if model == "lvpm" else model


@dataclass(frozen=True, slots=True)
class Setup:
    """A meter that is to be made elsewhere: `feed` as `Feed.to_json` gives it; `queue` for USB."""

    model: str
    feed: dict[str, Any]
    how: How
    queue: int = QUEUE

    def meter(self) -> Meter:
        """The meter. Raises as `assembled`."""
        return assembled(self.model, feed_of(self.feed), **self.how)


def told(meter: Meter) -> dict[str, Any]:
    """What a meter is, for people and tests; `drawn` is what its clients cannot know."""
    return {
        "simulated": True,
        "model": meter.model.name,
        "serial": meter.build.serial,
        "seed": meter.seed,
        "voltage_v": meter.voltage_v,
        "passthrough": meter.passthrough,
        "feed": meter.feed.to_json(),
        "delay_s": meter.feed.delay_s,
        "spread": asdict(meter.spread),
        "drawn": meter.build.drawn(),
    }


@dataclass(slots=True)
class Log:
    """The log of a meter as lines of JSON: what it is (and where it can be reached), then everything that happened."""

    path: Path
    _file: IO[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._file = self.path.open("w", buffering=1)

    def begin(self, where: dict[str, Any], meter: Meter) -> None:
        """Write what the meter is and keep the log from now on."""
        self._file.write(json.dumps({**where, **told(meter)}) + "\n")
        meter.told = self.add

    def add(self, one: Happened) -> None:
        """A further line."""
        self._file.write(json.dumps([one.t_ns, one.what, one.value]) + "\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Told:
    """A meter as its log tells of it, at every moment anew; from any process."""

    path: Path

    @property
    def about(self) -> dict[str, Any]:
        """What the meter is and where it is reached."""
        about: dict[str, Any] = json.loads(self._lines()[0])
        return about

    @property
    def log(self) -> list[Happened]:
        """Everything that happened until now."""
        return [Happened(*json.loads(line)) for line in self._lines()[1:]]

    @property
    def voltage_v(self) -> float:
        """What is set; 0 if the output is off."""
        return float(self._last("voltage_v"))

    @property
    def passthrough(self) -> int:
        """0 off, 1 on, 2 auto."""
        return int(self._last("passthrough"))

    @property
    def sampling(self) -> bool:
        """Whether it samples."""
        return [one.what for one in self.log if one.what in ("start", "stop")][-1:] == ["start"]

    def values(self, what: str) -> Sequence[float]:
        """All values that something was set to, in order."""
        return [one.value for one in self.log if one.what == what]

    def _last(self, what: str) -> float:
        values = self.values(what)
        return values[-1] if values else float(self.about[what])

    def _lines(self) -> list[str]:
        text = self.path.read_text()
        return text[: text.rfind("\n") + 1].splitlines()
