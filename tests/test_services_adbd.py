"""The collector of services over a real adbd: its rows against the truth of the phone, and what a lost adbd costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services import BATTERY, GPU_WORK, THERMAL, WIFI, Candidate, Services, power_stats
from edgewatt.collectors.transports.adb_direct import connect
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock
from tests.adbd.running import PeerPhone
from tests.services_phone import quick

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

POWER_STATS = power_stats(load("linux_hwmon"))  # every rail stands alone
ALL = (THERMAL, BATTERY, GPU_WORK, POWER_STATS, WIFI)

Asking = Callable[[PeerPhone, Sequence[Candidate]], tuple[Services, Opened]]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Opens a collector of these services, asked five times a second; closes it in the end."""
    made: list[Services] = []

    def opened(peer: PeerPhone, wanted: Sequence[Candidate]) -> tuple[Services, Opened]:
        phone = Phone(peer.uri, lambda: connect(peer.host, peer.port))
        made.append(Services(phone, lambda: [quick(candidate, 0.2) for candidate in wanted]))
        return made[-1], made[-1].open(HostClock())

    yield opened
    for collector in made:
        collector.close()


def rows(collector: Services, stream: str, count: int) -> list[Batch]:
    found: list[Batch] = []
    while len(found) < count:
        item = collector.read(0.2)
        assert not isinstance(item, End), item
        if isinstance(item, Batch) and len(item) and item.stream == stream:
            found.append(item)
    return found


def gap(collector: Services, stream: str) -> Gap:
    while True:
        item = collector.read(0.2)
        assert not isinstance(item, End), item
        if isinstance(item, Gap) and item.stream == stream and item.t1_ns > item.t0_ns:
            return item


def scripts(peer: PeerPhone) -> list[str]:
    return [words for words in peer.processes().values() if "dumpsys" in words or "cmd wifi" in words]


def seconds(batches: list[Batch]) -> float:
    return float(batches[-1].t_ns[0] - batches[0].t_ns[0]) / 1e9


def test_power_stats_count_what_the_rails_take(pixel: PeerPhone, asking: Asking) -> None:
    collector, opened = asking(pixel, [POWER_STATS])
    got = rows(collector, "rails", 8)
    scale = {channel.column: channel for channel in opened.channels["rails"]}
    assert len(scale) == len(pixel.truth.rails_w)
    for rail, (idle_w, _) in pixel.truth.rails_w.items():
        column = f"power_stats_{rail.lower()}.energy_j"
        counts = [int(row.columns[column][0]) for row in got]
        watts = (counts[-1] - counts[0]) * scale[column].scale / seconds(got)
        steps = 2 * (scale[column].resolution or 0.0) / seconds(got)
        assert watts == pytest.approx(idle_w, rel=0.1, abs=steps)
    assert {source.name for source in opened.sources} == {f"services/{rail.lower()}" for rail in pixel.truth.rails_w}


def test_a_galaxys_battery_service_has_the_power_of_the_battery(samsung: PeerPhone, asking: Asking) -> None:
    collector, opened = asking(samsung, [BATTERY, THERMAL])
    assert [source.name for source in opened.sources] == ["services/battery"]
    for row in rows(collector, "battery", 3):
        watts = row.columns["svc_battery.voltage_v"][0] * row.columns["svc_battery.current_a"][0]
        assert watts == pytest.approx(samsung.truth.battery_w[0], rel=0.02)
        assert row.columns["svc_battery_level_percent.count_n"][0] == samsung.truth.level
    samsung.set_state("plugged", "1")
    while not np.isnan(rows(collector, "battery", 1)[0].columns["svc_battery.current_a"][0]):
        pass
    assert asking(samsung, [BATTERY])[1].sources == ()


def test_the_current_block_of_the_thermal_hal_is_read(samsung: PeerPhone, xiaomi_ma: PeerPhone, asking: Asking) -> None:
    collector, opened = asking(samsung, [THERMAL])
    (row,) = rows(collector, "thermal", 1)
    said = {c.column: float(row.columns[c.column][0]) for c in opened.channels["thermal"]}
    assert all(-40 <= value <= 150 for column, value in said.items() if column.endswith("temperature_c"))
    assert len(said) > 3
    _, none = asking(xiaomi_ma, [THERMAL])
    assert any("HAL Ready: false" in missing.reason for missing in none.unavailable)
    assert not any(c.column.endswith("temperature_c") for of in none.channels.values() for c in of)


def test_faked_battery_values_are_not_measured(samsung: PeerPhone, asking: Asking) -> None:
    phone = Phone(samsung.uri, lambda: connect(samsung.host, samsung.port))
    phone.sh("dumpsys battery unplug")
    while b"UPDATES STOPPED" not in phone.sh("dumpsys battery").stdout:
        pass
    phone.hang_up()
    _, opened = asking(samsung, [BATTERY])
    assert not opened.channels
    assert "UPDATES STOPPED" in opened.unavailable[0].reason


def test_the_gpus_share_follows_its_load(xiaomi_ma: PeerPhone, asking: Asking) -> None:
    collector, _ = asking(xiaomi_ma, [GPU_WORK])
    idle = [row.columns["gpu_work.load_ratio"][0] for row in rows(collector, "gpu", 8)]
    xiaomi_ma.set_state("load", "1")
    busy = [row.columns["gpu_work.load_ratio"][0] for row in rows(collector, "gpu", 8)]
    assert 0 <= np.nanmedian(idle) < np.nanmedian(busy[2:]) <= 1


def test_wifi_is_three_numbers(pixel: PeerPhone, asking: Asking) -> None:
    collector, opened = asking(pixel, [WIFI])
    (row,) = rows(collector, "wifi", 1)
    assert set(row.columns) == {"wifi.rssi_dbm", "wifi_link_bit_per_s.count_n", "wifi.frequency_hz"}
    assert -100 < row.columns["wifi.rssi_dbm"][0] < -10
    assert 2e9 < row.columns["wifi.frequency_hz"][0] < 8e9
    assert opened.unavailable == ()


@pytest.mark.parametrize("fault", ["cut", "kill_adbd"])
def test_a_lost_adbd_is_a_gap_in_every_stream(samsung: PeerPhone, asking: Asking, fault: str) -> None:
    collector, _ = asking(samsung, [BATTERY, THERMAL])
    before = rows(collector, "battery", 2)[-1]
    getattr(samsung, fault)()
    if fault == "kill_adbd":
        samsung.start_adbd()
    lost = gap(collector, "battery")
    assert lost.t0_ns >= before.t_ns[0]
    assert rows(collector, "battery", 1)[0].t_ns[0] >= lost.t1_ns
    rows(collector, "thermal", 1)


def test_a_frozen_adbd_is_waited_for(samsung: PeerPhone, asking: Asking) -> None:
    collector, _ = asking(samsung, [BATTERY])
    before = rows(collector, "battery", 2)
    timer = samsung.freeze_adbd(2.0)
    after = rows(collector, "battery", 12)
    timer.join()
    times = [int(row.t_ns[0]) for row in (*before, *after)]
    assert times == sorted(times)


def test_a_service_that_hangs_is_null_and_the_others_go_on(samsung: PeerPhone, asking: Asking) -> None:
    hangs = "sh -c 'if [ -e /data/local/tmp/hang ]; then sleep 987; fi; dumpsys battery'"
    collector, _ = asking(samsung, [replace(BATTERY, commands=(hangs,)), THERMAL])
    rows(collector, "battery", 1)
    samsung.write("/data/local/tmp/hang", "")
    while not isinstance(item := collector.read(0.2), Gap):
        pass
    assert (item.stream, item.cause) == ("battery", f"{hangs}: no answer within 5 s")
    samsung.write("/data/local/tmp/hang", None)
    while np.isnan(rows(collector, "battery", 1)[0].columns["svc_battery.voltage_v"][0]):
        pass
    rows(collector, "thermal", 1)
    assert not [words for words in samsung.processes().values() if words.startswith("sleep 987")]


@pytest.mark.parametrize("hidden", [(), ("shell_v2",)])
def test_nothing_goes_on_once_it_is_closed(samsung: PeerPhone, asking: Asking, hidden: tuple[str, ...]) -> None:
    samsung.hide(*hidden)
    collector, _ = asking(samsung, [BATTERY, THERMAL])
    rows(collector, "battery", 3)
    assert scripts(samsung)
    collector.close()
    while scripts(samsung):
        pass
    assert samsung.files() == []
