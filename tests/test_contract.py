"""What every registered device keeps to, built in or anybody else's: names, units, time, stopping, unplugging."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, End, Gap
from edgewatt.profiler.channel import LABEL_LIMIT, Boundary, Channel, Opened
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device, Family, families, open_device, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Collector
from tests.specimens import PEER_SPECIMENS, SPECIMENS, Specimen

pytest_plugins = ["tests.adbd.fixtures", "tests.sshd.fixtures"]

TIMEOUT_S = 0.2
# What a read may take beyond its timeout on a machine that is busy with something else, in real time.
GRACE_S = 30.0
# After this many reads of TIMEOUT_S a device that was unplugged has said so.
READS = 200

COLUMN = re.compile(rf"[a-z0-9_+-]{{1,{LABEL_LIMIT}}}\.[a-z]+_[a-z]+")
STREAM = re.compile(r"[a-z0-9_-]+")


SCHEMES = [pytest.param(s, marks=pytest.mark.peer) if s in PEER_SPECIMENS else s for s in sorted(families())]


@pytest.fixture(params=SCHEMES)
def specimen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Specimen]:
    if request.param in PEER_SPECIMENS:
        yield PEER_SPECIMENS[request.param](request)
    elif request.param in SPECIMENS:
        made = SPECIMENS[request.param](tmp_path)
        yield made
        made.end()
    else:
        pytest.fail(f"{request.param} is registered and has no specimen: add one to tests/specimens.py")


@pytest.fixture
def device(specimen: Specimen) -> Iterator[Device]:
    opened = open_device(specimen.uri)
    yield opened
    opened.close()


def instruments(device: Device, clock: Clock) -> Iterator[tuple[Collector, Opened]]:
    """The collectors that open, opened and closed again."""
    for collector in device.collectors:
        try:
            opened = collector.open(clock)
        except DeviceError:
            continue
        yield collector, opened
        collector.close()


def channels_of(opened: Opened) -> dict[str, dict[str, Channel]]:
    return {stream: {c.column: c for c in of} for stream, of in opened.channels.items()}


def read(collector: Collector, timeout_s: float = TIMEOUT_S) -> Batch | Gap | End:
    """One read, which came back in time."""
    began_ns = time.monotonic_ns()
    item = collector.read(timeout_s)
    assert time.monotonic_ns() - began_ns < (timeout_s + GRACE_S) * 1e9
    return item


def test_a_registered_device_is_a_family_and_its_discovery_never_fails() -> None:
    for scheme, point in families().items():
        family = point.load()
        assert isinstance(family, Family)
        assert family.usage.startswith(scheme)
        for found in family.discover():
            assert parse_uri(found.uri).scheme == scheme
            assert found.name
            assert all(blocked.what and blocked.reason for blocked in found.blocked)


def test_there_are_no_specimens_of_what_is_not_registered() -> None:
    assert {*SPECIMENS, *PEER_SPECIMENS} <= set(families())


def test_it_says_who_it_is(device: Device, specimen: Specimen) -> None:
    assert device.uri == specimen.uri
    assert device.name
    assert device.device_id
    assert device.collectors
    assert device.simulated == specimen.uri.startswith(("virtual:", "monsoon:"))  # the meter here is the lab's


def test_an_option_that_it_does_not_know_is_refused(specimen: Specimen) -> None:
    joined = "&" if "?" in specimen.uri else "?"
    with pytest.raises(UsageError, match="no_such_option"):
        open_device(f"{specimen.uri}{joined}no_such_option=1")


def test_its_columns_sources_and_reasons_are_complete(device: Device, specimen: Specimen) -> None:
    columns: list[str] = []
    streams: list[str] = []
    sources: list[str] = []
    for _, opened in instruments(device, specimen.clock()):
        streams += [f"{opened.name}-{suffix}" if suffix else opened.name for suffix in opened.channels]
        own = [column for of in channels_of(opened).values() for column in of]
        columns += own
        sources += [source.name for source in opened.sources]
        for source in opened.sources:
            assert source.terms
            assert all(term and set(term) <= set(own) for term in source.terms), source
            assert source.boundary in get_args(Boundary)
        for of in opened.channels.values():
            assert of, "a stream without channels is no stream"
            for channel in of:
                assert Channel.from_json(channel.to_json()) == channel
                assert channel.period_s is None or channel.period_s > 0
                assert (channel.kind == "counter") or (channel.scale == 1.0 and channel.counter_range is None)
        assert all(missing.what and missing.reason for missing in opened.unavailable)
    assert columns, "a device with nothing to read has no business here"
    for names in (columns, streams, sources):
        assert len(set(names)) == len(names), "names are unique in a run"
    assert all(COLUMN.fullmatch(column) for column in columns)
    assert all(STREAM.fullmatch(stream) for stream in streams)


def test_its_samples_are_what_it_announced(device: Device, specimen: Specimen) -> None:
    for collector, opened in instruments(device, specimen.clock()):
        known, last_ns, rows = channels_of(opened), dict.fromkeys(opened.channels, -(2**63)), 0
        for _ in range(50):
            item = read(collector)
            if isinstance(item, End):
                break
            if isinstance(item, Gap):
                assert item.stream in known
                assert item.cause
                assert item.t0_ns <= item.t1_ns
                continue
            if not len(item):
                continue
            rows += len(item)
            assert item.stream in known
            assert set(item.columns) == set(known[item.stream])
            assert item.t_ns.dtype == np.int64
            assert item.t_ns[0] >= last_ns[item.stream]
            assert (np.diff(item.t_ns) >= 0).all()
            last_ns[item.stream] = int(item.t_ns[-1])
            for column, values in item.columns.items():
                _check_values(known[item.stream][column], values, len(item))
        assert rows or not known


def _check_values(channel: Channel, values: np.ndarray, count: int) -> None:
    assert values.shape == (count,)
    if channel.kind == "gauge":
        assert values.dtype.kind == "f"
        assert not np.isinf(values).any(), "what is not measured is NaN"
        return
    assert values.dtype == np.int64
    counts = values[values != COUNTER_ABSENT]
    assert (counts >= 0).all()
    assert channel.counter_range is None or (counts < channel.counter_range).all()


@pytest.mark.parametrize("timeout_s", [0.0, 0.001, 0.05])
def test_a_read_returns_within_its_timeout_by_the_hosts_clock(device: Device, timeout_s: float) -> None:
    for collector, _ in instruments(device, HostClock()):
        for _ in range(5):
            read(collector, timeout_s)


def test_closing_is_prompt_idempotent_and_possible_at_any_time(device: Device, specimen: Specimen) -> None:
    began_ns = time.monotonic_ns()
    for collector in device.collectors:
        collector.close()
    for collector, _ in instruments(device, specimen.clock()):
        collector.close()
    for collector, _ in instruments(device, specimen.clock()):
        read(collector)
        collector.close()
        collector.close()
    assert time.monotonic_ns() - began_ns < GRACE_S * 1e9


def test_it_can_be_opened_again(device: Device, specimen: Specimen) -> None:
    clock = specimen.clock()
    first = [opened for _, opened in instruments(device, clock)]
    for (collector, opened), before in zip(instruments(device, clock), first, strict=True):
        assert opened == before
        assert not opened.channels or any(_has_rows(read(collector)) for _ in range(READS))


def _has_rows(item: Batch | Gap | End) -> bool:
    return isinstance(item, Batch) and len(item) > 0


def test_unplugged_it_says_so_and_does_not_hang(device: Device, specimen: Specimen) -> None:
    clock = specimen.clock()
    opened = [(collector, collector.open(clock)) for collector in device.collectors]
    reading = [(collector, answer) for collector, answer in opened if answer.channels]
    for collector, _ in reading:
        read(collector)
    specimen.unplug()
    for collector, answer in reading:
        _notices(collector, can_wait=answer.can_wait)
    for collector, _ in opened:
        collector.close()


def _notices(collector: Collector, *, can_wait: bool) -> None:
    for _ in range(READS):
        if isinstance(read(collector), Gap | End):
            break
    else:
        pytest.fail(f"{type(collector).__name__} was unplugged, and {READS} reads later nobody knows")
    for _ in range(10):
        item = read(collector)
        if isinstance(item, Batch) and not can_wait:
            assert all(
                np.isnan(v).all() if v.dtype.kind == "f" else (v == COUNTER_ABSENT).all() for v in item.columns.values()
            )


def test_what_is_unplugged_before_it_is_opened_is_an_error_or_has_its_reasons(specimen: Specimen) -> None:
    device = open_device(specimen.uri)
    specimen.unplug()
    for _, opened in instruments(device, specimen.clock()):
        assert opened.unavailable or opened.can_wait
    device.close()
    if not specimen.made_anew:
        with pytest.raises((UsageError, DeviceError)):
            open_device(specimen.uri)
