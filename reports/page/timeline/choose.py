"""What a timeline shows of a run: which series, in which panel, and how finely."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.channel import WIDEST_FIRST, EnergySource
from edgewatt.profiler.energy.flow import Flow, flows_of
from edgewatt.profiler.energy.sources import terms_by_stream
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.storage.trace import StoredChannel, Trace
from edgewatt.profiler.units import Quantity
from edgewatt.reports.page.section import PALETTE

# Elements of all timelines of a page together: at 10 bytes each, in base64, 4 MB.
ELEMENTS: Final = 300_000
# In one panel: as many as there are colours that people with any sight tell apart.
MOST: Final = len(PALETTE)


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the plots that share the axis of time: values are shown times `scale` in `unit`.

    `from_zero`: a zero means something, and the axis begins there where that wastes little.
    """

    key: str
    title: str
    unit: str
    scale: float = 1.0
    from_zero: bool = True


PANELS: Final = (
    Panel("power", "Power", "W"),
    Panel("frequency", "Frequency", "MHz", 1e-6),
    Panel("temperature", "Temperature", "°C", from_zero=False),
    Panel("load", "Load", "%", 100.0),
)
_QUANTITIES: Final[Mapping[Quantity, Panel]] = {
    Quantity.FREQUENCY: PANELS[1],
    Quantity.TEMPERATURE: PANELS[2],
    Quantity.LOAD: PANELS[3],
}
# Limits that somebody set, and parts that compute nothing, say least of what a network costs.
_NOT_SHOWN: Final = re.compile(r"_(?:min|max)$|^(?:fan|wifi|sampler)")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A series to show: the column of a gauge, or a flow of an energy source. All of it lies in `stream`."""

    panel: Panel
    name: str
    stream: str
    columns: tuple[str, ...]
    flow: Flow | None = None
    boundary: str = ""


def chosen_of(trace: Trace) -> tuple[list[Chosen], list[Chosen]]:
    """The series that are shown, panel by panel, and those that are left out."""
    shown: list[Chosen] = []
    left: list[Chosen] = []
    every = [*_power(trace), *_states(trace)]
    for panel in PANELS:
        mine = [one for one in every if one.panel is panel]
        telling = [one for one in mine if on_host_clock(trace, one.stream) and _tells(one)][:MOST]
        shown += telling
        left += [one for one in mine if one not in telling]
    return shown, left


def on_host_clock(trace: Trace, stream: str) -> bool:
    """Whether anybody knows when, on the host's clock, the samples of a stream were taken."""
    try:
        trace.clock_fit(trace.stored_streams[stream].clock)
    except NotMeasuredError:
        return False
    return True


def samples_each(rows: Sequence[int], elements: int) -> list[int]:
    """How many readings an element of each series holds, so that all have at most about `elements` together.

    Series shorter than their share are kept whole, and what they do not need goes to the others.

    >>> samples_each([100, 1_000_000], 10_100)
    [1, 100]
    """
    share, left = elements, elements
    for place, count in enumerate(sorted(rows)):
        share = max(left // (len(rows) - place), 1)
        left -= min(count, share)
    return [max(-(-count // share), 1) for count in rows]


def _tells(one: Chosen) -> bool:
    return one.flow is not None or not _NOT_SHOWN.search(one.name)


def _power(trace: Trace) -> Iterator[Chosen]:
    rank = {boundary: place for place, boundary in enumerate(WIDEST_FIRST)}
    for source in sorted(trace.sources, key=lambda source: rank[source.boundary]):
        yield from _flows(trace, source)


def _flows(trace: Trace, source: EnergySource) -> Iterator[Chosen]:
    """A source's flows; one that is a sum of counters has several, which do not move at the same instants."""
    try:
        flows = [(stream, flow) for stream, terms in terms_by_stream(trace, source).items() for flow in flows_of(terms)]
    except UsageError:
        return  # no power can be formed from it, and the analysis of the run has said so
    for stream, flow in flows:
        of_counter = [flow.counter.column, *([flow.voltage] if flow.voltage else [])] if flow.counter else []
        columns = tuple(dict.fromkeys([*(c for term in flow.gauges for c in term), *of_counter]))
        name = source.name if len(flows) == 1 else f"{source.name}: {columns[0].rpartition('.')[0]}"
        yield Chosen(PANELS[0], name, stream, columns, flow, source.boundary.replace("_", " "))


def _states(trace: Trace) -> Iterator[Chosen]:
    columns = [
        (column, stored)
        for column, stored in trace.columns.items()
        if stored.channel.quantity in _QUANTITIES and stored.channel.kind == "gauge"
    ]
    for column, stored in sorted(columns, key=_less_telling):
        yield Chosen(_QUANTITIES[stored.channel.quantity], stored.channel.name, stored.stream, (column,))


def _less_telling(column: tuple[str, StoredChannel]) -> bool:
    """Whole units before their parts: `cpu` before `cpu3`; a frequency is that of a part anyway."""
    channel = column[1].channel
    return channel.quantity is not Quantity.FREQUENCY and channel.name[-1:].isdigit()
