"""The sampler that logs on the phone: nothing comes while it runs, everything at the end, and nothing is left."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.android.guarding.guard import Guard
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.detached import DetachedSampler
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import HostClock, ManualClock
from edgewatt.profiler.protocols import Draining
from edgewatt.profiler.units import Quantity
from tests.shell_phone import ShellPhone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def number(text: str) -> Values:
    return (float(text),) if text.replace(".", "", 1).isdigit() else (None,)


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[ShellPhone]:
    (tmp_path / "phone").mkdir()
    made = ShellPhone(tmp_path / "phone")
    yield made
    made.end()


@pytest.fixture
def phone(plug: ShellPhone) -> Iterator[Phone]:
    made = plug.phone()
    yield made
    made.guard.close()
    made.hang_up()


@pytest.fixture
def found(tmp_path: Path) -> Found:
    (tmp_path / "temp").write_text("41.5\n")
    channel = Channel("skin", Quantity.TEMPERATURE, source=str(tmp_path / "temp"))
    return Found((Node(channel.source, (channel,), number, 0.02),))


def logs(plug: ShellPhone) -> list[Path]:
    return list(plug.tmp.glob("edgewatt-*/log"))


def wait_for_lines(plug: ShellPhone, count: int) -> Path:
    (log,) = logs(plug)
    while log.read_bytes().count(b"\n") < count:
        time.sleep(0.01)
    return log


def process_of(log: Path) -> int:
    """The script's process, as its header says."""
    return int(log.read_bytes().split(b"\x1f")[3])


def is_running(pid: int) -> bool:
    try:
        return b"run.sh" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_all_that_was_sampled_comes_at_the_end(plug: ShellPhone, phone: Phone, found: Found) -> None:
    sampler = DetachedSampler(phone, found)
    assert isinstance(sampler, Draining)
    opened = sampler.open(ManualClock())
    assert opened.facts["detached"] is True
    log = wait_for_lines(plug, 12)
    assert log.parent.stat().st_mode & 0o777 == 0o700
    said = len(plug.commands)
    assert len(sampler.read(5.0)) == 0
    assert len(plug.commands) == said
    pid = process_of(log)
    items = list(sampler.drain())
    rows = [item for item in items if isinstance(item, Batch) and item.stream == ""]
    assert sum(map(len, rows)) >= 10
    assert all((batch.columns["skin.temperature_c"] == 41.5).all() for batch in rows)
    assert (np.diff(np.concatenate([batch.t_ns for batch in rows])) >= 0).all()
    assert not [item for item in items if isinstance(item, Gap)]
    assert logs(plug) == []
    assert not is_running(pid)
    assert list(sampler.drain()) == []
    sampler.close()


def test_closing_without_draining_leaves_nothing(plug: ShellPhone, phone: Phone, found: Found) -> None:
    sampler = DetachedSampler(phone, found)
    sampler.open(HostClock())
    pid = process_of(wait_for_lines(plug, 2))
    sampler.close()
    assert logs(plug) == []
    assert not is_running(pid)
    sampler.close()
    assert sampler.open(HostClock()).channels
    sampler.close()


@pytest.mark.parametrize(("deadline_s", "limit_b", "cause"), [(1.0, 1 << 20, "deadline"), (600.0, 1000, "full")])
def test_one_that_ended_by_itself_is_a_gap_up_to_the_end(
    plug: ShellPhone, phone: Phone, found: Found, deadline_s: float, limit_b: int, cause: str
) -> None:
    sampler = DetachedSampler(phone, found, deadline_s=deadline_s, log_limit_b=limit_b)
    sampler.open(ManualClock())
    (log,) = logs(plug)
    pid = process_of(log)
    while is_running(pid):
        time.sleep(0.01)
    *_, last = sampler.drain()
    assert isinstance(last, Gap)
    assert cause in last.cause
    assert logs(plug) == []


def test_one_that_was_killed_gives_what_it_had(plug: ShellPhone, phone: Phone, found: Found) -> None:
    sampler = DetachedSampler(phone, found)
    sampler.open(ManualClock())
    os.kill(process_of(wait_for_lines(plug, 5)), signal.SIGKILL)
    items = list(sampler.drain())
    assert any(isinstance(item, Batch) and len(item) for item in items)
    assert [item.stream for item in items if isinstance(item, Gap)] == ["", "sampler"]


def test_one_that_is_stuck_is_ended(plug: ShellPhone, phone: Phone, found: Found) -> None:
    sampler = DetachedSampler(phone, found)
    sampler.open(ManualClock())
    pid = process_of(wait_for_lines(plug, 5))
    os.kill(pid, signal.SIGSTOP)
    assert list(sampler.drain())
    assert not is_running(pid)


def test_it_outlives_its_connection_and_is_fetched_over_another(plug: ShellPhone, phone: Phone, found: Found) -> None:
    sampler = DetachedSampler(phone, found)
    sampler.open(ManualClock())
    log = wait_for_lines(plug, 5)
    plug.unplug()
    wait_for_lines(plug, log.read_bytes().count(b"\n") + 5)
    assert list(sampler.drain())
    assert logs(plug) == []


def test_a_phone_that_is_gone_is_an_error_once_and_its_guard_ends_the_sampler(plug: ShellPhone, found: Found) -> None:
    phone = plug.phone()
    phone.guard = Guard(phone, grace_s=1)
    sampler = DetachedSampler(phone, found)
    sampler.open(ManualClock())
    pid = process_of(wait_for_lines(plug, 2))
    phone.sleep, phone.monotonic_s = lambda _: None, iter(range(0, 10**6, 20)).__next__
    plug.unplug(stay_away=True)
    with pytest.raises(LinkLost):
        list(sampler.drain())
    sampler.close()
    while is_running(pid) or logs(plug):
        time.sleep(0.01)
    plug.plugged = True
    phone.guard.close()
