"""Perfetto's own format, written with its own classes: TrackEvent counters and slices.

Source: perfetto.dev, "Writing TrackEvent protos synthetically"; trace_packet.proto and clock_snapshot.proto for clocks.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from itertools import count
from typing import Any, BinaryIO, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable
from edgewatt.reports.source import Source
from edgewatt.reports.traces.events import Counter, Slice, counters_of
from edgewatt.reports.traces.lanes import on_lanes
from edgewatt.reports.traces.told import Told, told_of
from edgewatt.reports.traces.wall import wall_pair

NO_PERFETTO: Final = (
    "Perfetto's traces are written with its own package; install it with: pip install 'edgewatt[reports]'"
)
# BuiltinClock: the host's CLOCK_MONOTONIC, which stamps everything, and its wall clock.
_MONOTONIC, _REALTIME = 3, 1
_SEQUENCE: Final = 1


def write_perfetto(source: Source, file: BinaryIO) -> None:
    """All counters, windows, iterations, operators and gaps of the runs, streamed: a packet at a time.

    Times are those of the host's CLOCK_MONOTONIC; the format has none before 0, and what lies there is left out.
    Raises UsageError without the package `perfetto`.
    """
    out = _Packets(file)
    for told in told_of(source):
        if not told.number:
            out.clocks(told.run)
        out.run(told)
        reduced = 0
        for counter in counters_of(told.run):
            reduced += counter.samples > 1
            out.counter(counter, told.shift_ns)
        out.slices(told)
        if reduced:
            source.notices.append(f"{told.run.path}: {reduced} counters are least and greatest values of many samples")


class _Packets:
    """Packets of one sequence, each written as it is made."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            builder = import_module("perfetto.trace_builder.proto_builder")
        except ImportError:
            raise UsageError(NO_PERFETTO) from None
        self._protos = import_module("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
        self._builder = builder.StreamingTraceProtoBuilder(file)
        self._uuids, self._root = count(1), 0

    @cached_property
    def _type(self) -> Any:
        return self._protos.TrackEvent

    def _packet(self) -> Any:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet

    def clocks(self, run: Trace) -> None:
        """The wall clock at an instant of the host's clock, if the run knows it; all else is in the latter."""
        packet = self._packet()
        packet.clock_snapshot.primary_trace_clock = _MONOTONIC
        monotonic_ns, wall_ns = wall_pair(run)
        for clock, t_ns in ((_MONOTONIC, monotonic_ns), (_REALTIME, wall_ns)):
            if t_ns is not None:
                packet.clock_snapshot.clocks.add(clock_id=clock, timestamp=t_ns)
        self._builder.write_packet(packet)

    def run(self, told: Told) -> None:
        """A process for the run, under which all of its tracks are."""
        self._root = next(self._uuids)
        packet = self._packet()
        descriptor = packet.track_descriptor
        descriptor.uuid = self._root
        descriptor.process.pid = told.number + 1
        descriptor.process.process_name = told.name
        descriptor.process.process_labels.append(f"recorded {printable(told.run.manifest.created, 40)}")
        descriptor.child_ordering = self._protos.TrackDescriptor.EXPLICIT
        self._builder.write_packet(packet)

    def counter(self, counter: Counter, shift_ns: int) -> None:
        """A track with a unit, and its values."""
        uuid = self._track(counter.name, 1, unit=counter.unit)
        packet = self._event(uuid, 0, self._type.TYPE_COUNTER)  # written again and again: making one takes the longest
        event, write = packet.track_event, self._builder.write_packet
        at_ns = counter.t_ns + shift_ns
        fits = at_ns >= 0
        for t_ns, value in zip(at_ns[fits].tolist(), counter.values[fits].tolist(), strict=True):
            packet.timestamp, event.double_counter_value = t_ns, value
            write(packet)

    def slices(self, told: Told) -> None:
        """Each slice on its track; tracks of one name are shown as one."""
        uuids: dict[tuple[str, int], int] = {}
        for track, lane, one in on_lanes(one for one in told.slices if one.t0_ns + told.shift_ns >= 0):
            if (track, lane) not in uuids:
                uuids[track, lane] = self._track(track, 0)
            self._slice(uuids[track, lane], one, told.shift_ns)

    def _slice(self, uuid: int, one: Slice, shift_ns: int) -> None:
        packet = self._event(uuid, one.t0_ns + shift_ns, self._type.TYPE_SLICE_BEGIN)
        packet.track_event.name = one.name
        packet.track_event.categories.append("edgewatt")
        for key, value in _annotated(one.arguments):
            packet.track_event.debug_annotations.add(name=key, **value)
        self._builder.write_packet(packet)
        end_ns = max(one.t1_ns, one.t0_ns) + shift_ns
        self._builder.write_packet(self._event(uuid, end_ns, self._type.TYPE_SLICE_END))

    def _track(self, name: str, rank: int, unit: str | None = None) -> int:
        packet = self._packet()
        descriptor = packet.track_descriptor
        descriptor.uuid, descriptor.parent_uuid, descriptor.name = next(self._uuids), self._root, name
        descriptor.sibling_order_rank = rank
        if unit is not None:
            descriptor.counter.unit_name = unit
        self._builder.write_packet(packet)
        uuid: int = descriptor.uuid
        return uuid

    def _event(self, uuid: int, t_ns: int, kind: int) -> Any:
        packet = self._packet()
        packet.timestamp, packet.timestamp_clock_id = t_ns, _MONOTONIC
        packet.track_event.type, packet.track_event.track_uuid = kind, uuid
        return packet


def _annotated(arguments: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in arguments.items():
        if isinstance(value, bool):
            yield key, {"bool_value": value}
        elif isinstance(value, int) and abs(value) < 1 << 63:
            yield key, {"int_value": value}
        elif isinstance(value, int | float):
            yield key, {"double_value": float(value)}
        else:
            yield key, {"string_value": str(value)}
