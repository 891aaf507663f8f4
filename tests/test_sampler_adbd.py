"""The sampler against a real adbd: its rate, what a lost or frozen adbd makes of it, and what stays on the phone."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import Sampler
from edgewatt.collectors.android.sampler.detached import DetachedSampler
from edgewatt.collectors.android.sampler.own_load import NODE
from edgewatt.collectors.android.sampler.survey import DENIED, FAILS, survey
from edgewatt.collectors.transports.adb_direct import connect
from edgewatt.collectors.transports.adb_link import AdbLink
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.units import Quantity
from tests.adbd.running import PeerPhone, StartPhone

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

PERIOD_S = 0.005
ZONES = "{sysfs}/class/thermal/thermal_zone*/temp"
PATTERNS = (
    ZONES,
    "{sysfs}/class/power_supply/battery/*",
    "{sysfs}/devices/system/cpu/cpufreq/policy*/scaling_cur_freq",
)
Items = list[Batch | Gap | End]


PhoneOf = Callable[[PeerPhone], Phone]


@pytest.fixture
def phone_of() -> Iterator[PhoneOf]:
    """Makes phones, and hangs up at the end."""
    phones: list[Phone] = []

    def made(peer: PeerPhone) -> Phone:
        phones.append(Phone(peer.uri, lambda: connect(peer.host, peer.port)))
        return phones[-1]

    yield made
    for phone in phones:
        phone.hang_up()


def number(text: str) -> Values:
    return (float(text),) if text.removeprefix("-").isdigit() else (None,)


def twelve(phone: Phone, period_s: float = PERIOD_S) -> Found:
    """The first 12 files that hold a number."""
    seen = survey(phone, PATTERNS)
    paths = [path for path, one in seen.items() if one.text is not None and number(one.text)[0] is not None][:12]
    assert len(paths) == 12
    return Found(
        tuple(
            Node(path, (Channel(f"n{at}", Quantity.TEMPERATURE, source=path),), number, period_s)
            for at, path in enumerate(paths)
        )
    )


def until(sampler: Sampler, enough: Callable[[Items], bool]) -> Items:
    items: Items = []
    while not enough(items):
        item = sampler.read(0.2)
        assert not isinstance(item, End), item
        if isinstance(item, Gap) or len(item):
            items.append(item)
    return items


def rows(items: Items, stream: str = "") -> np.ndarray:
    found = [item.t_ns for item in items if isinstance(item, Batch) and item.stream == stream]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def gaps(items: Items, stream: str = "") -> list[Gap]:
    return [item for item in items if isinstance(item, Gap) and item.stream == stream and item.t1_ns > item.t0_ns]


def goes_on(items: Items) -> bool:
    """50 rows after a gap."""
    return bool(gaps(items)) and int((rows(items) > gaps(items)[0].t1_ns).sum()) >= 50


def scripts(peer: PeerPhone) -> list[str]:
    """The samplers that run on it."""
    return [words for words in peer.processes().values() if ": edgewatt-" in words or "run.sh" in words]


def wait_until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.01)


def test_twelve_nodes_come_with_every_tick_and_with_what_that_costs(pixel: PeerPhone, phone_of: PhoneOf) -> None:
    phone = phone_of(pixel)
    sampler = Sampler(phone, lambda: twelve(phone))
    opened = sampler.open(HostClock())
    assert opened.facts["waits"] == "read"
    assert opened.facts["epochrealtime"] is True
    items = until(sampler, lambda items: len(rows(items)) >= 600 and len(rows(items, "sampler")) >= 3)
    assert len(scripts(pixel)) == 1
    sampler.close()
    t_ns = rows(items)
    assert (np.diff(t_ns) >= 0).all()
    assert np.median(np.diff(t_ns)) == pytest.approx(PERIOD_S * 1e9, rel=0.05)
    batches = [item for item in items if isinstance(item, Batch) and item.stream == ""]
    assert len(batches) < len(t_ns) / 5
    assert not any(np.isnan(values).any() for batch in batches for values in batch.columns.values())
    load = np.concatenate(
        [i.columns[NODE.channels[0].column] for i in items if isinstance(i, Batch) and i.stream == "sampler"]
    )
    assert (load[1:] > 0).all()
    assert (load[1:] < 1.1).all()
    wait_until(lambda: not scripts(pixel))


def test_what_is_denied_or_offline_is_said(adreno: PeerPhone, phone_of: PhoneOf) -> None:
    reasons = {
        path: seen.reason
        for path, seen in survey(phone_of(adreno), [*PATTERNS, "{sysfs}/class/kgsl/kgsl-3d0/gpubusy"]).items()
    }
    assert reasons["/sys/class/kgsl/kgsl-3d0/gpubusy"] == DENIED
    assert reasons["/sys/devices/system/cpu/cpufreq/policy7/scaling_cur_freq"] == FAILS


def test_an_adbd_that_is_killed_and_started_again_is_a_gap(pixel: PeerPhone, phone_of: PhoneOf) -> None:
    phone = phone_of(pixel)
    sampler = Sampler(phone, twelve(phone))
    sampler.open(HostClock())
    items = until(sampler, lambda items: len(rows(items)) >= 50)
    pixel.kill_adbd()
    items += until(sampler, lambda items: any(isinstance(item, Gap) for item in items))
    wait_until(lambda: not scripts(pixel))
    pixel.start_adbd()
    items += until(sampler, goes_on)
    assert len(scripts(pixel)) == 1
    sampler.close()
    (gap,) = gaps(items)
    t_ns = rows(items)
    assert (np.diff(t_ns) >= 0).all()
    at = int(np.searchsorted(t_ns, gap.t0_ns))
    assert t_ns[at : at + 2].tolist() == [gap.t0_ns, gap.t1_ns]
    assert gap.samples_lost == round((gap.t1_ns - gap.t0_ns) / (PERIOD_S * 1e9)) - 1
    wait_until(lambda: not scripts(pixel))


def test_an_adbd_that_is_frozen_for_8_s_makes_late_lines_and_nothing_is_invented(
    pixel: PeerPhone, phone_of: PhoneOf
) -> None:
    phone = phone_of(pixel)
    sampler = Sampler(phone, twelve(phone))
    sampler.open(HostClock())
    items = until(sampler, lambda items: len(rows(items)) >= 50)
    frozen = pixel.freeze_adbd(8.0)
    items += until(sampler, goes_on)
    frozen.join()
    sampler.close()
    (gap,) = gaps(items)
    assert 1 < (gap.t1_ns - gap.t0_ns) / 1e9 < 9
    t_ns = rows(items)
    assert (np.diff(t_ns) >= 0).all()
    lost = round((t_ns[-1] - t_ns[0]) / (PERIOD_S * 1e9)) + 1 - len(t_ns)
    assert gap.samples_lost is not None
    assert abs(lost - gap.samples_lost) < 0.1 * lost  # the others were lost to a busy machine
    assert not any("connection" in gap.cause for gap in gaps(items))


def test_what_was_reset_leaves_nothing_running(pixel: PeerPhone, phone_of: PhoneOf) -> None:
    phone = phone_of(pixel)
    sampler = Sampler(phone, twelve(phone))
    sampler.open(HostClock())
    until(sampler, lambda items: len(rows(items)) >= 10)
    pixel.unplug()
    until(sampler, lambda items: any(isinstance(item, Gap) for item in items))
    wait_until(lambda: not scripts(pixel))
    sampler.close()


def test_a_slow_way_makes_no_gap(pixel: PeerPhone, phone_of: PhoneOf) -> None:
    phone = phone_of(pixel)
    found = twelve(phone)
    pixel.delay(0.04)
    sampler = Sampler(phone, found)
    sampler.open(HostClock())
    items = until(sampler, lambda items: len(rows(items)) >= 200)
    sampler.close()
    assert gaps(items) == []


def test_a_phone_without_shell_v2_is_sampled_over_its_terminal(pixel: PeerPhone, phone_of: PhoneOf) -> None:
    def without() -> AdbLink:
        link = connect(pixel.host, pixel.port)
        link._services.features = frozenset()  # type: ignore[misc]
        return link

    phone = phone_of(pixel)
    phone.connect = without
    sampler = Sampler(phone, lambda: twelve(phone))
    sampler.open(HostClock())
    items = until(sampler, lambda items: len(rows(items)) >= 100)
    sampler.close()
    assert gaps(items) == []
    wait_until(lambda: not scripts(pixel))


def test_a_detached_run_is_fetched_at_the_end_also_when_its_adbd_died(
    fresh_phone: StartPhone, phone_of: PhoneOf
) -> None:
    peer = fresh_phone("pixel")
    phone = phone_of(peer)
    sampler = DetachedSampler(phone, lambda: twelve(phone))
    sampler.open(HostClock())
    (log,) = [name for name in peer.files() if name.endswith("/log")]
    lines = lambda: peer.read(f"/data/local/tmp/{log}").count("\n")  # noqa: E731
    wait_until(lambda: lines() > 100)
    peer.kill_adbd()
    before = lines()
    wait_until(lambda: lines() > before + 100)
    peer.start_adbd()
    items = list(sampler.drain())
    sampler.close()
    phone.guard.close()
    assert gaps(list(items)) == []
    assert len(rows(list(items))) >= 200
    assert peer.files() == []
    assert scripts(peer) == []
