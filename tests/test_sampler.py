"""The sampler as a collector, on real shells of this machine: rows, lost connections, restarts, and its end."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.again import Again, Running
from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import FRUITLESS_LIMIT, Sampler
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Unavailable
from edgewatt.profiler.clock import HostClock, ManualClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.units import Quantity
from tests.shell_phone import PhoneLink, ShellPhone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

READS = 2000


def number(text: str) -> Values:
    return (float(text),) if text.replace(".", "", 1).isdigit() else (None,)


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[ShellPhone]:
    made = ShellPhone(tmp_path)
    yield made
    made.end()


@pytest.fixture
def found(tmp_path: Path) -> Found:
    (tmp_path / "temp").write_text("41.5\n")
    channel = Channel("skin", Quantity.TEMPERATURE, source=str(tmp_path / "temp"))
    return Found((Node(channel.source, (channel,), number, 0.02),))


def until(sampler: Sampler, wanted: Callable[[Batch | Gap | End], bool]) -> list[Batch | Gap | End]:
    """What it reads up to what is wanted, without empty batches."""
    items: list[Batch | Gap | End] = []
    for _ in range(READS):
        item = sampler.read(0.05)
        if not isinstance(item, Batch) or len(item):
            items.append(item)
        if wanted(item):
            return items
    pytest.fail(f"{READS} reads gave only {items[:10]}")


def is_rows(item: Batch | Gap | End) -> bool:
    return isinstance(item, Batch) and len(item) > 0 and item.stream == ""


def is_gap(item: Batch | Gap | End) -> bool:
    return isinstance(item, Gap) and item.t1_ns > item.t0_ns


def test_it_says_what_it_reads_and_reads_it(plug: ShellPhone, found: Found) -> None:
    source = EnergySource("phone/skin", (("skin.temperature_c",),), "gauge")
    missing = Unavailable("gpu.frequency_hz", "permission denied")
    sampler = Sampler(plug.phone(), lambda: Found(found.nodes, (missing,), (source,), {"soc": "x"}), name="p")
    opened = sampler.open(ManualClock())
    assert (opened.name, opened.clock, opened.sources, opened.unavailable) == ("p", PHONE_CLOCK, (source,), (missing,))
    assert {stream: [c.column for c in channels] for stream, channels in opened.channels.items()} == {
        "": ["skin.temperature_c"],
        "sampler": ["sampler.load_ratio"],
    }
    assert opened.facts["periods_s"] == {"": 0.02, "sampler": 1.0}
    assert opened.facts["soc"] == "x"
    *_, rows = until(sampler, is_rows)
    assert isinstance(rows, Batch)
    assert (rows.columns["skin.temperature_c"] == 41.5).all()
    assert sampler.open(ManualClock()) == opened
    until(
        sampler,
        lambda item: (
            isinstance(item, Batch)
            and item.stream == "sampler"
            and not np.isnan(item.columns["sampler.load_ratio"]).any()
        ),
    )
    sampler.close()


def test_closing_leaves_nothing_running_and_may_come_at_any_time(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found)
    sampler.close()
    sampler.open(HostClock())
    until(sampler, is_rows)
    sampler.close()
    sampler.close()
    assert [stream.process.wait(60) for stream in plug.streams] == [0]
    item = sampler.read(0.0)
    assert isinstance(item, Batch)
    assert len(item) == 0


def test_a_phone_on_which_nothing_can_be_read_is_left_alone(plug: ShellPhone) -> None:
    missing = Unavailable("skin.temperature_c", "permission denied")
    sampler = Sampler(plug.phone(), Found(unavailable=(missing,)))
    opened = sampler.open(ManualClock())
    assert (opened.channels, opened.unavailable) == ({}, (missing,))
    item = sampler.read(0.5)
    assert isinstance(item, Batch)
    assert len(item) == 0
    assert plug.streams == []


def test_a_lost_connection_is_a_gap_and_it_goes_on(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found)
    sampler.open(HostClock())
    before = until(sampler, is_rows)
    plug.unplug()
    items = [*before, *until(sampler, is_gap), *until(sampler, is_rows)]
    gaps = [item for item in items if isinstance(item, Gap) and item.stream == ""]
    assert [gap.t1_ns > gap.t0_ns for gap in gaps] == [False, True]
    assert all("unplugged" in gap.cause for gap in gaps)
    rows = np.concatenate([item.t_ns for item in items if isinstance(item, Batch) and item.stream == ""])
    assert (np.diff(rows) >= 0).all()
    assert gaps[1].t0_ns in rows
    assert gaps[1].t1_ns in rows
    sampler.close()
    assert all(stream.process.wait(60) is not None for stream in plug.streams)


def test_a_phone_that_stays_away_is_given_up(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found, away_s=0.2)
    sampler.open(HostClock())
    until(sampler, is_rows)
    plug.unplug(stay_away=True)
    *items, end = until(sampler, lambda item: isinstance(item, End))
    assert isinstance(end, End)
    assert "unplugged" in end.cause
    assert any(isinstance(item, Gap) for item in items)
    assert sampler.read(0.0) == end
    sampler.close()


def test_at_its_deadline_it_starts_again_and_nothing_is_missing(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found, deadline_s=1.0)
    sampler.open(HostClock())
    items: list[Batch | Gap | End] = []
    while len(plug.streams) < 3:
        items += until(sampler, is_rows)
    items += until(sampler, is_rows)
    assert not [item for item in items if not isinstance(item, Batch)]
    assert len(plug.links) == 1
    sampler.close()


def test_a_script_that_is_killed_is_a_gap_and_is_started_again(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found)
    sampler.open(HostClock())
    until(sampler, is_rows)
    os.killpg(plug.streams[0].process.pid, signal.SIGKILL)
    *_, gap = until(sampler, is_gap)
    assert isinstance(gap, Gap)
    assert "ended on the phone" in gap.cause
    sampler.close()


def test_a_script_that_falls_silent_is_ended_and_started_again(plug: ShellPhone, found: Found) -> None:
    sampler = Sampler(plug.phone(), found, silence_s=0.5)
    sampler.open(HostClock())
    until(sampler, is_rows)
    stuck = plug.streams[0].process
    os.killpg(stuck.pid, signal.SIGSTOP)
    *_, gap = until(sampler, is_gap)
    assert isinstance(gap, Gap)
    assert "no line came" in gap.cause
    assert stuck.wait(60) in {-signal.SIGKILL, -signal.SIGHUP}
    sampler.close()


def test_a_file_that_hangs_is_given_up_after_some_tries(plug: ShellPhone, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs")
    node = Node(str(tmp_path / "hangs"), (Channel("x", Quantity.TEMPERATURE),), number, 0.02)
    sampler = Sampler(plug.phone(), Found((node,)), silence_s=0.2)
    sampler.open(HostClock())
    *_, end = until(sampler, lambda item: isinstance(item, End))
    assert isinstance(end, End)
    assert f"{FRUITLESS_LIMIT} times" in end.cause
    sampler.close()


def test_a_phone_that_cannot_be_reached_is_an_error(plug: ShellPhone, found: Found) -> None:
    plug.unplug(stay_away=True)
    with pytest.raises(LinkLost):
        Sampler(plug.phone(), found).open(HostClock())


def test_a_shell_that_does_not_start_the_sampler_is_an_error(plug: ShellPhone, found: Found) -> None:
    def connect() -> PhoneLink:
        link = plug.connect()
        link.stream = lambda command: PhoneLink.stream(link, f"echo no; exit 3; {command}")  # type: ignore[method-assign]
        return link

    with pytest.raises(DeviceError, match="did not start the sampler"):
        Sampler(Phone("shell:", connect), found).open(HostClock())
    assert all(stream.process.wait(60) is not None for stream in plug.streams)


def test_what_is_started_after_giving_up_is_ended(plug: ShellPhone) -> None:
    begun, may_go_on, running = threading.Event(), threading.Event(), list[Running]()

    def start() -> Running:
        begun.set()
        may_go_on.wait(60)
        link = plug.connect()
        running.append(Running(link, link.stream("sleep 600"), "token"))
        return running[0]

    again = Again(start, 60.0)
    begun.wait(60)
    assert again.wait(0.0) is None
    may_go_on.set()
    again.close()
    again.close()
    again._thread.join(60)
    assert plug.streams[0].process.wait(60) is not None


@pytest.mark.parametrize("error", [LinkTimeout("frozen"), DeviceError("unauthorised"), ValueError("a fault of ours")])
def test_why_it_could_not_be_started_is_said(error: Exception) -> None:
    def start() -> Running:
        raise error

    again = Again(start, 0.0)
    with pytest.raises(LinkLost, match=str(error)):
        again.wait(60.0)
