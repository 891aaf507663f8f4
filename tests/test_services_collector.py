"""The collector of services against a real shell: rows, reasons, losses, and nothing left running."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.services import BATTERY, GPU_WORK, THERMAL, WIFI, Candidate, Services, power_stats
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError
from tests.services_phone import BATTERY as BATTERY_TEXT
from tests.services_phone import RAILS, ShellPhone, quick, shell_phone

RAIL_PROFILE = load("linux_hwmon")  # every rail stands alone
POWER_STATS = power_stats(RAIL_PROFILE)
ALL = (THERMAL, BATTERY, GPU_WORK, POWER_STATS, WIFI)
READS = 300


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[ShellPhone]:
    with shell_phone(tmp_path) as made:
        yield made


def services(shell: ShellPhone, *wanted: Candidate, reconnect_s: float = 30.0) -> Services:
    return Services(shell.phone, lambda: [quick(candidate) for candidate in wanted], reconnect_s=reconnect_s)


def rows(collector: Services, stream: str, count: int) -> list[Batch]:
    """The next rows of one stream."""
    found: list[Batch] = []
    for _ in range(READS):
        item = collector.read(0.2)
        assert not isinstance(item, End), item
        if isinstance(item, Batch) and len(item) and item.stream == stream:
            found.append(item)
        if len(found) == count:
            return found
    pytest.fail(f"{len(found)} rows of {stream} after {READS} reads")


def until(collector: Services, kind: type[Gap] | type[End], stream: str | None = None) -> Gap | End:
    for _ in range(READS):
        item = collector.read(0.2)
        if isinstance(item, kind) and (stream is None or getattr(item, "stream", None) == stream):
            return item
    pytest.fail(f"no {kind.__name__} after {READS} reads")


def columns(opened: Opened) -> dict[str, list[str]]:
    return {stream: [channel.column for channel in channels] for stream, channels in opened.channels.items()}


def test_all_five_are_asked_and_give_rows_on_the_phones_clock(shell: ShellPhone) -> None:
    collector = services(shell, *ALL)
    opened = collector.open(HostClock())
    assert (opened.name, opened.clock) == ("services", PHONE_CLOCK)
    assert set(opened.channels) == {"thermal", "battery", "gpu", "rails", "wifi"}
    assert [source.name for source in opened.sources] == [
        "services/battery",
        "services/s4m_vdd_cpucl0",
        "services/s2s_vdd_g3d",
    ]
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    seen: dict[str, Batch] = {}
    for _ in range(READS):
        item = collector.read(0.2)
        assert not isinstance(item, End)
        if isinstance(item, Gap):
            assert item.stream == "gpu", "which has nothing to compare its first answer with"
        elif len(item):
            assert set(item.columns) == set(columns(opened)[item.stream])
            assert 0 <= item.t_ns[0] / 1e9 - uptime_s + 0.02 < 60
            seen[item.stream] = item
        if len(seen) == 5:
            break
    assert seen["thermal"].columns["hal_skin.temperature_c"][0] == 66.5
    assert seen["battery"].columns["svc_battery.current_a"][0] == pytest.approx(0.321)
    assert seen["rails"].columns["power_stats_s4m_vdd_cpucl0.energy_j"].tolist() == [123456789]
    assert seen["wifi"].columns["wifi.rssi_dbm"][0] == -47
    collector.close()


def test_what_is_not_there_has_its_reason(shell: ShellPhone) -> None:
    for name in ("gpu", "thermalservice", "wifi_status", "android.hardware.power.stats.IPowerStats_default"):
        (shell.folder / "said" / name).unlink()
    shell.say("thermalservice", "Permission Denial: can't dump ThermalService from pid=1, uid=2000\n")
    collector = services(shell, *ALL)
    opened = collector.open(HostClock())
    assert set(opened.channels) == {"battery"}
    assert {missing.what: missing.reason for missing in opened.unavailable} == {
        "thermalservice": "dumpsys thermalservice: the service refuses the shell user",
        "gpu_work.load_ratio": f"{GPU_WORK.commands[0]}: this phone has no such service",
        "power_stats.energy_j": "; ".join(f"{c}: this phone has no such service" for c in POWER_STATS.commands),
        "wifi.rssi_dbm": "cmd wifi status: this phone has no such service; "
        "dumpsys wifi | grep mWifiInfo: this phone has no such service",
    }
    collector.close()


def test_with_nothing_to_ask_there_are_only_reasons_and_no_script(shell: ShellPhone) -> None:
    shell.say("battery", "")
    collector = services(shell, BATTERY)
    opened = collector.open(HostClock())
    assert not opened.channels
    assert opened.unavailable[0].reason == "dumpsys battery: it printed nothing"
    assert not any(link.streams for link in shell.plug.links)
    item = collector.read(0.01)
    assert isinstance(item, Batch)
    assert not len(item)


def test_a_service_that_prints_without_end_is_left_out(shell: ShellPhone) -> None:
    shell.say("battery", b"level: 84\n" * 200_000)
    collector = services(shell, BATTERY, THERMAL)
    opened = collector.open(HostClock())
    assert set(opened.channels) == {"thermal"}
    assert "more than" in opened.unavailable[0].reason
    collector.close()


def test_a_service_that_falls_silent_or_floods_gives_nulls_and_says_so_once(shell: ShellPhone) -> None:
    collector = services(shell, BATTERY, POWER_STATS)
    collector.open(HostClock())
    rows(collector, "battery", 1)
    shell.say("battery", b"\xff\x00 flood " * 120_000)
    gap = until(collector, Gap)
    assert isinstance(gap, Gap)
    assert (gap.stream, gap.t0_ns, gap.cause) == ("battery", gap.t1_ns, "dumpsys battery: more than 1 MiB")
    for row in rows(collector, "battery", 3):
        assert all(np.isnan(values).all() for values in row.columns.values())
    shell.say("android.hardware.power.stats.IPowerStats/default", RAILS.replace("mWs", "mW"))
    gap = until(collector, Gap)
    assert isinstance(gap, Gap)
    assert gap.stream == "rails"
    assert all(values.tolist() == [COUNTER_ABSENT] for values in rows(collector, "rails", 1)[0].columns.values())
    shell.say("battery", BATTERY_TEXT)
    for _ in range(READS):
        if rows(collector, "battery", 1)[0].columns["svc_battery.voltage_v"][0] == 4.063:
            break
    collector.close()


def test_time_never_goes_back_within_a_stream(shell: ShellPhone) -> None:
    collector = services(shell, BATTERY)
    collector.open(HostClock())
    times = [int(row.t_ns[0]) for row in rows(collector, "battery", 6)]
    assert times == sorted(times)
    assert len(set(times)) > 3
    collector.close()


def test_a_pulled_cable_is_a_gap_and_is_come_back_from(shell: ShellPhone) -> None:
    collector = services(shell, BATTERY, THERMAL)
    collector.open(HostClock())
    last = {"battery": int(rows(collector, "battery", 1)[-1].t_ns[0])}
    shell.plug.pull()
    begun = until(collector, Gap, "battery")
    assert isinstance(begun, Gap)
    assert begun.t0_ns == begun.t1_ns >= last["battery"]
    assert "pulled" in begun.cause
    assert all(not len(item) for _ in range(5) if isinstance(item := collector.read(0.01), Batch))
    shell.plug.out = False
    gap = until(collector, Gap, "battery")
    assert isinstance(gap, Gap)
    assert gap.t0_ns == begun.t0_ns < gap.t1_ns
    assert gap.samples_lost is not None
    assert int(rows(collector, "battery", 1)[0].t_ns[0]) >= gap.t1_ns
    rows(collector, "thermal", 1)
    collector.close()


def test_a_phone_that_stays_away_ends_it(shell: ShellPhone) -> None:
    collector = services(shell, BATTERY, reconnect_s=0.6)
    collector.open(HostClock())
    rows(collector, "battery", 1)
    shell.plug.pull()
    end = until(collector, End)
    assert end.cause == "no device (tried again for 0.6 s)"
    assert collector.read(0.0) == end
    collector.close()


def test_a_script_that_cannot_live_there_ends_it(shell: ShellPhone) -> None:
    """Whatever is started again and again without an answer is given up, not tried for ever."""
    collector = services(shell, BATTERY, reconnect_s=1.2)
    collector.open(HostClock())
    shell.shell = "true"
    shell.plug.cut()
    assert until(collector, End).cause == "the script that asks the services ended on the phone (tried again for 1.2 s)"
    assert len(shell.plug.links) > 2
    collector.close()


def test_a_phone_that_is_not_there_is_an_error_at_open(shell: ShellPhone) -> None:
    shell.plug.pull()
    with pytest.raises(DeviceError, match="no device"):
        services(shell, BATTERY).open(HostClock())


def test_closing_ends_the_script_and_can_be_repeated(shell: ShellPhone) -> None:
    collector = services(shell, BATTERY, THERMAL)
    collector.close()
    collector.open(HostClock())
    rows(collector, "battery", 1)
    (stream,) = [stream for link in shell.plug.links for stream in link.streams]
    with stream.output() as output:
        collector.close()
        collector.close()
        assert stream.returncode is not None
        # All that held the output is gone, the shell and what it had started.
        output.read()
    item = collector.read(0.0)
    assert isinstance(item, Batch)
    assert not len(item)


def test_it_can_be_opened_again(shell: ShellPhone) -> None:
    collector = services(shell, *ALL)
    assert collector.open(HostClock()) == collector.open(HostClock())
    rows(collector, "wifi", 1)
    collector.close()


def test_nothing_of_a_network_is_stored(shell: ShellPhone) -> None:
    collector = services(shell, *ALL)
    opened = collector.open(HostClock())
    secret = re.compile(r"Otters|02:11|02:66|192\.0\.2")
    assert not secret.search(repr(opened))
    shell.say("wifi status", 'Wifi is connected to "Nest of Otters" 192.0.2.17\n')
    gap = until(collector, Gap, "wifi")
    assert not secret.search(repr(gap))
    collector.close()
    refused = services(shell, WIFI).open(HostClock())
    assert not secret.search(repr(refused))
