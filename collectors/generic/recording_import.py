"""A recording that people already have, as a meter: `import:FILE?as=ppk2_csv&supply_v=3.7&boundary=battery_bypass`.

Without `as`, the URI names the columns: `time=NAME:UNIT` and any of `power`, `voltage`, `current` and `temperature` in
the same way. Times count from the recording's own beginning, on the clock `import`; `offset=S&within=S` say what lies
between them and the host's monotonic clock (host = file + offset) and by how much that may be wrong. Without them
energy waits for a synchronisation. With `wall=yes`, or times in ISO 8601, they are of this machine's wall clock, which
every run knows; `offset` then is what has to be added.

Beside a replay, a recording joins a run that was made without it:
`edgewatt record -d replay:RUN -m import:FILE?... -o JOINED`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.generic.described import OPTIONS, Described, describe, described
from edgewatt.collectors.generic.options import number_of
from edgewatt.collectors.generic.recording_file import RecordingFile, read_recording
from edgewatt.device_profiles.meter import ISO, UNITS, meter_from
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, WALL_CLOCK, Clock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.device import Device, DeviceUri, Family, only_options
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Learnt

CLOCK: Final = "import"
BATCH_ROWS: Final = 65_536
_LONGEST_S: Final = 1e9


class ImportedRecording:
    """The Collector of a file; `fit` places its times where the URI says how."""

    def __init__(self, described: Described, content: RecordingFile, clock: str, fit: ClockFit | None) -> None:
        self._described, self._content, self._clock, self._fit = described, content, clock, fit
        self._items: Iterator[Batch | Gap] = iter(())

    def open(self, _: Clock) -> Opened:
        """The columns that were named."""
        self._items = self._in_order()
        channels = tuple(replace(c, period_s=self._content.period_s) for c in self._described.channels())
        return Opened(
            self._described.name,
            {"": channels},
            sources=self._described.sources(),
            clock=self._clock,
            can_wait=True,
            facts={"rows": len(self._content.t_ns), "holes": len(self._content.holes)},
        )

    def read(self, timeout_s: float) -> Batch | Gap | End:  # noqa: ARG002  (all of it is here already)
        """The next samples, or a hole between them."""
        item = next(self._items, None)
        return End("end of the recording") if item is None else item

    def close(self) -> None:
        """Read no further."""
        self._items = iter(())

    def learnt(self) -> Learnt:
        """How the file's clock lies against the host's, where that was said; how many values were not believed."""
        reasons = (
            [f"meter_values_unreadable:{self._described.name}:{self._content.wrong}"] if self._content.wrong else []
        )
        return Learnt(() if self._fit is None else (self._fit,), reasons=tuple(reasons))

    def _in_order(self) -> Iterator[Batch | Gap]:
        t_ns, start = self._content.t_ns, 0
        for end in [*(self._content.holes + 1).tolist(), len(t_ns)]:
            for at in range(start, end, BATCH_ROWS):
                part = slice(at, min(at + BATCH_ROWS, end))
                yield Batch(t_ns[part], {name: values[part] for name, values in self._content.columns.items()})
            if end < len(t_ns):
                yield self._hole(int(t_ns[end - 1]), int(t_ns[end]))
            start = end

    def _hole(self, t0_ns: int, t1_ns: int) -> Gap:
        period_s = self._content.period_s
        lost = None if period_s is None else max(round((t1_ns - t0_ns) / NS_PER_S / period_s) - 1, 0)
        return Gap(t0_ns, t1_ns, "the file has no samples", lost)


def _open(uri: DeviceUri) -> Device:
    """The recording that the URI names. Raises UsageError."""
    only_options(uri, *OPTIONS, "time", *UNITS, "wall", "offset", "within")
    meter = _described(uri)
    path = Path(uri.rest)
    content = read_recording(path, meter)
    offset_s = number_of(uri, "offset", "seconds", -_LONGEST_S * 10, _LONGEST_S * 10)
    fit, clock = None, _clock(uri)
    if _is_wall(uri, meter):
        if "within" in uri.options:
            raise UsageError(f"device {uri.text!r}: within is for times of the recording's own, not of the wall clock")
        clock = WALL_CLOCK
        content = replace(content, t_ns=content.t_ns + round((offset_s or 0.0) * NS_PER_S))
    elif offset_s is not None:
        within_s = number_of(uri, "within", "seconds", 0.0, _LONGEST_S)
        if within_s is None:
            raise UsageError(f"device {uri.text!r}: within is missing: by how many seconds may the offset be wrong?")
        fit = ClockFit(clock, 0, round(offset_s * NS_PER_S), 0.0, round(within_s * NS_PER_S))
    facts: dict[str, Any] = {**meter.facts, "file": path.name}
    return Device(
        uri=uri.text,
        name=meter.meter.title,
        device_id=f"{meter.name}@{path.name}",
        collectors=(ImportedRecording(meter, content, clock, fit),),
        facts=facts if offset_s is None else {**facts, "offset_s": offset_s},
    )


def _clock(uri: DeviceUri) -> str:
    return f"{CLOCK}.{uri.options['name']}" if "name" in uri.options else CLOCK


def _is_wall(uri: DeviceUri, meter: Described) -> bool:
    told = uri.options.get("wall", "yes" if meter.meter.settings.get("wall_clock") else "no")
    if told not in ("yes", "no"):
        raise UsageError(f"device {uri.text!r}: wall is {told!r}, expected yes or no")
    return told == "yes" or (meter.meter.time is not None and meter.meter.time.unit_ns == 0)


def _described(uri: DeviceUri) -> Described:
    """The meter that `as` names, or that the URI describes column by column."""
    words = [word for word in ("time", *UNITS) if word in uri.options]
    if "as" in uri.options:
        if words:
            raise UsageError(f"device {uri.text!r}: as= names the columns already; leave {words[0]}= out")
        return describe(uri, "recording")
    if "time" not in words or len(words) < 2:
        quantities = ", ".join(f"{word}=NAME:UNIT" for word in UNITS)
        raise UsageError(f"device {uri.text!r}: expected as=METER, or time=NAME:UNIT and one of {quantities}")
    named = {word: _named(uri, word) for word in words}
    time = named.pop("time")
    data = {
        "name": "import",
        "kind": "meter",
        "title": f"recording {Path(uri.rest).name}",
        "source": "the URI",
        "recording": {"time": time},
        "channels": {"main": named},
    }
    return described(uri, meter_from(data, f"of {uri.text!r}"))


def _named(uri: DeviceUri, word: str) -> dict[str, str]:
    name, _, unit = uri.options[word].rpartition(":")
    if not name:
        example = f"time=t:{ISO}" if word == "time" else f"{word}=P:mW"
        raise UsageError(f"device {uri.text!r}: {word} is {uri.options[word]!r}, expected NAME:UNIT such as {example}")
    return {"named": name, "unit": unit}


FAMILY: Final = Family(
    usage="import:FILE?as=METER|time=NAME:UNIT&power=NAME:UNIT[&offset=S&within=S|wall=yes]", open=_open, discover=list
)
